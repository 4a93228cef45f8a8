// log, log2, log10, log1p.
//
// x = 2^k (1 + r) with 1 + r in [3/4, 3/2), and log_b x = k log_b 2 + r / ln b + higher terms. k
// log_b 2 has few bits in its high word, r / ln b is cut where those end, and their sum is exact:
// only the last addition is felt, and less than half an ulp of the terms below it. log, log2 and
// log10 in f32 make r smaller by a table instead, which leaves little to cut and saves a third.
#include "compiler/numerics/functions.hpp"

#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::numerics {
namespace {

#include "compiler/numerics/coefficients_log.inc"

// A constant as its rounding to the type and the rest; log_b 2 with a high word of 15 (f64: 40)
// bits.
struct Split {
  double f32_high, f32_low;
  double f64_high, f64_low;
  [[nodiscard]] double high(Expr like) const { return pick(like, f32_high, f64_high); }
  [[nodiscard]] double low(Expr like) const { return pick(like, f32_low, f64_low); }
};

// For eighths of an octave (fit/log.py): i near 1 / m and T = -log_b i.
using Octave = double[2][8];

struct Base {
  Polynomial q;  // f32: what log_b(1 + r) is beyond the high word's r / ln b, for a reduced r
  const Octave& octave;
  Split log_of_two;
  Split one_over_ln;
  std::string_view name;
};

constexpr Base kNatural{
    {kLogF32, kLog1pF64},
    kLogOctave,
    {0x1.62e4p-1, 0x1.7f7d1cf79abcap-20, 0x1.62e42feep-1, 0x1.a39ef35793c76p-33},
    {1, 0, 1, 0},
    "log"};
constexpr Base kBinary{
    {kLog2F32, kLog2F64},
    kLog2Octave,
    {1, 0, 1, 0},
    {0x1.715476p+0, 0x1.4ae0bf85ddf44p-26, 0x1.71547652b82fep+0, 0x1.777d0ffda0d24p-56},
    "log2"};
constexpr Base kDecimal{
    {kLog10F32, kLog10F64},
    kLog10Octave,
    {0x1.344p-2, 0x1.3509f79fef312p-18, 0x1.34413509f6p-2, 0x1.9fef311f12b36p-42},
    {0x1.bcb7b2p-2, -0x1.5b235e39ab2a9p-27, 0x1.bcb7b1526e50ep-2, 0x1.95355baaafad3p-57},
    "log10"};
constexpr Polynomial kLog1p{kLog1pF32, kLog1pF64};

Expr times_constant(Expr a, double constant) { return constant == 1 ? a : a * constant; }

// a as a multiple of 2^-13 (f64: 2^-40) and the rest, both exact, for |a| < 1: k log_b 2, which is
// no finer, plus the first is exact.
Pair split(Expr a) {
  const double magic = pick(a, 0x1.8p10, 0x1.8p12);
  const Expr high = (a + magic) - magic;
  return {high, a - high};
}

// k log_b 2 + log_b(1 + r) + tail. Where k is infinite r is 0, and every sum here infinite or 0.
Pair sum_pair(Expr k, Expr r, Expr tail, const Base& base) {
  const double high = base.log_of_two.high(k);
  const double rest = base.log_of_two.low(k);
  const auto with_k = [&](double part, Expr to) {
    return part == 0 ? to : part == 1 ? k + to : fma(k, part, to);
  };
  const auto plus_tail = [&](Expr low) { return tail.is_constant(0) ? low : low + tail; };
  if (base.one_over_ln.high(r) == 1) {
    // Near 1 the linear term is all of the high word, so that the low one keeps the rest's digits.
    const Expr whole = select(equal(k, 0.0), r, split(r).high);
    const Expr square = r * r;
    const Expr higher =
        tail.is_constant(0) ? square * horner(r, kLog1p) : fma(square, horner(r, kLog1p), tail);
    return {with_k(high, whole), with_k(rest, r - whole) + higher};
  }
  // The linear term p is rounded, and -r p / 2 is the quadratic one; both keep what rounding takes.
  const Pair linear = two_product(r, number(r, base.one_over_ln.high(r)));
  const Pair quadratic = two_product(r * -0.5, linear.high);
  const Pair near = split(linear.high);
  const Pair nearer = split(quadratic.high);
  const Expr low = plus_tail(fma(r, base.one_over_ln.low(r), linear.low) + quadratic.low) +
                   (near.low + nearer.low);
  return {with_k(high, near.high + nearer.high),
          fma(r * r * horner(r, base.q), r, with_k(rest, low))};
}

Expr sum(Expr k, Expr r, Expr tail, const Base& base) {
  return rounded(sum_pair(k, r, tail, base));
}

// log(x + low) = log x + low / x, where there is a quotient worth having.
Expr low_term(Expr x, Expr low, const Base& base) {
  if (low.is_constant(0)) return low;
  return times_constant(select(abs(low) < x, low / x, 0.0), base.one_over_ln.high(x));
}

Expr entry(Expr index, const Base& base, int row) {
  const auto& entries = base.octave[row];
  return lookup(index, std::string(base.name) + (row == 0 ? "_inverse" : "_of_inverse"),
                std::vector<double>(std::begin(entries), std::end(entries)));
}

// m = (1 + r) / i. k log_b 2 + T is exact, and 0 near x = 1, where r is too; elsewhere r is so
// small that its rounding and that of what follows from it are a quarter of an ulp each. Where k is
// infinite r is 0. `low` is what m lacks, and counts as low / m; with it, for the natural logarithm
// alone, r's sum with the constants keeps what rounding takes.
Expr by_octave(Expr k, Expr m, Expr low, Expr tail, const Base& base) {
  const Expr index = to_bits(m) >> 20;
  const Expr inverse = entry(index, base, 0);
  const Expr r = residue(m, inverse, -1.0);
  if (!low.is_constant(0)) {
    const Expr scaled = low * inverse;
    tail = fma(-r, scaled, tail.is_constant(0) ? scaled : scaled + tail);
  }
  const Expr t = entry(index, base, 1);
  const double high = base.log_of_two.f32_high;
  const double rest = base.log_of_two.f32_low;
  if (rest != 0) tail = tail.is_constant(0) ? k * rest : fma(k, rest, tail);
  // The natural logarithm's coefficient of r is 1 and has no low word.
  const bool natural = base.one_over_ln.f32_high == 1;
  const Expr factor = natural ? r * r : r;
  const Expr q = horner(r, base.q.f32.subspan(natural ? 2 : 1));
  const Expr higher = tail.is_constant(0) ? factor * q : fma(factor, q, tail);
  const Expr constant = high == 1 ? k + t : fma(k, high, t);
  if (!low.is_constant(0)) {
    const Expr near = constant + r;
    const Expr lost = select(k < 1024.0, r - (near - constant), 0.0);  // k may be infinite
    return near + (lost + higher);
  }
  return constant + (natural ? r + higher : fma(r, base.one_over_ln.f32_high, higher));
}

Expr logarithm(Expr x, Expr low, const Base& base) {
  const Expr tail = low_term(x, low, base);
  if (!is_f64(x)) return by_octave(exponent(x), mantissa(x), number(x, 0), tail, base);
  return sum(exponent(x), mantissa(x) - 1.0, tail, base);
}

}  // namespace

