// Reverse-mode automatic differentiation, graph to graph, one rule a primitive.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sluice/status.hpp>

#include "compiler/ir/graph.hpp"

namespace sluice::autodiff {

// The partial derivatives of `y` with respect to each of `wrt` (inputs, parameters or any other
// values), added to the graph. An adjoint that belongs to one side of a condition is computed along
// its branch and selected last; a value that does not depend on a wrt has the derivative 0.
[[nodiscard]] std::vector<ir::ValueId> partials(ir::Graph& graph, ir::ValueId y,
                                                std::span<const ir::ValueId> wrt);

// The graph with every `derivative(v, w)` op replaced by what it stands for, innermost first. Each
// nesting can multiply the graph's size: `limit_exceeded` beyond kMaxNodes.
inline constexpr std::size_t kMaxNodes = 200'000;
[[nodiscard]] Result<ir::Graph> resolve_derivatives(const ir::Graph& graph);

// What a backward graph is made for.
struct BackwardRequest {
  std::vector<std::string> wrt;  // names of inputs and parameters
  // One each of the forward graph's outputs: the extent of its incoming gradient, or nothing where
  // that is 0.
  std::vector<std::optional<ir::Extent>> gradients;
  // One each of the forward graph's outputs: whether the graph gives it too (forward_backward).
  std::vector<bool> keep_output;
};

// The backward graph of a function: its inputs are the function's and then one incoming gradient an
// output that has one (named "grad_NAME"), its outputs the forward outputs that are kept and then
// "dNAME" for each name in `wrt`. The gradient of x is the sum over outputs of grad_y * dy/dx,
// multiplied inside the branches of outermost selects, where a literal 0 gives 0 and a literal 1
// the gradient itself. What does not vary along the row has one gradient a row in a row function,
// and one an element in an elementwise function: adding them up is left to others.
[[nodiscard]] Result<ir::Graph> backward(const ir::Graph& forward, const BackwardRequest& request);

}  // namespace sluice::autodiff
