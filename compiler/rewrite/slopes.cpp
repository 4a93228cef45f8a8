#include "compiler/rewrite/slopes.hpp"

#include <algorithm>
#include <array>

namespace sluice::rewrite {
namespace {

using ir::Graph;
using ir::Node;
using ir::Op;
using ir::ValueId;

struct Slope {
  Op function;
  Op derivative;
  bool own_argument_only;  // t must be v, and without a low word
};
constexpr Slope kSlopes[] = {
    {Op::sigmoid, Op::sigmoid_derivative, false},
    {Op::tanh_log1p_exp, Op::tanh_log1p_exp_derivative, false},
    {Op::normal_cdf, Op::normal_pdf, true},
};

const Slope* find(Op function) {
  for (const Slope& slope : kSlopes)
    if (slope.function == function) return &slope;
  return nullptr;
}

// t of t f'(v), whatever the order in which the product was made.
class Factor {
 public:
  Factor(Rewriter& exact, Graph& graph, const Node& function, Op derivative)
      : exact_(exact), graph_(graph), function_(function), derivative_(derivative) {}

  std::optional<ValueId> of(ValueId term) {
    if (--fuel_ < 0) return std::nullopt;
    const Node node = graph_[term];
    if (node.op == derivative_ && std::ranges::equal(node.args(), function_.args()))
      return graph_.constant(1.0);
    if (node.op == Op::neg) return with(Op::neg, of(node.operand(0)));
    if (node.op == Op::div) return with(Op::div, of(node.operand(0)), node.operand(1));
    if (node.op == Op::mul) {
      if (const auto t = of(node.operand(0))) return with(Op::mul, t, node.operand(1));
      return with(Op::mul, of(node.operand(1)), node.operand(0));
    }
    if (node.op == Op::add || node.op == Op::sub)
      return with(node.op, of(node.operand(0)), of(node.operand(1)));
    return std::nullopt;
  }

 private:
  std::optional<ValueId> with(Op op, std::optional<ValueId> a) {
    if (!a) return std::nullopt;
    return exact_.make(op, std::array{*a});
  }
  std::optional<ValueId> with(Op op, std::optional<ValueId> a, std::optional<ValueId> b) {
    if (!a || !b) return std::nullopt;
    return exact_.make(op, std::array{*a, *b});
  }

  Rewriter& exact_;
  Graph& graph_;
  Node function_;
  Op derivative_;
  int fuel_ = 64;  // a formula's terms are small; a generated one's are not worth a long look
};

bool same_product(const Graph& graph, ValueId a, ValueId b) {
  const Node& left = graph[a];
  const Node& right = graph[b];
  return a == b || (left.op == Op::mul && right.op == Op::mul &&
                    left.operand(0) == right.operand(1) && left.operand(1) == right.operand(0));
}

}  // namespace

std::optional<SlopeSum> slope_sum(Rewriter& exact, Graph& graph, ValueId value) {
  if (graph[value].op != Op::add && graph[value].op != Op::sub) return std::nullopt;
  const Sum sum = sum_view(graph, {}, value);
  if (sum.constant != 0) return std::nullopt;
  for (const Sum::Item& item : sum.items) {
    const Node function = graph[item.value];
    const Slope* slope = find(function.op);
    if (slope == nullptr || item.negated) continue;
    const ValueId v = function.operand(0);
    SlopeSum result{item.value, v, {}};
    std::optional<ValueId> factor;
    for (const Sum::Item& other : sum.items) {
      if (other.value == item.value) continue;
      const auto t = Factor(exact, graph, function, slope->derivative).of(other.value);
      if (!t)
        result.rest.push_back(other);
      else if (factor)
        factor = exact.make(other.negated ? Op::sub : Op::add, std::array{*factor, *t});
      else
        factor = other.negated ? exact.make(Op::neg, std::array{*t}) : *t;
    }
    if (!factor) continue;
    if (!same_product(graph, *factor, v)) result.factor = *factor;
    const bool own = result.factor == v && graph.is_constant(function.operand(1), 0);
    if (own || !slope->own_argument_only) return result;
  }
  return std::nullopt;
}

}  // namespace sluice::rewrite
