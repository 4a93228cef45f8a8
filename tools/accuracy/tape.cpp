#include "tools/accuracy/tape.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "dsl/builtins.hpp"
#include "dsl/constant.hpp"
#include "tools/accuracy/recorder.hpp"

namespace sluice::accuracy {

using ExprKind = dsl::ExprKind;

Held Recorder::emit(Step step, std::uint32_t a, std::uint32_t b, std::uint32_t c,
                    std::uint8_t code) {
  tape_.steps.push_back({step, code, tape_.registers, a, b, c});
  const bool number = step < Step::less || step == Step::unsupported;
  return {.kind = number ? Held::Kind::number : Held::Kind::truth, .place = tape_.registers++};
}

Held Recorder::without_slope(const Held& held) {
  if (!slopes_ || held.kind != Held::Kind::number) return held;
  Held result = emit(Step::detach, held.place);
  result.operand = held.operand;
  return result;
}

std::vector<Held> Recorder::call(const dsl::FunctionDef& function, const Arguments& arguments) {
  if (function.is_builtin && function.builtin == Builtin::row_simplex_threshold)
    return {threshold(number(arguments.inputs[0]), tape_.params[0])};
  if (function.is_builtin) return {builtin(function.builtin, arguments.inputs, false)};
  Arguments inner = arguments;
  const auto target_of = [](auto& args, const dsl::Clause& clause) -> auto& {
    return clause.by_parameter ? args.params[clause.target] : args.inputs[clause.target];
  };
  if (slopes_)
    for (const dsl::Clause& clause : function.clauses) {
      Held& target = target_of(inner, clause);
      target = without_slope(target);
    }
  Frame frame(function, inner);
  run(frame, function.results);
  std::vector<Held> outputs;
  for (const dsl::ExprId result : function.results) outputs.push_back(frame.at(result));
  if (slopes_)
    for (const dsl::Clause& clause : function.clauses) {
      Frame stated(function, arguments);
      run(stated, std::span(&clause.value, 1));
      outputs[0] = emit(Step::clause, number(outputs[0]), number(stated.at(clause.value)),
                        number(target_of(arguments, clause)));
    }
  if (function.attributes.limits) outputs[0] = with_limits(function, arguments, outputs[0]);
  return outputs;
}

Held Recorder::with_limits(const dsl::FunctionDef& function, const Arguments& arguments,
                           Held value) {
  const auto limit = [&](std::size_t i) {
    const dsl::LimitValue& at = (*function.attributes.limits)[i];
    if (!at.parameter) return number(Held::of(at.value));
    const std::uint32_t param = number(arguments.params[*at.parameter]);
    return at.negated ? emit(Step::negate, param).place : param;
  };
  tape_.limits.push_back({{limit(0), limit(1)}, {limit(2), limit(3)}});
  const auto entry = static_cast<std::uint32_t>(tape_.limits.size() - 1);
  return emit(Step::limits, entry, number(value), number(arguments.inputs[0]));
}

// Operands have smaller ids than their users, so one loop visits everything in order.
void Recorder::run(Frame& frame, std::span<const dsl::ExprId> roots) {
  const dsl::FunctionDef& function = frame.function;
  std::vector<bool> needed(function.expressions.size(), false);
  for (const dsl::ExprId root : roots) needed[dsl::index(root)] = true;
  for (std::size_t i = needed.size(); i-- > 0;) {
    if (!needed[i]) continue;
    const dsl::Expr& expr = function.expressions[i];
    for (const dsl::ExprId id : function.operands_of(expr)) needed[dsl::index(id)] = true;
    for (const dsl::NamedArgument& named : function.named_of(expr))
      needed[dsl::index(named.value)] = true;
    if (expr.kind == ExprKind::let && frame.replaced_let != expr.target)
      needed[dsl::index(function.lets[expr.target].value)] = true;
    if (expr.kind == ExprKind::result) needed[dsl::index(function.results[0])] = true;
  }
  for (std::size_t i = 0; i < needed.size(); ++i)
    if (needed[i]) frame.values[i] = expression(frame, function.expressions[i]);
}

std::vector<Held> Recorder::expression(Frame& frame, const dsl::Expr& expr) {
  switch (expr.kind) {
    case ExprKind::number:
    case ExprKind::constant: return {literal(expr)};
    case ExprKind::input: return {frame.arguments.inputs[expr.target]};
    case ExprKind::parameter: return {frame.arguments.params[expr.target]};
    case ExprKind::let: {
      if (frame.replaced_let == expr.target) return {frame.replacement};
      const dsl::Let& let = frame.function.lets[expr.target];
      return {frame.values[dsl::index(let.value)][let.output]};
    }
    case ExprKind::result: return {frame.at(frame.function.results[0])};
    case ExprKind::negate:
    case ExprKind::add:
    case ExprKind::subtract:
    case ExprKind::multiply:
    case ExprKind::divide: return {arithmetic(frame, expr)};
    case ExprKind::power: return {power(frame, expr)};
    case ExprKind::less:
    case ExprKind::less_equal:
    case ExprKind::greater:
    case ExprKind::greater_equal:
    case ExprKind::equal:
    case ExprKind::not_equal: return {comparison(frame, expr)};
    case ExprKind::logical_not:
    case ExprKind::logical_and:
    case ExprKind::logical_or: return {logical(frame, expr)};
    case ExprKind::select: return {choice(frame, expr)};
    case ExprKind::call: return user_call(frame, expr);
    case ExprKind::detach: return {without_slope(frame.operand(expr, 0))};
    case ExprKind::derivative: return {derivative(frame, expr)};
  }
  return {};
}

Held Recorder::literal(const dsl::Expr& expr) {
  if (expr.type == dsl::Type::boolean) return Held::of(expr.value != 0);
  const bool integer = expr.kind == ExprKind::number && expr.integer_literal;
  if (integer && expr.type == dsl::Type::integer)
    return Held::of(static_cast<std::int64_t>(expr.value));
  return Held::of(expr.value);
}

namespace {

std::int64_t integer_result(ExprKind kind, std::int64_t left, std::int64_t right) {
  const auto x = static_cast<std::uint64_t>(left);
  const auto y = static_cast<std::uint64_t>(right);
  std::uint64_t result = 0 - x;
  if (kind == ExprKind::add) result = x + y;
  if (kind == ExprKind::subtract) result = x - y;
  if (kind == ExprKind::multiply) result = x * y;
  return static_cast<std::int64_t>(result);
}

double known_result(ExprKind kind, double x, double y) {
  if (kind == ExprKind::negate) return -x;
  if (kind == ExprKind::add) return x + y;
  if (kind == ExprKind::subtract) return x - y;
  return kind == ExprKind::multiply ? x * y : x / y;
}

}  // namespace

Held Recorder::arithmetic(const Frame& frame, const dsl::Expr& expr) {
  const Held& a = frame.operand(expr, 0);
  const Held& b = expr.kind == ExprKind::negate ? a : frame.operand(expr, 1);
  if (a.known() && b.known()) {
    if (expr.type == dsl::Type::integer)
      return Held::of(integer_result(expr.kind, a.integer, b.integer));
    return Held::of(known_result(expr.kind, a.as_double(), b.as_double()));
  }
  const std::uint32_t x = number(a);
  if (expr.kind == ExprKind::negate) return emit(Step::negate, x);
  const std::uint32_t y = number(b);
  if (expr.kind == ExprKind::multiply) return emit(Step::multiply, x, y);
  if (expr.kind == ExprKind::divide) return emit(Step::divide, x, y);
  const bool is_add = expr.kind == ExprKind::add;
  if (const std::optional<Held> sum = literal_and(a, y, is_add)) return *sum;
  if (is_add)
    if (const std::optional<Held> sum = literal_and(b, x, true)) return *sum;
  const Held sum = emit(is_add ? Step::add : Step::subtract, x, y);
  if (!a.operand || !b.operand) return sum;
  return emit(Step::rounded_sum, sum.place, *a.operand, *b.operand, is_add ? 0 : 1);
}

// The last step that sets a register; nothing for an operand or a constant.
std::optional<Tape::Instruction> Recorder::made(std::uint32_t place) const {
  const auto step = std::find_if(tape_.steps.rbegin(), tape_.steps.rend(),
                                 [&](const auto& each) { return each.target == place; });
  if (step == tape_.steps.rend()) return std::nullopt;
  return *step;
}

bool Recorder::holds(std::uint32_t place, double value) const {
  return std::any_of(
      tape_.constants.begin(), tape_.constants.end(), [&](const Tape::Constant& each) {
        return each.target == place && each.value == rounded_to(tape_.compute, value);
      });
}

// x sqrt(1/2), however it is written: in 1 + erf(...) and in erfc(...) the compiler takes the
// rounded constant for the root itself, for it means the normal distribution's function.
std::uint32_t Recorder::by_root_half(std::uint32_t place) {
  const std::optional<Tape::Instruction> step = made(place);
  if (!step) return place;
  if (step->step == Step::negate) return emit(Step::negate, by_root_half(step->a)).place;
  std::optional<std::uint32_t> x;
  if (step->step == Step::divide && holds(step->b, std::numbers::sqrt2)) x = step->a;
  if (step->step == Step::multiply && holds(step->b, std::numbers::sqrt2 / 2)) x = step->a;
  if (step->step == Step::multiply && holds(step->a, std::numbers::sqrt2 / 2)) x = step->b;
  if (!x) return place;
  const Held root =
      emit(Step::function, constant(0.5).place, 0, 0, static_cast<std::uint8_t>(Function::sqrt));
  return emit(Step::multiply, *x, root.place).place;
}

// The term itself, or erf of exactly what it is meant to be of.
std::uint32_t Recorder::normal_erf(std::uint32_t term) {
  const std::optional<Tape::Instruction> step = made(term);
  constexpr auto kErf = static_cast<std::uint8_t>(Function::erf);
  if (!step || step->step != Step::function || step->code != kErf) return term;
  return emit(Step::function, by_root_half(step->a), 0, 0, kErf).place;
}

// f of c f, however that is written, for an f that is tanh or erf.
std::optional<std::uint32_t> Recorder::bounded_part(std::uint32_t term, double c) const {
  const std::optional<Tape::Instruction> step = made(term);
  if (!step) return std::nullopt;
  std::optional<std::uint32_t> part;
  int exponent = 0;
  if (step->step == Step::multiply && holds(step->b, c)) part = step->a;
  if (step->step == Step::multiply && holds(step->a, c)) part = step->b;
  if (step->step == Step::divide && std::abs(std::frexp(c, &exponent)) == 0.5 &&
      holds(step->b, 1 / c))
    part = step->a;
  if (!part) return std::nullopt;
  const std::optional<Tape::Instruction> f = made(*part);
  if (!f || f->step != Step::function) return std::nullopt;
  const auto function = static_cast<Function>(f->code);
  return function == Function::tanh || function == Function::erf ? part : std::nullopt;
}

// 1 + f and 1 - f; and c + c f as c (1 + f), which it is to the compiler.
std::optional<Held> Recorder::literal_and(const Held& c, std::uint32_t term, bool is_add) {
  if (!c.known()) return std::nullopt;
  const std::optional<std::uint32_t> part = is_one(c) ? term : bounded_part(term, c.as_double());
  if (!part) return std::nullopt;
  const std::uint32_t f = normal_erf(*part);
  const Held sum = emit(is_add ? Step::add : Step::subtract, constant(1).place, f);
  const Held whole = sharper(sum, f, !is_add);
  return is_one(c) ? whole : emit(Step::multiply, number(c), whole.place);
}

// 1 + tanh and the like, in which the first level would lose the tail. `term` is the function.
Held Recorder::sharper(const Held& sum, std::uint32_t term, bool minus) {
  const std::optional<Tape::Instruction> step = made(term);
  if (!step || step->step != Step::function) return sum;
  const auto function = static_cast<Function>(step->code);
  if (function != Function::tanh && function != Function::erf) return sum;
  return emit(Step::one_and, step->a, sum.place, minus ? 1 : 0, step->code);
}

Held Recorder::power(const Frame& frame, const dsl::Expr& expr) {
  const Held& a = frame.operand(expr, 0);
  const Held& b = frame.operand(expr, 1);
  if (a.known() && b.known()) return Held::of(std::pow(a.as_double(), b.as_double()));
  const dsl::Expr& exponent = frame.function.expr(frame.function.operands_of(expr)[1]);
  if (exponent.kind == ExprKind::number && exponent.value == 0.5)
    return emit(Step::function, number(a), 0, 0, static_cast<std::uint8_t>(Function::sqrt));
  const std::uint32_t x = number(a);
  return emit(Step::power, x, number(b));
}

namespace {

struct Comparison {
  ExprKind kind;
  Step step;
  bool less, equal, greater;  // the answer for each order; for NaN that of not_equal alone
};
const Comparison& comparison_of(ExprKind kind) {
  static constexpr std::array<Comparison, 6> kAll{{
      {ExprKind::less, Step::less, true, false, false},
      {ExprKind::less_equal, Step::less_equal, true, true, false},
      {ExprKind::greater, Step::greater, false, false, true},
      {ExprKind::greater_equal, Step::greater_equal, false, true, true},
      {ExprKind::equal, Step::equal, false, true, false},
      {ExprKind::not_equal, Step::not_equal, true, false, true},
  }};
  return *std::find_if(kAll.begin(), kAll.end() - 1,
                       [&](const Comparison& each) { return each.kind == kind; });
}

}  // namespace

Held Recorder::comparison(const Frame& frame, const dsl::Expr& expr) {
  const Held& a = frame.operand(expr, 0);
  const Held& b = frame.operand(expr, 1);
  const Comparison& how = comparison_of(expr.kind);
  if (a.is_truth()) {
    const std::uint32_t x = truth(a);
    const Held same = emit(Step::same_truth, x, truth(b));
    return how.equal ? same : emit(Step::logical_not, same.place);
  }
  if (!a.known() || !b.known()) {
    const std::uint32_t x = number(a);
    return emit(how.step, x, number(b));
  }
  const double x = a.as_double();
  const double y = b.as_double();
  if (std::isnan(x) || std::isnan(y)) return Held::of(how.step == Step::not_equal);
  return Held::of(x < y ? how.less : x > y ? how.greater : how.equal);
}

Held Recorder::logical(const Frame& frame, const dsl::Expr& expr) {
  const Held& first = frame.operand(expr, 0);
  if (expr.kind == ExprKind::logical_not)
    return first.kind == Held::Kind::boolean ? Held::of(!first.boolean)
                                             : emit(Step::logical_not, truth(first));
  const Held& second = frame.operand(expr, 1);
  const bool settles = expr.kind == ExprKind::logical_or;  // the truth that needs no other
  if (first.kind == Held::Kind::boolean) return first.boolean == settles ? first : second;
  if (second.kind == Held::Kind::boolean) return second.boolean == settles ? second : first;
  const std::uint32_t a = truth(first);
  const std::uint32_t b = truth(second);
  return emit(expr.kind == ExprKind::logical_and ? Step::logical_and : Step::logical_or, a, b);
}

Held Recorder::choice(const Frame& frame, const dsl::Expr& expr) {
  const Held& condition = frame.operand(expr, 0);
  const Held& a = frame.operand(expr, 1);
  const Held& b = frame.operand(expr, 2);
  if (condition.kind == Held::Kind::boolean) return condition.boolean ? a : b;
  if (a.is_truth()) {
    const std::uint32_t x = truth(a);
    return emit(Step::choose_truth, condition.place, x, truth(b));
  }
  const std::uint32_t x = number(a);
  return emit(Step::choose, condition.place, x, number(b));
}

// The expression once more on a tape of its own, which is evaluated over Duals with a slope of 1
// where it is derived by.
Held Recorder::derivative(const Frame& frame, const dsl::Expr& expr) {
  Tape tape{.compute = tape_.compute, .params = tape_.params};
  Recorder inner(program_, tape, true);
  const auto lifted = [&](const Held& held, bool seed) {
    if (!seed && held.kind != Held::Kind::number && held.kind != Held::Kind::truth) return held;
    if (held.is_truth()) return inner.emit(Step::unsupported);
    Held result = inner.emit(Step::import, number(held), seed ? 1 : 0);
    result.operand = held.operand;
    return result;
  };
  const dsl::ExprId of = frame.function.operands_of(expr)[0];
  const dsl::Expr& by = frame.function.expr(frame.function.operands_of(expr)[1]);
  Arguments arguments;
  for (std::size_t i = 0; i < frame.arguments.inputs.size(); ++i)
    arguments.inputs.push_back(
        lifted(frame.arguments.inputs[i], by.kind == ExprKind::input && by.target == i));
  for (std::size_t i = 0; i < frame.arguments.params.size(); ++i)
    arguments.params.push_back(
        lifted(frame.arguments.params[i], by.kind == ExprKind::parameter && by.target == i));
  Frame body(frame.function, arguments);
  if (by.kind == ExprKind::let) {
    body.replaced_let = by.target;
    body.replacement = lifted(frame.operand(expr, 1), true);
  }
  inner.run(body, std::span(&of, 1));
  tape.result = inner.number(body.at(of));
  tape_.inner.push_back(std::move(tape));
  return emit(Step::derivative, static_cast<std::uint32_t>(tape_.inner.size() - 1));
}

// What crosses into a function is rounded to the compute type; integers stay where they may.
Held Recorder::as_argument(const Held& held, bool integer) {
  if (!held.known() || (integer && held.kind == Held::Kind::integer)) return held;
  return constant(rounded_to(tape_.compute, held.as_double()));
}

std::vector<Held> Recorder::user_call(const Frame& frame, const dsl::Expr& expr) {
  if (expr.builtin != Builtin::none) {
    std::vector<Held> operands;
    for (std::size_t i = 0; i < expr.operand_count; ++i) operands.push_back(frame.operand(expr, i));
    if (expr.builtin == Builtin::row_simplex_threshold) {
      double alpha = program_.function(expr.callee).parameters[0].default_value;
      for (const dsl::NamedArgument& named : frame.function.named_of(expr))
        alpha = frame.at(named.value).as_double();
      return {threshold(number(operands[0]), alpha)};
    }
    return {builtin(expr.builtin, operands, expr.type == dsl::Type::integer)};
  }
  const dsl::FunctionDef& callee = program_.function(expr.callee);
  Arguments arguments;
  for (std::size_t i = 0; i < callee.inputs.size(); ++i)
    arguments.inputs.push_back(
        as_argument(i < expr.operand_count ? frame.operand(expr, i) : left_out(callee.inputs[i]),
                    callee.inputs[i].kind == dsl::Kind::index));
  for (const dsl::Parameter& param : callee.parameters)
    arguments.params.push_back(param.is_integer
                                   ? Held::of(static_cast<std::int64_t>(param.default_value))
                                   : as_argument(Held::of(param.default_value), false));
  for (const dsl::NamedArgument& named : frame.function.named_of(expr))
    arguments.params[named.parameter] =
        as_argument(frame.at(named.value), callee.parameters[named.parameter].is_integer);
  return call(callee, arguments);
}

Held Recorder::builtin(Builtin builtin, std::span<const Held> operands, bool integers) {
  if (dsl::is_reduction(builtin) || builtin == Builtin::col || builtin == Builtin::row ||
      builtin == Builtin::width)
    return row_builtin(builtin, operands);
  std::vector<double> known;
  for (const Held& operand : operands)
    if (operand.known()) known.push_back(operand.as_double());
  if (!operands.empty() && known.size() == operands.size()) {
    if (integers)
      return Held::of(builtin == Builtin::min ? std::min(operands[0].integer, operands[1].integer)
                                              : std::max(operands[0].integer, operands[1].integer));
    if (const auto folded = dsl::evaluate_builtin(builtin, known)) return Held::of(*folded);
  }
  std::vector<std::uint32_t> places;
  for (const Held& operand : operands)
    places.push_back(operand.is_truth() ? truth(operand) : number(operand));
  return builtin_number(builtin, places);
}

Held Recorder::builtin_number(Builtin builtin, std::span<const std::uint32_t> x) {
  if (const std::optional<Function> function = function_of(builtin)) {
    const auto known = exponents.find(x[0]);
    if (builtin == Builtin::log && known != exponents.end() &&
        known->second.form == Form::softmax) {
      Tape::Exponents of = known->second;
      of.form = Form::log_softmax;
      const Held logarithm = emit(Step::subtract, of.away, of.log_sum);
      exponents[logarithm.place] = of;
      return logarithm;
    }
    if (row_wise && builtin == Builtin::exp) return weighed_exponential(x[0]);
    const std::uint32_t a = builtin == Builtin::erfc ? by_root_half(x[0]) : x[0];
    return emit(Step::function, a, 0, 0, static_cast<std::uint8_t>(*function));
  }
  const auto rounding = [&](Rounding how) {
    return emit(Step::rounding, x[0], 0, 0, static_cast<std::uint8_t>(how));
  };
  switch (builtin) {
    case Builtin::fma: return emit(Step::add, emit(Step::multiply, x[0], x[1]).place, x[2]);
    case Builtin::reciprocal: return emit(Step::divide, constant(1).place, x[0]);
    case Builtin::pow: return emit(Step::power, x[0], x[1]);
    case Builtin::abs: return emit(Step::absolute, x[0]);
    case Builtin::sign: return emit(Step::sign, x[0]);
    case Builtin::floor: return rounding(Rounding::floor);
    case Builtin::ceil: return rounding(Rounding::ceil);
    case Builtin::round: return rounding(Rounding::even);
    case Builtin::trunc: return rounding(Rounding::trunc);
    case Builtin::min: return emit(Step::minimum, x[0], x[1]);
    case Builtin::max: return emit(Step::maximum, x[0], x[1]);
    case Builtin::clamp: return emit(Step::clamp, x[0], x[1], x[2]);
    case Builtin::isnan: return emit(Step::is_nan, x[0]);
    case Builtin::isinf: return emit(Step::is_infinite, x[0]);
    case Builtin::isfinite: return emit(Step::is_finite, x[0]);
    default: return emit(Step::unsupported);
  }
}

std::size_t given_inputs(const dsl::FunctionDef& definition) {
  return std::max<std::size_t>(definition.required_inputs(), 1);
}

Tape record(const Subject& subject, bool slopes) {
  const dsl::FunctionDef& definition = subject.definition();
  Tape tape{.compute = subject.compute};
  for (std::size_t i = 0; i < definition.parameters.size(); ++i)
    tape.params.push_back(rounded_to(subject.compute, subject.params.empty()
                                                          ? definition.parameters[i].default_value
                                                          : subject.params[i]));
  Recorder recorder(*subject.program, tape, slopes);
  recorder.row_wise = definition.row_wise;
  Arguments arguments;
  const std::size_t given =
      definition.row_wise ? given_inputs(definition) : definition.inputs.size();
  for (std::uint32_t i = 0; i < definition.inputs.size(); ++i)
    arguments.inputs.push_back(i < given ? recorder.given_input(definition.inputs[i], i)
                                         : recorder.left_out(definition.inputs[i]));
  for (std::size_t i = 0; i < tape.params.size(); ++i) {
    if (definition.parameters[i].is_integer) {
      arguments.params.push_back(Held::of(static_cast<std::int64_t>(tape.params[i])));
      continue;
    }
    arguments.params.push_back(recorder.constant(tape.params[i]));
    arguments.params.back().operand = static_cast<std::uint32_t>(definition.inputs.size() + i);
  }
  tape.result = recorder.number(recorder.call(definition, arguments)[subject.output]);
  if (const auto known = recorder.exponents.find(tape.result); known != recorder.exponents.end())
    tape.exponents = known->second;
  return tape;
}

}  // namespace sluice::accuracy
