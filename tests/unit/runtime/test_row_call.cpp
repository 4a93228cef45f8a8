// Calls of row functions: every axis and shape against plain loops, on each rung; what the checked
// call refuses.
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

#include "tests/unit/runtime/text_runtime.hpp"

namespace sluice {
namespace {

using Dims = std::vector<std::int64_t>;

constexpr const char* kText = R"(
fn total(x) = row_sum(x)
fn centred(x, w = 1) = w * (x - row_max(x))
fn place(x) = x * 0 + row_max(x) * 0 + row()
fn chosen(x, i: index) = at(x, i)
fn first(x) = row_argmax(x)
fn some(x, m: mask) = row_any(m and x > 0)
fn shifted(x, by: row) = x + by + 0 * row_max(x)
)";

Runtime& runtime() {
  static Runtime& rt = runtime_of(kText);
  return rt;
}

Kernel compiled(const KernelSpec& spec) { return compiled_by(runtime(), spec); }

std::int64_t product(const Dims& dims) {
  return std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
}

std::vector<float> numbers(std::int64_t count) {
  std::mt19937 random(7);
  std::uniform_int_distribution<int> integers(-100, 100);  // whose sums are exact
  std::vector<float> result(static_cast<std::size_t>(count));
  for (float& each : result) each = static_cast<float>(integers(random));
  return result;
}

Dims without(Dims dims, std::size_t axis) {
  if (!dims.empty()) dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
  return dims;
}

// Outer, columns, inner: the element of (o, c, i) is (o * columns + c) * inner + i.
struct Split3 {
  std::int64_t outer = 1, columns = 1, inner = 1;
  Split3(const Dims& dims, std::size_t axis) {
    for (std::size_t d = 0; d < dims.size(); ++d)
      (d < axis ? outer : d == axis ? columns : inner) *= dims[d];
  }
  [[nodiscard]] std::size_t at(std::int64_t o, std::int64_t c, std::int64_t i) const {
    return static_cast<std::size_t>((o * columns + c) * inner + i);
  }
};

const std::vector<Dims> kShapes = {{},           {1},       {7},       {3, 5},    {5, 1},
                                   {1, 1},       {2, 3, 4}, {4, 0},    {0, 4},    {2, 3, 1, 1},
                                   {2, 3, 4, 5}, {3, 4100}, {4100, 3}, {2, 70, 3}};

template <typename Check>
void for_each_axis(const Check& check) {
  for (const Dims& shape : kShapes)
    for (std::size_t axis = 0; axis < std::max<std::size_t>(shape.size(), 1); ++axis)
      for (const char* target : {"", "interpreter"}) {
        INFO("rank " << shape.size() << ", axis " << axis << ", target " << target << ", first "
                     << (shape.empty() ? 0 : shape[0]));
        check(shape, axis, target);
      }
}

TEST_CASE("a row function's kernel has code too", "[runtime]") {
  for (const std::int64_t columns : {40, 5000}) {
    const Kernel kernel =
        compiled({.function = "softmax", .operands = {f32({2, columns}), f32({2, columns})}});
    if (kernel.rung() != Rung::x64) continue;
    CHECK(!kernel.code().empty());
    CHECK(kernel.code().size() <= kernel.code_bytes());
  }
}

TEST_CASE("rows lie along any axis", "[runtime]") {
  for_each_axis([](const Dims& shape, std::size_t axis, const char* target) {
    const Dims rows = without(shape, axis);
    const std::vector<float> x = numbers(product(shape));
    std::vector<float> y(static_cast<std::size_t>(product(rows)), -1);
    const Kernel kernel = compiled({.function = "total",
                                    .operands = {f32(shape), f32(rows)},
                                    .axis = static_cast<int>(axis),
                                    .target = target});
    CHECK(kernel.row_wise());
    CHECK(kernel.operands()[1].per_row);
    const TensorView views[] = {{x.data(), Dtype::f32, shape}, {y.data(), Dtype::f32, rows}};
    REQUIRE(kernel.call(views).ok());
    const Split3 at(shape, axis);
    for (std::int64_t o = 0; o < at.outer; ++o)
      for (std::int64_t i = 0; i < at.inner; ++i) {
        float sum = 0;
        for (std::int64_t c = 0; c < at.columns; ++c) sum += x[at.at(o, c, i)];
        CHECK(y[static_cast<std::size_t>(o * at.inner + i)] == sum);
      }
  });
}

TEST_CASE("outputs with columns, in place", "[runtime]") {
  for_each_axis([](const Dims& shape, std::size_t axis, const char* target) {
    const std::vector<float> x = numbers(product(shape));
    std::vector<float> y = x;
    const Kernel kernel = compiled(
        {.function = "centred",
         .operands = {f32(shape, "x"), f32(shape, "y")},
         .axis = static_cast<int>(axis) - static_cast<int>(std::max<std::size_t>(shape.size(), 1)),
         .target = target});
    const TensorView views[] = {{y.data(), Dtype::f32, shape}, {y.data(), Dtype::f32, shape}};
    REQUIRE(kernel.call(views).ok());
    const Split3 at(shape, axis);
    for (std::int64_t o = 0; o < at.outer; ++o)
      for (std::int64_t i = 0; i < at.inner; ++i) {
        float most = -INFINITY;
        for (std::int64_t c = 0; c < at.columns; ++c) most = std::max(most, x[at.at(o, c, i)]);
        for (std::int64_t c = 0; c < at.columns; ++c)
          CHECK(y[at.at(o, c, i)] == x[at.at(o, c, i)] - most);
      }
  });
}

TEST_CASE("row() counts along the axis before the rows' own", "[runtime]") {
  for_each_axis([](const Dims& shape, std::size_t axis, const char* target) {
    const std::vector<float> x = numbers(product(shape));
    std::vector<float> y(x.size(), -1);
    const Kernel kernel = compiled({.function = "place",
                                    .operands = {f32(shape), f32(shape)},
                                    .axis = static_cast<int>(axis),
                                    .target = target});
    const TensorView views[] = {{x.data(), Dtype::f32, shape}, {y.data(), Dtype::f32, shape}};
    REQUIRE(kernel.call(views).ok());
    const Split3 at(shape, axis);
    const std::int64_t before = axis == 0 ? 1 : shape[axis - 1];
    for (std::int64_t o = 0; o < at.outer; ++o)
      for (std::int64_t c = 0; c < at.columns; ++c)
        for (std::int64_t i = 0; i < at.inner; ++i)
          CHECK(y[at.at(o, c, i)] == static_cast<float>(o % before));
  });
}

TEST_CASE("integers and bools come in and go out", "[runtime]") {
  for (const char* target : {"", "interpreter"})
    for (const Dtype index : {Dtype::i64, Dtype::i32}) {
      const std::vector<float> x = {1, 5, -2, 7, 7, 0};
      const std::vector<std::int64_t> wide = {2, 0};
      const std::vector<std::int32_t> narrow = {2, 0};
      const void* indices =
          index == Dtype::i64 ? static_cast<const void*>(wide.data()) : narrow.data();
      std::vector<float> y(2);
      const Kernel chosen = compiled({.function = "chosen",
                                      .operands = {f32({2, 3}), {index, {2}}, f32({2})},
                                      .target = target});
      const TensorView views[] = {
          {x.data(), Dtype::f32, {2, 3}}, {indices, index, {2}}, {y.data(), Dtype::f32, {2}}};
      REQUIRE(chosen.call(views).ok());
      CHECK(y == std::vector<float>{-2, 7});

      std::vector<std::int64_t> place(2);
      const Kernel first = compiled(
          {.function = "first", .operands = {f32({2, 3}), {Dtype::i64, {2}}}, .target = target});
      const TensorView places[] = {{x.data(), Dtype::f32, {2, 3}}, {place.data(), Dtype::i64, {2}}};
      REQUIRE(first.call(places).ok());
      CHECK(place == std::vector<std::int64_t>{1, 0});

      const bool mask[] = {true, false, true};
      bool some[2] = {false, true};
      const Kernel any =
          compiled({.function = "some",
                    .operands = {f32({2, 3}), {Dtype::boolean, {3}}, {Dtype::boolean, {2}}},
                    .target = target});
      const TensorView bools[] = {
          {x.data(), Dtype::f32, {2, 3}}, {mask, Dtype::boolean, {3}}, {some, Dtype::boolean, {2}}};
      REQUIRE(any.call(bools).ok());
      CHECK(some[0]);
      CHECK(some[1]);
    }
}

TEST_CASE("operands of a row function broadcast", "[runtime]") {
  // One value a row by shape or by kind, one for all, one a column.
  const std::vector<float> x = {1, 2, 3, 4, 5, 6};
  std::vector<float> y(6);
  const auto run = [&](const Dims& shape, std::vector<float> w) {
    const Kernel kernel =
        compiled({.function = "centred", .operands = {f32({2, 3}), f32(shape), f32({2, 3})}});
    const TensorView views[] = {{x.data(), Dtype::f32, {2, 3}},
                                {w.data(), Dtype::f32, shape},
                                {y.data(), Dtype::f32, {2, 3}}};
    const Outcome called = kernel.call(views);
    REQUIRE(called.ok());
    return y;
  };
  CHECK(run({2, 1}, {1, 10}) == std::vector<float>{-2, -1, 0, -20, -10, 0});
  CHECK(run({1, 1}, {10}) == std::vector<float>{-20, -10, 0, -20, -10, 0});
  CHECK(run({}, {10}) == std::vector<float>{-20, -10, 0, -20, -10, 0});
  CHECK(run({3}, {1, 10, 0}) == std::vector<float>{-2, -10, 0, -2, -10, 0});

  // A kernel made for one value for all takes one a row, more slowly.
  const Kernel kernel =
      compiled({.function = "shifted", .operands = {f32({2, 3}), f32({}), f32({2, 3})}});
  const std::vector<float> by = {10, 20};
  CHECK(kernel.operands()[1].scalar);
  const TensorView views[] = {
      {x.data(), Dtype::f32, {2, 3}}, {by.data(), Dtype::f32, {2}}, {y.data(), Dtype::f32, {2, 3}}};
  REQUIRE(kernel.call(views).ok());
  CHECK(y == std::vector<float>{11, 12, 13, 24, 25, 26});
}

void check_unchecked(const Kernel& kernel) {
  std::vector<float> x(4 * 10, 1), y(4);
  alignas(64) std::byte memory[1 << 16];
  REQUIRE(kernel.workspace_bytes(8) <= sizeof memory);
  void* const buffers[] = {x.data(), y.data()};
  // Every row has two elements after it that are not of it.
  const std::int64_t row_steps[] = {10 * sizeof(float), sizeof(float)};
  const std::int64_t column_steps[] = {sizeof(float), 0};
  kernel.run_rows(buffers, {4, 8, row_steps, column_steps}, memory);
  CHECK(y == std::vector<float>(4, 8));
}

TEST_CASE("rows without checks, in memory of the caller's", "[runtime]") {
  // Machine code may be made for one length.
  for (const char* target : {"", "interpreter"}) {
    const Kernel exact =
        compiled({.function = "total", .operands = {f32({4, 8}), f32({4})}, .target = target});
    check_unchecked(exact);
  }
  const Kernel kernel = compiled(
      {.function = "total", .operands = {f32({4, 10}), f32({4})}, .target = "interpreter"});
  std::vector<float> x(4 * 10, 1), y(4);
  alignas(64) std::byte memory[1 << 16];
  const TensorView views[] = {{x.data(), Dtype::f32, {4, 10}}, {y.data(), Dtype::f32, {4}}};
  const std::size_t bytes = kernel.workspace_bytes(views);
  REQUIRE(bytes > 0);
  REQUIRE(bytes <= sizeof memory);
  CHECK(kernel.call(views, {}, std::span(memory).first(bytes)).ok());
  CHECK(y == std::vector<float>(4, 10));
  const Outcome small = kernel.call(views, {}, std::span(memory).first(bytes - 1));
  CHECK(small.error().message.find(std::to_string(bytes)) != std::string::npos);
  const Outcome crooked = kernel.call(views, {}, std::span(memory + 1, sizeof memory - 1));
  CHECK(crooked.error().message.find("aligned") != std::string::npos);
}

TEST_CASE("one kernel serves rows of its class", "[runtime]") {
  Runtime& rt = runtime();
  const auto key = [&](const Dims& shape, int axis) {
    Dims rows = shape;
    rows.erase(axis < 0 ? rows.end() + axis : rows.begin() + axis);
    return rt
        .key({.function = "total",
              .operands = {f32(shape), f32(rows)},
              .axis = axis,
              .target = "interpreter"})
        .value();
  };
  CHECK(key({4, 8}, -1) == key({9, 4096}, 1));
  CHECK(key({4, 8}, -1) == key({8}, 0));
  CHECK_FALSE(key({4, 8}, -1) == key({4, 4097}, -1));
  CHECK_FALSE(key({4, 8}, -1) == key({4, 8}, 0));
  CHECK(key({4, 8}, 0) == key({2, 4, 8}, 1));
  CHECK(key({4, 8}, 0).text().find("row=across,one_block axis=-2") != std::string::npos);
}

void check_refused(const KernelSpec& spec, Status status, const std::string& part) {
  const auto key = runtime().key(spec);
  REQUIRE_FALSE(key.ok());
  INFO(key.error().message);
  CHECK(key.error().status == status);
  CHECK(key.error().message.find(part) != std::string::npos);
}

TEST_CASE("row specs that do not go together are refused", "[runtime]") {
  const std::vector<OperandSpec> total = {f32({2, 3}), f32({2})};
  check_refused({.function = "total", .operands = total, .axis = 2}, Status::invalid_argument,
                "the axis 2 is not among the 2 dimensions");
  check_refused({.function = "total", .operands = total, .axis = -3}, Status::invalid_argument,
                "the axis -3");
  check_refused({.function = "relu", .operands = {f32({2}), f32({2})}, .axis = 0},
                Status::invalid_argument, "'relu' is elementwise and has no axis");
  check_refused({.function = "total", .operands = total, .axis = 0}, Status::invalid_operands,
                "must have the shape (3)");
  check_refused({.function = "shifted", .operands = {f32({2, 3}), f32({3}), f32({2, 3})}},
                Status::invalid_operands, "'by' of shape (3) does not broadcast with (2)");
  check_refused({.function = "chosen", .operands = {f32({2, 3}), f32({2}), f32({2})}},
                Status::invalid_operands, "'i' of type f32 must be of type i64 or i32");
  check_refused({.function = "first", .operands = {f32({2, 3}), {Dtype::i32, {2}}}},
                Status::invalid_operands, "'y' of type i32 must be of type i64");
  check_refused({.function = "total", .operands = {f32({1, std::int64_t{1} << 31}), f32({1})}},
                Status::limit_exceeded, "a row has at most 2147483647 columns");
}

TEST_CASE("calls with rows that the kernel was not made for are refused", "[runtime]") {
  const Kernel kernel = compiled({.function = "centred",
                                  .operands = {f32({2, 3}), f32({3}), f32({2, 3})},
                                  .target = "interpreter"});
  std::vector<float> x(3 * 5000, 1), w(5000, 1), y(3 * 5000, -1);
  const auto refused = [&](const Dims& shape, const Dims& of_w, const std::string& part) {
    const TensorView views[] = {
        {x.data(), Dtype::f32, shape}, {w.data(), Dtype::f32, of_w}, {y.data(), Dtype::f32, shape}};
    const Outcome outcome = kernel.call(views);
    REQUIRE_FALSE(outcome.ok());
    INFO(outcome.error().message);
    CHECK(outcome.error().message.find(part) != std::string::npos);
    CHECK(y[0] == -1);
    CHECK(kernel.workspace_bytes(views) == 0);
  };
  refused({3, 5000}, {5000}, "made for rows of at most 4096 columns, and the call's have 5000");
  refused({2, 3}, {}, "'w' of shape () has one value for the row");
  refused({2, 3}, {2, 1}, "'w' of shape (2, 1) has one value for the row");
  refused({2, 3}, {4}, "does not broadcast");

  // Too long, and never looked at.
  const Kernel endless = compiled({.function = "total", .operands = {f32({2, 5000}), f32({2})}});
  constexpr std::int64_t kColumns = (std::int64_t{1} << 31) + 1;
  const TensorView longest[] = {{x.data(), Dtype::f32, {1, kColumns}}, {y.data(), Dtype::f32, {1}}};
  const Outcome outcome = endless.call(longest);
  CHECK(outcome.error().status == Status::limit_exceeded);
  CHECK(outcome.error().message ==
        "a row has at most 2147483647 columns, and the call's have 2147483649");

  const Kernel deep =
      compiled({.function = "total", .operands = {f32({2, 3, 1}), f32({2, 1})}, .axis = 1});
  const TensorView inner[] = {{x.data(), Dtype::f32, {2, 3, 2}}, {y.data(), Dtype::f32, {2, 2}}};
  CHECK(deep.call(inner).error().message.find("next to each other") != std::string::npos);
  const TensorView flat[] = {{x.data(), Dtype::f32, {3}}, {y.data(), Dtype::f32, {}}};
  CHECK(deep.call(flat).error().message.find("along the axis -2") != std::string::npos);

  const Kernel shifted =
      compiled({.function = "shifted", .operands = {f32({2, 3}), f32({2}), f32({2, 3})}});
  const TensorView moved[] = {{x.data(), Dtype::f32, {2, 3}},
                              {w.data(), Dtype::f32, {2}},
                              {x.data() + 1, Dtype::f32, {2, 3}}};
  CHECK(shifted.call(moved).error().message.find("overlaps") != std::string::npos);
}

TEST_CASE("a spec's row kernel tells of itself", "[runtime]") {
  const Kernel kernel =
      compiled({.function = "centred", .operands = {f32({2, 3}, "x"), f32({2, 3}, "y")}});
  CHECK(kernel.row_wise());
  CHECK_FALSE(kernel.plain());
  CHECK(kernel.bytes() > kernel.code_bytes());
  CHECK(kernel.text("schedule").ok());
  CHECK(compiled({.function = "relu", .operands = {f32({2}), f32({2})}}).plain());
}

}  // namespace
}  // namespace sluice
