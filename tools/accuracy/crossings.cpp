#include "tools/accuracy/crossings.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "tools/accuracy/ulp.hpp"

namespace sluice::accuracy {
namespace {

// The truth along one input, by the first level.
class Line {
 public:
  Line(const Reference& reference, std::span<const double> point, std::size_t input)
      : reference_(reference), point_(point.begin(), point.end()), input_(input) {}

  // Nothing where it is not finite.
  std::optional<double> operator()(double x) {
    point_[input_] = x;
    const Estimate y = reference_.first_level(point_);
    if (std::isfinite(y.error)) return static_cast<double>(y.value);
    return std::nullopt;
  }

  // The sign change between two points, to the precision of the first level; nothing at a jump.
  std::optional<double> root_between(double low, double high) {
    const double at_low = (*this)(low).value_or(0);
    const double scale = std::abs(at_low) + std::abs((*this)(high).value_or(0));
    for (int i = 0; i < 200 && std::nextafter(low, high) != high; ++i) {
      const double middle = low + (high - low) / 2;
      const std::optional<double> y = (*this)(middle);
      if (!y) break;
      (std::signbit(*y) == std::signbit(at_low) ? low : high) = middle;
    }
    const std::optional<double> rest = (*this)(low);
    if (!rest || std::abs(*rest) > 1e-6 * scale) return std::nullopt;
    return low;
  }

  // The nearest sign change on one side of x, going out from `first` to `last` away by quarters;
  // `negative` is the sign before it.
  std::optional<double> next(double x, double first, double last, bool negative) {
    if (first == 0) return std::nullopt;  // x is a denormal number, and no step is small enough
    double before = x + first;
    for (double d = first; std::abs(d) <= std::abs(last); d *= 1.25) {
      const double here = x + d;
      const std::optional<double> y = (*this)(here);
      if (!y) return std::nullopt;
      if (*y != 0 && std::signbit(*y) != negative)
        return root_between(std::min(before, here), std::max(before, here));
      before = here;
    }
    return std::nullopt;
  }

  [[nodiscard]] long double allowed(double zero, double half_width) {
    long double largest = 0;
    for (int i = -64; i <= 64; ++i)
      if (const auto y = (*this)(zero + half_width * i / 64))
        largest = std::max(largest, static_cast<long double>(std::abs(*y)));
    return 16 * ulp_of(format_of(reference_.subject().dtype()), largest);
  }

 private:
  const Reference& reference_;
  std::vector<double> point_;
  std::size_t input_;
};

bool lies_before(const ZeroCrossing& crossing, double x) { return crossing.zero < x; }

}  // namespace

Crossings::Crossings(std::vector<ZeroCrossing> crossings) : sorted_(std::move(crossings)) {
  std::sort(sorted_.begin(), sorted_.end(),
            [](const ZeroCrossing& a, const ZeroCrossing& b) { return a.zero < b.zero; });
}

// None reaches as far as the zero of the next.
const ZeroCrossing* Crossings::at(double x) const {
  const auto next = std::lower_bound(sorted_.begin(), sorted_.end(), x, lies_before);
  if (next != sorted_.begin() && x - std::prev(next)->zero <= std::prev(next)->half_width)
    return &*std::prev(next);
  if (next != sorted_.end() && next->zero - x <= next->half_width) return &*next;
  return nullptr;
}

const ZeroCrossing* Crossings::add(const ZeroCrossing& crossing) {
  const auto place = std::lower_bound(sorted_.begin(), sorted_.end(), crossing.zero, lies_before);
  return &*sorted_.insert(place, crossing);
}

std::vector<ZeroCrossing> zero_crossings(const Reference& reference) {
  std::vector<ZeroCrossing> crossings;
  if (reference.subject().definition().inputs.size() != 1) return crossings;
  const double any = 0;
  Line line(reference, std::span(&any, 1), 0);
  std::vector<double> grid;
  for (int k = -20 * 32; k <= 10 * 32; ++k) grid.push_back(std::exp2(k / 32.0));
  std::vector<double> negative(grid.rbegin(), grid.rend());
  for (double& x : negative) x = -x;
  for (const std::vector<double>& side : {negative, grid})
    for (std::size_t i = 0; i + 1 < side.size(); ++i) {
      const std::optional<double> a = line(side[i]);
      const std::optional<double> b = line(side[i + 1]);
      if (!a || !b || *a * *b >= 0) continue;
      if (const std::optional<double> z = line.root_between(side[i], side[i + 1]))
        crossings.push_back({*z, std::abs(*z) / 4, 0});
    }
  for (std::size_t i = 0; i + 1 < crossings.size(); ++i) {
    const double half = (crossings[i + 1].zero - crossings[i].zero) / 2;
    for (ZeroCrossing* crossing : {&crossings[i], &crossings[i + 1]})
      crossing->half_width = std::min(crossing->half_width, half);
  }
  for (ZeroCrossing& crossing : crossings)
    crossing.allowed = line.allowed(crossing.zero, crossing.half_width);
  return crossings;
}

std::optional<ZeroCrossing> crossing_near(const Reference& reference, std::span<const double> point,
                                          std::size_t input) {
  const double x = point[input];
  Line line(reference, point, input);
  const std::optional<double> y = line(x);
  if (!y || x == 0) return std::nullopt;
  // |x - z| <= |z| / 4 makes |x - z| <= |x| / 3.
  const double first = std::abs(x) * 0x1p-30;
  const auto below = line.next(x, -first, -std::abs(x) / 3, std::signbit(*y));
  const auto above = line.next(x, first, std::abs(x) / 3, std::signbit(*y));
  if (!below && !above) return std::nullopt;
  const bool is_below = below && (!above || x - *below < *above - x);
  const double zero = is_below ? *below : *above;
  double half = std::abs(zero) / 4;
  for (const double side : {1.0, -1.0}) {
    const double step = side * std::abs(zero) * 0x1p-20;
    const std::optional<double> beside = line(zero + step);
    if (!beside) continue;
    if (const auto z = line.next(zero, step, 2 * side * half, std::signbit(*beside)))
      half = std::min(half, std::abs(*z - zero) / 2);
  }
  if (std::abs(x - zero) > half) return std::nullopt;
  return ZeroCrossing{zero, half, line.allowed(zero, half)};
}

}  // namespace sluice::accuracy
