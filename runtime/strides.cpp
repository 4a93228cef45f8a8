#include "runtime/strides.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

namespace sluice {

Strides strides_of(const TensorView& view) {
  Strides strides{};
  if (view.count() == 0) return strides;
  if (view.stride_count != 0) return view.strides;
  std::int64_t next = 1;
  for (std::size_t d = view.rank; d-- > 0;) {
    strides[d] = next;
    next *= view.shape[d];
  }
  return strides;
}

std::int64_t element_offset(const TensorView& view, std::int64_t number) {
  const auto size = static_cast<std::int64_t>(size_of(view.dtype));
  if (view.stride_count == 0) return number * size;
  std::int64_t at = 0;
  for (std::size_t d = view.rank; d-- > 0; number /= view.shape[d])
    at += number % view.shape[d] * view.strides[d];
  return at * size;
}

std::optional<ByteSpan> byte_span(const TensorView& view) {
  const auto size = static_cast<std::int64_t>(size_of(view.dtype));
  const std::int64_t count = view.count();
  if (count == 0) return ByteSpan{};
  if (view.stride_count == 0) return ByteSpan{0, count * size};
  // Twice as far as anything reaches still fits, and so do differences.
  constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max() / 4;
  ByteSpan span{0, size};
  for (std::size_t d = 0; d < view.rank; ++d) {
    if (view.shape[d] == 1) continue;
    std::int64_t reach = 0;
    if (__builtin_mul_overflow(view.shape[d], view.strides[d], &reach) ||
        __builtin_mul_overflow(reach, size, &reach) || reach > kFar || reach < -kFar)
      return std::nullopt;
    reach -= view.strides[d] * size;
    (reach < 0 ? span.begin : span.end) += reach;
    if (span.end - span.begin > kFar) return std::nullopt;
  }
  return span;
}

bool may_repeat(const TensorView& view) {
  if (view.contiguous()) return false;
  std::array<std::pair<std::int64_t, std::int64_t>, TensorView::kMaxRank> steps;  // and extents
  std::size_t count = 0;
  for (std::size_t d = 0; d < view.rank; ++d)
    if (view.shape[d] != 1) steps[count++] = {std::abs(view.strides[d]), view.shape[d]};
  std::sort(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(count));
  std::int64_t reached = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (steps[i].first <= reached) return true;
    reached += steps[i].first * (steps[i].second - 1);
  }
  return false;
}

bool same_places(const TensorView& a, const TensorView& b) {
  if (a.data != b.data || a.dtype != b.dtype) return false;
  const Strides of_a = strides_of(a), of_b = strides_of(b);
  for (std::size_t back = 1; back <= std::max(a.rank, b.rank); ++back) {
    const std::int64_t extent = back <= a.rank ? a.shape[a.rank - back] : 1;
    if (extent != (back <= b.rank ? b.shape[b.rank - back] : 1)) return false;
    if (extent != 1 && of_a[a.rank - back] != of_b[b.rank - back]) return false;
  }
  return true;
}

}  // namespace sluice
