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

}  // namespace

Halves halve_power(Expr biased) {
  const double least = pick(biased, -100, -900);
  const double most = pick(biased, 126, 1022);
  const Expr near =
      min(max(biased, biased_integer(biased, 0) + least), biased_integer(biased, 0) + most);
  return {power_of_two(near), biased - near};
}

Expr exp(Expr x, Expr low) {
  const Argument argument = clamp_argument(x, low, pick(x, -110, -760), pick(x, 90, 714));
  const ExpReduction reduced = reduce_exp(argument.x, argument.low);
  return ldexp(exp_reduced(reduced.r), reduced.k);
}

Pair exp_pair(Expr x, Expr low) {
  const Argument argument = clamp_argument(x, low, pick(x, -110, -760), pick(x, 90, 714));
  const ExactExpReduction reduced = reduce_exp_exactly(argument.x, argument.low);
  const Halves halves = halve_power(reduced.biased);
  const Pair p = exp_reduced(reduced);
  return {scale(halves.power * p.high, halves.rest), scale(halves.power * p.low, halves.rest)};
}

// The exponent in two parts, so that a product may bring the result back into range, from either
// end. The first stays so far from the smallest numbers that its product with s is normal.
Scaled exp_scaled(Expr x, Expr low) {
  const Argument argument = clamp_argument(x, low, pick(x, -155, -1330), pick(x, 175, 1410));
  const ExpReduction reduced = reduce_exp(argument.x, argument.low);
  const Halves halves = halve_power(reduced.biased);
  // 1 + s = 1/2 + (1/2 + s): the parts of a product have its sign both, so that it may overflow.
  return {.numerator = halves.power * 0.5,
          .numerator_low = halves.power * (0.5 + expm1_reduced(reduced.r)),
          .exponent = halves.rest,
          .argument = argument};
}

Expr exp2(Expr x, Expr low) {
  const Argument argument = clamp_argument(x, low, pick(x, -152, -1080), pick(x, 129, 1025));
  const double magic = biased_integer(x, 0);
  const Expr k = (argument.x + magic) - magic;
  const Expr r = argument.x - k;
  return ldexp(horner(low.is_constant(0) ? r : r + argument.low, kExp2), k);
}

Exp2Parts exp2_parts(Expr x, Expr low) {
  const Argument argument = clamp_argument(x, low, pick(x, -224, -1920), pick(x, 252, 2044));
  const double magic = biased_integer(x, 0);
  const Expr biased = argument.x + magic;
  const Expr r = argument.x - (biased - magic);
  const Halves halves = halve_power(biased);
  return {low.is_constant(0) ? r : r + argument.low, halves.power, halves.rest, argument};
}

Expr exp2_reduced(Expr r) { return horner(r, kExp2); }

Expr exp2_less_one(Expr r) { return r * horner(r, kExp2.of(r).subspan(1)); }

Scaled exp2_scaled(Expr x, Expr low) {
  const Exp2Parts parts = exp2_parts(x, low);
  return {.numerator = parts.power * exp2_reduced(parts.r),
          .exponent = parts.rest,
          .argument = parts.argument};
}

// 2^k e^r - 1 = 2 (((2^(k-1) - 1/2) + 2^(k-1) r) + 2^(k-1) (e^r - 1 - r)), made of halves so that
// 2^k overflows only where the result does. The sum up to r keeps what rounding takes from it,
// which counts where it cancels, for k = 1 and -1: only the last addition is rounded, and a small
// term. Its signs are such that a negative zero survives: all that is subtracted from it is a
// positive one.
namespace {

Pair half_expm1(Expr x, Expr low) {
  const Argument argument = clamp_argument(x, low, pick(x, -20, -45), pick(x, 89, 710));
  const ExactExpReduction reduced = reduce_exp_exactly(argument.x, argument.low, -1, 0.936);
  const auto& [r, tail, k, biased] = reduced;
  const Expr power = power_of_two(biased);
  const Expr short_of = 0.5 - power;
  const Expr linear = fma(power, r, -short_of);
  const Expr gained = fma(-power, r, linear + short_of);
  const Expr higher = fma(r, fma(r, -horner(r, kExpm1.of(r).subspan(2)), -tail), -tail);
  return {linear, -fma(power, higher, gained)};
}

}  // namespace

Expr expm1(Expr x, Expr low) {
  const Expr half = rounded(half_expm1(x, low));
  return half + half;
}

Pair expm1_pair(Expr x, Expr low) {
  const Pair half = half_expm1(x, low);
  return {half.high + half.high, half.low + half.low};
}

}  // namespace sluice::numerics
