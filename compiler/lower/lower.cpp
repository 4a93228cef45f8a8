#include "compiler/lower/lower.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "compiler/ir/expr.hpp"
#include "compiler/lower/builtins.hpp"
#include "compiler/lower/simplex_threshold.hpp"
#include "compiler/lower/value.hpp"
#include "dsl/builtins.hpp"
#include "dsl/constant.hpp"

namespace sluice::lower {
namespace {

using dsl::ExprId;
using dsl::ExprKind;
using dsl::FunctionDef;
using ir::Op;
using ir::ValueId;

// A function's inputs and parameters as values.
struct Arguments {
  std::vector<Value> inputs;
  std::vector<Value> params;
};

class Lowerer;

// One evaluation of a function's text under given arguments. Operands of an expression have smaller
// ids than it has, so one loop visits everything in order.
class Body {
 public:
  Body(Lowerer& lowerer, const FunctionDef& function, const Arguments& arguments)
      : lowerer_(lowerer), function_(function), arguments_(arguments),
        values_(function.expressions.size()) {}

  // Evaluates what `roots` need; false when the lowerer has failed.
  [[nodiscard]] bool run(std::span<const ExprId> roots);
  [[nodiscard]] const Value& value(ExprId id) const { return values_[dsl::index(id)].front(); }

 private:
  std::vector<bool> needed(std::span<const ExprId> roots) const;
  std::vector<Value> evaluate(const dsl::Expr& expr);
  Value arithmetic(const dsl::Expr& expr);
  Value power(const dsl::Expr& expr);
  Value comparison(const dsl::Expr& expr);
  Value logic(const dsl::Expr& expr);
  Value select(const dsl::Expr& expr);
  Value derivative(const dsl::Expr& expr);
  std::vector<Value> call(const dsl::Expr& expr);
  Value builtin(const dsl::Expr& expr);
  [[nodiscard]] dsl::Type wanted_type(const dsl::Expr& expr, std::size_t i) const;
  [[nodiscard]] dsl::Type type_of(const dsl::Expr& expr, std::size_t i) const {
    return function_.expr(function_.operands_of(expr)[i]).type;
  }

  const Value& operand(const dsl::Expr& expr, std::size_t i) const {
    return value(function_.operands_of(expr)[i]);
  }

  Lowerer& lowerer_;
  const FunctionDef& function_;
  const Arguments& arguments_;
  std::vector<std::vector<Value>>
      values_;  // by expression; several where it is a call with several outputs
};

class Lowerer {
 public:
  Lowerer(const dsl::Program& program, ir::Elem compute) : program_(program), graph_(compute) {}

  Result<ir::Graph> run(const FunctionDef& function, const Bindings& bindings);

  // The outputs of a function of the program under these arguments: its text, its clauses, its
  // limits.
  std::vector<Value> apply(const FunctionDef& function, const Arguments& arguments);

  Value builtin(dsl::Builtin builtin, std::span<const ValueId> operands);
  Value threshold(ValueId z, double alpha);
  Value threshold_of(ValueId z, const Value& alpha);
  Value default_of(const dsl::Input& input);

  ir::Graph& graph() { return graph_; }
  const dsl::Program& program() const { return program_; }
  ir::Expr expr(const Value& value) { return {&graph_, value.in(graph_)}; }
  // As an operand of a number's operation, and of an integer's.
  ir::Expr number(const Value& value) {
    const ir::Expr given = expr(value);
    return ir::is_integer(given.type().elem) ? to_float(given) : given;
  }
  ir::Expr integer(const Value& value) {
    return {&graph_, value.is_integer() ? value.as_lane(graph_) : value.in(graph_)};
  }
  // By the type that the checker has found.
  ir::Expr typed(const Value& value, dsl::Type type) {
    return type == dsl::Type::integer  ? integer(value)
           : type == dsl::Type::number ? number(value)
                                       : expr(value);
  }
  bool failed() const { return error_.has_value(); }
  // A value to go on with after an error, which is reported in the end.
  Value fail(Status status, std::string message) {
    if (!failed()) error_ = Error{status, std::move(message)};
    return Value::literal(0);
  }
  // Counts work, so that calls of calls with clauses cannot take for ever.
  bool spend(std::size_t expressions) {
    work_ += expressions;
    if (work_ > kMaxNodes || graph_.size() > kMaxNodes)
      fail(Status::limit_exceeded, "the function has more than " + std::to_string(kMaxNodes) +
                                       " nodes once its calls are expanded");
    return !failed();
  }

