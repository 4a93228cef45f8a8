// The call of a plain elementwise kernel on operands of any strides, broadcast ones among them.
//
// In: views that go together. The dimensions become as few loops as their strides allow, in the
// order in which the output lies in memory, and these are cut into tiles of two loops. An operand
// whose elements lie together along the innermost is the kernel's as it stands; of another one the
// tile is copied to a place where they do, and what the kernel wrote there is copied back. Each
// element is computed from the same bits as in any other layout, so the results have the same bits.
//
// Nothing here allocates: the copies lie in the caller's workspace.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime/call_checks.hpp"
#include "runtime/kernel_state.hpp"
#include "runtime/range.hpp"

namespace sluice {

class StridedCall {
 public:
  StridedCall(const Kernel& kernel, std::span<const TensorView> views, const CallChecks& checks,
              std::size_t threads);

  // Of all tasks; 0 where nothing is copied.
  [[nodiscard]] std::size_t workspace_bytes() const { return tasks_ * bytes_each_; }
  // `memory` is aligned to kWorkspaceAlignment.
  void run(std::byte* memory, const std::uint64_t* params, const Parallel& parallel) const;

 private:
  // Elements of a copied tile at most: what a level 1 cache holds of a few operands.
  static constexpr std::int64_t kTile = 4096;
  // Where the innermost loop is shorter, tiles of several of its runs are copied, for a call of the
  // kernel costs as much as copying so many.
  static constexpr std::int64_t kShortRow = 64;
  static constexpr std::int64_t kCacheLine = 64;

  using PerOperand = std::array<std::int64_t, kMaxOperands>;
  struct Loop {
    std::int64_t extent = 1;
    PerOperand steps;        // in bytes
    std::int64_t each = 1;   // of a tile
    std::int64_t tiles = 1;  // of the loop
  };
  // Where a task is.
  struct Cursor {
    std::array<std::byte*, kMaxOperands> at;
    std::array<std::int64_t, TensorView::kMaxRank + 2> tile{};
    // Of what each copy was made last: an input that stands still is not copied again.
    std::array<const std::byte*, kMaxOperands> copied;
    std::int64_t rows = 0, columns = 0;
    std::byte* memory = nullptr;
    const std::uint64_t* params = nullptr;
  };

  void find_loops(const CallChecks& checks);
  void go_forwards();
  void sort_loops();
  [[nodiscard]] bool lies_inside(const Loop& a, const Loop& b) const;
  void place_scalars();
  void merge_loops();
  void choose_tiles(std::size_t threads);
  void choose_copies();
  void move_transposed();
  void take_rows_together();
  void share_out(std::size_t threads);

  [[nodiscard]] bool has(OperandSet set, std::size_t k) const { return (set >> k & 1u) != 0; }
  [[nodiscard]] Loop& inner() { return loops_[count_ - 1]; }
  [[nodiscard]] const Loop& inner() const { return loops_[count_ - 1]; }
  [[nodiscard]] bool scalars_stand_still(const Loop& loop) const;
  [[nodiscard]] std::int64_t tiles() const;

  void run_tiles(Range range, Cursor& cursor) const;
  void seek(Cursor& cursor, std::int64_t tile) const;
  void advance(Cursor& cursor) const;
  void run_tile(Cursor& cursor, std::int64_t rows, std::int64_t columns) const;
  void copy_in(Cursor& cursor, std::int64_t rows, std::int64_t columns) const;
  void copy_out(const Cursor& cursor, std::int64_t rows, std::int64_t columns) const;
  [[nodiscard]] std::byte* place_of(const Cursor& cursor, std::size_t k) const {
    return cursor.memory + places_[k];
  }

  const Kernel& kernel_;
  const KernelState& state_;
  std::size_t operands_;
  // Outermost first, at least two: the last is the kernel's, and tiles are of the last two.
  std::array<Loop, TensorView::kMaxRank + 2> loops_;
  std::size_t count_ = 0;
  std::array<std::byte*, kMaxOperands> data_;
  PerOperand sizes_;
  PerOperand places_;  // of the copies in a task's workspace
  OperandSet copied_ = 0;
  bool rows_together_ = false;  // the kernel takes a tile as one run of elements
  bool empty_ = false;
  std::size_t bytes_each_ = 0;
  std::size_t tasks_ = 1;
};

}  // namespace sluice
