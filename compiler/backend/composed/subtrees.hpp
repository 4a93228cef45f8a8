// The binary counter over a row's blocks, for any range of them: which subtrees of it are whole.
//
// Blocks merge as a binary counter that counts from the row's first block, so that a subtree holds
// 2^level blocks and begins at a multiple of that. Of a range of blocks the finished subtrees are
// the largest such that lie in it, in order. They follow from the range alone, in whatever pieces
// it came: merging neighbours in any grouping does the same merges.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace sluice::composed {

struct BlockRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

struct Subtree {
  std::int64_t begin = 0;
  int level = 0;
  [[nodiscard]] constexpr std::int64_t end() const { return begin + (std::int64_t{1} << level); }
};

// Blocks of a row at most, and subtrees of a range: two of each size.
inline constexpr int kMostLevels = 24;
inline constexpr std::size_t kMostSubtrees = 2 * kMostLevels;

// The first subtree of a range that is not empty.
[[nodiscard]] constexpr Subtree first_subtree(BlockRange range) {
  const auto length = static_cast<std::uint64_t>(range.end - range.begin);
  int level = static_cast<int>(std::bit_width(length)) - 1;
  if (range.begin != 0) {
    const int aligned = std::countr_zero(static_cast<std::uint64_t>(range.begin));
    level = aligned < level ? aligned : level;
  }
  return {range.begin, level};
}

[[nodiscard]] constexpr std::size_t subtree_count(BlockRange range) {
  std::size_t count = 0;
  for (; range.begin < range.end; ++count) range.begin = first_subtree(range).end();
  return count;
}

// How many merges follow when `arrived` is next to what a range has that begins at `first`.
[[nodiscard]] constexpr std::size_t merges_after(std::int64_t first, Subtree arrived) {
  std::size_t count = 0;
  const std::int64_t end = arrived.end();
  for (int level = arrived.level;; ++level, ++count) {
    const std::int64_t both = std::int64_t{2} << level;
    if (end % both != 0 || end - both < first) return count;
  }
}

}  // namespace sluice::composed
