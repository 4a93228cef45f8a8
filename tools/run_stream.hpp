// `sluice run`, second half: a plan's elements through its kernel, a piece at a time.
//
// In: a plan and its kernel. Out: each output in its file, or in memory where it is to be printed.
// Files appear in their places only when all of them are complete; on an error none does.
#pragma once

#include <cstddef>
#include <vector>

#include <sluice/kernel.hpp>
#include <sluice/status.hpp>

#include "tools/run_plan.hpp"

namespace sluice::tools {

// Elements of the result that are held at a time; small enough that they stay in the cache between
// reading, computing and writing.
inline constexpr std::int64_t kPiece = std::int64_t{1} << 16;

// The elements of the plan's outputs that have no file, in the order of its outputs; the others'
// are empty.
[[nodiscard]] Result<std::vector<std::vector<std::byte>>> stream(RunPlan plan, const Kernel& kernel,
                                                                 const Parallel& parallel);

}  // namespace sluice::tools
