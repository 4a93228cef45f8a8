// The reductions' order in C++: partial results of a block's columns, and what they combine to.
#pragma once

#include <cstddef>
#include <cstdint>

#include "compiler/backend/composed/lanes.hpp"
#include "compiler/ir/op.hpp"

namespace sluice::composed {

// T is the compute type; lanes are bits of its width. `stride` rows lie next to each other: the
// partial of column i for row r is partials[(i modulo their number) * stride + r].
template <typename T>
struct Fold {
  using Bits = typename Lane<T>::Bits;
  // What nothing gives, in every partial.
  void (*start)(Bits* partials, std::size_t count);
  // Columns of one row, the first of which goes to partial 0.
  void (*columns)(Bits* partials, const Bits* lanes, std::size_t columns);
  // One column of several rows, into the partials of that column.
  void (*rows)(Bits* partials, const Bits* lanes, std::size_t rows);
  // The partials by halves into `result`, a lane for each row.
  void (*finish)(Bits* partials, std::size_t stride, std::size_t rows, Bits* result);
};

// Of a block reduction.
template <typename T>
[[nodiscard]] const Fold<T>& fold_of(ir::Op op);

// What a block reduction or a merge gives of no columns.
template <typename T>
[[nodiscard]] typename Lane<T>::Bits of_nothing(ir::Op op);

}  // namespace sluice::composed
