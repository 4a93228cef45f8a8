// Evaluation in f64, operands before operations, as the tree lies in memory: no recursion.
#include "dsl/constant.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "dsl/builtins.hpp"

namespace sluice::dsl {
namespace {

using Unary = double (*)(double);

struct UnaryEntry {
  Builtin builtin;
  Unary function;
};

// Expressions in x for the built-ins that a constant may use.
constexpr UnaryEntry kUnary[] = {
    {Builtin::abs, [](double x) { return std::fabs(x); }},
    {Builtin::sign, [](double x) { return x > 0   ? 1.0
                                          : x < 0 ? -1.0
                                                  : x; }},
    {Builtin::floor, [](double x) { return std::floor(x); }},
    {Builtin::ceil, [](double x) { return std::ceil(x); }},
    {Builtin::round, [](double x) { return std::nearbyint(x); }},
    {Builtin::trunc, [](double x) { return std::trunc(x); }},
    {Builtin::reciprocal, [](double x) { return 1.0 / x; }},
    {Builtin::sqrt, [](double x) { return std::sqrt(x); }},
    {Builtin::rsqrt, [](double x) { return 1.0 / std::sqrt(x); }},
    {Builtin::cbrt, [](double x) { return std::cbrt(x); }},
    {Builtin::exp, [](double x) { return std::exp(x); }},
    {Builtin::exp2, [](double x) { return std::exp2(x); }},
    {Builtin::expm1, [](double x) { return std::expm1(x); }},
    {Builtin::log, [](double x) { return std::log(x); }},
    {Builtin::log2, [](double x) { return std::log2(x); }},
    {Builtin::log10, [](double x) { return std::log10(x); }},
    {Builtin::log1p, [](double x) { return std::log1p(x); }},
    {Builtin::sin, [](double x) { return std::sin(x); }},
    {Builtin::cos, [](double x) { return std::cos(x); }},
    {Builtin::tan, [](double x) { return std::tan(x); }},
    {Builtin::asin, [](double x) { return std::asin(x); }},
    {Builtin::acos, [](double x) { return std::acos(x); }},
    {Builtin::atan, [](double x) { return std::atan(x); }},
    {Builtin::sinh, [](double x) { return std::sinh(x); }},
    {Builtin::cosh, [](double x) { return std::cosh(x); }},
    {Builtin::tanh, [](double x) { return std::tanh(x); }},
    {Builtin::asinh, [](double x) { return std::asinh(x); }},
    {Builtin::acosh, [](double x) { return std::acosh(x); }},
    {Builtin::atanh, [](double x) { return std::atanh(x); }},
    {Builtin::erf, [](double x) { return std::erf(x); }},
    {Builtin::erfc, [](double x) { return std::erfc(x); }},
    {Builtin::sigmoid,
     [](double x) {
       const double t = std::exp(-std::fabs(x));
       return x >= 0 ? 1.0 / (1.0 + t) : t / (1.0 + t);
     }},
    {Builtin::log_sigmoid,
     [](double x) { return (x < 0 ? x : 0.0) - std::log1p(std::exp(-std::fabs(x))); }},
    {Builtin::log1p_exp,
     [](double x) { return (x > 0 ? x : 0.0) + std::log1p(std::exp(-std::fabs(x))); }},
    {Builtin::normal_cdf, [](double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }},
    {Builtin::normal_pdf,
     [](double x) {
       return std::exp(-0.5 * x * x) * (std::numbers::inv_sqrtpi / std::numbers::sqrt2);
     }},
};

double lesser(double a, double b) { return b < a || std::isnan(b) ? b : a; }
double greater(double a, double b) { return b > a || std::isnan(b) ? b : a; }

}  // namespace

std::optional<double> evaluate_builtin(Builtin builtin, std::span<const double> x) {
  for (const UnaryEntry& entry : kUnary) {
    if (entry.builtin == builtin && x.size() == 1) return entry.function(x[0]);
  }
  if (builtin == Builtin::min && x.size() == 2) return lesser(x[0], x[1]);
  if (builtin == Builtin::max && x.size() == 2) return greater(x[0], x[1]);
  if (builtin == Builtin::pow && x.size() == 2) return std::pow(x[0], x[1]);
  if (builtin == Builtin::fma && x.size() == 3) return std::fma(x[0], x[1], x[2]);
  if (builtin == Builtin::clamp && x.size() == 3) return lesser(greater(x[0], x[1]), x[2]);
  return std::nullopt;
}

namespace {

class Evaluator {
 public:
  Evaluator(const ParsedFunction& parsed, std::size_t known_parameters, const Program& program,
            Reporter& reporter)
      : parsed_(parsed), tree_(parsed.constants.function), known_parameters_(known_parameters),
        program_(program), reporter_(reporter) {}

  // The tree below an id lies directly before it; it is found by its depth-first extent.
  std::optional<ConstantValue> run(ExprId id) {
    const std::size_t first = first_below(index(id));
    for (std::size_t i = first; i <= index(id); ++i) {
      const auto value =
          parsed_.constants.nodes[i].failed ? std::nullopt : node(tree_.expressions[i], i);
      if (!value) return std::nullopt;
      values_.resize(i + 1);
      values_[i] = *value;
    }
    return values_[index(id)];
  }

 private:
  [[nodiscard]] std::size_t first_below(std::size_t at) const {
    while (true) {
      const Expr& e = tree_.expressions[at];
      if (e.operand_count == 0) return at;
      at = index(tree_.operands_of(e)[0]);
    }
  }

