// Row functions, sums, gradients of what broadcasts and halves, of operands with strides: the bits
// of the call on contiguous copies, and nothing else written.
#include <random>
#include <string>
#include <utility>
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

// An operand's dimensions: all, those without the axis, the axis alone, none.
enum class Has { all, rows, axis, none, twice };

struct Operand {
  const char* name;
  Has has;
  bool written = false;
  Dtype dtype = Dtype::f32;
};

struct Case {
  const char* function;
  std::vector<Operand> operands;
  Pass pass = forward;
  Reduction reduction = Reduction::none;
  bool accumulate = false;
  bool halves = false;
};

const std::vector<Case>& cases() {
  constexpr bool kOut = true;
  using enum Has;
  static const std::vector<Case> all_cases = {
      {"softmax", {{"x", all}, {"y", all, kOut}}},
      {"softmax", {{"x", all, false, Dtype::bf16}, {"y", all, kOut, Dtype::f16}}},
      {"softmax", {{"x", all}, {"grad_y", all}, {"dx", all, kOut}}, backward},
      {"softmax",
       {{"x", all}, {"grad_y", all}, {"dx", all, kOut}},
       backward,
       Reduction::none,
       true},
      {"logsumexp", {{"x", all}, {"y", rows, kOut}}},
      {"cross_entropy", {{"x", all}, {"target", rows, false, Dtype::i64}, {"loss", rows, kOut}}},
      {"cross_entropy",
       {{"x", all}, {"target", rows, false, Dtype::i64}, {"loss", none, kOut}},
       forward,
       Reduction::mean},
      {"cross_entropy",
       {{"x", all}, {"target", rows, false, Dtype::i64}, {"grad_loss", none}, {"dx", all, kOut}},
       backward,
       Reduction::mean},
      {"layer_norm",
       {{"x", all},
        {"weight", axis},
        {"bias", axis},
        {"grad_y", all},
        {"dx", all, kOut},
        {"dweight", axis, kOut},
        {"dbias", axis, kOut}},
       backward},
      {"gelu", {{"x", all}, {"y", none, kOut}}, forward, Reduction::sum},
      {"gelu", {{"x", all}, {"grad_y", none}, {"dx", all, kOut}}, backward, Reduction::mean},
      {"glu", {{"x", twice}, {"y", all, kOut}}, forward, Reduction::none, false, true},
      {"glu",
       {{"x", twice}, {"grad_y", all}, {"dx", twice, kOut}},
       backward,
       Reduction::none,
       false,
       true},
  };
  return all_cases;
}

Dims dims_of(Has has, const Dims& full, std::size_t axis) {
  const auto at = static_cast<std::ptrdiff_t>(axis);
  Dims dims = full;
  if (has == Has::rows) dims.erase(dims.begin() + at);
  if (has == Has::twice) dims[axis] *= 2;
  if (has == Has::axis) {
    dims.assign(full.size() - axis, 1);
    dims[0] = full[axis];
  }
  if (has == Has::none) dims.clear();
  return dims;
}

void check_case(const Case& each, const Dims& full, std::size_t axis, const std::string& target,
                std::mt19937& random) {
  KernelSpec spec{.function = each.function, .pass = each.pass, .operands = {}};
  spec.reduction = each.reduction;
  spec.accumulate = each.accumulate;
  spec.target = target;
  const bool element = std::string(each.function) == "gelu";
  if (!element) spec.axis = static_cast<int>(axis);
  if (each.halves) spec.split = Split{"x", "up", "gate"};
  std::vector<StridedOperand> operands;
  for (const Operand& operand : each.operands) {
    const Dims dims = dims_of(operand.has, full, axis);
    spec.operands.push_back({operand.dtype, dims, operand.name});
    operands.emplace_back(operand.dtype, dims, any_lie(dims.size(), operand.written, random),
                          random);
  }
  const auto kernel = default_runtime().compile(spec);
  if (!kernel.ok()) FAIL(each.function << ": " << kernel.error().message);
  check_strided(target + ' ' + each.function + " of " + std::to_string(full.back()) + " axis " +
                    std::to_string(axis),
                *kernel, operands, random() % 3 == 0 ? threads() : Parallel{});
}

TEST_CASE("strided rows have the contiguous call's bits", "[runtime]") {
  std::mt19937 random(7);
  for (const std::string& target : testing::row_targets())
    for (const Case& each : cases())
      for (const Dims& full :
           {Dims{4, 5, 6}, Dims{1, 40, 9}, Dims{20, 3, 70}, Dims{30, 40, 50}, Dims{3, 1, 5000}})
        for (std::size_t axis = 0; axis < full.size(); ++axis)
          for (int round = 0; round < (full.back() >= 50 ? 1 : 3); ++round)
            check_case(each, full, axis, target, random);
}

TEST_CASE("strided rows may be computed in place", "[runtime]") {
  std::mt19937 random(8);
  for (const std::size_t axis : {0u, 1u, 2u})
    for (int round = 0; round < 12; ++round) {
      const Dims full{9, 33, 20};
      const auto kernel = default_runtime().compile({.function = "softmax",
                                                     .operands = {f32(full), f32(full)},
                                                     .axis = static_cast<int>(axis)});
      REQUIRE(kernel.ok());
      const Lie lie = any_lie(3, true, random);
      std::vector<StridedOperand> operands;
      for (int k = 0; k < 2; ++k) operands.emplace_back(Dtype::f32, full, lie, random);
      check_strided("in place", *kernel, operands, {}, 0);
    }
}

TEST_CASE("an index of strided rows that is no column is named", "[runtime]") {
  KernelSpec spec{.function = "cross_entropy",
                  .operands = {{Dtype::f32, {3, 4}, "x"},
                               {Dtype::i64, {3}, "target"},
                               {Dtype::f32, {3}, "loss"}}};
  spec.check_indices = true;
  const auto kernel = default_runtime().compile(spec);
  REQUIRE(kernel.ok());
  std::vector<float> x(12), loss(3);
  const std::vector<std::int64_t> target = {0, 77, 1, 88, 9, 99};
  const TensorView views[] = {{x.data(), Dtype::f32, {3, 4}, {1, 3}},
                              {static_cast<const void*>(target.data()), Dtype::i64, {3}, {2}},
                              {loss.data(), Dtype::f32, {3}}};
  const Outcome outcome = kernel->call(views);
  REQUIRE_FALSE(outcome.ok());
  CHECK_THAT(outcome.error().message, Catch::Matchers::Contains("index 9 of 'target' in row 2"));
}

}  // namespace
}  // namespace sluice
