#include "compiler/backend/x64/row_select.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <utility>

#include "compiler/backend/x64/open_columns.hpp"
#include "compiler/backend/x64/row_in_registers.hpp"
#include "compiler/backend/x64/row_selector.hpp"

namespace sluice::x64 {
namespace {

using ir::Node;
using ir::Op;
using ir::ValueId;

// Longer parts take longer to allocate and to fetch than sweeps over the row.
constexpr std::size_t kMostInstructions = 6000;
// Columns of a row in registers of which some may be closed: it computes them all.
constexpr std::int64_t kMostClosable = 64;

// The program's operands and what is one for the call, as the selector of element kernels reads
// them.
schedule::ElementProgram shell_of(const schedule::RowProgram& rows) {
  return {rows.name,
          rows.graph,
          rows.input_dtypes,
          rows.output_dtypes,
          rows.accumulated,
          rows.uniform,
          {},
          {},
          0};
}

Accumulation kind_of(Op op) {
  if (op == Op::block_prod) return Accumulation::product;
  if (op == Op::block_greatest) return Accumulation::greatest;
  return op == Op::block_imin ? Accumulation::least_integer : Accumulation::sum;
}

// A value of the row lies in the frame between parts; reductions' accumulators do from the start.
class InSweeps : public RowSelector {
 public:
  using RowSelector::RowSelector;

  // `open`: of this very program, or null.
  void run_row(const OpenColumns* open = nullptr) {
    open_ = open;
    count_row_uses();
    find_last_uses();
    if (open_ != nullptr) {
      ++uses_[open_->last.index];
      for (const auto& each : open_->closed) ++uses_[each.second.index];
    }
    choose_kept();
    select_call_values();
    open_part();
    if (across())
      load_rows();
    else
      load_row_inputs();
    for (const schedule::Phase& phase : rows_.phases) {
      step_ = 2 * static_cast<std::size_t>(&phase - rows_.phases.data());
      for (const ValueId id : phase.row_values) select_row_value(id);
      if (open_ != nullptr && &phase == rows_.phases.data()) {
        last_slot_ = result_.uniform_slots;
        keep_in_frame(emit(Opcode::move, ref(open_->last)));
      }
      for (const schedule::Pass& pass : phase.passes) {
        start_accumulators(pass);
        close_part();
        sweep(pass);
        open_part();
        finish_accumulators(pass);
      }
    }
    if (across())
      store_rows();
    else
      store_row_outputs();
    step_ = 2 * rows_.phases.size();
    close_part();
  }

  // What a lane for each row can't be.
  [[nodiscard]] std::string unsupported_across() const {
    for (const ValueId id : graph().live())
      if (graph()[id].op == Op::pick || graph()[id].op == Op::row_index)
        return std::string(ir::name(graph()[id].op)).append(" of rows across");
    for (std::size_t i = 0; i < graph().inputs().size(); ++i)
      if (size_of(rows_.input_dtypes[i]) > machine_.lane_bytes())
        return "an input '" + graph().inputs()[i].name + "' that is wider than a lane";
    for (std::size_t i = 0; i < graph().outputs().size(); ++i)
      if (size_of(rows_.output_dtypes[i]) > machine_.lane_bytes())
        return "an output '" + graph().outputs()[i].name + "' that is wider than a lane";
    return {};
  }

 private:
  [[nodiscard]] bool across() const { return row_result_.across; }

  void load_rows() {
    for (std::size_t i = 0; i < graph().inputs().size(); ++i)
      if (graph().inputs()[i].type.extent == ir::Extent::row)
        refs_[graph().input_value(i).index] =
            buffer_value(static_cast<std::uint32_t>(rows_.input_buffer(i)),
                         size_of(rows_.input_dtypes[i]) < machine_.lane_bytes());
  }

  void store_rows() {
    for (std::uint32_t i = 0; i < graph().outputs().size(); ++i) {
      if (!rows_.is_row_output(i)) continue;
      Ref value = ref(graph().outputs()[i].value);
      if (rows_.output_dtypes[i] == Dtype::bf16) value = to_bf16(value);
      store(value, static_cast<std::uint32_t>(rows_.output_buffer(i)),
            size_of(rows_.output_dtypes[i]) < machine_.lane_bytes());
    }
  }