 private:
  Arguments bind(const FunctionDef& function, const Bindings& bindings);
  std::vector<Value> apply_clauses(const FunctionDef& function, const Arguments& arguments);
  Value with_limits(const FunctionDef& function, const Arguments& arguments, const Value& value);
  ir::Type type_of(const dsl::Input& input, ir::Extent extent) const;

  const dsl::Program& program_;
  ir::Graph graph_;
  std::optional<Error> error_;
  std::size_t work_ = 0;
};

std::vector<bool> Body::needed(std::span<const ExprId> roots) const {
  std::vector<bool> needed(function_.expressions.size(), false);
  for (const ExprId root : roots) needed[dsl::index(root)] = true;
  for (std::size_t i = needed.size(); i-- > 0;) {
    if (!needed[i]) continue;
    const dsl::Expr& expr = function_.expressions[i];
    for (const ExprId id : function_.operands_of(expr)) needed[dsl::index(id)] = true;
    for (const dsl::NamedArgument& named : function_.named_of(expr))
      needed[dsl::index(named.value)] = true;
    if (expr.kind == ExprKind::let) needed[dsl::index(function_.lets[expr.target].value)] = true;
    if (expr.kind == ExprKind::result) needed[dsl::index(function_.results[0])] = true;
  }
  return needed;
}

bool Body::run(std::span<const ExprId> roots) {
  const std::vector<bool> wanted = needed(roots);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i]) continue;
    if (!lowerer_.spend(1)) return false;
    values_[i] = evaluate(function_.expressions[i]);
    if (lowerer_.failed()) return false;
  }
  return true;
}

std::vector<Value> Body::evaluate(const dsl::Expr& expr) {
  switch (expr.kind) {
    case ExprKind::number:
      if (expr.integer_literal && expr.type == dsl::Type::integer)
        return {Value::integer(static_cast<std::int64_t>(expr.value))};
      return {Value::literal(expr.value)};
    case ExprKind::constant:
      if (expr.type == dsl::Type::boolean)
        return {Value::node(lowerer_.graph().boolean(expr.value != 0))};
      return {Value::literal(expr.value)};
    case ExprKind::input: return {arguments_.inputs[expr.target]};
    case ExprKind::parameter: return {arguments_.params[expr.target]};
    case ExprKind::let: {
      const dsl::Let& let = function_.lets[expr.target];
      return {values_[dsl::index(let.value)][let.output]};
    }
    case ExprKind::result: return {value(function_.results[0])};
    case ExprKind::negate:
    case ExprKind::add:
    case ExprKind::subtract:
    case ExprKind::multiply:
    case ExprKind::divide: return {arithmetic(expr)};
    case ExprKind::power: return {power(expr)};
    case ExprKind::less:
    case ExprKind::less_equal:
    case ExprKind::greater:
    case ExprKind::greater_equal:
    case ExprKind::equal:
    case ExprKind::not_equal: return {comparison(expr)};
    case ExprKind::logical_not:
    case ExprKind::logical_and:
    case ExprKind::logical_or: return {logic(expr)};
    case ExprKind::select: return {select(expr)};
    case ExprKind::call: return call(expr);
    case ExprKind::detach: {
      const Value& of = operand(expr, 0);
      return {of.known() ? of : Value::node(make(Op::detach, lowerer_.expr(of)).id)};
    }
    case ExprKind::derivative: return {derivative(expr)};
  }
  return {};
}

