// Row functions beside loops written by hand in intrinsics: the same algorithm and accuracy, in the
// obvious passes (bench/measure/row_loops.hpp).
//
//   bench_rows [--quick] [WORD...]     only the lines of the table that contain every WORD
//
// One line a function and shape: for each instruction set ns per element of Sluice and of the loop,
// how many times the loop's speed Sluice has, and the worst error of both over what is allowed
// (bench/measure/row_reference.hpp). `bar` is the least that the ratio should be; ratios below it
// are marked with <, errors of Sluice's above what is allowed with !. Both write the same buffer,
// their samples taken in turn.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <sluice/sluice.hpp>

#include "bench/measure/buffer.hpp"
#include "bench/measure/measure.hpp"
#include "bench/measure/row_loops.hpp"
#include "bench/measure/row_reference.hpp"
#include "support/target.hpp"

namespace sluice::bench {
namespace {

constexpr float kInputScale = 3;  // inputs are 3 N(0, 1)
constexpr float kCausalScale = 0.125F;
constexpr double kNano = 1e9;

// One line of the table: what Sluice is asked for, the same from a loop, and what is right.
struct Case {
  std::string function;
  std::string shape;
  double bar = 0;
  double elements = 0;
  KernelSpec spec;                // without a target
  std::vector<TensorView> views;  // the output last
  std::function<void(const RowLoops&)> loop;
  Expected expected;
  std::vector<Buffer> buffers;
  std::vector<std::int64_t> targets;

