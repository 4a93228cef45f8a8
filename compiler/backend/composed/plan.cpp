#include "compiler/backend/composed/plan.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "compiler/ir/expr.hpp"

namespace sluice::composed {
namespace {

using ir::Extent;
using ir::Graph;
using ir::Node;
using ir::Op;
using ir::ValueId;

constexpr std::size_t kLanesAcross = 128;

// The columns of a value that a pass keeps: in an output's buffer, or in the workspace.
Slot slot_of_kept(const schedule::RowProgram& program, const std::vector<std::uint32_t>& kept,
                  ValueId id) {
  const std::uint32_t output = program.kept_in[id.index];
  if (output == schedule::RowProgram::kInWorkspace) return {Slot::Kind::kept, kept[id.index]};
  return {Slot::Kind::operand, static_cast<std::uint32_t>(program.output_buffer(output))};
}

class Planner {
 public:
  Planner(const schedule::RowProgram& program, bool across, const MakeElementKernel& make_element,
          const MakeBlockKernel& make_block)
      : program_(program), graph_(program.graph), make_element_(make_element),
        make_block_(make_block), plan_(std::make_shared<RowKernel::Plan>()),
        cells_(graph_.size(), kNone), kept_(graph_.size(), kNone) {
    plan_->across = across;
    plan_->wide = graph_.compute() == ir::Elem::f64;
    plan_->lanes = across ? kLanesAcross : 1;
    for (std::size_t i = 0; i < program.sources(); ++i)
      plan_->dtypes.push_back(program.input_dtypes[i]);
    plan_->dtypes.insert(plan_->dtypes.end(), program.output_dtypes.begin(),
                         program.output_dtypes.end());
  }

  Result<std::shared_ptr<const RowKernel::Plan>> run() {
    if (make_block_ && program_.one_block) {
      Result<BlockKernel> whole = make_block_(program_);
      if (whole.ok()) plan_->whole = std::move(whole).value();
      if (whole.ok() && !plan_->across)
        return std::shared_ptr<const RowKernel::Plan>(std::move(plan_));
      find_own_rows();
    }
    place_cells();
    plan_->once = section(program_.uniform, once_exports(), false);
    for (std::size_t p = 0; p < program_.phases.size(); ++p) plan_phase(p);
    if (error_) return *error_;
    return std::shared_ptr<const RowKernel::Plan>(std::move(plan_));
  }

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  struct Export {
    ValueId value;
    Slot slot;
  };

  [[nodiscard]] bool is_element(ValueId id) const {
    return graph_[id].type.extent == Extent::element;
  }
  std::uint32_t cell(ValueId id) {
    std::uint32_t& known = cells_[id.index];
    if (known == kNone) known = plan_->cells++;
    return known;
  }

  // Operands that a kernel of rows across takes for one that differs from row to row.
  void find_own_rows() {
    for (std::size_t i = 0; i < graph_.inputs().size(); ++i)
      if (graph_.inputs()[i].type.extent != Extent::scalar && i < program_.sources())
        plan_->own_rows.push_back(static_cast<std::uint32_t>(i));
    for (std::size_t i = 0; i < graph_.outputs().size(); ++i)
      plan_->own_rows.push_back(static_cast<std::uint32_t>(program_.output_buffer(i)));
  }

