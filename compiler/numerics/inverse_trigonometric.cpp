// atan, asin, acos.
//
// Arguments are brought to where a short series serves, atan's by a quotient and those of asin and
// acos by a square root; what rounding takes from either is kept, for the sums with pi that follow
// would show it.
#include "compiler/numerics/functions.hpp"

#include <limits>

namespace sluice::numerics {
namespace {

#include "compiler/numerics/coefficients_inverse_trigonometric.inc"

constexpr Polynomial kAtan{kAtanF32, kAtanF64};
constexpr Polynomial kAsin{kAsinF32, kAsinF64};

// asin t + tail = t + tail + t^3 Q(t^2) for t = x up to 1/2, and beyond for t + tail = sqrt((1 -
// |x|) / 2), of which the arc is half the angle that |x| lacks to 1.
struct Halved {
  Expr beyond;  // |x| > 1/2
  Expr t;
  Expr rest;  // asin(t + tail) - t
};

Halved halve(Expr x) {
  const Expr magnitude = abs(x);
  const Expr beyond = number(x, 0.5) < magnitude;
  const Expr z = select(beyond, fma(magnitude, -0.5, 0.5), x * x);
  const Expr root = sqrt(z);
  // What rounding takes from the root is (z - root^2) / (2 root). An eighth of it does not matter,
  // and so 1 / root is a constant's bits less root's, which negates the exponent and, nearly, the
  // fraction.
  const double magic = pick(x, 0x1.e6ap+126, 0x1.e6ap+1022);
  const Expr reciprocal = from_bits(to_bits(number(x, magic)) - to_bits(root));
  const Expr tail = residue(-root, root, z) * (reciprocal * 0.5);
  const Expr t = select(beyond, root, x);
  const Expr cubic = (t * z) * horner(z, kAsin);
  return {beyond, t, select(beyond, tail + cubic, cubic)};
}

// pi/2 - t - rest, of which the first difference keeps what rounding takes.
Expr complement(Expr t, Expr rest) {
  const double high = pick(t, 0x1.921fb6p+0, 0x1.921fb54442d18p+0);
  const double low = pick(t, -0x1.777a5cp-25, 0x1.1a62633145c07p-54);
  const Expr near = high - t;
  const Expr lost = (high - near) - t;
  return near + ((lost + low) - rest);
}

}  // namespace

// With m the smaller and M the larger of |x| and 1, t = m / M: atan |x| is atan t, or pi/2 less
// that.
Expr atan(Expr x, Expr) {
  const Expr magnitude = abs(x);
  const Expr larger = max(magnitude, 1.0);
  const Expr t = min(magnitude, 1.0) / larger;
  const Expr z = t * t;
  const Pair higher = two_product(z, horner(z, kAtan));
  // Beyond 1 t is 1 / M rounded, which lacks t (1 - t M), and that counts by the slope 1 / (1 + z)
  // or nearly so. At inf it would be NaN; a smaller M serves.
  using F32 = std::numeric_limits<float>;
  using F64 = std::numeric_limits<double>;
  const Expr finite = min(larger, pick(x, F32::max(), F64::max()));
  const Expr slope = fma(z, -0.5, 1.0);
  const Expr tail = t * fma(slope, residue(-t, finite, 1.0), higher.low);
  const Expr beyond = number(x, 1) < magnitude;
  const Expr angle =
      select(beyond, complement(t, fma(t, higher.high, tail)), fma(t, higher.high, t));
  return copy_zero_sign(angle, x);
}

// Beyond 1/2 pi/2 less twice asin(t).
Expr asin(Expr x, Expr) {
  const auto [beyond, t, rest] = halve(x);
  return select(beyond, copy_zero_sign(complement(t + t, rest + rest), x), t + rest);
}

// pi/2 - asin(x) up to 1/2; beyond it twice asin(t), or twice pi/2 less that.
Expr acos(Expr x, Expr) {
  const auto [beyond, t, rest] = halve(x);
  const Expr angle = select(number(x, 0.5) < x, t + rest, complement(t, rest));
  return select(beyond, angle + angle, angle);
}

}  // namespace sluice::numerics
