// rsqrt(x) = y (1 - r)^(-1/2) = y + y r P(r), r = 1 - x y^2.
//
// y comes from x's bits as one integer: they are a logarithm of x, nearly linear within an octave,
// and half of it taken from a constant is one of about 1/sqrt(x) (Lomont, "Fast inverse square
// root", 2003). y has so few bits that its square is exact, also where it is denormal; what r says
// of y is right whatever y is.
#include "compiler/numerics/functions.hpp"

namespace sluice::numerics {
namespace {

#include "compiler/numerics/coefficients_rsqrt.inc"

constexpr Polynomial kRsqrt{kRsqrtF32, kRsqrtF64};
constexpr double kReach = 0.0695;  // of the polynomial

// Two rounded operations, and one Newton step on what they leave, with x y and its low word, so
// that the difference is exact to a few units of 2^-48. No intermediate leaves the range, whatever
// x.
Expr by_division(Expr x) {
  const Expr y = 1.0 / sqrt(x);
  const Pair product = two_product(x, y);
  const Expr left = fma(-product.low, y, residue(-product.high, y, 1.0));
  // At 0 and inf, and only there, y is right and x y is NaN.
  const Expr defined = equal(product.high, product.high);
  return select(defined, fma(y * 0.5, left, y), y);
}

}  // namespace

// What is one for a row costs one division, in one lane: less than both ways together. It is a
// factor of columns whose promise has room for two roundings, and every row waits for it.
Expr rsqrt(Expr x, Expr) {
  if (x.type().extent != ir::Extent::element) return 1.0 / sqrt(x);
  const Expr seed = ir::integer(x, is_f64(x) ? 0x5fe6e8e000000000 : 0x5f376000);
  const Expr few_bits = ir::integer(x, is_f64(x) ? 0xffffffffe0000000 : 0xffffc000);
  const Expr y = from_bits((seed - (to_bits(x) >> 1)) & few_bits);
  const Expr r = residue(-(y * y), x, 1.0);
  // Zeros, most denormal and negative numbers, inf, NaN.
  const Expr odd = unlikely(!(abs(r) <= kReach));
  return select(odd, by_division(x), fma(y * r, horner(r, kRsqrt), y));
}

}  // namespace sluice::numerics
