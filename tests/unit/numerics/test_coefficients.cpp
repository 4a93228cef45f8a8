// The committed coefficients keep the bounds that stand beside them: the polynomials' own errors,
// in long double, on a dense grid. (The bounds are Sollya's; see compiler/numerics/fit.)
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>

#include <catch2/catch.hpp>

#include "compiler/ir/meaning.hpp"

namespace sluice::numerics {
namespace {

// In namespaces of their own, as they share names.
namespace of_normal {
#include "compiler/numerics/coefficients_normal.inc"
}
namespace of_erfc {
#include "compiler/numerics/coefficients_erfc.inc"
}
#include "compiler/numerics/coefficients_cbrt.inc"
#include "compiler/numerics/coefficients_exp.inc"
#include "compiler/numerics/coefficients_exp2.inc"
#include "compiler/numerics/coefficients_exp_eighths.inc"
#include "compiler/numerics/coefficients_expm1.inc"
#include "compiler/numerics/coefficients_fast_exp.inc"
#include "compiler/numerics/coefficients_hyperbolic.inc"
#include "compiler/numerics/coefficients_inverse_trigonometric.inc"
#include "compiler/numerics/coefficients_log.inc"
#include "compiler/numerics/coefficients_pow.inc"
#include "compiler/numerics/coefficients_rsqrt.inc"
#include "compiler/numerics/coefficients_softplus.inc"
#include "compiler/numerics/coefficients_tanh.inc"
#include "compiler/numerics/coefficients_trigonometric.inc"

using Real = long double;

// As in fast_tables.cpp.
struct Cells {
  double scale, start, end;
  int shift;
};
#include "compiler/numerics/coefficients_fast_tables.inc"

Real evaluate(std::span<const double> coefficients, Real x) {
  Real sum = 0;
  for (std::size_t i = coefficients.size(); i-- > 0;) sum = sum * x + coefficients[i];
  return sum;
}

// log2 of the largest |error| on [low, high], which must be a little apart from the zeros of what
// the error is relative to.
template <typename Error>
double bound(Real low, Real high, Error error) {
  constexpr int kSteps = 20011;
  Real worst = 0;
  for (int i = 0; i <= kSteps; ++i) {
    const Real x = low + (high - low) * i / kSteps;
    worst = std::max(worst, std::abs(error(x)));
  }
  return static_cast<double>(std::log2(worst));
}

double of_expm1(std::span<const double> coefficients) {
  // The constant term is 1, and e^r - 1 what the bound is of.
  return bound(-0.3475L, 0.3475L, [&](Real r) {
    return r * evaluate(coefficients.subspan(1), r) / std::expm1(r) - 1;
  });
}

double of_exp2(std::span<const double> coefficients) {
  return bound(-0.5L, 0.5L, [&](Real r) { return evaluate(coefficients, r) / std::exp2(r) - 1; });
}

double of_log1p(std::span<const double> coefficients) {
  return bound(0.01L, 1, [&](Real q) {
    const Real sum = q - q * q / 2 + q * q * q * evaluate(coefficients, q - 0.5L);
    return sum / std::log1p(q) - 1;
  });
}

// log_b(1 + r), of which a linear part is applied apart.
double of_reduced_log(std::span<const double> coefficients, Real linear, Real ln_b, Real low,
                      Real high) {
  return bound(low, high, [&](Real r) {
    if (r == 0) return Real{0};
    return (evaluate(coefficients, r) + linear * r) / (std::log1p(r) / ln_b) - 1;
  });
}

// f(t) = t + t^3 Q(t^2).
double of_odd(std::span<const double> coefficients, Real high, Real (*f)(Real)) {
  return bound(0x1p-15L, high,
               [&](Real t) { return (t + t * t * t * evaluate(coefficients, t * t)) / f(t) - 1; });
}

double of_cos(std::span<const double> coefficients) {
  return bound(0, 0.836L, [&](Real r) {
    const Real z = r * r;
    return (1 - z / 2 + z * z * evaluate(coefficients, z)) / std::cos(r) - 1;
  });
}

// log2(1 + r): leading terms of two words each, and the rest.
template <std::size_t kCount>
double of_pow(std::span<const double> coefficients, const double (&leading)[kCount][2]) {
  const Real ln_2 = std::log(2.0L);
  return bound(-0.0666L, 0.1251L, [&](Real r) {
    if (std::abs(r) < 0x1p-20L) return Real{0};
    Real sum = evaluate(coefficients, r);
    for (std::size_t j = kCount; j-- > 0;) sum = sum * r + (Real{leading[j][0]} + leading[j][1]);
    return r * sum / (std::log1p(r) / ln_2) - 1;
  });
}

double of_pow_table(const double (&table)[3][8]) {
  Real worst = 0;
  for (int i = 0; i < 8; ++i)
    worst = std::max(worst, std::abs(std::log2(Real{table[0][i]}) + table[1][i] + table[2][i]));
  return static_cast<double>(std::log2(worst));
}

// The words of 2^(group j) 2/pi make the cosines of 2^e, up to the exponents of one group.
template <std::size_t kCount>
double of_words(const double (&table)[kCount][8], int group) {
  Real worst = 0;
  for (int e = 0; e < 8 * group; ++e) {
    Real quarters = 0;
    for (std::size_t i = kCount; i-- > 0;)
      quarters += std::fmod(std::ldexp(Real{table[i][e / group]}, e % group), 4.0L);
    const Real angle = std::fmod(quarters, 4.0L) * std::acos(0.0L);
    worst = std::max(worst, std::abs(std::cos(angle) - std::cos(std::ldexp(1.0L, e))));
  }
  return static_cast<double>(std::log2(worst));
}

// The error of T = -log_b i.
double of_table(const double (&table)[2][8], Real ln_b) {
  Real worst = 0;
  for (int i = 0; i < 8; ++i)
    worst = std::max(worst, std::abs(table[1][i] + std::log(Real{table[0][i]}) / ln_b));
  return static_cast<double>(std::log2(worst));
}

// C^3 i = 1, and the root of 1 + r.
template <std::size_t Thirds, std::size_t Length>
void check_cbrt(const double (&eighths)[2][8], const double (&thirds)[2][Thirds],
                const double (&q)[Length], double table, double power) {
  for (int j = 0; j < 8; ++j) {
    const Real c = eighths[1][j];
    CHECK(std::abs(c * c * c * eighths[0][j] - 1) < std::exp2(table));
  }
  for (int s = -1; s <= 2; ++s)
    CHECK(std::abs(Real{thirds[0][s & 3]} + thirds[1][s & 3] - std::cbrt(std::exp2(Real(s)))) <
          0x1p-62L);
  CHECK(bound(-0.067L, 0.067L,
              [&](Real r) { return (1 + r * evaluate(q, r)) / std::cbrt(1 + r) - 1; }) < power);
}

// A root of 1 - r.
template <std::size_t Length>
double of_rsqrt(const double (&p)[Length]) {
  return bound(-0.0695L, 0.0695L,
               [&](Real r) { return (1 + r * evaluate(p, r)) * std::sqrt(1 - r) - 1; });
}

// erfc as the tail computes it: a power of two of 2 h^2 + mu, mu by the interval.
template <typename Value>
double of_erfc_tail(Real end, Value value) {
  return bound(0, end, [&](Real h) { return value(h) / std::erfc(h) - 1; });
}

template <std::size_t Rows, std::size_t Count>
Real mu_at(Real h, std::size_t index, const double (&centre)[Count],
           const double (&mu)[Rows][Count], Real whole) {
  Real sum = 0;
  for (std::size_t i = Rows; i-- > 0;) sum = sum * (h - centre[index]) + mu[i][index];
  return sum + whole;
}

// The polynomial that a table of the grades has for h.
template <std::size_t Rows, std::size_t Columns>
Real of_cells(Real h, const Cells& cells, const double (&rows)[Rows][Columns]) {
  const auto v = static_cast<float>(h * cells.scale + cells.start);
  std::uint32_t bits = 0;
  std::memcpy(&bits, &v, sizeof bits);
  const std::size_t index = (bits >> cells.shift) % Columns;
  Real sum = 0;
  for (std::size_t i = Rows; i-- > 0;) sum = sum * h + rows[i][index];
  return sum;
}

Real normal_tail(Real h) { return std::erfc(h / std::sqrt(2.0L)) / 2; }

template <std::size_t Rows, std::size_t Columns>
double of_fall(const Cells& cells, const double (&rows)[Rows][Columns]) {
  return bound(0, cells.end,
               [&](Real h) { return of_cells(h, cells, rows) + std::log2(normal_tail(h)); });
}

template <std::size_t Rows, std::size_t Columns>
double of_slope(const Cells& cells, const double (&rows)[Rows][Columns]) {
  return bound(0, cells.end, [&](Real h) {
    const Real density = std::exp(-h * h / 2) / std::sqrt(2 * std::acos(-1.0L));
    const Real slope = (normal_tail(h) - h * density) / std::exp(-h * h / 2);
    return of_cells(h, cells, rows) - slope;
  });
}

template <std::size_t Rows, std::size_t Columns, typename F>
double of_odd(const Cells& cells, const double (&rows)[Rows][Columns], F f) {
  return bound(1e-9L, cells.end, [&](Real h) { return of_cells(h, cells, rows) * h / f(h) - 1; });
}

}  // namespace

TEST_CASE("coefficients for the grades of accuracy", "[numerics]") {
  const auto exp2 = [](std::span<const double> c) {
    return bound(-0.5005L, 0.5005L, [&](Real s) { return evaluate(c, s) / std::exp2(-s) - 1; });
  };
  CHECK(exp2(kFastExp2Degree2) < -9.1);
  CHECK(exp2(kFastExp2Degree3) < -13.7);
  CHECK(exp2(kFastExp2Degree4) < -18.5);
  CHECK(exp2(kFastExp2Degree5) < -22.9);
  const auto less_1 = [](std::span<const double> c) {
    const Real ln2 = std::log(2.0L);
    return bound(0x1p-30L, 0.5005L, [&](Real s) {
      return std::max(std::abs(evaluate(c, s) * s / std::expm1(-s * ln2) - 1),
                      std::abs(evaluate(c, -s) * -s / std::expm1(s * ln2) - 1));
    });
  };
  CHECK(less_1(kFastExp2Less1Degree3) < -16.0);
  CHECK(less_1(kFastExp2Less1Degree4) < -21.0);
  const auto log1p = [](std::span<const double> c) {
    return bound(0x1p-30L, 1, [&](Real q) { return evaluate(c, q) * q / std::log1p(q) - 1; });
  };
  CHECK(log1p(kFastLog1pDegree3) < -11.3);
  CHECK(log1p(kFastLog1pDegree5) < -16.8);
  CHECK(log1p(kFastLog1pDegree6) < -19.5);
  CHECK(of_fall(kFastTailDegree2Cells, kFastTailDegree2) < -9.6);
  CHECK(of_fall(kFastTailDegree3Cells, kFastTailDegree3) < -13.3);
  CHECK(of_slope(kFastSlopeDegree3Cells, kFastSlopeDegree3) < -14.6);
  CHECK(of_slope(kFastSlopeDegree4Cells, kFastSlopeDegree4) < -18.3);
  const auto tanh = [](Real x) { return std::tanh(x); };
  const auto erf = [](Real x) { return std::erf(x); };
  CHECK(of_odd(kFastTanhDegree2Cells, kFastTanhDegree2, tanh) < -10.6);
  CHECK(of_odd(kFastTanhDegree3Cells, kFastTanhDegree3, tanh) < -14.2);
  CHECK(of_odd(kFastErfDegree2Cells, kFastErfDegree2, erf) < -11.9);
  CHECK(of_odd(kFastErfDegree3Cells, kFastErfDegree3, erf) < -15.8);
  CHECK(of_fall(kFineTailDegree4Cells, kFineTailDegree4) < -17.6);
  CHECK(of_fall(kFineTailDegree5Cells, kFineTailDegree5) < -17.6);
  CHECK(of_slope(kFineSlopeDegree5Cells, kFineSlopeDegree5) < -21.4);
  CHECK(of_odd(kFineTanhDegree3Cells, kFineTanhDegree3, tanh) < -17.7);
  CHECK(of_odd(kFineErfDegree3Cells, kFineErfDegree3, erf) < -18.4);
}

TEST_CASE("coefficients of cbrt", "[numerics]") {
  check_cbrt(kEighthsF32, kThirdsF32, kCbrtF32, -27, -31.7);
  check_cbrt(kEighthsF64, kThirdsF64, kCbrtF64, -58, -58.3);
}

TEST_CASE("coefficients of erfc", "[numerics]") {
  // mu leaves T 2^-(2 h^2 + mu) / (8 step) to be the tail; T is the first power.
  const auto f32 = [](Real h) {
    const auto v = static_cast<float>(h * of_erfc::kErfcCellScaleF32 + of_erfc::kErfcCellStartF32);
    std::uint32_t bits = 0;
    std::memcpy(&bits, &v, sizeof bits);
    const std::size_t index = (bits >> of_erfc::kErfcCellShiftF32) % 8;
    const Real whole =
        of_erfc::kErfcWholeF32[index] + Real{of_normal::kMagicF32} * of_normal::kStepF32;
    const Real mu = mu_at(h, index, of_erfc::kErfcCentreF32, of_erfc::kErfcMuF32, whole);
    return 2 * of_normal::kPowerF32[0] * std::exp2(-(2 * h * h + mu) / (8 * of_normal::kStepF32));
  };
  CHECK(of_erfc_tail(of_erfc::kErfcEndF32, f32) < -29.2);
  const auto f64 = [](Real h) {
    const auto v = static_cast<double>(h * of_erfc::kErfcCellScaleF64 + of_erfc::kErfcCellStartF64);
    std::uint64_t bits = 0;
    std::memcpy(&bits, &v, sizeof bits);
    const std::size_t index = (bits >> of_erfc::kErfcCellShiftF64) % 32;
    const Real whole =
        of_erfc::kErfcWholeF64[index] + Real{of_normal::kMagicF64} * of_normal::kStepF64;
    const Real mu = mu_at(h, index, of_erfc::kErfcCentreF64, of_erfc::kErfcMuF64, whole);
    return 2 * of_normal::kPowerF64[0] * std::exp2(-(2 * h * h + mu) / (8 * of_normal::kStepF64));
  };
  // At the far end long double has 2^-53 to say about an exponent of 1090.
  CHECK(of_erfc_tail(6, f64) < -56);
}

TEST_CASE("coefficients of rsqrt", "[numerics]") {
  CHECK(of_rsqrt(kRsqrtF32) < -29.1);
  CHECK(of_rsqrt(kRsqrtF64) < -58.6);
}

TEST_CASE("coefficients of the exponentials", "[numerics]") {
  CHECK(of_expm1(kExpF32) < -26.0);
  CHECK(of_expm1(kExpF64) < -55.5);
  CHECK(of_exp2(kExp2F32) < -27.9);
  CHECK(of_exp2(kExp2F64) < -57.4);
  CHECK(of_expm1(kExpm1F32) < -28.0);
  CHECK(of_expm1(kExpm1F64) < -60.0);
}

TEST_CASE("coefficients of the exponential by eighths", "[numerics]") {
  const auto c = static_cast<Real>(kExpEighthF32[0]);
  for (std::uint32_t j = 0; j < 8; ++j) {
    const auto bits = ir::meaning::to_bits(static_cast<float>(kExpEighthF32[j])) + (j << 20);
    const Real entry = ir::meaning::from_bits(bits);
    CHECK(std::abs(entry / (c * std::exp2(Real(j) / 8)) - 1) < 0x1p-27L);
  }
  CHECK(bound(-0.0434L, 0.0434L,
              [&](Real r) { return evaluate(kExpLessOneF32, r) - (std::exp(r) / c - 1); }) < -30.2);
}

TEST_CASE("coefficients of sinh and cosh", "[numerics]") {
  const auto of_sinh = [](std::span<const double> c) {
    return bound(0x1p-20L, 0.3475L,
                 [&](Real r) { return r * (1 + r * r * evaluate(c, r * r)) / std::sinh(r) - 1; });
  };
  const auto of_cosh = [](std::span<const double> c) {
    return bound(0, 0.3475L,
                 [&](Real r) { return (1 + r * r * evaluate(c, r * r)) / std::cosh(r) - 1; });
  };
  CHECK(of_sinh(kSinhF32) < -33.1);
  CHECK(of_sinh(kSinhF64) < -61);
  CHECK(of_cosh(kCoshF32) < -32.2);
  CHECK(of_cosh(kCoshF64) < -56.1);
}

TEST_CASE("coefficients of log(1 + q)", "[numerics]") {
  CHECK(of_log1p(kLog1pUnitF64) < -57.0);
  CHECK(of_reduced_log(kLog1pEighth, 0, 1, -0.051L, 0.2501L) < -28.4);
  CHECK(of_table(kLog1pEighths, 1) < -30);
}

TEST_CASE("coefficients of the logarithms", "[numerics]") {
  const Real ln_2 = std::log(2.0L);
  const Real ln_10 = std::log(10.0L);
  CHECK(of_reduced_log(kLogF32, 1, 1, -0.0626L, 0.1251L) < -28.3);
  CHECK(of_reduced_log(kLog2F32, 0x1.715476p+0L, ln_2, -0.0626L, 0.1251L) < -28.2);
  CHECK(of_reduced_log(kLog10F32, 0x1.bcb7b2p-2L, ln_10, -0.0626L, 0.1251L) < -28.2);
  CHECK(of_table(kLogOctave, 1) < -30);
  CHECK(of_table(kLog2Octave, ln_2) < -30);
  CHECK(of_table(kLog10Octave, ln_10) < -30);
}

TEST_CASE("coefficients of the trigonometric functions", "[numerics]") {
  const auto sin = [](Real t) { return std::sin(t); };
  CHECK(of_odd(kSinF32, 0.836L, sin) < -30.5);
  CHECK(of_odd(kSinF64, 0.836L, sin) < -60.5);
  CHECK(of_cos(kCosF32) < -28.6);
  CHECK(of_cos(kCosF64) < -58.6);
  CHECK(of_words(kTwoOverPiF32, 16) < -52);
  CHECK(of_words(kTwoOverPiF64, 128) < -60);
}

TEST_CASE("coefficients of the inverse trigonometric functions", "[numerics]") {
  const auto atan = [](Real t) { return std::atan(t); };
  const auto asin = [](Real t) { return std::asin(t); };
  CHECK(of_odd(kAtanF32, 1, atan) < -28.1);
  CHECK(of_odd(kAtanF64, 1, atan) < -57.6);
  CHECK(of_odd(kAsinF32, 0.5L, asin) < -30.2);
  CHECK(of_odd(kAsinF64, 0.5L, asin) < -58.0);
}

TEST_CASE("coefficients of pow", "[numerics]") {
  CHECK(of_pow(kPowF32, kPowLeadingF32) < -40.1);
  CHECK(of_pow(kPowF64, kPowLeadingF64) < -61);  // as far as long double sees; -71.1
  CHECK(of_pow_table(kPowOctaveF32) < -54);
  CHECK(of_pow_table(kPowOctaveF64) < -62);
}

TEST_CASE("coefficients of tanh", "[numerics]") {
  const double worst = bound(0x1p-20L, 9.03L, [](Real x) {
    const float shifted = static_cast<float>(x) + 0.625f;
    std::uint32_t bits = 0;
    std::memcpy(&bits, &shifted, sizeof bits);
    const std::size_t index = (bits >> 21) % 16;
    const Real r = x - kTanhF32[0][index];
    Real sum = 0;
    for (std::size_t i = 8; i-- > 1;) sum = sum * r + kTanhF32[i][index];
    return sum / std::tanh(x) - 1;
  });
  CHECK(worst < -28.0);
}

}  // namespace sluice::numerics
