// Gradients added to what their buffers hold: the gradient's own bits, added once.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

#include "support/half.hpp"
#include "support/target.hpp"
#include "tests/unit/x64/kernel_check.hpp"

namespace sluice {
namespace {

using x64::check::GuardedBuffer;

Kernel compiled(KernelSpec spec, const Target& target) {
  spec.target = to_string(target);
  if (target.level != Level::interpreter) spec.denied = {Rung::interpreter};
  Runtime rt;
  const auto kernel = rt.compile(spec);
  if (!kernel.ok()) FAIL(to_string(target) << ": " << kernel.error().message);
  return *kernel;
}

KernelSpec spec_of(const std::string& function, std::size_t inputs, bool accumulate) {
  const std::vector<OperandSpec> operands(2 * inputs + 1, f32({4}));
  KernelSpec spec{.function = function, .pass = backward, .operands = operands};
  spec.accumulate = accumulate;
  return spec;
}

// Element i of operand k before the call.
float held(std::size_t k, std::size_t i) {
  return std::sin(static_cast<float>(i + 1 + 17 * k)) * 3;
}

// What all operands hold after a call on n elements, every buffer at a page's end.
std::vector<std::vector<float>> run(const Kernel& kernel, std::size_t n) {
  std::vector<GuardedBuffer> buffers;
  std::vector<void*> pointers;
  for (std::size_t k = 0; k < kernel.operands().size(); ++k) {
    buffers.emplace_back(n * sizeof(float), 0, true);
    pointers.push_back(buffers.back().data());
    for (std::size_t i = 0; i < n; ++i) {
      const float value = held(k, i);
      std::memcpy(buffers.back().data() + i * sizeof value, &value, sizeof value);
    }
  }
  kernel.run(pointers.data(), static_cast<std::int64_t>(n));
  std::vector<std::vector<float>> after;
  for (const void* from : pointers) {
    after.emplace_back(n);
    if (n > 0) std::memcpy(after.back().data(), from, n * sizeof(float));
  }
  return after;
}

TEST_CASE("accumulated gradients are the gradients, added once", "[runtime]") {
  const std::pair<const char*, std::size_t> functions[] = {{"silu", 1}, {"swiglu", 2}, {"relu", 1}};
  for (const auto& [function, inputs] : functions)
    for (const Target& target : runnable_targets()) {
      INFO(function << " on " << to_string(target));
      const Kernel plain = compiled(spec_of(function, inputs, false), target);
      const Kernel adding = compiled(spec_of(function, inputs, true), target);
      CHECK(plain.operands().size() == adding.operands().size());
      for (std::size_t n = 0; n < 150; ++n) {
        const auto gradients = run(plain, n);
        const auto sums = run(adding, n);
        for (std::size_t k = inputs + 1; k < sums.size(); ++k)
          for (std::size_t i = 0; i < n; ++i) REQUIRE(sums[k][i] == held(k, i) + gradients[k][i]);
      }
    }
}

// 1 + 2^-11 + 2^-12 rounded once is 1 + 2^-10; in two roundings it were 1.
TEST_CASE("an accumulated 16-bit gradient is rounded once", "[runtime]") {
  for (const Target& target : runnable_targets()) {
    const Kernel kernel = compiled({.function = "identity",
                                    .pass = backward,
                                    .operands = {f32({3}), f32({3}), {Dtype::f16, {3}}},
                                    .accumulate = true},
                                   target);
    const std::vector<float> x(3), gradient = {0x1.8p-11f, 0x1p-11f, -1};
    std::vector<F16> sum(3, F16(1.0f));
    const TensorView view(sum.data(), Dtype::f16, {3});
    REQUIRE(kernel(x, gradient, view).ok());
    CHECK(float{sum[0]} == 1 + 0x1p-10f);
    CHECK(float{sum[1]} == 1);
    CHECK(float{sum[2]} == 0);
  }
}

TEST_CASE("8-bit gradients accumulate what their integers stand for", "[runtime]") {
  for (const Target& target : runnable_targets()) {
    const Kernel kernel = compiled({.function = "identity",
                                    .pass = backward,
                                    .operands = {f32({3}), f32({3}), i8({3}, {0.5, 1})},
                                    .accumulate = true},
                                   target);
    const std::vector<float> x(3), gradient = {1, -100, 0};
    std::vector<std::int8_t> sum = {1, 0, -128};
    REQUIRE(kernel(x, gradient, sum).ok());
    CHECK(sum == std::vector<std::int8_t>{3, -128, -128});
  }
}

TEST_CASE("accumulate is part of the key, and of backward passes alone", "[runtime]") {
  const Runtime rt;
  const auto plain = rt.key(spec_of("silu", 1, false));
  const auto adding = rt.key(spec_of("silu", 1, true));
  REQUIRE((plain.ok() && adding.ok()));
  CHECK_FALSE(*plain == *adding);
  CHECK(adding->text().find("accumulate=yes") != std::string::npos);
  const auto refused =
      rt.key({.function = "silu", .operands = {f32({4}), f32({4})}, .accumulate = true});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().status == Status::invalid_argument);
  CHECK(refused.error().message.find("forward") != std::string::npos);
}

}  // namespace
}  // namespace sluice
