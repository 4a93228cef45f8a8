// Scheduling of a row function: at which level each value can be had, and what each pass computes.
//
// A value's level is (phase, pass). What reduces the columns of a block comes one pass later than
// they do, what merges blocks one phase later. Element values are computed in every pass that needs
// them, unless keeping them is cheaper.
#include "compiler/schedule/row_program.hpp"

#include <algorithm>
#include <compare>
#include <map>
#include <optional>
#include <utility>

#include "compiler/ir/expr.hpp"
#include "compiler/ir/mapping.hpp"
#include "compiler/numerics/rows.hpp"

namespace sluice::schedule {
namespace {

using ir::Extent;
using ir::Graph;
using ir::Node;
using ir::Op;
using ir::ValueId;

// Operations that are computed once more rather than kept: a value kept costs a store and a load.
constexpr std::size_t kCheap = 4;

bool is_block_reduction(Op op) {
  switch (op) {
    case Op::block_sum:
    case Op::block_prod:
    case Op::block_greatest:
    case Op::block_imin: return true;
    default: return false;
  }
}
bool is_merge(Op op) {
  return ir::info(op).op_class == ir::OpClass::reduction && op != Op::pick &&
         !is_block_reduction(op);
}
bool is_leaf(const Node& node) { return ir::info(node.op).op_class == ir::OpClass::leaf; }

struct Level {
  std::size_t phase = 0;
  std::size_t pass = 0;
  friend auto operator<=>(const Level&, const Level&) = default;
};

class Scheduler {
 public:
  explicit Scheduler(RowProgram& program)
      : program_(program), graph_(program.graph), levels_(graph_.size()), costs_(graph_.size(), 0) {
  }

  void run() {
    find_levels();
    place_values();
    for (std::size_t p = 0; p < program_.phases.size(); ++p)
      for (std::size_t q = 0; q < program_.phases[p].passes.size(); ++q) fill({p, q});
    keep_block_values();
    choose_homes();
  }

 private:
  [[nodiscard]] Level level(ValueId id) const { return levels_[id.index]; }
  [[nodiscard]] Extent extent(ValueId id) const { return graph_[id].type.extent; }

  void find_levels() {
    for (const ValueId id : graph_.live()) {
      const Node& node = graph_[id];
      Level& at = levels_[id.index];
      if (program_.streamed && node.op == Op::width) at = {1, 0};
      std::size_t cost = is_leaf(node) ? 0 : 1;
      for (const ValueId operand : node.args()) {
        at = std::max(at, level(operand));
        if (extent(operand) == Extent::element) cost += costs_[operand.index];
      }
      costs_[id.index] = cost;
      if (is_block_reduction(node.op)) {
        at = program_.one_block ? Level{at.phase + 1, 0} : Level{at.phase, at.pass + 1};
      } else if (is_merge(node.op) || is_streamed_pick(node.op)) {
        at = {at.phase + 1, 0};
      }
    }
  }

  [[nodiscard]] bool is_streamed_pick(Op op) const { return program_.streamed && op == Op::pick; }

  Phase& phase(std::size_t index) {
    if (program_.phases.size() <= index) program_.phases.resize(index + 1);
    return program_.phases[index];
  }
  Pass& pass(Level at) {
    std::vector<Pass>& passes = phase(at.phase).passes;
    if (passes.size() <= at.pass) passes.resize(at.pass + 1);
    return passes[at.pass];
  }

  // Every value but those of columns; reductions where their columns are, outputs in the last pass:
  // an output may be an input's buffer, which nothing reads after it.
  void place_values() {
    phase(0);
    Level last;
    for (const ValueId id : graph_.live()) {
      const Node& node = graph_[id];
      if (is_block_reduction(node.op)) {
        const Level at = level(node.operand(0));
        pass(at).reductions.push_back(id);
        last = std::max(last, at);
      } else if (is_merge(node.op)) {
        phase(level(id).phase - 1).merges.push_back(id);
      } else if (is_streamed_pick(node.op)) {
        phase(level(id).phase - 1).picks.push_back(id);
      } else if (!is_leaf(node) && node.type.extent != Extent::element) {
        place(id);
      }
    }
    // After all that is reduced, which is one phase on when it is a row's.
    if (program_.streamed)
      for (const ValueId id : graph_.live()) last = std::max(last, {level(id).phase, 0});
    for (std::size_t i = 0; i < graph_.outputs().size(); ++i)
      if (!program_.is_row_output(i)) last = std::max(last, level(graph_.outputs()[i].value));
    for (std::size_t i = 0; i < graph_.outputs().size(); ++i) {
      if (program_.is_row_output(i))
        phase(level(graph_.outputs()[i].value).phase);
      else
        pass(last).outputs.push_back(static_cast<std::uint32_t>(i));
    }
  }

