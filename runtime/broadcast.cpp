#include "runtime/broadcast.hpp"

#include <algorithm>

namespace sluice {

bool BroadcastShape::add(Shape shape) {
  constexpr std::size_t kMax = TensorView::kMaxRank;
  if (shape.size() > kMax) return false;
  while (rank_ < shape.size()) extents_[kMax - ++rank_] = 1;
  for (std::size_t back = 1; back <= shape.size(); ++back) {
    std::int64_t& extent = extents_[kMax - back];
    const std::int64_t other = shape[shape.size() - back];
    if (other == 1 || other == extent) continue;
    if (extent != 1) return false;
    extent = other;
  }
  return true;
}

}  // namespace sluice
