#include "compiler/backend/x64/open_columns.hpp"

#include <limits>
#include <utility>
#include <vector>

#include "compiler/ir/mapping.hpp"
#include "compiler/ir/scalar.hpp"

namespace sluice::x64 {
namespace {

using ir::Extent;
using ir::Graph;
using ir::Node;
using ir::Op;
using ir::ValueId;

// Copies values of a graph to another, where a condition has a known outcome. What follows from
// that, and from constants, is found at once.
class Assuming {
 public:
  Assuming(const Graph& from, Graph& to, ValueId condition, bool outcome)
      : from_(from), to_(to), values_(from.size()) {
    values_[condition.index] = to.boolean(outcome);
  }

  void set(ValueId old, ValueId made) { values_[old.index] = made; }
  [[nodiscard]] ValueId operator[](ValueId old) const { return values_[old.index]; }

  // Invalid where an operand is.
  ValueId copy(ValueId old) {
    ValueId& made = values_[old.index];
    if (!made.valid()) made = rebuilt(from_[old]);
    return made;
  }

 private:
  [[nodiscard]] bool is(ValueId id, bool outcome) const {
    return id.valid() && to_.is_constant(id) && to_[id].type.elem == ir::Elem::boolean &&
           (to_[id].payload != 0) == outcome;
  }

  ValueId rebuilt(const Node& node) {
    std::vector<ValueId> operands;
    for (const ValueId operand : node.args()) operands.push_back(values_[operand.index]);
    if (node.op == Op::select) {
      if (is(operands[0], true)) return operands[1];
      if (is(operands[0], false)) return operands[2];
    }
    if (node.op == Op::logic_and || node.op == Op::logic_or) {
      const bool decides = node.op == Op::logic_or;
      for (std::size_t i = 0; i < 2; ++i) {
        if (is(operands[i], decides)) return operands[i];
        if (is(operands[i], !decides)) return operands[1 - i];
      }
    }
    bool constant = !operands.empty();
    for (const ValueId operand : operands) {
      if (!operand.valid()) return {};
      constant = constant && to_.is_constant(operand);
    }
    if (is_difference_from_minus_infinity(node, operands)) return operands[0];
    const ValueId made = to_.add(node.op, operands, node.payload);
    return constant ? folded(made) : made;
  }

  // -inf less what is never -inf: a greatest element, and a finite number where it would be.
  [[nodiscard]] bool is_difference_from_minus_infinity(const Node& node,
                                                       const std::vector<ValueId>& operands) const {
    constexpr double kInf = std::numeric_limits<double>::infinity();
    if (node.op != Op::sub || !is_number(operands[0], -kInf)) return false;
    const Node& other = to_[operands[1]];
    if (other.op != Op::select || to_[other.operand(0)].op != Op::eq ||
        to_[other.operand(2)].op != Op::block_greatest || !is_number(other.operand(1), 0))
      return false;
    const Node& condition = to_[other.operand(0)];
    const auto excludes = [&](ValueId tested, ValueId bound) {
      if (is_number(bound, -kInf)) return tested == other.operand(2);
      return is_number(bound, kInf) && to_[tested].op == Op::abs &&
             to_[tested].operand(0) == other.operand(2);
    };
    return excludes(condition.operand(0), condition.operand(1)) ||
           excludes(condition.operand(1), condition.operand(0));
  }
  [[nodiscard]] bool is_number(ValueId id, double number) const {
    return to_.is_constant(id) && ir::is_number(to_[id].type.elem) &&
           ir::decode(to_[id].type.elem, to_[id].payload) == number;
  }

  ValueId folded(ValueId id) {
    const Node node = to_[id];
    if (ir::info(node.op).op_class != ir::OpClass::machine) return id;
    std::vector<std::uint64_t> bits;
    for (const ValueId operand : node.args()) bits.push_back(to_[operand].payload);
    const std::uint64_t result = ir::evaluate(to_, node, bits);
    if (node.type.elem == ir::Elem::boolean) return to_.boolean(result != 0);
    return to_.constant_bits(node.type.elem, result);
  }