// The operator on known values; integers wrap around as 64-bit integers do.
Value known_arithmetic(ExprKind kind, dsl::Type type, const Value& a, const Value& b) {
  if (type == dsl::Type::integer) {
    const auto x = static_cast<std::uint64_t>(a.as_integer());
    const auto y = static_cast<std::uint64_t>(b.as_integer());
    if (kind == ExprKind::negate) return Value::integer(static_cast<std::int64_t>(0 - x));
    if (kind == ExprKind::add) return Value::integer(static_cast<std::int64_t>(x + y));
    if (kind == ExprKind::subtract) return Value::integer(static_cast<std::int64_t>(x - y));
    return Value::integer(static_cast<std::int64_t>(x * y));
  }
  const double x = a.as_number();
  const double y = b.as_number();
  if (kind == ExprKind::negate) return Value::literal(-x);
  if (kind == ExprKind::add) return Value::literal(x + y);
  if (kind == ExprKind::subtract) return Value::literal(x - y);
  if (kind == ExprKind::multiply) return Value::literal(x * y);
  return Value::literal(x / y);
}

Value Body::arithmetic(const dsl::Expr& expr) {
  const Value& a = operand(expr, 0);
  const bool unary = expr.kind == ExprKind::negate;
  const Value& b = unary ? a : operand(expr, 1);
  if (a.known() && b.known()) return known_arithmetic(expr.kind, expr.type, a, b);
  const ir::Expr x = lowerer_.typed(a, expr.type);
  const ir::Expr y = lowerer_.typed(b, expr.type);
  if (unary) return Value::node((expr.type == dsl::Type::integer ? ir::integer(x, 0) - x : -x).id);
  if (expr.kind == ExprKind::add) return Value::node((x + y).id);
  if (expr.kind == ExprKind::subtract) return Value::node((x - y).id);
  if (expr.kind == ExprKind::multiply) return Value::node((x * y).id);
  return Value::node((x / y).id);
}

// By products for a small integer literal, a square root for the literal 0.5, else pow.
Value Body::power(const dsl::Expr& expr) {
  const Value& base = operand(expr, 0);
  const Value& exponent = operand(expr, 1);
  if (base.known() && exponent.known())
    return Value::literal(std::pow(base.as_number(), exponent.as_number()));
  const ir::Expr x = lowerer_.number(base);
  const ir::Expr k = lowerer_.number(exponent);
  const ExprId exponent_id = function_.operands_of(expr)[1];
  if (const auto literal = dsl::integer_literal_value(function_, exponent_id))
    if (std::abs(*literal) >= 2 && std::abs(*literal) <= 16)
      return Value::node(make(Op::integer_power, x, k).id);
  const dsl::Expr& text = function_.expr(exponent_id);
  if (text.kind == ExprKind::number && text.value == 0.5) return Value::node(sqrt(x).id);
  return Value::node(make(Op::pow, x, k).id);
}

template <typename T>
bool holds(ExprKind kind, T a, T b) {
  if (kind == ExprKind::less) return a < b;
  if (kind == ExprKind::less_equal) return a <= b;
  if (kind == ExprKind::greater) return a > b;
  if (kind == ExprKind::greater_equal) return a >= b;
  if (kind == ExprKind::equal) return a == b;
  return a != b;
}

Value Body::comparison(const dsl::Expr& expr) {
  const Value& a = operand(expr, 0);
  const Value& b = operand(expr, 1);
  ir::Graph& graph = lowerer_.graph();
  if (a.known() && b.known()) {
    const bool both_integer = a.is_integer() && b.is_integer();
    return Value::node(graph.boolean(both_integer
                                         ? holds(expr.kind, a.as_integer(), b.as_integer())
                                         : holds(expr.kind, a.as_number(), b.as_number())));
  }
  const bool integers =
      type_of(expr, 0) == dsl::Type::integer && type_of(expr, 1) == dsl::Type::integer;
  const ir::Expr x = integers ? lowerer_.integer(a) : lowerer_.number(a);
  const ir::Expr y = integers ? lowerer_.integer(b) : lowerer_.number(b);
  if (x.type().elem == ir::Elem::boolean) {
    const ir::Expr same = (x && y) || (!x && !y);
    return Value::node((expr.kind == ExprKind::equal ? same : !same).id);
  }
  if (expr.kind == ExprKind::less) return Value::node((x < y).id);
  if (expr.kind == ExprKind::greater) return Value::node((x > y).id);
  if (expr.kind == ExprKind::equal) return Value::node(equal(x, y).id);
  if (integers) {
    if (expr.kind == ExprKind::less_equal) return Value::node((!(y < x)).id);
    if (expr.kind == ExprKind::greater_equal) return Value::node((!(x < y)).id);
    return Value::node((!equal(x, y)).id);
  }
  if (expr.kind == ExprKind::less_equal) return Value::node((x <= y).id);
  if (expr.kind == ExprKind::greater_equal) return Value::node((x >= y).id);
  return Value::node(not_equal(x, y).id);
}

