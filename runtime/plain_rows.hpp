// The usual call of a row function: rows one after the other in memory, and every operand as large
// as the whole, one row for all, with one element a row, or one number. It is told apart without
// making messages.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/kernel_state.hpp"

namespace sluice {

// False where the call is another, be it right or wrong: then nothing has been done.
[[nodiscard]] bool run_plain_rows(const Kernel& kernel, const KernelState& state,
                                  std::span<const TensorView> views, const std::uint64_t* params);

}  // namespace sluice
