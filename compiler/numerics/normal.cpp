// normal_cdf, erfc, normal_pdf, and as one piece each x * normal_cdf(x), its derivative and
// x * normal_pdf(x).
//
// With h = |x| the first three are e^(-(h^2 + mu)/2) for some slow mu(h): for normal_pdf nearly a
// constant, for the tail normal_cdf(-h) about 2 log of Mills' ratio. So neither a quotient nor a
// product with a polynomial's value stands at the end, where it would cost an ulp: mu only moves
// the argument of the exponential, where its rounding errors count absolutely. h^2 never needs its
// low word either: fma(h, h, -N step) rounds once, after the steps are removed. The tables say the
// rest (fit/normal.py). erfc(h) is 2 normal_cdf(-sqrt(2) h): the same of 2 h^2, with a mu of its
// own.
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/numerics/functions.hpp"

namespace sluice::numerics {
namespace {

#include "compiler/numerics/coefficients_erfc.inc"
#include "compiler/numerics/coefficients_normal.inc"

using Row = std::span<const double>;

constexpr Polynomial kFall{kFallF32, kFallF64};

Expr look(Expr index, const std::string& name, Row row) {
  return lookup(index, name, std::vector<double>(row.begin(), row.end()));
}

// A polynomial whose coefficients are looked up, by the power of the variable.
class Coefficients {
 public:
  Coefficients(Expr index, std::string name, std::vector<Row> rows)
      : index_(index), name_(std::move(name)), rows_(std::move(rows)) {}

  [[nodiscard]] Expr operator[](std::size_t i) const {
    return look(index_, name_ + std::to_string(i), rows_[i]);
  }
  // c[from] + d (c[from + 1] + d (...)).
  [[nodiscard]] Expr horner(Expr d, std::size_t from) const {
    Expr sum = (*this)[rows_.size() - 1];
    for (std::size_t i = rows_.size() - 1; i-- > from;) sum = fma(sum, d, (*this)[i]);
    return sum;
  }

