// Defaults: evaluated in f64 when the text is read.
#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <string_view>

#include "dsl/constant.hpp"
#include "tests/unit/dsl/program_of.hpp"

namespace sluice::dsl {
namespace {

double value_of(std::string_view constant) {
  const Program program =
      test::program_of("fn f(x; a = 3, p = " + std::string(constant) + ") = x * a * p");
  return test::last(program).parameters[1].default_value;
}

TEST_CASE("defaults are arithmetic in f64", "[dsl]") {
  CHECK(value_of("1 + 2 * 3") == 7.0);
  CHECK(value_of("1 - 2 - 3") == -4.0);
  CHECK(value_of("-2^2") == -4.0);
  CHECK(value_of("2^3^2") == 512.0);
  CHECK(value_of("1 / 3") == 1.0 / 3.0);
  CHECK(value_of("a * (a + 1)") == 12.0);
  CHECK(value_of("-inf") == -std::numeric_limits<double>::infinity());
  CHECK(std::isnan(value_of("nan")));
  CHECK(value_of("pi") == std::numbers::pi);
  CHECK(value_of("e") == std::numbers::e);
  CHECK(std::signbit(value_of("-0.0")));
}

TEST_CASE("defaults may call elementary built-ins", "[dsl]") {
  const double x = 0.625;
  const auto of = [](std::string_view name) { return value_of(std::string(name) + "(0.625)"); };
  CHECK(of("sqrt") == Approx(std::sqrt(x)));
  CHECK(of("rsqrt") == Approx(1 / std::sqrt(x)));
  CHECK(of("exp") == Approx(std::exp(x)));
  CHECK(of("log1p") == Approx(std::log1p(x)));
  CHECK(of("erfc") == Approx(std::erfc(x)));
  CHECK(of("sigmoid") == Approx(1 / (1 + std::exp(-x))));
  CHECK(of("log_sigmoid") == Approx(std::log(1 / (1 + std::exp(-x)))));
  CHECK(of("log1p_exp") == Approx(std::log1p(std::exp(x))));
  CHECK(of("normal_cdf") == Approx(0.5 * (1 + std::erf(x / std::sqrt(2)))));
  CHECK(of("normal_pdf") == Approx(std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi)));
  CHECK(of("round") == 1.0);
  CHECK(of("trunc") == 0.0);
  CHECK(of("sign") == 1.0);
  CHECK(value_of("round(2.5)") == 2.0);
  CHECK(value_of("pow(2, 10)") == 1024.0);
  CHECK(value_of("fma(2, 3, 4)") == 10.0);
  CHECK(value_of("clamp(5, 0, 1)") == 1.0);
  CHECK(value_of("min(1, 2) + max(1, 2)") == 3.0);
}

TEST_CASE("a default may use what is before it, not what is after", "[dsl]") {
  CHECK(test::errors_of("fn f(x; a = 1, b = a + 1) = x * a * b").empty());
  CHECK_FALSE(test::errors_of("fn f(x; a = b, b = 1) = x * a * b").empty());
}

TEST_CASE("a hidden built-in cannot be called in a default", "[dsl]") {
  CHECK_FALSE(test::errors_of("fn exp(x) = x\nfn f(x; a = exp(1)) = x * a").empty());
}

}  // namespace
}  // namespace sluice::dsl
