// Expansion: in goes a graph with primitives, out comes one of machine ops.
//
// The table below names the expansion of each primitive, one line each. Products with a primitive
// that has a scaled form are made from that form (toolkit.hpp, Scaled), so that x * sigmoid(x)
// loses nothing where sigmoid(x) is a denormal number and needs no rounded sigmoid(x) at all. Which
// form is used depends on the graph's shape alone.
#include "compiler/numerics/expand.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/numerics/functions.hpp"
#include "compiler/numerics/structural.hpp"

namespace sluice::numerics {
namespace {

using ir::Op;
using ir::ValueId;

struct Expansion {
  Op op;
  Expr (*value)(Expr, Expr);
  Scaled (*scaled)(Expr, Expr) = nullptr;  // where products may use it
  Pair (*pair)(Expr, Expr) = nullptr;      // what low_word asks for
};

constexpr Expansion kExpansions[] = {
    {Op::exp, exp},
    {Op::sigmoid, sigmoid, sigmoid_scaled},
    {Op::erf, erf},
    {Op::normal_cdf, normal_cdf},
    {Op::normal_pdf, normal_pdf},
    {Op::rsqrt, rsqrt},
};

const Expansion* find(Op op) {
  for (const Expansion& expansion : kExpansions)
    if (expansion.op == op) return &expansion;
  return nullptr;
}

bool is_primitive(const ir::Node& node) {
  return ir::info(node.op).op_class == ir::OpClass::primitive;
}

// Walks the old graph in order. A value that products can take in scaled form is made only when
// something else asks.
class Expander {
 public:
  explicit Expander(const ir::Graph& old)
      : old_(old), graph_(old.empty_copy()), values_(old.size()), scaled_(old.size()) {
    for (std::size_t i = 0; i < old.inputs().size(); ++i)
      place(old.input_value(i), graph_.input_value(i));
    for (std::size_t i = 0; i < old.params().size(); ++i)
      place(old.param_value(i), graph_.param_value(i));
  }

  Result<ir::Graph> run() {
    for (const ValueId id : old_.live()) visit(id);
    for (const ir::GraphOutput& output : old_.outputs())
      graph_.add_output(output.name, value(output.value).id);
    if (!missing_) return std::move(graph_);
    return Error{Status::unsupported,
                 "'" + std::string(ir::name(*missing_)) + "' has no expansion yet"};
  }

 private:
  void place(ValueId old, ValueId made) { values_[old.index] = Expr{&graph_, made}; }

  void visit(ValueId id) {
    const ir::Node& node = old_[id];
    if (values_[id.index]) return;
    if (node.op == Op::mul && visit_product(id)) return;
    const Expansion* expansion = find(node.op);
    if (expansion != nullptr && expansion->scaled != nullptr) return;
    value(id);
  }

  // A product with a function that has a scaled form.
  bool visit_product(ValueId id) {
    const ir::Node& node = old_[id];
    for (const auto& [u, f] : {std::pair{0, 1}, std::pair{1, 0}}) {
      const std::optional<Scaled> factor = scaled_form(node.operand(f));
      if (!factor) continue;
      scaled_[id.index] = times(value(node.operand(u)), *factor);
      return true;
    }
    return false;
  }

  std::optional<Scaled> scaled_form(ValueId id) {
    std::optional<Scaled>& slot = scaled_[id.index];
    const ir::Node& node = old_[id];
    const Expansion* expansion = find(node.op);
    if (!slot && expansion != nullptr && expansion->scaled != nullptr)
      slot = expansion->scaled(value(node.operand(0)), low_of(node));
    return slot;
  }

  Expr value(ValueId id) {
    std::optional<Expr>& slot = values_[id.index];
    if (!slot) slot = make_value(id);
    return *slot;
  }

  Expr low_of(const ir::Node& node) {
    return node.arity() < 2 ? Expr{&graph_, graph_.constant(0)} : value(node.operand(1));
  }

  Expr make_value(ValueId id) {
    const ir::Node& node = old_[id];
    if (node.op == Op::constant)
      return {&graph_, graph_.constant_bits(node.type.elem, node.payload)};
    if (const Expansion* expansion = find(node.op))
      return expansion->value(value(node.operand(0)), low_of(node));
    if (scaled_[id.index]) return value_of(*scaled_[id.index]);
    if (is_primitive(node)) return structural(node);
    std::vector<ValueId> operands;
    for (const ValueId operand : node.args()) operands.push_back(value(operand).id);
    return {&graph_, graph_.add(node.op, operands, node.payload)};
  }

  // Primitives that are about the graph rather than about a function.
  Expr structural(const ir::Node& node) {
    const auto operand = [&](int i) { return value(node.operand(i)); };
    const Expr a = operand(0);
    if (node.op == Op::detach || node.op == Op::clause) return a;
    if (node.op == Op::sign) return sign(a);
    if (node.op == Op::clamp) return clamp(a, operand(1), operand(2));
    if (node.op == Op::integer_power)
      return integer_power(a, static_cast<int>(old_.constant_value(node.operand(1))));
    if (node.op == Op::limits) return with_limits(a, operand(1), operand(2), operand(3));
    missing_ = node.op;
    return a;
  }

  const ir::Graph& old_;
  ir::Graph graph_;
  std::vector<std::optional<Expr>> values_;
  std::vector<std::optional<Scaled>> scaled_;
  std::optional<Op> missing_;
};

}  // namespace

Result<ir::Graph> expand(const ir::Graph& graph) { return Expander(graph).run(); }

}  // namespace sluice::numerics
