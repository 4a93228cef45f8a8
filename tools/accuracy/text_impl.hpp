// The definitions of text.hpp's template.
#pragma once

namespace sluice::accuracy {

// A value without its slope; numbers without one are as they are.
template <typename N>
N detached(const N& value) {
  return value;
}
template <typename N>
Dual<N> detached(const Dual<N>& value) {
  return Dual<N>(value.value);
}

// The same dependence on everything, at another value.
template <typename N>
N revalued(const N&, double value) {
  return N(value);
}
template <typename N>
Dual<N> revalued(const Dual<N>& of, double value) {
  return Dual<N>(revalued(of.value, value), of.slope, of.varies);
}

// The value of a, zeros having signs, with the slope of b.
template <typename N>
N tied(const N& a, const N&) {
  return a;
}
template <typename N>
Dual<N> tied(const Dual<N>& a, const Dual<N>& b) {
  return Dual<N>(a.value, b.slope, b.varies);
}

// Brings in a stated derivative: the clause's value by the argument's slope.
template <typename N>
N with_clause(const N& value, const N&, const N&) {
  return value;
}
template <typename N>
Dual<N> with_clause(const Dual<N>& value, const Dual<N>& stated, const Dual<N>& argument) {
  return sum_of_slopes(value.value, value, chained(N(0.0), stated.value, argument));
}

// At an infinite argument the value and the slope of @limits.
template <typename N>
N at_limit(const N& value, const N&, const N&) {
  return value;
}
template <typename N>
Dual<N> at_limit(const Dual<N>& value, const Dual<N>& by_argument, const Dual<N>& argument) {
  return chained(value.value, by_argument.value, argument);
}

template <typename N>
N Text<N>::apply(const dsl::FunctionDef& function, const Arguments& arguments, std::size_t output) {
  return number(call_function(function, arguments)[output]);
}

template <typename N>
auto Text<N>::call_function(const dsl::FunctionDef& function, const Arguments& arguments)
    -> std::vector<Value> {
  if (function.is_builtin) {
    std::vector<Value> operands;
    for (const Value& input : arguments.inputs)
      operands.push_back(input.kind == Value::Kind::boolean ? input : Value::of(number(input)));
    return {builtin(function.builtin, operands, false)};
  }
  Arguments inner = arguments;
  for (const dsl::Clause& clause : function.clauses) {
    Value& target = clause.by_parameter ? inner.params[clause.target] : inner.inputs[clause.target];
    target = without_slope(target);
  }
  Frame frame{function, inner, Values(function.expressions.size()), {}};
  run(frame, function.results);
  std::vector<Value> outputs;
  for (const dsl::ExprId result : function.results)
    outputs.push_back(frame.values[dsl::index(result)].front());

  for (const dsl::Clause& clause : function.clauses) {
    Frame stated{function, arguments, Values(function.expressions.size()), {}};
    run(stated, std::span(&clause.value, 1));
    const Value& argument =
        clause.by_parameter ? arguments.params[clause.target] : arguments.inputs[clause.target];
    outputs[0] = Value::of(with_clause(number(outputs[0]),
                                       number(stated.values[dsl::index(clause.value)].front()),
                                       number(argument)));
  }
  if (function.attributes.limits)
    outputs[0] = Value::of(with_limits(function, arguments, number(outputs[0])));
  return outputs;
}

template <typename N>
N Text<N>::with_limits(const dsl::FunctionDef& function, const Arguments& arguments,
                       const N& value) {
  const N x = number(arguments.inputs[0]);
  if (!is_infinite(x)) return value;
  const std::size_t end = compare(x, N(0.0)) == Order::less ? 0 : 1;
  const auto limit = [&](std::size_t i) {
    const dsl::LimitValue& at = (*function.attributes.limits)[i];
    if (!at.parameter) return N(rounded_to(compute_, at.value));
    const N param = number(arguments.params[*at.parameter]);
    return at.negated ? -param : param;
  };
  return at_limit(limit(end), limit(end + 2), x);
}

// Operands have smaller ids than their users, so one loop visits everything in order.
template <typename N>
void Text<N>::run(Frame& frame, std::span<const dsl::ExprId> roots) {
  const dsl::FunctionDef& function = frame.function;
  std::vector<bool> needed(function.expressions.size(), false);
  for (const dsl::ExprId root : roots) needed[dsl::index(root)] = true;
  for (std::size_t i = needed.size(); i-- > 0;) {
    if (!needed[i]) continue;
    const dsl::Expr& expr = function.expressions[i];
    for (const dsl::ExprId id : function.operands_of(expr)) needed[dsl::index(id)] = true;
    for (const dsl::NamedArgument& named : function.named_of(expr))
      needed[dsl::index(named.value)] = true;
    if (expr.kind == Kind::let && frame.replaced_let != expr.target)
      needed[dsl::index(function.lets[expr.target].value)] = true;
    if (expr.kind == Kind::result) needed[dsl::index(function.results[0])] = true;
  }
  for (std::size_t i = 0; i < needed.size(); ++i)
    if (needed[i]) frame.values[i] = evaluate(frame, function.expressions[i]);
}

template <typename N>
auto Text<N>::evaluate(Frame& frame, const dsl::Expr& expr) -> std::vector<Value> {
  switch (expr.kind) {
    case Kind::number:
      if (expr.integer_literal && expr.type == dsl::Type::integer)
        return {Value::of(static_cast<std::int64_t>(expr.value))};
      return {Value::of(expr.value)};
    case Kind::constant:
      if (expr.type == dsl::Type::boolean) return {Value::of(expr.value != 0)};
      return {Value::of(expr.value)};
    case Kind::input: return {frame.arguments.inputs[expr.target]};
    case Kind::parameter: return {frame.arguments.params[expr.target]};
    case Kind::let: {
      if (frame.replaced_let == expr.target) return {frame.replacement};
      const dsl::Let& let = frame.function.lets[expr.target];
      return {frame.values[dsl::index(let.value)][let.output]};
    }
    case Kind::result: return {frame.values[dsl::index(frame.function.results[0])].front()};
    case Kind::negate:
    case Kind::add:
    case Kind::subtract:
    case Kind::multiply:
    case Kind::divide: return {arithmetic(frame, expr)};
    case Kind::power: return {power_of(frame, expr)};
    case Kind::less:
    case Kind::less_equal:
    case Kind::greater:
    case Kind::greater_equal:
    case Kind::equal:
    case Kind::not_equal: return {comparison(frame, expr)};
    case Kind::logical_not: return {Value::of(!operand(frame, expr, 0).boolean)};
    case Kind::logical_and:
      return {Value::of(operand(frame, expr, 0).boolean && operand(frame, expr, 1).boolean)};
    case Kind::logical_or:
      return {Value::of(operand(frame, expr, 0).boolean || operand(frame, expr, 1).boolean)};
    case Kind::select: return {operand(frame, expr, operand(frame, expr, 0).boolean ? 1 : 2)};
    case Kind::call: return call(frame, expr);
    case Kind::detach: {
      const Value& of = operand(frame, expr, 0);
      return {of.known() ? of : without_slope(of)};
    }
    case Kind::derivative: return {derivative(frame, expr)};
  }
  return {};
}

template <typename N>
auto Text<N>::arithmetic(const Frame& frame, const dsl::Expr& expr) -> Value {
  const Value& a = operand(frame, expr, 0);
  const Value& b = expr.kind == Kind::negate ? a : operand(frame, expr, 1);
  if (a.known() && b.known() && expr.type == dsl::Type::integer) {
    const auto x = static_cast<std::uint64_t>(a.integer);
    const auto y = static_cast<std::uint64_t>(b.integer);
    std::uint64_t result = 0 - x;
    if (expr.kind == Kind::add) result = x + y;
    if (expr.kind == Kind::subtract) result = x - y;
    if (expr.kind == Kind::multiply) result = x * y;
    return Value::of(static_cast<std::int64_t>(result));
  }
  const auto compute = [&](const auto& x, const auto& y) {
    if (expr.kind == Kind::negate) return Value::of(-x);
    if (expr.kind == Kind::add) return Value::of(x + y);
    if (expr.kind == Kind::subtract) return Value::of(x - y);
    if (expr.kind == Kind::multiply) return Value::of(x * y);
    return Value::of(x / y);
  };
  if (a.known() && b.known()) return compute(a.as_double(), b.as_double());
  const Value exact = compute(number(a), number(b));
  const bool is_sum = expr.kind == Kind::add || expr.kind == Kind::subtract;
  if (!is_sum || !a.operand || !b.operand) return exact;
  return Value::of(
      revalued(exact.number,
               rounded_sum(compute_, a.literal, expr.kind == Kind::add ? b.literal : -b.literal)));
}

template <typename N>
auto Text<N>::power_of(const Frame& frame, const dsl::Expr& expr) -> Value {
  const Value& a = operand(frame, expr, 0);
  const Value& b = operand(frame, expr, 1);
  if (a.known() && b.known()) return Value::of(std::pow(a.as_double(), b.as_double()));
  const dsl::Expr& exponent = frame.function.expr(frame.function.operands_of(expr)[1]);
  if (exponent.kind == Kind::number && exponent.value == 0.5)
    return Value::of(accuracy::apply(Function::sqrt, number(a)));
  return Value::of(power(number(a), number(b)));
}

template <typename N>
auto Text<N>::comparison(const Frame& frame, const dsl::Expr& expr) -> Value {
  const Value& a = operand(frame, expr, 0);
  const Value& b = operand(frame, expr, 1);
  Order order = Order::equal;
  if (a.kind == Value::Kind::boolean) {
    order = a.boolean == b.boolean ? Order::equal : Order::less;
  } else if (a.known() && b.known()) {
    const double x = a.as_double();
    const double y = b.as_double();
    if (x < y)
      order = Order::less;
    else if (x > y)
      order = Order::greater;
    else if (x != y)
      order = Order::unordered;
  } else {
    order = ordered(number(a), number(b));
  }
  switch (expr.kind) {
    case Kind::less: return Value::of(order == Order::less);
    case Kind::less_equal: return Value::of(order == Order::less || order == Order::equal);
    case Kind::greater: return Value::of(order == Order::greater);
    case Kind::greater_equal: return Value::of(order == Order::greater || order == Order::equal);
    case Kind::equal: return Value::of(order == Order::equal);
    default: return Value::of(order != Order::equal);
  }
}

// How deep Duals of Duals go.
template <typename N>
struct Depth {
  static constexpr int value = 0;
};
template <typename N>
struct Depth<Dual<N>> {
  static constexpr int value = Depth<N>::value + 1;
};

// The expression once more over Duals, with a slope of 1 where it is derived by.
template <typename N>
auto Text<N>::derivative(const Frame& frame, const dsl::Expr& expr) -> Value {
  if constexpr (Depth<N>::value >= 2) {
    trouble_.unsupported = true;
    return Value::of(0.0);
  } else {
    using Inner = Text<Dual<N>>;
    const auto lifted = [&](const Value& value, bool seed) {
      if (value.kind == Value::Kind::boolean) return Inner::Value::of(value.boolean);
      if (!seed && value.kind == Value::Kind::integer) return Inner::Value::of(value.integer);
      if (!seed && value.kind == Value::Kind::literal) return Inner::Value::of(value.literal);
      Dual<N> lift = seed ? Dual<N>(number(value), N(1.0), true) : Dual<N>(number(value));
      if (!value.operand) return Inner::Value::of(std::move(lift));
      return Inner::Value::of_operand(std::move(lift), value.literal);
    };
    const dsl::ExprId of = frame.function.operands_of(expr)[0];
    const dsl::Expr& by = frame.function.expr(frame.function.operands_of(expr)[1]);
    typename Inner::Arguments arguments;
    for (std::size_t i = 0; i < frame.arguments.inputs.size(); ++i)
      arguments.inputs.push_back(
          lifted(frame.arguments.inputs[i], by.kind == Kind::input && by.target == i));
    for (std::size_t i = 0; i < frame.arguments.params.size(); ++i)
      arguments.params.push_back(
          lifted(frame.arguments.params[i], by.kind == Kind::parameter && by.target == i));
    typename Inner::Frame inner{
        frame.function, arguments, typename Inner::Values(frame.function.expressions.size()), {}};
    if (by.kind == Kind::let) {
      inner.replaced_let = by.target;
      inner.replacement = lifted(operand(frame, expr, 1), true);
    }
    Inner text(program_, compute_, trouble_);
    text.run(inner, std::span(&of, 1));
    const typename Inner::Value& result = inner.values[dsl::index(of)].front();
    return Value::of(text.number(result).slope);
  }
}

template <typename N>
auto Text<N>::call(const Frame& frame, const dsl::Expr& expr) -> std::vector<Value> {
  if (expr.builtin != dsl::Builtin::none) {
    std::vector<Value> operands;
    for (std::size_t i = 0; i < expr.operand_count; ++i)
      operands.push_back(operand(frame, expr, i));
    return {builtin(expr.builtin, operands, expr.type == dsl::Type::integer)};
  }
  const dsl::FunctionDef& callee = program_.function(expr.callee);
  // What crosses into a function is rounded to the compute type; integers stay where they may.
  const auto argument = [&](const Value& value, bool integer) {
    if (value.kind == Value::Kind::boolean || value.kind == Value::Kind::number ||
        (integer && value.kind == Value::Kind::integer))
      return value;
    return Value::of(number(value));
  };
  Arguments arguments;
  for (std::size_t i = 0; i < callee.inputs.size(); ++i)
    arguments.inputs.push_back(argument(i < expr.operand_count
                                            ? operand(frame, expr, i)
                                            : Value::of(callee.inputs[i].default_value.value_or(0)),
                                        callee.inputs[i].kind == dsl::Kind::index));
  for (const dsl::Parameter& param : callee.parameters)
    arguments.params.push_back(param.is_integer
                                   ? Value::of(static_cast<std::int64_t>(param.default_value))
                                   : argument(Value::of(param.default_value), false));
  for (const dsl::NamedArgument& named : frame.function.named_of(expr))
    arguments.params[named.parameter] = argument(frame.values[dsl::index(named.value)].front(),
                                                 callee.parameters[named.parameter].is_integer);
  return call_function(callee, arguments);
}

template <typename N>
auto Text<N>::builtin(dsl::Builtin builtin, std::span<const Value> operands, bool integers)
    -> Value {
  std::vector<double> known;
  for (const Value& operand : operands)
    if (operand.known()) known.push_back(operand.as_double());
  if (known.size() == operands.size() && integers)
    return Value::of(builtin == dsl::Builtin::min
                         ? std::min(operands[0].integer, operands[1].integer)
                         : std::max(operands[0].integer, operands[1].integer));
  if (!operands.empty() && known.size() == operands.size())
    if (const auto folded = dsl::evaluate_builtin(builtin, known)) return Value::of(*folded);
  std::vector<N> numbers;
  for (const Value& operand : operands) numbers.push_back(number(operand));
  if (builtin == dsl::Builtin::isnan)
    return Value::of(compare(numbers[0], numbers[0]) == Order::unordered);
  if (builtin == dsl::Builtin::isinf) return Value::of(is_infinite(numbers[0]));
  if (builtin == dsl::Builtin::isfinite)
    return Value::of(!is_infinite(numbers[0]) &&
                     compare(numbers[0], numbers[0]) != Order::unordered);
  return Value::of(builtin_number(builtin, numbers));
}

template <typename N>
N Text<N>::builtin_number(dsl::Builtin builtin, std::span<const N> x) {
  using dsl::Builtin;
  if (const std::optional<Function> function = function_of(builtin))
    return accuracy::apply(*function, x[0]);
  const N zero(0.0);
  switch (builtin) {
    case Builtin::fma: return x[0] * x[1] + x[2];
    case Builtin::reciprocal: return N(1.0) / x[0];
    case Builtin::pow: return power(x[0], x[1]);
    case Builtin::abs: {
      const Order sign = ordered(x[0], zero);
      if (sign == Order::equal) return zero;
      return sign == Order::less ? -x[0] : x[0];
    }
    case Builtin::sign: {
      const Order sign = ordered(x[0], zero);
      if (sign == Order::less) return N(-1.0);
      return sign == Order::greater ? N(1.0) : detached(x[0]);
    }
    case Builtin::floor: return integral(Rounding::floor, x[0]);
    case Builtin::ceil: return integral(Rounding::ceil, x[0]);
    case Builtin::round: return integral(Rounding::even, x[0]);
    case Builtin::trunc: return integral(Rounding::trunc, x[0]);
    // A tie gives its gradient to b; NaN where either is.
    case Builtin::min:
    case Builtin::max: {
      const Order order = ordered(x[0], x[1]);
      if (order == Order::unordered) return compare(x[1], x[1]) == Order::unordered ? x[1] : x[0];
      const bool first = order == (builtin == Builtin::min ? Order::less : Order::greater);
      return order == Order::equal ? tied(x[0], x[1]) : x[first ? 0 : 1];
    }
    case Builtin::clamp: {
      const N nan = x[0] + x[1] + x[2];
      const Order low = ordered(x[0], x[1]);
      if (low == Order::unordered) return nan;
      const N raised = low == Order::less ? x[1] : x[0];
      const Order high = ordered(raised, x[2]);
      if (high == Order::unordered) return nan;
      return high == Order::greater ? x[2] : raised;
    }
    default: trouble_.unsupported = true; return zero;
  }
}

}  // namespace sluice::accuracy
