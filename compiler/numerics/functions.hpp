// The expansions of the primitives, by name. A `low` is the argument's low word, or the constant 0
// (then it must cost nothing). Three forms, of which a primitive may lack the last two:
//   f           the value, to its promise (numerics.md)
//   f_scaled    the value as a scaled fraction, for products: less accurate alone, but nothing is
//   lost in the tails, and
//               u * f costs the expansion little more than f
//   f_pair      the value and what rounding took away, for sums that cancel: together good to 2^-28
//   (f64: 2^-57)
#pragma once

#include "compiler/numerics/toolkit.hpp"

namespace sluice::numerics {

// exp.cpp
Expr exp(Expr x, Expr low);
Scaled exp_scaled(Expr x, Expr low);
Pair exp_pair(Expr x, Expr low);
// 2^k = power * 2^rest, for k a little beyond the normal numbers' exponents.
struct Halves {
  Expr power;
  Expr rest;
};
Halves halve_power(Expr biased);
Expr exp2(Expr x, Expr low);
Scaled exp2_scaled(Expr x, Expr low);
// 2^(x + low) = 2^r power 2^rest, for a limited argument; 2^r; and 2^r - 1.
struct Exp2Parts {
  Expr r;
  Expr power;
  Expr rest;
  Argument argument;
};
Exp2Parts exp2_parts(Expr x, Expr low);
Expr exp2_reduced(Expr r);
Expr exp2_less_one(Expr r);
Expr expm1(Expr x, Expr low);
Pair expm1_pair(Expr x, Expr low);

// sigmoid.cpp
Expr sigmoid(Expr x, Expr low);
Scaled sigmoid_scaled(Expr x, Expr low);
Pair sigmoid_pair(Expr x, Expr low);
Expr sigmoid_derivative(Expr x, Expr low);
Scaled sigmoid_derivative_scaled(Expr x, Expr low);
Pair sigmoid_derivative_pair(Expr x, Expr low);
// sigmoid(x) + t * sigmoid_derivative(x), as one piece; so are the other two *_plus_slope.
Expr sigmoid_plus_slope(Expr x, Expr low, Pair t);

// tanh.cpp
Expr tanh(Expr x, Expr low);
Scaled tanh_scaled(Expr x, Expr low);
Pair tanh_pair(Expr x, Expr low);
Expr tanh_squared(Expr x, Expr low);

// x - tanh(x)
Expr tanhshrink(Expr x, Expr low);

// softplus.cpp
Expr log1p_exp(Expr x, Expr low);
Scaled log1p_exp_scaled(Expr x, Expr low);
Pair log1p_exp_pair(Expr x, Expr low);
Expr log_sigmoid(Expr x, Expr low);
Scaled log_sigmoid_scaled(Expr x, Expr low);
Pair log_sigmoid_pair(Expr x, Expr low);
Expr tanh_log1p_exp(Expr x, Expr low);
Scaled tanh_log1p_exp_scaled(Expr x, Expr low);
Pair tanh_log1p_exp_pair(Expr x, Expr low);
Expr tanh_log1p_exp_derivative(Expr x, Expr low);
Scaled tanh_log1p_exp_derivative_scaled(Expr x, Expr low);
Pair tanh_log1p_exp_derivative_pair(Expr x, Expr low);
Expr tanh_log1p_exp_plus_slope(Expr x, Expr low, Pair t);

// erf.cpp
Expr erf(Expr x, Expr low);
Scaled erf_scaled(Expr x, Expr low);
Pair erf_pair(Expr x, Expr low);

// normal.cpp
Expr normal_cdf(Expr x, Expr low);
Scaled normal_cdf_scaled(Expr x, Expr low);
Expr erfc(Expr x, Expr low);
Expr normal_pdf(Expr x, Expr low);
// As one piece each, and at -inf and inf their limits: x * normal_cdf(x), its derivative (of which
// the low word and t must be none and x), and x * normal_pdf(x).
Expr times_normal_cdf(Expr x);
Expr normal_cdf_plus_slope(Expr x, Expr low, Pair t);
Expr times_normal_pdf(Expr x);

// log.cpp
Expr log(Expr x, Expr low);
Expr log2(Expr x, Expr low);
Expr log10(Expr x, Expr low);
Expr log1p(Expr x, Expr low);
Scaled log1p_scaled(Expr x, Expr low);
Pair log1p_pair(Expr x, Expr low);
// log(x) + more log 2, where the low word is no more than an ulp of the high one and of no account
// (it may be NaN) unless `counts`.
Expr log_of_pair(Pair x, Expr counts, Expr more);

// cbrt.cpp
Expr cbrt(Expr x, Expr low);

// hyperbolic.cpp
Expr sinh(Expr x, Expr low);
Expr cosh(Expr x, Expr low);

// trigonometric.cpp
Expr sin(Expr x, Expr low);
Pair sin_pair(Expr x, Expr low);
Expr cos(Expr x, Expr low);
Pair cos_pair(Expr x, Expr low);
Expr tan(Expr x, Expr low);

// inverse_trigonometric.cpp
Expr atan(Expr x, Expr low);
Expr asin(Expr x, Expr low);
Expr acos(Expr x, Expr low);

// inverse_hyperbolic.cpp
Expr asinh(Expr x, Expr low);
Expr acosh(Expr x, Expr low);
Expr atanh(Expr x, Expr low);

// pow.cpp
Expr pow(Expr x, Expr y);
Scaled pow_scaled(Expr x, Expr y);
Expr pow_less_one(Expr x, Expr y);
Scaled pow_less_one_scaled(Expr x, Expr y);
// pow(x, y) * log(x), from one logarithm.
Scaled pow_times_log(Expr x, Expr y, AtInfinity at_infinity);

// squareplus.cpp: (x + sqrt(x^2 + b)) / 2 and its derivative by x
Expr squareplus(Expr x, Expr b);
Expr squareplus_slope(Expr x, Expr b);

// rsqrt.cpp
Expr rsqrt(Expr x, Expr low);

}  // namespace sluice::numerics
