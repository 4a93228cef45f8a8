// Errors in units of the last place of the result's type.
//
// The ulp is that of the true value, or of the largest term under @terms, and never below the
// spacing of the denormals. A result of inf counts as the first power of two beyond the largest
// number; NaN against a number, or the wrong infinity, is an infinite error.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "compiler/ir/op.hpp"
#include "tools/accuracy/reference.hpp"

namespace sluice::accuracy {

struct Format {
  int mantissa_bits;  // with the leading one
  int least_exponent;
  int greatest_exponent;  // numbers are below 2^(this + 1)
};
inline Format format_of(ir::Elem elem) {
  return elem == ir::Elem::f32 ? Format{24, -126, 127} : Format{53, -1022, 1023};
}

inline long double ulp_of(const Format& format, long double truth) {
  const int exponent =
      truth == 0 ? format.least_exponent
                 : std::clamp(std::ilogb(truth), format.least_exponent, format.greatest_exponent);
  return std::ldexp(1.0L, exponent - format.mantissa_bits + 1);
}

// The measured error, and how far it may be off by the reference's own.
struct UlpError {
  double ulps = 0;
  double margin = 0;
};

inline UlpError error_in_ulps(const Format& format, double got, const Estimate& truth) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const long double beyond = std::ldexp(1.0L, format.greatest_exponent + 1);
  if (std::isnan(truth.value) || std::isnan(got))
    return {std::isnan(truth.value) && std::isnan(got) ? 0 : kInf, 0};
  const auto within = [&](long double x) { return std::clamp(x, -beyond, beyond); };
  const long double ulp =
      ulp_of(format, within(std::max(std::abs(truth.value), truth.largest_term)));
  const long double error = std::abs(within(got) - within(truth.value)) / ulp;
  return {static_cast<double>(error), static_cast<double>(truth.error / ulp)};
}

}  // namespace sluice::accuracy
