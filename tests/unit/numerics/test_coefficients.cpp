// The committed coefficients keep the bounds that stand beside them: the polynomials' own errors,
// in long double, on a dense grid. (The bounds are Sollya's; see compiler/numerics/fit.)
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>

#include <catch2/catch.hpp>

namespace sluice::numerics {
namespace {

#include "compiler/numerics/coefficients_exp.inc"
#include "compiler/numerics/coefficients_exp2.inc"
#include "compiler/numerics/coefficients_expm1.inc"
#include "compiler/numerics/coefficients_log.inc"
#include "compiler/numerics/coefficients_softplus.inc"
#include "compiler/numerics/coefficients_tanh.inc"

using Real = long double;

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

// The error of T = -log_b i.
double of_table(const double (&table)[2][8], Real ln_b) {
  Real worst = 0;
  for (int i = 0; i < 8; ++i)
    worst = std::max(worst, std::abs(table[1][i] + std::log(Real{table[0][i]}) / ln_b));
  return static_cast<double>(std::log2(worst));
}

}  // namespace

TEST_CASE("coefficients of the exponentials", "[numerics]") {
  CHECK(of_expm1(kExpF32) < -26.0);
  CHECK(of_expm1(kExpF64) < -55.5);
  CHECK(of_exp2(kExp2F32) < -27.9);
  CHECK(of_exp2(kExp2F64) < -57.4);
  CHECK(of_expm1(kExpm1F32) < -28.0);
  CHECK(of_expm1(kExpm1F64) < -60.0);
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
