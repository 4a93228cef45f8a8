// log(1 + e^x), and mish's gate tanh(log(1 + e^x)) with its derivative.
//
// With w = e^x: the gate is v / (v + 2), v = w (w + 2). One form for both signs, since all of it is
// 1 long before w^4 overflows. Where w is tiny, its exponent is kept apart and applied last.
#include <iterator>
#include <string>
#include <vector>

#include "compiler/numerics/functions.hpp"

namespace sluice::numerics {
namespace {

#include "compiler/numerics/coefficients_softplus.inc"

int cut(Expr like) { return is_f64(like) ? -600 : -60; }

struct Gate {
  Argument argument;
  ExpPair w;
  Pair v;      // w (w + 2)
  Pair above;  // v + 2
};

Gate gate(Expr x, Expr low) {
  const Argument argument = clamp_argument(x, low, pick(x, -110, -760), pick(x, 20, 40));
  const ExpPair w = exp_pair(argument.x, argument.low, cut(x));
  const Pair v = w.value * (number(x, 2) + w.value);
  return {argument, w, v, number(x, 2) + v};
}

// max(x, 0) + log(1 + q), q = e^-|x|. The power of two of a tiny q comes last: the rest of its
// exponent, which is 0 where x is positive.
struct Softplus {
  Expr value;
  Expr rest;
  Argument argument;
};

// A clamped argument's low word, with the sign of x; and where x is positive.
struct LowParts {
  Expr of_magnitude;
  Expr of_positive;
};

LowParts low_parts(const Argument& argument) {
  const Expr& low = argument.low;
  if (low.is_constant(0)) return {low, low};
  const Expr positive = argument.x > number(low, 0);
  return {select(positive, -low, low), select(positive, low, 0.0)};
}

Expr entry(Expr index, int row) {
  const auto& entries = kLog1pEighths[row];
  return lookup(index, row == 0 ? "log1p_inverse" : "log1p_of_inverse",
                std::vector<double>(std::begin(entries), std::end(entries)));
}

// f32: log(1 + q) = T + log(1 + r) by a table (fit/softplus.py). Where the result is small, T is 0
// and r is q; elsewhere r is small, and only the last addition counts. x + T keeps what rounding
// takes: T has so few bits that subtracting it is exact.
Softplus softplus_f32(Expr x, Expr low) {
  const double same = 64;  // from here on the result is x
  const Argument argument = clamp_argument(x, low, -155, same);
  const LowParts lows = low_parts(argument);
  const ExactExpReduction reduced = reduce_exp_exactly(-abs(argument.x), lows.of_magnitude);
  const Expr near = max(reduced.biased, biased_integer(x, -100));
  const Expr power = power_of_two(near);
  const Expr s = expm1_reduced(reduced.r, reduced.tail);
  const Expr q = fma(power, s, power);
  const Expr q_low = fma(power, s, power - q);
  // 1 + q for q = 1 too is below 2.
  const Expr index = to_bits(fma(q, 1 - 0x1p-22, number(x, 1))) >> 20;
  const Expr inverse = entry(index, 0);
  const Expr t = entry(index, 1);
  const Expr r = fma(q, inverse, inverse - 1.0);
  const Expr positive = max(argument.x, 0.0);
  const Expr sum = positive + t;
  Expr lost = positive - (sum - t);
  if (!low.is_constant(0)) lost = lost + lows.of_positive;
  const std::span<const double> higher = std::span(kLog1pEighth).subspan(2);
  const Expr rest = fma(r * r, horner(r, higher), fma(q_low, inverse, lost));
  return {select(x > number(x, same), x, sum + (r + rest)), reduced.biased - near, argument};
}

// f64: log(1 + q) = q - q^2/2 + q^3 (...) on all of (0, 1]. Both large sums keep their low words,
// and the square its own.
Softplus softplus_f64(Expr x, Expr low) {
  const double same = 600;
  const Argument argument = clamp_argument(x, low, -1330, same);
  const LowParts lows = low_parts(argument);
  // Where q is cut its square is 0.
  const ExpPair q = exp_pair(-abs(argument.x), lows.of_magnitude, -900);
  const Expr& linear = q.value.high;
  const auto [square, square_low] = two_product(linear, linear);
  const Expr h = horner(linear - 0.5, kLog1pUnitF64);
  const Pair sum = two_sum(max(argument.x, 0.0), linear);
  const Pair whole = fast_two_sum(sum.high, square * -0.5);
  // 1 - q/2 is near enough to the derivative 1/(1 + q).
  Expr lost =
      fma(square_low, -0.5, fma(linear * -0.5, q.value.low, q.value.low)) + (sum.low + whole.low);
  if (!low.is_constant(0)) lost = lost + lows.of_positive;
  const Expr value = whole.high + fma(square * h, linear, lost);
  return {select(x > number(x, same), x, value), q.rest, argument};
}

Softplus softplus(Expr x, Expr low) {
  return is_f64(x) ? softplus_f64(x, low) : softplus_f32(x, low);
}

}  // namespace

Expr log1p_exp(Expr x, Expr low) {
  const Softplus parts = softplus(x, low);
  return scale(parts.value, parts.rest);
}

Scaled log1p_exp_scaled(Expr x, Expr low) {
  const Softplus parts = softplus(x, low);
  return {.numerator = parts.value, .exponent = parts.rest, .argument = parts.argument};
}

// max(x, 0) + log1p(e^-|x|)
Pair log1p_exp_pair(Expr x, Expr low) {
  const bool plain = low.is_constant(0);
  const Expr positive = x > number(x, 0);
  const Pair q = exp_pair(-abs(x), plain ? low : select(positive, -low, low));
  const Pair sum = max(x, 0.0) + log1p_pair(q.high, q.low);
  return {sum.high, plain ? sum.low : sum.low + select(positive, low, 0.0)};
}

Expr log_sigmoid(Expr x, Expr low) { return -log1p_exp(-x, negated(low)); }

Pair log_sigmoid_pair(Expr x, Expr low) {
  const Pair mirrored = log1p_exp_pair(-x, negated(low));
  return {-mirrored.high, -mirrored.low};
}

Scaled log_sigmoid_scaled(Expr x, Expr low) {
  Scaled mirrored = log1p_exp_scaled(-x, negated(low));
  mirrored.numerator = -mirrored.numerator;
  return mirrored;
}

Pair tanh_log1p_exp_pair(Expr x, Expr low) {
  const Gate g = gate(x, low);
  const Pair value = g.v / g.above;
  return {scale(value.high, g.w.rest), scale(value.low, g.w.rest)};
}

Expr tanh_log1p_exp(Expr x, Expr low) {
  const Gate g = gate(x, low);
  return scale(rounded(g.v / g.above), g.w.rest);
}

Scaled tanh_log1p_exp_scaled(Expr x, Expr low) {
  const Gate g = gate(x, low);
  const Pair value = g.v / g.above;
  // Above the clamp the gate is 1, and any small low word does; one not above 0 would make inf *
  // gate NaN.
  return {.numerator = value.high,
          .numerator_low = select(x < pick(x, 20, 40), value.low, 0x1p-90),
          .exponent = g.w.rest,
          .argument = g.argument};
}

namespace {

struct GateSlope {
  Pair value;
  Expr rest;
  Argument argument;
};

// With q = e^-|x| and s = (x > 0 ? q : 1): 4 q (1 + q) s / ((1 + q)^2 + s^2)^2. The result falls
// like q^2 for positive x and like q for negative x.
GateSlope gate_slope(Expr x, Expr low) {
  const Expr positive = x > number(x, 0);
  const Expr least = select(positive, pick(x, -60, -400), number(x, pick(x, -128, -1120)));
  const Expr given = -abs(x);
  const Expr mirrored = max(given, least);
  const Expr part =
      low.is_constant(0) ? low : select(mirrored <= least, 0.0, select(positive, -low, low));
  const ExpPair q = exp_pair(mirrored, part, cut(x));
  const Pair one{number(x, 1), number(x, 0)};
  const Pair s = select(positive, q.value, one);
  const Pair sum = number(x, 1) + q.value;
  const Pair below = sum * sum + s * s;
  const Pair value = ((number(x, 4) * q.value) * (sum * s)) / (below * below);
  const Expr rest = q.rest + select(positive, q.rest, number(x, 0));
  return {value, rest, {given, mirrored, mirrored, part}};
}

}  // namespace

Pair tanh_log1p_exp_derivative_pair(Expr x, Expr low) {
  const auto [value, rest, argument] = gate_slope(x, low);
  return {scale(value.high, rest), scale(value.low, rest)};
}

Scaled tanh_log1p_exp_derivative_scaled(Expr x, Expr low) {
  const auto [value, rest, argument] = gate_slope(x, low);
  return {.numerator = rounded(value), .exponent = rest, .argument = argument};
}

Expr tanh_log1p_exp_derivative(Expr x, Expr low) {
  return value_of(tanh_log1p_exp_derivative_scaled(x, low));
}

namespace {

// (v (v + 2) + t 4 w (w + 1)) / (v + 2)^2, a factor w taken out: (w + 2) (v + 2) + 4 t (w + 1).
// Where x is cut the gate is 1, and only a t that is not of x's size is felt.
Expr plus_slope_of_any(Expr x, Expr low, Pair t) {
  const Gate g = gate(x, low);
  const Pair factor = slope_factor(t, g.argument);
  const Pair& w = g.w.value;
  const Pair inner = (number(x, 2) + w) * g.above + (number(x, 4) * factor) * (number(x, 1) + w);
  const Expr value = scale(rounded((w * inner) / (g.above * g.above)), g.w.rest);
  if (t.high == x) return value;
  const Expr beyond = fma(t.high, tanh_log1p_exp_derivative(x, low), 1.0);
  return select(x > g.argument.x, beyond, value);
}

// The same for f32 and arguments whose w^2 and w are normal, with one division: w r (w + 2 + 4 t z
// r) for z = w + 1 and r = 1 / (z^2 + 1).
Expr plus_slope_of_near(Expr x, Expr low, Pair t) {
  const auto [power, s] = exp_by_eighths(x, low);
  const Expr w = fma(power, s, power);
  const Expr w_low = fma(power, s, power - w);
  const Pair one_more = fast_two_sum(max(w, 1.0), min(w, 1.0));
  const Pair z{one_more.high, one_more.low + w_low};
  const Pair two_more = fast_two_sum(z.high, number(x, 1));
  const Expr below = fma(z.high, z.high, 1.0);
  // Where below is so large that 1 less is no number its low word is of no account.
  const Expr below_low = fma(z.high, z.low + z.low, residue(z.high, z.high, -(below - 1.0)));
  const Expr r = 1.0 / below;
  const Expr left = fma(-r, below_low, residue(-r, below, 1.0));
  const auto times_r = [&](Pair a) -> Pair {
    const Pair product = two_product(a.high, r);
    return {product.high, fma(product.high, left, fma(a.low, r, product.low))};
  };
  const Pair p = times_r(z);
  const Pair m = times_r({w, w_low});
  const Pair u = two_product(t.high, p.high);
  Expr u_low = fma(t.high, p.low, u.low);
  if (!t.low.is_constant(0)) u_low = fma(t.low, p.high, u_low);
  const Expr inner = fma(u.high, 4.0, two_more.high);
  const Expr rest = fma(u_low, 4.0, two_more.low + z.low);
  return fma(m.high, inner, fma(m.high, rest, m.low * inner));
}

}  // namespace

Expr tanh_log1p_exp_plus_slope(Expr x, Expr low, Pair t) {
  const Expr any = plus_slope_of_any(x, low, t);
  if (is_f64(x)) return any;
  const Expr near = is_moderate(t, x, abs(x + 20.0) <= 60.0);
  return select(unlikely(!near), any, plus_slope_of_near(x, low, t));
}

}  // namespace sluice::numerics