  // The buffers of what passes keep: an output's, or of the workspace.
  void choose_kept() {
    row_result_.kept_buffers.assign(graph().size(), kNowhere);
    const auto first = static_cast<std::uint32_t>(rows_.sources() + graph().outputs().size());
    for (const schedule::Phase& phase : rows_.phases)
      for (const schedule::Pass& pass : phase.passes)
        for (const ValueId id : pass.kept) {
          const std::uint32_t output = rows_.kept_in[id.index];
          row_result_.kept_buffers[id.index] =
              output == schedule::RowProgram::kInWorkspace
                  ? first + row_result_.kept_in_workspace++
                  : static_cast<std::uint32_t>(rows_.output_buffer(output));
        }
  }

  void open_part() {
    part_ = {};
    block_ = &part_.block;
    begin_part();
  }

  // By value: the last step that reads it, where a phase's row values are one and its passes the
  // next.
  void find_last_uses() {
    last_uses_.assign(graph().size(), 0);
    std::size_t step = 0;
    // A select may read what its condition is the opposite of.
    const auto read = [&](ValueId id) {
      for (;; id = graph()[id].operand(0)) {
        last_uses_[id.index] = step;
        if (graph()[id].op != Op::logic_not) return;
      }
    };
    const auto read_operands = [&](const std::vector<ValueId>& values) {
      for (const ValueId id : values)
        for (const ValueId operand : graph()[id].args()) read(operand);
    };
    for (const schedule::Phase& phase : rows_.phases) {
      read_operands(phase.row_values);
      ++step;
      for (const schedule::Pass& pass : phase.passes) {
        read_operands(pass.body);
        read_operands(pass.reductions);
      }
      ++step;
    }
    for (const ir::GraphOutput& output : graph().outputs()) read(output.value);
    if (open_ == nullptr) return;
    read(open_->last);
    for (const auto& each : open_->closed) read(each.second);
  }

  // What this part computed, and later ones read, goes to the frame.
  void close_part() {
    for (std::uint32_t i = 0; i < graph().size(); ++i)
      if (uses_[i] != 0 && last_uses_[i] > step_ && !is_element(ValueId{i}) && refs_[i].is_value())
        refs_[i] = keep_in_frame(refs_[i]);
    row_result_.parts.push_back(std::move(part_));
  }

  void start_accumulators(const schedule::Pass& pass) {
    accumulators_ = result_.uniform_slots;
    places_.clear();
    trees_.assign(pass.reductions.size(), {});
    for (std::size_t r = 0; r < pass.reductions.size(); ++r) {
      const Op op = graph()[pass.reductions[r]].op;
      const Ref value = emit(Opcode::move, identity(op));
      places_.push_back(result_.uniform_slots - accumulators_);
      if (across() && is_ordered(op)) {
        trees_[r] = {result_.uniform_slots, kind_of(op)};
        result_.uniform_slots += schedule::kTreeResult;
      }
      for (std::uint32_t v = 0; v < (across() ? 1 : round()); ++v) keep_in_frame(value);
    }
    if (across()) return;
    for (std::size_t r = 0; r < pass.reductions.size(); ++r) {
      const Op op = graph()[pass.reductions[r]].op;
      if (!is_ordered(op)) continue;
      keep_in_frame(emit(Opcode::move, identity(op)));
      trees_[r] = {result_.uniform_slots, kind_of(op)};
      result_.uniform_slots += round() * pair_levels(graph().compute());
    }
  }

  void finish_accumulators(const schedule::Pass& pass) {
    for (std::size_t r = 0; r < pass.reductions.size(); ++r) {
      const ValueId id = pass.reductions[r];
      const Op op = graph()[id].op;
      std::uint32_t next = accumulators_ + places_[r];
      if (across() && is_ordered(op)) next += schedule::kTreeResult;
      std::vector<Ref> slots;
      for (std::uint32_t v = 0; v < (across() ? 1 : round()); ++v)
        slots.push_back(invariant({Invariant::Kind::uniform, Bank::vector, next++, 0, across()}));
      node_ = id.index;
      refs_[node_] = combine(op, slots, across() ? 1 : schedule::kBlockColumns);
      // Of no columns a sum is +0.
      if (op == Op::block_sum)
        refs_[node_] =
            select_lanes(compare_integers_equal(width(), bits(0)), bits(0), refs_[node_]);
      if (op == Op::block_sum && open_ != nullptr) add_closed(id);
      node_ = Instruction::kNoValue;
    }
  }

  [[nodiscard]] ValueId closed(ValueId id) const { return open_->closed.at(id); }

