// The C++ expression front end: the tree is the one of the text that a user would have written.
#include <catch2/catch.hpp>

#include <limits>
#include <set>
#include <string>
#include <string_view>

#include <sluice/expr.hpp>

#include "dsl/builtins.hpp"
#include "dsl/print.hpp"
#include "dsl/program.hpp"

namespace sluice {
namespace {

// The canonical text of the last definition of a text, which must be sound.
std::string canonical(std::string_view text) {
  const dsl::Analysis analysis = dsl::analyze(text, "expr.slu", &dsl::standard_library());
  INFO(text << analysis.rendered(Severity::error));
  REQUIRE(analysis.program);
  const dsl::FunctionId id{static_cast<std::uint32_t>(analysis.program->size() - 1)};
  return dsl::print(analysis.program->function(id), *analysis.program);
}

template <typename... Arguments>
void check_same(std::string_view text, const Arguments&... arguments) {
  const std::string written = define_text("f", arguments...);
  INFO(written);
  CHECK(canonical(written) == canonical(text));
}

constexpr auto quick = [](auto x) { return x * sigmoid(1.702 * x); };

TEST_CASE("a lambda becomes the definition that one would write", "[runtime]") {
  CHECK(define_text("quick", quick) == "fn quick(x) = x * sigmoid(1.702 * x)\n");
  check_same("fn f(x) = x * sigmoid(1.702 * x)", quick);
  check_same("fn f(x, y) = silu(x) * y", [](auto x, auto y) { return call("silu", x) * y; });
  check_same(
      "fn f(gate, up) = silu(gate) * up",
      [](auto gate, auto up) { return call("silu", gate) * up; }, "gate", "up");
}

TEST_CASE("operators keep their grouping", "[runtime]") {
  check_same("fn f(x) = -x * 2 - (x - 3)", [](auto x) { return -x * 2 - (x - 3); });
  check_same("fn f(x) = x / (x * 2) / 3", [](auto x) { return x / (x * 2) / 3; });
  check_same("fn f(x) = (x + 1) * -(x + 2)", [](auto x) { return (x + 1) * -(x + 2); });
  check_same("fn f(x) = (-x)^2 + x^-2 + (x^2)^3 + x^(x + 1)",
             [](auto x) { return pow(-x, 2) + pow(x, -2) + pow(pow(x, 2), 3) + pow(x, x + 1); });
  check_same("fn f(x) = if x > 0 and not (x < 1 or x == 2) then x else -1 * x",
             [](auto x) { return if_then_else(x > 0 && !(x < 1 || x == 2), x, -1 * x); });
  check_same("fn f(x) = 1 + (if x != 0 then 1.5 else 2)",
             [](auto x) { return 1 + if_then_else(x != 0, 1.5, 2); });
  check_same("fn f(x) = x >= 0 and x <= 1", [](auto x) { return x >= 0 && x <= 1; });
}

TEST_CASE("numbers keep their value and whether they are integers", "[runtime]") {
  check_same("fn f(x) = x * 2", [](auto x) { return x * 2; });
  check_same("fn f(x) = x * 2.0", [](auto x) { return x * 2.0; });
  check_same("fn f(x) = x * 0x1.99999ap-4", [](auto x) { return x * 0.1F; });
  check_same("fn f(x) = x * 1e300 + 4.9e-324", [](auto x) { return x * 1e300 + 4.9e-324; });
  check_same("fn f(x) = max(x, -inf) + -0.0",
             [](auto x) { return max(x, -std::numeric_limits<double>::infinity()) + -0.0; });
}

TEST_CASE("parameters stand in the header, once", "[runtime]") {
  check_same("fn f(x; beta = 1.5, k: int = 3) = x * beta + k * beta", [](auto x) {
    const auto beta = param("beta", 1.5);
    return x * beta + int_param("k", 3) * param("beta", 1.5);
  });
}

TEST_CASE("calls take named parameters", "[runtime]") {
  check_same("fn f(x) = softplus(x; beta = 2, threshold = x + 1)", [](auto x) {
    return call("softplus", x, named("beta", 2), named("threshold", x + 1));
  });
}

TEST_CASE("what is used more than once becomes a let", "[runtime]") {
  CHECK(define_text("f", [](auto x) {
          const auto t = exp(x);
          return t / (1 + t);
        }) == "fn f(x) {\n  let t1 = exp(x)\n  t1 / (1 + t1)\n}\n");
  CHECK(define_text(
            "f",
            [](auto x) {
              const auto t = x + 1;
              return t * t;
            },
            "t1") == "fn f(t1) {\n  let t2 = t1 + 1\n  t2 * t2\n}\n");
  // Squared thirty times: a text with all of it written out would have a billion names.
  const std::string text = define_text("f", [](auto x) {
    auto t = x + 1;
    for (int i = 0; i < 30; ++i) t = t * t;
    return t;
  });
  CHECK(text.size() < 2000);
  canonical(text);
}

TEST_CASE("a long chain is cut by lets", "[runtime]") {
  const std::string text = define_text("f", [](auto x) {
    auto t = x + 0;
    for (int i = 0; i < 2000; ++i) t = t * 0.5 + x;
    return t;
  });
  canonical(text);
  // Far beyond every limit: an error of the language, not a crash.
  const std::string longer = define_text("f", [](auto x) {
    auto t = x + 0;
    for (int i = 0; i < 200'000; ++i) t = t + x;
    return t;
  });
  CHECK_FALSE(dsl::parse(longer, "expr.slu", &dsl::standard_library()));
}

TEST_CASE("inputs of other kinds", "[runtime]") {
  check_same(
      "fn f(x, m: mask, t: row, i: index) = if m and row_any(m) then x * t else at(x, i)",
      [](auto x, auto m, auto t, auto i) { return if_then_else(m && row_any(m), x * t, at(x, i)); },
      "x", mask_input("m"), row_input("t"), index_input("i"));
}

TEST_CASE("every built-in can be called", "[runtime]") {
  std::set<std::string_view> names = {"pow"};
#define SLUICE_NAME(name) names.insert(#name);
  SLUICE_EXPRESSION_UNARY(SLUICE_NAME)
  SLUICE_EXPRESSION_BINARY(SLUICE_NAME)
  SLUICE_EXPRESSION_TERNARY(SLUICE_NAME)
  SLUICE_EXPRESSION_TESTS(SLUICE_NAME)
  SLUICE_EXPRESSION_REDUCED_TESTS(SLUICE_NAME)
  SLUICE_EXPRESSION_POSITIONS(SLUICE_NAME)
#undef SLUICE_NAME
  std::set<std::string_view> known = {dsl::kDetach, dsl::kDerivative};
#define SLUICE_BUILTIN(name, min_arity, max_arity, rule) known.insert(#name);
#include "dsl/builtins.def"
#undef SLUICE_BUILTIN
  CHECK(names == known);
  check_same("fn f(x) = fma(x, 2, clamp(x, 0, 1)) + detach(x) + derivative(tanh(x), x)",
             [](auto x) { return fma(x, 2, clamp(x, 0, 1)) + detach(x) + derivative(tanh(x), x); });
  check_same("fn f(x) = if isnan(x) or row() < col() then row_softmax(x, 0) else width()",
             [](auto x) {
               return if_then_else(isnan(x) || expression::row() < expression::col(),
                                   row_softmax(x, 0), expression::width());
             });
}

}  // namespace
}  // namespace sluice