Value Body::logic(const dsl::Expr& expr) {
  const ir::Expr a = lowerer_.expr(operand(expr, 0));
  if (expr.kind == ExprKind::logical_not) return Value::node((!a).id);
  const ir::Expr b = lowerer_.expr(operand(expr, 1));
  return Value::node((expr.kind == ExprKind::logical_and ? a && b : a || b).id);
}

// A condition known here (of int parameters) leaves one side only.
Value Body::select(const dsl::Expr& expr) {
  const ir::Expr condition = lowerer_.expr(operand(expr, 0));
  const Value& a = operand(expr, 1);
  const Value& b = operand(expr, 2);
  if (condition.is_constant()) return condition.node().payload != 0 ? a : b;
  return Value::node(
      ir::select(condition, lowerer_.typed(a, expr.type), lowerer_.typed(b, expr.type)).id);
}

Value Body::derivative(const dsl::Expr& expr) {
  const Value& of = operand(expr, 0);
  const Value& by = operand(expr, 1);
  if (of.known() || by.known()) return Value::literal(0);
  return Value::node(make(Op::derivative, lowerer_.number(of), lowerer_.expr(by)).id);
}

std::vector<Value> Body::call(const dsl::Expr& expr) {
  if (expr.builtin != dsl::Builtin::none) return {builtin(expr)};
  const FunctionDef& callee = lowerer_.program().function(expr.callee);
  // What crosses into a function is rounded to the compute type, as a parameter is; integers stay.
  const auto argument = [&](const Value& value, dsl::Type wanted) {
    if (wanted == dsl::Type::integer && value.is_integer()) return value;
    return Value::node(lowerer_.typed(value, wanted).id);
  };
  Arguments arguments;
  for (std::size_t i = 0; i < callee.inputs.size(); ++i)
    arguments.inputs.push_back(
        argument(i < expr.operand_count ? operand(expr, i) : lowerer_.default_of(callee.inputs[i]),
                 callee.inputs[i].type()));
  for (const dsl::Parameter& param : callee.parameters)
    arguments.params.push_back(
        param.is_integer ? Value::integer(static_cast<std::int64_t>(param.default_value))
                         : argument(Value::literal(param.default_value), dsl::Type::number));
  for (const dsl::NamedArgument& named : function_.named_of(expr)) {
    const bool is_integer = callee.parameters[named.parameter].is_integer;
    arguments.params[named.parameter] =
        argument(value(named.value), is_integer ? dsl::Type::integer : dsl::Type::number);
  }
  return lowerer_.apply(callee, arguments);
}

Value Body::builtin(const dsl::Expr& expr) {
  std::vector<double> known;
  std::vector<ValueId> operands;
  for (std::size_t i = 0; i < expr.operand_count; ++i)
    if (operand(expr, i).known()) known.push_back(operand(expr, i).as_number());
  const bool all_known = expr.operand_count != 0 && known.size() == expr.operand_count;
  if (all_known && expr.type == dsl::Type::integer) {
    const std::int64_t a = operand(expr, 0).as_integer();
    const std::int64_t b = operand(expr, 1).as_integer();
    return Value::integer(expr.builtin == dsl::Builtin::min ? std::min(a, b) : std::max(a, b));
  }
  if (all_known && expr.type == dsl::Type::number)
    if (const auto folded = dsl::evaluate_builtin(expr.builtin, known))
      return Value::literal(*folded);
  for (std::size_t i = 0; i < expr.operand_count; ++i)
    operands.push_back(lowerer_.typed(operand(expr, i), wanted_type(expr, i)).id);
  // The one built-in that has a parameter, which the checker knows to be a literal.
  if (expr.builtin == dsl::Builtin::row_simplex_threshold) {
    double alpha = lowerer_.program().function(expr.callee).parameters[0].default_value;
    for (const dsl::NamedArgument& named : function_.named_of(expr))
      alpha = value(named.value).as_number();
    return lowerer_.threshold(operands[0], alpha);
  }
  return lowerer_.builtin(expr.builtin, operands);
}

