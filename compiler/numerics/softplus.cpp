// log(1 + e^x), and mish's gate tanh(log(1 + e^x)) with its derivative.
//
// With w = e^x: the gate is v / (v + 2), v = w (w + 2). One form for both signs, since all of it is
// 1 long before w^4 overflows. Where w is tiny, its exponent is kept apart and applied last.
#include "compiler/numerics/functions.hpp"

namespace sluice::numerics {
namespace {

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

}  // namespace

// As log1p of e^x, which keeps its relative accuracy where e^x is small; from 17 on it is x, and
// above the clamp max(., x) makes it so.
Expr log1p_exp(Expr x, Expr low) {
  const Argument argument = clamp_argument(x, low, pick(x, -110, -760), pick(x, 80, 700));
  const ExpPair w = exp_pair(argument.x, argument.low, cut(x));
  return max(scale(log1p(w.value.high, w.value.low), w.rest), x);
}

Expr log_sigmoid(Expr x, Expr low) { return -log1p_exp(-x, low.is_constant(0) ? low : -low); }

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
  return {.numerator = value.high,
          .numerator_low = value.low,
          .exponent = g.w.rest,
          .argument = g.argument};
}

// With q = e^-|x| and s = (x > 0 ? q : 1): 4 q (1 + q) s / ((1 + q)^2 + s^2)^2. The result falls
// like q^2 for positive x and like q for negative x.
Pair tanh_log1p_exp_derivative_pair(Expr x, Expr low) {
  const Expr positive = x > number(x, 0);
  const Expr least = select(positive, pick(x, -60, -400), number(x, pick(x, -110, -760)));
  const Expr mirrored = max(-abs(x), least);
  const Expr part =
      low.is_constant(0) ? low : select(mirrored <= least, 0.0, select(positive, -low, low));
  const ExpPair q = exp_pair(mirrored, part, cut(x));
  const Pair one{number(x, 1), number(x, 0)};
  const Pair s = select(positive, q.value, one);
  const Pair sum = number(x, 1) + q.value;
  const Pair below = sum * sum + s * s;
  const Pair value = ((number(x, 4) * q.value) * (sum * s)) / (below * below);
  const Expr rest = q.rest + select(positive, q.rest, number(x, 0));
  return {scale(value.high, rest), scale(value.low, rest)};
}

Expr tanh_log1p_exp_derivative(Expr x, Expr low) {
  return rounded(tanh_log1p_exp_derivative_pair(x, low));
}

// (v (v + 2) + x 4 w (w + 1)) / (v + 2)^2, a factor w taken out: (w + 2) (v + 2) + 4 x (w + 1).
Expr times_tanh_log1p_exp_slope(Expr x, Expr low) {
  const Gate g = gate(x, low);
  const Pair argument = fast_two_sum(g.argument.x, g.argument.low);
  const Pair& w = g.w.value;
  const Pair inner = (number(x, 2) + w) * g.above + (number(x, 4) * argument) * (number(x, 1) + w);
  return scale(rounded((w * inner) / (g.above * g.above)), g.w.rest);
}

}  // namespace sluice::numerics
