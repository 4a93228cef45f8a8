// Calls that add up: gradients of what broadcasts and of parameters, reduced outputs, halves.
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

#include "runtime/sum_rows.hpp"
#include "support/half.hpp"
#include "tests/unit/runtime/text_runtime.hpp"

namespace sluice {
namespace {

using Dims = std::vector<std::int64_t>;

constexpr const char* kText = R"(
fn mul(x, b) = x * b
fn scaled(x; k = 2) = k * x
fn gated(gate, up) = gate * 10 + up
fn whole(x; k = 3) = k * x + 0 * row_max(x)
fn centred(x, b) = b * x + 0 * row_max(x)
@mean(w)
fn weighed(x, weight) -> (loss: row, w: row) = (row_sum(x * weight), row_sum(weight))
)";

Runtime& runtime() {
  static Runtime& rt = runtime_of(kText);
  return rt;
}

Kernel compiled(const KernelSpec& spec) { return compiled_by(runtime(), spec); }

std::vector<float> numbers(std::size_t count) {
  std::vector<float> result(count);
  std::uint32_t state = 12345;
  for (float& each : result) {
    state = state * 1664525u + 1013904223u;
    each = static_cast<float>(state >> 8) * 0x1p-23f - 1;
  }
  return result;
}

float row_sum(const std::vector<float>& row) {
  RowSum<float> sum;
  sum.add({row.data(), 1, static_cast<std::int64_t>(row.size())});
  return sum.result();
}

float term_sum(const std::vector<float>& terms) {
  const auto count = static_cast<std::int64_t>(terms.size());
  std::vector<std::byte> memory(TermSums<float>::bytes(1, count));
  TermSums<float> sums(memory.data(), 1, count);
  for (std::int64_t i = 0; i < count; ++i)
    sums.add(0, i, {&terms[static_cast<std::size_t>(i)], 1, 1});
  return sums.result(0);
}

void call(const Kernel& kernel, std::vector<TensorView> views) {
  const Outcome called = kernel.call(views);
  if (!called.ok()) FAIL(called.error().message);
}

// db of x * b for an incoming gradient of 1: the sum of x where b stands still.
std::vector<float> gradient_of(const std::string& function, const Dims& shape, const Dims& of_b,
                               const std::vector<float>& x, const char* target) {
  const Kernel kernel =
      compiled({.function = function,
                .pass = backward,
                .operands = {f32(shape, "x"), f32(of_b, "b"), f32({}, "grad_y"), f32(of_b, "db")},
                .target = target});
  std::size_t count = 1;
  for (const std::int64_t extent : of_b) count *= static_cast<std::size_t>(extent);
  std::vector<float> b(count, 0.5f), db(count, -1);
  const float one = 1;
  call(kernel, {{x.data(), Dtype::f32, shape},
                {b.data(), Dtype::f32, of_b},
                {&one, Dtype::f32, {}},
                {db.data(), Dtype::f32, of_b}});
  return db;
}

TEST_CASE("gradients of what broadcasts are sums in the order of the numerics", "[runtime]") {
  for (const char* target : {"", "interpreter"}) {
    // Shape (N, C, S); the result is indexed by what b moves along.
    constexpr std::int64_t kN = 130, kC = 3, kS = 70;
    const Dims shape = {kN, kC, kS};
    const std::vector<float> x = numbers(kN * kC * kS);
    const auto at = [&](std::int64_t n, std::int64_t c, std::int64_t s) {
      return x[static_cast<std::size_t>((n * kC + c) * kS + s)];
    };
    CHECK(gradient_of("mul", shape, {}, x, target) == std::vector<float>{row_sum(x)});
    CHECK(gradient_of("mul", shape, {1, 1}, x, target) == std::vector<float>{row_sum(x)});

    std::vector<float> by_s, by_c, by_n, by_ns;
    for (std::int64_t s = 0; s < kS; ++s) {
      std::vector<float> terms;
      for (std::int64_t n = 0; n < kN; ++n)
        for (std::int64_t c = 0; c < kC; ++c) terms.push_back(at(n, c, s));
      by_s.push_back(term_sum(terms));
    }
    for (std::int64_t c = 0; c < kC; ++c) {
      std::vector<float> terms;
      for (std::int64_t n = 0; n < kN; ++n) {
        std::vector<float> row;
        for (std::int64_t s = 0; s < kS; ++s) row.push_back(at(n, c, s));
        terms.push_back(row_sum(row));
      }
      by_c.push_back(term_sum(terms));
    }
    for (std::int64_t n = 0; n < kN; ++n) {
      std::vector<float> row;
      for (std::int64_t i = 0; i < kC * kS; ++i)
        row.push_back(x[static_cast<std::size_t>(n * kC * kS + i)]);
      by_n.push_back(row_sum(row));
      for (std::int64_t s = 0; s < kS; ++s)
        by_ns.push_back(term_sum({at(n, 0, s), at(n, 1, s), at(n, 2, s)}));
    }
    CHECK(gradient_of("mul", shape, {kS}, x, target) == by_s);
    CHECK(gradient_of("mul", shape, {kC, 1}, x, target) == by_c);
    CHECK(gradient_of("mul", shape, {kN, 1, 1}, x, target) == by_n);
    CHECK(gradient_of("mul", shape, {kN, 1, kS}, x, target) == by_ns);
    // Of row functions the kernel sums the rows, in the same order.
    CHECK(gradient_of("centred", shape, {kS}, x, target) == by_s);
    CHECK(gradient_of("centred", shape, {kC, 1}, x, target) == by_c);
  }
}

TEST_CASE("gradients of rows across are the same sums", "[runtime]") {
  const Dims shape = {5, 6, 7};
  const std::vector<float> x = numbers(5 * 6 * 7);
  for (const char* target : {"", "interpreter"})
    for (const Dims& of_b : {Dims{6, 1}, Dims{7}, Dims{5, 1, 1}, Dims{}, Dims{5, 6, 1}}) {
      std::size_t count = 1;
      for (const std::int64_t extent : of_b) count *= static_cast<std::size_t>(extent);
      const Kernel kernel = compiled(
          {.function = "centred",
           .pass = backward,
           .operands = {f32(shape, "x"), f32(of_b, "b"), f32({}, "grad_y"), f32(of_b, "db")},
           .axis = 1,
           .target = target});
      std::vector<float> b(count, 0.5f), db(count, -1);
      const float one = 1;
      call(kernel, {{x.data(), Dtype::f32, shape},
                    {b.data(), Dtype::f32, of_b},
                    {&one, Dtype::f32, {}},
                    {db.data(), Dtype::f32, of_b}});
      std::vector<double> wanted(count, 0);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const std::size_t index[3] = {i / 42, i / 7 % 6, i % 7};
        std::size_t to = 0;
        for (std::size_t d = 0; d < of_b.size(); ++d) {
          const auto extent = static_cast<std::size_t>(of_b[d]);
          to = to * extent + (extent == 1 ? 0 : index[3 - of_b.size() + d]);
        }
        wanted[to] += double{x[i]};
      }
      for (std::size_t i = 0; i < count; ++i) CHECK(db[i] == Approx(wanted[i]).margin(1e-5));
    }
}

