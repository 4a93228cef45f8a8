// What the expansions of elementary functions are made of: double-word sums and products,
// polynomials whose coefficients depend on the compute type, the range reduction of the
// exponential, and values kept as scaled fractions.
//
// Everything here adds machine ops to the graph that the operands belong to. One piece of code
// serves f32 and f64: what differs is a constant (`pick`) or a table of coefficients
// (`Polynomial`). It serves both families of targets too: where there is no fma, `fma` is a product
// and a sum, each rounded, and what needs more than that says so by `two_product` and the functions
// after it, which are fma where there is one and else made of exact products of halves.
#pragma once

#include <optional>
#include <span>

#include "compiler/ir/expr.hpp"

namespace sluice::numerics {

using ir::Expr;

inline bool is_f64(Expr like) { return like.graph->compute() == ir::Elem::f64; }
inline double pick(Expr like, double f32, double f64) { return is_f64(like) ? f64 : f32; }

// Coefficients from the constant term up, for each compute type.
struct Polynomial {
  std::span<const double> f32;
  std::span<const double> f64;
  [[nodiscard]] std::span<const double> of(Expr like) const { return is_f64(like) ? f64 : f32; }
};

// c[0] + x*(c[1] + x*(...)), one fma a coefficient.
Expr horner(Expr x, std::span<const double> coefficients);
inline Expr horner(Expr x, const Polynomial& polynomial) { return horner(x, polynomial.of(x)); }

// An unevaluated sum: |low| is at most half an ulp of high, or a small multiple of it.
struct Pair {
  Expr high;
  Expr low;
};

// a + b exactly. fast_two_sum asks for |a| >= |b| or a = 0 (Dekker); two_sum for nothing (Knuth).
Pair fast_two_sum(Expr a, Expr b);
Pair two_sum(Expr a, Expr b);
// Sums and products of pairs, to a few units of 2^-46 (f64: 2^-104) of the largest operand.
Pair operator+(Expr a, Pair b);
Pair operator+(Pair a, Pair b);
Pair operator*(Expr a, Pair b);
Pair operator*(Pair a, Pair b);
// The quotient, whose low word is good to some 2^-22 of itself, by the reciprocal of b, which must
// be a normal number.
Pair operator/(Pair a, Pair b);
Pair select(Expr condition, Pair a, Pair b);
inline Expr rounded(Pair a) { return a.high + a.low; }
// a * b exactly, where neither the product nor its low word under- or overflows; in f64 without fma
// but for 2^-103 of it, unless one of the two has no more than 52 bits.
Pair two_product(Expr a, Expr b);
// The same exactly in any case, for factors and products below 2^1000 (f64).
Pair exact_product(Expr a, Expr b);
// a * b + c for |c| >= |a b|, or c = 0, nearly exactly.
Pair product_sum(Expr a, Expr b, Expr c);
// a * b + c rounded once, or by little more than that.
Expr fused(Expr a, Expr b, Expr c);
// The same to an ulp of the result, and NaN where a, b, or their product is infinite. Where a b and
// -c are within a factor of two of each other it is as exact as two_product, if the result fits.
Expr residue(Expr a, Expr b, Expr c);
inline Expr residue(Expr a, Expr b, double c) { return residue(a, b, number(a, c)); }
// x - k constant, for k an integer of at most 12 (f64: 26) bits, where that and all between it and
// x fit a number: the range reduction by a constant.
Expr less_multiple(Expr x, Expr k, double constant);

// x = k ln 2 + r with |r| <= ln 2 / 2 and a few units of 2^-51 (f32: 2^-26 absolute, half of it
// from rounding r).
struct ExpReduction {
  Expr r;
  Expr k;  // an integer, as a number
  // The number whose low bits hold k + offset + bias: power_of_two makes it 2^(k + offset).
  Expr biased;
};
// For |x| < 2^10 (f64: 2^13): callers clamp first. `low` is the argument's low word, or the
// constant 0; it must be finite (see clamp_argument).
ExpReduction reduce_exp(Expr x, Expr low, int offset = 0);
// The same with r exact: x = k ln 2 + r + tail, where tail is some units of 2^-25 r (f32). One
// operation more in what follows, where the rounding of r is too much. In f32 the tail is at most
// four ulps, and those who use it leave out tail r^2 / 2, up to a sixteenth of it: `part` times the
// tail is what they get, 1.04 to halve that error.
struct ExactExpReduction {
  Expr r;
  Expr tail;
  Expr k;
  Expr biased;
};
ExactExpReduction reduce_exp_exactly(Expr x, Expr low, int offset = 0, double part = 1.04);
// e^(r + tail) - 1, and that less r.
Expr expm1_less_argument(Expr r, Expr tail);
Expr expm1_reduced(Expr r, Expr tail);
// e^r for a reduced r, in [0.70, 1.42], to 0.8 ulps.
Expr exp_reduced(Expr r);
// The same as a pair, good to 2^-28 (f64: 2^-57).
Pair exp_reduced(const ExactExpReduction& reduced);
// e^r - 1 for a reduced r, in [-0.30, 0.42], to 0.8 ulps of itself.
Expr expm1_reduced(Expr r);
// 2^(k + offset), which must be a normal number.
Expr power_of_two(Expr biased);
// The constant whose low bits hold k + bias.
double biased_integer(Expr like, int k);

// e^(x + low) as a pair times 2^rest, for a limited argument. The pair stays at 2^cut where e^x is
// less, so that it may be worked with; rest is then the rest of the exponent.
struct ExpPair {
  Pair value;
  Expr rest;
};
ExpPair exp_pair(Expr x, Expr low, int cut);

// f32: e^(x + low) = power (1 + s), where |s| < 0.05, so that its rounding is nothing; to 2^-27.6.
// For |x| < 85, where power is a normal number.
struct ExpProduct {
  Expr power;
  Expr s;
};
ExpProduct exp_by_eighths(Expr x, Expr low);

// -low, and the constant 0 as it is: what costs nothing stays recognisable.
inline Expr negated(Expr low) { return low.is_constant(0) ? low : -low; }

// y with the sign bit of x set too: the sign of zero of a function with f(-0) = -0, or the whole
// sign where y is the function's magnitude.
Expr copy_zero_sign(Expr y, Expr x);

// y with its sign turned where x's sign bit is set.
Expr signed_like(Expr y, Expr x);

// An argument and its low word, limited to [least, greatest]. NaN stays NaN. Where the limit acts
// the low word is 0: at an infinite argument a low word made by fma(a, b, -a*b) is NaN.
struct Argument {
  Expr given;
  Expr floor;  // max(given, least)
  Expr x;
  Expr low;
};
Argument clamp_argument(Expr x, Expr low, double least, double greatest);
// A factor of a derivative f'(x), where f' is 0 beyond the limits: nothing there, or where it is x
// itself, limited like it.
Pair slope_factor(Pair t, const Argument& argument);

// Whether a factor of a derivative at x makes no product overflow: t is x, or not huge.
inline Expr is_moderate(Pair t, Expr x, Expr where) {
  return t.high == x ? where : where && abs(t.high) <= 0x1p100;
}

// factor * numerator / denominator * 2^exponent: a value that may be too small for its type
// although its product with something else is not, as sigmoid(-100) in x * sigmoid(x). Products and
// sums take the parts together, and the exponent is applied last (expand.cpp).
struct Scaled {
  Expr numerator;
  // The numerator is the pair; the constant 1 as its high word costs nothing.
  std::optional<Expr> numerator_low = {};
  std::optional<Expr> denominator = {};
  std::optional<Expr> denominator_low = {};
  // An integer in -126..127 (f64: -1022..1023), as a number: ir::scale applies it.
  std::optional<Expr> exponent = {};
  // The function's argument, and the one that the parts are computed from, larger where the
  // function vanishes: there a factor must be made small too, be it 1e38. The argument itself as a
  // factor is limited like it, which leaves other factors to be made small.
  std::optional<Argument> argument = {};
  // A factor, or the product of two and what rounding took from it.
  std::optional<Expr> factor = {};
  std::optional<Expr> factor_low = {};
  // Whether a second factor is to be multiplied with the first: (x f(x)) y is (x y) f(x), for x
  // f(x) may be denormal, or have lost digits, where the whole is not. Not so a first one that may
  // be huge where f is small: the product of the two might overflow.
  bool apart = false;
};

// A pair whose products are to be rounded once. Both parts get the value's sign, so that their
// products with an infinite factor have it. The half of a denormal number is rounded.
Scaled unscaled(Pair value);

// The value of a scaled fraction, rounded.
Expr value_of(const Scaled& scaled);
// What a product at an infinite factor is: IEEE's, where inf * 0 is NaN, or whatever is cheapest,
// since limits are selected over it.
enum class AtInfinity { ieee, any };
// u times the fraction.
Scaled times(Expr u, const Scaled& scaled, AtInfinity at_infinity);
// The fraction, which has an exponent, over d, whose magnitude is not below `least`.
Scaled over(const Scaled& scaled, Expr d, double least);
// value, which is 0 or the limit where x is infinite, as IEEE has products of x and 0.
Expr nan_where_infinite(Expr x, Expr value);

}  // namespace sluice::numerics