  std::optional<ConstantValue> node(const Expr& e, std::size_t at);
  std::optional<ConstantValue> name(const Expr& e, std::string_view text);
  std::optional<ConstantValue> call(const Expr& e, std::string_view text);
  std::optional<ConstantValue> arithmetic(const Expr& e);

  std::optional<ConstantValue> wrong(SourcePlace place, std::string message,
                                     std::string hint = {}) {
    reporter_.error(place, std::move(message), std::move(hint));
    return std::nullopt;
  }

  // The operands' values; an error where one is true or false.
  std::optional<std::vector<double>> numbers(const Expr& e) {
    std::vector<double> out;
    for (const ExprId id : tree_.operands_of(e)) {
      const ConstantValue value = values_[index(id)];
      if (value.boolean) {
        wrong(tree_.expr(id).place, "a bool is not a number");
        return std::nullopt;
      }
      out.push_back(value.value);
    }
    return out;
  }

  const ParsedFunction& parsed_;
  const FunctionDef& tree_;
  std::size_t known_parameters_;
  const Program& program_;
  Reporter& reporter_;
  std::vector<ConstantValue> values_;
};

std::optional<ConstantValue> Evaluator::node(const Expr& e, std::size_t at) {
  switch (e.kind) {
    case ExprKind::number: return ConstantValue{e.value, false};
    case ExprKind::input: return name(e, parsed_.constants.nodes[at].name);
    case ExprKind::call: return call(e, parsed_.constants.nodes[at].name);
    case ExprKind::negate:
    case ExprKind::add:
    case ExprKind::subtract:
    case ExprKind::multiply:
    case ExprKind::divide:
    case ExprKind::power: return arithmetic(e);
    case ExprKind::constant:
    case ExprKind::parameter:
    case ExprKind::let:
    case ExprKind::result:
    case ExprKind::logical_not:
    case ExprKind::less:
    case ExprKind::less_equal:
    case ExprKind::greater:
    case ExprKind::greater_equal:
    case ExprKind::equal:
    case ExprKind::not_equal:
    case ExprKind::logical_and:
    case ExprKind::logical_or:
    case ExprKind::select:
    case ExprKind::detach:
    case ExprKind::derivative: break;
  }
  return wrong(e.mark, "a default is a constant: numbers, earlier parameters, arithmetic and "
                       "elementary built-ins");
}

std::optional<ConstantValue> Evaluator::name(const Expr& e, std::string_view text) {
  const FunctionDef& header = parsed_.body.function;
  if (const auto found = header.find_parameter(text)) {
    if (*found < known_parameters_) return ConstantValue{header.parameters[*found].default_value};
    return wrong(e.place,
                 "the default uses the parameter '" + std::string(text) +
                     "', which has no value yet",
                 "a default may use the parameters before it");
  }
  if (header.find_input(text)) {
    return wrong(e.place, "a default is a constant, but '" + std::string(text) + "' is an input");
  }
  if (const auto constant = find_constant(text)) {
    const bool boolean =
        constant->constant == Constant::true_value || constant->constant == Constant::false_value;
    return ConstantValue{constant->value, boolean};
  }
  return wrong(e.place, "unknown name '" + std::string(text) + "'",
               "a default may use numbers, earlier parameters and inf, nan, pi, e");
}

std::optional<ConstantValue> Evaluator::call(const Expr& e, std::string_view text) {
  const auto callee = program_.find(text);
  const Builtin builtin = callee ? program_.function(*callee).builtin : Builtin::none;
  const auto x = numbers(e);
  if (!x) return std::nullopt;
  if (const auto value = evaluate_builtin(builtin, *x); value && e.named_count == 0) {
    return ConstantValue{*value, false};
  }
  return wrong(e.mark, "'" + std::string(text) + "' cannot be used in a default in this way",
               "a default may call elementary built-ins: sqrt(2 / pi)");
}

std::optional<ConstantValue> Evaluator::arithmetic(const Expr& e) {
  const auto x = numbers(e);
  if (!x) return std::nullopt;
  const double a = (*x)[0];
  const double b = x->back();
  if (e.kind == ExprKind::negate) return ConstantValue{-a, false};
  if (e.kind == ExprKind::add) return ConstantValue{a + b, false};
  if (e.kind == ExprKind::subtract) return ConstantValue{a - b, false};
  if (e.kind == ExprKind::multiply) return ConstantValue{a * b, false};
  if (e.kind == ExprKind::divide) return ConstantValue{a / b, false};
  return ConstantValue{std::pow(a, b), false};
}

}  // namespace

std::optional<ConstantValue> evaluate_constant(const ParsedFunction& parsed, ExprId id,
                                               std::size_t known_parameters, const Program& program,
                                               Reporter& reporter) {
  return Evaluator(parsed, known_parameters, program, reporter).run(id);
}

std::optional<NamedConstant> find_constant(std::string_view name) {
  const NamedConstant kConstants[] = {{Constant::inf, std::numeric_limits<double>::infinity()},
                                      {Constant::nan, std::numeric_limits<double>::quiet_NaN()},
                                      {Constant::pi, std::numbers::pi},
                                      {Constant::e, std::numbers::e},
                                      {Constant::true_value, 1.0},
                                      {Constant::false_value, 0.0}};
  for (const NamedConstant& candidate : kConstants) {
    if (dsl::name(candidate.constant) == name) return candidate;
  }
  return std::nullopt;
}

}  // namespace sluice::dsl
