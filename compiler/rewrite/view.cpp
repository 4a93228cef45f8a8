#include "compiler/rewrite/view.hpp"

namespace sluice::rewrite {
namespace {

using ir::Graph;
using ir::Node;
using ir::Op;
using ir::ValueId;

void add_power(Product& product, ValueId base, int exponent) {
  for (Power& power : product.factors) {
    if (power.base != base || (power.exponent > 0) != (exponent > 0)) continue;
    power.exponent += exponent;
    return;
  }
  product.factors.push_back({base, exponent});
}

void scale(Product& product, double constant, int exponent) {
  ++product.constants;
  for (int i = 0; i < exponent; ++i) product.numerator *= constant;
  for (int i = 0; i < -exponent; ++i) product.denominator *= constant;
}

// Takes a value apart. Every visit counts against the budget, so that shared subterms (x^2 as x *
// x, again and again) can't make the walk long.
class Walk {
 public:
  Walk(const Graph& graph, const Opaque& opaque) : graph_(graph), opaque_(opaque) {}

  void collect(ValueId value, int exponent, Product& product) {
    const Node& node = graph_[value];
    if (node.op == Op::constant && ir::is_number(node.type.elem))
      return scale(product, graph_.constant_value(value), exponent);
    if (!may_enter(value)) return add_power(product, value, exponent);
    if (node.op == Op::neg) {
      if (exponent % 2 != 0) product.numerator = -product.numerator;
      collect(node.operand(0), exponent, product);
    } else if (node.op == Op::mul || node.op == Op::div) {
      collect(node.operand(0), exponent, product);
      collect(node.operand(1), node.op == Op::mul ? exponent : -exponent, product);
    } else if (node.op == Op::integer_power && (exponent == 1 || exponent == -1)) {
      const int k = static_cast<int>(graph_.constant_value(node.operand(1)));
      collect(node.operand(0), exponent * k, product);
    } else {
      add_power(product, value, exponent);
    }
  }

  void collect(ValueId value, bool negated, Sum& sum) {
    const Node& node = graph_[value];
    if (node.op == Op::constant && ir::is_number(node.type.elem)) {
      sum.constant += negated ? -graph_.constant_value(value) : graph_.constant_value(value);
    } else if (node.op == Op::neg && may_enter(value)) {
      collect(node.operand(0), !negated, sum);
    } else if ((node.op == Op::add || node.op == Op::sub) && may_enter(value)) {
      collect(node.operand(0), negated, sum);
      collect(node.operand(1), negated != (node.op == Op::sub), sum);
    } else {
      sum.items.push_back({value, negated});
    }
  }

 private:
  bool may_enter(ValueId value) { return !is_opaque(opaque_, value) && ++visits_ < kMaxVisits; }

  const Graph& graph_;
  const Opaque& opaque_;
  std::size_t visits_ = 0;
};

}  // namespace

bool is_opaque(const Opaque& opaque, ValueId value) {
  return value.index < opaque.size() && opaque[value.index];
}

Product product_view(const Graph& graph, const Opaque& opaque, ValueId value) {
  Product product;
  Walk(graph, opaque).collect(value, 1, product);
  return product;
}

Sum sum_view(const Graph& graph, const Opaque& opaque, ValueId value) {
  Sum sum;
  Walk(graph, opaque).collect(value, false, sum);
  return sum;
}

}  // namespace sluice::rewrite
