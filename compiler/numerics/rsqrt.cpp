// rsqrt(x) = 1/sqrt(x).
//
// Two rounded operations are up to 1.5 ulps off. One Newton step on what they leave, 1 - x y^2,
// makes that half an ulp and a little: x y is taken with its low word, so that the difference is
// exact to a few units of 2^-48, and no intermediate leaves the range, whatever x.
#include "compiler/numerics/functions.hpp"

namespace sluice::numerics {

Expr rsqrt(Expr x, Expr) {
  const Expr y = 1.0 / sqrt(x);
  const Pair product = two_product(x, y);
  const Expr left = fma(-product.low, y, fma(-product.high, y, 1.0));
  // At 0 and inf, and only there, y is right and x y is NaN.
  const Expr defined = equal(product.high, product.high);
  return select(defined, fma(y * 0.5, left, y), y);
}

}  // namespace sluice::numerics
