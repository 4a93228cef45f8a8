// asinh, acosh, atanh: logarithms of h + sqrt(h^2 + 1), x + sqrt(x^2 - 1) and (1 + h) / (1 - h),
// h = |x|.
//
// These arguments are 1 where the results are 0, and a result near 0 is what the argument is beyond
// 1: so they are pairs, of which log_of_pair loses nothing. Of a root and a quotient the low word
// is what they leave, exact in an fma, times the derivative: one division each.
#include "compiler/numerics/functions.hpp"

namespace sluice::numerics {
namespace {

// sqrt(a), with a low word of 0 at 0.
Pair root(Pair a) {
  const Expr s = sqrt(a.high);
  const Expr left = residue(-s, s, a.high) + a.low;
  return {s, left * (0.5 / max(s, pick(s, 0x1p-60, 0x1p-500)))};
}

// x where asinh and atanh are, to a third of an ulp: there the argument's low word is most of the
// result, and its rounding counts. Elsewhere the magnitude given, with x's sign.
Expr odd(Expr x, Expr h, Expr magnitude) {
  const Expr tiny = h < number(x, pick(x, 0x1p-13, 0x1p-27));
  return select(tiny, x, copy_zero_sign(magnitude, x));
}

// log(h + root), h where that is all that counts: then it is log(2 h).
Expr log_of_sum(Expr h, Pair sum, Expr low) {
  const Expr near = h < number(h, pick(h, 0x1p13, 0x1p28));
  const Pair limited{select(near, sum.high, h), sum.low + low};
  return log_of_pair(limited, near, select(near, number(h, 0), number(h, 1)));
}

}  // namespace

Expr asinh(Expr x, Expr) {
  const Expr h = abs(x);
  const Pair square = two_product(h, h);
  const Pair sum = two_sum(number(x, 1), square.high);
  const Pair s = root({sum.high, sum.low + square.low});
  return odd(x, h, log_of_sum(h, fast_two_sum(s.high, h), s.low));
}

// NaN below 1, where the square is less.
Expr acosh(Expr x, Expr) {
  const Expr h = max(x, 0.0);
  const Pair square = two_product(h, h);
  const Pair less = fast_two_sum(square.high, number(x, -1));
  const Pair difference = fast_two_sum(less.high, square.low);
  const Pair s = root({difference.high, difference.low + less.low});
  return log_of_sum(h, fast_two_sum(h, s.high), s.low);
}

// (1 + h) / (1 - h) = 1 + 2 h / (1 - h); beyond h = 1 it is negative.
Expr atanh(Expr x, Expr) {
  const Expr h = abs(x);
  const Expr twice = h + h;
  const Pair below = fast_two_sum(number(x, 1), -h);
  const Expr inverse = 1.0 / below.high;
  const Expr quotient = twice * inverse;
  const Expr left = fma(-quotient, below.low, residue(-quotient, below.high, twice));
  const Pair sum = two_sum(number(x, 1), quotient);
  const Expr counts = h < number(x, 1);
  const Pair ratio{sum.high, fma(left, inverse, sum.low)};
  return odd(x, h, log_of_pair(ratio, counts, number(x, 0)) * 0.5);
}

}  // namespace sluice::numerics
