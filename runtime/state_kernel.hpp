// What a StateKernel refers to: the streamed form of a row kernel, and which of its operands come
// when.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <sluice/row_state.hpp>

#include "compiler/backend/composed/row_kernel.hpp"
#include "runtime/kernel_state.hpp"

namespace sluice {

struct StateKernel::Impl {
  explicit Impl(Kernel made) : kernel(std::move(made)), state(KernelState::of(kernel)) {}

  Kernel kernel;
  const KernelState& state;
  composed::RowSizes sizes = {};
  // Operands by index, in order.
  std::vector<std::size_t> streamed = {};  // inputs of one value an element
  std::vector<std::size_t> still = {};     // inputs of one value a row, or one for all
  std::vector<std::size_t> written = {};   // outputs of one value an element
  std::vector<std::size_t> row_outputs = {};
  std::vector<std::size_t> phases = {};  // that read columns: the levels, and that which writes
  std::size_t levels = 0;
  std::uint64_t fingerprint = 0;  // of all that a state depends on but its inputs

  [[nodiscard]] const composed::RowKernel& rows() const { return *state.rows; }
  [[nodiscard]] std::int64_t element_size(std::size_t operand) const {
    return static_cast<std::int64_t>(size_of(state.operands[operand].dtype));
  }
};

// FNV-1a, 64 bits: for bytes that may come from another process.
[[nodiscard]] std::uint64_t checksum(std::span<const std::byte> bytes,
                                     std::uint64_t seed = 0xcbf29ce484222325u);

}  // namespace sluice
