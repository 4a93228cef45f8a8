#include "runtime/sum_rows.hpp"

#include <algorithm>
#include <bit>

namespace sluice {

template <typename T>
void RowSum<T>::restart() {
  partials_.fill(-T{0});
  depth_ = 0;
  count_ = 0;
}

template <typename T>
void RowSum<T>::add(const Strided<T>& elements) {
  std::int64_t done = 0;
  while (done < elements.count) {
    const std::int64_t in_block = count_ % schedule::kBlockColumns;
    const std::int64_t count = std::min(elements.count - done, schedule::kBlockColumns - in_block);
    add_within_block(elements.first + done * elements.step, elements.step, count);
    done += count;
    count_ += count;
    if (count_ % schedule::kBlockColumns != 0) continue;
    blocks_[depth_++] = combined(partials_);
    partials_.fill(-T{0});
    for (std::int64_t block = count_ / schedule::kBlockColumns; block % 2 == 0; block /= 2) {
      --depth_;
      blocks_[depth_ - 1] += blocks_[depth_];
    }
  }
}

template <typename T>
void RowSum<T>::add_within_block(const T* first, std::int64_t step, std::int64_t count) {
  const auto one = [&](std::int64_t i) {
    partials_[static_cast<std::size_t>(count_ + i) % kPartials] += first[i * step];
  };
  std::int64_t i = 0;
  for (; i < count && (count_ + i) % static_cast<std::int64_t>(kPartials) != 0; ++i) one(i);
  if (step == 1)
    for (; i + static_cast<std::int64_t>(kPartials) <= count;
         i += static_cast<std::int64_t>(kPartials))
      for (std::size_t p = 0; p < kPartials; ++p)
        partials_[p] += first[i + static_cast<std::int64_t>(p)];
  for (; i < count; ++i) one(i);
}

template <typename T>
T RowSum<T>::combined(std::array<T, kPartials> partials) {
  for (std::size_t half = kPartials / 2; half > 0; half /= 2)
    for (std::size_t p = 0; p < half; ++p) partials[p] += partials[p + half];
  return partials[0];
}

template <typename T>
T RowSum<T>::result() const {
  if (count_ == 0) return 0;
  std::size_t depth = depth_;
  const bool partial = count_ % schedule::kBlockColumns != 0;
  T sum = partial ? combined(partials_) : blocks_[--depth];
  while (depth > 0) sum = blocks_[--depth] + sum;
  return sum;
}

template <typename T>
std::size_t TermSums<T>::bytes(std::int64_t targets, std::int64_t terms) {
  const auto levels =
      static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(groups(terms))));
  return (1 + levels) * static_cast<std::size_t>(targets) * sizeof(T);
}

template <typename T>
TermSums<T>::TermSums(void* memory, std::int64_t targets, std::int64_t terms)
    : sums_(static_cast<T*>(memory)), targets_(targets), terms_(terms) {}

template <typename T>
void TermSums<T>::add(std::int64_t target, std::int64_t term, const Strided<T>& values) {
  T* const sums = sums_ + target;
  const std::int64_t at = term % kGroup;
  if (at == 0)
    for (std::int64_t i = 0; i < values.count; ++i) sums[i] = values.first[i * values.step];
  else if (values.step == 1)
    for (std::int64_t i = 0; i < values.count; ++i) sums[i] += values.first[i];
  else
    for (std::int64_t i = 0; i < values.count; ++i) sums[i] += values.first[i * values.step];
  if (at != kGroup - 1 && term != terms_ - 1) return;
  std::size_t depth = 0;
  for (std::int64_t group = term / kGroup; group % 2 != 0; group /= 2, ++depth) {
    const T* const before = level(depth) + target;
    for (std::int64_t i = 0; i < values.count; ++i) sums[i] = before[i] + sums[i];
  }
  std::copy_n(sums, values.count, level(depth) + target);
}

template <typename T>
T TermSums<T>::result(std::int64_t target) const {
  const auto count = static_cast<std::uint64_t>(groups(terms_));
  if (count == 0) return 0;
  auto depth = static_cast<std::size_t>(std::countr_zero(count));
  T sum = level(depth)[target];
  for (++depth; count >> depth != 0; ++depth)
    if ((count >> depth & 1u) != 0) sum = level(depth)[target] + sum;
  return sum;
}

template class RowSum<float>;
template class RowSum<double>;
template class TermSums<float>;
template class TermSums<double>;

}  // namespace sluice