// What a built-in does with its i-th operand; min and max are of integers where both are.
dsl::Type Body::wanted_type(const dsl::Expr& expr, std::size_t i) const {
  switch (dsl::info(expr.builtin).rule) {
    case dsl::BuiltinRule::numbers_or_integers: return expr.type;
    case dsl::BuiltinRule::reduce_booleans: return dsl::Type::boolean;
    case dsl::BuiltinRule::at: return i == 0 ? dsl::Type::number : dsl::Type::integer;
    case dsl::BuiltinRule::numbers:
    case dsl::BuiltinRule::test:
    case dsl::BuiltinRule::reduce_numbers:
    case dsl::BuiltinRule::reduce_to_index:
    case dsl::BuiltinRule::row_softmax:
    case dsl::BuiltinRule::position_element:
    case dsl::BuiltinRule::position_row:
    case dsl::BuiltinRule::position_constant: return dsl::Type::number;
  }
  return dsl::Type::number;
}

Value Lowerer::builtin(dsl::Builtin builtin, std::span<const ValueId> operands) {
  if (const auto value = lower_builtin(graph_, builtin, operands)) return Value::node(*value);
  return fail(Status::unsupported, "'" + std::string(dsl::name(builtin)) +
                                       "' parses and checks, but there are no kernels of it yet");
}

// As a kernel's own function: the steps are made for the parameter's value.
Value Lowerer::threshold_of(ValueId z, const Value& alpha) {
  if (alpha.known()) return threshold(z, alpha.as_number());
  const ir::Node& node = graph_[alpha.in(graph_)];
  if (graph_.params()[node.payload].baked) return threshold(z, graph_.params()[node.payload].value);
  return fail(Status::unsupported,
              "'alpha' of 'row_simplex_threshold' cannot be passed at each call");
}

Value Lowerer::threshold(ValueId z, double alpha) {
  if (alpha > 1) return Value::node(simplex_threshold(graph_, z, alpha));
  return fail(Status::invalid_argument,
              "'alpha' of 'row_simplex_threshold' is above 1, and softmax is where it is 1");
}

// Of an input that a call leaves out.
Value Lowerer::default_of(const dsl::Input& input) {
  const double value = input.default_value.value_or(0);
  switch (input.type()) {
    case dsl::Type::integer: return Value::integer(static_cast<std::int64_t>(value));
    case dsl::Type::boolean: return Value::node(graph_.boolean(value != 0));
    case dsl::Type::number: break;
  }
  return Value::literal(value);
}

std::vector<Value> Lowerer::apply(const FunctionDef& function, const Arguments& arguments) {
  std::vector<Value> outputs;
  if (function.is_builtin) {
    std::vector<ValueId> operands;
    for (const Value& input : arguments.inputs) operands.push_back(input.in(graph_));
    if (function.builtin == dsl::Builtin::row_simplex_threshold)
      return {threshold_of(operands[0], arguments.params[0])};
    return {builtin(function.builtin, operands)};
  }
  if (!function.clauses.empty()) {
    outputs = apply_clauses(function, arguments);
  } else {
    Body body(*this, function, arguments);
    if (!body.run(function.results))
      return std::vector<Value>(function.results.size(), Value::literal(0));
    for (const ExprId result : function.results) outputs.push_back(body.value(result));
  }
  if (function.attributes.limits) outputs[0] = with_limits(function, arguments, outputs[0]);
  return outputs;
}

