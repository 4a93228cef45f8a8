// Many threads on one runtime: single flight, eviction under calls, definitions while compiling.
//
// Catch2's assertions are not safe in threads: workers count what went wrong, and the test looks
// when they are done.
#include <algorithm>
#include <atomic>
#include <barrier>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

namespace sluice {
namespace {

constexpr int kThreads = 16;
constexpr int kSpecs = 100;

// All threads start at once; the result is how often `work` returned false.
int failures_of(const std::function<bool(int)>& work) {
  std::barrier start(kThreads);
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread)
    threads.emplace_back([&, thread] {
      start.arrive_and_wait();
      if (!work(thread)) ++failures;
    });
  for (std::thread& thread : threads) thread.join();
  return failures;
}

// Distinct by the parameter: y is -number * x for negative x.
KernelSpec spec_of(int number) {
  return {.function = "leaky_relu",
          .operands = {f32({4}), f32({4})},
          .parameters = {{"negative_slope", static_cast<double>(number + 1)}}};
}

bool works(const Kernel& kernel, int number) {
  float x = -2, y = 0;
  void* const buffers[] = {&x, &y};
  kernel.run(buffers, 1);
  return y == -2.0f * static_cast<float>(number + 1);
}

// Each thread walks the specs in an order of its own.
std::vector<int> order_of(int thread) {
  std::vector<int> order;
  for (int i = 0; i < kSpecs; ++i) order.push_back(i);
  std::mt19937 random(static_cast<unsigned>(thread));
  // Half of the threads in the same order, to meet in the same compilations.
  if (thread % 2 == 0) std::shuffle(order.begin(), order.end(), random);
  return order;
}

TEST_CASE("16 threads that ask for the same 100 specs compile each once", "[threads]") {
  Runtime rt;
  std::vector<std::vector<std::optional<Kernel>>> kernels(
      kThreads, std::vector<std::optional<Kernel>>(kSpecs));
  const int failures = failures_of([&](int thread) {
    bool right = true;
    for (const int i : order_of(thread)) {
      const auto kernel = rt.compile(spec_of(i));
      right = right && kernel.ok() && works(*kernel, i);
      if (kernel.ok())
        kernels[static_cast<std::size_t>(thread)][static_cast<std::size_t>(i)] = *kernel;
    }
    return right;
  });
  CHECK(failures == 0);
  const Counters counters = rt.counters();
  CHECK(counters.compiles == kSpecs);
  CHECK(counters.entries == kSpecs);
  CHECK(counters.hits + counters.misses == kThreads * kSpecs);
  bool same = true;
  for (const auto& row : kernels)
    for (std::size_t i = 0; i < kSpecs; ++i)
      same = same && row[i] && row[i]->same_as(*kernels[0][i]);
  CHECK(same);
}

TEST_CASE("a failure is told to all who waited and not kept", "[threads]") {
  // Two thousand powers, added up from the last: more values at once than the interpreter holds.
  constexpr int kPowers = 2000;
  std::string text = "fn wide(x) {\n  let p0 = x\n";
  for (int i = 1; i <= kPowers; ++i)
    text += "  let p" + std::to_string(i) + " = p" + std::to_string(i - 1) + " * x\n";
  text += "  let s" + std::to_string(kPowers) + " = p" + std::to_string(kPowers) + "\n";
  for (int i = kPowers - 1; i >= 0; --i)
    text += "  let s" + std::to_string(i) + " = s" + std::to_string(i + 1) + " + p" +
            std::to_string(i) + "\n";
  Runtime rt(RuntimeOptions{.target = "interpreter"});
  const Outcome defined = rt.define(text + "  s0\n}");
  INFO((defined.ok() ? std::string() : defined.error().message));
  REQUIRE(defined.ok());
  const KernelSpec spec = {.function = "wide", .operands = {f32({4}), f32({4})}};
  CHECK(failures_of([&](int) { return !rt.compile(spec).ok(); }) == 0);
  CHECK(rt.counters().entries == 0);
  CHECK(rt.counters().failures >= 1);
  CHECK(rt.counters().failures == rt.counters().compiles);
}

TEST_CASE("eviction under calls keeps the bound and every held kernel", "[threads]") {
  constexpr std::size_t kBound = 100'000;
  Runtime rt(RuntimeOptions{.cache_bytes = kBound});
  std::vector<Key> keys;
  for (int i = 0; i < kSpecs; ++i) keys.push_back(rt.key(spec_of(i)).value());
  std::atomic<bool> over{false};
  const int failures = failures_of([&](int thread) {
    std::mt19937 random(static_cast<unsigned>(thread) + 1);
    std::optional<Kernel> held;
    int held_number = 0;
    bool right = true;
    for (int round = 0; round < 300; ++round) {
      const int number = static_cast<int>(random() % kSpecs);
      const Key& key = keys[static_cast<std::size_t>(number)];
      {
        const auto guard = rt.guard();
        if (const Kernel* kernel = rt.get(key, guard)) {
          right = right && works(*kernel, number);
          if (round % 7 == 0) held = *kernel, held_number = number;
          if (held) right = right && works(*held, held_number);
          continue;
        }
      }
      const auto kernel = rt.compile(key);
      right = right && kernel.ok() && works(*kernel, number);
      if (rt.counters().bytes > kBound) over = true;
    }
    return right;
  });
  CHECK(failures == 0);
  CHECK_FALSE(over);
  const Counters counters = rt.counters();
  CHECK(counters.bytes <= kBound);
  CHECK(counters.evictions > 0);
  CHECK(counters.evictions + counters.entries == counters.compiles);
}

TEST_CASE("definitions may change while others compile", "[threads]") {
  Runtime rt;
  REQUIRE(rt.define("fn f(x) = x * 1").ok());
  const int failures = failures_of([&](int thread) {
    for (int round = 1; round <= 20; ++round) {
      if (thread < 2) {
        const int value = round * 2 + thread;
        if (!rt.define("fn f(x) = x * " + std::to_string(value)).ok()) return false;
        continue;
      }
      const auto kernel = rt.compile({.function = "f", .operands = {f32({4}), f32({4})}});
      if (!kernel.ok()) return false;
      float x = 1, y = 0;
      void* const buffers[] = {&x, &y};
      kernel->run(buffers, 1);
      if (y < 1 || y > 41) return false;
    }
    return true;
  });
  CHECK(failures == 0);
}

TEST_CASE("kernels are called after their runtime is gone", "[threads]") {
  auto rt = std::make_unique<Runtime>();
  std::vector<Kernel> kernels;
  for (int i = 0; i < 10; ++i) kernels.push_back(rt->compile(spec_of(i)).value());
  std::atomic<bool> gone{false};
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int thread = 0; thread < 4; ++thread)
    callers.emplace_back([&, held = kernels] {
      do {
        for (int i = 0; i < 10; ++i)
          if (!works(held[static_cast<std::size_t>(i)], i)) ++wrong;
      } while (!gone);
    });
  kernels.clear();
  rt.reset();
  gone = true;
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
}

TEST_CASE("clear, define, look-ups and compilations at once", "[threads]") {
  Runtime rt(RuntimeOptions{.cache_bytes = 50'000});
  const int failures = failures_of([&](int thread) {
    for (int round = 0; round < 60; ++round) {
      const int number = (round * 7 + thread) % 20;
      if (thread == 0 && round % 10 == 0) rt.clear();
      if (thread == 1 && round % 10 == 0 &&
          !rt.define("fn g(x) = x + " + std::to_string(round)).ok())
        return false;
      const auto key = rt.key(spec_of(number));
      if (!key.ok()) return false;
      const auto guard = rt.guard();
      const Kernel* found = rt.get(*key, guard);
      if (found != nullptr && !works(*found, number)) return false;
      // A guard does not stand in the way of a compilation, nor of what that evicts.
      const auto kernel = rt.compile(*key);
      if (!kernel.ok() || !works(*kernel, number)) return false;
    }
    return true;
  });
  CHECK(failures == 0);
  CHECK(rt.counters().bytes <= 50'000);
}

}  // namespace
}  // namespace sluice
