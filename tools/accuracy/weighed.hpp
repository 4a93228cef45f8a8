// A number with the sum of its absolute terms: what the error of a row function is measured by
// (numerics, error contract).
//
// The terms of a sum are those of both sides, and each element's of a row's sum; a product or a
// quotient has its operands', multiplied or divided by the other side. What a function's argument
// has above its own size, times the slope, is a term besides; so is 1/32 of an argument that was
// rounded itself, for of it 32 units are 1. Inputs and constants, and what is one of these times 1
// or plus 0, were not. N is Bounded or Real; gradients are Duals of Weighed.
#pragma once

#include <cmath>
#include <limits>
#include <utility>

#include "tools/accuracy/bounded.hpp"
#include "tools/accuracy/dual.hpp"
#include "tools/accuracy/functions.hpp"
#include "tools/accuracy/order.hpp"
#include "tools/accuracy/real.hpp"

namespace sluice::accuracy {

inline double about(const Bounded<double>& a) { return a.value; }
inline double about(const Real& a) { return mpfr_get_d(a.get(), MPFR_RNDN); }

template <typename N>
struct Weighed {
  N value;
  double terms = 0;
  bool rounded = false;

  Weighed() = default;
  explicit Weighed(double exact) : value(exact), terms(std::abs(exact)) {}
  Weighed(N v, double sum, bool was_rounded)
      : value(std::move(v)), terms(sum), rounded(was_rounded) {}

  // What the terms are above the value itself.
  [[nodiscard]] double excess() const {
    const double above = terms - std::abs(about(value));
    return above > 0 ? above : 0;  // of infinities none
  }
  // What an argument brings to a function's terms, by each unit of its slope.
  [[nodiscard]] double argument() const {
    return excess() + (rounded ? std::abs(about(value)) / 32 : 0);
  }
};

template <typename N>
double about(const Weighed<N>& a) {
  return about(a.value);
}
template <typename N>
double about(const Dual<N>& a) {
  return about(a.value);
}

template <typename N>
Weighed<N> operator+(const Weighed<N>& a, const Weighed<N>& b) {
  if (about(b) == 0 && b.terms == 0) return a;
  if (about(a) == 0 && a.terms == 0) return b;
  return {a.value + b.value, a.terms + b.terms, true};
}
template <typename N>
Weighed<N> operator-(const Weighed<N>& a) {
  return {-a.value, a.terms, a.rounded};
}
template <typename N>
Weighed<N> operator-(const Weighed<N>& a, const Weighed<N>& b) {
  return a + -b;
}
// What is left where the first order vanishes: a square of a difference that is 0.
inline constexpr double kSecondOrder = 0x1p-19;

template <typename N>
Weighed<N> operator*(const Weighed<N>& a, const Weighed<N>& b) {
  const double x = about(a);
  const double y = about(b);
  double terms = std::abs(x * y) + a.excess() * std::abs(y) + std::abs(x) * b.excess() +
                 kSecondOrder * a.excess() * b.excess();
  if (std::isnan(terms)) terms = std::numeric_limits<double>::infinity();
  const bool one = (std::abs(x) == 1 && !a.rounded) || (std::abs(y) == 1 && !b.rounded);
  return {a.value * b.value, terms, !one || a.rounded || b.rounded};
}
template <typename N>
Weighed<N> operator/(const Weighed<N>& a, const Weighed<N>& b) {
  N y = a.value / b.value;
  const double size = std::abs(about(y));
  const double divisor = std::abs(about(b));
  const double terms = size + a.excess() / divisor + size * (b.excess() / divisor);
  const bool one = divisor == 1 && !b.rounded;
  return {std::move(y), terms, !one || a.rounded};
}

template <typename N>
Order compare(const Weighed<N>& a, const Weighed<N>& b) {
  return compare(a.value, b.value);
}
template <typename N>
bool is_infinite(const Weighed<N>& a) {
  return is_infinite(a.value);
}

template <typename N>
Weighed<N> apply(Function function, const Weighed<N>& a) {
  N y = apply(function, a.value);
  double terms = std::abs(about(y));
  if (const double brought = a.argument(); brought > 0) {
    const Bounded<double> x(about(a));
    const double by_a = slope(function, x, Bounded<double>(about(y))).value;
    if (by_a != 0) terms += std::abs(by_a) * brought;
  }
  return {std::move(y), terms, true};
}
template <typename N>
Weighed<N> one_and(Function function, bool minus, const Weighed<N>& a, const Weighed<N>& sum) {
  return {one_and(function, minus, a.value, sum.value), sum.terms, true};
}
template <typename N>
Weighed<N> power(const Weighed<N>& base, const Weighed<N>& exponent) {
  N y = power(base.value, exponent.value);
  const double size = std::abs(about(y));
  double terms = size;
  if (const double brought = base.excess(); brought > 0) {
    const double x = std::abs(about(base));
    const double p = about(exponent);
    const double first = std::abs(p) * std::pow(x, p - 1) * brought;
    if (std::isfinite(first)) terms += first;
    if (p >= 2) terms += kSecondOrder * p * (p - 1) / 2 * std::pow(x, p - 2) * brought * brought;
  }
  if (const double brought = exponent.argument(); brought > 0)
    terms += size * std::abs(std::log(std::abs(about(base)))) * brought;
  return {std::move(y), terms, true};
}
template <typename N>
Weighed<N> integral(Rounding rounding, const Weighed<N>& a) {
  N y = integral(rounding, a.value);
  const double size = std::abs(about(y));
  return {std::move(y), size, a.rounded};
}

}  // namespace sluice::accuracy