TEST_CASE("parameters have gradients", "[runtime]") {
  const std::vector<float> x = numbers(10000);
  for (const char* target : {"", "interpreter"}) {
    const Kernel flat =
        compiled({.function = "scaled",
                  .pass = backward,
                  .operands = {f32({100, 100}, "x"), f32({}, "grad_y"), f32({}, "dk")},
                  .gradients = {"k"},
                  .target = target});
    float one = 1, dk = 0;
    call(flat, {{x.data(), Dtype::f32, {100, 100}}, {&one, Dtype::f32, {}}, {&dk, Dtype::f32, {}}});
    CHECK(dk == row_sum(x));

    const Kernel rows = compiled({.function = "whole",
                                  .pass = backward,
                                  .operands = {f32({100, 100}, "x"), f32({}, "grad_y"),
                                               f32({100, 100}, "dx"), f32({}, "dk")},
                                  .gradients = {"x", "k"},
                                  .target = target});
    std::vector<float> dx(x.size()), terms;
    call(rows, {{x.data(), Dtype::f32, {100, 100}},
                {&one, Dtype::f32, {}},
                {dx.data(), Dtype::f32, {100, 100}},
                {&dk, Dtype::f32, {}}});
    for (std::size_t row = 0; row < 100; ++row)
      terms.push_back(row_sum({x.begin() + static_cast<std::ptrdiff_t>(row * 100),
                               x.begin() + static_cast<std::ptrdiff_t>(row * 100 + 100)}));
    CHECK(dk == term_sum(terms));
    CHECK(dx[7] == 3);
  }
}

