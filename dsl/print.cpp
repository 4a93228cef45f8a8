// Printing with as few parentheses as precedence allows. Recursion is bounded: the parser's limits
// hold for every tree.
#include "dsl/print.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

namespace sluice::dsl {
namespace {

// How tightly an expression binds; what stands inside something tighter takes parentheses.
enum Precedence { kIf, kOr, kAnd, kNot, kCompare, kSum, kProduct, kUnary, kPower, kPrimary };

struct Spelling {
  ExprKind kind;
  std::string_view sign;
  Precedence precedence;
};

constexpr Spelling kOperators[] = {
    {ExprKind::add, " + ", kSum},
    {ExprKind::subtract, " - ", kSum},
    {ExprKind::multiply, " * ", kProduct},
    {ExprKind::divide, " / ", kProduct},
    {ExprKind::power, "^", kPower},
    {ExprKind::less, " < ", kCompare},
    {ExprKind::less_equal, " <= ", kCompare},
    {ExprKind::greater, " > ", kCompare},
    {ExprKind::greater_equal, " >= ", kCompare},
    {ExprKind::equal, " == ", kCompare},
    {ExprKind::not_equal, " != ", kCompare},
    {ExprKind::logical_and, " and ", kAnd},
    {ExprKind::logical_or, " or ", kOr},
};

const Spelling* find_operator(ExprKind kind) {
  for (const Spelling& candidate : kOperators) {
    if (candidate.kind == kind) return &candidate;
  }
  return nullptr;
}

// All digits of an integer, however large.
std::string print_integer(double value) {
  std::array<char, 400> buffer{};
  const auto result =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  return {buffer.data(), result.ptr};
}

class Printer {
 public:
  Printer(const FunctionDef& function, const Program& program)
      : function_(function), program_(program) {}

  void expression(ExprId id, Precedence least);
  void definition(const PrintOptions& options);

  std::string out;

 private:
  void bare(const Expr& e);
  void call(const Expr& e, std::string_view name);
  void operands(const Expr& e);
  void attributes();
  void header();
  void body(const PrintOptions& options);
  void let(std::size_t first, std::size_t last, const PrintOptions& options);
  void result();
  [[nodiscard]] std::string limit(const LimitValue& value) const;
  [[nodiscard]] static Precedence precedence(const Expr& e);

