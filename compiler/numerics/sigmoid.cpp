// sigmoid(x) = 1 / (1 + E), E = e^-x = 2^k (1 + s), for both signs of x by one form.
//
// 1 + E = hi + t, where hi is the larger of 1 and 2^k, and t = the other + 2^k s costs a quarter of
// an ulp of the sum: 1 + 2^k first would lose a whole one from |k| = 24 on.
#include "compiler/numerics/functions.hpp"

namespace sluice::numerics {
namespace {

// The sum 2^-shift (1 + E) in two parts, for k - shift within the normal numbers' exponents.
struct Denominator {
  Expr high;
  Expr low;
};

Denominator one_plus(Expr power, Expr s, double one) {
  return {max(power, one), fma(power, s, min(power, one))};
}

}  // namespace

// E grows to 2^159 where x * sigmoid(x) falls to the smallest denormal, and further beside a larger
// factor: k is cut, and the rest applied to the quotient at last. Where k is cut the 1 beside E is
// nothing.
Scaled sigmoid_scaled(Expr x, Expr low) {
  const Argument argument = clamp_argument(x, low, pick(x, -156, -1330), pick(x, 87, 708));
  // An argument with a low word has lost a little already: it is reduced without further loss.
  const bool exactly = !argument.low.is_constant(0);
  const Expr negative = -argument.x;
  const Expr low_of_negative = negated(argument.low);
  Expr biased = negative;
  Expr s = negative;
  if (exactly) {
    const ExactExpReduction reduced = reduce_exp_exactly(negative, low_of_negative);
    biased = reduced.biased;
    s = expm1_reduced(reduced.r, reduced.tail);
  } else {
    const ExpReduction reduced = reduce_exp(negative, low_of_negative);
    biased = reduced.biased;
    s = expm1_reduced(reduced.r);
  }
  const Expr cut = min(biased, biased_integer(x, is_f64(x) ? 900 : 100));
  const Denominator sum = one_plus(power_of_two(cut), s, 1);
  const Expr denominator = sum.high + sum.low;
  return {.numerator = number(x, 1),
          .denominator = denominator,
          .denominator_low = sum.low - (denominator - sum.high),
          .exponent = cut - biased,
          .argument = argument};
}

// With numerator and denominator scaled by 2^-shift, all k down to the smallest denormal fit. What
// the quotient q leaves, 1 - q (1 + E), times q (again 1/(1 + E)) corrects it: taken as 1 - q both,
// with both = 1 + 2^k as rounded, less q 2^k s, exact but for s, less q times what `both` lost. The
// error is that of s and the last rounding, and of the first difference where s is near its
// largest.
Expr sigmoid(Expr x, Expr low) {
  const int shift = is_f64(x) ? 54 : 24;
  const double one = pick(x, 0x1p-24, 0x1p-54);
  const Argument argument = clamp_argument(x, low, pick(x, -104, -746), pick(x, 70, 670));
  const ExactExpReduction reduced = reduce_exp_exactly(-argument.x, negated(argument.low), -shift);
  const Expr power = power_of_two(reduced.biased);
  const Expr both = power + one;
  const Expr lost = one - (both - power);
  const Expr t = power * expm1_reduced(reduced.r, reduced.tail);
  const Expr q = one / (both + t);
  const Expr scaled = q * (1 / one);
  const Expr left = fma(-scaled, lost, fma(-scaled, t, residue(-scaled, both, 1.0)));
  return fma(left, q, q);
}

namespace {

// e^-|x| = q, where the functions below are their own mirror images or complements.
struct Mirrored {
  Expr positive;  // whether x > 0
  Argument argument;
  ExpPair q;
  Pair sum;  // 1 + q
};

Mirrored mirrored(Expr x, Expr low) {
  const Expr positive = x > number(x, 0);
  const Argument argument = clamp_argument(
      -abs(x), low.is_constant(0) ? low : select(positive, -low, low), pick(x, -128, -1120), 0);
  const ExpPair q = exp_pair(argument.x, argument.low, is_f64(x) ? -600 : -60);
  return {positive, argument, q, number(x, 1) + q.value};
}

}  // namespace

// 1/(1 + q) or q/(1 + q).
Pair sigmoid_pair(Expr x, Expr low) {
  const Mirrored m = mirrored(x, low);
  const Pair one{number(x, 1), number(x, 0)};
  const Pair value = select(m.positive, one, m.q.value) / m.sum;
  const Expr rest = select(m.positive, 0.0, m.q.rest);
  return {scale(value.high, rest), scale(value.low, rest)};
}

// q / (1 + q)^2
Pair sigmoid_derivative_pair(Expr x, Expr low) {
  const Mirrored m = mirrored(x, low);
  const Pair value = m.q.value / (m.sum * m.sum);
  return {scale(value.high, m.q.rest), scale(value.low, m.q.rest)};
}

namespace {

// (1 + q + t q) / (1 + q)^2 for positive x, q (1 + q + t) / (1 + q)^2 for negative x. For positive
// x a q that is cut counts beside 1 only where t is huge.
Expr plus_slope_of_any(Expr x, Expr low, Pair t) {
  const Mirrored m = mirrored(x, low);
  const double limit = pick(x, 128, 1120);
  const Pair factor = slope_factor(t, clamp_argument(x, low, -limit, limit));
  const auto shrunk = [&](Expr a) { return t.high == x ? a : scale(a, m.q.rest); };
  const Pair inner =
      m.sum + select(m.positive, Pair{shrunk(factor.high), shrunk(factor.low)} * m.q.value, factor);
  const Pair numerator = select(m.positive, inner, inner * m.q.value);
  return scale(rounded(numerator / (m.sum * m.sum)), select(m.positive, 0.0, m.q.rest));
}

// The same for arguments of f32 that are not huge, nor their sigmoids tiny: sigmoid(-|x|) = b and
// sigmoid(|x|) = a with the low words that one division leaves.
constexpr double kNear = 80;

struct Complements {
  Expr magnitude;  // |x|
  Expr positive;   // whether x > 0
  Pair a;
  Pair b;
};

// y with x's sign turned to positive.
Expr mirrored_like(Expr y, Expr positive) { return y.is_constant(0) ? y : select(positive, y, -y); }

Complements complements(Expr x, Expr low) {
  const Expr magnitude = abs(x);
  const Expr positive = x > number(x, 0);
  const auto [power, s] = exp_by_eighths(-magnitude, negated(mirrored_like(low, positive)));
  const Expr q = fma(power, s, power);
  const Expr q_low = fma(power, s, power - q);
  const Expr sum = 1.0 + q;
  const Expr sum_low = fma(power, s, (1.0 - sum) + power);
  const Expr a = 1.0 / sum;
  const Expr left = fma(-a, sum_low, residue(-a, sum, 1.0));
  const Pair b = two_product(q, a);
  const Expr b_low = fma(b.high, left, fma(q_low, a, b.low));
  return {magnitude, positive, {a, a * left}, {b.high, b_low}};
}

// b - (u b) a, and 1 less that for positive x; u is t with x's sign turned to positive.
Expr plus_slope_of_near(Expr x, Expr low, Pair t) {
  const Complements c = complements(x, low);
  const Pair u = t.high == x
                     ? Pair{c.magnitude, mirrored_like(t.low, c.positive)}
                     : Pair{mirrored_like(t.high, c.positive), mirrored_like(t.low, c.positive)};
  const Pair v = two_product(u.high, c.b.high);
  Expr v_low = fma(u.high, c.b.low, v.low);
  if (!u.low.is_constant(0)) v_low = fma(u.low, c.b.high, v_low);
  const Expr rest = fma(-v_low, c.a.high, fma(-v.high, c.a.low, c.b.low));
  const Expr h = residue(-v.high, c.a.high, c.b.high) + rest;
  return select(c.positive, 1.0 - h, h);
}

Expr derivative_of_near(Expr x, Expr low) {
  const auto [magnitude, positive, a, b] = complements(x, low);
  return fma(b.high, a.high, fma(b.low, a.high, b.high * a.low));
}

}  // namespace

Scaled sigmoid_derivative_scaled(Expr x, Expr low) {
  const Mirrored m = mirrored(x, low);
  const Expr any = rounded(m.q.value / (m.sum * m.sum));
  if (is_f64(x)) return {.numerator = any, .exponent = m.q.rest, .argument = m.argument};
  const Expr far = unlikely(!(abs(x) <= kNear));
  const Expr vanishes = m.argument.given < m.argument.floor;
  return {.numerator = select(far, select(vanishes, 0.0, any), derivative_of_near(x, low)),
          .exponent = select(far, m.q.rest, 0.0)};
}

Expr sigmoid_derivative(Expr x, Expr low) { return value_of(sigmoid_derivative_scaled(x, low)); }

Expr sigmoid_plus_slope(Expr x, Expr low, Pair t) {
  const Expr any = plus_slope_of_any(x, low, t);
  if (is_f64(x)) return any;
  const Expr near = is_moderate(t, x, abs(x) <= kNear);
  return select(unlikely(!near), any, plus_slope_of_near(x, low, t));
}

}  // namespace sluice::numerics
