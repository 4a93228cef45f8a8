// A measurement cut into chunks that threads take one by one, and that a later run may go on with.
//
// A chunk's result depends on nothing but its number, so that a report is the same for any number
// of threads and interruptions.
#pragma once

#include <cstdint>

#include "tools/accuracy/measure.hpp"

namespace sluice::accuracy {

enum class Coverage : std::uint8_t {
  special,  // special values and their neighbours
  sampled,
  all,  // every number of the type: for one input that is no f64
};

struct Sweep {
  Coverage coverage = Coverage::sampled;
  std::uint64_t points = 0;  // sampled
  std::uint64_t seed = 1;    // sampled
};

[[nodiscard]] std::uint64_t chunk_count(const Sweep& sweep, Dtype dtype);
[[nodiscard]] std::uint64_t point_count(const Sweep& sweep, const Subject& subject);
[[nodiscard]] PointSource chunk(const Sweep& sweep, const Subject& subject, std::uint64_t index);
// Errors: those of Measuring.
[[nodiscard]] Result<Measurement> measure_chunk(const Measuring& measuring, const Sweep& sweep,
                                                std::uint64_t index);
// All chunks, on so many threads. Errors: those of Measuring.
[[nodiscard]] Result<Measurement> measure(const Subject& subject, const Promise& promise,
                                          const Sweep& sweep, unsigned threads);

}  // namespace sluice::accuracy