  // A sum of closed columns' zeros with the others', for that of none is -0.
  void add_closed(ValueId sum) {
    const Ref last = ref(open_->last);
    const Ref end = open_->included ? emit(Opcode::isub, width(), bits(1)) : width();
    const Ref some = machine_.avx512 ? emit(Opcode::mask_icompare, last, end, kIntLess)
                                     : emit(Opcode::icompare_gt, end, last);
    refs_[sum.index] =
        select_lanes(some, emit(Opcode::add, refs_[sum.index], bits(0)), refs_[sum.index]);
  }

  void store_closed(const schedule::Pass& pass) {
    if (open_ == nullptr) return;
    part_.last_slot = static_cast<std::int32_t>(last_slot_);
    part_.last_included = open_->included;
    block_ = &part_.closed;
    begin_part();
    for (const std::uint32_t output : pass.outputs) {
      const Ref value = ref(closed(graph().outputs()[output].value));
      store(rows_.output_dtypes[output] == Dtype::bf16 ? to_bf16(value) : value,
            static_cast<std::uint32_t>(rows_.output_buffer(output)),
            size_of(rows_.output_dtypes[output]) < machine_.lane_bytes());
    }
    block_ = &part_.block;
  }

  Ref width() {
    if (row_result_.width_slot < 0)
      row_result_.width_slot = static_cast<std::int32_t>(result_.uniform_slots++);
    return invariant({Invariant::Kind::uniform, Bank::vector,
                      static_cast<std::uint32_t>(row_result_.width_slot), 0});
  }
  Ref compare_integers_equal(Ref a, Ref b) {
    return machine_.avx512 ? emit(Opcode::mask_icompare, a, b, kIntEqual)
                           : emit(Opcode::icompare_eq, a, b);
  }

  void sweep(const schedule::Pass& pass) {
    open_part();
    part_.sweep = true;
    part_.reductions = static_cast<std::uint32_t>(pass.reductions.size());
    part_.accumulators = accumulators_;
    part_.trees = trees_;
    for (std::uint32_t i = 0; i < graph().size(); ++i)
      if (is_element(ValueId{i})) refs_[i] = read_here(ValueId{i});
    for (const ValueId id : pass.body) {
      node_ = id.index;
      refs_[id.index] = select_op(graph()[id]);
    }
    node_ = Instruction::kNoValue;
    std::vector<Ref> kept;
    for (const ValueId id : pass.kept) kept.push_back(refs_[id.index]);
    const std::vector<Ref> stored = to_store(pass);
    for (std::size_t r = 0; r < pass.reductions.size(); ++r) accumulate(pass.reductions[r], r);
    for (std::size_t i = 0; i < kept.size(); ++i)
      store(kept[i], row_result_.kept_buffers[pass.kept[i].index], false);
    for (std::size_t i = 0; i < stored.size(); ++i) {
      const std::uint32_t output = pass.outputs[i];
      store(stored[i], static_cast<std::uint32_t>(rows_.output_buffer(output)),
            size_of(rows_.output_dtypes[output]) < machine_.lane_bytes());
    }
    store_closed(pass);
    row_result_.parts.push_back(std::move(part_));
  }

  // An element value that this sweep finds in a buffer; instructions for those that nothing uses
  // are left out.
  Ref read_here(ValueId id) {
    const Node& node = graph()[id];
    const std::uint32_t kept = row_result_.kept_buffers[id.index];
    if (node.op == Op::input)
      return buffer_value(static_cast<std::uint32_t>(rows_.input_buffer(node.payload)),
                          size_of(rows_.input_dtypes[node.payload]) < machine_.lane_bytes());
    if (kept != kNowhere) return buffer_value(kept, false);
    if (node.op != Op::column || uses_[id.index] == 0) return {};
    static_cast<void>(lane_numbers());
    Instruction number;
    number.opcode = Opcode::column;
    number.place = result_.invariants[lane_numbers().index()].place;
    number.dst = new_value(Bank::vector);
    return push(number);
  }

  Ref buffer_value(std::uint32_t buffer, bool narrow) {
    Value value;
    value.home = static_cast<std::int32_t>(buffer);
    value.narrow = narrow;
    block_->values.push_back(value);
    return Ref::value(static_cast<std::uint32_t>(block_->values.size() - 1));
  }

