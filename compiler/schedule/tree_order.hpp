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

#include <algorithm>
#include <array>
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
  static constexpr std::uint32_t kFour = 1u << 31;

  [[nodiscard]] std::uint32_t column() const { return word & ((1u << kLevelsBegin) - 1); }
  [[nodiscard]] std::uint32_t levels() const {
    return word >> kLevelsBegin & ((1u << (kTargetBegin - kLevelsBegin)) - 1);
  }
  [[nodiscard]] std::uint32_t target() const {
    return word >> kTargetBegin & ((1u << (31 - kTargetBegin)) - 1);
  }
  // Whether the columns of this visit and the next three are a subtree: the sum of the first two,
  // plus the sum of the others, goes on as the last one's from its level 2 on.
  [[nodiscard]] bool begins_four() const { return (word & kFour) != 0; }
};
static_assert(sizeof(TreeVisit) == 4);

// Of a block's columns: the result has a place of its own after the levels.
inline constexpr std::uint32_t kTreeLevels = 12;
inline constexpr std::uint32_t kTreeResult = kTreeLevels;
inline constexpr std::uint32_t kTreePlaces = kTreeLevels + 1;

// The tree of so many columns, were it full, in bits of a leaf's place: `lane_bits` above
// `group_bits`.
struct TreeShape {
  TreeShape(std::uint32_t columns, std::uint32_t partials)
      : lane_bits(std::countr_zero(std::min(std::bit_ceil(columns), partials))),
        group_bits(std::countr_zero(std::bit_ceil((columns + partials - 1) / partials))) {}
  int lane_bits;
  int group_bits;
};

// `visits` has room for `columns`, of which there are 1 to 4096; `partials` is a power of two.
inline void tree_order(std::uint32_t columns, std::uint32_t partials, TreeVisit* visits) {
  const auto [lane_bits, group_bits] = TreeShape(columns, partials);
  const std::uint32_t width = 1u << lane_bits;
  std::uint32_t before = 0;  // the place of the leaf before
  std::uint32_t four = 0;    // leaves of this subtree of four so far
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
      four = leaf % 4 == 0 ? 1 : four + 1;
      if (leaf % 4 == 3 && four == 4) next[-3].word |= TreeVisit::kFour;
      before = leaf;
    }
  }
  next[-1].word |= before << TreeVisit::kLevelsBegin | kTreeResult << TreeVisit::kTargetBegin;
}

// How many columns on the second leaf of a subtree of four is from the first, and the third: it is
// the same for all of them.
inline std::array<std::uint32_t, 2> tree_steps(std::uint32_t columns, std::uint32_t partials) {
  const auto [lane_bits, group_bits] = TreeShape(columns, partials);
  const auto step = [&, lanes = lane_bits, groups = group_bits](int bit) {
    return bit < groups ? partials << bit : (1u << lanes) >> (bit - groups + 1);
  };
  return {step(0), step(1)};
}

}  // namespace sluice::schedule
