// One definition: header, body, result, clauses, attributes, warnings, in the order of the text.
#include "dsl/checker.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "dsl/attributes.hpp"
#include "dsl/builtins.hpp"
#include "dsl/constant.hpp"
#include "dsl/digest.hpp"
#include "dsl/expression_checker.hpp"
#include "dsl/similar.hpp"

namespace sluice::dsl {
namespace {

constexpr double kLargestInteger = 9007199254740992.0;    // 2^53: a default is held as f64
constexpr std::uint64_t kMost = std::uint64_t{1} << 60U;  // where counting stops
constexpr std::uint64_t kDerivativeGrowth = 5;  // of an expression when it is differentiated, about

class DefinitionChecker {
 public:
  DefinitionChecker(ParsedFunction& parsed, const CheckContext& context)
      : parsed_(parsed), function_(parsed.body.function), context_(context) {}

  bool run();

 private:
  void check_names();
  void check_defaults();
  void check_builtin();
  void check_body(ExpressionChecker& expressions);
  void check_let(ExpressionChecker& expressions, std::size_t first, std::size_t last);
  void check_outputs(ExpressionChecker& expressions);
  void check_output(ExpressionChecker& expressions, std::size_t i);
  void infer_output(std::size_t i);
  void check_positions(const ExpressionChecker& expressions);
  void check_clauses(ExpressionChecker& expressions);
  bool resolve_clause(std::size_t i);
  void check_size();
  void warn_unused(const ExpressionChecker& expressions);

  void error(SourcePlace place, std::string message, std::string hint = {}) {
    context_.reporter.error(place, std::move(message), std::move(hint));
    right_ = false;
  }

