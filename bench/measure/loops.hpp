// What Sluice is measured against: plain C++ loops over one formula, and the speed of copying.
//
// Each formula of loops.inc is compiled twice: as a user who wants speed from a compiler builds it
// (-O3 -march=native -ffast-math, in *_fast_math.cpp), and with std:: functions as they stand, one
// call an element. Neither promises Sluice's accuracy; what they attain is measured beside their
// speed.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace sluice::bench {

using ForwardLoop = void (*)(const float* x, float* y, std::size_t count);
using BackwardLoop = void (*)(const float* x, const float* dy, float* dx, std::size_t count);

// The loops of one function of one number input, at its default parameters.
struct Loops {
  std::string_view function;  // the library's name for it
  ForwardLoop forward;
  BackwardLoop backward;
};

// Compiled with -O3 -march=native -ffast-math.
[[nodiscard]] std::span<const Loops> fast_math_loops();
// Compiled like the rest of Sluice, without vectorised mathematics.
[[nodiscard]] std::span<const Loops> std_loops();

// The loops of a function, or null where there is none.
[[nodiscard]] const Loops* find_loops(std::span<const Loops> loops, std::string_view function);

// Rooflines: a copy by memcpy, and one whose stores go past the cache. Without such stores on this
// processor the second is a memcpy too.
void copy_plain(const float* x, float* y, std::size_t count);
void copy_streaming(const float* x, float* y, std::size_t count);

}  // namespace sluice::bench
