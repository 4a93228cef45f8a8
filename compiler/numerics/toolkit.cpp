#include "compiler/numerics/toolkit.hpp"

#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

namespace sluice::numerics {
namespace {

#include "compiler/numerics/coefficients_exp.inc"
#include "compiler/numerics/coefficients_exp_eighths.inc"

constexpr Polynomial kExp{kExpF32, kExpF64};

}  // namespace

Expr horner(Expr x, std::span<const double> coefficients) {
  Expr sum = number(x, coefficients.back());
  for (std::size_t i = coefficients.size() - 1; i-- > 0;) sum = fma(sum, x, coefficients[i]);
  return sum;
}

Pair fast_two_sum(Expr a, Expr b) {
  const Expr high = a + b;
  return {high, b - (high - a)};
}

Pair two_sum(Expr a, Expr b) {
  const Expr high = a + b;
  const Expr of_b = high - a;
  return {high, (a - (high - of_b)) + (b - of_b)};
}

namespace {

// Whether fma is one operation of the graph, rounded once.
bool has_fma(Expr like) { return like.graph->family() == Family::fma; }

// The low bits that a number loses to be the upper half of itself: half of 24, and of 53 the more.
constexpr std::uint64_t kLowerHalf32 = (std::uint64_t{1} << 12) - 1;
constexpr std::uint64_t kLowerHalf64 = (std::uint64_t{1} << 27) - 1;

// a = high + low exactly, both so short that products of such halves are exact (Dekker, "A
// floating-point technique for extending the available precision", 1971). By its bits rather than
// by Veltkamp's product with 2^12 + 1, which overflows; and not through f64, for all lanes of a
// graph have one width. Of 53 bits the lower half has one too many, and the product of two such
// halves is rounded, unless the upper half is rounded; which may make it, or its product with
// another, infinite.
enum class Upper { cut, rounded };

Pair halves(Expr a, Upper upper) {
  const bool wide = is_f64(a);
  Expr bits = to_bits(a);
  if (wide && upper == Upper::rounded) bits = bits + ir::integer(a, (kLowerHalf64 + 1) / 2);
  const Expr high = from_bits(bits & ir::integer(a, ~(wide ? kLowerHalf64 : kLowerHalf32)));
  return {high, a - high};
}

// What rounding takes from a product.
Expr lost_by(Expr product, Expr a, Expr b, Upper upper) {
  if (has_fma(a)) return fma(a, b, -product);
  const auto [a_high, a_low] = halves(a, upper);
  const auto [b_high, b_low] = halves(b, upper);
  return a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low);
}

}  // namespace

Pair two_product(Expr a, Expr b) {
  const Expr high = a * b;
  return {high, lost_by(high, a, b, Upper::cut)};
}

Pair exact_product(Expr a, Expr b) {
  const Expr high = a * b;
  return {high, lost_by(high, a, b, Upper::rounded)};
}

Pair product_sum(Expr a, Expr b, Expr c) {
  if (has_fma(a)) {
    const Expr high = fma(a, b, c);
    return {high, fma(a, b, c - high)};
  }
  const Pair product = two_product(a, b);
  const Pair sum = fast_two_sum(c, product.high);
  return {sum.high, sum.low + product.low};
}

// A product that overflows is scaled down, and c with it. A low word is left out where it is NaN,
// as an infinite sum's is, and where it is 0, which would take the sign from a sum of -0.
Expr fused(Expr a, Expr b, Expr c) {
  if (has_fma(a)) return fma(a, b, c);
  const double root = pick(a, 0x1p66, 0x1p514);
  const double inf = std::numeric_limits<double>::infinity();
  const Expr overflows = equal(abs(a * b), inf) && abs(a) < inf && abs(b) < inf;
  const Expr down = select(overflows, 1 / root, number(a, 1));
  const Expr up = select(overflows, root, number(a, 1));
  const Pair product = two_product(a * down, b * down);
  const Pair sum = two_sum(product.high, (c * down) * down);
  const Expr low = sum.low + product.low;
  return (select(number(a, 0) < abs(low), sum.high + low, sum.high) * up) * up;
}

