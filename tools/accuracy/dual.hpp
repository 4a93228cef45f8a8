// Forward-mode derivatives over any kind of number: a value and its slope by one variable.
//
// `varies` tells a slope that is 0 because the value does not depend on the variable from one that
// happens to be 0: the former never multiplies anything, so that inf * 0 does not arise on a branch
// that was not taken.
#pragma once

#include <utility>

#include "tools/accuracy/functions.hpp"
#include "tools/accuracy/order.hpp"

namespace sluice::accuracy {

template <typename N>
struct Dual {
  N value;
  N slope;
  bool varies = false;

  Dual() = default;
  explicit Dual(double exact) : value(exact), slope(0.0) {}
  explicit Dual(N v) : value(std::move(v)), slope(0.0) {}
  Dual(N v, N s, bool depends) : value(std::move(v)), slope(std::move(s)), varies(depends) {}
};

// A function of a: its value y, its slope by a.
template <typename N>
Dual<N> chained(N y, const N& by_a, const Dual<N>& a) {
  return a.varies ? Dual<N>(std::move(y), by_a * a.slope, true) : Dual<N>(std::move(y));
}
template <typename N>
Dual<N> sum_of_slopes(N y, const Dual<N>& a, const Dual<N>& b) {
  if (a.varies && b.varies) return Dual<N>(std::move(y), a.slope + b.slope, true);
  if (a.varies) return Dual<N>(std::move(y), a.slope, true);
  return b.varies ? Dual<N>(std::move(y), b.slope, true) : Dual<N>(std::move(y));
}
template <typename N>
Dual<N> chained(N y, const N& by_a, const Dual<N>& a, const N& by_b, const Dual<N>& b) {
  return sum_of_slopes(std::move(y), chained(N(0.0), by_a, a), chained(N(0.0), by_b, b));
}

template <typename N>
Dual<N> operator+(const Dual<N>& a, const Dual<N>& b) {
  return sum_of_slopes(a.value + b.value, a, b);
}
template <typename N>
Dual<N> operator-(const Dual<N>& a) {
  return a.varies ? Dual<N>(-a.value, -a.slope, true) : Dual<N>(-a.value);
}
template <typename N>
Dual<N> operator-(const Dual<N>& a, const Dual<N>& b) {
  return sum_of_slopes(a.value - b.value, a, -b);
}
template <typename N>
Dual<N> operator*(const Dual<N>& a, const Dual<N>& b) {
  return chained(a.value * b.value, b.value, a, a.value, b);
}
template <typename N>
Dual<N> operator/(const Dual<N>& a, const Dual<N>& b) {
  const N y = a.value / b.value;
  return chained(y, N(1.0) / b.value, a, -(y / b.value), b);
}

template <typename N>
Order compare(const Dual<N>& a, const Dual<N>& b) {
  return compare(a.value, b.value);
}
template <typename N>
bool is_infinite(const Dual<N>& a) {
  return is_infinite(a.value);
}

template <typename N>
Dual<N> apply(Function function, const Dual<N>& a) {
  N y = apply(function, a.value);
  if (!a.varies) return Dual<N>(std::move(y));
  const N by_a = slope(function, a.value, y);
  return chained(std::move(y), by_a, a);
}

template <typename N>
Dual<N> one_and(Function function, bool minus, const Dual<N>& a, const Dual<N>& sum) {
  Dual<N> result = sum;
  result.value = one_and(function, minus, a.value, sum.value);
  return result;
}

// x^p: d/dx is 0 at x = 0 where p = 0, d/dp is 0 at x = 0 where p >= 0 (the language's
// conventions).
template <typename N>
Dual<N> power(const Dual<N>& x, const Dual<N>& p) {
  const N zero(0.0);
  const N y = power(x.value, p.value);
  const bool base_is_zero = compare(x.value, zero) == Order::equal;
  const Order sign = compare(p.value, zero);
  N by_x = zero;
  if (x.varies && sign != Order::equal) by_x = p.value * power(x.value, p.value - N(1.0));
  N by_p = zero;
  if (p.varies && !(base_is_zero && sign != Order::less)) by_p = y * apply(Function::log, x.value);
  return chained(y, by_x, x, by_p, p);
}

template <typename N>
Dual<N> integral(Rounding rounding, const Dual<N>& a) {
  return Dual<N>(integral(rounding, a.value));
}

}  // namespace sluice::accuracy
