// Elementwise calls of operands with strides: the bits of the call on contiguous copies, and
// nothing else written.
#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

#include "row_cases.hpp"
#include "strided_data.hpp"

namespace sluice {
namespace {

using testing::any_lie;
using testing::check_strided;
using testing::Dims;
using testing::Lie;
using testing::row_major;
using testing::StridedOperand;
using testing::threads;

constexpr const char* kText = R"(
fn blend(x, z) = x * 2 + z
fn product(x, z) = x * z + x
fn both(x) -> (a, b) = (x + 1, x * x)
)";

Runtime& runtime() {
  static Runtime rt;
  static const bool defined = rt.define(kText).ok();
  REQUIRE(defined);
  return rt;
}

OperandSpec operand(Dtype dtype, const Dims& shape) {
  OperandSpec spec{dtype, shape};
  if (dtype == Dtype::i8) spec.quantisation = Quantisation{0.05f, 3};
  return spec;
}

Kernel compiled(KernelSpec spec, const std::string& target) {
  spec.target = target;
  auto kernel = runtime().compile(spec);
  if (!kernel.ok()) FAIL(kernel.error().message);
  return *kernel;
}

// Orders of memory in turn: an operand each.
struct Orders {
  explicit Orders(std::size_t rank) : lie(row_major(rank)) {}
  bool next() { return std::next_permutation(lie.order.begin(), lie.order.end()); }
  Lie lie;
};

std::vector<StridedOperand> make(const std::vector<Dtype>& types, const Dims& shape,
                                 const std::vector<Lie>& lies, std::mt19937& random) {
  std::vector<StridedOperand> operands;
  for (std::size_t k = 0; k < types.size(); ++k)
    operands.emplace_back(types[k], shape, lies[k], random);
  return operands;
}

TEST_CASE("every order of the dimensions has the contiguous call's bits", "[runtime]") {
  std::mt19937 random(1);
  for (const std::string& target : testing::row_targets())
    for (const Dims& shape : {Dims{5, 7, 9}, Dims{40, 33, 70}, Dims{3, 4, 5, 6}}) {
      const OperandSpec spec = f32(shape);
      const Kernel kernel = compiled({.function = "blend", .operands = {spec, spec, spec}}, target);
      for (Orders x(shape.size()); x.next();)
        for (const bool written : {false, true}) {
          Lie still = row_major(shape.size());
          still.still = static_cast<unsigned>(random());
          const Lie y = written ? x.lie : row_major(shape.size());
          auto operands = make({Dtype::f32, Dtype::f32, Dtype::f32}, shape,
                               {written ? row_major(shape.size()) : x.lie, still, y}, random);
          check_strided(target + " order", kernel, operands);
        }
    }
}

TEST_CASE("any strides, types and passes have the contiguous call's bits", "[runtime]") {
  std::mt19937 random(2);
  const Dtype types[] = {Dtype::f32, Dtype::f64, Dtype::f16, Dtype::bf16, Dtype::i8};
  const std::vector<Dims> shapes = {{5, 7, 9}, {40, 33, 70}, {2, 3000},
                                    {3000, 2}, {1000},       {129, 130}};
  for (const std::string& target : testing::row_targets())
    for (int round = 0; round < 120; ++round) {
      const Dims& shape = shapes[static_cast<std::size_t>(round) % shapes.size()];
      const bool backward = round % 3 == 1, accumulates = backward && round % 2 == 0;
      const auto any_type = [&] { return types[random() % (target == "interpreter" ? 5 : 4)]; };
      std::vector<Dtype> chosen = {any_type(), any_type(), any_type()};
      if (backward) chosen.push_back(any_type()), chosen.push_back(any_type());
      // The JIT takes f64 by itself; gradients are of their inputs' types.
      const bool wide = std::count(chosen.begin(), chosen.end(), Dtype::f64) != 0;
      if (wide) std::fill(chosen.begin(), chosen.end(), Dtype::f64);
      if (backward)
        for (Dtype& each : chosen)
          if (each == Dtype::i8) each = Dtype::f32;
      KernelSpec spec{.function = "product", .operands = {}, .accumulate = accumulates};
      spec.pass = backward ? Pass::backward : forward;
      std::vector<Lie> lies;
      for (std::size_t k = 0; k < chosen.size(); ++k) {
        spec.operands.push_back(operand(chosen[k], shape));
        lies.push_back(any_lie(shape.size(), k >= (backward ? 3u : 2u), random));
      }
      const Kernel kernel = compiled(spec, target);
      auto operands = make(chosen, shape, lies, random);
      check_strided(target + " round " + std::to_string(round), kernel, operands,
                    round % 4 == 3 ? threads() : Parallel{});
    }
}

TEST_CASE("strided operands have up to eight dimensions and more, of any length", "[runtime]") {
  std::mt19937 random(3);
  const std::int64_t extents[] = {1, 1, 2, 3, 4, 0};
  for (std::size_t rank = 0; rank <= 12; ++rank)
    for (int round = 0; round < 12; ++round) {
      Dims shape;
      for (std::size_t d = 0; d < rank; ++d)
        shape.push_back(extents[random() % (round == 0 ? 6 : 5)]);
      const OperandSpec spec = f32(shape);
      const Kernel kernel = compiled({.function = "blend", .operands = {spec, spec, spec}}, "");
      auto operands = make(
          {Dtype::f32, Dtype::f32, Dtype::f32}, shape,
          {any_lie(rank, false, random), any_lie(rank, false, random), any_lie(rank, true, random)},
          random);
      check_strided("rank " + std::to_string(rank), kernel, operands);
    }
}

TEST_CASE("a strided output may be an input with the same strides", "[runtime]") {
  std::mt19937 random(4);
  for (const Dims& shape : {Dims{6, 50, 40}, Dims{1, 5000}, Dims{300, 3}})
    for (int round = 0; round < 10; ++round) {
      const OperandSpec spec = f32(shape);
      const Kernel kernel = compiled({.function = "blend", .operands = {spec, spec, spec}}, "");
      const Lie lie = any_lie(shape.size(), true, random);
      auto operands = make({Dtype::f32, Dtype::f32, Dtype::f32}, shape,
                           {lie, any_lie(shape.size(), false, random), lie}, random);
      check_strided("in place", kernel, operands, {}, 0);
    }
}

TEST_CASE("several outputs each have strides of their own", "[runtime]") {
  std::mt19937 random(5);
  const Dims shape{20, 60, 30};
  const OperandSpec spec = f32(shape);
  const Kernel kernel = compiled({.function = "both", .operands = {spec, spec, spec}}, "");
  for (int round = 0; round < 10; ++round) {
    auto operands = make(
        {Dtype::f32, Dtype::f32, Dtype::f32}, shape,
        {any_lie(3, false, random), any_lie(3, true, random), any_lie(3, true, random)}, random);
    check_strided("both", kernel, operands, round % 2 == 0 ? threads() : Parallel{});
  }
}

TEST_CASE("an operand of one element for all moves in no loop of the kernel's", "[runtime]") {
  const OperandSpec spec = f32({6, 1000}), row = f32({6, 1});
  const Kernel kernel = compiled({.function = "blend", .operands = {spec, row, spec}}, "");
  std::mt19937 random(6);
  for (const bool transposed : {false, true}) {
    Lie lie = row_major(2);
    if (transposed) std::reverse(lie.order.begin(), lie.order.end());
    std::vector<StridedOperand> operands;
    operands.emplace_back(Dtype::f32, Dims{6, 1000}, lie, random);
    Lie gap = row_major(2);
    gap.gap = 4;
    operands.emplace_back(Dtype::f32, Dims{6, 1}, gap, random);
    operands.emplace_back(Dtype::f32, Dims{6, 1000}, lie, random);
    check_strided("scalar", kernel, operands);
  }
}

std::string refusal(const Kernel& kernel, std::vector<TensorView> views) {
  const Outcome outcome = kernel.call(views);
  REQUIRE_FALSE(outcome.ok());
  CHECK(outcome.error().status == Status::invalid_operands);
  return outcome.error().message;
}

TEST_CASE("strides that a call can't take are refused, and nothing is written", "[runtime]") {
  const OperandSpec spec = f32({4, 4});
  const Kernel kernel = compiled({.function = "blend", .operands = {spec, spec, spec}}, "");
  std::vector<float> x(64, 1), y(64, 7);
  const std::vector<float> before = y;
  const auto view = [](std::vector<float>& memory, std::size_t first, const Dims& strides) {
    return TensorView(memory.data() + first, Dtype::f32, Dims{4, 4}, strides);
  };
  const TensorView in = view(x, 0, {4, 1}), out = view(y, 0, {4, 1});
  using Catch::Matchers::Contains;
  CHECK_THAT(refusal(kernel, {in, in, view(y, 0, {4, 0})}), Contains("two elements in one place"));
  CHECK_THAT(refusal(kernel, {in, in, view(y, 0, {1, 1})}), Contains("two elements in one place"));
  CHECK_THAT(refusal(kernel, {in, in, view(y, 0, {3, 1})}), Contains("two elements in one place"));
  CHECK_THAT(refusal(kernel, {in, in, view(y, 0, {-3, 1})}), Contains("two elements in one place"));
  constexpr std::int64_t kFar = std::int64_t{1} << 61;
  CHECK_THAT(refusal(kernel, {view(x, 0, {kFar, 1}), in, out}), Contains("further than memory"));
  CHECK_THAT(refusal(kernel, {view(x, 0, {kFar / 8, kFar / 8}), in, out}),
             Contains("further than memory"));
  CHECK_THAT(refusal(kernel, {view(x, 0, {4}), in, out}), Contains("has 1 strides"));
  CHECK_THAT(refusal(kernel, {view(x, 0, Dims(17, 1)), in, out}), Contains("has 17 strides"));

  // One buffer: the very same elements, or other bytes altogether.
  CHECK(kernel.call(std::vector<TensorView>{view(y, 0, {8, 2}), in, view(y, 0, {8, 2})}).ok());
  y = before;
  CHECK(kernel.call(std::vector<TensorView>{view(y, 0, {4, 1}), in, view(y, 63, {-4, -1})}).ok());
  y = before;
  CHECK_THAT(refusal(kernel, {view(y, 0, {1, 4}), in, out}), Contains("overlaps"));
  CHECK_THAT(refusal(kernel, {view(y, 15, {-4, -1}), in, out}), Contains("overlaps"));
  CHECK_THAT(refusal(kernel, {view(y, 16, {4, 1}), in, view(y, 31, {-4, 1})}),
             Contains("overlaps"));
  CHECK_THAT(refusal(kernel, {view(y, 0, {0, 0}), in, out}), Contains("overlaps"));
  CHECK(y == before);
}

TEST_CASE("a call of strided operands takes a workspace that it is given", "[runtime]") {
  const OperandSpec spec = f32({50, 60});
  const Kernel kernel = compiled({.function = "blend", .operands = {spec, spec, spec}}, "");
  std::vector<float> x(3000), y(3000), expected(3000);
  std::iota(x.begin(), x.end(), 1.0f);
  const TensorView turned(x.data(), Dtype::f32, {50, 60}, {1, 50});
  const std::vector<TensorView> views = {turned, turned, {y.data(), Dtype::f32, {50, 60}}};
  const std::size_t bytes = kernel.workspace_bytes(views);
  REQUIRE(bytes > 0);
  CHECK(kernel.workspace_bytes(views, 2) == bytes);  // too few elements for two
  alignas(64) static std::byte memory[1 << 17];
  REQUIRE(bytes <= sizeof memory);
  CHECK(kernel.call(views, {}, std::span(memory).first(bytes)).ok());
  CHECK(y[1] == 3 * x[50]);
  const Outcome small = kernel.call(views, {}, std::span(memory).first(bytes - 64));
  REQUIRE_FALSE(small.ok());
  CHECK(small.error().message.find("the call takes " + std::to_string(bytes)) != std::string::npos);
  CHECK_FALSE(kernel.call(views, {}, std::span(memory).subspan(1, bytes)).ok());
}

}  // namespace
}  // namespace sluice
