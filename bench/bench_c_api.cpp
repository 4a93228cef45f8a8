// The same doors through the C interface, of which programs in other languages make use.
//
//   key      spec to key
//   get      key to a borrowed kernel, with a guard for each look-up and with one guard for all
//   run      a held kernel at n = 16 through pointers, against the C++ interface's
//   call     the same with checks
#include <cstdint>

#include <benchmark/benchmark.h>

#include <sluice/sluice.h>
#include <sluice/sluice.hpp>

namespace {

constexpr std::int64_t kShape[] = {16};
constexpr sluice_operand kOperands[] = {{nullptr, SLUICE_F32, 1, kShape, 0, 0},
                                        {nullptr, SLUICE_F32, 1, kShape, 0, 0}};

sluice_spec spec() {
  sluice_spec relu = sluice_spec_default();
  relu.function = "relu";
  relu.operands = kOperands;
  relu.operand_count = 2;
  return relu;
}

sluice_runtime* runtime() {
  static sluice_runtime* const shared = [] {
    sluice_runtime* made = nullptr;
    static_cast<void>(sluice_runtime_create(nullptr, &made));
    return made;
  }();
  return shared;
}

struct Held {
  Held() {
    const sluice_spec relu = spec();
    static_cast<void>(sluice_runtime_key(runtime(), &relu, &key));
    static_cast<void>(sluice_runtime_compile_key(runtime(), key, &kernel));
  }
  ~Held() {
    sluice_key_release(key);
    sluice_kernel_release(kernel);
  }
  sluice_key* key = nullptr;
  sluice_kernel* kernel = nullptr;
};

void key(benchmark::State& state) {
  const sluice_spec relu = spec();
  for (auto _ : state) {
    sluice_key* made = nullptr;
    benchmark::DoNotOptimize(sluice_runtime_key(runtime(), &relu, &made));
    sluice_key_release(made);
  }
}
BENCHMARK(key);

void get(benchmark::State& state) {
  const Held held;
  const sluice_kernel* found = nullptr;
  for (auto _ : state) {
    sluice_guard guard;
    benchmark::DoNotOptimize(sluice_runtime_enter(runtime(), &guard));
    benchmark::DoNotOptimize(sluice_runtime_get(runtime(), held.key, &guard, &found));
    sluice_guard_leave(&guard);
  }
}
BENCHMARK(get)->ThreadRange(1, 2)->UseRealTime();

void get_within_a_guard(benchmark::State& state) {
  const Held held;
  const sluice_kernel* found = nullptr;
  sluice_guard guard;
  static_cast<void>(sluice_runtime_enter(runtime(), &guard));
  for (auto _ : state)
    benchmark::DoNotOptimize(sluice_runtime_get(runtime(), held.key, &guard, &found));
  sluice_guard_leave(&guard);
}
BENCHMARK(get_within_a_guard);

void run(benchmark::State& state) {
  const Held held;
  float x[16] = {}, y[16];
  void* const buffers[] = {x, y};
  for (auto _ : state) {
    benchmark::DoNotOptimize(sluice_kernel_run(held.kernel, buffers, 16, nullptr));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(run);

void run_in_cpp(benchmark::State& state) {
  sluice::Runtime own;
  const auto f32 = sluice::f32({16});
  const auto kernel = own.compile({.function = "relu", .operands = {f32, f32}}).value();
  float x[16] = {}, y[16];
  void* const buffers[] = {x, y};
  for (auto _ : state) {
    kernel.run(buffers, 16);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(run_in_cpp);

void call(benchmark::State& state) {
  const Held held;
  float x[16] = {}, y[16];
  const sluice_tensor tensors[] = {{x, kShape, nullptr, 1, SLUICE_F32, SLUICE_TENSOR_CONSTANT},
                                   {y, kShape, nullptr, 1, SLUICE_F32, 0}};
  for (auto _ : state) {
    benchmark::DoNotOptimize(sluice_kernel_call(held.kernel, tensors, 2, nullptr));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(call);

}  // namespace

BENCHMARK_MAIN();
