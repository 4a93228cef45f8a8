// tanh.
//
// f32: no quotient, which alone would cost as much as the rest: on 16 intervals of |x|, found by
// the top bits of |x| + 5/8, a polynomial T + r (...) whose constant term is nearly exact
// (fit/tanh.py). f64: (1 - E) / (1 + E) with E = e^-2|x| = 2^k (1 + s), where 1 - 2^k is exact.
#include <string>
#include <vector>

#include "compiler/numerics/functions.hpp"

namespace sluice::numerics {
namespace {

#include "compiler/numerics/coefficients_tanh.inc"

Expr column(Expr index, int which) {
  const std::span<const double> entries = kTanhF32[which];
  return lookup(index, "tanh_" + std::to_string(which),
                std::vector<double>(entries.begin(), entries.end()));
}

Expr tanh_f32(Expr magnitude, Expr low) {
  const Expr limited = min(magnitude, 9.03);
  const Expr index = to_bits(limited + 0.625) >> 21;
  const Expr near = limited - column(index, 0);
  const Expr r = low.is_constant(0) ? near : near + low;
  Expr sum = column(index, 7);
  for (int i = 6; i >= 1; --i) sum = fma(sum, r, column(index, i));
  return sum;
}

Expr tanh_f64(Expr magnitude, Expr low) {
  const Expr limited = min(magnitude, 22.0);
  const ExpReduction reduced = reduce_exp(limited * -2.0, low * -2.0);
  const Expr power = power_of_two(reduced.biased);
  const Expr s = expm1_reduced(reduced.r);
  return fma(-power, s, 1.0 - power) / fma(power, s, 1.0 + power);
}

}  // namespace

Expr tanh(Expr x, Expr low) {
  const Expr magnitude = abs(x);
  Expr part = low;
  if (!low.is_constant(0)) {
    const Expr near = select(magnitude < 64.0, low, 0.0);
    part = select(x < 0.0, -near, near);
  }
  return copy_zero_sign(is_f64(x) ? tanh_f64(magnitude, part) : tanh_f32(magnitude, part), x);
}

}  // namespace sluice::numerics
