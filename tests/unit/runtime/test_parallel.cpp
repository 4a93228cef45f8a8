// Calls over threads: the bits of the serial call, whatever is shared out and in whatever order the
// tasks run; and that the work is shared out.
#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

#include "tests/unit/runtime/row_cases.hpp"
#include "tests/unit/runtime/text_runtime.hpp"

namespace sluice {
namespace {

using testing::RowCase;
using testing::RowData;
using Kind = testing::RowOperand::Kind;

// A thread for each task, the last one first.
Parallel threads(std::size_t count) {
  return {count, [](std::size_t tasks, TaskRef task) {
            std::vector<std::thread> running;
            for (std::size_t i = tasks; i-- > 0;) running.emplace_back([=] { task(i); });
            for (std::thread& each : running) each.join();
          }};
}

// The workspace is what the kernel says, and nothing behind it is written.
void in_own_workspace(RowData& data, std::size_t threads_lent) {
  constexpr std::size_t kBehind = 1 << 16;
  const std::size_t bytes = data.code().workspace_bytes(data.views(), threads_lent);
  std::vector<std::byte> memory(bytes + 64 + kBehind, std::byte{0xa5});
  const std::size_t begin = 64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64;
  const auto room = std::span(memory).subspan(begin, bytes);
  REQUIRE(data.code().call(data.views(), {}, threads(threads_lent), room).ok());
  CHECK(std::all_of(memory.begin() + static_cast<std::ptrdiff_t>(begin + bytes), memory.end(),
                    [](std::byte each) { return each == std::byte{0xa5}; }));
}

void same_for_all_threads(RowData& data) {
  const auto whole = data.whole();
  for (const std::size_t count : {1u, 2u, 7u}) {
    const Outcome called = data.code().call(data.views(), {}, threads(count));
    if (!called.ok()) FAIL(called.error().message);
    CHECK(data.outputs() == whole);
    data.wipe();
    in_own_workspace(data, count);
    CHECK(data.outputs() == whole);
    data.wipe();
  }
}

TEST_CASE("any number of threads has the bits of one", "[runtime]") {
  for (const std::string& target : testing::row_targets())
    for (const RowCase& each : testing::row_cases())
      for (const auto& [rows, columns] : std::vector<std::pair<std::int64_t, std::int64_t>>{
               {1, 1}, {9000, 1}, {40, 1000}, {1, 8193}, {9, 4097}, {2, 32000}, {1, 90000}}) {
        if (target == "interpreter" && rows * columns > 20000) continue;
        if (target == "x86-64-v3" && columns <= 1000) continue;
        INFO(each.function << " " << name(each.pass) << " " << rows << " x " << columns << " "
                           << target);
        RowData data(each, Dtype::f32, {rows, columns}, target);
        same_for_all_threads(data);
      }
}

TEST_CASE("any number of threads has the bits of one, long", "[runtime][slow]") {
  for (const std::string& target : testing::row_targets())
    for (const RowCase& each : testing::row_cases())
      for (const Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::f16, Dtype::bf16})
        for (const auto& [rows, columns] : std::vector<std::pair<std::int64_t, std::int64_t>>{
                 {300, 1000}, {17, 4097}, {8, 32000}, {1, 1000003}, {3, 1000003}}) {
          if (target == "interpreter" && dtype != Dtype::f32) continue;
          INFO(each.function << " " << name(each.pass) << " " << name(dtype) << " " << rows << " x "
                             << columns << " " << target);
          RowData data(each, dtype, {rows, columns}, target);
          same_for_all_threads(data);
        }
}

TEST_CASE("rows along another axis, over threads", "[runtime]") {
  for (const std::string& target : testing::row_targets())
    for (const auto& [columns, rows] : std::vector<std::pair<std::int64_t, std::int64_t>>{
             {100, 1000}, {9000, 5}, {50000, 1}, {4097, 300}}) {
      if (target == "interpreter" && rows > 100) continue;
      for (const std::int64_t outer : {1, 2}) {
        const std::vector<std::int64_t> shape{outer, columns, rows};
        const auto kernel = default_runtime().compile({.function = "softmax",
                                                       .operands = {f32(shape), f32(shape)},
                                                       .axis = 1,
                                                       .target = target});
        REQUIRE(kernel.ok());
        std::vector<float> x(static_cast<std::size_t>(outer * rows * columns)), y(x.size()), z = y;
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 7919 % 1009) / 99;
        const TensorView first[] = {{x.data(), Dtype::f32, shape}, {y.data(), Dtype::f32, shape}};
        const TensorView then[] = {{x.data(), Dtype::f32, shape}, {z.data(), Dtype::f32, shape}};
        REQUIRE(kernel->call(first).ok());
        for (const std::size_t count : {2u, 7u}) {
          REQUIRE(kernel->call(then, {}, threads(count)).ok());
          INFO(outer << " x " << columns << " x " << rows << " " << target << " " << count);
          CHECK(y == z);
          std::fill(z.begin(), z.end(), 0.0f);
        }
      }
    }
}

