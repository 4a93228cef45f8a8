// Every way in which a spec can be wrong, with its status and what the message names.
#include <cmath>
#include <limits>
#include <string>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

#include "support/target.hpp"

namespace sluice {
namespace {

void check_refused(const KernelSpec& spec, Status status, const std::string& part) {
  Runtime rt;
  REQUIRE(rt.define("fn two(x, z = 1) -> (a, b) = (x + z, x * z)\n"
                    "fn choose(x; mode: int = 0) = if mode == 0 then x else -x\n"
                    "fn centred(x) = x - row_mean(x)\n"
                    "fn masked(x, m: mask) = if m then x else 0")
              .ok());
  const auto key = rt.key(spec);
  REQUIRE_FALSE(key.ok());
  INFO(key.error().message);
  CHECK(key.error().status == status);
  CHECK(key.error().message.find(part) != std::string::npos);
  CHECK(rt.compile(spec).error().message == key.error().message);
}

const std::vector<OperandSpec> kPair = {f32({4}), f32({4})};

TEST_CASE("unknown names in a spec are named", "[runtime]") {
  check_refused({.function = "sofsign", .operands = kPair}, Status::unknown_function, "'softsign'");
  check_refused({.function = "relu", .operands = kPair, .parameters = {{"beta", 1}}},
                Status::unknown_name, "'beta'");
  check_refused({.function = "leaky_relu", .operands = kPair, .passed = {"slope"}},
                Status::unknown_name, "negative_slope");
  check_refused({.function = "relu", .operands = {f32({4}, "x"), f32({4}, "z")}},
                Status::unknown_name, "'z'");
  check_refused({.function = "relu", .operands = kPair, .target = "x86-64-v9"},
                Status::unknown_name, "x86-64-v9");
  check_refused({.function = "relu", .pass = backward, .operands = kPair, .gradients = {"z"}},
                Status::unknown_name, "'z'");
}

TEST_CASE("an accuracy is a relative error", "[runtime]") {
  for (const double accuracy : {-0x1p-12, 1.0, 2.0, std::numeric_limits<double>::quiet_NaN(),
                                std::numeric_limits<double>::infinity()})
    check_refused({.function = "exp", .operands = kPair, .accuracy = accuracy},
                  Status::invalid_argument, "accuracy");
}

TEST_CASE("operands that do not fit the function are refused", "[runtime]") {
  check_refused({.function = "relu"}, Status::invalid_operands, "2 (x, y)");
  const OperandSpec huge = f32({17, std::numeric_limits<std::int64_t>::max()});
  check_refused({.function = "relu", .operands = {huge, huge}}, Status::invalid_operands,
                "impossible shape (17, 9223372036854775807)");
  check_refused({.function = "relu", .operands = {f32({4})}}, Status::invalid_operands, "has 1");
  check_refused({.function = "two", .operands = {f32({4})}}, Status::invalid_operands,
                "3 (x, a, b) to 4 (x, z, a, b)");
  check_refused({.function = "relu", .operands = {f32({4}, "x"), f32({4})}},
                Status::invalid_operands, "all or none");
  check_refused({.function = "relu", .operands = {f32({4}, "x")}}, Status::invalid_operands,
                "nothing to compute");
  check_refused({.function = "relu", .operands = {f32({4}, "y")}}, Status::invalid_operands,
                "'x' is missing");
  check_refused({.function = "relu", .operands = {f32({4}), f32({5})}}, Status::invalid_operands,
                "shape (4)");
  check_refused({.function = "prelu", .operands = {f32({4}), f32({3}), f32({4})}},
                Status::invalid_operands, "does not broadcast");
  check_refused({.function = "relu", .operands = {f32({-4}), f32({-4})}}, Status::invalid_operands,
                "negative");
  check_refused({.function = "relu", .operands = {{Dtype::i32, {4}}, f32({4})}},
                Status::invalid_operands, "i32");
  check_refused({.function = "relu", .operands = {{Dtype::boolean, {4}}, f32({4})}},
                Status::invalid_operands, "bool");
  check_refused({.function = "masked", .operands = {f32({4}), f32({4}), f32({4})}},
                Status::invalid_operands, "'m' of type f32 must be of type bool");
  const std::vector<OperandSpec> many(100, f32({4}));
  check_refused({.function = "relu", .operands = many}, Status::limit_exceeded, "64");
}

TEST_CASE("parameters that cannot be as asked are refused", "[runtime]") {
  check_refused({.function = "choose", .operands = kPair, .passed = {"mode"}},
                Status::invalid_argument, "baked");
  check_refused({.function = "choose", .operands = kPair, .parameters = {{"mode", 0.5}}},
                Status::invalid_argument, "integer");
  check_refused({.function = "leaky_relu",
                 .operands = kPair,
                 .parameters = {{"negative_slope", 1}},
                 .passed = {"negative_slope"}},
                Status::invalid_argument, "both baked and passed");
}

TEST_CASE("parameters outside of their ranges are refused", "[runtime]") {
  const double nan = std::nan("");
  for (const double beta : {0.0, -1.0, 0.0099, 100.1, nan})
    check_refused({.function = "softplus", .operands = kPair, .parameters = {{"beta", beta}}},
                  Status::invalid_argument, "'beta' of 'softplus' must be from 0.01 to 100, not");
  for (const double beta : {0.01, double{0.01f}, 100.0})
    CHECK(Runtime{}
              .key({.function = "softplus", .operands = kPair, .parameters = {{"beta", beta}}})
              .ok());
}

TEST_CASE("backward specs are checked as well", "[runtime]") {
  const std::vector<OperandSpec> three = {f32({4}), f32({4}), f32({4})};
  check_refused({.function = "relu", .operands = kPair, .gradients = {"x"}},
                Status::invalid_argument, "forward");
  check_refused({.function = "relu", .pass = backward, .operands = kPair}, Status::invalid_operands,
                "(x, grad_y, dx)");
  check_refused({.function = "relu", .pass = backward, .operands = {f32({4}, "x"), f32({4}, "dx")}},
                Status::invalid_operands, "'grad_y'");
  check_refused({.function = "leaky_relu",
                 .pass = backward,
                 .operands = three,
                 .gradients = {"negative_slope"}},
                Status::invalid_operands, "'dnegative_slope' of shape (4) is one number");
  check_refused({.function = "choose", .pass = backward, .operands = three, .gradients = {"mode"}},
                Status::invalid_argument, "chooses a behaviour");
  check_refused({.function = "relu", .pass = backward, .operands = {f32({4}), f32({4}), f32({1})}},
                Status::invalid_operands, "its input's shape");
}

TEST_CASE("what cannot be compiled or run yet is said", "[runtime]") {
  check_refused(
      {.function = "relu", .operands = kPair, .denied = {Rung::x64, Rung::llvm, Rung::interpreter}},
      Status::unavailable, "denied");
  if (host_target().level < Level::x86_64_v4)
    check_refused({.function = "relu", .operands = kPair, .target = "x86-64-v4"},
                  Status::unavailable, "x86-64-v4");
}

TEST_CASE("inputs with a default may be left out", "[runtime]") {
  Runtime rt;
  REQUIRE(rt.define("fn scaled(x, z = 3) -> (a, b) = (x * z, x + z)").ok());
  const auto kernel =
      rt.compile({.function = "scaled", .operands = {f32({2}), f32({2}), f32({2})}});
  REQUIRE(kernel.ok());
  const std::vector<float> x = {1, 2};
  std::vector<float> a(2), b(2);
  CHECK((*kernel)(x, a, b).ok());
  CHECK(a == std::vector<float>{3, 6});
  CHECK(b == std::vector<float>{4, 5});

  // By name an output may be missing, too.
  const auto only_b =
      rt.compile({.function = "scaled", .operands = {f32({2}, "b"), f32({2}, "x")}});
  REQUIRE(only_b.ok());
  REQUIRE(only_b->operands().size() == 2);
  CHECK(only_b->operands()[1].name == "b");
  CHECK((*only_b)(x, a).ok());
  CHECK(a == b);
}

}  // namespace
}  // namespace sluice
