#include "tools/accuracy/card.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "tools/accuracy/measure.hpp"
#include "tools/accuracy/ulp.hpp"

namespace sluice::accuracy {
namespace {

constexpr std::size_t kMost = 8;  // turns and dead zones in a card
constexpr double kInf = std::numeric_limits<double>::infinity();

// The numbers of a type in order: 0 is 0, 1 the least above it, -1 the one below.
class Numbers {
 public:
  explicit Numbers(Dtype dtype) : dtype_(dtype) {
    const Format format = format_of(dtype);
    largest_ = static_cast<std::int64_t>(format.greatest_exponent - format.least_exponent + 1)
               << (format.mantissa_bits - 1);
    largest_ += (std::int64_t{1} << (format.mantissa_bits - 1)) - 1;
  }
  [[nodiscard]] std::int64_t largest() const { return largest_; }
  [[nodiscard]] double operator()(std::int64_t i) const {
    const double magnitude = number_of(dtype_, static_cast<std::uint64_t>(std::abs(i)));
    return i < 0 ? -magnitude : magnitude;
  }

 private:
  Dtype dtype_;
  std::int64_t largest_;
};

// Value and derivative along the numbers of the type.
class Curve {
 public:
  static Result<Curve> prepare(const Subject& subject) {
    Result<SubjectKernel> value = SubjectKernel::compile(subject);
    if (!value.ok()) return value.error();
    Subject derived = subject;
    derived.derived_by = 0;
    Result<SubjectKernel> slope = SubjectKernel::compile(derived);
    if (!slope.ok()) return slope.error();
    Curve curve(subject, std::move(*value), std::move(*slope));
    curve.sample();
    return curve;
  }

  std::vector<double> x, y, slope;
  std::vector<std::int64_t> index;  // of x

  [[nodiscard]] std::size_t size() const { return x.size(); }
  [[nodiscard]] double number(std::int64_t i) const { return numbers_(i); }
  [[nodiscard]] double value_at(double at) const { return run(value_, {at}).front(); }
  [[nodiscard]] double slope_at(double at) const { return run(slope_, {at}).front(); }
  [[nodiscard]] std::vector<double> values(const std::vector<double>& at) const {
    return run(value_, at);
  }

  // The number between two where `test` ends to hold, which does at the first of them.
  [[nodiscard]] double last(std::int64_t holds, std::int64_t fails,
                            const std::function<bool(double)>& test) const {
    while (std::abs(fails - holds) > 1) {
      const std::int64_t middle = holds + (fails - holds) / 2;
      (test(numbers_(middle)) ? holds : fails) = middle;
    }
    return numbers_(holds);
  }

  // The greatest of +-f or |f'| near entry i of the grid.
  [[nodiscard]] At peak(std::size_t i, bool of_slope, double sign) const {
    std::int64_t low = index[i == 0 ? 0 : i - 1];
    std::int64_t high = index[std::min(i + 1, size() - 1)];
    At best{of_slope ? std::abs(slope[i]) : sign * y[i], x[i]};
    while (high - low > 1) {
      const std::int64_t step = std::max<std::int64_t>(1, (high - low) / 64);
      std::vector<double> at;
      for (std::int64_t k = low; k <= high; k += step) at.push_back(numbers_(k));
      const std::vector<double> found = run(of_slope ? slope_ : value_, at);
      std::int64_t centre = -1;
      for (std::size_t k = 0; k < found.size(); ++k) {
        const double here = of_slope ? std::abs(found[k]) : sign * found[k];
        if (here > best.value) {
          best = {here, at[k]};
          centre = static_cast<std::int64_t>(k);
        }
      }
      if (centre < 0 || step == 1) break;
      high = std::min(high, low + (centre + 1) * step);
      low = std::max(low, low + (centre - 1) * step);
    }
    return {of_slope ? best.value : sign * best.value, best.x};
  }

 private:
  Curve(const Subject& subject, SubjectKernel value, SubjectKernel slope_kernel)
      : value_(std::move(value)), slope_(std::move(slope_kernel)),
        numbers_(subject.dtype() == Dtype::f64 ? Dtype::f32 : subject.dtype()) {}

  void sample() {
    const std::int64_t step = std::max<std::int64_t>(1, numbers_.largest() >> 17);
    const std::int64_t count = numbers_.largest() / step;
    for (std::int64_t i = -count - 1; i <= count + 1; ++i) {
      index.push_back(std::clamp(i * step, -numbers_.largest(), numbers_.largest()));
      x.push_back(numbers_(index.back()));
    }
    y = run(value_, x);
    slope = run(slope_, x);
  }
  static std::vector<double> run(const SubjectKernel& kernel, const std::vector<double>& at) {
    std::vector<double> out;
    kernel.run(std::span(&at, 1), at.size(), out);
    return out;
  }

