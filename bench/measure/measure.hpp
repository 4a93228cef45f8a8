// Timing: calls measured side by side on one core.
//
// In: calls that do the same work in different ways. Out: the least and the median time of one call
// of each. Their samples are taken in turn, so that a change of clock speed or a busy neighbour
// falls on all of them; what is compared are ratios within one run.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace sluice::bench {

struct Plan {
  double sample_seconds = 0.020;  // a sample repeats its call until it has lasted this long
  int samples = 7;
};

// Seconds of one call.
struct Timing {
  double least = 0;
  double median = 0;
};

// One Timing a call, in order. Each call is warmed up first.
[[nodiscard]] std::vector<Timing> measure(std::span<const std::function<void()>> calls,
                                          const Plan& plan);

// Seconds of a call that is too long or too rare to be repeated within a sample: each of `samples`
// samples is one call. `prepare` runs before each, untimed.
[[nodiscard]] Timing measure_single(const std::function<void()>& prepare,
                                    const std::function<void()>& call, int samples);

// Keeps this thread on one core, the last that it may run on. That core, or -1 where the system
// refuses.
int pin_to_core();

}  // namespace sluice::bench
