// The views that are streamed into a state or written by one: one for each operand of a list, all
// of the same rows and columns. What may be wrong with them, and where their rows lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <sluice/status.hpp>
#include <sluice/tensor.hpp>

#include "runtime/kernel_state.hpp"
#include "runtime/row_stream.hpp"

namespace sluice {

// Errors are `invalid_operands`, and `unsupported` for strides, and name the operand.
class ColumnViews {
 public:
  ColumnViews(const KernelState& state, std::int64_t rows) : state_(state), rows_(rows) {}

  // Of any shape: its type, that it is there, and may be written where the kernel does.
  [[nodiscard]] Outcome add(std::size_t operand, const TensorView& view);
  // Of one value a column: all have as many. An input may have one row for all.
  [[nodiscard]] Outcome add_columns(std::size_t operand, const TensorView& view);
  // Of one value a row.
  [[nodiscard]] Outcome add_row_output(std::size_t operand, const TensorView& view);

  // Of the columns all but `count` from `first` on are left out; `invalid_argument` where there are
  // no such.
  [[nodiscard]] Outcome take(std::span<const std::size_t> operands, std::int64_t first,
                             std::int64_t count);
  // An output may be an input's very buffer, and overlaps nothing else.
  [[nodiscard]] Outcome check_overlaps(std::span<const std::size_t> operands) const;

  RowStream::Buffers buffers{};
  RowStream::Steps row_steps{};  // in bytes; 0: one row for all
  std::int64_t columns = -1;
  OperandSet shared = 0;  // of one row, where there are more

 private:
  [[nodiscard]] std::string who(std::size_t operand) const {
    return "the operand '" + state_.operands[operand].name + "'";
  }

  const KernelState& state_;
  std::int64_t rows_;
  RowStream::Steps elements_{};  // of each view, for overlaps
};

}  // namespace sluice
