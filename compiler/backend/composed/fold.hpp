// The reductions' order in C++ (schedule/tree_order.hpp): the columns of a block, as they come.
#pragma once

#include <cstddef>
#include <cstdint>

#include "compiler/backend/composed/lanes.hpp"
#include "compiler/ir/op.hpp"
#include "compiler/schedule/tree_order.hpp"

namespace sluice::composed {

// T is the compute type; lanes are bits of its width. The memory is the caller's, fold_lanes() of
// it.
template <typename T>
struct Fold {
  using Bits = typename Lane<T>::Bits;
  // Before the first column.
  void (*start)(Bits* memory);
  // Columns of one row from `first` of the block on, a multiple of the partials; all but the last
  // call's are whole groups.
  void (*columns)(Bits* memory, std::size_t first, const Bits* lanes, std::size_t count);
  // After them all, `columns`.
  void (*finish)(Bits* memory, std::size_t columns, Bits* result);
  // One column of several rows that lie next to each other, in the order of the walk; of the last
  // one the result is written.
  void (*rows)(Bits* memory, schedule::TreeVisit visit, const Bits* lanes, std::size_t rows);
  void (*finish_rows)(const Bits* memory, std::size_t rows, Bits* result);
};

// Of a block reduction.
template <typename T>
[[nodiscard]] const Fold<T>& fold_of(ir::Op op);

// Lanes of memory for the columns of one row, or of so many rows.
template <typename T>
[[nodiscard]] std::size_t fold_lanes();
template <typename T>
[[nodiscard]] std::size_t fold_lanes(std::size_t rows);

// What a block reduction or a merge gives of no columns.
template <typename T>
[[nodiscard]] typename Lane<T>::Bits of_nothing(ir::Op op);

}  // namespace sluice::composed
