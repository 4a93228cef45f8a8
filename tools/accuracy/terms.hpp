// Numbers that remember the largest of the terms that they were summed from: what the ulp of a
// function with @terms belongs to (numerics.md, error contract).
//
// The terms of a sum are those of both sides. A product or quotient has its operands' terms, each
// by the other side; a chosen value has its own. A function's value is one term, and what its
// argument lost by cancelling counts by the slope. N is Bounded or Real; derivatives are Duals of
// Termed, for the chain rule's sums are sums too.
#pragma once

#include <optional>
#include <utility>

#include "tools/accuracy/functions.hpp"
#include "tools/accuracy/order.hpp"

namespace sluice::accuracy {

template <typename N>
struct Termed {
  N value;
  std::optional<N> largest;  // above |value|; nothing: the value is its own largest term

  Termed() = default;
  explicit Termed(double exact) : value(exact) {}
  explicit Termed(N v) : value(std::move(v)) {}

  [[nodiscard]] N term() const { return largest ? *largest : magnitude(value); }
  // How far the largest term stands above the value: what cancelled.
  [[nodiscard]] N lost() const { return largest ? *largest - magnitude(value) : N(0.0); }
};

template <typename N>
N larger(const N& a, const N& b) {
  return compare(a, b) == Order::less ? b : a;
}
template <typename N>
Termed<N> with_term(N value, const N& term) {
  Termed<N> result(std::move(value));
  if (compare(term, magnitude(result.value)) == Order::greater) result.largest = term;
  return result;
}

template <typename N>
Termed<N> operator+(const Termed<N>& a, const Termed<N>& b) {
  return with_term(a.value + b.value, larger(a.term(), b.term()));
}
template <typename N>
Termed<N> operator-(const Termed<N>& a) {
  Termed<N> result(-a.value);
  result.largest = a.largest;
  return result;
}
template <typename N>
Termed<N> operator-(const Termed<N>& a, const Termed<N>& b) {
  return a + -b;
}
template <typename N>
Termed<N> operator*(const Termed<N>& a, const Termed<N>& b) {
  if (!a.largest && !b.largest) return Termed<N>(a.value * b.value);
  return with_term(a.value * b.value,
                   larger(a.term() * magnitude(b.value), magnitude(a.value) * b.term()));
}
template <typename N>
Termed<N> operator/(const Termed<N>& a, const Termed<N>& b) {
  N y = a.value / b.value;
  if (!a.largest && !b.largest) return Termed<N>(std::move(y));
  const N by_divisor = magnitude(y) * (b.term() / magnitude(b.value));
  return with_term(std::move(y), larger(a.term() / magnitude(b.value), by_divisor));
}

template <typename N>
Order compare(const Termed<N>& a, const Termed<N>& b) {
  return compare(a.value, b.value);
}
template <typename N>
bool is_infinite(const Termed<N>& a) {
  return is_infinite(a.value);
}

template <typename N>
Termed<N> apply(Function function, const Termed<N>& a) {
  N y = apply(function, a.value);
  if (!a.largest) return Termed<N>(std::move(y));
  const N term = magnitude(slope(function, a.value, y)) * a.lost();
  return with_term(std::move(y), term);
}

// The slope of a function is one term as its value is; its own text is none of the user's.
template <typename N>
Termed<N> slope(Function function, const Termed<N>& a, const Termed<N>& y) {
  if (a.largest) return slope<Termed<N>>(function, a, y);
  return Termed<N>(slope(function, a.value, y.value));
}

template <typename N>
Termed<N> one_and(Function function, bool minus, const Termed<N>& a, const Termed<N>& sum) {
  Termed<N> result = sum;
  result.value = one_and(function, minus, a.value, sum.value);
  return result;
}

template <typename N>
Termed<N> power(const Termed<N>& base, const Termed<N>& exponent) {
  N y = power(base.value, exponent.value);
  N term = magnitude(y);
  if (base.largest)
    term = larger(term, magnitude(exponent.value * power(base.value, exponent.value - N(1.0))) *
                            base.lost());
  if (exponent.largest)
    term = larger(term, magnitude(y * apply(Function::log, base.value)) * exponent.lost());
  return with_term(std::move(y), term);
}

template <typename N>
Termed<N> integral(Rounding rounding, const Termed<N>& a) {
  return Termed<N>(integral(rounding, a.value));
}

}  // namespace sluice::accuracy
