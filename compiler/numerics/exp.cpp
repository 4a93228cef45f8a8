// exp, exp2, expm1.
//
// x = k ln 2 + r, e^x = 2^k e^r (toolkit.hpp). Beyond the clamps the result is 0 or inf in every
// format, and for expm1 -1.
#include "compiler/numerics/functions.hpp"

namespace sluice::numerics {
namespace {

#include "compiler/numerics/coefficients_exp2.inc"

constexpr Polynomial kExp2{kExp2F32, kExp2F64};

Argument clamp_exp(Expr x, Expr low) {
  return clamp_argument(x, low, pick(x, -110, -760), pick(x, 90, 714));
}

}  // namespace

Expr exp(Expr x, Expr low) {
  const Argument argument = clamp_exp(x, low);
  const ExpReduction reduced = reduce_exp(argument.x, argument.low);
  return ldexp(exp_reduced(reduced.r), reduced.k);
}

// The exponent in two parts, so that a product may bring the result back into range. In the first,
// |k| <= 60 leaves any factor that matters normal.
Scaled exp_scaled(Expr x, Expr low) {
  const Argument argument = clamp_exp(x, low);
  const ExpReduction reduced = reduce_exp(argument.x, argument.low);
  const double most = pick(x, 60, 500);
  const Expr near =
      min(max(reduced.biased, biased_integer(x, 0) - most), biased_integer(x, 0) + most);
  const Expr power = power_of_two(near);
  return {.numerator = power,
          .numerator_low = power * expm1_reduced(reduced.r),
          .exponent = reduced.biased - near,
          .argument = argument};
}

Expr exp2(Expr x, Expr low) {
  const Argument argument = clamp_argument(x, low, pick(x, -152, -1080), pick(x, 129, 1025));
  const double magic = biased_integer(x, 0);
  const Expr k = (argument.x + magic) - magic;
  const Expr r = argument.x - k;
  return ldexp(horner(low.is_constant(0) ? r : r + argument.low, kExp2), k);
}

// 2^k e^r - 1 = 2 (((2^(k-1) - 1/2) + 2^(k-1) r) + 2^(k-1) (e^r - 1 - r)), made of halves so that
// 2^k overflows only where the result does. The sum up to r keeps what rounding takes from it,
// which counts where it cancels, for k = 1 and -1: only the last addition is rounded, and a small
// term. For k = 0 the sum up to r is x / 2.
Expr expm1(Expr x, Expr low) {
  const Argument argument = clamp_argument(x, low, pick(x, -20, -45), pick(x, 89, 710));
  const ExactExpReduction reduced = reduce_exp_exactly(argument.x, argument.low, -1);
  const Expr power = power_of_two(reduced.biased);
  const Expr less = power - 0.5;
  const Expr linear = fma(power, reduced.r, less);
  const Expr lost = fma(power, reduced.r, less - linear);
  const Expr half = linear + fma(power, expm1_less_argument(reduced.r, reduced.tail), lost);
  return copy_zero_sign(half + half, x);
}

}  // namespace sluice::numerics
