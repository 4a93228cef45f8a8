// Running a plan: rows, their blocks, the passes over a block's columns, and between them the
// reductions' order.
#include "compiler/backend/composed/row_kernel.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "compiler/backend/composed/fold.hpp"
#include "compiler/backend/composed/plan.hpp"
#include "compiler/backend/composed/subtrees.hpp"

namespace sluice::composed {
namespace {

using ir::Op;

// Columns of a pass at a time: a multiple of the partials, and few enough that temps stay in the
// first-level cache.
constexpr std::size_t kChunk = 1024;

// Lanes before the cells: the last one is the index of a block's first column.
constexpr std::size_t kBeforeCells = 16;

// Where everything lies in the workspace, in lanes. Of rows of no columns it is what any part of a
// row takes, whose own values lie elsewhere.
struct Layout {
  std::size_t cells, folds, fold, visits, temps, columns, shared, states, block, kept, arrays, end;

  Layout(const RowKernel::Plan& plan, std::int64_t width) {
    const std::size_t lanes = plan.lanes;
    const auto blocks = static_cast<std::size_t>(block_count(width));
    const std::size_t of_fold =
        plan.across ? plan.wide ? fold_lanes<double>(lanes) : fold_lanes<float>(lanes)
        : plan.wide ? fold_lanes<double>()
                    : fold_lanes<float>();
    // A part of a row may have a whole block.
    const std::size_t in_block = width == 0 ? schedule::kBlockColumns
                                            : std::min<std::size_t>(static_cast<std::size_t>(width),
                                                                    schedule::kBlockColumns);
    const std::size_t chunk = plan.across ? lanes : kChunk;
    std::size_t at = 0;
    const auto take = [&](std::size_t count) {
      const std::size_t begin = at;
      at += (count + 15) / 16 * 16;
      return begin;
    };
    at = kBeforeCells;
    cells = take(plan.cells * lanes);
    folds = take(plan.largest_reductions * of_fold);
    fold = of_fold;
    visits = take(plan.across ? in_block : 0);
    temps = take(std::max<std::size_t>(plan.temps * chunk, 3 * plan.largest_state * lanes));
    columns = take(plan.across ? 1 : kChunk);
    shared = take(plan.across ? 2 * plan.across_broadcast.size() * lanes : 0);
    states = take(plan.largest_state * kMostSubtrees * lanes);
    block = take((plan.block_workspace + (plan.wide ? 8 : 4) - 1) / (plan.wide ? 8 : 4));
    kept = take(plan.kept * static_cast<std::size_t>(width) * lanes);
    arrays = take(plan.kept_by_block * blocks * lanes);
    end = at;
  }
};

constexpr std::uint32_t partials_of(bool wide) {
  return static_cast<std::uint32_t>(schedule::partial_count(wide ? ir::Elem::f64 : ir::Elem::f32));
}

template <typename T>
class Run {
 public:
  using Bits = typename Lane<T>::Bits;

  // Whole rows, in the call's workspace.
  Run(const RowKernel::Plan& plan, const schedule::RowCall& call)
      : plan_(plan), call_(call), layout_(plan, call.columns),
        lanes_(static_cast<Bits*>(call.workspace)),
        pointers_(reinterpret_cast<void**>(lanes_ + layout_.end)), cells_(lanes_ + layout_.cells),
        states_(lanes_ + layout_.states), kept_(lanes_ + layout_.kept),
        arrays_(lanes_ + layout_.arrays) {}

  Run(const RowKernel::Plan& plan, const RowPart& part)
      : plan_(plan), call_(*part.call), layout_(plan, 0), lanes_(static_cast<Bits*>(part.scratch)),
        pointers_(reinterpret_cast<void**>(lanes_ + layout_.end)),
        cells_(static_cast<Bits*>(part.cells) + kBeforeCells),
        states_(static_cast<Bits*>(part.states)), kept_(static_cast<Bits*>(part.kept)),
        arrays_(static_cast<Bits*>(part.arrays)), row_(static_cast<std::size_t>(part.row)),
        at_hand_(static_cast<std::size_t>(part.rows)), origin_(part.origin),
        first_array_(part.first_array), first_block_(part.first_block) {}

  void run() {
    const std::size_t step = plan_.lanes;
    const auto rows = static_cast<std::size_t>(call_.rows);
    if (!plan_.across) fill_columns();
    for (row_ = 0; row_ < rows; row_ += step) {
      at_hand_ = std::min(step, rows - row_);
      run_rows();
    }
  }

