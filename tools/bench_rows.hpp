// `sluice bench` of row functions: rows by columns on every rung of this machine, beside plain
// copies.
//
// In: a row function and a plan. Out: as of an elementwise function, a line for each shape and with
// the inputs that must be given and the first output alone; what is timed is the checked call.
// Errors are for `sluice check`: near a cancellation a relative one says nothing.
#pragma once

#include "tools/bench_run.hpp"

namespace sluice::tools {

[[nodiscard]] Result<BenchResult> bench_rows(const Function& function, const BenchPlan& plan);

}  // namespace sluice::tools
