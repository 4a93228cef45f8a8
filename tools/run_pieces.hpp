// `sluice run` on tensors: what reduces, sums or halves them, a piece at a time.
//
// In: a plan and its kernel. Out: as of run_stream.hpp. A piece is whole rows, or where the axis is
// not the innermost, all rows that lie across; of a tensor that fits, everything. One row that is
// too long to be held goes through its state in several passes over the files, where the function
// has one (sluice/row_state.hpp); else it is held all the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <sluice/kernel.hpp>
#include <sluice/status.hpp>

#include "tools/run_plan.hpp"

namespace sluice::tools {

// The elements of the outputs that have no file, one each of the plan's outputs. Errors: io_error,
// out_of_memory, or the call's.
[[nodiscard]] Result<std::vector<std::vector<std::byte>>>
run_pieces(RunPlan plan, const Kernel& kernel, const Parallel& parallel);

}  // namespace sluice::tools