  void begin_rows() {
    for (const RowOperand& input : plan_.inputs)
      for (std::size_t r = 0; r < at_hand_; ++r)
        cell(input.cell)[r] = load_lane<T>(input.dtype, operand(input.buffer, r, 0), input.integer);
    if (plan_.row_index_cell >= 0)
      for (std::size_t r = 0; r < at_hand_; ++r)
        cell(static_cast<std::uint32_t>(plan_.row_index_cell))[r] = static_cast<Bits>(
            call_.row_index + call_.row_index_step * static_cast<std::int64_t>(row_ + r));
    fill_width();
    run_section(plan_.once, 0, at_hand_);
  }

  void begin_phase(const PhasePlan& phase) {
    fill_width();
    run_stages(phase.before);
    for (const Pick& pick : phase.picks)
      std::fill_n(cell(pick.cell), at_hand_,
                  std::bit_cast<Bits>(std::numeric_limits<T>::quiet_NaN()));
  }

  // The columns from `begin` to `end`, which is a block's end or the row's; from the middle of a
  // block on only in a phase without reductions.
  void run_columns(const PhasePlan& phase, ColumnRange columns) {
    lanes_[layout_.columns] = ~Bits{0};  // no index: they are numbered when they are needed
    run_blocks(phase, columns);
  }

  // What the right has of `columns`, which begin where this part's end.
  void append(const PhasePlan& phase, const RowPart& right, ColumnRange columns) {
    append_picks(phase, right, columns);
    if (phase.merges.empty()) return;
    BlockRange range{right.first_block, block_count(columns.end)};
    const auto* from = static_cast<const Bits*>(right.states);
    depth_ = subtree_count({first_block_, range.begin});
    for (Subtree each{}; range.begin < range.end; range.begin = each.end()) {
      each = first_subtree(range);
      for (std::uint32_t i = 0; i < phase.merges.size(); ++i, from += plan_.lanes)
        std::copy_n(from, at_hand_, state(i, depth_));
      from += (plan_.largest_state - phase.merges.size()) * plan_.lanes;
      ++depth_;
      merge_neighbours(phase, each);
    }
  }

  // All of the row's blocks have been.
  void finish_phase(const PhasePlan& phase) {
    const std::int64_t blocks = block_count(call_.columns);
    if (blocks == 0) return nothing(phase);
    depth_ = subtree_count({0, blocks});
    if (phase.merges.empty()) return;
    while (depth_ > 1) merge_states(phase);
    for (std::uint32_t i = 0; i < phase.merges.size(); ++i)
      std::copy_n(state(i, 0), at_hand_, cell(phase.merges[i].cell));
  }

  void store_outputs() {
    for (const RowOperand& output : plan_.outputs)
      for (std::size_t r = 0; r < at_hand_; ++r)
        store_lane<T>(output.dtype, operand(output.buffer, r, 0), cell(output.cell)[r],
                      output.integer);
  }

 private:
  void append_picks(const PhasePlan& phase, const RowPart& right, ColumnRange columns) {
    const Bits* const cells = static_cast<const Bits*>(right.cells) + kBeforeCells;
    for (const Pick& pick : phase.picks)
      for (std::size_t r = 0; r < at_hand_; ++r)
        if (lies_within(cell(pick.column)[r], columns))
          cell(pick.cell)[r] = cells[pick.cell * plan_.lanes + r];
  }

  [[nodiscard]] Bits* cell(std::uint32_t index) const { return cells_ + index * plan_.lanes; }
  [[nodiscard]] Bits* kept(std::uint32_t index, std::size_t column) const {
    const auto width = static_cast<std::size_t>(call_.columns);
    return kept_ + (index * width + column) * plan_.lanes;
  }
  [[nodiscard]] Bits* array(const KeptByBlock& kept_value, std::int64_t block) const {
    const auto at = static_cast<std::size_t>(block - first_array_);
    return arrays_ + (at * plan_.kept_by_block + kept_value.array) * plan_.lanes;
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
           call_.column_steps[buffer] * (static_cast<std::int64_t>(column) - origin_);
  }

  void fill_columns() const {
    for (std::size_t i = 0; i < kChunk; ++i) lanes_[layout_.columns + i] = static_cast<Bits>(i);
  }

  void run_rows() {
    begin_rows();
    for (const PhasePlan& phase : plan_.phases) {
      begin_phase(phase);
      if (!phase.reads_columns()) continue;
      run_blocks(phase, {0, call_.columns});
      finish_phase(phase);
    }
    store_outputs();
  }

