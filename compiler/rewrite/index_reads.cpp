#include "compiler/rewrite/index_reads.hpp"

#include <optional>
#include <vector>

#include "compiler/ir/expr.hpp"
#include "compiler/ir/mapping.hpp"

namespace sluice::rewrite {
namespace {

using ir::Expr;
using ir::Extent;
using ir::Op;
using ir::ValueId;

// Conditions of one output under which values are needed, users before their operands.
class Reads {
 public:
  Reads(ir::Graph& graph, const std::vector<bool>& holds_at)
      : graph_(graph), holds_at_(holds_at), needed_(holds_at.size()) {}

  Expr of(ValueId output) {
    Expr place = index(0);
    need(output, always());
    for (std::uint32_t i = output.index + 1; i-- > 0;) {
      if (!needed_[i]) continue;
      const ValueId id{i};
      if (graph_[id].op == Op::at) place = select(is_outside(id), index(source(id)), place);
      pass_on(id);
    }
    return place;
  }

 private:
  [[nodiscard]] Expr expr(ValueId id) const { return {&graph_, id}; }
  [[nodiscard]] Expr always() { return expr(graph_.boolean(true)); }
  [[nodiscard]] Expr index(std::uint64_t value) {
    return expr(graph_.constant_bits(ir::integer_of(graph_.compute()), value));
  }
  [[nodiscard]] bool is_always(Expr a) { return a == always(); }

  Expr both(Expr a, Expr b) { return is_always(a) ? b : is_always(b) ? a : a && b; }

  // A value that the row has one of is needed where any column needs it.
  void need(ValueId id, Expr condition) {
    if (id.index >= holds_at_.size() || !holds_at_[id.index]) return;
    if (graph_[id].type.extent != Extent::element && condition.type().extent == Extent::element)
      condition = make(Op::row_any, condition);
    std::optional<Expr>& known = needed_[id.index];
    if (!known || is_always(condition))
      known = condition;
    else if (!is_always(*known))
      known = *known || condition;
  }

  // By value: adding nodes moves them.
  void pass_on(ValueId id) {
    const ir::Node node = graph_[id];
    const Expr here = *needed_[id.index];
    if (node.op == Op::select) {
      const Expr chosen = expr(node.operand(0));
      need(node.operand(0), here);
      need(node.operand(1), both(here, chosen));
      need(node.operand(2), both(here, !chosen));
      return;
    }
    // `and` and `or` are read from the left: what the first one settles needs no second.
    if (node.op == Op::logic_and || node.op == Op::logic_or) {
      const Expr first = expr(node.operand(0));
      need(node.operand(0), here);
      need(node.operand(1), both(here, node.op == Op::logic_and ? first : !first));
      return;
    }
    for (const ValueId operand : node.args()) need(operand, here);
  }

  Expr is_outside(ValueId at) {
    const Expr read = expr(graph_[at].operand(1));
    const Expr width = expr(graph_.add_position(Op::width));
    return both(*needed_[at.index], read < index(0) || !(read < width));
  }

  [[nodiscard]] std::uint64_t source(ValueId at) const {
    const ir::Node& read = graph_[graph_[at].operand(1)];
    return 1 + (read.op == Op::input ? read.payload : graph_.inputs().size());
  }

  ir::Graph& graph_;
  const std::vector<bool>& holds_at_;  // by value: it is one, or made from one
  std::vector<std::optional<Expr>> needed_;
};

std::vector<bool> values_with_at(const ir::Graph& graph) {
  std::vector<bool> holds(graph.size(), false);
  for (std::uint32_t i = 0; i < holds.size(); ++i) {
    const ir::Node& node = graph[ValueId{i}];
    holds[i] = node.op == Op::at;
    for (const ValueId operand : node.args()) holds[i] = holds[i] || holds[operand.index];
  }
  return holds;
}

}  // namespace

ir::Graph index_reads(const ir::Graph& graph, std::span<const std::uint32_t> outputs) {
  const std::vector<bool> holds_at = values_with_at(graph);
  ir::Graph result = graph.without_outputs();
  for (const std::uint32_t output : outputs) {
    const auto& [name, value] = graph.outputs()[output];
    result.add_output(name, Reads(result, holds_at).of(value).id);
  }
  return result;
}

}  // namespace sluice::rewrite
