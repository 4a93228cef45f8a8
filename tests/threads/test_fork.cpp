// Forks of a process whose other threads compile, look up, evict and define.
//
// The child has one thread, and has to find every lock free and no compilation that nobody does.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

namespace sluice {
namespace {

constexpr int kSpecs = 12;

KernelSpec spec_of(int number) {
  return {.function = number % 2 == 0 ? "gelu" : "softmax",
          .operands = {f32({2, 3 + number}), f32({2, 3 + number})}};
}

bool works(const Kernel& kernel, int number) {
  const std::vector<std::int64_t> shape = {2, 3 + number};
  std::vector<float> x(static_cast<std::size_t>(2 * (3 + number)), 1), y(x.size());
  const TensorView views[] = {{static_cast<const void*>(x.data()), Dtype::f32, shape},
                              {static_cast<void*>(y.data()), Dtype::f32, shape}};
  const float expected = number % 2 == 0 ? 0.84134475f : 1 / static_cast<float>(3 + number);
  return kernel.call(views).ok() && y[0] > expected - 1e-6f && y[0] < expected + 1e-6f;
}

// All that a process does with a runtime; every step fails rather than hangs, or SIGALRM ends it.
int child(Runtime& runtime, const Kernel& held) {
  ::alarm(60);
  if (!works(held, 0)) return 1;
  for (int i = 0; i < kSpecs; ++i) {
    const auto kernel = runtime.compile(spec_of(i));
    if (!kernel.ok() || !works(*kernel, i)) return 2;
    const auto guard = runtime.guard();
    if (runtime.get(runtime.key(spec_of(i)).value(), guard) == nullptr) return 3;
  }
  if (!runtime.define("fn mine(x) = x + 1").ok()) return 4;
  runtime.clear();
  if (runtime.counters().entries != 0) return 5;
  Runtime another;
  return another.compile(spec_of(1)).ok() ? 0 : 6;
}

TEST_CASE("a fork amid compilations leaves a child that works", "[threads]") {
  Runtime runtime;
  const Kernel held = runtime.compile(spec_of(0)).value();
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread)
    threads.emplace_back([&, thread] {
      while (!over) {
        for (int i = 0; i < kSpecs && !over; ++i) (void)runtime.compile(spec_of(i));
        if (thread == 0) runtime.clear();
        if (thread == 1) (void)runtime.define("fn mine(x) = x");
        const Runtime brief;
      }
    });
  std::vector<int> statuses;
  for (int i = 0; i < 60; ++i) {
    const pid_t process = ::fork();
    if (process == 0) ::_exit(child(runtime, held));
    int status = -1;
    ::waitpid(process, &status, 0);
    statuses.push_back(status);
  }
  over = true;
  for (std::thread& each : threads) each.join();
  CHECK(statuses == std::vector<int>(60, 0));
  CHECK(child(runtime, held) == 0);
  ::alarm(0);
}

}  // namespace
}  // namespace sluice
