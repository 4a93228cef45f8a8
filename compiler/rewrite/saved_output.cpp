#include "compiler/rewrite/saved_output.hpp"

#include <algorithm>
#include <vector>

#include "compiler/ir/expr.hpp"
#include "compiler/ir/mapping.hpp"
#include "compiler/rewrite/stabilize.hpp"

namespace sluice::rewrite {
namespace {

using ir::Expr;
using ir::Graph;
using ir::Node;
using ir::Op;
using ir::ValueId;

// Without the ops that only differentiation looks at, and without stated limits: what is read from
// y has them by itself.
Graph values_alone(const Graph& graph) {
  Graph result = graph.empty_copy();
  ir::Mapping mapping(graph, result);
  for (const ValueId id : graph.live()) {
    const Node& node = graph[id];
    if (node.op == Op::detach || node.op == Op::clause || node.op == Op::limits)
      mapping.set(id, mapping[node.operand(0)]);
    else
      mapping.copy(id);
  }
  mapping.copy_outputs();
  return simplify_exact(result);
}

class OutputReader {
 public:
  explicit OutputReader(const Graph& graph)
      : graph_(graph), x_(graph.input_value(0)), y_(graph.outputs()[0].value),
        result_(graph.compute()), values_(graph.size()) {
    for (const ir::Table& table : graph.tables()) result_.add_table(table);
    for (std::size_t i = 0; i < graph.inputs().size(); ++i) {
      const ir::GraphInput& input = graph.inputs()[i];
      const ValueId value =
          result_.add_input(i == 0 ? graph.outputs()[0].name : input.name, input.type);
      if (i == 0)
        saved_ = {&result_, value};
      else
        set(graph.input_value(i), {&result_, value});
    }
    for (std::size_t i = 0; i < graph.params().size(); ++i) {
      const ir::GraphParam& param = graph.params()[i];
      const ValueId value = result_.add_param(param.name, param.value, param.baked);
      set(graph.param_value(i), {&result_, value});
    }
  }

  std::optional<Graph> run() && {
    find_exponential();
    for (const ValueId id : graph_.live())
      if (!values_[id.index]) values_[id.index] = read(id);
    const ir::GraphOutput& gradient = graph_.outputs()[1];
    if (!values_[gradient.value.index]) return std::nullopt;
    result_.add_output(gradient.name, values_[gradient.value.index]->id);
    return std::move(result_);
  }

 private:
  [[nodiscard]] const Node& node(ValueId id) const { return graph_[id]; }
  void set(ValueId id, Expr value) { values_[id.index] = value; }

  // The value of a node in terms of y; nothing where it cannot be had.
  std::optional<Expr> read(ValueId id) {
    if (id == y_) return saved_;
    if (id == x_) return std::nullopt;
    if (const auto known = read_slope(id)) return known;
    if (const auto known = read_comparison(id)) return known;
    const Node& from = node(id);
    if (from.op == Op::constant)
      return Expr{&result_, result_.constant_bits(from.type.elem, from.payload)};
    const std::optional<int> negative = negative_side(id);
    std::vector<ValueId> operands;
    for (int i = 0; i < from.arity(); ++i) {
      const ValueId operand = from.operand(i);
      const auto value = i == negative ? read_negative(operand) : values_[operand.index];
      if (!value) return std::nullopt;
      operands.push_back(value->id);
    }
    return Expr{&result_, result_.add(from.op, operands, from.payload)};
  }

  [[nodiscard]] bool is(ValueId id, Op op) const { return node(id).op == op; }
  // Whether y is this function of u.
  [[nodiscard]] bool output_is(Op op, ValueId u) const {
    return is(y_, op) && node(y_).operand(0) == u;
  }
  // The other factor of a product with this one.
  [[nodiscard]] std::optional<ValueId> factor_beside(ValueId product, ValueId factor) const {
    if (!is(product, Op::mul)) return std::nullopt;
    const Node& at = node(product);
    if (at.operand(0) == factor) return at.operand(1);
    if (at.operand(1) == factor) return at.operand(0);
    return std::nullopt;
  }
  [[nodiscard]] bool is_twice(ValueId u, ValueId v) const {
    const auto factor = factor_beside(u, v);
    if (factor && graph_.is_constant(*factor, 2.0)) return true;
    const auto inverse = factor_beside(v, u);
    return inverse && graph_.is_constant(*inverse, 0.5);
  }

