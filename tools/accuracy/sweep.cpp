#include "tools/accuracy/sweep.hpp"

#include <algorithm>

namespace sluice::accuracy {
namespace {

// Some seconds of work, and some tenths.
constexpr std::uint64_t kNumbers = 1 << 20;
constexpr std::uint64_t kSamples = 1 << 14;

std::uint64_t patterns(Dtype dtype) { return std::uint64_t{1} << (8 * size_of(dtype)); }

}  // namespace

std::uint64_t chunk_count(const Sweep& sweep, Dtype dtype) {
  switch (sweep.coverage) {
    case Coverage::special: return 1;
    case Coverage::sampled: return (sweep.points + kSamples - 1) / kSamples;
    case Coverage::all: return (patterns(dtype) + kNumbers - 1) / kNumbers;
  }
  return 0;
}

std::uint64_t point_count(const Sweep& sweep, const Subject& subject) {
  switch (sweep.coverage) {
    case Coverage::special: {
      const std::uint64_t values = special_values(subject).size();
      return subject.definition().inputs.size() == 1 ? values : values * values;
    }
    case Coverage::sampled: return sweep.points;
    case Coverage::all: return patterns(subject.dtype());
  }
  return 0;
}

PointSource chunk(const Sweep& sweep, const Subject& subject, std::uint64_t index) {
  switch (sweep.coverage) {
    case Coverage::special: return special_points(subject);
    case Coverage::sampled:
      return sampled_points(subject, std::min(kSamples, sweep.points - index * kSamples),
                            sweep.seed * 0x9e3779b97f4a7c15u + index);
    case Coverage::all:
      return points_between(subject.dtype(), index * kNumbers,
                            std::min((index + 1) * kNumbers, patterns(subject.dtype())));
  }
  return {};
}

}  // namespace sluice::accuracy
