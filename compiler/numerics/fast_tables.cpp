// Cheaper forms by tables of polynomials (fit/fast.py): tanh, erf and the normal distribution.
#include <span>
#include <string>
#include <vector>

#include "compiler/numerics/fast.hpp"

namespace sluice::numerics {
namespace {

// The intervals of [0, end], as many as a table has columns: the bits of scale h + start from
// `shift` on are the index.
struct Cells {
  double scale, start, end;
  int shift;
};

#include "compiler/numerics/coefficients_fast_tables.inc"

using Row = std::span<const double>;

struct Table {
  const Cells& cells;
  std::string name;
  std::vector<Row> rows;

  template <std::size_t Length, std::size_t Count>
  Table(const Cells& intervals, std::string prefix, const double (&all)[Length][Count])
      : cells(intervals), name(std::move(prefix)), rows(std::begin(all), std::end(all)) {}

  // The polynomial of h's interval, for 0 <= h <= end.
  [[nodiscard]] Expr at(Expr h) const {
    const Expr index = to_bits(fma(h, cells.scale, number(h, cells.start))) >> cells.shift;
    const auto coefficient = [&](std::size_t i) {
      return lookup(index, name + std::to_string(i),
                    std::vector<double>(rows[i].begin(), rows[i].end()));
    };
    Expr sum = coefficient(rows.size() - 1);
    for (std::size_t i = rows.size() - 1; i-- > 0;) sum = fma(sum, h, coefficient(i));
    return sum;
  }
};

// Tolerances from here on take shorter polynomials, and the shortest.
constexpr double kMiddle = 0x1.cp-14;
constexpr double kCoarse = 0x1p-10;
constexpr double kFine = 0x1p-16;  // below it the longer ones of the finest tables

// x P(|x|), the same beyond the table's end.
Expr odd(Expr x, Expr low, const Table& table) {
  const Expr end = number(x, table.cells.end);
  const Expr limited = min(max(low.is_constant(0) ? x : x + low, -end), end);
  return limited * table.at(abs(limited));
}

}  // namespace

Expr fast_tanh(Expr x, Expr low, double tolerance) {
  if (tolerance >= kCoarse)
    return odd(x, low, {kFastTanhDegree2Cells, "fast_tanh_coarse_", kFastTanhDegree2});
  if (tolerance >= kMiddle)
    return odd(x, low, {kFastTanhDegree3Cells, "fast_tanh_", kFastTanhDegree3});
  return odd(x, low, {kFineTanhDegree3Cells, "fine_tanh_", kFineTanhDegree3});
}

Scaled fast_tanh_scaled(Expr x, Expr low, double tolerance) {
  return {.numerator = fast_tanh(x, low, tolerance)};
}

Expr fast_erf(Expr x, Expr low, double tolerance) {
  if (tolerance >= kCoarse)
    return odd(x, low, {kFastErfDegree2Cells, "fast_erf_coarse_", kFastErfDegree2});
  if (tolerance >= kMiddle)
    return odd(x, low, {kFastErfDegree3Cells, "fast_erf_", kFastErfDegree3});
  return odd(x, low, {kFineErfDegree3Cells, "fine_erf_", kFineErfDegree3});
}

Scaled fast_erf_scaled(Expr x, Expr low, double tolerance) {
  return {.numerator = fast_erf(x, low, tolerance)};
}

// normal_cdf(-h) = 2^-fall(h), a fall up to 159; what multiplies it is scaled up by 2^40 meanwhile,
// so that the power of two is a normal number. `rest` is what the power may be off by beside fall.
// A fall above 64 is rounded by more than the finest tolerances have left: of no account to f16,
// whose results and their further factors are far from 2^-64.
namespace {

constexpr int kLift = 40;
constexpr double kLowered = 0x1p-40;

// 2^(40 - fall) = power 2^-s
struct Lifted {
  Expr power;
  Expr s;
};

Lifted lifted(Expr fall) {
  const double magic = biased_integer(fall, kLift);
  const Expr biased = magic - fall;
  return {power_of_two(biased), (biased - magic) + fall};
}

Lifted lower_tail(Expr h, double tolerance) {
  if (tolerance >= kCoarse)
    return lifted(Table(kFastTailDegree2Cells, "fast_tail_coarse_", kFastTailDegree2).at(h));
  if (tolerance >= kMiddle)
    return lifted(Table(kFastTailDegree3Cells, "fast_tail_", kFastTailDegree3).at(h));
  if (tolerance >= kFine)
    return lifted(Table(kFineTailDegree4Cells, "fine_tail_short_", kFineTailDegree4).at(h));
  return lifted(Table(kFineTailDegree5Cells, "fine_tail_", kFineTailDegree5).at(h));
}

// What the tail's polynomial leaves to the power of two.
double rest(double tolerance) { return tolerance >= kMiddle ? tolerance / 4 : tolerance * 0.6; }

Expr magnitude(Expr x) { return min(abs(x), kFastTailDegree3Cells.end); }

}  // namespace

Expr fast_normal_cdf(Expr x, Expr low, double tolerance) {
  const Lifted tail = lower_tail(magnitude(low.is_constant(0) ? x : x + low), tolerance);
  const Expr lower = tail.power * fast_exp2_reduced(tail.s, rest(tolerance), kLowered);
  return select(x > number(x, 0), 1.0 - lower, lower);
}

// max(x, 0) - |x| normal_cdf(-|x|)
Expr fast_times_normal_cdf(Expr x, double tolerance) {
  const Expr h = magnitude(x);
  const Lifted tail = lower_tail(h, tolerance);
  return fma(h * tail.power, fast_exp2_reduced(tail.s, rest(tolerance), -kLowered), max(x, 0.0));
}

namespace {

Expr slope_factor(Expr h, double tolerance) {
  if (tolerance >= kCoarse)
    return Table(kFastSlopeDegree3Cells, "fast_gelu_slope_coarse_", kFastSlopeDegree3).at(h);
  if (tolerance >= kFine)
    return Table(kFastSlopeDegree4Cells, "fast_gelu_slope_", kFastSlopeDegree4).at(h);
  return Table(kFineSlopeDegree5Cells, "fine_gelu_slope_", kFineSlopeDegree5).at(h);
}

}  // namespace

// For x = -h slope(h) e^(-h^2/2), for x = h its complement to 1.
Expr fast_normal_cdf_plus_slope(Expr x, Expr, double tolerance) {
  const Expr h = magnitude(x);
  const Lifted e = lifted(h * (h * 0x1.715476p-1));
  const Expr slope = slope_factor(h, tolerance);
  const Expr lower = (e.power * slope) * fast_exp2_reduced(e.s, rest(tolerance), kLowered);
  return select(x > number(x, 0), 1.0 - lower, lower);
}

}  // namespace sluice::numerics
