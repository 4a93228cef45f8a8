#include "tools/accuracy/sweep.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

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

Result<Measurement> measure_chunk(const Measuring& measuring, const Sweep& sweep,
                                  std::uint64_t index) {
  if (sweep.coverage != Coverage::all)
    return measuring.run(chunk(sweep, measuring.subject(), index));
  const std::uint64_t first = index * kNumbers;
  return measuring.run_between(first,
                               std::min(first + kNumbers, patterns(measuring.subject().dtype())));
}

Result<Measurement> measure(const Subject& subject, const Promise& promise, const Sweep& sweep,
                            unsigned threads) {
  const Result<Measuring> measuring = Measuring::prepare(subject, promise);
  if (!measuring.ok()) return measuring.error();
  std::vector<Result<Measurement>> chunks(chunk_count(sweep, subject.dtype()), Measurement{});
  std::atomic<std::size_t> next = 0;
  {
    std::vector<std::jthread> workers;
    for (unsigned i = 0; i < std::max(1U, threads); ++i)
      workers.emplace_back([&] {
        for (std::size_t k = next++; k < chunks.size(); k = next++)
          chunks[k] = measure_chunk(*measuring, sweep, k);
      });
  }
  Measurement total;
  for (const Result<Measurement>& part : chunks) {
    if (!part.ok()) return part.error();
    merge(total, *part);
  }
  return total;
}

}  // namespace sluice::accuracy
