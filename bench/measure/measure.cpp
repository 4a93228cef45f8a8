#include "bench/measure/measure.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

#if defined(__linux__)
#include <sched.h>
#endif

namespace sluice::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Seconds that `repeats` calls take.
double run(const std::function<void()>& call, std::int64_t repeats) {
  const Clock::time_point begin = Clock::now();
  for (std::int64_t i = 0; i < repeats; ++i) call();
  return seconds_since(begin);
}

// How many calls fill a sample, found by doubling; this is the warm-up too.
std::int64_t repeats_for(const std::function<void()>& call, double sample_seconds) {
  std::int64_t repeats = 1;
  while (true) {
    const double taken = run(call, repeats);
    if (taken >= sample_seconds) return repeats;
    const double wanted = taken > 0 ? sample_seconds / taken * 1.1 : 10.0;
    repeats = std::max(repeats + 1, static_cast<std::int64_t>(static_cast<double>(repeats) *
                                                              std::min(wanted, 10.0)));
  }
}

Timing summary(std::vector<double>& samples) {
  std::sort(samples.begin(), samples.end());
  const std::size_t half = samples.size() / 2;
  const double median =
      samples.size() % 2 == 1 ? samples[half] : (samples[half - 1] + samples[half]) / 2;
  return {samples.front(), median};
}

}  // namespace

std::vector<Timing> measure(std::span<const std::function<void()>> calls, const Plan& plan) {
  std::vector<std::int64_t> repeats;
  for (const auto& call : calls) repeats.push_back(repeats_for(call, plan.sample_seconds));
  std::vector<std::vector<double>> taken(calls.size());
  for (int sample = 0; sample < plan.samples; ++sample)
    for (std::size_t i = 0; i < calls.size(); ++i)
      taken[i].push_back(run(calls[i], repeats[i]) / static_cast<double>(repeats[i]));
  std::vector<Timing> timings;
  for (std::vector<double>& samples : taken) timings.push_back(summary(samples));
  return timings;
}

Timing measure_single(const std::function<void()>& prepare, const std::function<void()>& call,
                      int samples) {
  std::vector<double> taken;
  for (int sample = 0; sample < samples; ++sample) {
    prepare();
    taken.push_back(run(call, 1));
  }
  return summary(taken);
}

int pin_to_core() {
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return -1;
  for (int core = CPU_SETSIZE - 1; core >= 0; --core) {
    const auto index = static_cast<std::size_t>(core);
    if (!CPU_ISSET(index, &allowed)) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(index, &one);
    return sched_setaffinity(0, sizeof one, &one) == 0 ? core : -1;
  }
#endif
  return -1;
}

}  // namespace sluice::bench
