// Running a plan: rows, their blocks, the passes over a block's columns, and between them the
// reductions' order.
#include "compiler/backend/composed/row_kernel.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "compiler/backend/composed/fold.hpp"
#include "compiler/backend/composed/plan.hpp"

namespace sluice::composed {
namespace {

using ir::Op;

// Columns of a pass at a time: a multiple of the partials, and few enough that temps stay in the
// first-level cache.
constexpr std::size_t kChunk = 1024;
constexpr std::size_t kMaxDepth = 48;  // of the binary counter over blocks

// Where everything lies in the workspace, in lanes.
struct Layout {
  std::size_t cells, folds, fold, visits, temps, columns, shared, states, first_column, block, kept,
      arrays, end;

  Layout(const RowKernel::Plan& plan, std::int64_t width) {
    const std::size_t lanes = plan.lanes;
    const std::size_t blocks = block_count(width);
    const std::size_t of_fold =
        plan.across ? plan.wide ? fold_lanes<double>(lanes) : fold_lanes<float>(lanes)
        : plan.wide ? fold_lanes<double>()
                    : fold_lanes<float>();
    const std::size_t in_block =
        std::min<std::size_t>(static_cast<std::size_t>(width), schedule::kBlockColumns);
    const std::size_t chunk = plan.across ? lanes : kChunk;
    std::size_t at = 0;
    const auto take = [&](std::size_t count) {
      const std::size_t begin = at;
      at += (count + 15) / 16 * 16;
      return begin;
    };
    first_column = 15;  // next to the cells
    at = 16;
    cells = take(plan.cells * lanes);
    folds = take(plan.largest_reductions * of_fold);
    fold = of_fold;
    visits = take(plan.across ? in_block : 0);
    temps = take(std::max<std::size_t>(plan.temps * chunk, 3 * plan.largest_state * lanes));
    columns = take(plan.across ? 1 : kChunk);
    shared = take(plan.across ? 2 * plan.across_broadcast.size() * lanes : 0);
    states = take(plan.largest_state * kMaxDepth * lanes);
    block = take((plan.block_workspace + (plan.wide ? 8 : 4) - 1) / (plan.wide ? 8 : 4));
    kept = take(plan.kept * static_cast<std::size_t>(width) * lanes);
    arrays = take(plan.kept_by_block * blocks * lanes);
    end = at;
  }

  static std::size_t block_count(std::int64_t columns) {
    return static_cast<std::size_t>((columns + schedule::kBlockColumns - 1) /
                                    schedule::kBlockColumns);
  }
};

template <typename T>
void write_visits(std::size_t columns, schedule::TreeVisit* visits) {
  constexpr std::size_t kPartials =
      schedule::partial_count(sizeof(T) == 8 ? ir::Elem::f64 : ir::Elem::f32);
  schedule::tree_order(static_cast<std::uint32_t>(columns), kPartials, visits);
}

template <typename T>
class Run {
 public:
  using Bits = typename Lane<T>::Bits;

  Run(const RowKernel::Plan& plan, const schedule::RowCall& call)
      : plan_(plan), call_(call), layout_(plan, call.columns),
        lanes_(static_cast<Bits*>(call.workspace)),
        pointers_(reinterpret_cast<void**>(lanes_ + layout_.end)) {}

  void run() {
    const std::size_t step = plan_.lanes;
    const auto rows = static_cast<std::size_t>(call_.rows);
    if (!plan_.across) fill_columns();
    for (row_ = 0; row_ < rows; row_ += step) {
      at_hand_ = std::min(step, rows - row_);
      run_rows();
    }
  }

 private:
  [[nodiscard]] Bits* cell(std::uint32_t index) const {
    return lanes_ + layout_.cells + index * plan_.lanes;
  }
  [[nodiscard]] Bits* kept(std::uint32_t index, std::size_t column) const {
    const auto width = static_cast<std::size_t>(call_.columns);
    return lanes_ + layout_.kept + (index * width + column) * plan_.lanes;
  }
  [[nodiscard]] Bits* array(const KeptByBlock& kept_value, std::size_t block) const {
    const std::size_t blocks = Layout::block_count(call_.columns);
    return lanes_ + layout_.arrays + (kept_value.array * blocks + block) * plan_.lanes;
  }
  [[nodiscard]] Bits* temp(std::uint32_t index) const {
    return lanes_ + layout_.temps + index * (plan_.across ? plan_.lanes : kChunk);
  }
  [[nodiscard]] Bits* fold(std::size_t reduction) const {
    return lanes_ + layout_.folds + reduction * layout_.fold;
  }
  [[nodiscard]] std::byte* operand(std::uint32_t buffer, std::size_t lane,
                                   std::size_t column) const {
    return static_cast<std::byte*>(call_.buffers[buffer]) +
           call_.row_steps[buffer] * static_cast<std::int64_t>(row_ + lane) +
           call_.column_steps[buffer] * static_cast<std::int64_t>(column);
  }

