// The plain loops as a user who wants speed from a compiler builds them. The options of this file
// (-O3 -march=native -ffast-math) stand on it alone: on a link line -ffast-math would switch
// denormals off for the whole process.
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "bench/measure/loops.hpp"

#include "bench/measure/loops_body.inc"

namespace sluice::bench {

std::span<const Loops> fast_math_loops() { return kLoops; }

}  // namespace sluice::bench