  void fill_width() {
    if (plan_.width_cell >= 0)
      std::fill_n(cell(static_cast<std::uint32_t>(plan_.width_cell)), at_hand_,
                  static_cast<Bits>(call_.columns));
  }

  void run_stages(const std::vector<Stage>& stages) {
    for (const Stage& stage : stages) {
      run_section(stage.section, 0, at_hand_);
      for (const Pick& pick : stage.picks)
        for (std::size_t r = 0; r < at_hand_; ++r) cell(pick.cell)[r] = picked(pick, r);
    }
  }

  [[nodiscard]] Bits picked(const Pick& pick, std::size_t r) const {
    const Bits column = cell(pick.column)[r];
    if (!lies_within(column, {0, call_.columns}))
      return std::bit_cast<Bits>(std::numeric_limits<T>::quiet_NaN());
    return element(pick, r, column);
  }
  static bool lies_within(Bits column, ColumnRange columns) {
    const auto at = static_cast<typename Lane<T>::Integer>(column);
    return at >= columns.begin && at < columns.end;
  }
  [[nodiscard]] Bits element(const Pick& pick, std::size_t r, Bits column) const {
    return load_lane<T>(plan_.dtypes[pick.buffer], operand(pick.buffer, r, column), false);
  }

  void run_blocks(const PhasePlan& phase, ColumnRange columns) {
    std::int64_t begin = columns.begin;
    std::int64_t block = begin / schedule::kBlockColumns;
    depth_ = subtree_count({first_block_, block});
    for (; begin < columns.end; ++block) {
      const std::int64_t until = std::min((block + 1) * schedule::kBlockColumns, columns.end);
      for (const KeptByBlock& each : phase.restored)
        std::copy_n(array(each, block), at_hand_, cell(each.cell));
      if (phase.block.run)
        run_block(phase, static_cast<std::size_t>(begin), static_cast<std::size_t>(until));
      else
        for (const PassPlan& pass : phase.passes)
          run_pass(pass, static_cast<std::size_t>(begin), static_cast<std::size_t>(until));
      for (const Pick& pick : phase.picks)
        for (std::size_t r = 0; r < at_hand_; ++r)
          if (const Bits column = cell(pick.column)[r]; lies_within(column, {begin, until}))
            cell(pick.cell)[r] = element(pick, r, column);
      for (const KeptByBlock& each : phase.kept)
        std::copy_n(cell(each.cell), at_hand_, array(each, block));
      push_state(phase);
      merge_neighbours(phase, {block, 0});
      begin = until;
    }
  }

  void nothing(const PhasePlan& phase) const {
    const auto fill = [&](std::uint32_t to, Op op) {
      std::fill_n(cell(to), at_hand_, of_nothing<T>(op));
    };
    for (const Reduced& reduced : phase.reduced) fill(reduced.cell, reduced.op);
    for (const Merge& merge : phase.merges) fill(merge.cell, merge.op);
  }

  [[nodiscard]] Bits* state(std::uint32_t merge, std::size_t depth) const {
    return states_ + (depth * plan_.largest_state + merge) * plan_.lanes;
  }
  void merge_neighbours(const PhasePlan& phase, Subtree arrived) {
    if (phase.merges.empty()) return;
    for (std::size_t left = merges_after(first_block_, arrived); left > 0; --left)
      merge_states(phase);
  }
  void push_state(const PhasePlan& phase) {
    if (phase.merges.empty()) return;
    for (std::uint32_t i = 0; i < phase.merges.size(); ++i)
      std::copy_n(cell(phase.merges[i].from), at_hand_, state(i, depth_));
    ++depth_;
  }
  void merge_states(const PhasePlan& phase) {
    --depth_;
    const std::size_t count = phase.merges.size();
    const auto state_temp = [&](std::size_t i) { return lanes_ + layout_.temps + i * plan_.lanes; };
    for (std::uint32_t i = 0; i < count; ++i) {
      pointers_[i] = state(i, depth_ - 1);
      pointers_[count + i] = state(i, depth_);
      pointers_[2 * count + i] = state_temp(i);
    }
    phase.combine.kernel.run(pointers_, static_cast<std::int64_t>(at_hand_), call_.params);
    for (std::uint32_t i = 0; i < count; ++i)
      std::copy_n(state_temp(i), at_hand_, state(i, depth_ - 1));
  }

