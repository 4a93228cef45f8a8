// The shape that all operands of a spec or a call broadcast to, and where the reduced axis of a row
// function lies in it.
//
// In: the operands' shapes, one after the other; those with one value for a row lack the axis. Out:
// the full shape, that of the rows, and every operand's extents in the frame. Dimensions are
// counted from the innermost, which is 0, so that an operand of fewer dimensions lies where NumPy's
// rule puts it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <sluice/tensor.hpp>

#include "runtime/broadcast.hpp"

namespace sluice {

// A shape of its own, outermost first; nothing past its rank.
struct Extents {
  std::array<std::int64_t, TensorView::kMaxRank> values;
  std::size_t rank = 0;

  operator Shape() const { return {values.data(), rank}; }
};

// Extents in a frame, innermost first; 1 where the operand has no such dimension.
using Aligned = std::array<std::int64_t, TensorView::kMaxRank>;

class Frame {
 public:
  // `axis` of a row function; nothing of an elementwise one, whose operands all have every
  // dimension.
  explicit Frame(std::optional<std::size_t> axis = std::nullopt) : axis_(axis) { extents_.fill(1); }

  // False where the shape cannot be broadcast with those before it, or has too many dimensions.
  [[nodiscard]] bool add(Shape shape, bool lacks_axis = false);

  [[nodiscard]] std::size_t rank() const { return rank_; }
  [[nodiscard]] std::int64_t extent(std::size_t dimension) const { return extents_[dimension]; }
  // Without dimensions there is still the one row of one column.
  [[nodiscard]] bool has_axis() const {
    return !axis_ || *axis_ < rank_ || (rank_ == 0 && *axis_ == 0);
  }
  [[nodiscard]] std::int64_t columns() const { return axis_ ? extents_[*axis_] : 1; }
  // Whether the elements can be counted, in whatever order their dimensions are multiplied: with
  // one for every dimension that has none. To be asked before what follows, and before loops are
  // made.
  [[nodiscard]] bool countable() const;
  // Elements in the dimensions inside of the axis.
  [[nodiscard]] std::int64_t inner_count() const;

  [[nodiscard]] Extents full() const;
  [[nodiscard]] Extents rows() const;  // without the axis
  [[nodiscard]] Extents shape(bool lacks_axis) const { return lacks_axis ? rows() : full(); }

  [[nodiscard]] Aligned align(Shape shape, bool lacks_axis) const {
    return align(shape, lacks_axis, 1);
  }
  // Strides likewise; 0 where the operand has no such dimension.
  [[nodiscard]] Aligned align_strides(std::span<const std::int64_t> strides,
                                      bool lacks_axis) const {
    return align(strides, lacks_axis, 0);
  }

 private:
  [[nodiscard]] Aligned align(Shape shape, bool lacks_axis, std::int64_t missing) const;

  std::optional<std::size_t> axis_;
  std::size_t rank_ = 0;
  Aligned extents_;
};

}  // namespace sluice
