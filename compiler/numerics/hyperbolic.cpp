// sinh, cosh.
//
// |x| = k ln 2 + r. With a = 2^(k-1) - 2^(-k-1) and b = 2^(k-1) + 2^(-k-1)
//
//     sinh |x| = a cosh r + b sinh r,   cosh x = b cosh r + a sinh r
//
// where a and b are exact or lose a rest that is added back, and cosh r and sinh r are even and odd
// parts of one polynomial. Halves of all that, and the sum doubled, so that nothing overflows
// before the result does.
#include "compiler/numerics/functions.hpp"

namespace sluice::numerics {
namespace {

#include "compiler/numerics/coefficients_hyperbolic.inc"

constexpr Polynomial kSinh{kSinhF32, kSinhF64};
constexpr Polynomial kCosh{kCoshF32, kCoshF64};

struct Parts {
  Pair difference;  // a / 2
  Pair sum;         // b / 2
  Expr r;
  Expr tail;    // of r
  Expr square;  // r^2
  Expr cosh;    // (cosh r - 1) / r^2
};

Parts parts(Expr x, Expr low) {
  const Expr h = min(abs(x), pick(x, 89.5, 710.6));
  if (!low.is_constant(0)) low = select(equal(abs(x), h), select(x < number(x, 0), -low, low), 0.0);
  const ExactExpReduction reduced = reduce_exp_exactly(h, low, -2);
  const Expr grown = power_of_two(reduced.biased);
  // 2^(-k-2), of which the last ones are of no account.
  const Expr mirrored = 2 * biased_integer(x, -2) - reduced.biased;
  const Expr fallen = power_of_two(max(mirrored, biased_integer(x, is_f64(x) ? -1000 : -100)));
  const Expr square = reduced.r * reduced.r;
  return {
      fast_two_sum(grown, -fallen), fast_two_sum(grown, fallen), reduced.r, reduced.tail, square,
      horner(square, kCosh)};
}

// e + o sinh r + e (cosh r - 1), for e and o in two words: the sum up to o r keeps what rounding
// takes.
Expr doubled(const Parts& p, Pair e, Pair o) {
  const auto [linear, lost] = product_sum(o.high, p.r, e.high);
  const Expr odd = fma(p.square * p.r, horner(p.square, kSinh), p.tail);
  const Expr even = p.square * p.cosh;
  const Expr rest =
      fma(e.high, fma(p.r, p.tail, even), fma(o.high, odd, fma(o.low, p.r, lost + e.low)));
  const Expr half = linear + rest;
  return half + half;
}

}  // namespace

Expr sinh(Expr x, Expr low) {
  const Parts p = parts(x, low);
  // Half a denormal number may not be a number.
  const Expr h = abs(x);
  const Expr tiny = h < number(x, pick(x, 0x1p-100, 0x1p-1000));
  return copy_zero_sign(select(tiny, h, doubled(p, p.difference, p.sum)), x);
}

Expr cosh(Expr x, Expr low) {
  const Parts p = parts(x, low);
  return doubled(p, p.sum, p.difference);
}

}  // namespace sluice::numerics
