// Where the elements of a view lie: its strides, the bytes that they span, and whether two views
// have their elements in the same places.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <sluice/tensor.hpp>

namespace sluice {

// In elements, a dimension each, outermost first.
using Strides = std::array<std::int64_t, TensorView::kMaxRank>;

// Of a view whose count() is not negative: as given, or those of a row-major one; zeros where there
// are no elements.
[[nodiscard]] Strides strides_of(const TensorView& view);

// In bytes, of an element by its number in row-major order.
[[nodiscard]] std::int64_t element_offset(const TensorView& view, std::int64_t number);

// From the first byte of an element to past the last one, counted from the view's data.
struct ByteSpan {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

// Nothing where a stride or the distance between two elements is none that memory has.
[[nodiscard]] std::optional<ByteSpan> byte_span(const TensorView& view);

// Whether two indices may have the same element. What is not known to be free of that is said to
// have it: strides of which each steps over all that smaller ones reach are free of it, and so is
// whatever slices, transposes and reverses of a tensor have.
[[nodiscard]] bool may_repeat(const TensorView& view);

// Whether every index has its element at the same place, of operands of one shape.
[[nodiscard]] bool same_places(const TensorView& a, const TensorView& b);

}  // namespace sluice
