// The canonical text parses back to the same tree, for written and for random expressions.
#include <catch2/catch.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>

#include "dsl/print.hpp"
#include "tests/unit/dsl/program_of.hpp"

namespace sluice::dsl {
namespace {

// Everything that the meaning depends on is equal.
void check_same(const FunctionDef& a, const FunctionDef& b) {
  REQUIRE(a.expressions.size() == b.expressions.size());
  for (std::size_t i = 0; i < a.expressions.size(); ++i) {
    const Expr& x = a.expressions[i];
    const Expr& y = b.expressions[i];
    CHECK(x.kind == y.kind);
    CHECK(x.type == y.type);
    CHECK(x.extent == y.extent);
    CHECK(x.integer_literal == y.integer_literal);
    CHECK(x.builtin == y.builtin);
    CHECK(x.target == y.target);
    CHECK(x.callee == y.callee);
    CHECK((x.value == y.value || (std::isnan(x.value) && std::isnan(y.value))));
    CHECK(x.operand_count == y.operand_count);
    CHECK(x.named_count == y.named_count);
  }
  CHECK(a.operands == b.operands);
  CHECK(a.results == b.results);
  CHECK(a.digest == b.digest);
  CHECK(a.documentation == b.documentation);
}

void check_round_trip(std::string_view text) {
  INFO(text);
  const Program program = test::program_of(text);
  const std::string printed = print(test::last(program), program);
  INFO(printed);
  const Program again = test::program_of(printed);
  check_same(test::last(program), test::last(again));
  CHECK(print(test::last(again), again) == printed);
}

TEST_CASE("printing and parsing are inverse", "[dsl]") {
  check_round_trip("## Doc\n##\n## more\n@ulp(2)\n@limits(0, inf, 0, 1)\nfn f(x) = x * sigmoid(x)");
  check_round_trip("fn f(x, m: mask = true, t: row = -0.0, i: index = -1; a = 1/3, k: int = 3) "
                   "-> (p, q: row, r: index) {\n let (s) = if m then x else t\n"
                   "let u = swish(s; beta = a)\n (u ^ 2 - -u ^ 3, row_sum(u), k + i) }");
  check_round_trip("fn f(x) = x ^ 123456789012345678901234567890 + 1e300 + 1e-300 + 4.9e-324");
  check_round_trip("fn f(x) = x\n with d/dx = if x > 0 then 1 else y");
}

TEST_CASE("every library definition survives a round trip", "[dsl]") {
  const Program& library = standard_library();
  for (std::uint32_t i = 0; i < library.size(); ++i) {
    const FunctionDef& function = library.function(FunctionId{i});
    if (function.is_builtin) continue;
    const std::string printed = print(function, library, {.types = true});
    INFO(printed);
    const Analysis again = analyze(printed, "again.slu", &library);
    REQUIRE(again.program);
    check_same(function, test::last(*again.program));
  }
}

TEST_CASE("numbers print so that they read back", "[dsl]") {
  CHECK(print_number(0.1) == "0.1");
  CHECK(print_number(2) == "2");
  CHECK(print_number(-0.0) == "-0");
  CHECK(print_number(1e300) == "1e+300");
  CHECK(print_number(-std::numeric_limits<double>::infinity()) == "-inf");
  CHECK(print_number(std::numeric_limits<double>::quiet_NaN()) == "nan");
}

// Random well-typed expressions: numbers and bools over x, w, m and p.
class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  std::string number(int depth) {
    if (depth == 0) return pick({"x", "w", "p", "2", "0.5", "1e-3", "pi", "-1"});
    const std::string a = number(depth - 1);
    const std::string b = number(depth - 1);
    switch (random_() % 9) {
      case 0: return "(" + a + ") + " + b;
      case 1: return a + " - (" + b + ")";
      case 2: return "(" + a + ") * (" + b + ")";
      case 3: return "(" + a + ") / (" + b + ")";
      case 4: return "(" + a + ") ^ (" + b + ")";
      case 5: return "-(" + a + ")";
      case 6: return pick({"exp", "tanh", "silu", "abs", "detach"}) + "(" + a + ")";
      case 7: return "(if " + boolean(depth - 1) + " then " + a + " else " + b + ")";
      default: return "swish(" + a + "; beta = " + b + ")";
    }
  }

  std::string boolean(int depth) {
    if (depth == 0) return pick({"m", "true", "x > 0", "w != p"});
    switch (random_() % 4) {
      case 0: return "(" + boolean(depth - 1) + " and " + boolean(depth - 1) + ")";
      case 1: return boolean(depth - 1) + " or " + boolean(depth - 1);
      case 2: return "(not (" + boolean(depth - 1) + "))";
      default: return "((" + number(depth - 1) + ") <= (" + number(depth - 1) + "))";
    }
  }

 private:
  std::string pick(std::initializer_list<const char*> choices) {
    return *(choices.begin() + random_() % choices.size());
  }
  std::mt19937 random_;
};

TEST_CASE("random expressions survive a round trip", "[dsl]") {
  const std::uint32_t seed = std::random_device{}();
  INFO("seed " << seed);
  Generator generator(seed);
  for (int i = 0; i < 300; ++i) {
    check_round_trip("fn f(x, w, m: mask; p = 1) = " + generator.number(1 + i % 5));
  }
}

}  // namespace
}  // namespace sluice::dsl
