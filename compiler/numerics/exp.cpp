// exp, exp2, expm1.
//
// x = k ln 2 + r, e^x = 2^k e^r (toolkit.hpp). Range: beyond the clamps the result is 0 or inf in
// every format.
#include "compiler/numerics/functions.hpp"

namespace sluice::numerics {

Expr exp(Expr x, Expr low) {
  const Argument argument = clamp_argument(x, low, pick(x, -110, -760), pick(x, 90, 714));
  const ExpReduction reduced = reduce_exp(argument.x, argument.low);
  return ldexp(exp_reduced(reduced.r), reduced.k);
}

}  // namespace sluice::numerics