  [[nodiscard]] std::span<float> output() const { return buffers.back().span(); }
  // A further operand; the last one is the output.
  float* add(std::vector<std::int64_t> shape_of_it, float scale, std::string name = {}) {
    std::size_t count = 1;
    for (const std::int64_t n : shape_of_it) count *= static_cast<std::size_t>(n);
    Buffer& buffer = buffers.emplace_back(count);
    if (scale != 0) fill_normal(buffer.span(), scale, buffers.size());
    views.emplace_back(static_cast<void*>(buffer.data()), Dtype::f32, std::span(shape_of_it));
    spec.operands.push_back(f32(std::move(shape_of_it), std::move(name)));
    return buffer.data();
  }
};

std::int64_t integer(std::size_t n) { return static_cast<std::int64_t>(n); }

Lines contiguous(RowShape shape) { return {shape.rows, shape.columns, shape.columns, 1}; }

Case start(std::string function, RowShape shape) {
  Case made;
  made.spec.function = function;
  made.function = std::move(function);
  made.shape = fmt::format("{}x{}", shape.rows, shape.columns);
  made.bar = shape.columns <= 512 ? 1.15 : 0.97;
  made.elements = static_cast<double>(shape.rows) * static_cast<double>(shape.columns);
  return made;
}

Case softmax(RowShape shape, bool log) {
  Case made = start(log ? "log_softmax" : "softmax", shape);
  const float* x = made.add({integer(shape.rows), integer(shape.columns)}, kInputScale);
  float* y = made.add({integer(shape.rows), integer(shape.columns)}, 0);
  made.loop = [=](const RowLoops& loops) {
    (log ? loops.log_softmax : loops.softmax)(x, y, shape);
  };
  const std::span all(x, shape.rows * shape.columns);
  made.expected =
      log ? expected_log_softmax(all, contiguous(shape)) : expected_softmax(all, contiguous(shape));
  return made;
}

Case softmax_axis0(RowShape shape, bool log) {
  Case made = start(log ? "log_softmax" : "softmax", shape);
  made.shape += " axis 0";
  made.bar = 1.15;
  made.spec.axis = 0;
  const float* x = made.add({integer(shape.rows), integer(shape.columns)}, kInputScale);
  float* y = made.add({integer(shape.rows), integer(shape.columns)}, 0);
  made.loop = [=](const RowLoops& loops) {
    (log ? loops.log_softmax_axis0 : loops.softmax_axis0)(x, y, shape);
  };
  const std::span all(x, shape.rows * shape.columns);
  const Lines lines{shape.columns, shape.rows, 1, shape.columns};
  made.expected = log ? expected_log_softmax(all, lines) : expected_softmax(all, lines);
  return made;
}

Case softmax_causal(std::size_t matrices, std::size_t columns) {
  const RowShape shape{matrices * columns, columns};
  Case made = start("softmax", shape);
  made.shape = fmt::format("{}x{}x{} causal", matrices, columns, columns);
  made.spec.parameters = {{"scale", double{kCausalScale}}, {"causal", 1}};
  const std::vector<std::int64_t> dimensions{integer(matrices), integer(columns), integer(columns)};
  const float* x = made.add(dimensions, kInputScale);
  float* y = made.add(dimensions, 0);
  made.loop = [=](const RowLoops& loops) { loops.softmax_causal(x, y, shape, kCausalScale); };
  made.expected = expected_softmax(std::span(x, shape.rows * columns), contiguous(shape),
                                   {.scale = kCausalScale, .causal = true});
  return made;
}

Case softmax_backward(RowShape shape) {
  Case made = start("softmax", shape);
  made.shape += " backward";
  made.spec.pass = backward;
  const std::vector<std::int64_t> dimensions{integer(shape.rows), integer(shape.columns)};
  const float* x = made.add(dimensions, kInputScale);
  const float* dy = made.add(dimensions, 1);
  float* dx = made.add(dimensions, 0);
  made.loop = [=](const RowLoops& loops) { loops.softmax_backward(x, dy, dx, shape); };
  const std::size_t count = shape.rows * shape.columns;
  made.expected =
      expected_softmax_gradient(std::span(x, count), std::span(dy, count), contiguous(shape));
  return made;
}

Case rms_norm(RowShape shape) {
  Case made = start("rms_norm", shape);
  const float* x = made.add({integer(shape.rows), integer(shape.columns)}, kInputScale);
  const float* weight = made.add({integer(shape.columns)}, 1);
  float* y = made.add({integer(shape.rows), integer(shape.columns)}, 0);
  made.loop = [=](const RowLoops& loops) { loops.rms_norm(x, weight, y, shape); };
  made.expected = expected_rms_norm(std::span(x, shape.rows * shape.columns),
                                    std::span(weight, shape.columns), contiguous(shape));
  return made;
}

Case layer_norm(RowShape shape) {
  Case made = start("layer_norm", shape);
  const float* x = made.add({integer(shape.rows), integer(shape.columns)}, kInputScale);
  const float* weight = made.add({integer(shape.columns)}, 1);
  const float* bias = made.add({integer(shape.columns)}, 1);
  float* y = made.add({integer(shape.rows), integer(shape.columns)}, 0);
  made.loop = [=](const RowLoops& loops) { loops.layer_norm(x, weight, bias, y, shape); };
  made.expected = expected_layer_norm(std::span(x, shape.rows * shape.columns),
                                      std::span(weight, shape.columns),
                                      std::span(bias, shape.columns), contiguous(shape));
  return made;
}

Case cross_entropy(RowShape shape, bool both) {
  Case made = start("cross_entropy", shape);
  const float* x = made.add({integer(shape.rows), integer(shape.columns)}, kInputScale, "x");
  for (std::size_t i = 0; i < shape.rows; ++i)
    made.targets.push_back(integer(i * 7919 % shape.columns));
  const std::int64_t* targets = made.targets.data();
  made.views.emplace_back(static_cast<const void*>(targets), Dtype::i64,
                          std::initializer_list<std::int64_t>{integer(shape.rows)});
  made.spec.operands.push_back({Dtype::i64, {integer(shape.rows)}, "target"});
  const std::span all(x, shape.rows * shape.columns);
  if (!both) {
    float* loss = made.add({integer(shape.rows)}, 0, "loss");
    made.loop = [=](const RowLoops& loops) { loops.cross_entropy(x, targets, loss, shape); };
    made.expected = expected_cross_entropy(all, made.targets, contiguous(shape));
    return made;
  }
  made.shape += " both";
  made.spec.pass = forward_backward;
  const float* dloss = made.add({integer(shape.rows)}, 1, "grad_loss");
  float* loss = made.add({integer(shape.rows)}, 0, "loss");
  float* dx = made.add({integer(shape.rows), integer(shape.columns)}, 0, "dx");
  made.loop = [=](const RowLoops& loops) {
    loops.cross_entropy_both({x, targets, dloss, loss, dx}, shape);
  };
  made.expected = expected_cross_entropy_gradient(all, made.targets, std::span(dloss, shape.rows),
                                                  contiguous(shape));
  return made;
}

// The table, line by line. A case is made when its turn comes: the largest take 100 MB.
struct Line {
  std::string words;
  std::function<Case()> make;
};

std::vector<Line> table() {
  constexpr RowShape kShapes[] = {{8192, 8},  {1024, 64}, {512, 128},  {128, 512}, {65, 1000},
                                  {16, 4096}, {2, 32000}, {2048, 512}, {8, 128256}};
  constexpr RowShape kAxis0[] = {{64, 1024}, {1000, 512}};
  constexpr RowShape kNorms[] = {{1024, 64}, {128, 512}, {16, 4096}};
  std::vector<Line> lines;
  const auto add = [&](std::string_view function, RowShape shape, std::string_view how,
                       std::function<Case()> make) {
    lines.push_back(
        {fmt::format("{} {}x{} {}", function, shape.rows, shape.columns, how), std::move(make)});
  };
  for (const bool log : {false, true}) {
    const char* function = log ? "log_softmax" : "softmax";
    for (const RowShape shape : kShapes)
      add(function, shape, "", [=] { return softmax(shape, log); });
    for (const RowShape shape : kAxis0)
      add(function, shape, "axis 0", [=] { return softmax_axis0(shape, log); });
  }
  lines.push_back({"softmax 16x512x512 causal", [] { return softmax_causal(16, 512); }});
  add("softmax", {16, 4096}, "backward", [] { return softmax_backward({16, 4096}); });
  for (const RowShape shape : kNorms) add("rms_norm", shape, "", [=] { return rms_norm(shape); });
  for (const RowShape shape : kNorms)
    add("layer_norm", shape, "", [=] { return layer_norm(shape); });
  for (const bool both : {false, true})
    add("cross_entropy", {32, 32000}, both ? "both" : "", [=] {
      return cross_entropy({32, 32000}, both);
    });
  return lines;
}

struct Contest {
  std::string target;
  const RowLoops* loops = nullptr;
};

// What of this machine's instruction sets there is a contest on; the others are named.
std::vector<Contest> contests() {
  std::vector<Contest> found;
  const auto add = [&](Level level, const RowLoops* loops) {
    const std::string name = to_string(Target{.level = level});
    const std::vector<Target> able = runnable_targets();
    const bool runs = std::any_of(able.begin(), able.end(),
                                  [&](const Target& target) { return target.level == level; });
    if (!runs)
      fmt::print("skipped: {}: this processor cannot run it\n", name);
    else if (loops == nullptr)
      fmt::print("skipped: {}: the loops were not compiled for it\n", name);
    else
      found.push_back({name, loops});
  };
  add(Level::x86_64_v4, avx512_row_loops());
  add(Level::x86_64_v3, avx2_row_loops());
  return found;
}

struct Options {
  Plan timing{.sample_seconds = 0.020, .samples = 15};
  std::vector<std::string_view> words;
};

std::optional<Options> read_options(std::span<char* const> arguments) {
  Options options;
  for (const std::string_view argument : arguments) {
    if (argument == "--quick")
      options.timing = {.sample_seconds = 0.002, .samples = 41};
    else if (!argument.starts_with("-"))
      options.words.push_back(argument);
    else if (!argument.starts_with("--benchmark_"))  // those are for the other programs
      return std::nullopt;
  }
  return options;
}

bool chosen(const Line& line, const Options& options) {
  return std::all_of(options.words.begin(), options.words.end(), [&](std::string_view word) {
    return (" " + line.words + " ").find(fmt::format(" {} ", word)) != std::string::npos;
  });
}

// One contest's columns of a line; false where there is nothing to compare or a result is wrong.
bool measure_contest(Case& now, const Contest& contest, const Plan& timing) {
  KernelSpec spec = now.spec;
  spec.target = contest.target;
  const Result<Kernel> kernel = default_runtime().compile(spec);
  if (!kernel) {
    fmt::print("  {}", kernel.error().message);
    return false;
  }
  if (kernel->rung() != Rung::x64) {
    fmt::print("  no machine code: {}", kernel->rung_reason());
    return false;
  }
  if (const Outcome called = kernel->call(now.views); !called) {
    fmt::print("  {}", called.error().message);
    return false;
  }
  const double own_error = worst_error(now.expected, now.output());
  std::fill(now.output().begin(), now.output().end(), 0.0F);
  now.loop(*contest.loops);
  const double loop_error = worst_error(now.expected, now.output());

  const std::function<void()> calls[] = {[&] { static_cast<void>(kernel->call(now.views)); },
                                         [&] { now.loop(*contest.loops); }};
  const std::vector<Timing> times = measure(calls, timing);
  const double ratio = times[1].least / times[0].least;
  fmt::print("  {:7.3f} {:7.3f} {:5.2f}{} {:5.2f}{}{:5.2f}", times[0].least / now.elements * kNano,
             times[1].least / now.elements * kNano, ratio, ratio < now.bar ? '<' : ' ', own_error,
             own_error > 1 ? '!' : ' ', loop_error);
  return own_error <= 1;
}

int run(const Options& options) {
  const int core = pin_to_core();
  const std::vector<Contest> held = contests();
  fmt::print("ns per element, the least of {} samples, on core {}; times the loop's speed, < below "
             "the bar;\nthe worst errors of Sluice and of the loop over what is allowed\n\n{:37}",
             options.timing.samples, core, "");
  for (const Contest& contest : held) fmt::print("  {:<34}", contest.target);
  fmt::print("\n{:13} {:18} {:>4}", "function", "rows x columns", "bar");
  for ([[maybe_unused]] const Contest& contest : held)
    fmt::print("  {:>7} {:>7} {:>5}  {:>5} {:>5}", "Sluice", "loop", "times", "error", "error");
  fmt::print("\n");
  bool well = true;
  for (const Line& line : table()) {
    if (!chosen(line, options)) continue;
    Case now = line.make();
    fmt::print("{:13} {:18} {:4.2f}", now.function, now.shape, now.bar);
    for (const Contest& contest : held)
      well = measure_contest(now, contest, options.timing) && well;
    fmt::print("\n");
    std::fflush(stdout);
  }
  return well ? 0 : 1;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  const std::span arguments(argv, static_cast<std::size_t>(argc));
  const auto options = sluice::bench::read_options(arguments.subspan(1));
  if (!options) {
    fmt::print(stderr, "usage: bench_rows [--quick] [WORD...]\n");
    return 2;
  }
  return sluice::bench::run(*options);
}
