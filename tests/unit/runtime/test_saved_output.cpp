// Backward from the saved output: 2 ULP of the derivative as a function of y, the derivative from
// the input wherever y tells it, the same bits on every target, and refusals that say why.
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

#include "support/target.hpp"

namespace sluice {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

struct Case {
  const char* function;
  double low, high;  // of y
  std::function<double(double)> slope;
  std::vector<ParameterValue> parameters = {};
};

double selu_slope(double y) {
  const double gamma = 1.0507010221481323, alpha = 1.6732631921768188;
  const double scale = static_cast<float>(static_cast<float>(alpha) * static_cast<float>(gamma));
  return y <= 0 ? y + scale : gamma;
}

std::vector<Case> cases() {
  return {
      {"identity", -kInf, kInf, [](double) { return 1.0; }},
      {"relu", 0, kInf, [](double y) { return y > 0 ? 1.0 : 0.0; }},
      {"relu6", 0, 6, [](double y) { return y > 0 && y < 6 ? 1.0 : 0.0; }},
      {"hardtanh", -1, 1, [](double y) { return y > -1 && y < 1 ? 1.0 : 0.0; }},
      {"hardtanh",
       -2,
       0.5,
       [](double y) { return y > -2 && y < 0.5 ? 1.0 : 0.0; },
       {{"min_val", -2}, {"max_val", 0.5}}},
      {"leaky_relu", -kInf, kInf, [](double y) { return y > 0 ? 1.0 : double{0.01f}; }},
      {"leaky_relu",
       -kInf,
       kInf,
       [](double y) { return y > 0 ? 1.0 : 0.25; },
       {{"negative_slope", 0.25}}},
      {"elu", -1, kInf, [](double y) { return y > 0 ? 1.0 : y + 1; }},
      {"elu", -3, kInf, [](double y) { return y > 0 ? 1.0 : y + 3; }, {{"alpha", 3}}},
      {"selu", -1.7580992, kInf, selu_slope},
      {"celu", -1, kInf, [](double y) { return y > 0 ? 1.0 : y + 1; }},
      {"celu", -2, kInf, [](double y) { return y > 0 ? 1.0 : (y + 2) / 2; }, {{"alpha", 2}}},
      {"sigmoid", 0, 1, [](double y) { return y * (1 - y); }},
      {"tanh", -1, 1, [](double y) { return (1 - y) * (1 + y); }},
      {"log_sigmoid", -kInf, 0, [](double y) { return -std::expm1(y); }},
      {"log1p_exp", 0, kInf, [](double y) { return -std::expm1(-y); }},
      {"exp", 0, kInf, [](double y) { return y; }},
      {"exp2", 0, kInf, [](double y) { return y * std::log(2.0); }},
      {"expm1", -1, kInf, [](double y) { return y + 1; }},
      {"sqrt", 0, kInf, [](double y) { return 0.5 / y; }},
      {"rsqrt", 0, kInf, [](double y) { return -0.5 * y * y * y; }},
      {"reciprocal", -kInf, kInf, [](double y) { return -y * y; }},
      {"tan", -kInf, kInf, [](double y) { return y * y + 1; }},
  };
}

Kernel compiled(const Case& test, Pass pass, Saved saved, const Target& target) {
  const std::vector<OperandSpec> operands(pass == forward ? 2 : 3, f32({4}));
  KernelSpec spec{.function = test.function, .pass = pass, .operands = operands};
  spec.parameters = test.parameters;
  spec.saved = saved;
  spec.target = to_string(target);
  if (target.level != Level::interpreter) spec.denied = {Rung::interpreter};
  Runtime rt;
  const auto kernel = rt.compile(spec);
  if (!kernel.ok()) FAIL(test.function << ": " << kernel.error().message);
  return *kernel;
}

std::vector<float> gradient(const Kernel& kernel, const std::vector<float>& at) {
  const std::vector<float> ones(at.size(), 1.0f);
  std::vector<float> dx(at.size());
  REQUIRE(kernel(at, ones, dx).ok());
  return dx;
}

// Of every magnitude, and close to both ends.
std::vector<float> outputs_of(const Case& test) {
  std::vector<float> all;
  const auto add = [&](double y) {
    const auto rounded = static_cast<float>(y);
    if (rounded >= test.low && rounded <= test.high) all.push_back(rounded);
  };
  for (double size = 0x1p-120; size < 0x1p120; size *= 1.0078125) {
    for (const double sign : {-1.0, 1.0}) add(sign * size);
    if (std::isfinite(test.low)) add(test.low + size);
    if (std::isfinite(test.high)) add(test.high - size);
  }
  for (const double y : {0.0, -0.0, test.low, test.high}) add(y);
  return all;
}

double ulps(float got, double truth) {
  const auto rounded = static_cast<float>(truth);
  if (std::isinf(rounded) || std::isinf(got)) return got == rounded ? 0 : kInf;
  const double least = std::numeric_limits<float>::min();
  const int exponent = std::ilogb(std::fmax(std::fabs(truth), least));
  return std::fabs(got - truth) / std::scalbn(1.0, exponent - 23);
}

TEST_CASE("derivatives from the saved output, to 2 ULP of the function of it", "[runtime]") {
  for (const Case& test : cases()) {
    const std::vector<float> y = outputs_of(test);
    const auto expected = gradient(compiled(test, backward, Saved::outputs, Target{}), y);
    for (std::size_t i = 0; i < y.size(); ++i) {
      INFO(test.function << " at y = " << y[i] << ": " << expected[i] << ", not "
                         << test.slope(y[i]));
      REQUIRE(ulps(expected[i], test.slope(y[i])) <= 2);
    }
    for (const Target& target : runnable_targets()) {
      INFO(test.function << " on " << to_string(target));
      const auto got = gradient(compiled(test, backward, Saved::outputs, target), y);
      CHECK(std::memcmp(got.data(), expected.data(), y.size() * sizeof(float)) == 0);
    }
  }
}

TEST_CASE("the derivative from the output is that from the input", "[runtime]") {
  std::vector<float> x = {0.0f, -0.0f, std::nanf(""), static_cast<float>(kInf),
                          -static_cast<float>(kInf)};
  for (int i = -64; i <= 64; ++i) x.push_back(static_cast<float>(i) / 16);
  for (const Case& test : cases()) {
    std::vector<float> y(x.size());
    REQUIRE(compiled(test, forward, Saved::inputs, Target{})(x, y).ok());
    const auto from_input = gradient(compiled(test, backward, Saved::inputs, Target{}), x);
    const auto from_output = gradient(compiled(test, backward, Saved::outputs, Target{}), y);
    for (std::size_t i = 0; i < x.size(); ++i) {
      INFO(test.function << " at " << x[i] << ", y = " << y[i] << ": " << from_input[i] << " and "
                         << from_output[i]);
      const float scale = std::fmax(std::fabs(from_input[i]), 0.01f);
      const bool near = from_input[i] == from_output[i] ||
                        std::fabs(from_input[i] - from_output[i]) <= 1e-4f * scale;
      // Where there is no value, y can't tell.
      const bool no_value = std::isnan(y[i]);
      CHECK((near || no_value));
    }
  }
}

void check_refused(const KernelSpec& spec, const std::string& part) {
  Runtime rt;
  REQUIRE(rt.define("fn two(x) -> (a, b) = (x, -x)\n"
                    "fn stated(x) = if x <= 0 then expm1(x) else x\n"
                    "  with d/dx = if x <= 0 then 1 else exp(x)\n")
              .ok());
  const auto kernel = rt.compile(spec);
  REQUIRE_FALSE(kernel.ok());
  INFO(kernel.error().message);
  CHECK(kernel.error().status == Status::invalid_argument);
  CHECK(kernel.error().message.find(part) != std::string::npos);
}

TEST_CASE("what the output does not tell is said", "[runtime]") {
  const std::vector<OperandSpec> three(3, f32({4}));
  const auto spec = [&](const char* function, std::vector<ParameterValue> parameters = {}) {
    return KernelSpec{.function = function,
                      .pass = backward,
                      .operands = three,
                      .parameters = std::move(parameters),
                      .saved = Saved::outputs};
  };
  check_refused(spec("gelu"), "the derivative of 'gelu' with these parameters can't be written");
  check_refused(spec("hardtanh_jax"), "in its output 'y' alone");
  check_refused(spec("softplus"), "in its output 'y' alone");
  check_refused(spec("stated"), "in its output 'y' alone");
  check_refused(spec("leaky_relu", {{"negative_slope", -0.5}}), "with these parameters");
  check_refused(spec("prelu"), "of one input and one output");
  check_refused(spec("two"), "of one input and one output");
  KernelSpec both = spec("tanh");
  both.pass = forward_backward;
  check_refused(both, "the pass is forward_backward");
}

TEST_CASE("a saved output of another type, and names", "[runtime]") {
  Runtime rt;
  const auto kernel =
      rt.compile({.function = "sigmoid",
                  .pass = backward,
                  .operands = {f32({2}, "dx"), f32({2}, "grad_y"), u8({2}, {1.0 / 256, 0}, "y")},
                  .saved = Saved::outputs});
  REQUIRE(kernel.ok());
  CHECK(kernel->operands()[0].name == "y");
  const std::vector<std::uint8_t> y = {128, 64};
  const std::vector<float> ones = {1, 1};
  std::vector<float> dx(2);
  REQUIRE((*kernel)(y, ones, dx).ok());
  CHECK(dx == std::vector<float>{0.25f, 0.1875f});
  CHECK(kernel->promise().derivative_ulp == 2);
}

}  // namespace
}  // namespace sluice
