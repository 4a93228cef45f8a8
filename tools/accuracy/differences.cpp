#include "tools/accuracy/differences.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "tools/accuracy/measure.hpp"

namespace sluice::accuracy {
namespace {

constexpr double kTolerance = 1e-4;

struct Slope {
  double value = 0;
  double scale = 0;  // what an error of it is to be compared with
};

// Central, over `step`; nothing where it is not finite.
Result<std::optional<Slope>> central(const Reference& value, std::vector<double> at,
                                     std::size_t input, double step) {
  const double x = at[input];
  const auto y_at = [&](double where) {
    at[input] = where;
    return value.second_level(at);
  };
  const Result<Estimate> above = y_at(x + step);
  if (!above.ok()) return above.error();
  const Result<Estimate> below = y_at(x - step);
  if (!below.ok()) return below.error();
  const long double rise = above->value - below->value;
  if (!std::isfinite(rise)) return std::optional<Slope>();
  const long double chord = (std::abs(above->value) + std::abs(below->value)) / 2;
  return std::optional(Slope{static_cast<double>(rise / ((x + step) - (x - step))),
                             static_cast<double>(chord / std::max(1.0, std::abs(x)))});
}

bool near(double a, double b, double scale) {
  return std::abs(a - b) <= kTolerance * std::max({std::abs(a), std::abs(b), 1e-2 * scale, 1e-30});
}

}  // namespace

Result<Differences> against_differences(const Subject& subject, std::uint64_t count,
                                        std::uint64_t seed) {
  Differences result;
  const Result<SubjectKernel> kernel = SubjectKernel::compile(subject);
  if (!kernel.ok()) return kernel.error();
  // In f64: the points beside a number of the type are none of it, nor may sums be rounded to it.
  Subject exact = subject;
  exact.compute = ir::Elem::f64;
  exact.narrow.reset();
  exact.derived_by.reset();
  const Reference value(exact);
  const std::size_t input = *subject.derived_by;
  const PointSource source = sampled_points(subject, 4 * count, seed);
  std::vector<double> slopes;
  for (Points points = source(); !points.front().empty(); points = source()) {
    kernel->run(points, points.front().size(), slopes);
    for (std::size_t i = 1; i < slopes.size() && result.points < count;
         i += 2) {  // the normal ones
      std::vector<double> at;
      for (const std::vector<double>& column : points) at.push_back(column[i]);
      const double step = std::ldexp(std::max(1.0, std::abs(at[input])), -18);
      const auto wide = central(value, at, input, step);
      if (!wide.ok()) return wide.error();
      const auto close = central(value, at, input, step / 2);
      if (!close.ok()) return close.error();
      if (!*wide || !*close) continue;
      ++result.points;
      const double scale = (*close)->scale;
      if (!near((*wide)->value, (*close)->value, scale)) {
        ++result.kinks;
        continue;
      }
      const double difference = std::abs(slopes[i] - (*close)->value);
      const double relative =
          difference / std::max({std::abs((*close)->value), 1e-2 * scale, 1e-30});
      if (near(slopes[i], (*close)->value, scale)) ++result.agreeing;
      if (relative > result.largest || std::isnan(relative)) {
        result.largest = relative;
        result.at = at[input];
      }
    }
  }
  return result;
}

}  // namespace sluice::accuracy
