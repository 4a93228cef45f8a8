// What stands between a caller and a kernel: looking one up, calling it, making it.
//
//   key        spec to key
//   get        64 keys in turn to borrowed kernels, with a guard for each look-up or one for all
//   compile    spec to an owned kernel that is in the cache already
//   call       a held kernel at n = 16 through pointers, against the same loop in a C function
//              call_checked: with checks
//   make       spec to kernel when nothing is cached, the text already parsed: see the medians
//   create     a runtime, when the library's text is parsed already
//   start      a runtime and its first kernels, compiled and from disk
//   shapes     100,000 shapes of softmax through a cache of 4 MB: resident memory on the way
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
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

constexpr std::size_t kKeys = 64;

sluice::KernelSpec numbered_spec(std::size_t number) {
  sluice::KernelSpec spec = spec_of("leaky_relu");
  spec.parameters = {{"negative_slope", 1.0 / static_cast<double>(number + 1)}};
  return spec;
}

// A cache as a program has it: some tens of kernels.
sluice::Runtime& runtime() {
  static sluice::Runtime* const shared = [] {
    auto* made = new sluice::Runtime;
    for (std::size_t i = 0; i < kKeys; ++i) static_cast<void>(made->compile(numbered_spec(i)));
    static_cast<void>(made->compile(spec_of("relu")));
    return made;
  }();
  return *shared;
}

// Each thread's own, as each has looked them up by its own specs.
std::vector<sluice::Key> keys() {
  std::vector<sluice::Key> made;
  for (std::size_t i = 0; i < kKeys; ++i) made.push_back(runtime().key(numbered_spec(i)).value());
  return made;
}

void key(benchmark::State& state) {
  const sluice::KernelSpec spec = spec_of("relu");
  for (auto _ : state) benchmark::DoNotOptimize(runtime().key(spec));
}
BENCHMARK(key);

void get(benchmark::State& state) {
  sluice::Runtime& shared = runtime();
  const std::vector<sluice::Key> known = keys();
  std::size_t i = 0;
  for (auto _ : state) {
    const auto guard = shared.guard();
    benchmark::DoNotOptimize(shared.get(known[i++ % kKeys], guard));
  }
}
BENCHMARK(get)->ThreadRange(1, 2)->UseRealTime();

void get_within_a_guard(benchmark::State& state) {
  sluice::Runtime& shared = runtime();
  const std::vector<sluice::Key> known = keys();
  const auto guard = shared.guard();
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(shared.get(known[i++ % kKeys], guard));
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

void make(benchmark::State& state, const sluice::KernelSpec& spec) {
  sluice::Runtime rt(sluice::RuntimeOptions{.cache_bytes = 0});  // nothing is kept
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

sluice::KernelSpec backward_spec(const std::string& function) {
  const auto x = f32({4096});
  return {.function = function, .pass = sluice::backward, .operands = {x, x, x}};
}

sluice::KernelSpec for_target(sluice::KernelSpec spec, const std::string& target) {
  spec.target = target;
  return spec;
}

sluice::KernelSpec loss_spec() {
  return {.function = "cross_entropy",
          .pass = sluice::forward_backward,
          .operands = {f32({8, 1000}, "x"),
                       {sluice::Dtype::i64, {8}, "target"},
                       f32({8}, "loss"),
                       f32({8}, "grad_loss"),
                       f32({8, 1000}, "dx")}};
}

BENCHMARK_CAPTURE(make, silu, spec_of("silu"))->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(make, silu_v3, for_target(spec_of("silu"), "x86-64-v3"))
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(make, silu_interpreter, for_target(spec_of("silu"), "interpreter"))
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(make, silu_backward, backward_spec("silu"))->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(make, gelu, spec_of("gelu"))->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(make, relu, spec_of("relu"))->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(make, cross_entropy, loss_spec())->Unit(benchmark::kMicrosecond);

void create(benchmark::State& state) {
  static_cast<void>(runtime());
  for (auto _ : state) {
    const sluice::Runtime made;
    benchmark::DoNotOptimize(&made);
  }
}
BENCHMARK(create)->Unit(benchmark::kMicrosecond);

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

double resident_megabytes() {
  std::ifstream status("/proc/self/statm");
  double all = 0, resident = 0;
  status >> all >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

void shapes(benchmark::State& state) {
  constexpr std::int64_t kShapes = 100'000, kColumns = 4096;
  for (auto _ : state) {
    sluice::Runtime rt(sluice::RuntimeOptions{.cache_bytes = std::size_t{4} << 20});
    for (std::int64_t i = 0; i < kShapes; ++i) {
      const auto x = f32({1 + i / kColumns, 1 + i % kColumns});
      const auto kernel = rt.compile({.function = "softmax", .operands = {x, x}});
      if (!kernel.ok()) return state.SkipWithError(kernel.error().message.c_str());
      if (i == kShapes / 10) state.counters["MB_after_a_tenth"] = resident_megabytes();
    }
    state.counters["MB_after_all"] = resident_megabytes();
    state.counters["compiles"] = static_cast<double>(rt.counters().compiles);
  }
}
BENCHMARK(shapes)->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace

BENCHMARK_MAIN();