Expr residue(Expr a, Expr b, Expr c) {
  if (has_fma(a)) return fma(a, b, c);
  const Pair product = two_product(a, b);
  return (product.high + c) + product.low;
}

Expr less_multiple(Expr x, Expr k, double constant) {
  if (has_fma(x)) return fma(k, -constant, x);
  const double held = is_f64(x) ? constant : static_cast<double>(static_cast<float>(constant));
  const std::uint64_t cut = is_f64(x) ? kLowerHalf64 : kLowerHalf32 << (52 - 23);
  const double high = std::bit_cast<double>(std::bit_cast<std::uint64_t>(held) & ~cut);
  const double low = held - high;
  return fma(k, -low, fma(k, -high, x));
}

Pair operator+(Expr a, Pair b) {
  const Pair sum = two_sum(a, b.high);
  return fast_two_sum(sum.high, sum.low + b.low);
}

Pair operator+(Pair a, Pair b) {
  const Pair sum = two_sum(a.high, b.high);
  return fast_two_sum(sum.high, sum.low + (a.low + b.low));
}

Pair operator*(Expr a, Pair b) {
  const Pair product = two_product(a, b.high);
  return {product.high, fma(a, b.low, product.low)};
}

Pair operator*(Pair a, Pair b) {
  const Pair product = two_product(a.high, b.high);
  return {product.high, fma(a.low, b.high, fma(a.high, b.low, product.low))};
}

Pair operator/(Pair a, Pair b) {
  const Expr inverse = 1.0 / b.high;
  const Expr high = a.high * inverse;
  const Expr left = fma(-high, b.low, residue(-high, b.high, a.high) + a.low);
  return {high, left * inverse};
}

Pair select(Expr condition, Pair a, Pair b) {
  return {ir::select(condition, a.high, b.high), ir::select(condition, a.low, b.low)};
}

namespace {

Expr sign_bit(Expr x) {
  return to_bits(x) & ir::integer(x, std::uint64_t{1} << (is_f64(x) ? 63 : 31));
}

}  // namespace

Expr copy_zero_sign(Expr y, Expr x) { return from_bits(to_bits(y) | sign_bit(x)); }

Expr signed_like(Expr y, Expr x) { return from_bits(to_bits(y) ^ sign_bit(x)); }

Pair exp_reduced(const ExactExpReduction& reduced) {
  const Pair s = fast_two_sum(reduced.r, expm1_less_argument(reduced.r, reduced.tail));
  const Pair p = fast_two_sum(number(reduced.r, 1), s.high);
  return {p.high, p.low + s.low};
}

ExpPair exp_pair(Expr x, Expr low, int cut) {
  const ExactExpReduction reduced = reduce_exp_exactly(x, low);
  const Expr near = max(reduced.biased, biased_integer(x, cut));
  const Expr power = power_of_two(near);
  const Pair p = exp_reduced(reduced);
  return {{power * p.high, power * p.low}, reduced.biased - near};
}

ExpReduction reduce_exp(Expr x, Expr low, int offset) {
  // Added to 1.5 * 2^23 + 127 (f64: 1.5 * 2^52 + 1023), x log2 e leaves its nearest integer plus
  // the bias in the low bits (Hida, Li and Bailey's and many others' way to round; ties do not
  // matter here). ln 2 is cut so that k times its high word, and x minus that, are exact (Cody and
  // Waite 1980): r is rounded once, in the last step.
  const double magic = biased_integer(x, offset);
  const Expr biased = fma(x, 0x1.71547652b82fep0, number(x, magic));
  const Expr k = biased - magic;
  const Expr near = fma(k, -pick(x, 0x1.62e4p-1, 0x1.62e42feep-1), x);
  const double rest = pick(x, 0x1.7f7d1cf79abcap-20, 0x1.a39ef35793c76p-33);
  // A low word of 0 gives the same bits as none.
  const Expr r = fma(k, -rest, low.is_constant(0) ? near : near + low);
  return {r, k, biased};
}

