// Two functions at the same inputs.
#pragma once

#include <cstdint>
#include <vector>

#include <sluice/status.hpp>

#include "tools/accuracy/sweep.hpp"

namespace sluice::accuracy {

struct Comparison {
  std::uint64_t points = 0;
  std::uint64_t differing = 0;  // by any bit; all NaN are one, zeros differ by their sign
  double ulps = 0;              // the largest distance, in ulps of the other's result
  std::vector<double> inputs;   // where that is
  double ours = 0;
  double theirs = 0;
};

// Both subjects have as many inputs and the same type. Errors: those of compiling.
[[nodiscard]] Result<Comparison> compare_kernels(const Subject& ours, const Subject& theirs,
                                                 const Sweep& sweep);

}  // namespace sluice::accuracy
