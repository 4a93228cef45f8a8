// What may be wrong with a call's operands: types, shapes, null and overlapping buffers.
//
// Nothing here allocates unless a check fails.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <sluice/status.hpp>
#include <sluice/tensor.hpp>

#include "runtime/frame.hpp"
#include "runtime/kernel_state.hpp"

namespace sluice {

class CallChecks {
 public:
  CallChecks(const KernelState& state, std::span<const TensorView> views);

  // Errors: `invalid_operands` for what does not go together or is not what the kernel was made
  // for, `limit_exceeded` for rows that are too long.
  [[nodiscard]] Outcome run();
  // The same of types and shapes alone; no memory is asked for.
  [[nodiscard]] Outcome run_shapes();

  [[nodiscard]] const KernelState& state() const { return state_; }
  // What the operands broadcast to, once they are known to.
  [[nodiscard]] const Frame& frame() const { return frame_; }
  // The shape of an operand as the kernel sees it: of halves, that of one.
  [[nodiscard]] Shape shape(std::size_t k) const;
  [[nodiscard]] Aligned aligned(std::size_t k) const {
    return frame_.align(shape(k), info(k).per_row);
  }

  // In bytes by dimension, innermost first; 0 where the operand stands still. Of a half, those of
  // the whole.
  [[nodiscard]] Aligned steps(std::size_t k) const;

  // Whether the bytes that two operands span overlap in a way that a kernel cannot bear: an output
  // may have each element where an input of its type and shape has it, and nothing else.
  [[nodiscard]] static bool clash(const KernelState& state, std::span<const TensorView> views,
                                  std::size_t written, std::size_t other);

 private:
  [[nodiscard]] const Argument& argument(std::size_t k) const { return state_.spec->arguments[k]; }
  [[nodiscard]] const driver::Operand& operand(std::size_t k) const {
    return state_.spec->operands[argument(k).operand];
  }
  [[nodiscard]] const OperandInfo& info(std::size_t k) const { return state_.operands[k]; }
  [[nodiscard]] bool is_whole(std::size_t k) const;
  [[nodiscard]] std::string who(std::size_t k) const;
  [[nodiscard]] std::string shown(std::size_t k) const;

  Outcome check_buffer(std::size_t k) const;
  Outcome check_view(std::size_t k);
  Outcome check_strides(std::size_t k) const;
  Outcome halve(std::size_t k);
  Outcome check_axis() const;
  Outcome check_written_shape(std::size_t k) const;
  Outcome check_row_shape() const;
  Outcome check_extent(std::size_t k) const;
  Outcome check_overlaps(std::size_t written) const;

  const KernelState& state_;
  std::span<const TensorView> views_;
  Frame frame_;
  // Half the extent along the axis, of operands that are halved.
  std::array<Extents, 2> halves_;
  std::array<std::size_t, 2> halved_{};  // the operands that they are of
  std::size_t halved_count_ = 0;
};

}  // namespace sluice