  void accumulate(ValueId reduction, std::size_t index) {
    const Node& node = graph()[reduction];
    Instruction accumulate;
    accumulate.opcode = Opcode::accumulate;
    accumulate.imm = static_cast<std::uint8_t>(kind_of(node.op));
    accumulate.place = places_[index];
    accumulate.reduction = static_cast<std::uint8_t>(index);
    accumulate.ordered = is_ordered(node.op);
    accumulate.src[0] = ref(node.operand(0));
    push(accumulate);
  }

  void store(Ref value, std::uint32_t buffer, bool narrow) {
    Instruction store;
    store.opcode = Opcode::store;
    store.place = buffer;
    store.narrow = narrow;
    store.src[0] = value;
    push(store);
  }

  static constexpr std::uint32_t kNowhere = 0xffffffff;
  const OpenColumns* open_ = nullptr;
  std::uint32_t last_slot_ = 0;  // of the last open column
  RowPart part_;
  std::uint32_t accumulators_ = 0;
  std::vector<std::uint32_t> places_;  // by reduction: from the first accumulator on
  std::vector<RowTree> trees_;
  std::vector<std::size_t> last_uses_;
  std::size_t step_ = 0;
};

}  // namespace

Result<RowSelection> select_rows_across(const schedule::RowProgram& program, Machine machine) {
  RowSelection result(machine);
  result.across = true;
  const schedule::ElementProgram shell = shell_of(program);
  InSweeps sweeps(program, shell, machine, result);
  std::string obstacle = sweeps.unsupported_in_rows();
  if (obstacle.empty()) obstacle = sweeps.unsupported_across();
  if (!obstacle.empty())
    return Error{Status::unsupported, "the x64 back end can't do " + obstacle + " yet"};
  sweeps.run_row();
  if (result.kept_in_workspace == 0) return result;
  return Error{Status::unsupported, "rows across keep columns in outputs alone"};
}

std::uint32_t rows_to_vector(const schedule::RowProgram& program, Machine machine,
                             std::int64_t columns) {
  const bool power = columns > 0 && (columns & (columns - 1)) == 0;
  const ir::Graph& graph = program.graph;
  const std::vector<ValueId> live = graph.live();
  const auto of_one_row = [&](ValueId id) {
    const Node& node = graph[id];
    return node.op == Op::row_index || node.op == Op::pick || node.op == Op::column ||
           (node.op == Op::input && node.type.extent != ir::Extent::element);
  };
  if (!power || columns > machine.lanes() / 2 ||
      std::any_of(live.begin(), live.end(), of_one_row) ||
      std::find(program.row_outputs.begin(), program.row_outputs.end(), true) !=
          program.row_outputs.end())
    return 1;
  return static_cast<std::uint32_t>(machine.lanes() / columns);
}

Result<RowSelection> select_rows(const schedule::RowProgram& program, Machine machine,
                                 std::int64_t columns) {
  RowSelection result(machine);
  result.columns = columns;
  const schedule::ElementProgram shell = shell_of(program);
  const auto unsupported = [](const std::string& obstacle) {
    return Error{Status::unsupported, "the x64 back end can't do " + obstacle + " yet"};
  };
  const std::optional<OpenColumns> open = find_open_columns(program);
  if (columns == 0) {
    const schedule::RowProgram& swept = open ? open->program : program;
    const schedule::ElementProgram swept_shell = shell_of(swept);
    InSweeps sweeps(swept, swept_shell, machine, result);
    const std::string obstacle = sweeps.unsupported_in_rows();
    if (!obstacle.empty()) return unsupported(obstacle);
    sweeps.run_row(open ? &*open : nullptr);
    return result;
  }
  if (open && columns > kMostClosable)
    return Error{Status::unsupported, "sweeps leave closed columns of such rows out"};
  InRegisters row(program, shell, machine, result);
  const std::string obstacle = row.unsupported_in_rows();
  if (!obstacle.empty()) return unsupported(obstacle);
  if (row.estimate() > kMostInstructions)
    return Error{Status::limit_exceeded, "a row of this length is too long a block"};
  row.run_row();
  return result;
}

Result<RowSelection> select_packed_rows(const schedule::RowProgram& program, Machine machine,
                                        const RowSelection& first) {
  RowSelection result(machine);
  result.columns = first.columns;
  result.rows = rows_to_vector(program, machine, first.columns);
  result.selection.pool = first.selection.pool;
  result.selection.uniform_slots = first.selection.uniform_slots;
  const schedule::ElementProgram shell = shell_of(program);
  InRegisters rows(program, shell, machine, result);
  rows.run_row();
  return result;
}

}  // namespace sluice::x64
