// sin, cos, tan.
//
// |x| = k pi/2 + r with |r| <= 0.83, exactly enough for all numbers. Where |x| is large, |x| 2/pi
// modulo 4 is a sum of products of |x| and words of 2/pi, which a table gives by groups of
// exponents (fit/trigonometric.py). Some products are large multiples of 4 and the others exact
// pairs, and only what is too small to matter is rounded. sin r and cos r are pairs, for tan.
#include "compiler/numerics/functions.hpp"

#include <array>
#include <string>
#include <vector>

namespace sluice::numerics {
namespace {

#include "compiler/numerics/coefficients_trigonometric.inc"

constexpr Polynomial kSin{kSinF32, kSinF64};
constexpr Polynomial kCos{kCosF32, kCosF64};

// In quarters of a turn, k + y.high + y.low; k is a small integer, as a number.
struct Quarters {
  Expr k;
  Pair y;
};

template <std::size_t kCount>
std::array<Expr, kCount> words(Expr group, const double (&table)[kCount][8]) {
  std::array<Expr, kCount> result;
  for (std::size_t i = 0; i < kCount; ++i)
    result[i] = lookup(group, "two_over_pi_" + std::to_string(i),
                       std::vector<double>(std::begin(table[i]), std::end(table[i])));
  return result;
}

// magnitude = m * 2^(16 j) (f64: 2^(128 j)), where j is 0 below 2^16; m is finite even at inf.
struct Grouped {
  Expr m;
  Expr j;  // modulo 8, an integer
};

Grouped grouped(Expr magnitude) {
  const int shift = is_f64(magnitude) ? 52 + 7 : 23 + 4;
  const Expr above = to_bits(max(magnitude, 1.0)) - to_bits(number(magnitude, 1));
  const Expr group = (above >> shift) << shift;
  return {from_bits(to_bits(magnitude) - group), above >> shift};
}

// An integer below 2^22 (f64: 2^51) nearest to x, as a number.
Expr nearest(Expr x) {
  const double magic = pick(x, 0x1.8p23, 0x1.8p52);
  return (x + magic) - magic;
}

// The products' parts are, from the largest: l1 and h2, of up to 2^19; l2 and h3, of up to 2^-6; l3
// and h4, of up to 2^-31, whose sum's rounding is 2^-26 of the least distance from a multiple of
// pi/2. Where sums need no order by size (fast_two_sum), the words see to it.
Quarters quarters_f32(Expr magnitude) {
  const auto [m, j] = grouped(magnitude);
  const auto [w1, w2, w3, w4] = words(j, kTwoOverPiF32);
  const Expr l1 = exact_product(m, w1).low;
  const Pair second = exact_product(m, w2);
  const Pair third = exact_product(m, w3);
  const Pair c = fast_two_sum(third.high, fma(m, w4, third.low));
  const Pair d = two_sum(second.low, c.high);
  const Pair g = fast_two_sum(second.high, d.high);
  const Pair s = two_sum(l1, g.high);
  const Expr k = nearest(s.high);
  const Pair p = two_sum(s.low, g.low);
  const Pair y = two_sum(s.high - k, p.high);
  return {k, {y.high, y.low + (p.low + (d.low + c.low))}};
}

// The same with larger numbers, of which multiples of 4 are taken away first. Below 2^30 l1 is 0
// and the others are in order, and so y is good to 2^-53 of itself, whatever it is; beyond it is to
// some 2^-80 of a quarter of a turn.
Quarters quarters_f64(Expr magnitude) {
  const auto [m, j] = grouped(magnitude);
  const auto [w1, w2, w3, w4, w5] = words(j, kTwoOverPiF64);
  const auto modulo_4 = [](Expr v) { return fma(round_even(v * 0.25), -4.0, v); };
  const Pair second = exact_product(m, w2);
  const Pair third = exact_product(m, w3);
  const Pair fourth = exact_product(m, w4);
  const Expr parts[] = {
      exact_product(m, w1).low, second.high, second.low, third.high, third.low, fourth.high};
  Pair sum{fma(m, w5, fourth.low), number(m, 0)};
  std::vector<Expr> lost;
  for (std::size_t i = std::size(parts); i-- > 0;) {
    sum = two_sum(modulo_4(parts[i]), sum.high);
    lost.push_back(sum.low);
  }
  const Expr k = nearest(sum.high);
  const Pair near = two_sum(sum.high - k, lost[4]);
  const Pair y = two_sum(near.high, lost[5]);
  const Expr rest = ((lost[0] + lost[1]) + lost[2]) + lost[3];
  return {k, fast_two_sum(y.high, y.low + (near.low + rest))};
}

// At inf y is NaN.
Quarters quarters(Expr magnitude) {
  Quarters result = is_f64(magnitude) ? quarters_f64(magnitude) : quarters_f32(magnitude);
  result.y.high = nan_where_infinite(magnitude, result.y.high);
  return result;
}

Quarters mirrored_like(Quarters a, Expr x) {
  const Expr sign = copy_zero_sign(number(x, 1), x);
  return {sign * a.k, {sign * a.y.high, sign * a.y.low}};
}

Quarters operator+(const Quarters& a, const Quarters& b) {
  const Pair sum = two_sum(a.y.high, b.y.high);
  const Expr more = nearest(sum.high);
  return {(a.k + b.k) + more, fast_two_sum(sum.high - more, sum.low + (a.y.low + b.y.low))};
}

// An argument as k pi/2 + r.high + r.low, |r.high| <= 0.83; k is an integer, as a number.
struct Reduced {
  Expr k;
  Pair r;
};

// The words of pi/2.
double half_pi(Expr like, int word) {
  constexpr double kF32[] = {0x1.921fb6p+0, -0x1.777a5cp-25, -0x1.ee59dap-50};
  constexpr double kF64[] = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110};
  return is_f64(like) ? kF64[word] : kF32[word];
}

Reduced in_radians(const Quarters& a) {
  const double high = half_pi(a.k, 0);
  const double low = half_pi(a.k, 1);
  const Pair r = two_product(a.y.high, number(a.k, high));
  return {a.k, {r.high, fma(a.y.low, high, fma(a.y.high, low, r.low))}};
}

// Of any number, infinities giving NaN.
Reduced reduce_any(Expr magnitude, Expr low) {
  Quarters whole = quarters(magnitude);
  // The low word of a large argument may be many turns.
  if (!low.is_constant(0)) whole = whole + mirrored_like(quarters(abs(low)), low);
  return in_radians(whole);
}

// Cody and Waite's reduction ("Software manual for the elementary functions", 1980), for arguments
// up to kNear, by three words of pi/2. x - k w1 is exact: both are multiples of w1's last place,
// and the difference is below 1. k w2 is a pair, whose high word is either the smaller one, or so
// small itself that the difference's rounding is found as if it were.
constexpr double kNearF32 = 0x1p16;
constexpr double kNearF64 = 0x1p30;

Reduced reduce_near(Expr magnitude, Expr low) {
  const double magic = pick(magnitude, 0x1.8p23, 0x1.8p52);
  const Expr k = fma(magnitude, 0x1.45f306dc9c883p-1, number(magnitude, magic)) - magic;
  const Expr first = residue(k, number(k, -half_pi(k, 0)), magnitude);
  const Pair second = two_product(k, number(k, half_pi(k, 1)));
  const Pair r = fast_two_sum(first, -second.high);
  const Expr rest = fma(k, -half_pi(k, 2), r.low - second.low);
  if (low.is_constant(0)) return {k, {r.high, rest}};
  const Pair sum = two_sum(r.high, low);
  return {k, {sum.high, sum.low + rest}};
}

// sin and cos of r, and k as an integer in the low bits.
struct Parts {
  Pair sine;
  Pair cosine;
  Expr k;
};

Parts parts(const Reduced& a) {
  const auto& [r, r_low] = a.r;
  const Pair square = two_product(r, r);
  const Expr z = square.high;
  const Expr half = z * 0.5;
  const Expr near = 1.0 - half;
  const Expr lost = (1.0 - near) - half;
  const Expr linear = fma(-r, r_low, fma(square.low, -0.5, lost));
  return {fast_two_sum(r, fma(z * r, horner(z, kSin), r_low * near)),
          fast_two_sum(near, fma(z * z, horner(z, kCos), linear)),
          to_bits(a.k + pick(a.k, 0x1.8p23, 0x1.8p52))};
}

// Of |x + low|, or its negative where x is negative.
Parts reduced(Expr x, Expr low) {
  const Expr magnitude = abs(x);
  if (!low.is_constant(0)) low = signed_like(low, x);
  const Expr far = unlikely(!(magnitude <= pick(x, kNearF32, kNearF64)));
  const Reduced any = reduce_any(magnitude, low);
  const Reduced near = reduce_near(magnitude, low);
  return parts({select(far, any.k, near.k), select(far, any.r, near.r)});
}

Expr is_odd(Expr k) { return equal(k & ir::integer(k, 1), ir::integer(k, 1)); }

// y with the sign turned where the second bit of k is set.
Expr turned(Expr y, Expr k) {
  const int top = is_f64(y) ? 63 : 31;
  return from_bits(to_bits(y) ^ ((k >> 1) << top));
}
Pair turned(Pair y, Expr k) { return {turned(y.high, k), turned(y.low, k)}; }

// Where sin x and tan x are x nearly enough.
Expr is_small(Expr x) { return abs(x) < pick(x, 0x1p-13, 0x1p-27); }

// An odd function of x, given for |x|.
Expr odd(Expr x, Expr low, Expr value) {
  return select(is_small(x), low.is_constant(0) ? x : x + low, signed_like(value, x));
}

Expr one_more(Expr k) { return k + ir::integer(k, 1); }

}  // namespace

