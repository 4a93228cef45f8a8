#include "compiler/rewrite/rewriter.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "compiler/ir/scalar.hpp"

namespace sluice::rewrite {
namespace {

using ir::Graph;
using ir::Node;
using ir::Op;
using ir::ValueId;

// No rule makes work for itself without end; this bounds a mistake to a slow compilation.
constexpr int kFuel = 100'000;

bool is_commutative(Op op) {
  return op == Op::add || op == Op::mul || op == Op::eq || op == Op::ne || op == Op::logic_and ||
         op == Op::logic_or || op == Op::iadd || op == Op::imul || op == Op::iand ||
         op == Op::ior || op == Op::ixor || op == Op::ieq;
}

bool representable(ir::Elem compute, double value) {
  return std::isfinite(value) &&
         (compute == ir::Elem::f64 || static_cast<double>(static_cast<float>(value)) == value);
}

bool is_power_of_two(double value) {
  int exponent = 0;
  return std::isfinite(value) && std::abs(std::frexp(value, &exponent)) == 0.5;
}

bool repeats(const Sum& sum) {
  for (std::size_t i = 0; i < sum.items.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (sum.items[i].value == sum.items[j].value) return true;
  return false;
}

}  // namespace

Rewriter::Rewriter(Graph& graph, std::vector<std::string>* fired)
    : graph_(graph), fired_(fired), algebraic_(fired != nullptr), fuel_(kFuel) {
  // What a match is about to bind is made by exact rules alone: it may be thrown away.
  const auto plain = [this](const auto& parts) {
    const bool algebraic = std::exchange(algebraic_, false);
    const ValueId value = build(parts);
    algebraic_ = algebraic;
    return value;
  };
  builders_ = {plain, plain};
}

void Rewriter::close(ValueId value) {
  if (opaque_.size() <= value.index) opaque_.resize(value.index + 1, false);
  opaque_[value.index] = true;
}

ValueId Rewriter::make(Op op, std::span<const ValueId> operands, std::uint64_t payload) {
  std::array<ValueId, ir::kMaxArity> ordered{};
  std::copy(operands.begin(), operands.end(), ordered.begin());
  // One order for both: the same bits, and more common subexpressions.
  if (is_commutative(op) && ordered[1] < ordered[0]) std::swap(ordered[0], ordered[1]);
  const ValueId value = graph_.add(op, {ordered.data(), operands.size()}, payload);
  const Node node = graph_[value];
  if (const auto folded = fold(node)) return *folded;
  if (const auto simpler = apply_exact(node)) return *simpler;
  if (!algebraic_ || fuel_ <= 0 || is_opaque(opaque_, value)) return value;
  return apply_algebraic(value).value_or(value);
}

std::optional<ValueId> Rewriter::fold(const Node& node) {
  if (ir::info(node.op).op_class != ir::OpClass::machine) return std::nullopt;
  std::array<std::uint64_t, ir::kMaxArity> bits{};
  for (int i = 0; i < node.arity(); ++i) {
    if (!graph_.is_constant(node.operand(i))) return std::nullopt;
    bits[static_cast<std::size_t>(i)] = graph_[node.operand(i)].payload;
  }
  const auto count = static_cast<std::size_t>(node.arity());
  return graph_.constant_bits(node.type.elem, ir::evaluate(graph_, node, {bits.data(), count}));
}

std::optional<ValueId> Rewriter::apply_exact(const Node& node) {
  // Dividing by a power of two is multiplying by its reciprocal, if that is a normal number.
  if (node.op == Op::div && graph_.is_constant(node.operand(1))) {
    const double divisor = graph_.constant_value(node.operand(1));
    const double limit = graph_.compute() == ir::Elem::f32 ? 0x1p126 : 0x1p1022;
    if (is_power_of_two(divisor) && std::abs(divisor) <= limit && std::abs(divisor) >= 1 / limit)
      return make(Op::mul, {node.operand(0), graph_.constant(1 / divisor)});
  }
  const auto is = [&](int i, Op op) { return graph_[node.operand(i)].op == op; };
  if (node.op == Op::ilt && is(0, Op::column) && is(1, Op::width)) return graph_.boolean(true);
  if (node.op == Op::iadd || node.op == Op::isub)
    for (const int i : {1, 0})
      if (is(i, Op::constant) && graph_[node.operand(i)].payload == 0 &&
          (i == 1 || node.op == Op::iadd))
        return node.operand(1 - i);
  return apply(exact_rules(), node);
}

std::optional<ValueId> Rewriter::apply(const std::vector<LiteralRule>& rules, const Node& node) {
  for (const LiteralRule& rule : with_root(rules, node.op)) {
    Bindings bindings;
    if (matches_operands(rule.left, node, bindings)) return build(rule.right, bindings);
  }
  return std::nullopt;
}

bool Rewriter::matches(const Term& term, ValueId value, Bindings& bindings) const {
  const Node& node = graph_[value];
  switch (term.kind) {
    case Term::Kind::literal: return graph_.is_constant(value, term.literal);
    case Term::Kind::variable: {
      if (term.literal_only && node.op != Op::constant) return false;
      std::optional<ValueId>& slot = bindings[term.variable];
      if (!slot) slot = value;
      return *slot == value;
    }
    case Term::Kind::operation: break;
  }
  if (node.op != term.op || is_opaque(opaque_, value)) return false;
  if (term.op == Op::constant)
    return node.type.elem == ir::Elem::boolean &&
           (node.payload != 0) == (term.operands[0].literal != 0);
  return matches_operands(term, node, bindings);
}

bool Rewriter::matches_operands(const Term& term, const Node& node, Bindings& bindings) const {
  const auto in_order = [&](std::size_t first) {
    Bindings attempt = bindings;
    for (std::size_t i = 0; i < term.operands.size(); ++i) {
      const std::size_t operand = first != 0 && i < 2 ? 1 - i : i;
      if (!matches(term.operands[i], node.operands[operand], attempt)) return false;
    }
    bindings = attempt;
    return true;
  };
  return in_order(0) || (is_commutative(node.op) && in_order(1));
}

// What the factors are calls of, of a product or of each term of a sum.
OpSet Rewriter::ops_of(const Views& views) const {
  OpSet ops;
  const auto add = [&](const Product& product) {
    for (const Power& power : product.factors)
      ops.set(static_cast<std::size_t>(graph_[power.base].op));
  };
  add(views.product);
  for (const Sum::Item& item : views.sum.items) add(product_view(graph_, opaque_, item.value));
  return ops;
}

std::optional<ValueId> Rewriter::apply_algebraic(ValueId value) {
  const Node node = graph_[value];
  if (!ir::is_number(node.type.elem) || node.op == Op::constant) return std::nullopt;
  if (const auto shaped = apply(shape_rules(), node)) return shaped;
  Views views;
  const bool is_product = node.op == Op::mul || node.op == Op::div || node.op == Op::neg;
  const bool is_sum = node.op == Op::add || node.op == Op::sub;
  if (is_product) views.product = product_view(graph_, opaque_, value);
  if (is_sum) views.sum = sum_view(graph_, opaque_, value);
  // (z + e) - e with a large e is 0, and no other grouping of it is.
  if (repeats(views.sum)) return std::nullopt;
  const OpSet missing = ~ops_of(views);
  for (const AlgebraicRule& rule : algebraic_rules()) {
    if ((rule.needs & missing).any()) continue;
    const Pattern& left = rule.left;
    const bool candidate = left.kind == Pattern::Kind::product ? is_product
                           : left.kind == Pattern::Kind::sum   ? is_sum
                                                               : left.op == node.op;
    if (!candidate) continue;
    const auto match = Matcher(graph_, opaque_, builders_).match(left, value, views);
    if (!match) continue;
    --fuel_;
    fired_->emplace_back(rule.name);
    return build(*match, rule.right);
  }
  return is_product ? merge_literals(views.product) : std::nullopt;
}

// 0.5 * (2 * x): literals whose product is exact become one. Quotients stay as they are: 1 / b * 1
// / b is not 1 / (b * b), which may overflow.
std::optional<ValueId> Rewriter::merge_literals(const Product& view) {
  const bool quotient =
      view.denominator != 1 || std::any_of(view.factors.begin(), view.factors.end(),
                                           [](const Power& power) { return power.exponent < 0; });
  if (view.constants < 2 || quotient || !representable(graph_.compute(), view.numerator))
    return std::nullopt;
  --fuel_;
  return build(view);
}

ValueId Rewriter::build(const Term& term, const Bindings& bindings) {
  if (term.kind == Term::Kind::variable) return *bindings[term.variable];
  if (term.kind == Term::Kind::literal) return graph_.constant(term.literal);
  if (term.op == Op::constant) return graph_.boolean(term.operands[0].literal != 0);
  std::vector<ValueId> operands;
  for (const Term& operand : term.operands) operands.push_back(build(operand, bindings));
  if (takes_low_word(term.op) && operands.size() == 1) operands.push_back(graph_.constant(0.0));
  return make(term.op, operands);
}

ValueId Rewriter::build(const Match& match, const Term& right) {
  const ValueId value = build(right, match.bindings);
  if (match.factors) {
    const Product& rest = *match.factors;
    Product whole = rest;
    whole.factors.push_back({value, 1});
    return build(whole);
  }
  if (match.terms) {
    Sum whole = *match.terms;
    whole.items.push_back({value, match.negated});
    return build(whole);
  }
  return value;
}

// numerator * factors / (denominator * factors), from the left; a sign without a literal to take it
// comes last.
ValueId Rewriter::build(const Product& product) {
  const double numerator = std::abs(product.numerator);
  const double denominator = std::abs(product.denominator);
  const bool negative = product.coefficient() < 0;
  const auto times = [this](std::optional<ValueId>& total, ValueId factor) {
    total = total ? make(Op::mul, {*total, factor}) : factor;
  };
  std::optional<ValueId> above;
  std::optional<ValueId> below;
  if (numerator != 1) above = graph_.constant(numerator);
  if (denominator != 1) below = graph_.constant(denominator);
  for (const Power& power : product.factors) {
    const int exponent = std::abs(power.exponent);
    std::optional<ValueId>& side = power.exponent > 0 ? above : below;
    if (exponent > 3 && exponent <= 16) {
      const ValueId k = graph_.constant(exponent);
      times(side, make(Op::integer_power, {power.base, k}));
    } else {
      for (int i = 0; i < exponent; ++i) times(side, power.base);
    }
  }
  ValueId value = above ? *above : graph_.constant(1.0);
  if (below) value = make(Op::div, {value, *below});
  return negative ? make(Op::neg, {value}) : value;
}

ValueId Rewriter::build(const Sum& sum) {
  std::optional<ValueId> total;
  for (const bool negated : {false, true}) {
    for (const Sum::Item& item : sum.items) {
      if (item.negated != negated) continue;
      if (!total) {
        total = negated ? make(Op::neg, {item.value}) : item.value;
      } else {
        total = make(negated ? Op::sub : Op::add, {*total, item.value});
      }
    }
  }
  if (!total) return graph_.constant(sum.constant);
  if (sum.constant == 0) return *total;
  return make(Op::add, {*total, graph_.constant(sum.constant)});
}

}  // namespace sluice::rewrite
