// Operands of a call of row_call.hpp whose strides its kernel can't follow: of each piece they are
// copied to the call's workspace, where their elements lie as the kernel takes them, and what it
// wrote there is copied back.
#include <algorithm>
#include <cstdlib>

#include "runtime/copy_block.hpp"
#include "runtime/row_call.hpp"

namespace sluice {

template <typename T>
void RowCall<T>::choose_packs() {
  for (std::size_t j = 0; j < spec_.operands.size(); ++j)
    if (!empty_ && !is_sum(j) && needs_pack(j)) packed_ |= OperandSet{1} << j;
}

// As Kernel::run_rows() says which steps there may be.
template <typename T>
bool RowCall<T>::needs_pack(std::size_t j) const {
  const driver::Operand& operand = spec_.operands[j];
  if (driver::is_source(operand.role) && operand.extent == ir::Extent::scalar) return false;
  const std::int64_t size = element_size(j), step = inner_step(j);
  if (!spec_.row) return inner_extent_ != 1 && step != size;
  if (spec_.row->across) return step != 0 && step != size;
  return has_columns(operand) && columns() > 1 && steps_[j][axis_] != size;
}

// Elements enough for a piece of rows to have whole cache lines of operands that are transposed.
template <typename T>
std::int64_t RowCall<T>::packed_rows() const {
  constexpr std::int64_t kCacheLine = 64, kLongRow = std::int64_t{1} << 16;
  const std::int64_t each = spec_.row ? std::max<std::int64_t>(columns(), 1) : 1;
  std::int64_t rows = kSumPiece / each;
  for (std::size_t j = 0; j < spec_.operands.size() && each <= kLongRow; ++j)
    if (is_packed(j) && std::abs(inner_step(j)) == element_size(j))
      rows = std::max(rows, kCacheLine / element_size(j));
  return rows;
}

template <typename T>
void RowCall<T>::measure_packs() {
  const bool apart = share_ != Share::none && share_ != Share::pieces;
  for (std::size_t j = 0; j < spec_.operands.size(); ++j) {
    if (!is_packed(j)) continue;
    const std::int64_t lines = spec_.row && has_columns(spec_.operands[j]) ? columns() : 1;
    const std::int64_t size = element_size(j);
    pack_at_[j] = take(static_cast<std::size_t>(piece_ * lines * size), packs_each_);
    if (!spec_.row) continue;
    row_steps_[j] = spec_.row->across ? size : lines * size;
    column_steps_[j] = spec_.row->across ? piece_ * size : size;
    if (!has_columns(spec_.operands[j])) column_steps_[j] = 0;
  }
  packs_ = take(packs_each_ * (apart ? tasks_ : 1));
}

template <typename T>
void RowCall<T>::copy_piece(std::size_t j, std::int64_t count, bool back) {
  const std::int64_t size = element_size(j);
  BlockPlace there{packed_from_[j], 0, inner_step(j)};
  BlockPlace here{memory_ + packs_ + pack_at_[j], 0, size};
  std::int64_t rows = 1, each = count;
  if (spec_.row && spec_.row->across) {
    if (has_columns(spec_.operands[j])) rows = columns();
    there.row_step = steps_[j][axis_];
    here.row_step = piece_ * size;
  } else if (spec_.row) {
    rows = count;
    each = columns();
    there = {packed_from_[j], inner_step(j), steps_[j][axis_]};
    here.row_step = columns() * size;
  }
  if (back)
    copy_block(there, here, rows, each, static_cast<std::size_t>(size));
  else
    copy_block(here, there, rows, each, static_cast<std::size_t>(size));
}

// From here to unpack() the buffers of these operands are the copies.
template <typename T>
void RowCall<T>::pack(std::int64_t count) {
  for (std::size_t j = 0; j < spec_.operands.size(); ++j) {
    if (!is_packed(j)) continue;
    packed_from_[j] = static_cast<std::byte*>(buffers_[j]);
    buffers_[j] = memory_ + packs_ + pack_at_[j];
    if (driver::is_source(spec_.operands[j].role) || spec_.accumulate) copy_piece(j, count, false);
  }
}

template <typename T>
void RowCall<T>::unpack(std::int64_t count) {
  for (std::size_t j = 0; j < spec_.operands.size(); ++j) {
    if (!is_packed(j)) continue;
    buffers_[j] = packed_from_[j];
    if (!driver::is_source(spec_.operands[j].role)) copy_piece(j, count, true);
  }
}

template void RowCall<float>::choose_packs();
template void RowCall<double>::choose_packs();
template void RowCall<float>::measure_packs();
template void RowCall<double>::measure_packs();
template std::int64_t RowCall<float>::packed_rows() const;
template std::int64_t RowCall<double>::packed_rows() const;
template void RowCall<float>::pack(std::int64_t);
template void RowCall<double>::pack(std::int64_t);
template void RowCall<float>::unpack(std::int64_t);
template void RowCall<double>::unpack(std::int64_t);

}  // namespace sluice
