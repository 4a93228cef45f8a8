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