Expr log(Expr x, Expr low) { return logarithm(x, low, kNatural); }
Expr log2(Expr x, Expr low) { return logarithm(x, low, kBinary); }
Expr log10(Expr x, Expr low) { return logarithm(x, low, kDecimal); }

// 1/(1 + r) need not be known well where it multiplies a low word, but exactly at r = 0, where the
// low word may be all there is.
Expr log_of_pair(Pair x, Expr counts, Expr more) {
  const Expr k = exponent(x.high);
  const Expr m = mantissa(x.high);
  const Expr s = power_of_two(biased_integer(k, 0) - k);
  const Expr low = select(counts, x.low * s, 0.0);
  const Expr all = more.is_constant(0) ? k : k + more;
  if (!is_f64(k)) return by_octave(all, m, low, number(k, 0), kNatural);
  const Expr r = m - 1.0;
  return sum(all, r, low * fma(r, fma(r, 0.8, -1.0), 1.0), kNatural);
}

namespace {

Expr limited_to_numbers(Expr x) {
  return min(x, pick(x, std::numeric_limits<float>::max(), std::numeric_limits<double>::max()));
}

}  // namespace

// k is that of 1 + x as rounded, and then r = x s + (s - 1) with s = 2^-k, of which both terms are
// exact as long as either matters, and whose rounding error is kept: for k = 0 it is x itself. The
// largest k has an s below the normal numbers, so s is made four times too large.
Pair log1p_pair(Expr x, Expr low) {
  const Expr limited = limited_to_numbers(x);
  const Expr one_plus = limited + 1.0;
  const Expr k = exponent(one_plus);
  const Expr shift = biased_integer(x, 2) - k;  // at x = -1 inf, of which s = 0 is made
  const Expr s = power_of_two(shift) * 0.25;
  const Expr large = s - 1.0;
  const Expr scaled = limited * s;
  const Expr r = large + scaled;
  const Expr lost = scaled - (r - large);
  const Expr tail = low.is_constant(0) ? lost : lost + low_term(one_plus, low, kNatural);
  return sum_pair(k, r, tail, kNatural);
}

namespace {

// inf, where x is; NaN below -1.
Pair log1p_everywhere(Expr x, Expr low) {
  const Pair value = log1p_pair(x, low);
  return {select(x < -1.0, std::numeric_limits<double>::quiet_NaN(), value.high),
          value.low + (x - limited_to_numbers(x))};
}

}  // namespace

// A zero keeps its sign.
Expr log1p(Expr x, Expr low) { return copy_zero_sign(rounded(log1p_everywhere(x, low)), x); }

Scaled log1p_scaled(Expr x, Expr low) { return unscaled(log1p_everywhere(x, low)); }

}  // namespace sluice::numerics