  // Slopes by their function's value. One fused operation where there is one: y - y^2 and 1 - y^2
  // are then off by half an ulp.
  std::optional<Expr> read_slope(ValueId id) {
    const Node& at = node(id);
    if (at.arity() == 0) return std::nullopt;
    const Expr y = saved_;
    const ValueId u = at.operand(0);
    if (at.op == Op::sigmoid_derivative) {
      if (output_is(Op::sigmoid, u)) return fma(-y, y, y);
      if (is(y_, Op::tanh) && is_twice(u, node(y_).operand(0))) return fma(-y, y, 1.0) * 0.25;
    }
    if (at.op == Op::sigmoid) {
      if (output_is(Op::log1p_exp, u)) return -expm1(-y);
      if (is(u, Op::neg) && output_is(Op::log_sigmoid, node(u).operand(0))) return -expm1(y);
    }
    if (at.op == Op::div) {
      // 1/x, whose slope is -y/x, and x^(-1/2), whose slope is -y/(2x).
      const ValueId by = at.operand(1);
      const bool inverse = is(y_, Op::div) && graph_.is_constant(node(y_).operand(0), 1.0);
      if (u == y_ && inverse && by == node(y_).operand(1)) return y * y;
      if (output_is(Op::rsqrt, by) && factor_beside(u, y_)) return *values_[u.index] * (y * y);
    }
    if (is(y_, Op::expm1) && at.op == Op::exp) return read_exponential(id);
    return std::nullopt;
  }

  Expr expm1(Expr a) { return ir::make(Op::expm1, a, number(a, 0.0)); }

  // Where x is below zero y may be k (e^u - 1), as in elu; k e^u is y + k there.
  void find_exponential() {
    ValueId id = y_;
    for (;;) {
      const Node& at = node(id);
      if (const auto negative = negative_side(id)) {
        id = at.operand(*negative);
      } else if (at.op == Op::mul && !scale_ && is_positive(at.operand(0))) {
        scale_ = import(at.operand(0));
        id = at.operand(1);
      } else if (at.op == Op::mul && !scale_ && is_positive(at.operand(1))) {
        scale_ = import(at.operand(1));
        id = at.operand(0);
      } else {
        if (at.op == Op::expm1) exponent_ = at.operand(0);
        break;
      }
    }
    if (!scale_) scale_ = number(saved_, 1.0);
  }

  // Which operand a select gives where x is below zero, or below a negative number next to it.
  [[nodiscard]] std::optional<int> negative_side(ValueId id) const {
    constexpr double kNextToZero = -0x1p-60;
    if (!is(id, Op::select)) return std::nullopt;
    const Node& condition = node(node(id).operand(0));
    if (condition.op != Op::lt && condition.op != Op::le) return std::nullopt;
    const bool on_left = condition.operand(0) == x_;
    const ValueId bound = condition.operand(on_left ? 1 : 0);
    if (!graph_.is_constant(bound) || (!on_left && condition.operand(1) != x_)) return std::nullopt;
    const double value = graph_.constant_value(bound);
    if (value > 0 || value < kNextToZero) return std::nullopt;
    return on_left ? 1 : 2;
  }

  // e^u or k e^u, where y is k (e^u - 1).
  std::optional<Expr> read_exponential(ValueId id) const {
    const auto is_power = [&](ValueId value) {
      return is(value, Op::exp) && exponent_.valid() && node(value).operand(0) == exponent_;
    };
    if (is_power(id)) return (saved_ + *scale_) / *scale_;
    if (!is(id, Op::mul)) return std::nullopt;
    for (const ValueId factor : node(id).args())
      if (is_power(factor) && values_[factor_beside(id, factor)->index] == scale_)
        return saved_ + *scale_;
    return std::nullopt;
  }