  void place(ValueId id) {
    if (extent(id) == Extent::scalar && level(id).phase == 0)
      program_.uniform.push_back(id);
    else if (extent(id) < Extent::block || program_.one_block)
      phase(level(id).phase).row_values.push_back(id);
    else
      pass(level(id)).block_values.push_back(id);
  }

  // What the columns of a pass need, down to leaves and to what is kept.
  void fill(Level at) {
    std::vector<bool> needed(graph_.size(), false);
    std::vector<ValueId> open;
    Pass& filled = pass(at);
    for (const ValueId id : filled.reductions) open.push_back(graph_[id].operand(0));
    for (const std::uint32_t output : filled.outputs)
      open.push_back(graph_.outputs()[output].value);
    while (!open.empty()) {
      const ValueId id = open.back();
      open.pop_back();
      if (needed[id.index] || extent(id) != Extent::element || is_leaf(graph_[id])) continue;
      if (keep(id)) continue;
      needed[id.index] = true;
      for (const ValueId operand : graph_[id].args()) open.push_back(operand);
    }
    for (std::uint32_t i = 0; i < graph_.size(); ++i) {
      if (!needed[i]) continue;
      filled.body.push_back(ValueId{i});
      computed_.try_emplace(ValueId{i}, at);
    }
  }

  // Whether the value of an earlier pass is kept for this one. A bool is not, but what it is made
  // of may be: machine code has bools of columns in masks, which have no buffer.
  bool keep(ValueId id) {
    const auto known = computed_.find(id);
    if (known == computed_.end() || costs_[id.index] <= kCheap) return false;
    if (program_.streamed || graph_[id].type.elem == ir::Elem::boolean) return false;
    std::vector<ValueId>& kept = pass(known->second).kept;
    if (std::find(kept.begin(), kept.end(), id) == kept.end()) kept.push_back(id);
    return true;
  }

  // A buffer of columns as lanes hold them, that nothing reads as an input from then on.
  void choose_homes() {
    program_.kept_in.assign(graph_.size(), RowProgram::kInWorkspace);
    std::vector<bool> taken(graph_.outputs().size(), false);
    const Dtype lane = graph_.compute() == ir::Elem::f64 ? Dtype::f64 : Dtype::f32;
    for (std::size_t p = 0; p < program_.phases.size(); ++p)
      for (const Pass& pass : program_.phases[p].passes)
        for (const ValueId id : pass.kept) {
          if (!ir::is_number(graph_[id].type.elem) || reads_inputs_after(p)) continue;
          for (std::uint32_t i = 0; i < taken.size(); ++i) {
            if (taken[i] || program_.is_row_output(i) || program_.output_dtypes[i] != lane)
              continue;
            taken[i] = true;
            program_.kept_in[id.index] = i;
            break;
          }
        }
  }

  [[nodiscard]] bool reads_inputs_after(std::size_t phase_index) const {
    const auto is_input = [&](ValueId id) {
      return graph_[id].op == Op::input && extent(id) == Extent::element;
    };
    for (std::size_t p = phase_index + 1; p < program_.phases.size(); ++p) {
      const Phase& later = program_.phases[p];
      for (const ValueId id : later.row_values)
        if (graph_[id].op == Op::pick) return true;
      for (const Pass& pass : later.passes) {
        for (const auto* values : {&pass.body, &pass.reductions})
          for (const ValueId id : *values)
            for (const ValueId operand : graph_[id].args())
              if (is_input(operand)) return true;
        for (const std::uint32_t output : pass.outputs)
          if (is_input(graph_.outputs()[output].value)) return true;
      }
    }
    return false;
  }

