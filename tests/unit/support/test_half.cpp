// Conversions of the 16-bit types, against rounding by comparison with both neighbours.
#include <catch2/catch.hpp>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>

#include "support/half.hpp"

namespace sluice {
namespace {

template <typename Half>
Half of_bits(std::uint32_t bits) {
  Half half;
  half.bits = static_cast<std::uint16_t>(bits);
  return half;
}

// The format's numbers in order are the bit patterns in order, and so is the first number that is
// too large, whose place infinity has.
template <typename Half>
double magnitude(std::uint32_t bits, std::uint32_t infinity) {
  if (bits == infinity)
    return 2 * static_cast<double>(float{of_bits<Half>(bits - 1)}) -
           static_cast<double>(float{of_bits<Half>(bits - 2)});
  return static_cast<double>(float{of_bits<Half>(bits)});
}

template <typename Half>
std::uint32_t nearest(double a, std::uint32_t infinity) {
  std::uint32_t low = 0;
  std::uint32_t high = infinity;
  while (low + 1 < high) {
    const std::uint32_t middle = (low + high) / 2;
    (magnitude<Half>(middle, infinity) <= std::abs(a) ? low : high) = middle;
  }
  const double below = std::abs(a) - magnitude<Half>(low, infinity);
  const double above = magnitude<Half>(high, infinity) - std::abs(a);
  const std::uint32_t found = below < above || (below == above && low % 2 == 0) ? low : high;
  return found | (std::signbit(a) ? 0x8000u : 0);
}

template <typename Half>
void check(std::uint32_t infinity, int digits, int least) {
  // Every number of the format, its denormals included, comes back.
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Half half = of_bits<Half>(bits);
    const float value = half;
    if ((bits & 0x7fffu) > infinity) {
      REQUIRE(std::isnan(value));
      REQUIRE((Half(value).bits & 0x7fffu) > infinity);
      continue;
    }
    REQUIRE(Half(value).bits == bits);
    REQUIRE(Half(static_cast<double>(value)).bits == bits);
    if ((bits & 0x7fffu) >= infinity) continue;
    const std::uint32_t in_binade = bits & ((1u << (digits - 1)) - 1);
    const int exponent = static_cast<int>((bits & 0x7fffu) >> (digits - 1));
    const double expected =
        exponent == 0 ? std::ldexp(in_binade, least)
                      : std::ldexp(in_binade + (1u << (digits - 1)), least + exponent - 1);
    REQUIRE(std::abs(static_cast<double>(value)) == expected);
    REQUIRE(std::signbit(value) == (bits >= 0x8000));
  }
  // What lies between them, midpoints above all.
  std::mt19937_64 random(5);
  for (int i = 0; i < 200'000; ++i) {
    const std::uint32_t bits = static_cast<std::uint32_t>(random() % infinity);
    const double low = magnitude<Half>(bits, infinity);
    const double middle = (low + magnitude<Half>(bits + 1, infinity)) / 2;
    const double sign = random() % 2 == 0 ? 1 : -1;
    const auto between =
        static_cast<float>(low + (middle - low) * 2 * std::ldexp(random() % 4096, -12));
    for (const float a :
         {static_cast<float>(middle), std::nextafter(static_cast<float>(middle), 0.0f), between})
      REQUIRE(Half(static_cast<float>(sign) * a).bits ==
              nearest<Half>(sign * static_cast<double>(a), infinity));
    for (const double a : {middle, std::nextafter(middle, 0.0), std::nextafter(middle, 1e300)})
      REQUIRE(Half(sign * a).bits == nearest<Half>(sign * a, infinity));
  }
  for (const float a :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::max()}) {
    CHECK(Half(a).bits == infinity);
    CHECK(Half(-a).bits == (infinity | 0x8000));
  }
  CHECK(Half(1e300).bits == infinity);
}

}  // namespace

TEST_CASE("f16 rounds once, to nearest even", "[support]") { check<F16>(0x7c00, 11, -24); }
TEST_CASE("bf16 rounds once, to nearest even", "[support]") { check<BF16>(0x7f80, 8, -133); }

}  // namespace sluice