TEST_CASE("row() over threads", "[runtime]") {
  for (const std::int64_t rows : {3, 70}) {
    RowData data({"softmax",
                  {{"x", Kind::element}, {"y", Kind::element}},
                  forward,
                  {{"causal", 1}, {"offset", 700}}},
                 Dtype::f32, {rows, 5000}, "");
    same_for_all_threads(data);
  }
}

constexpr const char* kSums = R"(
fn mul(x, b) = x * b
fn scaled(x; k = 2) = k * x
fn line(x, a, b) = a * x + b
fn whole(x; k = 3) = k * x + 0 * row_max(x)
fn centred(x, b) = b * x + 0 * row_max(x)
)";

// Operands "dk" and the like are the gradients; memory is of numbers.
void same_sums(const KernelSpec& spec) {
  static Runtime& runtime = runtime_of(kSums);
  const Kernel kernel = compiled_by(runtime, spec);
  std::vector<std::vector<float>> memory;
  std::vector<TensorView> views;
  for (const OperandSpec& each : spec.operands) {
    TensorView view(static_cast<void*>(nullptr), each.dtype, each.shape);
    std::vector<float> numbers(static_cast<std::size_t>(view.count()));
    for (std::size_t i = 0; i < numbers.size(); ++i)
      numbers[i] = static_cast<float>(i * 7919 % 1009) / 99 - 4;
    memory.push_back(std::move(numbers));
    view.data = memory.back().data();
    views.push_back(view);
  }
  REQUIRE(kernel.call(views).ok());
  const auto serial = memory;
  for (const std::size_t count : {2u, 3u, 7u}) {
    for (std::size_t k = 0; k < views.size(); ++k)
      if (kernel.operands()[k].output) std::fill(memory[k].begin(), memory[k].end(), -1.0f);
    REQUIRE(kernel.call(views, {}, threads(count)).ok());
    INFO(spec.function << " " << count << " threads");
    CHECK(memory == serial);
  }
}

TEST_CASE("sums have the bits of one thread", "[runtime]") {
  using Dims = std::vector<std::int64_t>;
  for (const char* target : {"", "interpreter"}) {
    for (const Dims& shape : std::vector<Dims>{{20, 3, 2, 490},
                                               {7, 2, 1, 4096},
                                               {3, 2, 1, 4097},
                                               {2, 1, 2, 9001},
                                               {1, 1, 1, 70001},
                                               {9000, 2, 2, 1}}) {
      INFO(shape[0] << " " << shape[1] << " " << shape[2] << " " << shape[3]);
      for (const Dims& of_b :
           std::vector<Dims>{{}, {shape[1], 1, 1}, {shape[2], 1}, {shape[3]}, {shape[0], 1, 1, 1}})
        for (const char* function : {"mul", "centred"})
          same_sums({.function = function,
                     .pass = backward,
                     .operands = {f32(shape, "x"), f32(of_b, "b"), f32({}, "grad_y"),
                                  f32(shape, "dx"), f32(of_b, "db")},
                     .target = target});
      // A sum of all that is no single loop, and sums of different rows.
      for (const Dims& of_b : std::vector<Dims>{{}, {shape[3]}}) {
        same_sums({.function = "line",
                   .operands = {f32(shape, "x"), f32({shape[1], 1, 1}, "a"), f32(of_b, "b"),
                                f32({}, "y")},
                   .reduction = Reduction::sum,
                   .target = target});
        same_sums({.function = "line",
                   .pass = backward,
                   .operands = {f32(shape, "x"), f32({shape[1], 1, 1}, "a"), f32(of_b, "b"),
                                f32(shape, "grad_y"), f32({shape[1], 1, 1}, "da"), f32(of_b, "db")},
                   .gradients = {"a", "b"},
                   .target = target});
      }
      for (const char* function : {"scaled", "whole"})
        same_sums(
            {.function = function,
             .pass = backward,
             .operands = {f32(shape, "x"), f32({}, "grad_y"), f32(shape, "dx"), f32({}, "dk")},
             .gradients = {"x", "k"},
             .target = target});
    }
  }
}

TEST_CASE("large calls are shared out, small ones are not", "[runtime]") {
  const auto tasks_of = [](const RowCase& of, std::int64_t rows, std::int64_t columns) {
    RowData data(of, Dtype::f32, {rows, columns}, "");
    std::atomic<std::size_t> tasks = 0;
    const Parallel counting{3, [&](std::size_t count, TaskRef task) {
                              tasks = std::max(tasks.load(), count);
                              for (std::size_t i = 0; i < count; ++i) task(i);
                            }};
    REQUIRE(data.code().call(data.views(), {}, counting).ok());
    return tasks.load();
  };
  for (const RowCase& each : testing::row_cases()) {
    INFO(each.function);
    CHECK(tasks_of(each, 10, 100) == 0);
    CHECK(tasks_of(each, 50, 1000) == 3);
    CHECK(tasks_of(each, 1, 30000) == 3);
  }
}

}  // namespace
}  // namespace sluice