  // What crosses from where it is computed to another section, a reduction, a merge or the caller
  // has a cell.
  void place_cells() {
    const auto cross = [&](const std::vector<ValueId>& own) {
      std::vector<bool> is_own(graph_.size(), false);
      for (const ValueId id : own) is_own[id.index] = true;
      for (const ValueId id : own)
        for (const ValueId operand : graph_[id].args())
          if (!is_own[operand.index]) import_cell(operand);
    };
    cross(program_.uniform);
    for (const schedule::Phase& phase : program_.phases) {
      cross_stages(phase.row_values);
      cross(phase.row_values);
      for (const schedule::Pass& pass : phase.passes) {
        cross_stages(pass.block_values);
        cross(pass.block_values);
        cross(pass.body);
        for (const ValueId id : pass.reductions) {
          cell(id);
          import_cell(graph_[id].operand(0));
        }
        for (const std::uint32_t output : pass.outputs) import_cell(graph_.outputs()[output].value);
        for (const ValueId id : pass.kept)
          if (program_.kept_in[id.index] == schedule::RowProgram::kInWorkspace)
            kept_[id.index] = plan_->kept++;
      }
      for (const ValueId id : phase.merges) {
        cell(id);
        cell(graph_[id].operand(0));
      }
      for (const ValueId id : phase.picks) {
        cell(id);
        cell(graph_[id].operand(1));
      }
    }
    for (std::uint32_t i = 0; i < graph_.outputs().size(); ++i) {
      const ValueId value = graph_.outputs()[i].value;
      if (!program_.is_row_output(i)) continue;
      const auto buffer = static_cast<std::uint32_t>(program_.output_buffer(i));
      plan_->outputs.push_back({buffer, cell(value), program_.output_dtypes[i],
                                ir::is_integer(graph_[value].type.elem)});
    }
    for (std::uint32_t i = 0; i < graph_.inputs().size(); ++i) {
      const ValueId value = graph_.input_value(i);
      if (is_element(value)) {
        if (i < program_.sources()) plan_->across_broadcast.push_back(i);
        continue;
      }
      if (cells_[value.index] == kNone) continue;
      plan_->inputs.push_back({static_cast<std::uint32_t>(program_.input_buffer(i)), cell(value),
                               program_.input_dtypes[i], ir::is_integer(graph_[value].type.elem)});
    }
    for (std::uint32_t i = 0; i < graph_.size(); ++i) {
      const auto known = static_cast<std::int32_t>(cells_[i]);
      if (graph_[ValueId{i}].op == Op::width) plan_->width_cell = known;
      if (graph_[ValueId{i}].op == Op::row_index) plan_->row_index_cell = known;
    }
  }

  // Values of one section that a pick stands between.
  void cross_stages(const std::vector<ValueId>& values) {
    for (const ValueId id : values) {
      if (graph_[id].op != Op::pick) continue;
      cell(id);
      cell(graph_[id].operand(1));
    }
    const std::vector<std::size_t> levels = pick_levels(values);
    for (const ValueId id : values)
      for (const ValueId operand : graph_[id].args())
        if (levels[operand.index] != levels[id.index]) import_cell(operand);
  }

  void import_cell(ValueId id) {
    const Node& node = graph_[id];
    if (is_element(id)) return;
    if (node.op == Op::constant || node.op == Op::param) return;
    cell(id);
  }

  // How many picks one after the other a value needs.
  [[nodiscard]] std::vector<std::size_t> pick_levels(const std::vector<ValueId>& values) const {
    std::vector<std::size_t> levels(graph_.size(), 0);
    for (const ValueId id : values) {
      for (const ValueId operand : graph_[id].args())
        levels[id.index] = std::max(levels[id.index], levels[operand.index]);
      if (graph_[id].op == Op::pick) ++levels[id.index];
    }
    return levels;
  }

  std::vector<Export> exports(const std::vector<ValueId>& own) const {
    std::vector<Export> list;
    for (const ValueId id : own)
      if (cells_[id.index] != kNone) list.push_back({id, {Slot::Kind::cell, cells_[id.index]}});
    return list;
  }

  // Constants and parameters among them, of outputs and of picks.
  std::vector<Export> once_exports() const {
    std::vector<Export> list = exports(program_.uniform);
    for (std::uint32_t i = 0; i < graph_.size(); ++i) {
      const Op op = graph_[ValueId{i}].op;
      if ((op == Op::constant || op == Op::param) && cells_[i] != kNone)
        list.push_back({ValueId{i}, {Slot::Kind::cell, cells_[i]}});
    }
    return list;
  }

  std::vector<Stage> stages(const std::vector<ValueId>& values) {
    const std::vector<std::size_t> levels = pick_levels(values);
    std::vector<Stage> result;
    std::size_t last = 0;
    for (const ValueId id : values) last = std::max(last, levels[id.index]);
    for (std::size_t at = 0; at <= last && !values.empty(); ++at) {
      Stage stage;
      std::vector<ValueId> own;
      for (const ValueId id : values) {
        if (graph_[id].op != Op::pick) {
          if (levels[id.index] == at) own.push_back(id);
        } else if (levels[id.index] == at + 1) {
          stage.picks.push_back(pick(id));
        }
      }
      stage.section = section(own, exports(own), false);
      result.push_back(std::move(stage));
    }
    return result;
  }

