// erf(x) = base + d q(d), d the distance of |x| from the centre of its interval (fit/erf.py).
//
// No exponential: erf has no small values but those near 0, where base is d itself.
#include <string>
#include <vector>

#include "compiler/numerics/functions.hpp"

namespace sluice::numerics {
namespace {

#include "compiler/numerics/coefficients_erf.inc"

using Row = std::span<const double>;

Expr look(Expr index, const std::string& name, Row f32, Row f64) {
  const Row row = is_f64(index) ? f64 : f32;
  return lookup(index, name, std::vector<double>(row.begin(), row.end()));
}

// 1 in the first interval, 0 in the others.
Expr first(Expr index) {
  std::vector<double> entries(is_f64(index) ? std::size(kCentreF64) : std::size(kCentreF32), 0.0);
  entries[0] = 1.0;
  return lookup(index, "erf_first", entries);
}

Expr slope(Expr index, std::size_t i) {
  return look(index, "erf_slope_" + std::to_string(i), kSlopeF32[i < std::size(kSlopeF32) ? i : 0],
              kSlopeF64[i]);
}

// erf(|x|) = base + (d q + low).
struct Magnitude {
  Expr base;
  Expr d;
  Expr q;
  Expr low;
};

Magnitude magnitude(Expr x, Expr low) {
  const Expr h = min(abs(x), pick(x, kEndF32, kEndF64));
  // The nearest multiple of the spacing is in the low bits; a lookup needs no more of it.
  const Expr index =
      to_bits(fma(h, pick(x, 1 / kSpacingF32, 1 / kSpacingF64), pick(x, 0x1.8p23, 0x1.8p52)));
  const Expr from = h - look(index, "erf_centre", kCentreF32, kCentreF64);
  Expr part = low;
  if (!low.is_constant(0)) part = select(equal(abs(x), h), select(x < 0, -low, low), 0.0);
  const Expr d = low.is_constant(0) ? from : from + part;
  const std::size_t degree = is_f64(x) ? std::size(kSlopeF64) : std::size(kSlopeF32);
  Expr q = slope(index, degree - 1);
  for (std::size_t i = degree - 1; i-- > 0;) q = fma(q, d, slope(index, i));
  const Expr near = first(index);
  return {fma(from, near, look(index, "erf_base", kBaseF32, kBaseF64)), d, q,
          low.is_constant(0) ? low : part * near};
}

Expr rest(const Magnitude& m) { return m.low.is_constant(0) ? m.d * m.q : fma(m.d, m.q, m.low); }

}  // namespace

Expr erf(Expr x, Expr low) {
  const Magnitude m = magnitude(x, low);
  return copy_zero_sign(low.is_constant(0) ? fma(m.d, m.q, m.base) : m.base + rest(m), x);
}

Pair erf_pair(Expr x, Expr low) {
  const Magnitude m = magnitude(x, low);
  return {signed_like(m.base, x), signed_like(rest(m), x)};
}

Scaled erf_scaled(Expr x, Expr low) { return unscaled(erf_pair(x, low)); }

}  // namespace sluice::numerics
