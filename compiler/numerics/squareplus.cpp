// (x + sqrt(x^2 + b)) / 2 for b >= 0, without cancellation where x < 0, and its derivative by x.
//
// With h = |x| and s = sqrt(h^2 + b) it is (h + s) / 2 for positive x and b / 4 over that for
// negative x; its derivative is that over s. The sums keep their low words. From 2^60 (f64: 2^500)
// on, long before h^2 overflows, s is h.
#include "compiler/numerics/functions.hpp"

namespace sluice::numerics {
namespace {

struct Root {
  Expr h;       // |x|
  Expr far;     // whether s is h
  Pair square;  // h^2 + b
  Pair s;
};

Root root(Expr x, Expr b) {
  const Expr h = abs(x);
  const double end = pick(x, 0x1p60, 0x1p500);
  const Expr far = h > number(x, end);
  const Expr near = min(h, end);
  const Pair exact = two_product(near, near);
  const Pair sum = two_sum(exact.high, b);
  const Pair square{sum.high, sum.low + exact.low};
  const Expr s = sqrt(square.high);
  // Where both are 0 so is what is missing.
  const Expr half_over_s = 0.5 / max(s, pick(x, 0x1p-70, 0x1p-540));
  const Expr missing = (residue(-s, s, square.high) + square.low) * half_over_s;
  return {h, far, square, select(far, Pair{h, number(x, 0)}, Pair{s, missing})};
}

// v / d with d's low word: 1/d, as q/v, need not be known well where it
// multiplies what is missing.
Expr quotient(Expr v, Pair d) {
  const Expr q = v / d.high;
  const Expr over_v = 1 / max(v, pick(v, 0x1p-120, 0x1p-1000));
  const Expr missing = fma(-q, d.low, residue(-q, d.high, v));
  return fma(q * over_v, missing, q);
}

// (h + s) / 2, which doesn't overflow; its low word is 0 where it is of no account.
Pair half_sum(const Root& r) {
  const Pair sum = fast_two_sum(r.s.high * 0.5, r.h * 0.5);
  return {sum.high, select(r.far, 0.0, fma(r.s.low, number(r.h, 0.5), sum.low))};
}

}  // namespace

Expr squareplus(Expr x, Expr b) {
  const Root r = root(x, b);
  const Pair half = half_sum(r);
  const Expr quarter = b * 0.25;
  const Expr down = select(r.far, quarter / half.high, quotient(quarter, half));
  return select(x > number(x, 0), rounded(half), down);
}

// (1 + h / s) / 2, and b / (2 s (h + s)) = b / (2 (h s + h^2 + b)).
Expr squareplus_slope(Expr x, Expr b) {
  const Root r = root(x, b);
  const Expr up = select(r.far, number(x, 1), 0.5 + r.h / r.s.high * 0.5);
  const Expr h = min(r.h, pick(x, 0x1p60, 0x1p500));
  const Pair below = h * r.s + r.square;
  const Expr half_b = b * 0.5;
  const Expr down = select(r.far, half_b * 0.5 / r.h / r.h, quotient(half_b, below));
  return select(x > number(x, 0), up, down);
}

}  // namespace sluice::numerics