  ParsedFunction& parsed_;
  FunctionDef& function_;
  const CheckContext& context_;
  bool right_ = true;
};

bool DefinitionChecker::run() {
  const std::size_t errors = context_.reporter.errors();
  function_.from_library = context_.options.library;
  check_names();
  check_defaults();
  if (function_.is_builtin) {
    check_builtin();
  } else {
    ExpressionChecker expressions(parsed_, context_);
    check_body(expressions);
    function_.row_wise = expressions.reduces();
    check_outputs(expressions);
    check_positions(expressions);
    check_clauses(expressions);
    if (context_.reporter.errors() == 0) warn_unused(expressions);
  }
  if (!parsed_.names_missing) right_ = read_attributes(parsed_, context_.reporter) && right_;
  if (function_.attributes.limits && function_.row_wise) {
    error(parsed_.attributes.front().place, "'@limits' is for elementwise functions");
  }
  // A call of a function with errors fails in silence, so the nodes are asked as well.
  const bool failed = std::any_of(parsed_.body.nodes.begin(), parsed_.body.nodes.end(),
                                  [](const Node& node) { return node.failed; });
  const bool sound = right_ && !failed && !parsed_.broken && context_.reporter.errors() == errors;
  if (!sound) return false;
  check_size();
  function_.digest = digest_of(function_, context_.program);
  return right_;
}

// No name of the definition stands twice.
void DefinitionChecker::check_names() {
  const std::size_t names =
      function_.inputs.size() + function_.parameters.size() + function_.outputs.size();
  if (names > context_.options.limits.header_names) {
    context_.reporter.limit(function_.place,
                            "'" + function_.name + "' has " + std::to_string(names) +
                                " inputs, parameters and outputs, the limit is " +
                                std::to_string(context_.options.limits.header_names));
    right_ = false;
  }
  if (is_special_form(function_.name)) {
    error(function_.place, "'" + function_.name + "' is part of the language",
          "choose another name for the function");
  }
  std::set<std::string_view> seen;
  const auto once = [&](std::string_view name, SourcePlace place, std::string_view hint) {
    if (!seen.insert(name).second) {
      error(place, "'" + std::string(name) + "' is already defined in '" + function_.name + "'",
            std::string(hint));
    }
  };
  for (const Input& input : function_.inputs) once(input.name, input.place, "");
  for (const Parameter& parameter : function_.parameters) once(parameter.name, parameter.place, "");
  for (const Let& let : function_.lets) {
    once(let.name, let.place, "a name keeps its value: choose another one");
  }
  seen.clear();
  for (const Output& output : function_.outputs) once(output.name, output.place, "");
}

void DefinitionChecker::check_defaults() {
  const auto is_integer = [](double value) {
    return std::trunc(value) == value && std::fabs(value) <= kLargestInteger;
  };
  bool optional = false;
  for (std::size_t i = 0; i < function_.inputs.size(); ++i) {
    Input& input = function_.inputs[i];
    const ExprId id = parsed_.input_defaults[i];
    if (id == kNoExpr) {
      if (optional) {
        error(input.place, "'" + input.name + "' has no default, but an input before it has",
              "inputs that may be left out stand last");
      }
      continue;
    }
    optional = true;
    const auto value = evaluate_constant(parsed_, id, 0, context_.program, context_.reporter);
    input.default_value = value ? value->value : 0.0;
    if (!value) continue;
    const SourcePlace place = parsed_.constants.function.expr(id).place;
    if (value->boolean != (input.kind == Kind::mask)) {
      error(place, input.kind == Kind::mask ? "the default of a mask is true or false"
                                            : "the default of '" + input.name + "' is a number");
    } else if (input.kind == Kind::index && !is_integer(value->value)) {
      error(place, "the default of an index is an integer");
    }
  }
  for (std::size_t i = 0; i < function_.parameters.size(); ++i) {
    Parameter& parameter = function_.parameters[i];
    const ExprId id = parsed_.parameter_defaults[i];
    const auto value = evaluate_constant(parsed_, id, i, context_.program, context_.reporter);
    if (!value) continue;
    parameter.default_value = value->value;
    const SourcePlace place = parsed_.constants.function.expr(id).place;
    if (value->boolean) {
      error(place, "the default of '" + parameter.name + "' is a number",
            "a parameter that chooses is ': int', 0 or 1");
    } else if (parameter.is_integer && !is_integer(value->value)) {
      error(place, "the default of the int parameter '" + parameter.name + "' is no integer");
    }
  }
}

// `= builtin`: what the table says of it is put beside what the text says.
void DefinitionChecker::check_builtin() {
  if (!context_.options.library) {
    error(function_.place, "only the standard library declares built-ins",
          "write what '" + function_.name + "' computes after the '='");
    return;
  }
  function_.builtin = find_builtin(function_.name);
  if (function_.builtin == Builtin::none) {
    error(function_.place, "there is no built-in '" + function_.name + "'");
    return;
  }
  const BuiltinInfo& entry = info(function_.builtin);
  if (function_.required_inputs() != entry.min_arity ||
      function_.inputs.size() != entry.max_arity) {
    error(function_.place, "the built-in '" + function_.name + "' has other inputs");
  }
  function_.row_wise = is_reduction(function_.builtin) || is_position(function_.builtin);
  if (!function_.outputs_named) {
    Output output;
    output.name = "y";
    const BuiltinRule rule = entry.rule;
    const bool reduced = rule == BuiltinRule::reduce_numbers ||
                         rule == BuiltinRule::reduce_booleans ||
                         rule == BuiltinRule::reduce_to_index || rule == BuiltinRule::at ||
                         rule == BuiltinRule::position_row;
    output.extent = reduced                                  ? Extent::row
                    : rule == BuiltinRule::position_constant ? Extent::constant
                                                             : Extent::element;
    output.type = rule == BuiltinRule::test || rule == BuiltinRule::reduce_booleans ? Type::boolean
                  : rule == BuiltinRule::reduce_to_index || is_position(function_.builtin)
                      ? Type::integer
                      : Type::number;
    function_.outputs.push_back(output);
  }
}

void DefinitionChecker::check_body(ExpressionChecker& expressions) {
  for (std::size_t first = 0; first < function_.lets.size();) {
    // The names of one `let (a, b) = ...` count up from output 0.
    std::size_t last = first + 1;
    while (last < function_.lets.size() && function_.lets[last].output > 0) ++last;
    check_let(expressions, first, last);
    first = last;
  }
  for (const ExprId result : function_.results) expressions.check_until(result);
}

void DefinitionChecker::check_let(ExpressionChecker& expressions, std::size_t first,
                                  std::size_t last) {
  const Let& let = function_.lets[first];
  const ExprId value = let.value;
  expressions.check_until(value, let.several);
  for (std::size_t i = first; i < last; ++i) expressions.open_let();
  if (value == kNoExpr || expressions.failed(value)) return;
  const Expr& e = function_.expr(value);
  if (!let.several) {
    function_.lets[first].type = e.type;
    function_.lets[first].extent = e.extent;
    return;
  }
  const bool call = e.kind == ExprKind::call;
  const std::size_t outputs = call ? context_.program.function(e.callee).outputs.size() : 1;
  if (outputs != last - first) {
    error(let.place,
          std::to_string(last - first) + " names receive " + std::to_string(outputs) +
              (outputs == 1 ? " value" : " values"),
          "a 'let' with parentheses receives all outputs of a call");
    return;
  }
  for (std::size_t i = first; i < last; ++i) {
    Let& name = function_.lets[i];
    name.type = e.type;
    name.extent = e.extent;
    if (!call || e.builtin != Builtin::none) continue;
    const FunctionDef& callee = context_.program.function(e.callee);
    name.type = callee.outputs[name.output].type;
    if (callee.row_wise) name.extent = callee.outputs[name.output].extent;
  }
}

void DefinitionChecker::check_outputs(ExpressionChecker& expressions) {
  const std::size_t results = function_.results.size();
  if (parsed_.broken) return;
  const bool named = function_.outputs_named;
  if (!named && results > 1) {
    error(function_.expr(function_.results[1]).place, "the results have no names",
          "name them after the inputs: '-> (loss: row, lse: row)'");
    return;
  }
  if (!named) {
    Output output;
    output.name = "y";
    output.place = function_.place;
    function_.outputs.push_back(std::move(output));
  }
  if (results != function_.outputs.size()) {
    error(function_.expr(function_.results[0]).place,
          "'" + function_.name + "' has " + std::to_string(function_.outputs.size()) +
              " outputs and " + std::to_string(results) + (results == 1 ? " result" : " results"));
    return;
  }
  for (std::size_t i = 0; i < results; ++i) {
    if (!expressions.failed(function_.results[i])) check_output(expressions, i);
  }
}

void DefinitionChecker::check_output(ExpressionChecker& expressions, std::size_t i) {
  Output& output = function_.outputs[i];
  if (output.kind == Kind::index && expressions.flexible(function_.results[i])) {
    expressions.make_integer(function_.results[i]);
  }
  if (!output.kind) {
    infer_output(i);
    return;
  }
  const Expr& result = function_.expr(function_.results[i]);
  const Type wanted = *output.kind == Kind::index  ? Type::integer
                      : *output.kind == Kind::mask ? Type::boolean
                                                   : Type::number;
  const bool converts = wanted == Type::number && result.type == Type::integer;
  if (result.type != wanted && !converts) {
    error(result.place, "the output '" + output.name + "' is " + a_type(wanted) + ", this is " +
                            a_type(result.type));
    return;
  }
  // In a row-wise function an index and a mask are one per row.
  const bool per_row =
      *output.kind == Kind::row || (function_.row_wise && *output.kind != Kind::element);
  if (per_row && result.extent == Extent::element) {
    error(result.place,
          "the output '" + output.name + "' is one value a row, this varies along the row",
          "a reduction like 'row_sum' makes one value of a row");
    return;
  }
  output.type = wanted;
  output.extent = per_row ? Extent::row : Extent::element;
}

// An output without a kind has its result's type. One that the text names is an element output; of
// one that it does not name, a row-wise function's result decides.
void DefinitionChecker::infer_output(std::size_t i) {
  Output& output = function_.outputs[i];
  const Expr& result = function_.expr(function_.results[i]);
  output.type = result.type;
  const bool row = !function_.outputs_named && function_.row_wise;
  output.extent = row && result.extent != Extent::element ? Extent::row : Extent::element;
}

void DefinitionChecker::check_positions(const ExpressionChecker& expressions) {
  if (function_.row_wise || parsed_.broken) return;
  for (const ExprId id : expressions.positions()) {
    const Expr& e = function_.expr(id);
    error(e.place,
          "'" + std::string(name(e.builtin)) + "()' has no meaning in an elementwise function",
          "'" + function_.name + "' does not reduce along a row");
  }
}

void DefinitionChecker::check_clauses(ExpressionChecker& expressions) {
  expressions.open_clauses();
  for (std::size_t i = 0; i < function_.clauses.size(); ++i) {
    const Clause& clause = function_.clauses[i];
    expressions.check_until(clause.value);
    if (i == 0 && (function_.row_wise || function_.outputs.size() > 1)) {
      error(clause.place, "a derivative clause is for an elementwise function with one output",
            "the derivative of '" + function_.name + "' is automatic");
    }
    if (!resolve_clause(i) || expressions.failed(clause.value)) continue;
    const Expr& value = function_.expr(clause.value);
    if (value.type == Type::boolean) {
      error(value.place, "a derivative is a number, this is a bool",
            "'if' makes a number of a bool: 'if c then 1 else 0'");
    }
  }
  if (!function_.clauses.empty() && expressions.reduces() && !function_.row_wise) {
    error(function_.clauses[0].place, "a derivative clause cannot reduce along the row");
  }
}

bool DefinitionChecker::resolve_clause(std::size_t i) {
  Clause& clause = function_.clauses[i];
  const std::string wanted(parsed_.clause_names[i]);
  const auto input = function_.find_input(wanted);
  const auto parameter = function_.find_parameter(wanted);
  if (!input && !parameter) {
    if (parsed_.names_missing) return false;
    std::vector<std::string> known;
    for (const Input& candidate : function_.inputs) known.push_back(candidate.name);
    for (const Parameter& candidate : function_.parameters) known.push_back(candidate.name);
    error(clause.place, "'" + wanted + "' is no input or parameter of '" + function_.name + "'",
          did_you_mean(wanted, known));
    return false;
  }
  clause.by_parameter = parameter.has_value();
  clause.target = parameter ? *parameter : *input;
  const bool number = parameter ? !function_.parameters[*parameter].is_integer
                                : function_.inputs[*input].type() == Type::number;
  if (!number) {
    error(clause.place, "'" + wanted + "' is no number: there is no derivative by it");
    return false;
  }
  for (std::size_t j = 0; j < i; ++j) {
    if (parsed_.clause_names[j] != wanted) continue;
    error(clause.place, "the derivative by '" + wanted + "' is stated twice");
    return false;
  }
  return true;
}

// How large the definition is once every call is replaced by what is called, and how deep.
void DefinitionChecker::check_size() {
  const auto sum = [](std::uint64_t a, std::uint64_t b) { return std::min(kMost, a + b); };
  std::vector<std::uint64_t> cost(function_.expressions.size());   // of the tree
  std::vector<std::uint64_t> whole(function_.expressions.size());  // lets written out
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < cost.size(); ++i) {
    const Expr& e = function_.expressions[i];
    std::uint64_t own = 1;
    if (e.kind == ExprKind::call) {
      const FunctionDef& callee = context_.program.function(e.callee);
      own = sum(own, callee.expanded_nodes);
      if (!callee.is_builtin) {
        function_.call_depth = std::max(function_.call_depth, callee.call_depth + 1);
      }
    }
    cost[i] = whole[i] = own;
    for (const ExprId id : function_.operands_of(e)) whole[i] = sum(whole[i], whole[index(id)]);
    if (e.kind == ExprKind::let) whole[i] = sum(1, whole[index(function_.lets[e.target].value)]);
    if (e.kind == ExprKind::derivative) {
      const std::uint64_t inner = whole[index(function_.operands_of(e)[0])];
      cost[i] = whole[i] = std::min(kMost, kDerivativeGrowth * std::min(inner, kMost / 8));
    }
    total = sum(total, cost[i]);
  }
  function_.expanded_nodes = total;
  const Limits& limits = context_.options.limits;
  if (total > limits.expanded_nodes) {
    context_.reporter.limit(function_.place, "'" + function_.name +
                                                 "' has more than the limit of " +
                                                 std::to_string(limits.expanded_nodes) +
                                                 " operations once its calls are expanded");
    right_ = false;
  } else if (function_.call_depth > limits.call_depth) {
    context_.reporter.limit(function_.place, "the calls of '" + function_.name +
                                                 "' are deeper than the limit of " +
                                                 std::to_string(limits.call_depth));
    right_ = false;
  }
}

void DefinitionChecker::warn_unused(const ExpressionChecker& expressions) {
  const auto warn = [&](SourcePlace place, std::string_view what, const std::string& name) {
    if (name.starts_with('_')) return;
    context_.reporter.warning(place, "the " + std::string(what) + " '" + name + "' is not used",
                              "a name that begins with '_' says that this is meant");
  };
  for (std::size_t i = 0; i < function_.inputs.size(); ++i) {
    if (!expressions.uses_input(i)) {
      warn(function_.inputs[i].place, "input", function_.inputs[i].name);
    }
  }
  for (std::size_t i = 0; i < function_.parameters.size(); ++i) {
    if (!expressions.uses_parameter(i)) {
      warn(function_.parameters[i].place, "parameter", function_.parameters[i].name);
    }
  }
}

}  // namespace

bool check_definition(ParsedFunction& parsed, const CheckContext& context) {
  return DefinitionChecker(parsed, context).run();
}

}  // namespace sluice::dsl
