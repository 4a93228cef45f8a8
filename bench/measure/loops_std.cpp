// The plain loops with the functions of the standard library as they stand, one call an element.
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "bench/measure/loops.hpp"

#include "bench/measure/loops_body.inc"

namespace sluice::bench {

std::span<const Loops> std_loops() { return kLoops; }

const Loops* find_loops(std::span<const Loops> loops, std::string_view function) {
  const auto found = std::find_if(loops.begin(), loops.end(),
                                  [&](const Loops& loop) { return loop.function == function; });
  return found == loops.end() ? nullptr : &*found;
}

}  // namespace sluice::bench