TEST_CASE("sums are accumulated in f32 and rounded once", "[runtime]") {
  const Kernel kernel = compiled({.function = "mul",
                                  .pass = backward,
                                  .operands = {{Dtype::f16, {300}, "x"},
                                               {Dtype::f16, {}, "b"},
                                               f32({}, "grad_y"),
                                               {Dtype::f16, {}, "db"}},
                                  .accumulate = true});
  std::vector<F16> x(300, F16(1.0f / 16));
  F16 b(2.0f), db(2048.0f);
  const float one = 1;
  call(kernel, {{x.data(), Dtype::f16, {300}},
                {&b, Dtype::f16, {}},
                {&one, Dtype::f32, {}},
                {&db, Dtype::f16, {}}});
  // 2048 + 18.75, where f16 has every other integer.
  CHECK(static_cast<float>(db) == 2066);
}

TEST_CASE("the first output is reduced over the whole tensor", "[runtime]") {
  const std::vector<float> x = numbers(9000);
  const auto reduced = [&](Reduction reduction, const std::string& function, Empty empty,
                           const Dims& shape) {
    const Kernel kernel = compiled({.function = function,
                                    .operands = {f32(shape, "x"), f32({}, "y")},
                                    .reduction = reduction,
                                    .empty = empty});
    float y = -1;
    call(kernel, {{x.data(), Dtype::f32, shape}, {&y, Dtype::f32, {}}});
    return y;
  };
  std::vector<float> doubled = x;
  for (float& each : doubled) each *= 2;
  const float sum = row_sum(doubled);
  CHECK(reduced(Reduction::sum, "scaled", Empty::nan, {90, 100}) == sum);
  CHECK(reduced(Reduction::mean, "scaled", Empty::nan, {9000}) == sum / 9000);
  CHECK(reduced(Reduction::sum, "scaled", Empty::nan, {0, 3}) == 0);
  CHECK(std::isnan(reduced(Reduction::mean, "scaled", Empty::nan, {0, 3})));
  CHECK(reduced(Reduction::mean, "scaled", Empty::zero, {0, 3}) == 0);

  std::vector<float> terms;
  for (std::size_t row = 0; row < 90; ++row) {
    std::vector<float> tripled;
    for (std::size_t i = row * 100; i < row * 100 + 100; ++i) tripled.push_back(3 * x[i]);
    terms.push_back(row_sum(tripled));
  }
  CHECK(reduced(Reduction::sum, "whole", Empty::nan, {90, 100}) == term_sum(terms));
}

TEST_CASE("the gradient of a mean is divided", "[runtime]") {
  const std::vector<float> x = {1, 2, 3, 4};
  const Kernel kernel = compiled({.function = "scaled",
                                  .pass = forward_backward,
                                  .operands = {f32({4}), f32({}), f32({}), f32({4})},
                                  .reduction = Reduction::mean});
  float gradient = 6, y = 0;
  std::vector<float> dx(4);
  call(kernel, {x, {&gradient, Dtype::f32, {}}, {&y, Dtype::f32, {}}, dx});
  CHECK(y == 5);
  CHECK(dx == std::vector<float>(4, 3));
}

TEST_CASE("a mean is divided by the sum of the output that @mean names", "[runtime]") {
  const std::vector<float> x = {1, 2, 3, 4}, weight = {1, 0.5f, 2, 0.5f};
  const auto spec = [](Empty empty) -> KernelSpec {
    return {.function = "weighed",
            .pass = forward_backward,
            .operands = {f32({2, 2}, "x"), f32({2, 2}, "weight"), f32({}, "grad_loss"),
                         f32({}, "loss"), f32({2}, "w"), f32({2, 2}, "dx")},
            .gradients = {"x"},
            .reduction = Reduction::mean,
            .empty = empty};
  };
  float gradient = 2, loss = 0;
  std::vector<float> w(2), dx(4);
  const auto run = [&](const Kernel& kernel, const std::vector<float>& by) {
    call(kernel, {{x.data(), Dtype::f32, {2, 2}},
                  {by.data(), Dtype::f32, {2, 2}},
                  {&gradient, Dtype::f32, {}},
                  {&loss, Dtype::f32, {}},
                  w,
                  {dx.data(), Dtype::f32, {2, 2}}});
  };
  run(compiled(spec(Empty::nan)), weight);
  CHECK(loss == 2.5f);
  CHECK(w == std::vector<float>{1.5f, 2.5f});
  CHECK(dx == std::vector<float>{0.5f, 0.25f, 1, 0.25f});
  run(compiled(spec(Empty::zero)), std::vector<float>(4, 0));
  CHECK(loss == 0);
  CHECK(dx == std::vector<float>(4, 0));
  run(compiled(spec(Empty::nan)), std::vector<float>(4, 0));
  CHECK(std::isnan(loss));
}

