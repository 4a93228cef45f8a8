// The expansions of primitives that are no elementary functions: selections, products, and what
// only carries meaning for the steps before.
#pragma once

#include <span>

#include "compiler/ir/expr.hpp"

namespace sluice::numerics {

// -1, 0 or 1 with the sign of a; a zero or NaN as it is.
[[nodiscard]] ir::Expr sign(ir::Expr a);
// min(max(a, low), high)
[[nodiscard]] ir::Expr clamp(ir::Expr a, ir::Expr low, ir::Expr high);
// h + c; h where it is infinite or too small for c to mean anything.
[[nodiscard]] ir::Expr corrected(ir::Expr h, ir::Expr c);
// a^k for 2 <= |k| <= 16: products by squaring from the low bit, one division where k < 0.
[[nodiscard]] ir::Expr integer_power(ir::Expr a, int k);
// value, and at x = -inf and inf these constants. An end at which the value's own arithmetic gives
// the constant costs nothing; that is asked only of values that depend on x alone, so that no
// parameter's value decides it.
[[nodiscard]] ir::Expr with_limits(ir::Expr value, ir::Expr x, ir::Expr at_minus_inf,
                                   ir::Expr at_inf);

}  // namespace sluice::numerics
