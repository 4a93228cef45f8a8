#include "tools/accuracy/compare.hpp"

#include <cmath>

#include "tools/accuracy/ulp.hpp"

namespace sluice::accuracy {
namespace {

bool same(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b && std::signbit(a) == std::signbit(b);
}

void add(Comparison& result, const Points& points, std::span<const double> ours,
         std::span<const double> theirs, const Format& format) {
  for (std::size_t i = 0; i < ours.size(); ++i) {
    ++result.points;
    if (same(ours[i], theirs[i])) continue;
    ++result.differing;
    const double ulps = error_in_ulps(format, ours[i], {theirs[i], 0}).ulps;
    if (ulps <= result.ulps && !result.inputs.empty()) continue;
    result.ulps = ulps;
    result.ours = ours[i];
    result.theirs = theirs[i];
    result.inputs.clear();
    for (const std::vector<double>& column : points) result.inputs.push_back(column[i]);
  }
}

}  // namespace

Result<Comparison> compare_kernels(const Subject& ours, const Subject& theirs, const Sweep& sweep) {
  const Result<SubjectKernel> our_kernel = SubjectKernel::compile(ours);
  if (!our_kernel.ok()) return our_kernel.error();
  const Result<SubjectKernel> their_kernel = SubjectKernel::compile(theirs);
  if (!their_kernel.ok()) return their_kernel.error();
  const Format format = format_of(ours.dtype());
  Comparison result;
  std::vector<double> our_results;
  std::vector<double> their_results;
  for (std::uint64_t i = 0; i < chunk_count(sweep, ours.dtype()); ++i) {
    const PointSource source = chunk(sweep, ours, i);
    for (Points points = source(); !points.front().empty(); points = source()) {
      our_kernel->run(points, points.front().size(), our_results);
      their_kernel->run(points, points.front().size(), their_results);
      add(result, points, our_results, their_results, format);
    }
  }
  return result;
}

}  // namespace sluice::accuracy