  void fill_columns() const {
    for (std::size_t i = 0; i < kChunk; ++i) lanes_[layout_.columns + i] = static_cast<Bits>(i);
  }

  void run_rows() {
    for (const RowOperand& input : plan_.inputs)
      for (std::size_t r = 0; r < at_hand_; ++r)
        cell(input.cell)[r] = load_lane<T>(input.dtype, operand(input.buffer, r, 0), input.integer);
    if (plan_.width_cell >= 0)
      std::fill_n(cell(static_cast<std::uint32_t>(plan_.width_cell)), at_hand_,
                  static_cast<Bits>(call_.columns));
    if (plan_.row_index_cell >= 0)
      for (std::size_t r = 0; r < at_hand_; ++r)
        cell(static_cast<std::uint32_t>(plan_.row_index_cell))[r] = static_cast<Bits>(
            call_.row_index + call_.row_index_step * static_cast<std::int64_t>(row_ + r));
    run_section(plan_.once, 0, at_hand_);
    for (const PhasePlan& phase : plan_.phases) run_phase(phase);
    for (const RowOperand& output : plan_.outputs)
      for (std::size_t r = 0; r < at_hand_; ++r)
        store_lane<T>(output.dtype, operand(output.buffer, r, 0), cell(output.cell)[r],
                      output.integer);
  }

  void run_stages(const std::vector<Stage>& stages) {
    for (const Stage& stage : stages) {
      run_section(stage.section, 0, at_hand_);
      for (const Pick& pick : stage.picks)
        for (std::size_t r = 0; r < at_hand_; ++r) cell(pick.cell)[r] = picked(pick, r);
    }
  }

  [[nodiscard]] Bits picked(const Pick& pick, std::size_t r) const {
    const auto column = static_cast<typename Lane<T>::Integer>(cell(pick.column)[r]);
    if (column < 0 || column >= call_.columns)
      return std::bit_cast<Bits>(std::numeric_limits<T>::quiet_NaN());
    return load_lane<T>(plan_.dtypes[pick.buffer],
                        operand(pick.buffer, r, static_cast<std::size_t>(column)), false);
  }

  void run_phase(const PhasePlan& phase) {
    run_stages(phase.before);
    if (phase.passes.empty() && !phase.block.run) return;
    const auto width = static_cast<std::size_t>(call_.columns);
    const auto block_columns = static_cast<std::size_t>(schedule::kBlockColumns);
    const std::size_t blocks = Layout::block_count(call_.columns);
    depth_ = 0;
    if (blocks == 0) nothing(phase);
    for (std::size_t block = 0; block < blocks; ++block) {
      const std::size_t begin = block * block_columns;
      const std::size_t end = std::min(begin + block_columns, width);
      for (const KeptByBlock& each : phase.restored)
        std::copy_n(array(each, block), at_hand_, cell(each.cell));
      if (phase.block.run)
        run_block(phase, begin, end);
      else
        for (const PassPlan& pass : phase.passes) run_pass(pass, begin, end);
      for (const KeptByBlock& each : phase.kept)
        std::copy_n(cell(each.cell), at_hand_, array(each, block));
      push_state(phase);
      for (std::size_t count = block + 1; count % 2 == 0; count /= 2) merge_states(phase);
    }
    while (depth_ > 1) merge_states(phase);
    for (std::uint32_t i = 0; depth_ == 1 && i < phase.merges.size(); ++i)
      std::copy_n(state(i, 0), at_hand_, cell(phase.merges[i].cell));
  }

  void nothing(const PhasePlan& phase) const {
    const auto fill = [&](std::uint32_t to, Op op) {
      std::fill_n(cell(to), at_hand_, of_nothing<T>(op));
    };
    for (const Reduced& reduced : phase.reduced) fill(reduced.cell, reduced.op);
    for (const Merge& merge : phase.merges) fill(merge.cell, merge.op);
  }

  [[nodiscard]] Bits* state(std::uint32_t merge, std::size_t depth) const {
    return lanes_ + layout_.states + (merge * kMaxDepth + depth) * plan_.lanes;
  }
  void push_state(const PhasePlan& phase) {
    for (std::uint32_t i = 0; i < phase.merges.size(); ++i)
      std::copy_n(cell(phase.merges[i].from), at_hand_, state(i, depth_));
    ++depth_;
  }
  void merge_states(const PhasePlan& phase) {
    --depth_;
    const std::size_t count = phase.merges.size();
    if (count == 0) return;
    const auto state_temp = [&](std::size_t i) { return lanes_ + layout_.temps + i * plan_.lanes; };
    for (std::uint32_t i = 0; i < count; ++i) {
      pointers_[i] = state(i, depth_ - 1);
      pointers_[count + i] = state(i, depth_);
      pointers_[2 * count + i] = state_temp(i);
    }
    phase.combine.kernel(pointers_, static_cast<std::int64_t>(at_hand_), call_.params);
    for (std::uint32_t i = 0; i < count; ++i)
      std::copy_n(state_temp(i), at_hand_, state(i, depth_ - 1));
  }

