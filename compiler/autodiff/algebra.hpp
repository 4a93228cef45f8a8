// Building derivatives: arithmetic that drops what literals decide (1 * x, 0 + x, -(-x)).
//
// A derivative has no text whose operations would fix its rounding, so these may simplify as the
// real numbers do; they never turn a product into a difference.
#pragma once

#include "compiler/ir/expr.hpp"

namespace sluice::autodiff {

[[nodiscard]] ir::Expr negative(ir::Expr a);
[[nodiscard]] ir::Expr product(ir::Expr a, ir::Expr b);
[[nodiscard]] ir::Expr sum(ir::Expr a, ir::Expr b);
[[nodiscard]] ir::Expr choose(ir::Expr condition, ir::Expr a, ir::Expr b);

// +0 or -0.
[[nodiscard]] bool is_zero(ir::Expr a);

}  // namespace sluice::autodiff