  Pick pick(ValueId id) {
    const auto buffer =
        static_cast<std::uint32_t>(program_.input_buffer(graph_[graph_[id].operand(0)].payload));
    return {buffer, cell(graph_[id].operand(1)), cell(id)};
  }

  void plan_phase(std::size_t index) {
    const schedule::Phase& phase = program_.phases[index];
    PhasePlan planned;
    planned.before = stages(phase.row_values);
    const bool has_block = make_block_ && !plan_->across && !program_.one_block &&
                           !phase.passes.empty() && plan_block(index, planned);
    for (const schedule::Pass& pass : phase.passes) {
      if (!has_block) planned.passes.push_back(plan_pass(pass));
      for (const ValueId id : pass.reductions) planned.reduced.push_back({cell(id), graph_[id].op});
    }
    for (const ValueId id : phase.kept_by_block) {
      block_arrays_.push_back({cell(id), plan_->kept_by_block++});
      planned.kept.push_back(block_arrays_.back());
    }
    for (const ValueId id : phase.merges)
      planned.merges.push_back({graph_[id].op, cell(graph_[id].operand(0)), cell(id)});
    for (const ValueId id : phase.picks) planned.picks.push_back(pick(id));
    if (!phase.merges.empty()) planned.combine = combine(phase);
    // Every later phase may read them.
    planned.restored.assign(block_arrays_.begin(),
                            block_arrays_.end() - static_cast<std::ptrdiff_t>(planned.kept.size()));
    plan_->largest_state =
        std::max(plan_->largest_state, static_cast<std::uint32_t>(planned.merges.size()));
    plan_->phases.push_back(std::move(planned));
  }

  // The phase as one kernel of a block, where there is one.
  bool plan_block(std::size_t index, PhasePlan& planned) {
    schedule::BlockProgram block = schedule::block_program(program_, index);
    if (block.operands.size() > kMostBlockOperands) return false;
    const std::int32_t lane_bytes = plan_->wide ? 8 : 4;
    for (const schedule::BlockProgram::Operand& operand : block.operands) {
      using Kind = schedule::BlockProgram::Operand::Kind;
      Slot slot;
      switch (operand.kind) {
        case Kind::buffer: slot = {Slot::Kind::operand, operand.index}; break;
        case Kind::kept: slot = kept_slot(operand.value); break;
        case Kind::row_value: slot = {Slot::Kind::cell, cell(operand.value)}; break;
        case Kind::first_column: slot = {Slot::Kind::first_column, 0}; break;
      }
      planned.block_slots.push_back(slot);
      // The index of the first column lies before the cells.
      const bool in_cells = slot.kind == Slot::Kind::cell;
      const std::int32_t at = in_cells ? lane_bytes * static_cast<std::int32_t>(slot.index + 1) : 0;
      block.program.cells.push_back(
          in_cells || slot.kind == Slot::Kind::first_column ? at : schedule::RowProgram::kNoCell);
    }
    Result<BlockKernel> kernel = make_block_(block.program);
    if (!kernel.ok()) {
      planned.block_slots.clear();
      return false;
    }
    planned.block = std::move(kernel).value();
    plan_->largest_section =
        std::max(plan_->largest_section, static_cast<std::uint32_t>(planned.block_slots.size()));
    plan_->block_workspace = std::max(plan_->block_workspace, planned.block.workspace_bytes);
    return true;
  }

