#include "runtime/strided_call.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "runtime/copy_block.hpp"
#include "runtime/workspace.hpp"

namespace sluice {

StridedCall::StridedCall(const Kernel& kernel, std::span<const TensorView> views,
                         const CallChecks& checks, std::size_t threads)
    : kernel_(kernel), state_(KernelState::of(kernel)), operands_(views.size()) {
  for (std::size_t k = 0; k < operands_; ++k) {
    data_[k] = static_cast<std::byte*>(views[k].data);
    sizes_[k] = static_cast<std::int64_t>(size_of(views[k].dtype));
  }
  find_loops(checks);
  if (empty_) return;
  go_forwards();
  sort_loops();
  place_scalars();
  merge_loops();
  choose_tiles(threads);
}

// A loop for each dimension. The two around all others are there where there is no dimension, and
// where no loop suits the kernel.
void StridedCall::find_loops(const CallChecks& checks) {
  const Frame& frame = checks.frame();
  std::array<Aligned, kMaxOperands> steps;
  for (std::size_t k = 0; k < operands_; ++k) steps[k] = checks.steps(k);
  for (; count_ < 2; ++count_) std::fill_n(loops_[count_].steps.begin(), operands_, 0);
  for (std::size_t d = frame.rank(); d-- > 0;) {
    empty_ = empty_ || frame.extent(d) == 0;
    if (frame.extent(d) == 1) continue;
    Loop& loop = loops_[count_++];
    loop.extent = frame.extent(d);
    for (std::size_t k = 0; k < operands_; ++k) loop.steps[k] = steps[k][d];
  }
}

// The last operand is written, so it stands still in no loop.
void StridedCall::go_forwards() {
  for (std::size_t i = 0; i < count_; ++i) {
    if (loops_[i].steps[operands_ - 1] >= 0) continue;
    for (std::size_t k = 0; k < operands_; ++k) {
      data_[k] += (loops_[i].extent - 1) * loops_[i].steps[k];
      loops_[i].steps[k] = -loops_[i].steps[k];
    }
  }
}

// By the first operand, from the last one on, whose steps say so.
bool StridedCall::lies_inside(const Loop& a, const Loop& b) const {
  for (std::size_t k = operands_; k-- > 0;) {
    const std::int64_t step = std::abs(a.steps[k]), other = std::abs(b.steps[k]);
    if (step != 0 && other != 0 && step != other) return step < other;
  }
  return false;
}

void StridedCall::sort_loops() {
  for (std::size_t i = 3; i < count_; ++i)
    for (std::size_t j = i; j > 2 && lies_inside(loops_[j - 1], loops_[j]); --j)
      std::swap(loops_[j - 1], loops_[j]);
}

bool StridedCall::scalars_stand_still(const Loop& loop) const {
  for (std::size_t k = 0; k < operands_; ++k)
    if (has(state_.scalars, k) && loop.steps[k] != 0) return false;
  return true;
}

// The kernel's loop is the innermost one in which an operand that has one element for all does not
// move: at worst one of a single element.
void StridedCall::place_scalars() {
  std::size_t i = count_ - 1;
  while (!scalars_stand_still(loops_[i])) --i;
  std::rotate(loops_.begin() + static_cast<std::ptrdiff_t>(i),
              loops_.begin() + static_cast<std::ptrdiff_t>(i) + 1,
              loops_.begin() + static_cast<std::ptrdiff_t>(count_));
}

// Loops of which the outer one goes on where the inner one ends are one loop. The kernel's is
// merged with those alone in which scalars stand still as well, which equal steps see to.
void StridedCall::merge_loops() {
  std::size_t kept = 0;
  for (std::size_t i = 1; i < count_; ++i) {
    Loop& outer = loops_[kept];
    const Loop& loop = loops_[i];
    bool goes_on = outer.extent != 1;
    for (std::size_t k = 0; k < operands_; ++k)
      goes_on = goes_on && outer.steps[k] == loop.steps[k] * loop.extent;
    if (outer.extent == 1 || goes_on) {
      const std::int64_t extent = outer.extent * loop.extent;
      outer = loop;
      outer.extent = extent;
    } else if (++kept != i) {
      loops_[kept] = loop;
    }
  }
  count_ = kept + 1;
  if (count_ > 1) return;
  loops_[1] = loops_[0];
  loops_[0].extent = 1;
  std::fill_n(loops_[0].steps.begin(), operands_, 0);
  count_ = 2;
}

void StridedCall::choose_tiles(std::size_t threads) {
  inner().each = inner().extent;
  choose_copies();
  share_out(threads);
  for (std::size_t i = 0; i < count_; ++i) {
    Loop& loop = loops_[i];
    loop.each = std::min(loop.each, loop.extent);
    loop.tiles = (loop.extent + loop.each - 1) / loop.each;
  }
  for (std::size_t k = 0; k < operands_; ++k) {
    places_[k] = static_cast<std::int64_t>(bytes_each_);
    if (has(copied_, k))
      bytes_each_ += workspace_aligned(
          static_cast<std::size_t>(loops_[count_ - 2].each * inner().each * sizes_[k]));
  }
}

void StridedCall::choose_copies() {
  if (inner().extent == 1) return;
  for (std::size_t k = 0; k < operands_; ++k)
    if (!has(state_.scalars, k) && inner().steps[k] != sizes_[k]) copied_ |= OperandSet{1} << k;
  if (copied_ != 0) {
    move_transposed();
    Loop& rows = loops_[count_ - 2];
    for (std::size_t k = 0; k < operands_; ++k)
      if (has(copied_, k) && std::abs(rows.steps[k]) == sizes_[k])
        rows.each = std::max(rows.each, kCacheLine / sizes_[k]);
    rows.each = std::min(rows.each, rows.extent);
    inner().each = std::min(inner().extent, kTile / rows.each);
  }
  take_rows_together();
}

// Of operands that are copied, the loop along which one lies together comes next to the kernel's:
// a tile of both has its cache lines whole.
void StridedCall::move_transposed() {
  for (std::size_t k = 0; k < operands_; ++k)
    for (std::size_t i = count_ - 1; has(copied_, k) && i-- > 0;)
      if (std::abs(loops_[i].steps[k]) == sizes_[k]) {
        std::rotate(loops_.begin() + static_cast<std::ptrdiff_t>(i),
                    loops_.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                    loops_.begin() + static_cast<std::ptrdiff_t>(count_ - 1));
        return;
      }
}

// Where a tile has whole runs of the kernel's loop, several may be one call of the kernel: where
// all others lie together as well, or where runs are so short that copying these costs less.
void StridedCall::take_rows_together() {
  Loop& rows = loops_[count_ - 2];
  if (inner().each != inner().extent || rows.extent == 1 || !scalars_stand_still(rows)) return;
  OperandSet gaps = 0;
  for (std::size_t k = 0; k < operands_; ++k)
    if (!has(state_.scalars, k) && !has(copied_, k) &&
        rows.steps[k] != inner().extent * inner().steps[k])
      gaps |= OperandSet{1} << k;
  const bool is_short = inner().extent < kShortRow;
  if (!is_short && (copied_ == 0 || gaps != 0)) return;
  copied_ |= gaps;
  rows_together_ = true;
  rows.each = std::min(rows.extent, kTile / inner().extent);
}

// Tiles are what tasks have shares of.
void StridedCall::share_out(std::size_t threads) {
  std::int64_t elements = 1;
  for (std::size_t i = 0; i < count_; ++i) elements *= loops_[i].extent;
  tasks_ = task_count(elements, threads);
  if (tasks_ == 1 || copied_ != 0) return;
  const auto tasks = static_cast<std::int64_t>(tasks_);
  inner().each = std::clamp<std::int64_t>((inner().extent + tasks - 1) / tasks, kTile,
                                          std::max(inner().extent, kTile));
}

std::int64_t StridedCall::tiles() const {
  std::int64_t count = 1;
  for (std::size_t i = 0; i < count_; ++i) count *= loops_[i].tiles;
  return count;
}

void StridedCall::run(std::byte* memory, const std::uint64_t* params,
                      const Parallel& parallel) const {
  if (empty_) return;
  const auto run_task = [&](std::size_t task) {
    Cursor cursor;
    cursor.memory = memory + task * bytes_each_;
    cursor.params = params;
    run_tiles(Range{0, tiles()}.share(task, tasks_), cursor);
  };
  if (tasks_ == 1) return run_task(0);
  parallel.for_each(tasks_, run_task);
}

void StridedCall::run_tiles(Range range, Cursor& cursor) const {
  seek(cursor, range.begin);
  const Loop& rows = loops_[count_ - 2];
  for (std::int64_t i = range.begin; i < range.end; ++i) {
    const std::int64_t row = cursor.tile[count_ - 2] * rows.each;
    const std::int64_t column = cursor.tile[count_ - 1] * inner().each;
    run_tile(cursor, std::min(rows.each, rows.extent - row),
             std::min(inner().each, inner().extent - column));
    advance(cursor);
  }
}

void StridedCall::seek(Cursor& cursor, std::int64_t tile) const {
  std::copy_n(data_.begin(), operands_, cursor.at.begin());
  for (std::size_t i = count_; i-- > 0;) {
    const Loop& loop = loops_[i];
    cursor.tile[i] = tile % loop.tiles;
    tile /= loop.tiles;
    for (std::size_t k = 0; k < operands_; ++k)
      cursor.at[k] += cursor.tile[i] * loop.each * loop.steps[k];
  }
}

void StridedCall::advance(Cursor& cursor) const {
  for (std::size_t i = count_; i-- > 0;) {
    const Loop& loop = loops_[i];
    const bool ends = ++cursor.tile[i] == loop.tiles;
    const std::int64_t moves = loop.each * (ends ? 1 - loop.tiles : 1);
    if (moves != 0)
      for (std::size_t k = 0; k < operands_; ++k) cursor.at[k] += moves * loop.steps[k];
    if (!ends) return;
    cursor.tile[i] = 0;
  }
}

void StridedCall::run_tile(Cursor& cursor, std::int64_t rows, std::int64_t columns) const {
  std::array<void*, kMaxOperands> buffers;
  if (copied_ != 0) copy_in(cursor, rows, columns);
  const std::int64_t runs = rows_together_ ? 1 : rows;
  for (std::int64_t row = 0; row < runs; ++row) {
    for (std::size_t k = 0; k < operands_; ++k)
      buffers[k] = has(copied_, k) ? place_of(cursor, k) + row * columns * sizes_[k]
                                   : cursor.at[k] + row * loops_[count_ - 2].steps[k];
    kernel_.run(buffers.data(), rows_together_ ? rows * columns : columns, cursor.params);
  }
  if (copied_ != 0) copy_out(cursor, rows, columns);
}

void StridedCall::copy_in(Cursor& cursor, std::int64_t rows, std::int64_t columns) const {
  const bool first = cursor.rows != rows || cursor.columns != columns;
  cursor.rows = rows;
  cursor.columns = columns;
  for (std::size_t k = 0; k < operands_; ++k) {
    // Gradients that are accumulated are read as well.
    const bool written = state_.operands[k].output;
    if (!has(copied_, k) || (written && !state_.spec->accumulate)) continue;
    if (!first && !written && cursor.copied[k] == cursor.at[k]) continue;
    cursor.copied[k] = cursor.at[k];
    copy_block({place_of(cursor, k), columns * sizes_[k], sizes_[k]},
               {cursor.at[k], loops_[count_ - 2].steps[k], inner().steps[k]}, rows, columns,
               static_cast<std::size_t>(sizes_[k]));
  }
}

void StridedCall::copy_out(const Cursor& cursor, std::int64_t rows, std::int64_t columns) const {
  for (std::size_t k = 0; k < operands_; ++k)
    if (has(copied_, k) && state_.operands[k].output)
      copy_block({cursor.at[k], loops_[count_ - 2].steps[k], inner().steps[k]},
                 {place_of(cursor, k), columns * sizes_[k], sizes_[k]}, rows, columns,
                 static_cast<std::size_t>(sizes_[k]));
}

}  // namespace sluice