  void run_block(const PhasePlan& phase, std::size_t begin, std::size_t end) {
    lanes_[layout_.first_column] = static_cast<Bits>(begin);
    const std::size_t count = phase.block_slots.size();
    for (std::size_t i = 0; i < count; ++i) pointers_[i] = address(phase.block_slots[i], begin);
    schedule::RowCall call;
    call.buffers = pointers_;
    call.params = call_.params;
    call.rows = 1;
    call.columns = static_cast<std::int64_t>(end - begin);
    call.row_steps = kNoSteps;
    call.column_steps = kNoSteps;
    call.cells = lanes_ + layout_.first_column;
    call.workspace = lanes_ + layout_.block;
    phase.block.run(call);
  }

  void run_pass(const PassPlan& pass, std::size_t begin, std::size_t end) {
    run_stages(pass.before);
    if (plan_.across) return run_columns(pass, begin, end);
    for (std::size_t i = 0; i < pass.reductions.size(); ++i)
      fold_of<T>(pass.reductions[i].op).start(fold(i));
    for (std::size_t column = begin; column < end; column += kChunk)
      run_chunk(pass, begin, column, std::min(kChunk, end - column));
    for (std::size_t i = 0; i < pass.reductions.size(); ++i)
      fold_of<T>(pass.reductions[i].op).finish(fold(i), end - begin, cell(pass.reductions[i].cell));
  }

  void run_chunk(const PassPlan& pass, std::size_t begin, std::size_t column, std::size_t count) {
    run_section(pass.columns, column, count);
    for (std::size_t i = 0; i < pass.reductions.size(); ++i) {
      const Reduction& reduction = pass.reductions[i];
      fold_of<T>(reduction.op)
          .columns(fold(i), column - begin, lanes_of(reduction.from, column), count);
    }
  }

  // Of rows across, in the order of the walk.
  void run_columns(const PassPlan& pass, std::size_t begin, std::size_t end) {
    const schedule::TreeVisit* const visits = visits_of(end - begin);
    for (std::size_t v = 0; v < end - begin; ++v) run_column(pass, begin, visits[v]);
    for (std::size_t i = 0; i < pass.reductions.size(); ++i)
      fold_of<T>(pass.reductions[i].op)
          .finish_rows(fold(i), at_hand_, cell(pass.reductions[i].cell));
  }

  [[nodiscard]] const schedule::TreeVisit* visits_of(std::size_t columns) {
    auto* const visits = reinterpret_cast<schedule::TreeVisit*>(lanes_ + layout_.visits);
    if (columns != visited_) write_visits<T>(columns, visits);
    visited_ = columns;
    return visits;
  }

  void run_column(const PassPlan& pass, std::size_t begin, schedule::TreeVisit visit) {
    const std::size_t column = begin + visit.column();
    lanes_[layout_.columns] = static_cast<Bits>(column);
    run_section(pass.columns, column, at_hand_);
    for (std::size_t i = 0; i < pass.reductions.size(); ++i) {
      const Reduction& reduction = pass.reductions[i];
      fold_of<T>(reduction.op).rows(fold(i), visit, lanes_of(reduction.from, column), at_hand_);
    }
  }

  [[nodiscard]] const Bits* lanes_of(Slot slot, std::size_t column) {
    return static_cast<const Bits*>(address(slot, column));
  }

  // An operand that rows across have in common is repeated for them.
  void* address(Slot slot, std::size_t column) {
    switch (slot.kind) {
      case Slot::Kind::cell: return cell(slot.index);
      case Slot::Kind::kept: return kept(slot.index, column);
      case Slot::Kind::temp: return temp(slot.index);
      case Slot::Kind::column: return lanes_ + layout_.columns;
      case Slot::Kind::first_column: return lanes_ + layout_.first_column;
      case Slot::Kind::operand: break;
    }
    std::byte* const at = operand(slot.index, 0, column);
    if (!plan_.across || call_.row_steps[slot.index] != 0) return at;
    return repeated(slot.index, at);
  }