  PassPlan plan_pass(const schedule::Pass& pass) {
    PassPlan planned;
    planned.before = stages(pass.block_values);
    std::vector<Export> wanted;
    std::uint32_t temps = 0;
    for (const ValueId id : pass.reductions) {
      const ValueId of = graph_[id].operand(0);
      Reduction reduction{graph_[id].op, {}, cell(id)};
      const std::optional<Slot> at_hand = lanes_at_hand(of);
      if (at_hand) {
        reduction.from = *at_hand;
      } else {
        const auto same = std::find_if(wanted.begin(), wanted.end(), [&](const Export& each) {
          return each.value == of && each.slot.kind == Slot::Kind::temp;
        });
        reduction.from = same != wanted.end() ? same->slot : Slot{Slot::Kind::temp, temps++};
        if (same == wanted.end()) wanted.push_back({of, reduction.from});
      }
      planned.reductions.push_back(reduction);
    }
    for (const ValueId id : pass.kept) wanted.push_back({id, kept_slot(id)});
    for (const std::uint32_t output : pass.outputs)
      wanted.push_back(
          {graph_.outputs()[output].value,
           {Slot::Kind::operand, static_cast<std::uint32_t>(program_.output_buffer(output))}});
    planned.columns = section(pass.body, wanted, true);
    plan_->temps = std::max(plan_->temps, temps);
    plan_->largest_reductions =
        std::max(plan_->largest_reductions, static_cast<std::uint32_t>(pass.reductions.size()));
    return planned;
  }

  [[nodiscard]] Slot kept_slot(ValueId id) const { return slot_of_kept(program_, kept_, id); }

  // Columns that a reduction can read where they are.
  [[nodiscard]] std::optional<Slot> lanes_at_hand(ValueId id) const {
    const Node& node = graph_[id];
    if (node.op != Op::input || !is_element(id)) return std::nullopt;
    if (program_.input_dtypes[node.payload] != schedule::lane_dtype(node.type.elem))
      return std::nullopt;
    return Slot{Slot::Kind::operand,
                static_cast<std::uint32_t>(program_.input_buffer(node.payload))};
  }

  Section combine(const schedule::Phase& phase) {
    Graph graph = schedule::combine_states(program_, phase);
    std::vector<Dtype> inputs, outputs;
    Section result;
    for (const ir::GraphInput& input : graph.inputs())
      inputs.push_back(schedule::lane_dtype(input.type.elem));
    for (const ir::GraphOutput& output : graph.outputs())
      outputs.push_back(schedule::lane_dtype(graph[output.value].type.elem));
    for (std::uint32_t i = 0; i < inputs.size() + outputs.size(); ++i)
      result.slots.push_back({Slot::Kind::temp, i});
    result.kernel = made(schedule::schedule_elements(program_.name + ".combine", std::move(graph),
                                                     std::move(inputs), std::move(outputs)));
    return result;
  }

  ElementKernel made(const schedule::ElementProgram& program) {
    auto kernel = make_element_(program);
    if (kernel.ok()) return std::move(kernel).value();
    if (!error_) error_ = kernel.error();
    return {};
  }

  // The element kernel of some values, of columns or of the rows at hand.
  Section section(const std::vector<ValueId>& own, const std::vector<Export>& wanted, bool columns);

  const schedule::RowProgram& program_;
  const Graph& graph_;
  const MakeElementKernel& make_element_;
  const MakeBlockKernel& make_block_;
  std::shared_ptr<RowKernel::Plan> plan_;
  std::vector<std::uint32_t> cells_;
  std::vector<std::uint32_t> kept_;
  std::vector<KeptByBlock> block_arrays_;
  std::optional<Error> error_;
};

// A graph of a section's values alone: the others come in as inputs.
class SectionGraph {
 public:
  struct Input {
    Slot slot;
    Dtype dtype;
  };

  SectionGraph(const schedule::RowProgram& program, const std::vector<ValueId>& own,
               Extent cell_extent, Extent column_extent, const std::vector<std::uint32_t>& cells,
               const std::vector<std::uint32_t>& kept)
      : program_(program), old_(program.graph), graph_(old_.compute(), old_.family()),
        own_(old_.size(), false), values_(old_.size()), cell_extent_(cell_extent),
        column_extent_(column_extent), cells_(cells), kept_(kept) {
    for (const ir::Table& table : old_.tables()) graph_.add_table(table);
    for (const ir::GraphParam& param : old_.params())
      graph_.add_param(param.name, param.value, param.baked);
    for (const ValueId id : own) own_[id.index] = true;
    for (const ValueId id : own) value(id);
  }