  const FunctionDef& function_;
  const Program& program_;
};

Precedence Printer::precedence(const Expr& e) {
  if (const Spelling* sign = find_operator(e.kind)) return sign->precedence;
  if (e.kind == ExprKind::select) return kIf;
  if (e.kind == ExprKind::logical_not) return kNot;
  if (e.kind == ExprKind::negate) return kUnary;
  return kPrimary;
}

void Printer::expression(ExprId id, Precedence least) {
  const Expr& e = function_.expr(id);
  const bool wrapped = precedence(e) < least;
  if (wrapped) out += "(";
  bare(e);
  if (wrapped) out += ")";
}

void Printer::bare(const Expr& e) {
  const auto operand = [&](std::size_t i) { return function_.operands_of(e)[i]; };
  if (const Spelling* sign = find_operator(e.kind)) {
    // Sums and products group to the left, powers to the right, comparisons not at all.
    const bool power = e.kind == ExprKind::power;
    const bool compare = sign->precedence == kCompare;
    const auto tighter = static_cast<Precedence>(sign->precedence + 1);
    expression(operand(0), power || compare ? tighter : sign->precedence);
    out += sign->sign;
    expression(operand(1), power ? kUnary : tighter);
    return;
  }
  switch (e.kind) {
    case ExprKind::number: {
      const std::string text = e.integer_literal ? print_integer(e.value) : print_number(e.value);
      const bool plain = text.find_first_not_of("0123456789") == std::string::npos;
      out += text;
      if (!e.integer_literal && plain) out += ".0";
      return;
    }
    case ExprKind::constant: out += name(e.constant); return;
    case ExprKind::input: out += function_.inputs[e.target].name; return;
    case ExprKind::parameter: out += function_.parameters[e.target].name; return;
    case ExprKind::let: out += function_.lets[e.target].name; return;
    case ExprKind::result: out += "y"; return;
    case ExprKind::negate:
      out += "-";
      expression(operand(0), kUnary);
      return;
    case ExprKind::logical_not:
      out += "not ";
      expression(operand(0), kNot);
      return;
    case ExprKind::select:
      out += "if ";
      expression(operand(0), kIf);
      out += " then ";
      expression(operand(1), kIf);
      out += " else ";
      expression(operand(2), kIf);
      return;
    case ExprKind::call: call(e, program_.function(e.callee).name); return;
    case ExprKind::detach: call(e, "detach"); return;
    case ExprKind::derivative: call(e, "derivative"); return;
    case ExprKind::add:
    case ExprKind::subtract:
    case ExprKind::multiply:
    case ExprKind::divide:
    case ExprKind::power:
    case ExprKind::less:
    case ExprKind::less_equal:
    case ExprKind::greater:
    case ExprKind::greater_equal:
    case ExprKind::equal:
    case ExprKind::not_equal:
    case ExprKind::logical_and:
    case ExprKind::logical_or: return;  // printed above
  }
}

void Printer::call(const Expr& e, std::string_view name) {
  out += name;
  out += "(";
  operands(e);
  const char* separator = "; ";
  for (const NamedArgument& argument : function_.named_of(e)) {
    out += separator;
    out += program_.function(e.callee).parameters[argument.parameter].name + " = ";
    expression(argument.value, kIf);
    separator = ", ";
  }
  out += ")";
}

void Printer::operands(const Expr& e) {
  bool first = true;
  for (const ExprId id : function_.operands_of(e)) {
    if (!first) out += ", ";
    first = false;
    expression(id, kIf);
  }
}

std::string Printer::limit(const LimitValue& value) const {
  if (!value.parameter) return print_number(value.value);
  return (value.negated ? "-" : "") + function_.parameters[*value.parameter].name;
}

void Printer::attributes() {
  const Attributes& a = function_.attributes;
  if (a.ulp && a.ulp->forward == a.ulp->derivative) {
    out += "@ulp(" + print_number(a.ulp->forward) + ")\n";
  } else if (a.ulp) {
    out += "@ulp(forward = " + print_number(a.ulp->forward) +
           ", derivative = " + print_number(a.ulp->derivative) + ")\n";
  }
  if (a.domain) {
    out += "@domain(" + print_number(a.domain->low) + ", " + print_number(a.domain->high) + ")\n";
  }
  for (const Range& range : a.ranges) {
    const std::string& which = range.of_parameter ? function_.parameters[range.target].name
                                                  : function_.inputs[range.target].name;
    out += "@range(" + which + ", " + print_number(range.low) + ", " + print_number(range.high) +
           ")\n";
  }
  for (const std::string& alias : a.aliases) out += "@alias(\"" + alias + "\")\n";
  if (a.exact) out += "@exact\n";
  if (a.mean_output) out += "@mean(" + function_.outputs[*a.mean_output].name + ")\n";
  if (a.terms) out += "@terms\n";
  if (a.limits) {
    const auto& l = *a.limits;
    out += "@limits(" + limit(l[0]) + ", " + limit(l[1]) + ", " + limit(l[2]) + ", " + limit(l[3]) +
           ")\n";
  }
}

void Printer::header() {
  out += "fn " + function_.name + "(";
  const char* separator = "";
  for (const Input& input : function_.inputs) {
    out += separator + input.name;
    if (input.kind != Kind::element) out += ": " + std::string(name(input.kind));
    if (input.default_value) {
      out += " = ";
      out += input.kind == Kind::mask ? (*input.default_value != 0.0 ? "true" : "false")
                                      : print_number(*input.default_value);
    }
    separator = ", ";
  }
  separator = "; ";
  for (const Parameter& parameter : function_.parameters) {
    out += separator + parameter.name + (parameter.is_integer ? ": int = " : " = ") +
           print_number(parameter.default_value);
    separator = ", ";
  }
  out += ")";
  if (!function_.outputs_named) return;
  separator = " -> (";
  for (const Output& output : function_.outputs) {
    out += separator + output.name;
    if (output.kind) out += ": " + std::string(name(*output.kind));
    separator = ", ";
  }
  out += ")";
}

void Printer::result() {
  if (function_.results.size() == 1) {
    expression(function_.results[0], kIf);
    return;
  }
  const char* separator = "(";
  for (const ExprId id : function_.results) {
    out += separator;
    expression(id, kIf);
    separator = ", ";
  }
  out += ")";
}

void Printer::let(std::size_t first, std::size_t last, const PrintOptions& options) {
  const bool several = function_.lets[first].several;
  out += several ? "  let (" : "  let ";
  for (std::size_t i = first; i < last; ++i) {
    out += (i > first ? ", " : "") + function_.lets[i].name;
  }
  out += several ? ") = " : " = ";
  expression(function_.lets[first].value, kIf);
  for (std::size_t i = first; i < last && options.types; ++i) {
    out += i == first ? "  # " : "; ";
    out += std::string(name(function_.lets[i].type)) + ", " +
           std::string(name(function_.lets[i].extent));
  }
  out += "\n";
}

void Printer::body(const PrintOptions& options) {
  if (function_.is_builtin) {
    out += " = builtin\n";
    return;
  }
  if (function_.lets.empty()) {
    out += " = ";
    result();
    out += "\n";
    return;
  }
  out += " {\n";
  for (std::size_t first = 0; first < function_.lets.size();) {
    std::size_t last = first + 1;
    while (last < function_.lets.size() && function_.lets[last].output > 0) ++last;
    let(first, last, options);
    first = last;
  }
  out += "  ";
  result();
  out += "\n}\n";
}

void Printer::definition(const PrintOptions& options) {
  if (options.documentation && !function_.documentation.empty()) {
    out += "## ";
    for (const char c : function_.documentation) out += c == '\n' ? "\n## " : std::string(1, c);
    out += "\n";
  }
  if (options.types) {
    out += function_.row_wise ? "# row-wise;" : "# elementwise;";
    const char* separator = " ";
    for (const Output& output : function_.outputs) {
      out += separator + output.name + ": " + std::string(name(output.type)) + ", " +
             std::string(name(output.extent));
      separator = "; ";
    }
    out += "\n";
  }
  if (options.attributes) attributes();
  header();
  body(options);
  for (const Clause& clause : function_.clauses) {
    out += "  with d/d" + (clause.by_parameter ? function_.parameters[clause.target].name
                                               : function_.inputs[clause.target].name);
    out += " = ";
    expression(clause.value, kIf);
    out += "\n";
  }
}

}  // namespace

std::string print(const FunctionDef& function, const Program& program,
                  const PrintOptions& options) {
  Printer printer(function, program);
  printer.definition(options);
  return std::move(printer.out);
}

std::string print_expression(const FunctionDef& function, ExprId id, const Program& program) {
  Printer printer(function, program);
  printer.expression(id, kIf);
  return std::move(printer.out);
}

std::string print_number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0.0 ? "inf" : "-inf";
  constexpr double kExactIntegers = 9007199254740992.0;  // 2^53
  std::array<char, 64> buffer{};
  const bool plain = std::fabs(value) <= kExactIntegers && std::trunc(value) == value;
  const auto result = plain ? std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                            std::chars_format::fixed)
                            : std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

}  // namespace sluice::dsl
