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
  CHECK(of_log1p(kLog1pUnitF32) < -28.8);
  CHECK(of_log1p(kLog1pUnitF64) < -57.0);
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
