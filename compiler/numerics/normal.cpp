// normal_cdf, normal_pdf, and x * normal_cdf(x) as one piece.
//
// With h = |x| all three are e^(-(h^2 + mu)/2) for some slow mu(h): for normal_pdf nearly a
// constant, for the tail normal_cdf(-h) about 2 log of Mills' ratio. So neither a quotient nor a
// product with a polynomial's value stands at the end, where it would cost an ulp: mu only moves
// the argument of the exponential, where its rounding errors count absolutely. h^2 never needs its
// low word either: fma(h, h, -N step) rounds once, after the steps are removed. The tables say the
// rest (fit/normal.py).
#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/numerics/functions.hpp"

namespace sluice::numerics {
namespace {

#include "compiler/numerics/coefficients_normal.inc"

using Row = std::span<const double>;

std::array<Row, std::size(kMuF32)> rows_f32() {
  std::array<Row, std::size(kMuF32)> rows;
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = kMuF32[i];
  return rows;
}
std::array<Row, std::size(kMuF64)> rows_f64() {
  std::array<Row, std::size(kMuF64)> rows;
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = kMuF64[i];
  return rows;
}

constexpr Polynomial kFall{kFallF32, kFallF64};

Row row(Expr like, Row f32, Row f64) { return is_f64(like) ? f64 : f32; }

Expr look(Expr index, const char* name, Row entries) {
  return lookup(index, name, std::vector<double>(entries.begin(), entries.end()));
}

// What a result is scaled up by, so that the power of two is a normal number throughout.
double lift(Expr like) { return pick(like, 0x1p40, 0x1p100); }

// e^(-(h^2 + mu)/2) times the lift is power * (1 + fall).
struct Tail {
  Expr power;
  Expr fall;
};

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
      entries.push_back(std::bit_cast<float>(bits));
    }
  }
  return entries;
}

Tail tail(Expr r, Expr steps, double sign) {
  const Expr index = to_bits(steps);
  const std::string name = sign < 0 ? "normal_power_negative" : "normal_power";
  const Expr power = lookup(index, name, powers(r, sign * lift(r)));
  return {from_bits(to_bits(power) + (index << (is_f64(r) ? 49 : 20))), r * horner(r, kFall)};
}

// |x|, no further than where the results are 0, and its low word.
Pair magnitude(Expr x, Expr low) {
  const Expr h = min(abs(x), pick(x, kTailEndF32, kTailEndF64));
  if (low.is_constant(0)) return {h, low};
  return {h, select(equal(abs(x), h), select(x < 0, -low, low), 0.0)};
}

// h^2 + 2 h low - N step + whole.
Expr reduced_square(Pair h, Expr steps, Expr whole) {
  const Expr square = fma(h.high, h.high, fma(steps, pick(steps, kStepF32, kStepF64), whole));
  return h.low.is_constant(0) ? square : fma(h.high + h.high, h.low, square);
}

Expr steps_in(Expr square, Expr magic_less) {
  return fma(square, pick(square, -1 / kStepF32, -1 / kStepF64), magic_less);
}

enum class Care { plain, more };

// normal_cdf(-h) for h >= 0. With more care mu's linear term, its largest, is added without a
// rounding of its own: normal_cdf needs it, x * normal_cdf(x) has room for the error.
Tail lower_tail(Pair h, Care care, double sign) {
  const Expr cell = fma(h.high, pick(h.high, kCellScaleF32, kCellScaleF64),
                        pick(h.high, kCellStartF32, kCellStartF64));
  const Expr index = to_bits(cell) >> (is_f64(cell) ? kCellShiftF64 : kCellShiftF32);
  const Expr from = h.high - look(index, "normal_centre", row(cell, kCentreF32, kCentreF64));
  const Expr d = h.low.is_constant(0) ? from : from + h.low;

  static const auto f32 = rows_f32();
  static const auto f64 = rows_f64();
  const std::span<const Row> mu = is_f64(d) ? std::span<const Row>(f64) : std::span<const Row>(f32);
  const auto coefficient = [&](std::size_t i) {
    return look(index, ("normal_mu_" + std::to_string(i)).c_str(), mu[i]);
  };
  Expr sum = coefficient(mu.size() - 1);
  for (std::size_t i = mu.size() - 2; i >= 2; --i) sum = fma(sum, d, coefficient(i));
  const Expr linear = coefficient(1);
  const Expr bent = fma(d, sum * d, coefficient(0));  // without the linear term
  const Expr all =
      care == Care::more ? fma(d, linear, bent) : fma(d, fma(sum, d, linear), coefficient(0));

  const Expr magic_less = look(index, "normal_magic_less", row(d, kMagicLessF32, kMagicLessF64));
  const Expr steps = steps_in(fma(h.high, h.high, all), magic_less);
  const Expr square =
      reduced_square(h, steps, look(index, "normal_whole", row(d, kWholeF32, kWholeF64)));
  const Expr r = care == Care::more ? fma(d, linear, square) + bent : square + all;
  return tail(r, steps, sign);
}

}  // namespace

Expr normal_cdf(Expr x, Expr low) {
  const Tail part = lower_tail(magnitude(x, low), Care::more, 1);
  const Expr lower = fma(part.power, part.fall, part.power) * (1 / lift(x));
  return select(x > number(x, 0), 1.0 - lower, lower);
}

Expr normal_pdf(Expr x, Expr low) {
  const Pair h = magnitude(x, low);
  const Expr square = h.high * h.high;
  const Expr mu = fma(square, pick(x, kDensitySlopeF32, kDensitySlopeF64),
                      pick(x, kDensityMuF32, kDensityMuF64));
  const Expr steps =
      steps_in(square + mu, number(x, pick(x, kDensityMagicLessF32, kDensityMagicLessF64)));
  const Expr whole = number(x, pick(x, kDensityWholeF32, kDensityWholeF64));
  const Tail part = tail(reduced_square(h, steps, whole) + mu, steps, 1);
  return fma(part.power, part.fall, part.power) * (1 / lift(x));
}

// max(x, 0) - |x| normal_cdf(-|x|): for negative x the second term alone, exact in its scaling
// down; for positive x its error hardly matters. The power is negative, which saves negating the
// product.
Expr times_normal_cdf(Expr x) {
  const Expr h = magnitude(x, number(x, 0)).high;
  const Tail part = lower_tail({h, number(x, 0)}, Care::plain, -1);
  const Expr power = h * part.power;
  return fma(fma(power, part.fall, power), 1 / lift(x), max(x, 0.0));
}

}  // namespace sluice::numerics
