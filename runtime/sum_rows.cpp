#include "runtime/sum_rows.hpp"

#include <algorithm>
#include <bit>

namespace sluice {

template <typename T>
void RowSum<T>::restart() {
  partial_.fill(-T{0});
  depth_ = 0;
  count_ = 0;
  closed_ = false;
}

template <typename T>
void RowSum<T>::add(const Strided<T>& elements) {
  constexpr auto kLanes = static_cast<std::int64_t>(kPartials);
  for (std::int64_t done = 0; done < elements.count;) {
    const T* const from = elements.first + done * elements.step;
    const std::int64_t lane = count_ % kLanes;
    const std::int64_t count = std::min(elements.count - done, kLanes - lane);
    if (elements.step == 1)
      std::copy_n(from, count, partial_.begin() + lane);
    else
      for (std::int64_t i = 0; i < count; ++i)
        partial_[static_cast<std::size_t>(lane + i)] = from[i * elements.step];
    done += count;
    count_ += count;
    if (count_ % kLanes != 0) continue;
    add_group(partial_);
    partial_.fill(-T{0});
  }
}

// A group that has just become whole, and the block with it, perhaps.
template <typename T>
void RowSum<T>::add_group(Lanes& group) {
  const std::int64_t groups = count_ / static_cast<std::int64_t>(kPartials);
  std::size_t level = 0;
  for (std::int64_t before = (groups - 1) % kGroups; before % 2 != 0; before /= 2, ++level)
    for (std::size_t p = 0; p < kPartials; ++p) group[p] = groups_[level][p] + group[p];
  groups_[level] = group;
  if (groups % kGroups != 0) return;
  blocks_[depth_++] = combined(group);
  merge_blocks();
}

template <typename T>
void RowSum<T>::merge_blocks() {
  for (std::int64_t blocks = count_ / schedule::kBlockColumns; blocks % 2 == 0; blocks /= 2) {
    --depth_;
    blocks_[depth_ - 1] += blocks_[depth_];
  }
}

template <typename T>
void RowSum<T>::add_block(T sum, std::int64_t columns) {
  blocks_[depth_++] = sum;
  count_ += columns;
  closed_ = columns != schedule::kBlockColumns;
  if (!closed_) merge_blocks();
}

template <typename T>
T RowSum<T>::combined(Lanes lanes) {
  for (std::size_t half = kPartials / 2; half > 0; half /= 2)
    for (std::size_t p = 0; p < half; ++p) lanes[p] += lanes[p + half];
  return lanes[0];
}

// Of the block that is not whole.
template <typename T>
T RowSum<T>::block() const {
  Lanes sums = partial_;
  auto groups = static_cast<std::uint64_t>(count_ / static_cast<std::int64_t>(kPartials) % kGroups);
  for (std::size_t level = 0; groups != 0; groups /= 2, ++level)
    if (groups % 2 != 0)
      for (std::size_t p = 0; p < kPartials; ++p) sums[p] = groups_[level][p] + sums[p];
  return combined(sums);
}

template <typename T>
T RowSum<T>::result() const {
  if (count_ == 0) return 0;
  std::size_t depth = depth_;
  const bool in_block = count_ % schedule::kBlockColumns != 0 && !closed_;
  T sum = in_block ? block() : blocks_[--depth];
  while (depth > 0) sum = blocks_[--depth] + sum;
  return sum;
}

template <typename T>
std::size_t TermSums<T>::bytes(std::int64_t targets, std::int64_t terms) {
  const auto levels = static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(terms)));
  return levels * static_cast<std::size_t>(targets) * sizeof(T);
}

template <typename T>
TermSums<T>::TermSums(void* memory, std::int64_t targets, std::int64_t terms)
    : levels_(static_cast<T*>(memory)), targets_(targets), terms_(terms) {}

template <typename T>
void TermSums<T>::add(std::int64_t target, std::int64_t term, const Strided<T>& values) {
  add_merged(0, target, term, values);
}

template <typename T>
void TermSums<T>::add_terms(std::int64_t target, std::int64_t term, const Strided<T>& values) {
  constexpr std::size_t kLevels = 6;
  constexpr std::int64_t kTogether = std::int64_t{1} << kLevels;
  for (std::int64_t done = 0; done < values.count;) {
    const T* const from = values.first + done * values.step;
    if ((term + done) % kTogether != 0 || values.count - done < kTogether) {
      add(target, term + done++, {from, 1, 1});
      continue;
    }
    std::array<T, kTogether> sums;
    for (std::size_t i = 0; i < sums.size(); ++i)
      sums[i] = from[static_cast<std::int64_t>(i) * values.step];
    for (std::size_t count = sums.size() / 2; count > 0; count /= 2)
      for (std::size_t i = 0; i < count; ++i) sums[i] = sums[2 * i] + sums[2 * i + 1];
    add_merged(kLevels, target, term + done, {sums.data(), 1, 1});
    done += kTogether;
  }
}

template <typename T>
void TermSums<T>::add_merged(std::size_t levels, std::int64_t target, std::int64_t term,
                             const Strided<T>& values) {
  const auto number = static_cast<std::uint64_t>(term) >> levels;
  const std::size_t depth = levels + static_cast<std::size_t>(std::countr_one(number));
  T* const sums = level(depth) + target;
  if (values.step == 1)
    std::copy_n(values.first, values.count, sums);
  else
    for (std::int64_t i = 0; i < values.count; ++i) sums[i] = values.first[i * values.step];
  for (std::size_t below = levels; below < depth; ++below) {
    const T* const before = level(below) + target;
    for (std::int64_t i = 0; i < values.count; ++i) sums[i] = before[i] + sums[i];
  }
}

template <typename T>
T TermSums<T>::result(std::int64_t target) const {
  const auto count = static_cast<std::uint64_t>(terms_);
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