  // A value as it is where x is below zero.
  std::optional<Expr> read_negative(ValueId id) const {
    if (values_[id.index]) return values_[id.index];
    if (const auto known = read_exponential(id)) return known;
    if (!is(id, Op::mul)) return std::nullopt;
    const auto a = read_negative(node(id).operand(0));
    const auto b = read_negative(node(id).operand(1));
    if (!a || !b) return std::nullopt;
    return *a * *b;
  }

  // A value of parameters and literals.
  Expr import(ValueId id) {
    std::optional<Expr>& value = values_[id.index];
    if (value) return *value;
    for (const ValueId operand : node(id).args()) import(operand);
    value = read(id);
    return *value;
  }

  // Literals and baked parameters above zero, their sums and products.
  [[nodiscard]] bool is_positive(ValueId id) const {
    const Node& at = node(id);
    if (at.op == Op::constant) return ir::is_number(at.type.elem) && graph_.constant_value(id) > 0;
    if (at.op == Op::param)
      return graph_.params()[at.payload].baked && graph_.params()[at.payload].value > 0;
    return (at.op == Op::mul || at.op == Op::add) && is_positive(at.operand(0)) &&
           is_positive(at.operand(1));
  }

  // Whether a value has the sign of x, 0 where it underflows.
  [[nodiscard]] bool keeps_sign(ValueId id) const {
    if (id == x_) return true;
    const Node& at = node(id);
    if (at.op == Op::select) return keeps_sign(at.operand(1)) && keeps_sign(at.operand(2));
    if (at.op == Op::expm1) return keeps_sign(at.operand(0));
    if (at.op == Op::div) return is_positive(at.operand(1)) && keeps_sign(at.operand(0));
    return at.op == Op::mul && ((is_positive(at.operand(0)) && keeps_sign(at.operand(1))) ||
                                (is_positive(at.operand(1)) && keeps_sign(at.operand(0))));
  }

  // Comparisons of x with what y can be compared with instead.
  std::optional<Expr> read_comparison(ValueId id) {
    const Node& at = node(id);
    if (at.op != Op::lt && at.op != Op::le) return std::nullopt;
    const bool on_left = at.operand(0) == x_;
    if (!on_left && at.operand(1) != x_) return std::nullopt;
    const ValueId bound = at.operand(on_left ? 1 : 0);
    if (!values_[bound.index] || !is_told(bound, on_left == (at.op == Op::le))) return std::nullopt;
    const Expr to = *values_[bound.index];
    return on_left ? ir::make(at.op, saved_, to) : ir::make(at.op, to, saved_);
  }

  // Whether y tells on which side of a bound x lies. Where y is limited to a bound, it tells "at
  // most" of a lower one (x <= bound, or not bound < x) and "at least" of an upper one.
  [[nodiscard]] bool is_told(ValueId bound, bool at_most) const {
    const bool zero = graph_.is_constant(bound) && graph_.constant_value(bound) == 0;
    if (zero && keeps_sign(y_)) return true;
    const Node& limited = node(y_);
    if (limited.op == Op::max)
      return at_most && ((limited.operand(0) == x_ && limited.operand(1) == bound) ||
                         (limited.operand(1) == x_ && limited.operand(0) == bound));
    if (limited.op != Op::clamp || limited.operand(0) != x_) return false;
    return limited.operand(at_most ? 1 : 2) == bound;
  }

  const Graph& graph_;
  ValueId x_;
  ValueId y_;
  Graph result_;
  Expr saved_;
  std::vector<std::optional<Expr>> values_;  // by the graph's value
  std::optional<Expr> scale_;                // where y is scale (e^exponent - 1): find_exponential
  ValueId exponent_;
};

}  // namespace

std::optional<Graph> read_output(const Graph& graph) {
  const Graph values = values_alone(graph);
  return OutputReader(values).run();
}

}  // namespace sluice::rewrite
