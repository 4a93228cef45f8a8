// `sluice run` on rows that are too long to be held: each goes through its state, in as many passes
// over the files as the function has levels, and one more that writes (sluice/row_state.hpp).
#pragma once

#include <cstdint>
#include <optional>

#include <sluice/kernel.hpp>
#include <sluice/row_state.hpp>
#include <sluice/status.hpp>

#include "runtime/piece_call.hpp"
#include "tools/run_buffers.hpp"
#include "tools/run_plan.hpp"

namespace sluice::tools {

// Nothing where rows are short enough to be held, or have no states: those of a backward pass, of a
// reduction, across, or whose indices are checked.
[[nodiscard]] std::optional<StateKernel> states_for_long_rows(const RunPlan& plan,
                                                              const Kernel& kernel);

// `rows` has one row a piece; of a row `elements` are held at a time.
[[nodiscard]] Outcome run_long_rows(RunBuffers& buffers, const PieceCall& rows,
                                    const StateKernel& states, std::int64_t elements);

}  // namespace sluice::tools