ExactExpReduction reduce_exp_exactly(Expr x, Expr low, int offset, double part) {
  // ln 2 rounded is a multiple of 2^-24 (f64: 2^-53), and so then is x - k ln 2: below 1 it fits.
  const double magic = biased_integer(x, offset);
  const Expr biased = fma(x, 0x1.71547652b82fep0, number(x, magic));
  const Expr k = biased - magic;
  const Expr r = less_multiple(x, k, pick(x, 0x1.62e43p-1, 0x1.62e42fefa39efp-1));
  const Expr rest = number(x, pick(x, 0x1.05c61p-29 * part, -0x1.abc9e3b39803fp-56));
  const Expr tail = low.is_constant(0) ? k * rest : fma(k, rest, low);
  // What those who use the tail leave out of it, tail r^2 / 2, is too much where k reaches 1075,
  // and where a low word of up to 64 ulps of r comes in.
  if (!is_f64(x) && low.is_constant(0)) return {r, tail, k, biased};
  const Pair sum = fast_two_sum(r, tail);
  return {sum.high, sum.low, k, biased};
}

ExpProduct exp_by_eighths(Expr x, Expr low) {
  const double magic = 0x1.8p23;
  const Expr shifted = fma(x, 0x1.715476p+3, number(x, magic));
  const Expr k = shifted - magic;
  Expr r = fma(k, 0x1.05c61p-32, less_multiple(x, k, 0x1.62e43p-4));
  if (!low.is_constant(0)) r = r + low;
  const Expr index = to_bits(shifted);
  const Expr eighth =
      lookup(index, "exp_eighth", {std::begin(kExpEighthF32), std::end(kExpEighthF32)});
  return {from_bits(to_bits(eighth) + (index << 20)), horner(r, kExpLessOneF32)};
}

Expr expm1_less_argument(Expr r, Expr tail) {
  // The tail counts as tail e^r, of which tail (1 + r) is enough.
  return fma(r, fma(r, horner(r, kExp.of(r).subspan(2)), tail), tail);
}

Expr expm1_reduced(Expr r, Expr tail) { return r + expm1_less_argument(r, tail); }

Expr exp_reduced(Expr r) { return horner(r, kExp); }

Expr expm1_reduced(Expr r) { return fma(r * r, horner(r, kExp.of(r).subspan(2)), r); }

Expr power_of_two(Expr biased) { return from_bits(to_bits(biased) << (is_f64(biased) ? 52 : 23)); }

double biased_integer(Expr like, int k) { return pick(like, 0x1.8p23 + 127, 0x1.8p52 + 1023) + k; }

Argument clamp_argument(Expr x, Expr low, double least, double greatest) {
  const Expr floor = max(x, least);
  const Expr limited = min(floor, greatest);
  return {x, floor, limited, low.is_constant(0) ? low : select(equal(limited, x), low, 0.0)};
}

Pair slope_factor(Pair t, const Argument& argument) {
  if (t.high == argument.given) return fast_two_sum(argument.x, argument.low);
  const Expr within = equal(argument.x, argument.given);
  return select(within, fast_two_sum(t.high, t.low), {number(t.high, 0), number(t.high, 0)});
}

