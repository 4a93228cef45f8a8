// The expansions of reductions along the row, softmax and its family (numerics.md, order of
// reductions).
#pragma once

#include <optional>
#include <vector>

#include "compiler/ir/expr.hpp"

namespace sluice::numerics {

// A row primitive of ops.def over its operands; b is a where it has one alone. `beside_logsumexp`:
// the graph has a's row_logsumexp too, whose exponentials softmax then shares.
[[nodiscard]] ir::Expr row_function(ir::Op op, ir::Expr a, ir::Expr b, bool beside_logsumexp);

// row_sum(weights * row_softmax(z, sink)), of the sums of exp(z - m) and of weights times that,
// which are made together: nothing where the weights are known only after a reduction.
[[nodiscard]] std::optional<ir::Expr> softmax_mean(ir::Expr weights, ir::Expr z, ir::Expr sink,
                                                   bool beside_logsumexp);

// The state of what is left of column k and of what is right of it as one: a maximum and sums of
// w*exp(z - maximum).
struct ExpState {
  ir::Expr greatest;
  std::vector<ir::Expr> sums;
};
[[nodiscard]] ExpState merge(const ExpState& left, const ExpState& right);

}  // namespace sluice::numerics
