// Functions of acts.slu on a GPU, from PTX made ahead of time, with the bits of the interpreter.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <sluice/sluice.hpp>

#include "driver.hpp"

namespace {

constexpr int kSkipped = 77;
constexpr std::size_t kElements = (1 << 22) + 3;

// Rows within a warp, of a block of 4096 columns and of several; their workspace is of a few lanes
// for each of these and of a few for each column (acts.ptx says of how many).
constexpr std::size_t kColumns[] = {5, 300, 4096, 10007};
constexpr std::size_t kRows = 600;
constexpr std::size_t kWorkspaceLanes = 8;

std::string contents(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Patterns spread over all there are.
std::vector<float> numbers(std::uint32_t step) {
  std::vector<float> all(kElements);
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i] = std::bit_cast<float>(static_cast<std::uint32_t>(i) * step);
  return all;
}

std::size_t differences(const std::vector<float>& a, const std::vector<float>& b) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool both_nan = std::isnan(a[i]) && std::isnan(b[i]);
    if (!both_nan && std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i]))
      ++count;
  }
  return count;
}

// How many elements differ.
sluice::Result<std::size_t> compare(sluice::Runtime& runtime, Gpu& gpu, const std::string& function,
                                    sluice::Pass pass) {
  const bool backward = pass == sluice::backward;
  const auto operand = sluice::f32({static_cast<std::int64_t>(kElements)});
  std::vector<std::vector<float>> inputs{numbers(2654435761u)};
  if (backward) inputs.push_back(numbers(40503u * 65537u));
  const auto kernel = runtime.compile(
      {.function = function, .pass = pass, .operands = std::vector(inputs.size() + 1, operand)});
  if (!kernel) return kernel.error();
  std::vector<float> expected(kElements);
  std::vector<float> got(kElements);
  const auto called =
      backward ? (*kernel)(inputs[0], inputs[1], expected) : (*kernel)(inputs[0], expected);
  if (!called) return called.error();
  const std::string name = "acts_" + function + (backward ? "_backward_f32" : "_f32");
  if (!gpu.run(name, inputs, got))
    return sluice::Error{sluice::Status::unavailable, name + ": " + gpu.error()};
  const std::size_t count = differences(expected, got);
  std::printf("%-20s %zu of %zu elements differ\n", name.c_str(), count, kElements);
  return count;
}

// The same of rows, of numbers between -8 and 8.
sluice::Result<std::size_t> compare_rows(sluice::Runtime& runtime, Gpu& gpu, std::size_t columns,
                                         sluice::Pass pass) {
  const bool backward = pass == sluice::backward;
  const auto operand = sluice::f32({static_cast<std::int64_t>(kRows),  //
                                    static_cast<std::int64_t>(columns)});
  std::vector<std::vector<float>> inputs(backward ? 2 : 1);
  std::uint32_t state = 1;
  for (std::vector<float>& input : inputs)
    for (std::size_t i = 0; i < kRows * columns; ++i) {
      state = state * 1664525 + 1013904223;  // Numerical Recipes, section 7.1
      input.push_back(static_cast<float>(static_cast<std::int32_t>(state)) * 0x1p-28f);
    }
  const auto kernel = runtime.compile(
      {.function = "weights", .pass = pass, .operands = std::vector(inputs.size() + 1, operand)});
  if (!kernel) return kernel.error();
  std::vector<float> expected(kRows * columns);
  std::vector<float> got(expected.size());
  std::vector<sluice::TensorView> views;
  for (const std::vector<float>& input : inputs)
    views.emplace_back(static_cast<const void*>(input.data()), sluice::Dtype::f32, operand.shape);
  views.emplace_back(static_cast<void*>(expected.data()), sluice::Dtype::f32, operand.shape);
  if (auto called = kernel->call(views); !called) return called.error();
  const std::string name = backward ? "acts_weights_backward_f32" : "acts_weights_f32";
  const std::size_t workspace = kWorkspaceLanes * sizeof(float) * (columns + columns / 4096 + 1);
  if (!gpu.run(name, inputs, got, {columns, workspace}))
    return sluice::Error{sluice::Status::unavailable, name + ": " + gpu.error()};
  const std::size_t count = differences(expected, got);
  std::printf("%-20s %zu of %zu x %zu elements differ\n", name.c_str(), count, kRows, columns);
  return count;
}

sluice::Result<std::size_t> run(Gpu& gpu) {
  if (!gpu.load(contents(ACTS_PTX))) return sluice::Error{sluice::Status::unavailable, gpu.error()};
  sluice::Runtime runtime({.target = "interpreter"});
  if (auto defined = runtime.define(contents(ACTS_SLU)); !defined) return defined.error();
  std::size_t count = 0;
  for (const char* function : {"star", "soft", "smooth", "gate"})
    for (const sluice::Pass pass : {sluice::forward, sluice::backward}) {
      const auto compared = compare(runtime, gpu, function, pass);
      if (!compared) return compared;
      count += *compared;
    }
  for (const std::size_t columns : kColumns)
    for (const sluice::Pass pass : {sluice::forward, sluice::backward}) {
      const auto compared = compare_rows(runtime, gpu, columns, pass);
      if (!compared) return compared;
      count += *compared;
    }
  return count;
}

}  // namespace

int main() {
  auto gpu = Gpu::open();
  if (!gpu) {
    std::printf("skipped: example.cuda: there is no GPU with a CUDA driver\n");
    return kSkipped;
  }
  const auto outcome = run(*gpu);
  if (!outcome) std::fprintf(stderr, "%s\n", outcome.error().message.c_str());
  return outcome && *outcome == 0 ? 0 : 1;
}
