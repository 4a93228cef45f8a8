// A kernel's derivative against differences of the function's exact values: what neither the
// reference's chain rule nor the compiler's has a part in.
#pragma once

#include <cstdint>

#include <sluice/status.hpp>

#include "tools/accuracy/tape.hpp"

namespace sluice::accuracy {

struct Differences {
  std::uint64_t points = 0;
  std::uint64_t agreeing = 0;
  std::uint64_t kinks = 0;  // where differences over two distances disagree: no derivative there
  double largest = 0;       // of the agreeing and disagreeing, relative
  double at = 0;            // the input derived by, where that was
};

// At `count` points with normally distributed inputs; `subject` is derived by an input. Agreeing is
// to 1e-4 of the derivative or, where it is small, of the function's slope around.
[[nodiscard]] Result<Differences> against_differences(const Subject& subject, std::uint64_t count,
                                                      std::uint64_t seed);

}  // namespace sluice::accuracy