 private:
  Expr index_;
  std::string name_;
  std::vector<Row> rows_;
};

// What a result is scaled up by, so that the power of two is a normal number throughout.
double lift(Expr like) { return pick(like, 0x1p40, 0x1p100); }

// e^(-(h^2 + mu)/2) times the lift is power * (1 + fall).
struct Exponential {
  Expr power;
  Expr fall;
};

Expr lowered(Expr lifted) { return lifted * (1 / lift(lifted)); }
Expr value(const Exponential& e) { return fma(e.power, e.fall, e.power); }

// The lifted powers by the low bits of N, less what the same bits add when all of N is shifted up
// to the exponent's place.
std::vector<double> powers(Expr like, double lifted_sign) {
  std::vector<double> entries;
  for (std::uint64_t j = 0; j < 8; ++j) {
    if (is_f64(like)) {
      const double power = kPowerF64[j] * lifted_sign;
      entries.push_back(std::bit_cast<double>(std::bit_cast<std::uint64_t>(power) - (j << 49)));
    } else {
      const auto power = static_cast<float>(kPowerF32[j] * lifted_sign);
      const auto bits = std::bit_cast<std::uint32_t>(power) - (static_cast<std::uint32_t>(j) << 20);
      entries.push_back(static_cast<double>(std::bit_cast<float>(bits)));
    }
  }
  return entries;
}

Exponential exponential(Expr r, Expr steps, double sign) {
  const Expr index = to_bits(steps);
  const std::string name = sign < 0 ? "normal_power_negative" : "normal_power";
  const Expr power = lookup(index, name, powers(r, sign * lift(r)));
  return {from_bits(to_bits(power) + (index << (is_f64(r) ? 49 : 20))), r * horner(r, kFall)};
}

// |x|, no further than where the results are 0, and its low word.
Pair magnitude(Expr x, Expr low, double end) {
  const Expr h = min(abs(x), end);
  if (low.is_constant(0)) return {h, low};
  return {h, select(equal(abs(x), h), select(x < 0, -low, low), 0.0)};
}
Pair magnitude(Expr x, Expr low) { return magnitude(x, low, pick(x, kTailEndF32, kTailEndF64)); }
Pair magnitude(Expr x) { return magnitude(x, number(x, 0)); }

// kMagic - N, for N the nearest integer to square / step + (kMagic - magic_less).
Expr steps_in(Expr square, Expr magic_less) {
  return fma(square, pick(square, -1 / kStepF32, -1 / kStepF64), magic_less);
}

// a h - N step + whole, for a multiple a of h.
Expr reduced_square(Expr a, Pair h, Expr steps, Expr whole) {
  const Expr square =
      residue(a, h.high, residue(steps, number(steps, pick(steps, kStepF32, kStepF64)), whole));
  return h.low.is_constant(0) ? square : fma(a + a, h.low, square);
}

Expr distance(Pair h, Expr centre) {
  const Expr d = h.high - centre;
  return h.low.is_constant(0) ? d : d + h.low;
}

template <std::size_t Rows, std::size_t Length>
std::vector<Row> rows_of(const double (&rows)[Rows][Length]) {
  return {std::begin(rows), std::end(rows)};
}

// What a tail is made of: where its intervals are, and mu on each. `prefix` begins its tables'
// names.
struct Tail {
  std::string prefix;
  double scale, start;
  int shift;
  Row centre;
  std::vector<Row> mu;
  Row magic_less, whole;
};

Tail normal_tail(Expr like) {
  if (is_f64(like))
    return {"normal_",  kCellScaleF64,   kCellStartF64, kCellShiftF64,
            kCentreF64, rows_of(kMuF64), kMagicLessF64, kWholeF64};
  return {"normal_",  kCellScaleF32,   kCellStartF32, kCellShiftF32,
          kCentreF32, rows_of(kMuF32), kMagicLessF32, kWholeF32};
}

Tail erfc_tail(Expr like) {
  if (is_f64(like))
    return {"erfc_",        kErfcCellScaleF64,   kErfcCellStartF64, kErfcCellShiftF64,
            kErfcCentreF64, rows_of(kErfcMuF64), kErfcMagicLessF64, kErfcWholeF64};
  return {"erfc_",        kErfcCellScaleF32,   kErfcCellStartF32, kErfcCellShiftF32,
          kErfcCentreF32, rows_of(kErfcMuF32), kErfcMagicLessF32, kErfcWholeF32};
}

enum class Care { plain, more };

// normal_cdf(-h) for h >= 0, a being h; erfc(h) / 2, a being 2 h. With more care mu's linear term,
// its largest, is added without a rounding of its own: normal_cdf needs it, x * normal_cdf(x) has
// room for the error.
Exponential lower_tail(const Tail& tail, Expr a, Pair h, Care care, double sign) {
  const Expr cell = fma(h.high, number(h.high, tail.scale), number(h.high, tail.start));
  const Expr index = to_bits(cell) >> tail.shift;
  const auto entry = [&](const char* name, Row row) {
    return look(index, tail.prefix + name, row);
  };
  const Expr d = distance(h, entry("centre", tail.centre));
  const Coefficients mu(index, tail.prefix + "mu_", tail.mu);
  const Expr above = mu.horner(d, 2);
  const Expr bent = fma(d, above * d, mu[0]);  // without the linear term
  const Expr all = care == Care::more ? fma(d, mu[1], bent) : fma(d, fma(above, d, mu[1]), mu[0]);

  const Expr steps = steps_in(fma(a, h.high, all), entry("magic_less", tail.magic_less));
  const Expr square = reduced_square(a, h, steps, entry("whole", tail.whole));
  const Expr r = care == Care::more ? fma(d, mu[1], square) + bent : square + all;
  return exponential(r, steps, sign);
}

Exponential density(Pair h, double sign) {
  const Expr square = h.high * h.high;
  const Expr mu = fma(square, pick(square, kDensitySlopeF32, kDensitySlopeF64),
                      pick(square, kDensityMuF32, kDensityMuF64));
  const Expr magic_less = number(mu, pick(mu, kDensityMagicLessF32, kDensityMagicLessF64));
  const Expr steps = steps_in(square + mu, magic_less);
  const Expr whole = number(mu, pick(mu, kDensityWholeF32, kDensityWholeF64));
  return exponential(reduced_square(h.high, h, steps, whole) + mu, steps, sign);
}

// sign * e * factor, rounded once but for factor's and the power's own errors.
Exponential scaled_by(Expr factor, const Exponential& e) { return {factor * e.power, e.fall}; }

}  // namespace

Expr normal_cdf(Expr x, Expr low) {
  const Pair h = magnitude(x, low);
  const Expr lower = lowered(value(lower_tail(normal_tail(x), h.high, h, Care::more, 1)));
  return select(x > number(x, 0), 1.0 - lower, lower);
}

// Left lifted where it may be denormal.
Scaled normal_cdf_scaled(Expr x, Expr low) {
  const Pair h = magnitude(x, low);
  const Expr lifted = value(lower_tail(normal_tail(x), h.high, h, Care::more, 1));
  const Expr lower = lowered(lifted);
  const Expr tail = x < number(x, -9);
  const Expr floor = max(x, -pick(x, kTailEndF32, kTailEndF64));
  const Expr exponent = number(x, -std::log2(lift(x)));
  return {.numerator = select(tail, lifted, select(x > number(x, 0), 1.0 - lower, lower)),
          .exponent = select(tail, exponent, 0.0),
          .argument = Argument{x, floor, floor, low}};
}

Expr erfc(Expr x, Expr low) {
  const Pair h = magnitude(x, low, pick(x, kErfcEndF32, kErfcEndF64));
  const Exponential half = lower_tail(erfc_tail(x), h.high + h.high, h, Care::more, 1);
  const Expr upper = value(half) * (2 / lift(x));
  return select(x < number(x, 0), 2.0 - upper, upper);
}

Expr normal_pdf(Expr x, Expr low) { return lowered(value(density(magnitude(x, low), 1))); }

// max(x, 0) - |x| normal_cdf(-|x|): for negative x the second term alone, exact in its scaling
// down; for positive x its error hardly matters. The power is negative, which saves negating the
// product.
Expr times_normal_cdf(Expr x) {
  const Pair h = magnitude(x);
  const Expr product =
      value(scaled_by(h.high, lower_tail(normal_tail(x), h.high, h, Care::plain, -1)));
  return fma(product, 1 / lift(x), max(x, 0.0));
}

// x itself is a factor no further than where the result is 0.
Expr times_normal_pdf(Expr x) {
  const Pair h = magnitude(x);
  const Expr end = number(x, pick(x, kTailEndF32, kTailEndF64));
  const Expr factor = min(max(x, -end), end);
  return lowered(value(scaled_by(factor, density(h, 1))));
}

// normal_cdf(x) + x normal_pdf(x): for x = -h it is s(h) times the exponential, for x = h the
// complement to 1. s is a constant and a small rest, and so is 1 + fall: only the constants'
// product with the power is rounded as a whole, and last.
Expr normal_cdf_plus_slope(Expr x, Expr, Pair) {
  const Pair h = magnitude(x);
  const Expr cell = fma(h.high, pick(x, kSlopeCellScaleF32, kSlopeCellScaleF64),
                        pick(x, kSlopeCellStartF32, kSlopeCellStartF64));
  const Expr index = to_bits(cell) >> (is_f64(x) ? kSlopeCellShiftF64 : kSlopeCellShiftF32);
  const Expr d = distance(
      h, look(index, "gelu_slope_centre", is_f64(x) ? Row(kSlopeCentreF64) : Row(kSlopeCentreF32)));
  const Coefficients s(index, "gelu_slope_", is_f64(x) ? rows_of(kSlopeF64) : rows_of(kSlopeF32));
  const Expr slope = s.horner(d, 1);  // s = s[0] + d slope

  const Expr steps = steps_in(h.high * h.high, number(x, pick(x, kMagicF32, kMagicF64)));
  const Expr square =
      reduced_square(h.high, h, steps, number(x, pick(x, kNoWholeF32, kNoWholeF64)));
  const Exponential e = exponential(square, steps, 1);
  const Expr small = fma(d, slope, e.fall * fma(d, slope, s[0]));
  const Expr lower = lowered(fma(e.power, s[0], e.power * small));
  return select(x > number(x, 0), 1.0 - lower, lower);
}

}  // namespace sluice::numerics