  // Block values, reductions among them, that are read in a later phase than they were made in.
  void keep_block_values() {
    if (program_.one_block) return;
    std::vector<bool> kept(graph_.size(), false);
    const auto read = [&](ValueId id, std::size_t phase_of_reader) {
      if (extent(id) != Extent::block || kept[id.index]) return;
      const std::size_t made = level(id).phase;
      if (made == phase_of_reader) return;
      kept[id.index] = true;
      phase(made).kept_by_block.push_back(id);
    };
    for (std::size_t p = 0; p < program_.phases.size(); ++p)
      for (const Pass& pass : program_.phases[p].passes)
        for (const auto* values : {&pass.block_values, &pass.body})
          for (const ValueId id : *values)
            for (const ValueId operand : graph_[id].args()) read(operand, p);
  }

  RowProgram& program_;
  const Graph& graph_;
  std::vector<Level> levels_;
  std::vector<std::size_t> costs_;  // operations on columns below, those shared counted again
  std::map<ValueId, Level> computed_;
};

void append_values(std::string& text, const Graph& graph, std::string_view title,
                   const std::vector<ValueId>& values, std::string_view indent) {
  if (values.empty()) return;
  text.append(indent).append(title).append(":\n");
  for (const ValueId id : values)
    text.append(indent).append("  ").append(to_string(graph, id)).append("\n");
}

void append_list(std::string& text, std::string_view title, const std::vector<ValueId>& values,
                 std::string_view indent) {
  if (values.empty()) return;
  text.append(indent).append(title);
  for (const ValueId id : values) text.append(" %").append(std::to_string(id.index));
  text.append("\n");
}

}  // namespace

// The greatest of a row is never NaN, so that it equals itself.
Graph without_merges(const Graph& graph) {
  Graph result = graph.empty_copy();
  ir::Mapping mapping(graph, result);
  for (const ValueId id : graph.live()) {
    const Node& node = graph[id];
    if (is_merge(node.op)) {
      mapping.set(id, mapping[node.operand(0)]);
      continue;
    }
    const bool same = node.op == Op::eq && mapping[node.operand(0)] == mapping[node.operand(1)] &&
                      result[mapping[node.operand(0)]].op == Op::block_greatest;
    if (same)
      mapping.set(id, result.boolean(true));
    else
      mapping.copy(id);
  }
  mapping.copy_outputs();
  return result;
}

// Nothing else asks so early for the row's length, which a stream has at its end.
Graph without_row_ends(const Graph& graph) {
  Graph result = graph.empty_copy();
  ir::Mapping mapping(graph, result);
  const auto is = [&](ValueId id, Op op) { return result[id].op == op; };
  for (const ValueId id : graph.live()) {
    const Node& node = graph[id];
    if (node.op != Op::ilt || !is(mapping[node.operand(0)], Op::column)) {
      mapping.copy(id);
      continue;
    }
    const ValueId column = mapping[node.operand(0)];
    const ValueId end = mapping[node.operand(1)];
    const Node limit = result[end];
    if (limit.op == Op::width)
      mapping.set(id, result.boolean(true));
    else if (limit.op == Op::select && is(limit.operand(1), Op::width))
      mapping.set(id, result.add(Op::logic_or, {limit.operand(0),
                                                result.add(Op::ilt, {column, limit.operand(2)})}));
    else
      mapping.copy(id);
  }
  mapping.copy_outputs();
  return result;
}

RowProgram schedule_rows(RowProgram program) {
  Scheduler(program).run();
  return program;
}

Graph combine_states(const RowProgram& program, const Phase& phase) {
  const Graph& graph = program.graph;
  Graph result(graph.compute(), graph.family());
  std::vector<ir::Expr> left, right;
  for (auto* side : {&left, &right})
    for (const ValueId id : phase.merges) {
      const std::string input = (side == &left ? "left_" : "right_") + std::to_string(id.index);
      side->push_back({&result, result.add_input(input, {graph[id].type.elem, Extent::element})});
    }
  const auto index_of = [&](ValueId merge) {
    return static_cast<std::size_t>(std::find(phase.merges.begin(), phase.merges.end(), merge) -
                                    phase.merges.begin());
  };
  for (std::size_t i = 0; i < phase.merges.size(); ++i) {
    const Node& node = graph[phase.merges[i]];
    const ir::Expr a = left[i];
    const ir::Expr b = right[i];
    ir::Expr both = a;
    if (node.op == Op::merge_sum) both = a + b;
    if (node.op == Op::merge_prod) both = a * b;
    if (node.op == Op::merge_greatest || node.op == Op::merge_imin)
      both = ir::select(node.op == Op::merge_imin ? b < a : a < b, b, a);
    if (node.op == Op::merge_scaled) {
      const auto greatest =
          std::find_if(phase.merges.begin(), phase.merges.end(), [&](ValueId other) {
            return graph[other].op == Op::merge_greatest &&
                   graph[other].operand(0) == node.operand(1);
          });
      const std::size_t m = index_of(*greatest);
      both = numerics::merge({left[m], {a}}, {right[m], {b}}).sums.front();
    }
    result.add_output("state_" + std::to_string(phase.merges[i].index), both.id);
  }
  return result;
}

namespace {

// Takes a phase out of a program: what it computes is copied, what others computed comes in.
class BlockBuilder {
 public:
  BlockBuilder(const RowProgram& program, const Phase& phase)
      : from_(program), old_(program.graph), graph_(old_.compute(), old_.family()),
        own_(old_.size(), false), values_(old_.size()) {
    for (const ir::Table& table : old_.tables()) graph_.add_table(table);
    for (const ir::GraphParam& param : old_.params())
      graph_.add_param(param.name, param.value, param.baked);
    for (const Pass& pass : phase.passes)
      for (const auto* values : {&pass.block_values, &pass.body, &pass.reductions})
        for (const ValueId id : *values) own_[id.index] = true;
  }