Expr sin(Expr x, Expr low) {
  const Parts p = reduced(x, low);
  return odd(x, low, turned(rounded(select(is_odd(p.k), p.cosine, p.sine)), p.k));
}

Pair sin_pair(Expr x, Expr low) {
  const Parts p = reduced(x, low);
  const Pair value = turned(select(is_odd(p.k), p.cosine, p.sine), p.k);
  return select(is_small(x), {x, low}, {signed_like(value.high, x), signed_like(value.low, x)});
}

Expr cos(Expr x, Expr low) {
  const Parts p = reduced(x, low);
  return turned(rounded(select(is_odd(p.k), p.sine, p.cosine)), one_more(p.k));
}

Pair cos_pair(Expr x, Expr low) {
  const Parts p = reduced(x, low);
  return turned(select(is_odd(p.k), p.sine, p.cosine), one_more(p.k));
}

// sin / cos, or -cos / sin for an odd k. The reciprocal's rounding and the product's are made good
// by what they leave.
Expr tan(Expr x, Expr low) {
  const Parts p = reduced(x, low);
  const Expr is_cotangent = is_odd(p.k);
  const Pair above = select(is_cotangent, p.cosine, p.sine);
  const Pair below = select(is_cotangent, p.sine, p.cosine);
  const Expr reciprocal = 1.0 / below.high;
  const Expr near = above.high * reciprocal;
  const Expr left = fma(-near, below.low, residue(-near, below.high, above.high) + above.low);
  const Expr quotient = fma(left, reciprocal, near);
  return odd(x, low, turned(quotient, p.k << 1));
}

}  // namespace sluice::numerics
