// cbrt.
//
// |x| = 2^(3 q + s) m with m = (1 + r) / i, i from a table by the eighth of m's octave: the root is
// 2^q times P (1 + r Q(r)), P = S C from two tables. C has half a number's bits and S a high word
// of as many, so that P's high word is exact (fit/cbrt.py). No quotient, and only the last addition
// is felt.
#include <iterator>
#include <vector>

#include "compiler/numerics/functions.hpp"

namespace sluice::numerics {
namespace {

#include "compiler/numerics/coefficients_cbrt.inc"

constexpr Polynomial kCbrt{kCbrtF32, kCbrtF64};

template <std::size_t Length>
Expr entry(Expr index, const char* name, const double (&f32)[Length], const double (&f64)[Length]) {
  const auto& entries = is_f64(index) ? f64 : f32;
  return lookup(index, name, {std::begin(entries), std::end(entries)});
}

}  // namespace

Expr cbrt(Expr x, Expr) {
  const Expr magnitude = abs(x);
  const Expr k = exponent(magnitude);
  const Expr m = mantissa(magnitude);
  const double magic = biased_integer(x, 0);
  const Expr biased = fma(k, 1.0 / 3, number(x, magic));
  const Expr s = to_bits(fma(biased - magic, -3.0, k) + pick(x, 0x1.8p23, 0x1.8p52));
  const Expr eighth = to_bits(m) >> (is_f64(x) ? 49 : 20);
  const Expr r = residue(m, entry(eighth, "cbrt_inverse", kEighthsF32[0], kEighthsF64[0]), -1.0);
  const Expr c = entry(eighth, "cbrt_eighth", kEighthsF32[1], kEighthsF64[1]);
  const Expr p = c * entry(s, "cbrt_third", kThirdsF32[0], kThirdsF64[0]);
  const Expr low = c * entry(s, "cbrt_third_low", kThirdsF32[1], kThirdsF64[1]);
  const Expr root = (p + fma((p + low) * r, horner(r, kCbrt), low)) * power_of_two(biased);
  // 0 and infinities, which are their own doubles, are their own roots.
  return select(equal(x, x + x), x, copy_zero_sign(root, x));
}

}  // namespace sluice::numerics