  BlockProgram run(const Phase& phase) {
    std::vector<bool> given(old_.size(), false);
    for (const Pass& pass : phase.passes) {
      for (const ValueId id : pass.kept) give_columns(id, kept_operand(id));
      for (const std::uint32_t output : pass.outputs)
        give_columns(
            old_.outputs()[output].value,
            {Operand::Kind::buffer, static_cast<std::uint32_t>(from_.output_buffer(output)), {}},
            from_.output_dtypes[output]);
    }
    for (const ValueId id : phase.merges) give_value(old_[id].operand(0), given);
    for (const ValueId id : phase.kept_by_block) give_value(id, given);
    RowProgram& made = result_.program;
    made.name = from_.name + ".block";
    made.one_block = true;
    for (std::size_t i = 0; i < outputs_.size(); ++i) result_.operands.push_back(outputs_[i]);
    made.graph = std::move(graph_);
    result_.program = schedule_rows(std::move(result_.program));
    return std::move(result_);
  }

 private:
  using Operand = BlockProgram::Operand;

  [[nodiscard]] Operand kept_operand(ValueId id) const {
    const std::uint32_t output = from_.kept_in[id.index];
    if (output == RowProgram::kInWorkspace) return {Operand::Kind::kept, 0, id};
    return {Operand::Kind::buffer, static_cast<std::uint32_t>(from_.output_buffer(output)), {}};
  }

  ir::Expr integer_one(bool one) {
    return {&graph_, graph_.constant_bits(ir::integer_of(graph_.compute()), one ? 1 : 0)};
  }
  ir::Expr stored(ValueId id) {
    const ir::Expr made{&graph_, value(id)};
    if (made.type().elem != ir::Elem::boolean) return made;
    return ir::select(made, integer_one(true), integer_one(false));
  }

  void give_columns(ValueId id, Operand operand, std::optional<Dtype> dtype = {}) {
    const ir::Expr made = stored(id);
    graph_.add_output("columns" + std::to_string(outputs_.size()), made.id);
    outputs_.push_back(operand);
    result_.program.output_dtypes.push_back(dtype.value_or(lane_dtype(made.type().elem)));
    result_.program.row_outputs.push_back(false);
  }
  void give_value(ValueId id, std::vector<bool>& given) {
    if (given[id.index]) return;
    given[id.index] = true;
    const ir::Expr made = stored(id);
    graph_.add_output("value" + std::to_string(outputs_.size()), made.id);
    outputs_.push_back({Operand::Kind::row_value, 0, id});
    result_.program.output_dtypes.push_back(lane_dtype(made.type().elem));
    result_.program.row_outputs.push_back(true);
  }

