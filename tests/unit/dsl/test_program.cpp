// Programs on top of programs, statuses, limits.
#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <string_view>

#include "dsl/print.hpp"
#include "tests/unit/dsl/program_of.hpp"

namespace sluice::dsl {
namespace {

TEST_CASE("a user's function hides the library's for his program only", "[dsl]") {
  const Program& library = standard_library();
  Result<ParsedProgram> parsed =
      parse("fn sigmoid(x) = x\nfn f(x) = silu(x) + sigmoid(x)", "a.slu", &library);
  REQUIRE(parsed);
  CHECK(parsed->warnings.size() == 1);
  CHECK(test::contains(parsed->rendered_warnings, "hides the library's function"));
  const Program& program = parsed->program;
  CHECK(program.find("sigmoid") != library.find("sigmoid"));
  // silu, of the library, still calls the library's.
  const FunctionDef& silu = program.function(*program.find("silu"));
  bool builtin = false;
  for (const Expr& e : silu.expressions) builtin = builtin || e.builtin == Builtin::sigmoid;
  CHECK(builtin);
}

TEST_CASE("a name defined again replaces the one before, quietly", "[dsl]") {
  const Program first = test::program_of("fn f(x) = x\nfn g(x) = f(x)");
  Result<ParsedProgram> second = parse("fn f(x) = x + 1\nfn h(x) = f(x)", "b.slu", &first);
  REQUIRE(second);
  CHECK(second->warnings.empty());
  const Program& program = second->program;
  const FunctionId old_f = *first.find("f");
  CHECK(*program.find("f") != old_f);
  const auto callee = [&](std::string_view name) {
    const FunctionDef& function = program.function(*program.find(name));
    return function.expr(function.results[0]).callee;
  };
  CHECK(callee("g") == old_f);
  CHECK(callee("h") == *program.find("f"));
}

TEST_CASE("places name the file they are in", "[dsl]") {
  const Program first = test::program_of("fn f(x) = x");
  Result<ParsedProgram> second = parse("\n\nfn g(x) = f(x)", "b.slu", &first);
  REQUIRE(second);
  const Program& program = second->program;
  const SourcePlace place = program.function(*program.find("g")).place;
  CHECK(program.source(place.file).name() == "b.slu");
  CHECK(program.source(place.file).position(place.offset).line == 3);
}

TEST_CASE("errors and limits have their status", "[dsl]") {
  const Program& library = standard_library();
  const auto status = [&](std::string_view text, const ParseOptions& options = {}) {
    const Result<ParsedProgram> parsed = parse(text, "a.slu", &library, options);
    REQUIRE_FALSE(parsed);
    return parsed.error().status;
  };
  CHECK(status("fn f(x) = z") == Status::invalid_source);
  ParseOptions small;
  small.limits.file_bytes = 10;
  CHECK(status("fn f(x) = x + 1", small) == Status::limit_exceeded);
}

TEST_CASE("parse without a library knows the language's own forms only", "[dsl]") {
  CHECK(parse("fn f(x) = derivative(detach(x) * x^2, x)", "a.slu", nullptr));
  CHECK_FALSE(parse("fn f(x) = exp(x)", "a.slu", nullptr));
}

std::string repeated(std::string_view text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

void check_limit(const std::string& text, std::string_view message) {
  const Result<ParsedProgram> parsed = parse(text, "a.slu", &standard_library());
  REQUIRE_FALSE(parsed);
  INFO(parsed.error().message.substr(0, 400));
  CHECK(parsed.error().status == Status::limit_exceeded);
  CHECK(test::contains(parsed.error().message, message));
}

TEST_CASE("nesting of every sort has a limit, not a crash", "[dsl]") {
  constexpr std::size_t kMany = 20'000;
  constexpr std::string_view kNested = "nested deeper than the limit of 200";
  check_limit("fn f(x) = " + repeated("(", kMany) + "x" + repeated(")", kMany), kNested);
  check_limit("fn f(x) = " + repeated("-", kMany) + "x", kNested);
  check_limit("fn f(x) = if " + repeated("not ", kMany) + "x > 0 then 1 else 0", kNested);
  check_limit("fn f(x) = " + repeated("x^", kMany) + "x", kNested);
  check_limit("fn f(x) = " + repeated("x^-", kMany) + "x", kNested);
  check_limit("fn f(x) = " + repeated("exp(", kMany) + "x" + repeated(")", kMany), kNested);
  check_limit("fn f(x) = " + repeated("swish(x; beta = ", kMany) + "x" + repeated(")", kMany),
              kNested);
  check_limit("fn f(x) = " + repeated("if x > 0 then x else ", kMany) + "x", kNested);
  check_limit("fn f(x) = " + repeated("if ", kMany) + "x", kNested);
  check_limit("fn f(x) = x" + repeated(" + x", kMany), "deeper than the limit of 1000");
  check_limit("fn f(x) = x" + repeated(" * x", kMany), "deeper than the limit of 1000");
  check_limit("fn f(x; a = 1" + repeated(" + 1", kMany) + ") = x * a",
              "deeper than the limit of 1000");
}

TEST_CASE("what is just within the limits is read and printed", "[dsl]") {
  const std::string text =
      "fn f(x) = " + repeated("(-", 99) + "x" + repeated(")", 99) + repeated(" + x", 890) + "\n";
  const Program program = test::program_of(text);
  CHECK(test::program_of(print(test::last(program), program)).size() == program.size());
}

TEST_CASE("sizes have limits", "[dsl]") {
  std::string lets = "fn f(x) {\n";
  for (int i = 0; i < 10'000; ++i) lets += "let a" + std::to_string(i) + " = x + 1\n";
  check_limit(lets + "x }", "more than the limit of 20000 operations");
  check_limit("fn f(" + std::string(200, 'x') + ") = 1", "the limit is 128");
  check_limit(std::string(2'000'000, ' '), "2000000 bytes");
  std::string header = "fn f(x0";
  for (int i = 1; i < 1000; ++i) header += ", x" + std::to_string(i);
  check_limit(header + ") = x0", "has 1000 inputs");
}

TEST_CASE("expansion of calls has limits", "[dsl]") {
  std::string doubling = "fn f0(x) = x + 1\n";
  std::string chain = doubling;
  for (int i = 1; i < 300; ++i) {
    const std::string before = "f" + std::to_string(i - 1);
    const std::string header = "fn f" + std::to_string(i) + "(x) = ";
    if (i < 70) doubling += header + before + "(" + before + "(x))\n";
    chain += header + before + "(x)\n";
  }
  check_limit(doubling, "more than the limit of 200000 operations once its calls are expanded");
  check_limit(chain, "deeper than the limit of 200");
  check_limit("fn f(x) = " + repeated("derivative(", 30) + "tanh(x)" + repeated(", x)", 30),
              "once its calls are expanded");
}

TEST_CASE("an exponent, a sum and a chain of definitions within the limits are fine", "[dsl]") {
  std::string text = "fn f0(x) = x + 1\n";
  for (int i = 1; i < 150; ++i) {
    text += "fn f" + std::to_string(i) + "(x) = f" + std::to_string(i - 1) + "(x) * 0.5\n";
  }
  const Program program = test::program_of(text);
  CHECK(test::last(program).call_depth == 149);
}

TEST_CASE("errors beyond the limit are counted", "[dsl]") {
  std::string text;
  for (int i = 0; i < 150; ++i) text += "fn f" + std::to_string(i) + "(x) = )\n";
  const std::string errors = test::errors_of(text);
  CHECK(test::contains(errors, "50 more errors are not shown: the limit is 100"));
}

TEST_CASE("errors in one definition do not lead to errors in those that call it", "[dsl]") {
  const std::string errors = test::errors_of("fn f(x) = x + z\nfn g(x) = f(x)\nfn h(x) = g(f(x))");
  CHECK(test::contains(errors, "unknown name 'z'"));
  CHECK(std::count(errors.begin(), errors.end(), '^') == 1);
}

}  // namespace
}  // namespace sluice::dsl
