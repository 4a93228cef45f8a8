// What stands between a caller and a kernel: looking one up, calling it, making it.
//
//   key        spec to key
//   get        key to a borrowed kernel, with a guard for each look-up and with one guard for all
//   compile    spec to an owned kernel that is in the cache already
//   call       a held kernel at n = 16 through pointers, against the same loop in a C function; and
//   checked make       spec to kernel when nothing is cached, the text already parsed (median in
//   the counters)
//   start      a runtime and its first kernels, compiled and from disk
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <unistd.h>

#include <benchmark/benchmark.h>

#include <sluice/sluice.hpp>

namespace {

using sluice::f32;

sluice::KernelSpec spec_of(const std::string& function) {
  return {.function = function, .operands = {f32({4096}), f32({4096})}};
}

// A cache as a program has it: some tens of kernels.
sluice::Runtime& runtime() {
  static sluice::Runtime* const shared = [] {
    auto* made = new sluice::Runtime;
    for (int i = 1; i <= 64; ++i) {
      sluice::KernelSpec spec = spec_of("leaky_relu");
      spec.parameters = {{"negative_slope", 1.0 / i}};
      static_cast<void>(made->compile(spec));
    }
    static_cast<void>(made->compile(spec_of("relu")));
    return made;
  }();
  return *shared;
}

void key(benchmark::State& state) {
  const sluice::KernelSpec spec = spec_of("relu");
  for (auto _ : state) benchmark::DoNotOptimize(runtime().key(spec));
}
BENCHMARK(key);

void get(benchmark::State& state) {
  const sluice::Key known = runtime().key(spec_of("relu")).value();
  for (auto _ : state) {
    const auto guard = runtime().guard();
    benchmark::DoNotOptimize(runtime().get(known, guard));
  }
}
BENCHMARK(get)->ThreadRange(1, 2)->UseRealTime();

void get_within_a_guard(benchmark::State& state) {
  const sluice::Key known = runtime().key(spec_of("relu")).value();
  const auto guard = runtime().guard();
  for (auto _ : state) benchmark::DoNotOptimize(runtime().get(known, guard));
}
BENCHMARK(get_within_a_guard)->ThreadRange(1, 2)->UseRealTime();

void compile_cached(benchmark::State& state) {
  const sluice::KernelSpec spec = spec_of("relu");
  for (auto _ : state) benchmark::DoNotOptimize(runtime().compile(spec));
}
BENCHMARK(compile_cached);

[[gnu::noinline]] void plain_relu(void* const* buffers, std::int64_t count, const std::uint64_t*) {
  const auto* x = static_cast<const float*>(buffers[0]);
  auto* y = static_cast<float*>(buffers[1]);
  for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] > 0 ? x[i] : 0;
}

void call_plain_function(benchmark::State& state) {
  const std::vector<float> x(16, 1);
  std::vector<float> y(16);
  void* const buffers[] = {const_cast<float*>(x.data()), y.data()};
  auto* volatile function = &plain_relu;
  for (auto _ : state) {
    function(buffers, 16, nullptr);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(call_plain_function);

void call(benchmark::State& state, const std::string& target) {
  sluice::KernelSpec spec = spec_of("relu");
  spec.target = target;
  const auto kernel = runtime().compile(spec);
  if (!kernel.ok()) return state.SkipWithError(kernel.error().message.c_str());
  state.SetLabel(kernel->target());
  const std::vector<float> x(16, 1);
  std::vector<float> y(16);
  void* const buffers[] = {const_cast<float*>(x.data()), y.data()};
  for (auto _ : state) {
    kernel->run(buffers, 16);
    benchmark::ClobberMemory();
  }
}
BENCHMARK_CAPTURE(call, best, "");
BENCHMARK_CAPTURE(call, interpreter, "interpreter");

void call_checked(benchmark::State& state) {
  const auto kernel = runtime().compile(spec_of("relu"));
  if (!kernel.ok()) return state.SkipWithError(kernel.error().message.c_str());
  const std::vector<float> x(16, 1);
  std::vector<float> y(16);
  for (auto _ : state) benchmark::DoNotOptimize((*kernel)(x, y));
}
BENCHMARK(call_checked);

void make(benchmark::State& state, const std::string& function, sluice::Pass pass,
          const std::string& target) {
  sluice::Runtime rt(sluice::RuntimeOptions{.cache_bytes = 0});  // nothing is kept
  sluice::KernelSpec spec = spec_of(function);
  spec.target = target;
  spec.pass = pass;
  if (pass == sluice::backward) spec.operands.push_back(f32({4096}));
  if (const auto kernel = rt.compile(spec); kernel.ok())
    state.SetLabel(kernel->target());
  else
    return state.SkipWithError(kernel.error().message.c_str());
  std::vector<double> microseconds;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(rt.compile(spec));
    const std::chrono::duration<double, std::micro> elapsed =
        std::chrono::steady_clock::now() - start;
    microseconds.push_back(elapsed.count());
  }
  const auto middle = microseconds.begin() + static_cast<std::ptrdiff_t>(microseconds.size() / 2);
  std::nth_element(microseconds.begin(), middle, microseconds.end());
  state.counters["median_us"] = *middle;
}
BENCHMARK_CAPTURE(make, silu, "silu", sluice::forward, "")->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(make, silu_v3, "silu", sluice::forward, "x86-64-v3")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(make, silu_interpreter, "silu", sluice::forward, "interpreter")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(make, silu_backward, "silu", sluice::backward, "")->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(make, gelu, "gelu", sluice::forward, "")->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(make, relu, "relu", sluice::forward, "")->Unit(benchmark::kMicrosecond);

// A new runtime and its first 48 kernels, of elements and of rows, forward and backward.
void start(benchmark::State& state, bool from_disk) {
  std::vector<sluice::KernelSpec> specs;
  const auto add = [&](const char* function, std::vector<std::int64_t> shape) {
    const auto x = f32(shape);
    specs.push_back({.function = function, .operands = {x, x}});
    specs.push_back({.function = function, .pass = sluice::backward, .operands = {x, x, x}});
  };
  for (const char* each : {"gelu", "silu", "tanh", "sigmoid", "mish", "softplus", "erf", "elu",
                           "selu", "gelu_tanh", "softsign", "celu"})
    add(each, {4096});
  for (const char* each : {"softmax", "log_softmax", "softmin", "l2_normalize"})
    for (const std::int64_t columns : {64, 2048, 32768}) add(each, {16, columns});
  std::string folder = (std::filesystem::temp_directory_path() / "sluice-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return state.SkipWithError("no folder");
  sluice::RuntimeOptions options;
  options.disk_folder = from_disk ? folder : "";
  for (const sluice::KernelSpec& spec : specs)
    if (const auto kernel = sluice::Runtime(options).compile(spec); !kernel.ok())
      state.SkipWithError(kernel.error().message.c_str());
  for (auto _ : state) {
    sluice::Runtime starting(options);
    benchmark::DoNotOptimize(starting.prewarm(specs));
  }
  state.SetLabel(std::to_string(specs.size()) + " kernels");
  std::filesystem::remove_all(folder);
}
BENCHMARK_CAPTURE(start, cold, false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(start, from_disk, true)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
