// The order of sums and products within a block, as the visits of a walk over it.
//
// Columns are cut into groups of as many as there are partials. Groups are merged lane by lane as a
// binary counter, the rest from the right at the end; what is left, one value for each partial, is
// combined by halves: j with j + 32, then 16 and so on. So n columns take ceil(log2 n) roundings
// each, wherever the large ones are.
//
// The same tree depth first needs few values at once, one a level: the walk goes from partial to
// partial, and through the groups of each.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace sluice::schedule {

// One column of the walk. To its value are added those that wait at each of `levels` (a set of
// bits), from the lowest on; the sum waits at `target`, or is that of all columns where this is
// kTreeResult.
struct TreeVisit {
  std::uint32_t word = 0;

  static constexpr int kLevelsBegin = 12;  // bits of the word; the column's index is below
  static constexpr int kTargetBegin = 24;

  [[nodiscard]] std::uint32_t column() const { return word & ((1u << kLevelsBegin) - 1); }
  [[nodiscard]] std::uint32_t levels() const {
    return word >> kLevelsBegin & ((1u << (kTargetBegin - kLevelsBegin)) - 1);
  }
  [[nodiscard]] std::uint32_t target() const { return word >> kTargetBegin; }
};
static_assert(sizeof(TreeVisit) == 4);

// Of a block's columns: the result has a place of its own after the levels.
inline constexpr std::uint32_t kTreeLevels = 12;
inline constexpr std::uint32_t kTreeResult = kTreeLevels;
inline constexpr std::uint32_t kTreePlaces = kTreeLevels + 1;

// `visits` has room for `columns`, of which there are 1 to 4096; `partials` is a power of two.
inline void tree_order(std::uint32_t columns, std::uint32_t partials, TreeVisit* visits) {
  const std::uint32_t width = std::bit_ceil(columns) < partials ? std::bit_ceil(columns) : partials;
  const int lane_bits = std::countr_zero(width);
  const int group_bits = std::countr_zero(std::bit_ceil((columns + partials - 1) / partials));
  std::uint32_t before = 0;  // the leaf before: its place among all of the tree's, were it full
  TreeVisit* next = visits;
  for (std::uint32_t k = 0; k < width; ++k) {
    std::uint32_t lane = 0;
    for (int bit = 0; bit < lane_bits; ++bit) lane |= (k >> bit & 1u) << (lane_bits - 1 - bit);
    std::uint32_t leaf = k << group_bits;
    for (std::uint32_t column = lane; column < columns; column += partials, ++leaf, ++next) {
      if (next != visits) {
        const auto target = static_cast<std::uint32_t>(std::bit_width(before ^ leaf)) - 1;
        next[-1].word |= (before & ((1u << target) - 1)) << TreeVisit::kLevelsBegin |
                         target << TreeVisit::kTargetBegin;
      }
      next->word = column;
      before = leaf;
    }
  }
  next[-1].word |= before << TreeVisit::kLevelsBegin | kTreeResult << TreeVisit::kTargetBegin;
}

}  // namespace sluice::schedule