namespace {

// 1/d to an eighth, for positive d: the constant less d's bits negates exponent and mantissa.
Expr near_reciprocal(Expr d) {
  const std::uint64_t magic = is_f64(d) ? 0x7fde623822fc16e6 : 0x7ef311c7;
  return from_bits(ir::integer(d, magic) - to_bits(d));
}

// What is added to a value that may be infinite, and it a NaN then.
Expr where_finite(Expr value, Expr low) {
  return select(abs(value) < pick(value, 0x1p127, 0x1p1023), low, 0.0);
}

// The factor times the numerator, but for the factor's low word where there is a denominator.
Expr product(const Scaled& scaled) {
  const Expr& u = *scaled.factor;
  const Expr& high = scaled.numerator;
  std::optional<Expr> low = scaled.numerator_low;
  if (low && !high.is_constant(1)) low = u * *low;
  if (scaled.factor_low && !scaled.denominator) {
    const Expr lost = where_finite(high, *scaled.factor_low * high);
    low = low ? lost + *low : lost;
  }
  if (!low) return high.is_constant(1) ? u : u * high;
  return high.is_constant(1) ? fma(u, *low, u) : fma(u, high, *low);
}

}  // namespace

Expr nan_where_infinite(Expr x, Expr value) { return fma(x, number(x, 0), value); }

Scaled times(Expr u, const Scaled& scaled, AtInfinity at_infinity) {
  Scaled result = scaled;
  const bool apart = scaled.factor && scaled.apart;
  if (scaled.factor && !apart) {
    result.exponent.reset();
    result = {
        .numerator = value_of(result), .exponent = scaled.exponent, .argument = scaled.argument};
  }
  result.apart = false;
  result.factor_low.reset();
  if (const std::optional<Argument>& argument = scaled.argument) {
    const Expr floor = argument->floor;
    if (u != argument->given) {
      u = select(equal(floor, argument->given), u, u * 0.0);
      result.argument.reset();
    } else if (at_infinity == AtInfinity::ieee) {
      u = nan_where_infinite(min(u, 0.0), floor);
    } else {
      u = floor;
    }
  }
  result.factor = u;
  if (apart) {
    const Pair p = two_product(u, *scaled.factor);
    result.factor = p.high;
    result.factor_low = where_finite(p.high, p.low);
  }
  return result;
}

Scaled over(const Scaled& scaled, Expr d, double least) {
  Scaled numerator = scaled;
  numerator.exponent.reset();
  Scaled result{.numerator = value_of(numerator), .exponent = scaled.exponent};
  const Expr quotient = result.numerator / d;
  result.numerator = quotient;
  if (!scaled.argument) return result;
  const double tiny = pick(d, 0x1p-126, 0x1p-1022);
  if (least >= pick(d, 0x1p-64, 0x1p-512)) {  // 0 already; later factors are made small
    result.argument = scaled.argument;
    return result;
  }
  // Where the argument is limited the numerator is below 2^-50 (f64: 2^-500), and its quotient by
  // any number is to be 0, also beside later factors; by 0 it stays infinite.
  const Argument& argument = *scaled.argument;
  const Expr less = select(equal(argument.floor, argument.given), number(d, 1), tiny);
  result.numerator = (quotient * less) * less;
  return result;
}

Scaled unscaled(Pair value) {
  const Expr half = value.high * 0.5;
  return {.numerator = half, .numerator_low = (value.high - half) + value.low};
}

Expr value_of(const Scaled& scaled) {
  Expr value = scaled.numerator;
  if (scaled.factor)
    value = product(scaled);
  else if (scaled.numerator_low)
    value = value + *scaled.numerator_low;
  if (const std::optional<Expr>& divisor = scaled.denominator) {
    const Expr dividend = value;
    value = dividend / *divisor;
    // With the factor's, a quotient would have one rounding too many: it is put right as a whole.
    if (scaled.factor_low) {
      Expr left = residue(-value, *divisor, dividend);
      if (scaled.denominator_low) left = fma(-value, *scaled.denominator_low, left);
      left = fma(*scaled.factor_low, scaled.numerator, left);
      value = fma(where_finite(value, left), near_reciprocal(*divisor), value);
    }
  }
  if (scaled.exponent) value = scale(value, *scaled.exponent);
  return value;
}

}  // namespace sluice::numerics
