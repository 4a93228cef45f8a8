// pow, and pow with an exponent less one, the power in pow's derivative.
//
// |x|^y = 2^(y log2 |x|), with log2 |x| as a pair good to 2^-35 (f64: 2^-66), so that what y makes
// of its error is nothing beside an ulp. Special cases are those of C (C17 F.10.4.4).
#include "compiler/numerics/functions.hpp"

#include <limits>
#include <string>
#include <vector>

namespace sluice::numerics {
namespace {

using ir::Op;

#include "compiler/numerics/coefficients_pow.inc"

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr Polynomial kPow{kPowF32, kPowF64};

Expr entry(Expr index, int row) {
  const auto& entries = is_f64(index) ? kPowOctaveF64[row] : kPowOctaveF32[row];
  return lookup(index, "pow_" + std::to_string(row),
                std::vector<double>(std::begin(entries), std::end(entries)));
}

// c + r a, for |r a| < |c|.
Pair step(Pair r, Pair a, const double (&c)[2]) {
  const Pair product = r * a;
  const Pair sum = fast_two_sum(number(r.high, c[0]), product.high);
  return {sum.high, sum.low + (product.low + c[1])};
}

// log2(1 + r) / r.
template <std::size_t kCount>
Pair quotient(Pair r, const double (&leading)[kCount][2]) {
  const Expr rest = horner(r.high, kPow);
  Pair sum = two_product(r.high, rest);
  sum.low = fma(r.low, rest, sum.low);
  const Pair last = fast_two_sum(number(rest, leading[kCount - 1][0]), sum.high);
  sum = {last.high, last.low + (sum.low + leading[kCount - 1][1])};
  for (std::size_t j = kCount - 1; j-- > 0;) sum = step(r, sum, leading[j]);
  return sum;
}

// m = (1 + r) / i; k + T is exact, and 0 near x = 1. Where k is infinite so is the high word, and
// the low word is NaN.
Pair log2_pair(Expr magnitude) {
  const Expr m = mantissa(magnitude);
  const Expr index = to_bits(m) >> (is_f64(m) ? 49 : 20);
  const Pair scaled = two_product(m, entry(index, 0));
  const Pair r{scaled.high - 1.0, scaled.low};
  const Pair near = r * (is_f64(m) ? quotient(r, kPowLeadingF64) : quotient(r, kPowLeadingF32));
  const Pair sum = fast_two_sum(exponent(magnitude) + entry(index, 1), near.high);
  return {sum.high, sum.low + (near.low + entry(index, 2))};
}

// What 2 is raised to, and what is to be made of that: the sign bit, or NaN.
struct Power {
  Pair exponent;
  Expr sign;
  Expr undefined;
};

// |x|^(y - less), for less = 0 or 1.
Power power(Expr x, Expr y, int less) {
  const Expr magnitude = abs(x);
  const Pair log = log2_pair(magnitude);
  Pair product = y * log;
  if (less != 0) {
    const Pair by = two_sum(y, number(y, -less));
    product = by.high * log;
    product.low = fma(by.low, log.high, product.low);
  }
  // 1 whatever the other is.
  const Expr trivial = equal(magnitude, 1.0) || equal(y, static_cast<double>(less));
  const Expr zero = number(x, 0);
  // An infinity counts as even.
  const Expr half = y * 0.5;
  const Expr is_integer = equal(make(Op::floor, y), y);
  const Expr is_even = equal(make(Op::floor, half), half);
  Expr is_odd = is_integer && !is_even;
  if (less != 0) is_odd = is_integer && is_even && abs(y) < kInf;
  const Expr sign = to_bits(x) ^ to_bits(magnitude);
  return {{select(trivial, zero, product.high), select(trivial, zero, product.low)},
          select(is_odd, sign, integer(x, 0)),
          x < 0.0 && !is_integer && magnitude < kInf};
}

Expr value_of(const Power& power) {
  const Expr value = exp2(power.exponent.high, power.exponent.low);
  return select(power.undefined, kNaN, from_bits(to_bits(value) ^ power.sign));
}

// The numerator is `value` times the power of two; products that the parts cannot hold are
// infinite.
Scaled scaled_of(const Power& power, const Exp2Parts& parts, Expr value) {
  const Expr exponent = power.exponent.high;
  const Expr beyond = number(exponent, pick(exponent, 252, 2044)) < exponent;
  const Expr numerator =
      select(power.undefined, kNaN,
             select(beyond, kInf, value.is_constant(1) ? parts.power : parts.power * value));
  return {.numerator = from_bits(to_bits(numerator) ^ power.sign),
          .exponent = parts.rest,
          .argument = parts.argument};
}

Scaled scaled_of(const Power& power) {
  const Exp2Parts parts = exp2_parts(power.exponent.high, power.exponent.low);
  return scaled_of(power, parts, exp2_reduced(parts.r));
}

}  // namespace

Expr pow(Expr x, Expr y) { return value_of(power(x, y, 0)); }
Scaled pow_scaled(Expr x, Expr y) { return scaled_of(power(x, y, 0)); }
Expr pow_less_one(Expr x, Expr y) { return value_of(power(x, y, 1)); }
Scaled pow_less_one_scaled(Expr x, Expr y) { return scaled_of(power(x, y, 1)); }

// The logarithm is ln 2 log2 |x|, rounded once, and so is its product with what the power has
// beside a power of two. Where it is infinite its sign is what counts.
Scaled pow_times_log(Expr x, Expr y, AtInfinity at_infinity) {
  const Power raised = power(x, y, 0);
  const Exp2Parts parts = exp2_parts(raised.exponent.high, raised.exponent.low);
  const Pair log2 = log2_pair(abs(x));
  const double high = pick(x, 0x1.62e43p-1, 0x1.62e42fefa39efp-1);
  const double low = pick(x, -0x1.05c61p-29, 0x1.abc9e3b39803fp-56);
  const Expr log = fma(log2.high, high, fma(log2.high, low, log2.low * high));
  const Expr near = fma(log, exp2_less_one(parts.r), log);
  const Expr factor = select(abs(log2.high) < kInf, near, log2.high);
  const Expr real = select(x < 0.0, kNaN, factor);
  return times(real, scaled_of(raised, parts, number(x, 1)), at_infinity);
}

}  // namespace sluice::numerics
