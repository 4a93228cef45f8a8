// Long rows over threads: each phase's blocks in as many ranges as there are tasks, whose subtrees
// are then appended in the order of the row.
#include <algorithm>
#include <cstring>

#include "compiler/backend/composed/row_kernel.hpp"
#include "compiler/backend/composed/subtrees.hpp"

namespace sluice::composed {
namespace {

std::size_t aligned(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

// Where everything lies: what the tasks share, then what each has of its own.
struct Layout {
  RowSizes sizes;
  std::size_t kept = 0, arrays = 0, own = 0, each = 0;

  Layout(const RowSizes& of, std::int64_t columns) : sizes(of) {
    arrays = aligned(static_cast<std::size_t>(columns) * sizes.column);
    own = arrays + aligned(static_cast<std::size_t>(block_count(columns)) * sizes.block);
    each = aligned(sizes.cells) + aligned(kMostSubtrees * sizes.state) + aligned(sizes.scratch);
  }
  [[nodiscard]] std::size_t bytes(std::size_t tasks) const { return own + tasks * each; }

  [[nodiscard]] RowPart part(void* workspace, std::size_t task) const {
    auto* const begin = static_cast<std::byte*>(workspace);
    RowPart part;
    part.kept = begin + kept;
    part.arrays = begin + arrays;
    part.cells = begin + own + task * each;
    part.states = static_cast<std::byte*>(part.cells) + aligned(sizes.cells);
    part.scratch = static_cast<std::byte*>(part.states) + aligned(kMostSubtrees * sizes.state);
    return part;
  }
};

class LongRows {
 public:
  LongRows(const RowKernel& kernel, const schedule::RowCall& call, const Parallel& parallel,
           std::size_t tasks)
      : kernel_(kernel), call_(call), parallel_(parallel), layout_(kernel.sizes(), call.columns),
        blocks_(block_count(call.columns)),
        tasks_(std::min(tasks, static_cast<std::size_t>(blocks_))) {}

  void run() {
    for (row_ = 0; row_ < call_.rows; row_ += layout_.sizes.rows) {
      const RowPart whole = part(0);
      kernel_.begin_rows(whole);
      for (std::size_t phase = 0; phase < layout_.sizes.phases; ++phase) {
        kernel_.begin_phase(whole, phase);
        if (kernel_.reads_columns(phase)) run_phase(phase);
      }
      kernel_.store_outputs(whole);
    }
  }

 private:
  [[nodiscard]] std::int64_t first_block(std::size_t task) const {
    const auto at = static_cast<std::int64_t>(task);
    const auto tasks = static_cast<std::int64_t>(tasks_);
    return tasks == 0 ? 0 : blocks_ / tasks * at + std::min(at, blocks_ % tasks);
  }
  [[nodiscard]] ColumnRange columns(std::size_t task) const {
    return {first_block(task) * schedule::kBlockColumns,
            std::min(first_block(task + 1) * schedule::kBlockColumns, call_.columns)};
  }
  [[nodiscard]] RowPart part(std::size_t task) const {
    RowPart part = layout_.part(call_.workspace, task);
    part.call = &call_;
    part.row = row_;
    part.rows = std::min(layout_.sizes.rows, call_.rows - row_);
    part.first_block = first_block(task);
    return part;
  }

  void run_phase(std::size_t phase) const {
    for (std::size_t task = 1; task < tasks_; ++task)
      std::memcpy(part(task).cells, part(0).cells, layout_.sizes.cells);
    const auto run_task = [&](std::size_t task) {
      kernel_.run_columns(part(task), phase, columns(task));
    };
    if (tasks_ > 1)
      parallel_.for_each(tasks_, run_task);
    else if (tasks_ == 1)
      run_task(0);
    for (std::size_t task = 1; task < tasks_; ++task)
      kernel_.append(part(0), phase, part(task), columns(task));
    kernel_.finish_phase(part(0), phase);
  }

  const RowKernel& kernel_;
  const schedule::RowCall& call_;
  const Parallel& parallel_;
  Layout layout_;
  std::int64_t blocks_;
  std::size_t tasks_;
  std::int64_t row_ = 0;
};

}  // namespace

void RowKernel::run_long(const schedule::RowCall& call, const Parallel& parallel,
                         std::size_t tasks) const {
  LongRows(*this, call, parallel, tasks).run();
}

std::size_t RowKernel::long_workspace_bytes(std::int64_t columns, std::size_t tasks) const {
  const auto blocks = static_cast<std::size_t>(block_count(columns));
  return Layout(sizes(), columns).bytes(std::max<std::size_t>(std::min(tasks, blocks), 1));
}

}  // namespace sluice::composed
