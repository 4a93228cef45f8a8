// row_simplex_threshold(z; alpha): the t for which the sum of max(z - t, 0)^p over the row is 1,
// where p = 1 / (alpha - 1), as reductions of the IR. The solver's steps are unrolled, and the same
// ones on every back end.
#pragma once

#include "compiler/ir/graph.hpp"

namespace sluice::lower {

// alpha is above 1. The gradient is that of the threshold, not of the steps.
[[nodiscard]] ir::ValueId simplex_threshold(ir::Graph& graph, ir::ValueId z, double alpha);

}  // namespace sluice::lower