TEST_CASE("two inputs may be the halves of one operand", "[runtime]") {
  for (const char* target : {"", "interpreter"})
    for (const int axis : {0, 1, 2, -1}) {
      const auto of = static_cast<std::size_t>(axis < 0 ? axis + 3 : axis);
      Dims shape = {4, 6, 10}, half = shape;
      half[of] /= 2;
      const Split split{"x", "up", "gate"};
      const Kernel kernel = compiled(
          {.function = "gated",
           .pass = forward_backward,
           .operands = {f32(shape, "x"), f32(half, "grad_y"), f32(half, "y"), f32(shape, "dx")},
           .axis = axis,
           .split = split,
           .target = target});
      CHECK(kernel.operands()[0].name == "x");
      const std::vector<float> x = numbers(240), g = numbers(120);
      std::vector<float> y(120), dx(240);
      call(kernel, {{x.data(), Dtype::f32, shape},
                    {g.data(), Dtype::f32, half},
                    {y.data(), Dtype::f32, half},
                    {dx.data(), Dtype::f32, shape}});
      std::size_t inner = 1;
      for (std::size_t d = of; d < 3; ++d) inner *= static_cast<std::size_t>(half[d]);
      for (std::size_t i = 0; i < 120; ++i) {
        const std::size_t up = i / inner * 2 * inner + i % inner;
        const std::size_t gate = up + inner;
        CHECK(y[i] == x[gate] * 10 + x[up]);
        CHECK(dx[up] == g[i]);
        CHECK(dx[gate] == g[i] * 10);
      }
    }
}

void check_refused(const KernelSpec& spec, Status status, const std::string& part) {
  const auto key = runtime().key(spec);
  REQUIRE_FALSE(key.ok());
  INFO(key.error().message);
  CHECK(key.error().status == status);
  CHECK(key.error().message.find(part) != std::string::npos);
}

TEST_CASE("sums and halves that make no sense are refused", "[runtime]") {
  const std::vector<OperandSpec> two = {f32({4}), f32({2})};
  const auto gated = [&](Split split) -> KernelSpec {
    return {.function = "gated", .operands = two, .split = std::move(split)};
  };
  CHECK(runtime().key(gated({"x", "up", "gate"})).ok());
  check_refused(gated({"x", "up", "other"}), Status::unknown_name, "'other'");
  check_refused(gated({"x", "up", "up"}), Status::invalid_argument, "both halves");
  check_refused(gated({"", "up", "gate"}), Status::invalid_argument, "no name");
  KernelSpec odd = gated({"x", "up", "gate"});
  odd.operands = {f32({5}), f32({2})};
  check_refused(odd, Status::invalid_operands, "odd extent");
  odd.operands = {f32({}), f32({2})};
  check_refused(odd, Status::invalid_operands, "no axis");
  odd.axis = 1;
  check_refused(odd, Status::invalid_argument, "the axis 1");

  check_refused(
      {.function = "scaled", .operands = {f32({4}), f32({4})}, .reduction = Reduction::sum},
      Status::invalid_operands, "'y' of shape (4) is one number");
  check_refused(
      {.function = "scaled", .operands = {f32({4}), i8({}, {1, 0})}, .reduction = Reduction::sum},
      Status::unsupported, "integers of 8 bits");
  check_refused({.function = "scaled",
                 .pass = backward,
                 .operands = {f32({4}), f32({4}), f32({4})},
                 .gradients = {"j"}},
                Status::unknown_name, "'j'");
}

TEST_CASE("calls with sums are checked", "[runtime]") {
  const Kernel kernel =
      compiled({.function = "mul",
                .pass = backward,
                .operands = {f32({4}, "x"), f32({}, "b"), f32({4}, "grad_y"), f32({}, "db")}});
  CHECK_FALSE(kernel.plain());
  std::vector<float> x(4, 1), g(4, 1);
  float b = 1, db = -1;
  const auto refused = [&](TensorView of_b, TensorView of_db, const std::string& part) {
    const TensorView views[] = {x, of_b, g, of_db};
    const Outcome outcome = kernel.call(views);
    REQUIRE_FALSE(outcome.ok());
    INFO(outcome.error().message);
    CHECK(outcome.error().message.find(part) != std::string::npos);
    CHECK(db == -1);
  };
  refused({&b, Dtype::f32, {}}, {&db, Dtype::f32, {1}}, "its input's shape ()");
  refused({&b, Dtype::f32, {3}}, {&db, Dtype::f32, {3}}, "does not broadcast");
  // One that does not broadcast after all is a sum of one term.
  std::vector<float> each(4);
  const TensorView plain[] = {x, x, g, each};
  CHECK(kernel.call(plain).ok());
  CHECK(each == x);
}

}  // namespace
}  // namespace sluice
