// `sluice run` on whole tensors: what reduces, sums or halves them takes them in one call.
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

// The elements of the outputs that have no file, one each of the plan's outputs. Errors: io_error,
// or the call's.
[[nodiscard]] Result<std::vector<std::vector<std::byte>>>
run_whole(RunPlan plan, const Kernel& kernel, const Parallel& parallel);

}  // namespace sluice::tools
