// Cheaper forms of exp and of what is made of it.
//
// e^x = 2^k 2^-s, k the integer nearest to x log2 e and s = k - x log2 e: base two needs one fma
// for s where a relative error of 2^-17.8 will do, and a second one with the constant's low word
// where it will not. Denormal results are right to what a grade promises, a fraction of the
// smallest normal number, so that factors may be denormal numbers where a full expansion keeps
// their exponent apart.
#include "compiler/numerics/fast.hpp"

#include <span>
#include <vector>

#include "compiler/numerics/functions.hpp"

namespace sluice::numerics {
namespace {

#include "compiler/numerics/coefficients_fast_exp.inc"

constexpr double kLog2E = 0x1.715476p+0;
constexpr double kLog2ELow = 0x1.4ae0bf85ddf44p-26;  // log2 e less that

// The error is that of the polynomial and of its evaluation.
struct Approximation {
  double error;
  std::span<const double> coefficients;
};

constexpr Approximation kExp2[] = {
    {0x1.dfp-10, kFastExp2Degree2},  // 2^-9.1
    {0x1.a8p-14, kFastExp2Degree3},  // 2^-13.7
    {0x1.78p-19, kFastExp2Degree4},  // 2^-18.5
    {0, kFastExp2Degree5},           // 2^-22.9
};

// e^(+-x) as 2^k 2^-s; the low bits of `biased` hold k + offset + bias.
struct Reduced {
  Expr biased;
  Expr k;
  Expr s;
};

// What the polynomial of degree 4 and log2 e without its low word, 2^-19.4 at -105, are off by.
constexpr double kWithoutLow = 0x1.28p-18;
// Where the rounding of x log2 e without fma, 2^-17 at -105, does not matter.
constexpr double kRoundedProduct = 0x1p-14;

enum class Of { argument, negative };

Reduced reduce(Expr x, Expr low, double tolerance, Of of, int offset = 0) {
  const double sign = of == Of::argument ? 1 : -1;
  const double magic = biased_integer(x, offset);
  const Expr biased = fma(x, sign * kLog2E, number(x, magic));
  const Expr k = biased - magic;
  Expr s = tolerance < kRoundedProduct ? residue(x, number(x, -sign * kLog2E), k)
                                       : fma(x, -sign * kLog2E, k);
  if (tolerance < kWithoutLow) s = fma(x, -sign * kLog2ELow, s);
  if (!low.is_constant(0)) s = fma(low, -sign * kLog2E, s);
  return {biased, k, s};
}

}  // namespace

Expr fast_exp2_reduced(Expr s, double tolerance, double factor) {
  for (const Approximation& each : kExp2) {
    if (each.error > tolerance) continue;
    std::vector<double> scaled(each.coefficients.begin(), each.coefficients.end());
    for (double& coefficient : scaled) coefficient *= factor;
    return horner(s, scaled);
  }
  return s;
}

Expr fast_exp(Expr x, Expr low, double tolerance) {
  const Argument argument = clamp_argument(x, low, -105, 89);
  const Reduced reduced = reduce(argument.x, argument.low, tolerance, Of::argument);
  return ldexp(fast_exp2_reduced(reduced.s, tolerance), reduced.k);
}

Scaled fast_exp_scaled(Expr x, Expr low, double tolerance) {
  const Argument argument = clamp_argument(x, low, -155, 175);
  const Reduced reduced = reduce(argument.x, argument.low, tolerance, Of::argument);
  const Halves halves = halve_power(reduced.biased);
  return {.numerator = halves.power * fast_exp2_reduced(reduced.s, tolerance),
          .exponent = halves.rest,
          .argument = argument};
}

Expr fast_exp2(Expr x, Expr low, double tolerance) {
  const Argument argument = clamp_argument(x, low, -152, 129);
  const double magic = biased_integer(x, 0);
  const Expr k = (argument.x + magic) - magic;
  Expr s = k - argument.x;
  if (!low.is_constant(0)) s = s - argument.low;
  return ldexp(fast_exp2_reduced(s, tolerance), k);
}

// 2^k (2^-s - 1) + (2^k - 1), made of halves so that 2^k overflows only where the result does.
// Where the sum cancels, for k = 1, the polynomial's error counts 1.4 times.
Expr fast_expm1(Expr x, Expr low, double tolerance) {
  const Argument argument = clamp_argument(x, low, -20, 89);
  const Reduced reduced = reduce(argument.x, argument.low, tolerance, Of::argument, -1);
  const bool coarse = tolerance >= 0x1.2p-15;
  const Expr p = horner(reduced.s, coarse ? std::span<const double>(kFastExp2Less1Degree3)
                                          : std::span<const double>(kFastExp2Less1Degree4));
  const Expr power = power_of_two(reduced.biased);
  const Expr half = fma(power, reduced.s * p, power - 0.5);
  return copy_zero_sign(half + half, x);
}

// Numerator and denominator times 2^-24: so E = e^-x fits down to the smallest denormal result.
namespace {

constexpr int kShift = 24;
constexpr double kOne = 0x1p-24;

struct Shifted {
  Expr e;      // 2^-24 E
  Expr below;  // 2^-24 (1 + E)
};

Shifted shifted(const Argument& argument, double tolerance) {
  const Reduced reduced = reduce(argument.x, argument.low, tolerance, Of::negative, -kShift);
  const Expr power = power_of_two(reduced.biased);
  const Expr p = fast_exp2_reduced(reduced.s, tolerance);
  return {power * p, fma(power, p, number(p, kOne))};
}

// For the arguments where that fits, from where the result is nothing.
Argument clamped(Expr x, Expr low) { return clamp_argument(x, low, -104, 70); }

}  // namespace

Expr fast_sigmoid(Expr x, Expr low, double tolerance) {
  return kOne / shifted(clamped(x, low), tolerance).below;
}

Expr fast_times_sigmoid(Expr x, double tolerance) {
  const Argument argument = clamped(x, number(x, 0));
  return argument.floor * (kOne / shifted(argument, tolerance).below);
}

Scaled fast_sigmoid_scaled(Expr x, Expr low, double tolerance) {
  const Argument argument = clamp_argument(x, low, -156, 87);
  const Reduced reduced = reduce(argument.x, argument.low, tolerance, Of::negative);
  const Expr cut = min(reduced.biased, biased_integer(x, 100));
  return {.numerator = number(x, 1),
          .denominator =
              fma(power_of_two(cut), fast_exp2_reduced(reduced.s, tolerance), number(x, 1)),
          .exponent = cut - reduced.biased,
          .argument = argument};
}

// q / (1 + q)^2 with q = e^-|x|, of which the least part of the exponent is kept apart.
Scaled fast_sigmoid_derivative_scaled(Expr x, Expr low, double tolerance) {
  const Expr positive = x > number(x, 0);
  const Argument argument =
      clamp_argument(-abs(x), low.is_constant(0) ? low : select(positive, -low, low), -128, 0);
  const Reduced reduced = reduce(argument.x, argument.low, tolerance, Of::argument);
  const Expr near = max(reduced.biased, biased_integer(x, -100));
  const Expr power = power_of_two(near);
  const Expr p = fast_exp2_reduced(reduced.s, tolerance);
  const Expr sum = fma(power, p, number(x, 1));
  return {.numerator = (power * p) / (sum * sum),
          .exponent = reduced.biased - near,
          .argument = argument};
}

Expr fast_sigmoid_derivative(Expr x, Expr low, double tolerance) {
  return value_of(fast_sigmoid_derivative_scaled(x, low, tolerance));
}

// s (1 + x b) with s = 1 / (1 + E) and b = sigmoid(-x) = E s. Outside the zero crossing's interval
// an error of E counts 1.5 times.
Expr fast_sigmoid_plus_slope(Expr x, Expr low, double tolerance) {
  const Argument argument = clamped(x, low);
  const Shifted parts = shifted(argument, tolerance / 1.5);
  const Expr inverse = 1.0 / parts.below;
  return (inverse * kOne) * fma(argument.x, parts.e * inverse, 1.0);
}

namespace {

// log(1 + q)/q
std::span<const double> log1p_over_argument(double tolerance) {
  if (tolerance > 0x1p-12) return kFastLog1pDegree3;    // 2^-11.3, counted in a sum
  if (tolerance > 0x1.3p-17) return kFastLog1pDegree5;  // 2^-16.8
  return kFastLog1pDegree6;                             // 2^-19.5
}

}  // namespace

// max(x, 0) + q P(q), q = e^-|x|, of which the least part of the exponent is kept apart.
Scaled fast_log1p_exp_scaled(Expr x, Expr low, double tolerance) {
  // Above 64 q is of no account.
  const Argument argument = clamp_argument(x, low, -155, 64);
  const Expr positive = argument.x > number(x, 0);
  const Expr part = low.is_constant(0) ? low : select(positive, -argument.low, argument.low);
  const Reduced reduced = reduce(-abs(argument.x), part, tolerance * 0.75, Of::argument);
  const Expr near = max(reduced.biased, biased_integer(x, -100));
  const Expr q = power_of_two(near) * fast_exp2_reduced(reduced.s, tolerance * 0.75);
  const Expr p = horner(q, log1p_over_argument(tolerance * 0.25));
  return {
      .numerator = fma(q, p, max(x, 0.0)), .exponent = reduced.biased - near, .argument = argument};
}

Expr fast_log1p_exp(Expr x, Expr low, double tolerance) {
  return value_of(fast_log1p_exp_scaled(x, low, tolerance));
}

Scaled fast_log_sigmoid_scaled(Expr x, Expr low, double tolerance) {
  Scaled mirrored = fast_log1p_exp_scaled(-x, negated(low), tolerance);
  mirrored.numerator = -mirrored.numerator;
  mirrored.argument.reset();
  return mirrored;
}

Expr fast_log_sigmoid(Expr x, Expr low, double tolerance) {
  return -fast_log1p_exp(-x, negated(low), tolerance);
}

// mish's gate is v / (v + 2) with v = w (w + 2), w = e^x.
namespace {

struct Gate {
  Argument argument;
  Expr w;
  Expr v;
};

Gate gate(Expr x, Expr low, double tolerance) {
  const Argument argument = clamp_argument(x, low, -104, 20);
  const Reduced reduced = reduce(argument.x, argument.low, tolerance, Of::argument);
  const Expr w = ldexp(fast_exp2_reduced(reduced.s, tolerance), reduced.k);
  return {argument, w, fma(w, w, w + w)};
}

}  // namespace

Expr fast_times_tanh_log1p_exp(Expr x, double tolerance) {
  const Gate g = gate(x, number(x, 0), tolerance);
  return g.argument.floor * (g.v / (g.v + 2.0));
}

// w r ((w + 2) + 4 x (w + 1) r) with r = 1 / (v + 2).
Expr fast_tanh_log1p_exp_plus_slope(Expr x, Expr low, double tolerance) {
  const Gate g = gate(x, low, tolerance / 4);
  const Expr r = 1.0 / (g.v + 2.0);
  const Expr m = g.w * r;
  const Expr slope = (g.argument.x * 4.0) * fma(g.w, r, r);
  return m * (slope + (g.w + 2.0));
}

}  // namespace sluice::numerics
