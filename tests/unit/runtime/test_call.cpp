// Calls: results, broadcasting against a plain loop, and what the checked call refuses.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>
#include <sluice/version.hpp>

#include "dsl/program.hpp"
#include "dsl/stamp.hpp"

namespace sluice {
namespace {

using Dims = std::vector<std::int64_t>;

constexpr const char* kText = "fn blend(x, z) = x * 2 + z\nfn shift(x; by = 1) = x + by";

Kernel compiled(const KernelSpec& spec) {
  Runtime rt;
  REQUIRE(rt.define(kText).ok());
  auto kernel = rt.compile(spec);
  REQUIRE(kernel.ok());
  return *kernel;
}

std::int64_t product(const Dims& dims) {
  return std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
}

// The element of `shape` that broadcasts to the flat index of `full`.
std::size_t broadcast_index(const Dims& full, const Dims& shape, std::int64_t flat) {
  std::int64_t index = 0, stride = 1;
  for (std::size_t back = 1; back <= full.size(); ++back) {
    const std::int64_t extent = full[full.size() - back];
    const std::int64_t own = back <= shape.size() ? shape[shape.size() - back] : 1;
    if (own != 1) index += flat % extent * stride;
    stride *= own;
    flat /= extent;
  }
  return static_cast<std::size_t>(index);
}

void check_blend(const Kernel& kernel, const Dims& x_shape, const Dims& z_shape, const Dims& full) {
  std::vector<float> x(static_cast<std::size_t>(product(x_shape)));
  std::vector<float> z(static_cast<std::size_t>(product(z_shape)));
  std::vector<float> y(static_cast<std::size_t>(product(full)), -1);
  std::iota(x.begin(), x.end(), 1.0f);
  std::iota(z.begin(), z.end(), 1000.0f);
  const TensorView views[] = {{x.data(), Dtype::f32, x_shape},
                              {z.data(), Dtype::f32, z_shape},
                              {y.data(), Dtype::f32, full}};
  const Outcome outcome = kernel.call(views);
  REQUIRE(outcome.ok());
  for (std::size_t i = 0; i < y.size(); ++i) {
    const auto flat = static_cast<std::int64_t>(i);
    const float expected =
        x[broadcast_index(full, x_shape, flat)] * 2 + z[broadcast_index(full, z_shape, flat)];
    if (y[i] != expected) FAIL("element " << i << " is " << y[i] << ", not " << expected);
  }
}

TEST_CASE("operands broadcast by NumPy's rule", "[runtime]") {
  const std::vector<std::array<Dims, 3>> cases = {
      {{{7}, {7}, {7}}},
      {{{7}, {}, {7}}},
      {{{7}, {1}, {7}}},
      {{{}, {}, {}}},
      {{{3, 5}, {5}, {3, 5}}},
      {{{3, 5}, {3, 1}, {3, 5}}},
      {{{3, 1}, {1, 5}, {3, 5}}},
      {{{2, 3, 4}, {3, 1}, {2, 3, 4}}},
      {{{2, 1, 4}, {1, 3, 1}, {2, 3, 4}}},
      {{{2, 3, 4, 5}, {3, 1, 5}, {2, 3, 4, 5}}},
      {{{4, 1, 1}, {4, 6, 7}, {4, 6, 7}}},
      {{{0, 3}, {3}, {0, 3}}},
      {{{1, 1}, {1}, {1, 1}}},
  };
  for (const auto& [x, z, full] : cases) {
    const Kernel kernel = compiled({.function = "blend", .operands = {f32(x), f32(z), f32(full)}});
    check_blend(kernel, x, z, full);
  }
  // One kernel serves every shape, though those it was not made for more slowly.
  const Kernel kernel =
      compiled({.function = "blend", .operands = {f32({4, 4}), f32({4}), f32({4, 4})}});
  for (const auto& [x, z, full] : cases) check_blend(kernel, x, z, full);
}

TEST_CASE("buffers by pointer and passed parameters", "[runtime]") {
  const Kernel kernel =
      compiled({.function = "shift", .operands = {f32({5}), f32({5})}, .passed = {"by"}});
  REQUIRE(kernel.passed_parameters().size() == 1);
  CHECK(kernel.passed_parameters()[0] == "by");
  std::vector<float> x = {1, 2, 3, 4, 5}, y(5);
  const std::uint64_t by = kernel.slot(0.1);
  void* const buffers[] = {x.data(), y.data()};
  kernel.run(buffers, 5, &by);
  CHECK(y[1] == 2 + 0.1f);
  kernel.run(nullptr, 0, nullptr);

  const TensorView views[] = {x, y};
  const double ten[] = {10};
  CHECK(kernel.call(views, ten).ok());
  CHECK(y[4] == 15);
  const Outcome without = kernel.call(views);
  REQUIRE_FALSE(without.ok());
  CHECK(without.error().message.find("1 passed") != std::string::npos);
}

TEST_CASE("an output may be an input's buffer, and overlap nothing", "[runtime]") {
  const Kernel kernel = compiled({.function = "blend", .operands = {f32({4}), f32({4}), f32({4})}});
  std::vector<float> all = {1, 2, 3, 4, 5, 6, 7, 8}, z = {1, 1, 1, 1};
  const std::span<float> whole(all);
  CHECK(kernel(whole.first(4), z, whole.first(4)).ok());
  CHECK(all == std::vector<float>{3, 5, 7, 9, 5, 6, 7, 8});
  CHECK(kernel(whole.first(4), whole.first(4), whole.first(4)).ok());

  const auto before = all;
  const Outcome overlapping = kernel(whole.first(4), z, whole.subspan(1, 4));
  REQUIRE_FALSE(overlapping.ok());
  CHECK(overlapping.error().status == Status::invalid_operands);
  CHECK(overlapping.error().message.find("overlaps") != std::string::npos);
  CHECK(all == before);
  CHECK(kernel(whole.first(4), z, whole.last(4)).ok());
  // One element for all that lies within the output would change under the kernel's feet.
  CHECK_FALSE(kernel(whole.first(4), whole.subspan(5, 1), whole.last(4)).ok());
}

TEST_CASE("an output that two are written to is refused", "[runtime]") {
  Runtime rt;
  REQUIRE(rt.define("fn both(x) -> (a, b) = (x + 1, x + 2)").ok());
  const Kernel kernel =
      rt.compile({.function = "both", .operands = {f32({2}), f32({2}), f32({2})}}).value();
  std::vector<float> x = {1, 2}, y(2);
  const Outcome outcome = kernel(x, y, y);
  REQUIRE_FALSE(outcome.ok());
  CHECK(outcome.error().message.find("writes as well") != std::string::npos);
}

TEST_CASE("a checked call refuses what does not fit", "[runtime]") {
  const Kernel kernel = compiled({.function = "blend", .operands = {f32({4}), f32({4}), f32({4})}});
  std::vector<float> x(4, 1), z(4, 1), y(4, -1), longer(5);
  std::vector<double> wide(4);
  const auto refused = [&](const Outcome& outcome, const std::string& part) {
    REQUIRE_FALSE(outcome.ok());
    INFO(outcome.error().message);
    CHECK(outcome.error().status == Status::invalid_operands);
    CHECK(outcome.error().message.find(part) != std::string::npos);
    CHECK(y == std::vector<float>(4, -1));
  };
  refused(kernel(x, y), "3 operands");
  refused(kernel(x, wide, y), "'z' must be of type f32, not f64");
  refused(kernel(x, longer, y), "does not broadcast");
  refused(kernel(x, z, longer), "must have the shape (4)");
  refused(kernel(x, z, std::span<const float>(y)), "constant");
  refused(kernel(x, TensorView(static_cast<float*>(nullptr), Dtype::f32, {4}), y), "'z' is null");
  refused(kernel(x, TensorView(z.data(), Dtype::f32, {-4}), y), "impossible");
  // Without an element, but in no order can the others' be counted.
  const TensorView none(z.data(), Dtype::f32, {4, std::numeric_limits<std::int64_t>::max(), 0});
  refused(kernel(none, none, none), "impossible");
  refused(kernel(x, TensorView(z.data(), Dtype::f32, Dims(30, 1)), y), "dimensions");
  CHECK(kernel(std::span<float>(), std::span<float>(), std::span<float>()).ok());
}

TEST_CASE("a gradient of what broadcasts is refused in a call as well", "[runtime]") {
  const Kernel kernel = compiled({.function = "blend",
                                  .pass = backward,
                                  .operands = {f32({4}), f32({4}), f32({4}), f32({4}), f32({4})}});
  std::vector<float> x(4, 1), z(4, 1), g(4, 1), dx(4), dz(4), one(1), done(1);
  CHECK(kernel(x, z, g, dx, dz).ok());
  CHECK(dx == std::vector<float>(4, 2));
  CHECK(dz == std::vector<float>(4, 1));
  const Outcome outcome = kernel(x, one, g, dx, done);
  REQUIRE_FALSE(outcome.ok());
  CHECK(outcome.error().message.find("'dz' is a sum") != std::string::npos);
}

TEST_CASE("a kernel says what it is", "[runtime]") {
  const Kernel kernel = compiled(
      {.function = "blend", .operands = {f32({4}), f32({}), f64({4})}, .target = "interpreter"});
  CHECK(kernel.function() == "blend");
  CHECK(kernel.pass() == forward);
  CHECK(kernel.compute_type() == Dtype::f32);
  REQUIRE(kernel.operands().size() == 3);
  CHECK(kernel.operands()[1].scalar);
  CHECK(kernel.operands()[2].output);
  CHECK(kernel.operands()[2].dtype == Dtype::f64);
  CHECK(kernel.rung() == Rung::interpreter);
  CHECK(kernel.target() == "interpreter");
  CHECK_FALSE(kernel.rung_reason().empty());
  CHECK(kernel.code().empty());
  CHECK(kernel.bytes() > 0);
  CHECK(kernel.workspace_bytes() == 0);
  CHECK_FALSE(kernel.promise().checked);
  CHECK(kernel.text("ir").ok());
  CHECK(kernel.text("soup").error().status == Status::unknown_name);
}

TEST_CASE("a promise stands for parameters in their range", "[runtime]") {
  Runtime rt;
  const auto gelu = rt.compile({.function = "relu", .operands = {f32({4}), f32({4})}});
  REQUIRE(gelu.ok());
  if (gelu->promise().forward_ulp) CHECK(gelu->promise().checked);
  REQUIRE(rt.define("@ulp(2)\n@range(k, 0, 1)\nfn mine(x; k = 1) = x * k").ok());
  const auto mine = rt.compile({.function = "mine", .operands = {f32({4}), f32({4})}});
  REQUIRE(mine.ok());
  CHECK(mine->promise().forward_ulp == 2.0);
  CHECK_FALSE(mine->promise().checked);
}

TEST_CASE("a promise of a stamped text is checked", "[runtime]") {
  const std::string text = "@ulp(2)\n@range(k, 0, 1)\nfn mine(x; k = 1) = x * k";
  const auto parsed = dsl::parse(text, "mine.slu", &dsl::standard_library());
  REQUIRE(parsed.ok());
  const dsl::Program& program = parsed->program;
  Runtime rt;
  REQUIRE(rt.define(dsl::with_stamp(text, program.function(*program.find("mine")), kVersion)).ok());
  const auto checked = [&](double k) {
    const auto kernel = rt.compile(
        {.function = "mine", .operands = {f32({4}), f32({4})}, .parameters = {{"k", k}}});
    return kernel.value().promise().checked;
  };
  CHECK(checked(0.5));
  const auto passed =
      rt.compile({.function = "mine", .operands = {f32({4}), f32({4})}, .passed = {"k"}});
  REQUIRE(passed.ok());
  CHECK_FALSE(passed->promise().checked);
}

TEST_CASE("a passed parameter outside of its range is refused", "[runtime]") {
  Runtime rt;
  const auto kernel =
      rt.compile({.function = "softplus", .operands = {f32({2}), f32({2})}, .passed = {"beta"}});
  REQUIRE(kernel.ok());
  const std::vector<float> x = {1, 2};
  std::vector<float> y = {7, 7};
  const TensorView views[] = {x, y};
  for (const double beta : {0.0, -1.0, 1000.0, std::nan("")}) {
    const Outcome outcome = kernel->call(views, std::vector<double>{beta});
    REQUIRE_FALSE(outcome.ok());
    CHECK(outcome.error().status == Status::invalid_argument);
    CHECK(outcome.error().message.find("'beta' of 'softplus' must be from 0.01 to 100") !=
          std::string::npos);
    CHECK(y == std::vector<float>{7, 7});
  }
  CHECK(kernel->call(views, std::vector<double>{double{0.01f}}).ok());
}

}  // namespace
}  // namespace sluice
