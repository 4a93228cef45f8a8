// The sweeps of a check, chunk by chunk on many threads, with a bar and a state file.
#pragma once

#include <vector>

#include <sluice/status.hpp>

#include "tools/check/checkup.hpp"

namespace sluice::tools {

// Fills in `special`, `sweep` and `crossings` of each part. What the state file of the same check
// holds is not done again; the file is gone when all is done.
[[nodiscard]] Outcome measure_parts(const CheckPlan& plan, std::vector<CheckPart>& parts);

}  // namespace sluice::tools
