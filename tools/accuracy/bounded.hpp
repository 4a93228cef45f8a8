// The first level of a reference: a number of the machine and a bound on its error.
//
// Each operation adds its own rounding to what its operands bring. The mathematical library is
// trusted to some ulps (kLibrary), which is far below what is measured with it: f32 results against
// double, f64 results against long double. A bound that is not finite, or not a small part of the
// number, says nothing: the second level then decides.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <type_traits>

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
template <typename T>
inline constexpr T kTiny = 16 * std::numeric_limits<T>::min();  // more than underflow may lose

// A sum or product, rounded: `carried` is what the operands' errors do to it.
template <typename T>
Bounded<T> rounded_result(T value, T carried) {
  return {value, carried * (1 + 8 * kEpsilon<T>)+std::abs(value) * kEpsilon<T> + kTiny<T>};
}

template <typename T>
Bounded<T> operator+(const Bounded<T>& a, const Bounded<T>& b) {
  return rounded_result(a.value + b.value, a.error + b.error);
}
template <typename T>
Bounded<T> operator-(const Bounded<T>& a, const Bounded<T>& b) {
  return rounded_result(a.value - b.value, a.error + b.error);
}
template <typename T>
Bounded<T> operator*(const Bounded<T>& a, const Bounded<T>& b) {
  T carried = 0;
  if (a.error != 0 || b.error != 0)
    carried = std::abs(a.value) * b.error + std::abs(b.value) * a.error + a.error * b.error;
  return rounded_result(a.value * b.value, carried);
}
template <typename T>
Bounded<T> operator/(const Bounded<T>& a, const Bounded<T>& b) {
  T carried = 0;
  if (a.error != 0 || b.error != 0) {
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
  const T error = a.error + b.error;
  if (error != 0 && !(std::abs(a.value - b.value) > error)) return Order::unknown;
  if (a.value < b.value) return Order::less;
  return a.value > b.value ? Order::greater : Order::equal;
}
template <typename T>
bool is_infinite(const Bounded<T>& a) {
  return std::isinf(a.value);
}

// f(a) by the machine's own functions, to kLibrary times (1 + condition).
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
    case Function::normal_cdf: return std::erfc(-a * (1 / std::numbers::sqrt2_v<T>)) / 2;
    case Function::normal_pdf:
      return std::exp(-a * a / 2) * (std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>);
  }
  return a;
}

// Where `plain` rounds an argument on its way to an exponential, the error grows with the square.
template <typename T>
T condition(Function function, T a) {
  const bool squares = function == Function::normal_cdf || function == Function::normal_pdf;
  return squares ? a * a : T{0};
}

template <typename T>
Bounded<T> apply(Function function, const Bounded<T>& a) {
  const T value = plain(function, a.value);
  // NaN - NaN and the like: the second level tells NaN from numbers.
  T error = std::abs(value) * kLibrary<T> * (1 + condition(function, a.value)) + kTiny<T>;
  if (a.error != 0) {
    // The slope at a stands for all slopes within the error where that is a small part of a.
    const bool small = a.error < T{1e-6} * std::min(T{1}, std::abs(a.value));
    const T steep =
        small ? std::abs(slope(function, Bounded<T>{a.value, 0}, Bounded<T>{value, 0}).value)
              : std::numeric_limits<T>::infinity();
    error += 2 * steep * a.error;
  }
  return {value, error};
}

// The base to a power; the exponent's and the base's errors through the logarithm.
template <typename T>
Bounded<T> power(const Bounded<T>& base, const Bounded<T>& exponent) {
  const T value = std::pow(base.value, exponent.value);
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