// The value is built on inputs without gradient where a clause states their derivative, and one
// clause node each brings the stated derivative in. In the clause itself the inputs are whole, so
// that a second derivative differentiates it.
std::vector<Value> Lowerer::apply_clauses(const FunctionDef& function, const Arguments& arguments) {
  Arguments detached = arguments;
  for (const dsl::Clause& clause : function.clauses) {
    Value& target =
        clause.by_parameter ? detached.params[clause.target] : detached.inputs[clause.target];
    if (!target.known() && !graph_.is_constant(target.in(graph_)))
      target = Value::node(graph_.add(Op::detach, {target.in(graph_)}));
  }
  Body value(*this, function, detached);
  std::vector<ExprId> roots = function.results;
  if (!value.run(roots)) return {Value::literal(0)};
  for (const dsl::Clause& clause : function.clauses) roots.push_back(clause.value);
  Body stated(*this, function, arguments);
  if (!stated.run(roots)) return {Value::literal(0)};

  ValueId result = value.value(function.results[0]).in(graph_);
  for (const dsl::Clause& clause : function.clauses) {
    const Value& target =
        clause.by_parameter ? arguments.params[clause.target] : arguments.inputs[clause.target];
    result =
        graph_.add(Op::clause, {result, target.in(graph_), stated.value(clause.value).in(graph_)});
  }
  return {Value::node(result)};
}

Value Lowerer::with_limits(const FunctionDef& function, const Arguments& arguments,
                           const Value& value) {
  std::vector<ValueId> operands{value.in(graph_), arguments.inputs[0].in(graph_)};
  for (const dsl::LimitValue& limit : *function.attributes.limits) {
    if (!limit.parameter) {
      operands.push_back(graph_.constant(limit.value));
      continue;
    }
    const ir::Expr param = expr(arguments.params[*limit.parameter]);
    operands.push_back((limit.negated ? -param : param).id);
  }
  return Value::node(graph_.add(Op::limits, operands));
}

Arguments Lowerer::bind(const FunctionDef& function, const Bindings& bindings) {
  Arguments arguments;
  arguments.inputs.resize(function.inputs.size(), Value::literal(0));
  for (std::size_t i = 0; i < function.inputs.size(); ++i) {
    const dsl::Input& input = function.inputs[i];
    if (!bindings.inputs[i].extent) continue;
    arguments.inputs[i] =
        Value::node(graph_.add_input(input.name, type_of(input, *bindings.inputs[i].extent)));
  }
  for (std::size_t i = 0; i < function.parameters.size(); ++i) {
    const dsl::Parameter& param = function.parameters[i];
    const ParameterBinding& binding = bindings.params[i];
    arguments.params.push_back(
        param.is_integer ? Value::integer(static_cast<std::int64_t>(binding.value))
                         : Value::node(graph_.add_param(param.name, binding.value, binding.baked)));
  }
  for (std::size_t i = 0; i < function.inputs.size(); ++i)
    if (!bindings.inputs[i].extent)
      arguments.inputs[i] =
          function.inputs[i].type() == dsl::Type::number
              ? Value::node(graph_.add_param(function.inputs[i].name,
                                             function.inputs[i].default_value.value_or(0), true))
              : default_of(function.inputs[i]);
  return arguments;
}

ir::Type Lowerer::type_of(const dsl::Input& input, ir::Extent extent) const {
  switch (input.type()) {
    case dsl::Type::integer: return {ir::integer_of(graph_.compute()), extent};
    case dsl::Type::boolean: return {ir::Elem::boolean, extent};
    case dsl::Type::number: break;
  }
  return {graph_.compute(), extent};
}

Result<ir::Graph> Lowerer::run(const FunctionDef& function, const Bindings& bindings) {
  const Arguments arguments = bind(function, bindings);
  const std::vector<Value> outputs = apply(function, arguments);
  if (error_) return *error_;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    graph_.add_output(function.outputs[i].name, typed(outputs[i], function.outputs[i].type).id);
  }
  return std::move(graph_);
}

}  // namespace

Result<ir::Graph> lower(const dsl::Program& program, dsl::FunctionId function,
                        const Bindings& bindings) {
  return Lowerer(program, bindings.compute).run(program.function(function), bindings);
}

}  // namespace sluice::lower
