// Checks of indices: what is read and matters is found, what a text leaves out is not.
#include <cstdint>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

namespace sluice {
namespace {

constexpr const char* kText = R"(
fn chosen(x, i: index) = at(x, i)
fn chosen_twice(x, i: index, j: index) = at(x, i) + at(x, j)
fn where_open(x, i: index, open: row) = if open > 0 then at(x, i) else 0
fn next(x, i: index) = at(x, i + 1)
fn guarded(x, i: index) = row_any(i >= 0 and at(x, i) > 0)
fn by_column(x, i: index) = if col() < 2 then at(x, i) else x
fn two(x, i: index) -> (a: row, b: row) = (row_sum(x), at(x, i))
fn loss(x, i: index) -> (y: row) {
  let (loss, lse, correct, divisor) = cross_entropy(x, i)
  loss
}
fn passed(x, i: index; skip = -1) = if i == skip then 0 else at(x, i)
)";

struct Case {
  std::string function;
  std::vector<std::int64_t> index;
  std::string target = {};
  std::vector<OperandSpec> more = {};  // between x, i and the output
  std::vector<TensorView> views = {};
  bool whole = false;  // the output
};

// Rows of three columns, one each of the indices. The message, empty where all is well.
std::string message_of(const Case& given) {
  Runtime runtime;
  if (!runtime.define(kText).ok()) return "the text is bad";
  const auto rows = static_cast<std::int64_t>(given.index.size());
  const std::vector<float> x(static_cast<std::size_t>(3 * rows), 1);
  std::vector<float> y(x.size(), -7);
  KernelSpec spec;
  spec.function = given.function;
  spec.target = given.target;
  spec.check_indices = true;
  spec.operands = {f32({rows, 3}), {Dtype::i64, {rows}}};
  spec.operands.insert(spec.operands.end(), given.more.begin(), given.more.end());
  const std::vector<std::int64_t> shape =
      given.whole ? std::vector{rows, std::int64_t{3}} : std::vector{rows};
  spec.operands.push_back(f32(shape));
  const auto kernel = runtime.compile(spec);
  if (!kernel.ok()) return kernel.error().message;
  std::vector<TensorView> views = {{x.data(), Dtype::f32, {rows, 3}},
                                   {given.index.data(), Dtype::i64, {rows}}};
  views.insert(views.end(), given.views.begin(), given.views.end());
  views.emplace_back(y.data(), Dtype::f32, shape);
  const Outcome called = kernel->call(views);
  if (called.ok()) return {};
  CHECK(called.error().status == Status::invalid_operands);
  CHECK(y == std::vector<float>(y.size(), -7));
  return called.error().message;
}

TEST_CASE("an index that is no column is found, with row and value", "[runtime]") {
  for (const char* target : {"", "interpreter"}) {
    CHECK(message_of({"chosen", {0, 1, 2}, target}).empty());
    CHECK(message_of({"chosen", {0, 3, -1}, target}) ==
          "the index 3 of 'i' in row 1 is none of the row's 3 columns");
    CHECK(message_of({"chosen", {0, 1, -1}, target}) ==
          "the index -1 of 'i' in row 2 is none of the row's 3 columns");
    constexpr std::int64_t kFar = std::int64_t{1} << 40;
    CHECK(message_of({"chosen", {kFar, 0}, target}) ==
          "the index 1099511627776 of 'i' in row 0 is none of the row's 3 columns");
    CHECK(message_of({"chosen", {0, -kFar - 1}, target}) ==
          "the index -1099511627777 of 'i' in row 1 is none of the row's 3 columns");
  }
}

TEST_CASE("what an if leaves out is not read", "[runtime]") {
  const std::vector<float> open = {1, 0, -1};
  const Case closed{.function = "where_open",
                    .index = {0, 9, -9},
                    .more = {f32({3})},
                    .views = {{open.data(), Dtype::f32, {3}}}};
  CHECK(message_of(closed).empty());
  Case read = closed;
  read.index = {9, 0, 0};
  CHECK(message_of(read).find("the index 9 of 'i' in row 0") == 0);
  CHECK(message_of({.function = "by_column", .index = {0, 5}, .whole = true})
            .find("the index 5 of 'i' in row 1") == 0);
  CHECK(message_of({"loss", {-100, 2}}) == "");
  CHECK(message_of({"loss", {-100, -1}}).find("the index -1 of 'i' in row 1") == 0);
}

TEST_CASE("a computed index is found, without a value", "[runtime]") {
  CHECK(message_of({"next", {-1, 1}}).empty());
  CHECK(message_of({"next", {0, 2}}) == "a computed index in row 1 is none of the row's 3 columns");
}

TEST_CASE("each of several indices is checked", "[runtime]") {
  const std::vector<std::int64_t> other = {0, 4};
  CHECK(message_of({.function = "chosen_twice",
                    .index = {0, 1},
                    .more = {{Dtype::i64, {2}}},
                    .views = {{other.data(), Dtype::i64, {2}}}})
            .find("the index 4 of 'j' in row 1") == 0);
}

TEST_CASE("parameters given at the call decide what is read", "[runtime]") {
  Runtime runtime;
  REQUIRE(runtime.define(kText).ok());
  const auto kernel = runtime.compile({.function = "passed",
                                       .operands = {f32({1, 3}), {Dtype::i64, {1}}, f32({1})},
                                       .passed = {"skip"},
                                       .check_indices = true});
  REQUIRE(kernel.ok());
  const std::vector<float> x = {1, 2, 3};
  const std::vector<std::int64_t> i = {7};
  std::vector<float> y(1);
  const TensorView views[] = {
      {x.data(), Dtype::f32, {1, 3}}, {i.data(), Dtype::i64, {1}}, {y.data(), Dtype::f32, {1}}};
  for (const double skip : {7.0, 8.0}) CHECK(kernel->call(views, {{skip}}).ok() == (skip == 7));
}

TEST_CASE("outputs that are not computed read nothing", "[runtime]") {
  Runtime runtime;
  REQUIRE(runtime.define(kText).ok());
  const std::vector<float> x = {1, 2, 3};
  const std::vector<std::int32_t> i = {7};
  std::vector<float> y(1);
  for (const char* output : {"a", "b"}) {
    const auto kernel =
        runtime.compile({.function = "two",
                         .operands = {f32({1, 3}, "x"), {Dtype::i32, {1}, "i"}, f32({1}, output)},
                         .check_indices = true});
    REQUIRE(kernel.ok());
    const TensorView views[] = {
        {x.data(), Dtype::f32, {1, 3}}, {i.data(), Dtype::i32, {1}}, {y.data(), Dtype::f32, {1}}};
    CHECK(kernel->call(views).ok() == (*output == 'a'));
  }
}

TEST_CASE("along any axis, in a mean and backward", "[runtime]") {
  Runtime runtime;
  const std::vector<float> x(24, 1);
  std::vector<std::int64_t> target = {0, 1, 2, 0, 1, 2, 0, 3};
  const float one = 1;
  std::vector<float> dx(24);
  const auto call = [&](Pass pass) {
    KernelSpec spec{.function = "cross_entropy", .pass = pass, .axis = 1};
    spec.reduction = Reduction::mean;
    spec.check_indices = true;
    std::vector<TensorView> views = {{x.data(), Dtype::f32, {2, 3, 4}},
                                     {target.data(), Dtype::i64, {2, 4}}};
    spec.operands = {f32({2, 3, 4}, "x"), {Dtype::i64, {2, 4}, "target"}};
    if (pass == forward) {
      spec.operands.push_back(f32({}, "loss"));
      views.emplace_back(dx.data(), Dtype::f32, std::initializer_list<std::int64_t>{});
    } else {
      spec.operands.push_back(f32({}, "grad_loss"));
      spec.operands.push_back(f32({2, 3, 4}, "dx"));
      views.emplace_back(&one, Dtype::f32, std::initializer_list<std::int64_t>{});
      views.emplace_back(dx.data(), Dtype::f32, std::initializer_list<std::int64_t>{2, 3, 4});
    }
    const auto kernel = runtime.compile(spec);
    if (!kernel.ok()) return kernel.error().message;
    const Outcome called = kernel->call(views);
    return called.ok() ? std::string() : called.error().message;
  };
  for (const Pass pass : {forward, backward}) {
    target.back() = 3;
    CHECK(call(pass) == "the index 3 of 'target' in row (1, 3) is none of the row's 3 columns");
    target.back() = -100;
    CHECK(call(pass).empty());
  }
}

TEST_CASE("functions without an index, rows of nothing and no rows", "[runtime]") {
  Runtime runtime;
  const auto run = [&](const std::string& function, std::vector<std::int64_t> shape) {
    std::vector<float> x(6, 1), y(6);
    const auto kernel = runtime.compile(
        {.function = function, .operands = {f32(shape), f32(shape)}, .check_indices = true});
    if (!kernel.ok()) return kernel.error().message;
    const TensorView views[] = {{x.data(), Dtype::f32, shape}, {y.data(), Dtype::f32, shape}};
    const Outcome called = kernel->call(views);
    return called.ok() ? std::string() : called.error().message;
  };
  CHECK(run("relu", {2, 3}).empty());
  CHECK(run("softmax", {2, 3}).empty());
  CHECK(run("softmax", {0, 3}).empty());
  CHECK(run("softmax", {3, 0}).empty());
}

}  // namespace
}  // namespace sluice