  void* repeated(std::uint32_t buffer, const std::byte* element) {
    const auto which =
        std::find(plan_.across_broadcast.begin(), plan_.across_broadcast.end(), buffer);
    const auto index = static_cast<std::size_t>(which - plan_.across_broadcast.begin());
    const std::size_t bytes = size_of(plan_.dtypes[buffer]);
    auto* const to =
        reinterpret_cast<std::byte*>(lanes_ + layout_.shared + 2 * index * plan_.lanes);
    for (std::size_t r = 0; r < at_hand_; ++r) std::memcpy(to + r * bytes, element, bytes);
    return to;
  }

  // The column's index is of 0 in a row's first chunk; `columns` says where the section's begins.
  void run_section(const Section& section, std::size_t column, std::size_t count) {
    if (!section.kernel) return;
    for (std::size_t i = 0; i < section.slots.size(); ++i) {
      const Slot slot = section.slots[i];
      pointers_[i] = address(slot, column);
      if (slot.kind == Slot::Kind::column && !plan_.across) number_columns(column);
    }
    section.kernel(pointers_, static_cast<std::int64_t>(count), call_.params);
  }

  void number_columns(std::size_t first) {
    Bits* const columns = lanes_ + layout_.columns;
    if (columns[0] == static_cast<Bits>(first)) return;
    for (std::size_t i = 0; i < kChunk; ++i) columns[i] = static_cast<Bits>(first + i);
  }

  // Of the one row of a block.
  static constexpr std::int64_t kNoSteps[kMostBlockOperands] = {};

  const RowKernel::Plan& plan_;
  const schedule::RowCall& call_;
  Layout layout_;
  Bits* lanes_;
  void** pointers_;
  std::size_t row_ = 0;
  std::size_t at_hand_ = 1;
  std::size_t depth_ = 0;
  std::size_t visited_ = 0;  // columns that the walk at hand is of
};

// Whether no rows across share an operand.
bool each_has_own(const RowKernel::Plan& plan, const schedule::RowCall& call) {
  return std::all_of(plan.own_rows.begin(), plan.own_rows.end(), [&](std::uint32_t buffer) {
    return call.row_steps[buffer] == static_cast<std::int64_t>(size_of(plan.dtypes[buffer]));
  });
}

void run_whole(const RowKernel::Plan& plan, const schedule::RowCall& call) {
  if (!plan.across || call.columns == 0) return plan.whole.run(call);
  const Layout layout(plan, call.columns);
  auto* const visits = reinterpret_cast<schedule::TreeVisit*>(
      static_cast<std::byte*>(call.workspace) + layout.visits * (plan.wide ? 8 : 4));
  const auto columns = static_cast<std::size_t>(call.columns);
  plan.wide ? write_visits<double>(columns, visits) : write_visits<float>(columns, visits);
  schedule::RowCall walked = call;
  walked.visits = visits;
  plan.whole.run(walked);
}

}  // namespace

Result<RowKernel> RowKernel::make(const schedule::RowProgram& program, bool across,
                                  const MakeElementKernel& make_element,
                                  const MakeBlockKernel& make_block) {
  auto plan = make_plan(program, across, make_element, make_block);
  if (!plan.ok()) return plan.error();
  return RowKernel(std::move(plan).value());
}

void RowKernel::run(const schedule::RowCall& call) const {
  if (call.rows <= 0) return;
  if (plan_->whole.run && each_has_own(*plan_, call)) return run_whole(*plan_, call);
  if (plan_->wide)
    Run<double>(*plan_, call).run();
  else
    Run<float>(*plan_, call).run();
}

std::size_t RowKernel::workspace_bytes(std::int64_t columns) const {
  if (plan_->whole.run && !plan_->across) return plan_->whole.workspace_bytes;
  const Layout layout(*plan_, columns);
  const std::size_t pointers =
      std::max<std::size_t>(plan_->largest_section, 3 * plan_->largest_state);
  return layout.end * (plan_->wide ? 8 : 4) + pointers * sizeof(void*);
}

std::size_t RowKernel::bytes() const {
  std::size_t bytes = sizeof *plan_;
  const auto add = [&](const Section& section) {
    bytes += sizeof section + section.slots.size() * sizeof(Slot);
  };
  const auto add_stages = [&](const std::vector<Stage>& stages) {
    for (const Stage& stage : stages) {
      add(stage.section);
      bytes += stage.picks.size() * sizeof(Pick);
    }
  };
  add(plan_->once);
  for (const PhasePlan& phase : plan_->phases) {
    add_stages(phase.before);
    for (const PassPlan& pass : phase.passes) {
      add_stages(pass.before);
      add(pass.columns);
      bytes += pass.reductions.size() * sizeof(Reduction);
    }
    add(phase.combine);
    bytes += phase.merges.size() * sizeof(Merge);
  }
  return bytes;
}

}  // namespace sluice::composed
