// tanh.
//
// f32: no quotient, which alone would cost as much as the rest: on 16 intervals of |x|, found by
// the top bits of |x| + 5/8, a polynomial T + r (...) whose constant term is nearly exact
// (fit/tanh.py). f64: (1 - E) / (1 + E) with E = e^-2|x| = 2^k (1 + s), where 1 - 2^k is exact.
#include <iterator>
#include <string>
#include <vector>

#include "compiler/numerics/functions.hpp"

namespace sluice::numerics {
namespace {

#include "compiler/numerics/coefficients_tanh.inc"
#include "compiler/numerics/coefficients_tanhshrink.inc"

constexpr Polynomial kTanhshrink{kTanhshrinkF32, kTanhshrinkF64};

Expr column(Expr index, int which) {
  const std::span<const double> entries = kTanhF32[which];
  return lookup(index, "tanh_" + std::to_string(which),
                std::vector<double>(entries.begin(), entries.end()));
}

// Where |x| is on its interval, and the polynomial from its term in r^last on, without r^last.
struct Place {
  Expr index;
  Expr near;
  Expr r;
};

Place place(Expr magnitude, Expr low) {
  const Expr limited = min(magnitude, 9.03);
  const Expr index = to_bits(limited + 0.625) >> 21;
  const Expr near = limited - column(index, 0);
  return {index, near, low.is_constant(0) ? near : near + low};
}

Expr polynomial(const Place& at, int last) {
  Expr sum = column(at.index, 7);
  for (int i = 6; i > last; --i) sum = fma(sum, at.r, column(at.index, i));
  return sum;
}

Expr tanh_f32(Expr magnitude, Expr low) { return polynomial(place(magnitude, low), 0); }

// T and r (...), in the first interval, where T is 0, r and r (... - 1).
Pair tanh_pair_f32(Expr magnitude, Expr low) {
  const Place at = place(magnitude, low);
  std::vector<double> first(std::size(kTanhF32[0]));
  std::vector<double> slope(std::begin(kTanhF32[2]), std::end(kTanhF32[2]));
  for (std::size_t i = 0; i < first.size(); ++i) first[i] = kTanhF32[1][i] == 0 ? 1 : 0;
  for (std::size_t i = 0; i < first.size(); ++i) slope[i] -= first[i];
  const Expr is_first = lookup(at.index, "tanh_first", first);
  const Expr rest = fma(polynomial(at, 2), at.r, lookup(at.index, "tanh_slope_rest", slope));
  return {fma(at.near, is_first, column(at.index, 1)),
          low.is_constant(0) ? at.r * rest : fma(at.r, rest, low * is_first)};
}

// 1 - E and 1 + E.
struct Quotient {
  Pair numerator;
  Pair denominator;
};

Quotient quotient_f64(Expr magnitude, Expr low) {
  const Expr limited = min(magnitude, 22.0);
  const ExactExpReduction reduced = reduce_exp_exactly(limited * -2.0, low * -2.0);
  const Expr power = power_of_two(reduced.biased);
  const Pair s = fast_two_sum(reduced.r, expm1_less_argument(reduced.r, reduced.tail));
  const Pair e = power * s;
  return {(1.0 - power) + Pair{-e.high, -e.low}, (1.0 + power) + e};
}

// The division of the high words is mended by the low ones; 1/d for d in [1, 2] is good to three
// bits there.
Expr tanh_f64(Expr magnitude, Expr low) {
  const Quotient quotient = quotient_f64(magnitude, low);
  const Pair& d = quotient.denominator;
  const Expr high = quotient.numerator.high / d.high;
  return high + fma(-high, d.low, quotient.numerator.low) * (1.5 - 0.5 * d.high);
}

// The low word of |x|.
Expr low_of_magnitude(Expr x, Expr low) {
  if (low.is_constant(0)) return low;
  const Expr near = select(abs(x) < 64.0, low, 0.0);
  return select(x < 0.0, -near, near);
}

}  // namespace

Expr tanh(Expr x, Expr low) {
  const Expr magnitude = abs(x);
  const Expr part = low_of_magnitude(x, low);
  return copy_zero_sign(is_f64(x) ? tanh_f64(magnitude, part) : tanh_f32(magnitude, part), x);
}

Pair tanh_pair(Expr x, Expr low) {
  const Expr part = low_of_magnitude(x, low);
  Pair value = {x, x};
  if (is_f64(x)) {
    const Quotient quotient = quotient_f64(abs(x), part);
    value = quotient.numerator / quotient.denominator;
  } else {
    value = tanh_pair_f32(abs(x), part);
  }
  return {signed_like(value.high, x), signed_like(value.low, x)};
}

// Near 0, t (1/3 - u Q(u)) for u = x^2 and t = x u in two words each (fit/tanhshrink.py). Beyond
// 2^60, where x^2 would overflow, the result is x.
Expr tanhshrink(Expr x, Expr low) {
  const Pair gate = tanh_pair(x, low);
  const Pair difference = two_sum(x, -gate.high);
  const Expr far = select(abs(x) < 0x1p60, difference.low - gate.low, 0.0);

  const Expr near = min(max(x, -1.0), 1.0);
  const Pair u = two_product(near, near);
  const Pair t = near * u;
  const double third = pick(x, 0x1.555556p-2, 0x1.5555555555555p-2);
  const double third_low = pick(x, -0x1.555556p-27, 0x1.5555555555555p-56);
  const Expr rest = number(x, third_low) - u.high * horner(u.high, kTanhshrink);
  const Expr small = fma(t.low, number(x, third), t.high * rest);
  return select(abs(x) < 0.625, fma(t.high, number(x, third), small), difference.high + far);
}

Scaled tanh_scaled(Expr x, Expr low) { return unscaled(tanh_pair(x, low)); }

// tanh(x)^2, of which a rounded tanh(x) would count its error twice.
Expr tanh_squared(Expr x, Expr low) {
  const Pair pair = tanh_pair(x, low);
  const Pair t = fast_two_sum(pair.high, pair.low);
  return fma(t.high, t.high, 2.0 * (t.high * t.low));
}

}  // namespace sluice::numerics