  ValueId value(ValueId id) {
    ValueId& made = values_[id.index];
    if (!made.valid()) made = make(id);
    return made;
  }

  ValueId make(ValueId id) {
    const Node& node = old_[id];
    if (node.op == Op::constant) return graph_.constant_bits(node.type.elem, node.payload);
    if (node.op == Op::param) return graph_.param_value(node.payload);
    if (node.op == Op::column) {
      if (!first_column_.valid())
        first_column_ = take({Operand::Kind::first_column, 0, {}}, node.type.elem, Extent::row,
                             lane_dtype(node.type.elem));
      const ValueId operands[] = {graph_.add_position(Op::column), first_column_};
      return graph_.add(Op::iadd, operands);
    }
    if (!own_[id.index]) return import(id, node);
    std::vector<ValueId> operands;
    for (const ValueId operand : node.args()) operands.push_back(value(operand));
    return graph_.add(node.op, operands, node.payload);
  }

  ValueId import(ValueId id, const Node& node) {
    if (node.op == Op::input && node.type.extent == Extent::element)
      return take(
          {Operand::Kind::buffer, static_cast<std::uint32_t>(from_.input_buffer(node.payload)), {}},
          node.type.elem, Extent::element, from_.input_dtypes[node.payload]);
    const bool is_bool = node.type.elem == ir::Elem::boolean;
    const ir::Elem elem = is_bool ? ir::integer_of(graph_.compute()) : node.type.elem;
    const bool columns = node.type.extent == Extent::element;
    const ValueId made = take(columns ? kept_operand(id) : Operand{Operand::Kind::row_value, 0, id},
                              elem, columns ? Extent::element : Extent::row, lane_dtype(elem));
    if (!is_bool) return made;
    return (!equal(ir::Expr{&graph_, made}, integer_one(false))).id;
  }

  ValueId take(Operand operand, ir::Elem elem, Extent extent, Dtype dtype) {
    result_.operands.push_back(operand);
    result_.program.input_dtypes.push_back(dtype);
    return graph_.add_input("in" + std::to_string(graph_.inputs().size()), {elem, extent});
  }

  const RowProgram& from_;
  const Graph& old_;
  Graph graph_;
  std::vector<bool> own_;
  std::vector<ValueId> values_;
  ValueId first_column_;
  std::vector<Operand> outputs_;
  BlockProgram result_{{{}, Graph(ir::Elem::f32), {}, {}, {}, {}, true, {}, {}}, {}};
};

}  // namespace

BlockProgram block_program(const RowProgram& program, std::size_t phase) {
  const Phase& taken = program.phases[phase];
  return BlockBuilder(program, taken).run(taken);
}

std::string to_string(const RowProgram& program) {
  const Graph& graph = program.graph;
  std::string text = program.name + (program.one_block ? ", rows of one block\n" : "\n");
  append_values(text, graph, "once", program.uniform, "");
  for (std::size_t p = 0; p < program.phases.size(); ++p) {
    const Phase& phase = program.phases[p];
    text.append("phase ").append(std::to_string(p)).append("\n");
    append_values(text, graph, "each row", phase.row_values, "  ");
    for (const Pass& pass : phase.passes) {
      append_values(text, graph, "each block", pass.block_values, "  ");
      append_values(text, graph, "each column", pass.body, "  ");
      append_values(text, graph, "reductions", pass.reductions, "  ");
      append_list(text, "kept", pass.kept, "  ");
      for (const std::uint32_t output : pass.outputs)
        text.append("  stored ")
            .append(graph.outputs()[output].name)
            .append(" = ")
            .append(operand_text(graph, graph.outputs()[output].value))
            .append("\n");
    }
    append_values(text, graph, "picks", phase.picks, "  ");
    append_values(text, graph, "over blocks", phase.merges, "  ");
    append_list(text, "kept by block", phase.kept_by_block, "  ");
  }
  for (std::size_t i = 0; i < graph.outputs().size(); ++i)
    if (program.is_row_output(i))
      text.append("output ")
          .append(graph.outputs()[i].name)
          .append(", one a row = ")
          .append(operand_text(graph, graph.outputs()[i].value))
          .append("\n");
  return text;
}

}  // namespace sluice::schedule
