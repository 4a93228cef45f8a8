#include "runtime/frame.hpp"

#include <algorithm>
#include <limits>

namespace sluice {

Aligned Frame::align(Shape shape, bool lacks_axis, std::int64_t missing) const {
  Aligned aligned;
  aligned.fill(missing);
  for (std::size_t back = 0; back < shape.size(); ++back) {
    const bool outside = lacks_axis && axis_ && back >= *axis_;
    aligned[back + (outside ? 1 : 0)] = shape[shape.size() - 1 - back];
  }
  return aligned;
}

bool Frame::add(Shape shape, bool lacks_axis) {
  const bool wider = lacks_axis && axis_ && shape.size() > *axis_;
  const std::size_t rank = shape.size() + (wider ? 1 : 0);
  if (rank > TensorView::kMaxRank) return false;
  const Aligned own = align(shape, lacks_axis);
  for (std::size_t d = 0; d < rank; ++d)
    if (own[d] != 1 && extents_[d] != 1 && own[d] != extents_[d]) return false;
  for (std::size_t d = 0; d < rank; ++d)
    if (own[d] != 1) extents_[d] = own[d];
  rank_ = std::max(rank_, rank);
  return true;
}

bool Frame::countable() const {
  // Room for halves' factor of two and for elements' sizes, as TensorView::count() leaves it.
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 16;
  std::int64_t count = 1;
  for (std::size_t d = 0; d < rank_; ++d) {
    const std::int64_t extent = std::max<std::int64_t>(extents_[d], 1);
    if (count > kMost / extent) return false;
    count *= extent;
  }
  return true;
}

std::int64_t Frame::inner_count() const {
  std::int64_t count = 1;
  for (std::size_t d = 0; axis_ && d < *axis_; ++d) count *= extents_[d];
  return count;
}

Extents Frame::full() const {
  Extents result;
  result.rank = rank_;
  std::reverse_copy(extents_.begin(), extents_.begin() + static_cast<std::ptrdiff_t>(rank_),
                    result.values.begin());
  return result;
}

Extents Frame::rows() const {
  Extents result = full();
  if (!axis_ || *axis_ >= rank_) return result;
  const auto at = result.values.begin() + static_cast<std::ptrdiff_t>(rank_ - 1 - *axis_);
  std::copy(at + 1, result.values.begin() + static_cast<std::ptrdiff_t>(rank_), at);
  --result.rank;
  return result;
}

}  // namespace sluice
