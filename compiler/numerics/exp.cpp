// exp, exp2, expm1.
//
// x = k ln 2 + r, e^x = 2^k e^r (toolkit.hpp). Beyond the clamps the result is 0 or inf in every
// format, and for expm1 -1.
#include "compiler/numerics/functions.hpp"

namespace sluice::numerics {
namespace {

#include "compiler/numerics/coefficients_exp2.inc"
#include "compiler/numerics/coefficients_expm1.inc"

constexpr Polynomial kExp2{kExp2F32, kExp2F64};
constexpr Polynomial kExpm1{kExpm1F32, kExpm1F64};

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
// term. Its signs are such that a negative zero survives: all that is subtracted from it is a
// positive one.
Expr expm1(Expr x, Expr low) {
  const Argument argument = clamp_argument(x, low, pick(x, -20, -45), pick(x, 89, 710));
  const ExactExpReduction reduced = reduce_exp_exactly(argument.x, argument.low, -1, 0.936);
  const auto& [r, tail, k, biased] = reduced;
  const Expr power = power_of_two(biased);
  const Expr short_of = 0.5 - power;
  const Expr linear = fma(power, r, -short_of);
  const Expr gained = fma(-power, r, linear + short_of);
  const Expr higher = fma(r, fma(r, -horner(r, kExpm1.of(r).subspan(2)), -tail), -tail);
  const Expr half = linear - fma(power, higher, gained);
  return half + half;
}

}  // namespace sluice::numerics
