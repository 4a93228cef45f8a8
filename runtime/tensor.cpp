#include <sluice/tensor.hpp>

#include <algorithm>
#include <limits>

namespace sluice {
namespace {

void set_shape(TensorView& view, std::span<const std::int64_t> dimensions) {
  view.rank = std::min(dimensions.size(), TensorView::kMaxRank + 1);
  std::copy_n(dimensions.begin(), std::min(dimensions.size(), TensorView::kMaxRank),
              view.shape.begin());
}

void set_strides(TensorView& view, std::span<const std::int64_t> steps) {
  view.stride_count = std::min(steps.size(), TensorView::kMaxRank + 1);
  std::copy_n(steps.begin(), std::min(steps.size(), TensorView::kMaxRank), view.strides.begin());
}

}  // namespace

TensorView::TensorView(void* elements, Dtype type, std::span<const std::int64_t> dimensions)
    : data(elements), dtype(type), writable(true) {
  set_shape(*this, dimensions);
}

// Never written through: writable is false.
TensorView::TensorView(const void* elements, Dtype type, std::span<const std::int64_t> dimensions)
    : data(const_cast<void*>(elements)), dtype(type) {
  set_shape(*this, dimensions);
}

TensorView::TensorView(void* elements, Dtype type, std::span<const std::int64_t> dimensions,
                       std::span<const std::int64_t> steps)
    : TensorView(elements, type, dimensions) {
  set_strides(*this, steps);
}

TensorView::TensorView(const void* elements, Dtype type, std::span<const std::int64_t> dimensions,
                       std::span<const std::int64_t> steps)
    : TensorView(elements, type, dimensions) {
  set_strides(*this, steps);
}

bool TensorView::lies_row_major() const {
  if (stride_count != rank || rank > kMaxRank) return false;
  std::int64_t next = 1;
  bool gaps = false;
  for (std::size_t d = rank; d-- > 0;) {
    if (shape[d] == 0) return true;
    gaps = gaps || (shape[d] != 1 && strides[d] != next);
    if (__builtin_mul_overflow(next, shape[d], &next)) gaps = true;  // a call will refuse it
  }
  return !gaps;
}

std::int64_t TensorView::count() const {
  std::int64_t product = 1;
  bool empty = false;
  bool overflow = rank > kMaxRank;
  for (std::size_t d = 0; d < std::min(rank, kMaxRank); ++d) {
    if (shape[d] < 0) return -1;
    if (shape[d] == 0)
      empty = true;
    else if (product > std::numeric_limits<std::int64_t>::max() / 16 / shape[d])
      overflow = true;
    else
      product *= shape[d];
  }
  if (overflow && !empty) return -1;
  return empty ? 0 : product;
}

}  // namespace sluice
