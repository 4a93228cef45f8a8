// The first level of a reference: a number of the machine and a bound on its error.
//
// Each operation adds its own rounding to what its operands bring. The mathematical library is
// trusted to some ulps (kLibrary), which is far below what is measured with it: f32 results against
// double, f64 results against long double. An infinite number with an error of 0 stands for any
// truth of its sign beyond kHuge. A bound that is not finite, or not a small part of the number,
// says nothing: the second level then decides.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

#include "tools/accuracy/functions.hpp"
#include "tools/accuracy/order.hpp"

namespace sluice::accuracy {

template <typename T>
struct Bounded {
  T value = 0;
  T error = 0;

  Bounded() = default;
  explicit Bounded(double exact) : value(static_cast<T>(exact)) {}
  Bounded(T v, T e) : value(v), error(e) {}
};

template <typename T>
inline constexpr T kEpsilon = std::numeric_limits<T>::epsilon();  // an ulp of 1
template <typename T>
inline constexpr T kLibrary = 8 * kEpsilon<T>;
// More than underflow may lose, and far less than a result can show. Its square is no denormal
// number, for with those a processor takes a hundred times as long.
template <typename T>
inline constexpr T kTiny = T{0x1p-500};
template <>
inline constexpr long double kTiny<long double> = 0x1p-8000L;

template <typename T>
inline constexpr T kHuge = std::numeric_limits<T>::max() / 4;

// A sum or product, rounded: `carried` is what the operands' errors do to it.
template <typename T>
Bounded<T> rounded_result(T value, T carried) {
  if (std::isinf(value) && carried < kHuge<T>) return {value, 0};
  return {value, carried * (1 + 8 * kEpsilon<T>)+std::abs(value) * kEpsilon<T> + kTiny<T>};
}

// By the two-sum of Knuth, so that constants which cancel leave nothing.
template <typename T>
Bounded<T> sum_of(const Bounded<T>& a, const Bounded<T>& b) {
  const T sum = a.value + b.value;
  if (a.error == 0 && b.error == 0) {
    const T part = sum - a.value;
    if ((a.value - (sum - part)) + (b.value - part) == 0) return {sum, 0};
  }
  return rounded_result(sum, a.error + b.error);
}
template <typename T>
Bounded<T> operator+(const Bounded<T>& a, const Bounded<T>& b) {
  return sum_of(a, b);
}
template <typename T>
Bounded<T> operator-(const Bounded<T>& a, const Bounded<T>& b) {
  return sum_of(a, Bounded<T>{-b.value, b.error});
}
template <typename T>
Bounded<T> operator*(const Bounded<T>& a, const Bounded<T>& b) {
  T carried = 0;
  if (std::isinf(a.value) || std::isinf(b.value)) {
    // A factor of 1/16 may take a little of what kHuge is above all results.
    const auto grows = [](const Bounded<T>& x) { return std::abs(x.value) - x.error >= 0.0625; };
    if (!grows(a) || !grows(b)) carried = std::numeric_limits<T>::infinity();
  } else if (a.error != 0 || b.error != 0) {
    carried = std::abs(a.value) * b.error + std::abs(b.value) * a.error + a.error * b.error;
  }
  const T product = a.value * b.value;
  const bool exact = a.error == 0 && b.error == 0 && std::abs(product) > kTiny<T> &&
                     std::fma(a.value, b.value, -product) == 0;
  return exact ? Bounded<T>{product, 0} : rounded_result(product, carried);
}
template <typename T>
Bounded<T> operator/(const Bounded<T>& a, const Bounded<T>& b) {
  T carried = 0;
  if (std::isinf(b.value)) {
    carried = (std::abs(a.value) + a.error) / kHuge<T>;
  } else if (std::isinf(a.value)) {
    if (std::abs(b.value) + b.error > 1) carried = std::numeric_limits<T>::infinity();
  } else if (a.error != 0 || b.error != 0) {
    const T least = std::abs(b.value) - b.error;
    carried = least > 0 ? (a.error + std::abs(a.value / b.value) * b.error) / least
                        : std::numeric_limits<T>::infinity();
  }
  return rounded_result(a.value / b.value, carried);
}
template <typename T>
Bounded<T> operator-(const Bounded<T>& a) {
  return {-a.value, a.error};
}

template <typename T>
Order compare(const Bounded<T>& a, const Bounded<T>& b) {
  if (std::isnan(a.value) || std::isnan(b.value)) return Order::unordered;
  if (std::isinf(a.value) && a.value == b.value) return Order::unknown;
  const T error = a.error + b.error;
  if (error != 0 && !(std::abs(a.value - b.value) > error)) return Order::unknown;
  if (a.value < b.value) return Order::less;
  return a.value > b.value ? Order::greater : Order::equal;
}
template <typename T>
Bounded<T> magnitude(const Bounded<T>& a) {
  return {std::abs(a.value), a.error};
}
template <typename T>
bool is_infinite(const Bounded<T>& a) {
  return std::isinf(a.value);
}

// f(a) by the machine's own functions.
template <typename T>
T plain(Function function, T a) {
  switch (function) {
    case Function::sqrt: return std::sqrt(a);
    case Function::rsqrt: return 1 / std::sqrt(a);
    case Function::cbrt: return std::cbrt(a);
    case Function::exp: return std::exp(a);
    case Function::exp2: return std::exp2(a);
    case Function::expm1: return std::expm1(a);
    case Function::log: return std::log(a);
    case Function::log2: return std::log2(a);
    case Function::log10: return std::log10(a);
    case Function::log1p: return std::log1p(a);
    case Function::sin: return std::sin(a);
    case Function::cos: return std::cos(a);
    case Function::tan: return std::tan(a);
    case Function::asin: return std::asin(a);
    case Function::acos: return std::acos(a);
    case Function::atan: return std::atan(a);
    case Function::sinh: return std::sinh(a);
    case Function::cosh: return std::cosh(a);
    case Function::tanh: return std::tanh(a);
    case Function::asinh: return std::asinh(a);
    case Function::acosh: return std::acosh(a);
    case Function::atanh: return std::atanh(a);
    case Function::erf: return std::erf(a);
    case Function::erfc: return std::erfc(a);
    case Function::sigmoid: {
      const T e = std::exp(-std::abs(a));
      return (std::signbit(a) ? e : T{1}) / (1 + e);
    }
    case Function::log_sigmoid: return -plain(Function::log1p_exp, -a);
    case Function::log1p_exp: return (a > 0 ? a : T{0}) + std::log1p(std::exp(-std::abs(a)));
    case Function::normal_cdf: {
      // What rounding takes from the argument, times the slope.
      const T root = std::sqrt(T{2});
      const T root_low = std::fma(-root, root, T{2}) / (2 * root);
      const T u = -a / root;
      const T u_low = (std::fma(-u, root, -a) - u * root_low) / root;
      const T value = std::erfc(u) / 2;
      return value == 0 || value == 1 ? value
                                      : value - u_low * plain(Function::normal_pdf, a) * root;
    }
    case Function::normal_pdf: {
      const T square = a * a;
      const T value =
          std::exp(-square / 2) * (std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>);
      return value == 0 ? value : value - value * (std::fma(a, a, -square) / 2);
    }
  }
  return a;
}

// How a function goes between neighbouring arguments: enough to bound it between two of them.
enum class Course : std::uint8_t { monotonic, even, waving };
inline Course course_of(Function function) {
  switch (function) {
    case Function::cosh:
    case Function::normal_pdf: return Course::even;  // and monotonic on either side
    case Function::sin:
    case Function::cos:
    case Function::tan: return Course::waving;
    default: return Course::monotonic;
  }
}

// Whether f(x) at all x beyond kHuge is f(inf), or infinite, to kTiny.
inline bool settled_at_infinity(Function function) {
  switch (function) {
    case Function::sqrt:
    case Function::rsqrt:
    case Function::cbrt:
    case Function::log:
    case Function::log2:
    case Function::log10:
    case Function::log1p:
    case Function::asinh:
    case Function::acosh: return false;
    default: return course_of(function) != Course::waving;
  }
}

// No less than |f'(a)|, where that is cheap: y = f(a).
template <typename T>
T steepest(Function function, T a, T y) {
  const auto exact = [&] {
    return std::abs(slope(function, Bounded<T>{a, 0}, Bounded<T>{y, 0}).value);
  };
  switch (function) {
    case Function::exp:
    case Function::exp2: return std::abs(y);
    case Function::log1p_exp: return std::min(T{1}, std::abs(y));
    case Function::expm1: return std::abs(y) + 1;
    case Function::sin:
    case Function::cos: return 1;
    case Function::log: return 1 / std::abs(a);
    // These level off, and only the slope itself says how far.
    case Function::tanh: return std::abs(a) < 8 ? T{1} : exact();
    case Function::sigmoid: return a < 8 ? y : exact();
    case Function::normal_cdf: return a < 8 ? y * (std::abs(a) + 1) : exact();  // Mills' ratio
    default: return exact();
  }
}

// What an error of the argument does to f(a): by the slope, which stands for all slopes within the
// error where that is a small part of a, or else by the values at both ends.
template <typename T>
T carried_by(Function function, const Bounded<T>& a, T value) {
  if (a.error < T{1e-6} * std::min(T{1}, std::abs(a.value)))
    return 2 * a.error * steepest(function, a.value, value);
  const Course course = course_of(function);
  if (course == Course::waving) return std::numeric_limits<T>::infinity();
  const T centre = course == Course::even ? std::abs(a.value) : a.value;
  const T low = course == Course::even ? std::max(T{0}, centre - a.error) : centre - a.error;
  T off = 0;
  for (const T x : {low, centre + a.error}) {
    const T end = plain(function, x);
    if (end == value) continue;
    const T here = std::abs(end - value) + std::abs(end) * kLibrary<T>;
    if (!(here <= off)) off = here;  // NaN too
  }
  return off;
}

template <typename T>
Bounded<T> apply(Function function, const Bounded<T>& a) {
  const T value = plain(function, a.value);
  constexpr T kUnknown = std::numeric_limits<T>::infinity();
  if (std::isinf(a.value) && !settled_at_infinity(function)) return {value, kUnknown};
  const T carried = a.error == 0 ? T{0} : carried_by(function, a, value);
  if (std::isinf(value)) return {value, carried == 0 ? T{0} : kUnknown};
  // NaN - NaN and the like: the second level tells NaN from numbers.
  T error = kTiny<T> + carried;
  if (value != 0) error += std::abs(value) * kLibrary<T>;
  return {value, error};
}

// 1 + tanh(a), 1 - tanh(a) and the same of erf, where the sum as it stands may cancel.
template <typename T>
Bounded<T> one_and(Function function, bool minus, const Bounded<T>& a, const Bounded<T>& sum) {
  if (std::abs(sum.value) > T{0.5} || std::isnan(sum.value)) return sum;
  const Bounded<T> x = minus ? a : -a;
  if (function == Function::erf) return apply(Function::erfc, x);
  return Bounded<T>(2.0) * apply(Function::sigmoid, -(x + x));
}

// The base to a power; the exponent's and the base's errors through the logarithm. Of a base below
// 0, unknown where the exponent is: whether it is an integer, and odd, is all that the sign says.
template <typename T>
Bounded<T> power(const Bounded<T>& base, const Bounded<T>& exponent) {
  const T value = std::pow(base.value, exponent.value);
  if (exponent.error != 0 && base.value - base.error < 0)
    return {value, std::numeric_limits<T>::infinity()};
  if (std::isinf(value) && base.error == 0 && exponent.error == 0 && std::isfinite(base.value) &&
      std::isfinite(exponent.value))
    return {value, 0};
  T error = std::abs(value) * kLibrary<T> + kTiny<T>;
  if (base.error != 0 || exponent.error != 0)
    error += 2 * std::abs(value) *
             (std::abs(exponent.value) * base.error / std::abs(base.value) +
              std::abs(std::log(std::abs(base.value))) * exponent.error);
  return {value, error};
}

// Unknown where the error reaches a jump.
template <typename T>
Bounded<T> integral(Rounding rounding, const Bounded<T>& a) {
  const auto at = [&](T x) {
    switch (rounding) {
      case Rounding::floor: return std::floor(x);
      case Rounding::ceil: return std::ceil(x);
      case Rounding::even: return std::nearbyint(x);
      case Rounding::trunc: return std::trunc(x);
    }
    return x;
  };
  const bool same = a.error == 0 || at(a.value - a.error) == at(a.value + a.error);
  return {at(a.value), same ? T{0} : std::numeric_limits<T>::infinity()};
}

}  // namespace sluice::accuracy
