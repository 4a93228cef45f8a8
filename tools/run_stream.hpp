// `sluice run`, second half: a plan's elements through its kernel, a piece at a time. Here those of
// elementwise functions, in the order of the result's elements.
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

// The elements of the plan's outputs that have no file, in the order of its outputs; the others'
// are empty.
[[nodiscard]] Result<std::vector<std::vector<std::byte>>> stream(RunPlan plan, const Kernel& kernel,
                                                                 const Parallel& parallel);

}  // namespace sluice::tools