  // As a buffer holds it: a bool is an integer.
  void add_output(ValueId id) {
    ir::Expr result{&graph_, value(id)};
    if (result.type().elem == ir::Elem::boolean)
      result = ir::select(result, lane_integer(1), lane_integer(0));
    graph_.add_output("out" + std::to_string(graph_.outputs().size()), result.id);
  }

  std::vector<Input> inputs;
  Graph& graph() { return graph_; }

 private:
  ir::Expr lane_integer(std::uint64_t number) {
    return {&graph_, graph_.constant_bits(ir::integer_of(graph_.compute()), number)};
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
    if (!own_[id.index]) return import(id, node);
    std::vector<ValueId> operands;
    for (const ValueId operand : node.args()) operands.push_back(value(operand));
    return graph_.add(node.op, operands, node.payload);
  }

  ValueId import(ValueId id, const Node& node) {
    const bool is_bool = node.type.elem == ir::Elem::boolean;
    const ir::Elem elem = is_bool ? ir::integer_of(graph_.compute()) : node.type.elem;
    Input input{{Slot::Kind::cell, cells_[id.index]}, schedule::lane_dtype(elem)};
    Extent extent = cell_extent_;
    if (node.type.extent == Extent::element) {
      extent = Extent::element;
      if (node.op == Op::column) {
        input.slot = {Slot::Kind::column, 0};
        extent = column_extent_;
      } else if (node.op == Op::input) {
        input.slot = {Slot::Kind::operand,
                      static_cast<std::uint32_t>(program_.input_buffer(node.payload))};
        input.dtype = program_.input_dtypes[node.payload];
      } else {
        input.slot = slot_of_kept(program_, kept_, id);
      }
    }
    inputs.push_back(input);
    const ValueId made =
        graph_.add_input("in" + std::to_string(graph_.inputs().size()), {elem, extent});
    if (!is_bool) return made;
    const ir::Expr stored{&graph_, made};
    return (!equal(stored, lane_integer(0))).id;
  }

  const schedule::RowProgram& program_;
  const Graph& old_;
  Graph graph_;
  std::vector<bool> own_;
  std::vector<ValueId> values_;
  Extent cell_extent_;
  Extent column_extent_;
  const std::vector<std::uint32_t>& cells_;
  const std::vector<std::uint32_t>& kept_;
};

Section Planner::section(const std::vector<ValueId>& own, const std::vector<Export>& wanted,
                         bool columns) {
  Section result;
  if (wanted.empty()) return result;
  // Values of rows are computed lane by lane; beside columns they are one for all, unless rows lie
  // across.
  const Extent cells = columns && !plan_->across ? Extent::scalar : Extent::element;
  const Extent column = plan_->across ? Extent::scalar : Extent::element;
  SectionGraph made_of(program_, own, cells, column, cells_, kept_);
  std::vector<Dtype> inputs, outputs;
  for (const Export& each : wanted) {
    made_of.add_output(each.value);
    const ValueId output = made_of.graph().outputs().back().value;
    outputs.push_back(each.slot.kind == Slot::Kind::operand
                          ? plan_->dtypes[each.slot.index]
                          : schedule::lane_dtype(made_of.graph()[output].type.elem));
  }
  for (const SectionGraph::Input& input : made_of.inputs) {
    result.slots.push_back(input.slot);
    inputs.push_back(input.dtype);
  }
  for (const Export& each : wanted) result.slots.push_back(each.slot);
  plan_->largest_section =
      std::max(plan_->largest_section, static_cast<std::uint32_t>(result.slots.size()));
  schedule::ElementProgram program = schedule::schedule_elements(
      program_.name, std::move(made_of.graph()), std::move(inputs), std::move(outputs));
  program.stream_from = 0;
  result.kernel = made(program);
  return result;
}

}  // namespace

Result<std::shared_ptr<const RowKernel::Plan>> make_plan(const schedule::RowProgram& program,
                                                         bool across,
                                                         const MakeElementKernel& make_element,
                                                         const MakeBlockKernel& make_block) {
  return Planner(program, across, make_element, make_block).run();
}

}  // namespace sluice::composed
