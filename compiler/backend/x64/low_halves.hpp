// What is known of the lower 16 bits of values of 32 bits, which is what bf16 has not.
//
// In comes a graph of machine ops and how its inputs are stored. A value whose lower half is zero
// is stored as bf16 by its upper half as it stands, and one of which only NaNs are known to have it
// so is rounded without a look for NaNs: adding half a unit carries none into another number.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <sluice/dtype.hpp>

#include "compiler/ir/graph.hpp"

namespace sluice::x64 {

// From the least that is known to the most.
enum class LowHalf : std::uint8_t { any, zero_in_nans, zero };

// One each of the graph's values.
[[nodiscard]] std::vector<LowHalf> low_halves(const ir::Graph& graph,
                                              std::span<const Dtype> input_dtypes);

}  // namespace sluice::x64