  const Graph& from_;
  Graph& to_;
  std::vector<ValueId> values_;
};

// The condition as a bound: columns beyond it are closed, with the outcome.
struct Bound {
  ValueId condition;
  bool outcome = false;
  ValueId last;
  bool included = true;
};

std::vector<Bound> bounds_of(const Graph& graph) {
  std::vector<Bound> bounds;
  for (const ValueId id : graph.live()) {
    const Node& node = graph[id];
    if (node.op != Op::ilt) continue;
    const ValueId a = node.operand(0);
    const ValueId b = node.operand(1);
    const auto moves = [&](ValueId value) {
      return graph[value].type.extent != Extent::element && graph[value].op != Op::width;
    };
    if (graph[b].op == Op::column && moves(a)) bounds.push_back({id, true, a, true});
    if (graph[a].op == Op::column && moves(b)) bounds.push_back({id, false, b, false});
  }
  return bounds;
}

bool changes_nothing(const Graph& graph, Op reduction, ValueId value) {
  if (!value.valid() || !graph.is_constant(value)) return false;
  const Node& node = graph[value];
  if (reduction == Op::block_imin)
    return node.payload == (node.type.elem == ir::Elem::i64 ? 0x7fffffffffffffffu : 0x7fffffffu);
  if (reduction == Op::block_sum) return node.payload == 0;  // +0
  const double number = ir::decode(node.type.elem, node.payload);
  return number == (reduction == Op::block_prod ? 1 : -std::numeric_limits<double>::infinity());
}

// Row values that no list of the program has, after what they depend on.
class Placing {
 public:
  explicit Placing(schedule::RowProgram& program)
      : program_(program), placed_(program.graph.size(), false) {
    for (const ValueId id : program.uniform) placed_[id.index] = true;
    for (const schedule::Phase& phase : program.phases) {
      for (const ValueId id : phase.row_values) placed_[id.index] = true;
      for (const schedule::Pass& pass : phase.passes)
        for (const ValueId id : pass.reductions) placed_[id.index] = true;
    }
  }
  void place(std::size_t phase, ValueId id) {
    if (placed_[id.index]) return;
    placed_[id.index] = true;
    for (const ValueId operand : program_.graph[id].args()) place(phase, operand);
    if (ir::info(program_.graph[id].op).op_class != ir::OpClass::leaf)
      program_.phases[phase].row_values.push_back(id);
  }

 private:
  schedule::RowProgram& program_;
  std::vector<bool> placed_;
};

std::optional<OpenColumns> with_bound(const schedule::RowProgram& program, const Bound& bound) {
  const Graph& graph = program.graph;
  schedule::RowProgram made = program;
  made.graph = graph.empty_copy();
  made.phases.clear();
  made.uniform.clear();
  ir::Mapping leaves(graph, made.graph);
  Assuming open(graph, made.graph, bound.condition, !bound.outcome);
  Assuming closed(graph, made.graph, bound.condition, bound.outcome);
  for (const ValueId id : graph.live()) {
    const Node& node = graph[id];
    const bool leaf = ir::info(node.op).op_class == ir::OpClass::leaf;
    const bool column = node.type.extent == Extent::element;
    if (leaf) open.set(id, leaves.copy(id));
    const ValueId in_open = open.copy(id);
    if (!column)
      closed.set(id, in_open);
    else if (!leaf)
      closed.copy(id);
    const bool reduction = ir::info(node.op).op_class == ir::OpClass::reduction;
    if (reduction && node.op != Op::pick &&
        !changes_nothing(made.graph, node.op, closed[node.operand(0)]))
      return std::nullopt;
  }
  std::map<ValueId, ValueId> of_closed;
  for (std::size_t i = 0; i < graph.outputs().size(); ++i) {
    const ir::GraphOutput& output = graph.outputs()[i];
    made.graph.add_output(output.name, open[output.value]);
    if (program.is_row_output(i)) continue;
    if (!closed[output.value].valid()) return std::nullopt;
    of_closed[open[output.value]] = closed[output.value];
  }
  OpenColumns found{schedule::schedule_rows(std::move(made)), open[bound.last], bound.included,
                    std::move(of_closed)};
  Placing placing(found.program);
  placing.place(0, found.last);
  for (const auto& each : found.closed) placing.place(found.program.phases.size() - 1, each.second);
  return found;
}

}  // namespace

std::optional<OpenColumns> find_open_columns(const schedule::RowProgram& program) {
  if (!program.one_block) return std::nullopt;
  for (const Bound& bound : bounds_of(program.graph))
    if (auto found = with_bound(program, bound)) return found;
  return std::nullopt;
}

}  // namespace sluice::x64
