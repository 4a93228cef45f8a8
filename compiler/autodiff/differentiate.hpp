// Reverse-mode automatic differentiation, graph to graph, one rule a primitive.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <sluice/status.hpp>

#include "compiler/ir/graph.hpp"

namespace sluice::autodiff {

// The partial derivatives of `y` with respect to each of `wrt` (inputs, parameters or any other values), added to the
// graph. An adjoint that belongs to one side of a condition is computed along its branch and selected last; a value
// that does not depend on a wrt has the derivative 0.
[[nodiscard]] std::vector<ir::ValueId> partials(ir::Graph& graph, ir::ValueId y, std::span<const ir::ValueId> wrt);

// The backward graph of a function: its inputs are the function's and one incoming gradient an output (named
// "grad_NAME"), its outputs are "dNAME" for each name in `wrt` (inputs or parameters). With one output y the gradient of
// x is grad_y * dy/dx, multiplied inside the branches of outermost selects, where a literal 0 gives 0 and a literal 1 the
// gradient itself.
[[nodiscard]] Result<ir::Graph> backward(const ir::Graph& forward, std::span<const std::string> wrt);

}  // namespace sluice::autodiff
