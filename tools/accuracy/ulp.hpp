// Errors in units of the last place of the result's type.
//
// The ulp is that of the true value, or of the largest term under @terms, and never below the
// spacing of the denormals. A result of inf counts as the first power of two beyond the largest
// number; NaN against a number, or the wrong infinity, is an infinite error.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include <sluice/dtype.hpp>

#include "tools/accuracy/reference.hpp"

namespace sluice::accuracy {

struct Format {
  int mantissa_bits;  // with the leading one
  int least_exponent;
  int greatest_exponent;  // numbers are below 2^(this + 1)
};
// Of a floating-point type.
inline Format format_of(Dtype dtype) {
  if (dtype == Dtype::f16) return {11, -14, 15};
  if (dtype == Dtype::bf16) return {8, -126, 127};
  return dtype == Dtype::f32 ? Format{24, -126, 127} : Format{53, -1022, 1023};
}

// 2^exponent and the exponent of x != 0, from a double's bits where they say it: this is done at
// every point, and ldexp and ilogb of long doubles take longer than many a function.
inline long double power_of_two(int exponent) {
  if (exponent < -1022 || exponent > 1023) return std::ldexp(1.0L, exponent);
  return std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
}
inline int exponent_of(double x) {
  if (!std::isnormal(x)) return std::ilogb(x);
  return static_cast<int>(std::bit_cast<std::uint64_t>(x) >> 52 & 0x7ff) - 1023;
}
inline int exponent_of(long double x) { return std::ilogb(x); }

// The ulp of a number is 2 to this.
template <typename T>
int ulp_exponent(const Format& format, T truth) {
  const int exponent =
      truth == 0 ? format.least_exponent
                 : std::clamp(exponent_of(truth), format.least_exponent, format.greatest_exponent);
  return exponent - format.mantissa_bits + 1;
}
inline long double ulp_of(const Format& format, long double truth) {
  return power_of_two(ulp_exponent(format, truth));
}

// The measured error, and how far it may be off by the reference's own.
struct UlpError {
  double ulps = 0;
  double margin = 0;
};

// In T, which holds all of these exactly.
template <typename T>
UlpError distance_in_ulps(const Format& format, T got, T truth, T largest_term, T error) {
  const T beyond = static_cast<T>(power_of_two(format.greatest_exponent + 1));
  const auto within = [&](T x) { return x > beyond ? beyond : x < -beyond ? -beyond : x; };
  const T term = within(std::max(std::abs(truth), largest_term));
  const T per_ulp = static_cast<T>(power_of_two(-ulp_exponent(format, term)));
  const T distance = std::abs(within(got) - within(truth)) * per_ulp;
  // A truth that is beyond for certain counts as one number.
  const bool is_beyond = std::abs(truth) - error >= beyond;
  return {static_cast<double>(distance), is_beyond ? 0 : static_cast<double>(error * per_ulp)};
}

inline UlpError error_in_ulps(const Format& format, double got, const Estimate& truth) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  if (std::isnan(truth.value) || std::isnan(got))
    return {std::isnan(truth.value) && std::isnan(got) ? 0 : kInf, truth.error == 0 ? 0 : kInf};
  const auto value = static_cast<double>(truth.value);
  const bool is_double = static_cast<long double>(value) == truth.value;
  if (format.mantissa_bits > 24 || !is_double)
    return distance_in_ulps<long double>(format, got, truth.value, truth.largest_term, truth.error);
  return distance_in_ulps<double>(format, got, value, static_cast<double>(truth.largest_term),
                                  static_cast<double>(truth.error));
}

}  // namespace sluice::accuracy
