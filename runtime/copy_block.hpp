// Elements of two dimensions copied from where they lie to where they are wanted: what makes a
// block of a strided operand one that a kernel takes, and puts its results back.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice {

// Steps in bytes, of any sign, whole elements; 0 repeats what is read.
struct BlockPlace {
  std::byte* data = nullptr;
  std::int64_t row_step = 0;
  std::int64_t column_step = 0;
};

// `rows` times `columns` elements of `size` bytes, 1, 2, 4 or 8. The places do not overlap; they
// need not be aligned. Where one side goes on by an element along the rows and the other along the
// columns, the block is transposed in registers, so that whole cache lines are read and written.
void copy_block(const BlockPlace& to, const BlockPlace& from, std::int64_t rows,
                std::int64_t columns, std::size_t size);

}  // namespace sluice