  void run_block(const PhasePlan& phase, std::size_t begin, std::size_t end) {
    cells_[-1] = static_cast<Bits>(begin);
    const std::size_t count = phase.block_slots.size();
    for (std::size_t i = 0; i < count; ++i) pointers_[i] = address(phase.block_slots[i], begin);
    schedule::RowCall call;
    call.buffers = pointers_;
    call.params = call_.params;
    call.rows = 1;
    call.columns = static_cast<std::int64_t>(end - begin);
    call.row_steps = kNoSteps;
    call.column_steps = kNoSteps;
    call.cells = cells_ - 1;
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
    if (columns != visited_)
      schedule::tree_order(static_cast<std::uint32_t>(columns), partials_of(sizeof(T) == 8),
                           visits);
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
      case Slot::Kind::first_column: return cells_ - 1;
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
    if (!section.kernel.run) return;
    for (std::size_t i = 0; i < section.slots.size(); ++i) {
      const Slot slot = section.slots[i];
      pointers_[i] = address(slot, column);
      if (slot.kind == Slot::Kind::column && !plan_.across) number_columns(column);
    }
    section.kernel.run(pointers_, static_cast<std::int64_t>(count), call_.params);
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
  Bits* cells_;  // the index of a block's first column is before them
  Bits* states_;
  Bits* kept_;
  Bits* arrays_;
  std::size_t row_ = 0;
  std::size_t at_hand_ = 1;
  std::int64_t origin_ = 0;  // the column that buffers begin at
  std::int64_t first_array_ = 0;
  std::int64_t first_block_ = 0;
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
  const auto columns = static_cast<std::uint32_t>(call.columns);
  schedule::tree_order(columns, partials_of(plan.wide), visits);
  const auto [second, third] = schedule::tree_steps(columns, partials_of(plan.wide));
  schedule::RowCall walked = call;
  walked.visits = visits;
  walked.tree_steps = {second, third};
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

namespace {

std::size_t layout_bytes(const RowKernel::Plan& plan, std::int64_t columns) {
  const std::size_t pointers = std::max<std::size_t>(plan.largest_section, 3 * plan.largest_state);
  return Layout(plan, columns).end * (plan.wide ? 8 : 4) + pointers * sizeof(void*);
}

}  // namespace

std::size_t RowKernel::workspace_bytes(std::int64_t columns) const {
  if (plan_->whole.run && !plan_->across) return plan_->whole.workspace_bytes;
  return layout_bytes(*plan_, columns);
}

template <typename Do>
void RowKernel::with_run(const RowPart& part, const Do& act) const {
  if (plan_->wide) {
    Run<double> run(*plan_, part);
    act(run);
  } else {
    Run<float> run(*plan_, part);
    act(run);
  }
}

RowSizes RowKernel::sizes() const {
  const std::size_t lane = plan_->wide ? 8 : 4;
  RowSizes sizes;
  sizes.rows = static_cast<std::int64_t>(plan_->lanes);
  sizes.phases = plan_->phases.size();
  sizes.cells = (kBeforeCells + plan_->cells * plan_->lanes) * lane;
  sizes.state = plan_->largest_state * plan_->lanes * lane;
  sizes.column = plan_->kept * plan_->lanes * lane;
  sizes.block = plan_->kept_by_block * plan_->lanes * lane;
  sizes.scratch = layout_bytes(*plan_, 0);
  return sizes;
}

bool RowKernel::reads_columns(std::size_t phase) const {
  return plan_->phases[phase].reads_columns();
}

void RowKernel::begin_rows(const RowPart& part) const {
  with_run(part, [](auto& run) { run.begin_rows(); });
}
void RowKernel::begin_phase(const RowPart& part, std::size_t phase) const {
  with_run(part, [&](auto& run) { run.begin_phase(plan_->phases[phase]); });
}
void RowKernel::run_columns(const RowPart& part, std::size_t phase, ColumnRange columns) const {
  with_run(part, [&](auto& run) { run.run_columns(plan_->phases[phase], columns); });
}
void RowKernel::append(const RowPart& left, std::size_t phase, const RowPart& right,
                       ColumnRange columns) const {
  with_run(left, [&](auto& run) { run.append(plan_->phases[phase], right, columns); });
}
void RowKernel::finish_phase(const RowPart& part, std::size_t phase) const {
  with_run(part, [&](auto& run) { run.finish_phase(plan_->phases[phase]); });
}
void RowKernel::store_outputs(const RowPart& part) const {
  with_run(part, [](auto& run) { run.store_outputs(); });
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
