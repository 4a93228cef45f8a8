// Broadcasting by NumPy's rule, as loops around a kernel that knows one dimension.
//
// In: the shapes of a spec's operands. Out: a nest of as few loops as possible; in each an operand
// either moves on or stands still. The innermost loop is the kernel's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <sluice/tensor.hpp>

namespace sluice {

using Shape = std::span<const std::int64_t>;

// A set of operands, a bit each.
using OperandSet = std::uint64_t;
inline constexpr std::size_t kMaxOperands = 64;

// The shape that others broadcast to, built up operand by operand.
class BroadcastShape {
 public:
  // False where the shape cannot be broadcast with those before it, or has too many dimensions.
  [[nodiscard]] bool add(Shape shape);
  [[nodiscard]] Shape shape() const {
    return {extents_.data() + (TensorView::kMaxRank - rank_), rank_};
  }

 private:
  std::array<std::int64_t, TensorView::kMaxRank> extents_{};  // filled from the end
  std::size_t rank_ = 0;
};

struct LoopNest {
  std::size_t loops = 0;  // 0: one element; past them there is nothing
  std::array<std::int64_t, TensorView::kMaxRank> extents;  // outermost first
  std::array<OperandSet, TensorView::kMaxRank> still;      // the operands that a loop does not move

  [[nodiscard]] std::int64_t inner_extent() const { return loops == 0 ? 1 : extents[loops - 1]; }
  [[nodiscard]] OperandSet inner_still() const { return loops == 0 ? 0 : still[loops - 1]; }
};

// `shape_of(k)` is the shape of operand k of `count`; each broadcasts to `full`.
template <typename ShapeOf>
[[nodiscard]] LoopNest make_nest(Shape full, std::size_t count, const ShapeOf& shape_of) {
  LoopNest nest;
  for (std::size_t d = 0; d < full.size(); ++d) {
    if (full[d] == 1) continue;
    OperandSet still = 0;
    for (std::size_t k = 0; k < count; ++k) {
      const Shape shape = shape_of(k);
      const std::size_t missing = full.size() - shape.size();
      if (d < missing || shape[d - missing] == 1) still |= OperandSet{1} << k;
    }
    // Loops that move the same operands are one loop: contiguous operands have the same stride in
    // it.
    if (nest.loops > 0 && nest.still[nest.loops - 1] == still) {
      nest.extents[nest.loops - 1] *= full[d];
    } else {
      nest.extents[nest.loops] = full[d];
      nest.still[nest.loops++] = still;
    }
  }
  return nest;
}

}  // namespace sluice