  SubjectKernel value_, slope_;
  Numbers numbers_;
};

void find_range(const Curve& curve, Card& card) {
  std::size_t least = 0;
  std::size_t greatest = 0;
  for (std::size_t i = 0; i < curve.size(); ++i) {
    if (std::isnan(curve.y[least]) || curve.y[i] < curve.y[least]) least = i;
    if (std::isnan(curve.y[greatest]) || curve.y[i] > curve.y[greatest]) greatest = i;
  }
  card.least = curve.peak(least, false, -1);
  card.greatest = curve.peak(greatest, false, 1);
  for (const double end : {-kInf, kInf}) {
    const double y = curve.value_at(end);
    if (y < card.least.value) card.least = {y, end};
    if (y > card.greatest.value) card.greatest = {y, end};
  }
}

// By Simpson's rule on [-9, 9], with the kernel's own values.
void find_mean(const Curve& curve, Card& card) {
  constexpr int kHalf = 9 * 128;
  std::vector<double> at;
  for (int i = -kHalf; i <= kHalf; ++i) at.push_back(i / 128.0);
  const std::vector<double> y = curve.values(at);
  double sum = 0;
  double squares = 0;
  double weights = 0;
  for (std::size_t i = 0; i < at.size(); ++i) {
    const double weight = std::exp(-at[i] * at[i] / 2) * (i % 2 == 0 ? 2 : 4);
    if (!std::isfinite(y[i])) continue;
    weights += weight;
    sum += weight * y[i];
    squares += weight * y[i] * y[i];
  }
  card.mean = sum / weights;
  card.zero_centred = std::abs(card.mean) <= 0.01 * std::sqrt(squares / weights);
}

// Values may go back by what rounding does to them.
void find_course(const Curve& curve, Card& card) {
  bool rises = false;
  bool falls = false;
  double highest = -kInf;
  double lowest = kInf;
  double before = 0;  // the derivative's last sign
  std::int64_t before_index = 0;
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const double y = curve.y[i];
    if (std::isnan(y)) continue;
    const double slack = 1e-5 * std::abs(y) + 1e-37;
    falls = falls || y < highest - slack;
    rises = rises || y > lowest + slack;
    highest = std::max(highest, y);
    lowest = std::min(lowest, y);
    const double slope = curve.slope[i];
    if (!(slope != 0)) continue;
    if (before * slope < 0 && card.turns.size() < kMost) {
      const auto same = [&](double x) { return curve.slope_at(x) * before > 0; };
      card.turns.push_back(curve.last(before_index, curve.index[i], same));
    }
    before = slope < 0 ? -1 : 1;
    before_index = curve.index[i];
  }
  if (rises) card.monotonic = falls ? Trend::neither : Trend::increasing;
  if (!rises) card.monotonic = falls ? Trend::decreasing : Trend::constant;
}

void find_steepest(const Curve& curve, Card& card) {
  std::size_t steepest = 0;
  for (std::size_t i = 0; i < curve.size(); ++i)
    if (std::isnan(curve.slope[steepest]) ||
        std::abs(curve.slope[i]) > std::abs(curve.slope[steepest]))
      steepest = i;
  card.steepest = curve.peak(steepest, true, 1);
  const double at_zero = std::abs(card.slope_at_zero);
  if (at_zero > card.steepest.value) card.steepest = {at_zero, 0};
  if (card.steepest.value > 1e30) card.steepest.value = kInf;
}

// The last number, coming from an end of the type, with the value there.
std::optional<At> saturation(const Curve& curve, bool above) {
  const std::size_t size = curve.size();
  const auto entry = [&](std::size_t k) { return above ? size - 1 - k : k; };
  const double end = curve.y[entry(0)];
  const auto same = [&](double x) { return curve.value_at(x) == end; };
  if (!std::isfinite(end)) return std::nullopt;
  std::size_t k = 1;
  while (k < size && curve.y[entry(k)] == end) ++k;
  if (k < 3 || k == size) return std::nullopt;
  return At{end, curve.last(curve.index[entry(k - 1)], curve.index[entry(k)], same)};
}

void find_dead(const Curve& curve, Card& card) {
  const auto zero = [&](double x) { return curve.slope_at(x) == 0; };
  for (std::size_t i = 0; i < curve.size() && card.dead.size() < kMost; ++i) {
    if (curve.slope[i] != 0) continue;
    std::size_t end = i;
    while (end + 1 < curve.size() && curve.slope[end + 1] == 0) ++end;
    Stretch dead{curve.x[i], curve.x[end]};
    if (end - i >= 2) {
      if (i > 0) dead.from = curve.last(curve.index[i], curve.index[i - 1], zero);
      if (end + 1 < curve.size())
        dead.to = curve.last(curve.index[end], curve.index[end + 1], zero);
      if (i == 0) dead.from = -kInf;
      if (end + 1 == curve.size()) dead.to = kInf;
      card.dead.push_back(dead);
    }
    i = end;
  }
}

}  // namespace

Result<Card> card_of(const Subject& subject) {
  const Result<Curve> curve = Curve::prepare(subject);
  if (!curve.ok()) return curve.error();
  Card card;
  card.at_zero = curve->value_at(0);
  card.slope_at_zero = curve->slope_at(0);
  find_range(*curve, card);
  find_mean(*curve, card);
  find_course(*curve, card);
  find_steepest(*curve, card);
  card.saturated_below = saturation(*curve, false);
  card.saturated_above = saturation(*curve, true);
  find_dead(*curve, card);
  return card;
}

}  // namespace sluice::accuracy
