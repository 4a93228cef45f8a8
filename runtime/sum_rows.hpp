// Sums in the order that the language's numerics give them, so that their bits do not depend on how
// a tensor is cut into pieces.
//
// Along a row: groups of 64 elements (of f64: 32) are merged as a binary counter within a block of
// 4096, lane by lane, and the lanes of what is left by halves (compiler/schedule/tree_order.hpp);
// blocks are merged as a binary counter, and so are the terms of a sum across rows. A binary
// counter merges equal numbers of results as they arrive, and the rest from the right at the end.
// Of nothing every sum is +0.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "compiler/schedule/row_program.hpp"

namespace sluice {

// Where the elements of a piece lie.
template <typename T>
struct Strided {
  const T* first = nullptr;
  std::int64_t step = 1;  // in elements
  std::int64_t count = 0;
};

// The sum of one row, which comes in pieces, in order. T is float or double.
template <typename T>
class RowSum {
 public:
  RowSum() { restart(); }
  void restart();
  void add(const Strided<T>& elements);
  // The sum of a block, which a RowSum of its elements alone has given, where this has whole blocks
  // so far. After one of fewer columns nothing more is added.
  void add_block(T sum, std::int64_t columns);
  [[nodiscard]] std::int64_t count() const { return count_; }
  [[nodiscard]] T result() const;

 private:
  static constexpr std::size_t kPartials =
      schedule::partial_count(sizeof(T) == 8 ? ir::Elem::f64 : ir::Elem::f32);
  static constexpr std::int64_t kGroups =
      schedule::kBlockColumns / static_cast<std::int64_t>(kPartials);
  static constexpr std::size_t kGroupLevels = std::bit_width(static_cast<std::uint64_t>(kGroups));
  static constexpr std::size_t kMaxDepth = 52;  // of 2^63 elements
  using Lanes = std::array<T, kPartials>;

  void add_group(Lanes& group);
  void merge_blocks();
  [[nodiscard]] static T combined(Lanes lanes);
  [[nodiscard]] T block() const;

  Lanes partial_;  // the group at hand
  std::array<Lanes, kGroupLevels> groups_;
  std::array<T, kMaxDepth> blocks_;  // the counter's, the largest first
  std::size_t depth_ = 0;
  std::int64_t count_ = 0;
  bool closed_ = false;  // the last block has fewer columns, and is among the blocks
};

// One sum for each of many targets. Every target has the same number of terms and gets them in
// order; different targets may be at different terms. The memory is the caller's.
template <typename T>
class TermSums {
 public:
  [[nodiscard]] static std::size_t bytes(std::int64_t targets, std::int64_t terms);
  TermSums() = default;
  // `memory`: bytes(targets, terms), aligned to T.
  TermSums(void* memory, std::int64_t targets, std::int64_t terms);

  // Adds term `term` of targets `target`, `target` + 1, ...
  void add(std::int64_t target, std::int64_t term, const Strided<T>& values);
  // Adds terms `term`, `term` + 1, ... of one target.
  void add_terms(std::int64_t target, std::int64_t term, const Strided<T>& values);
  // After all terms of the target.
  [[nodiscard]] T result(std::int64_t target) const;

 private:
  // Sums of as many terms as `levels` merges give, the first of them term `term`.
  void add_merged(std::size_t levels, std::int64_t target, std::int64_t term,
                  const Strided<T>& values);
  [[nodiscard]] T* level(std::size_t index) const {
    return levels_ + static_cast<std::int64_t>(index) * targets_;
  }

  T* levels_ = nullptr;  // of the counter, the smallest first
  std::int64_t targets_ = 0;
  std::int64_t terms_ = 0;
};

extern template class RowSum<float>;
extern template class RowSum<double>;
extern template class TermSums<float>;
extern template class TermSums<double>;

}  // namespace sluice
