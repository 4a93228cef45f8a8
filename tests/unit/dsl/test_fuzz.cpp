// The reader of the language never crashes and never hangs: mutations of sound texts, and of the
// tokens of the language in any order. Every program that comes out survives a round trip.
#include <catch2/catch.hpp>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/library_sources.hpp"
#include "dsl/print.hpp"
#include "tests/unit/dsl/program_of.hpp"

namespace sluice::dsl {
namespace {

constexpr std::string_view kPieces[] = {
    "fn",   "let",   "if",   "then",     "else", "and",   "or",    "not",   "with", "builtin",
    "(",    ")",     "{",    "}",        "+",    "-",     "*",     "/",     "^",    "<",
    "<=",   ">",     ">=",   "==",       "!=",   "=",     ",",     ";",     ":",    "->",
    "@",    "\n",    "#",    "##",       "\"",   "x",     "y",     "f",     "1",    "2.5",
    "inf",  "d",     "dx",   "row",      "col",  "index", "mask",  "int",   "exp",  "at",
    "silu", "swish", "beta", "detach",   "\r\n", "ulp",   "alias", "range", "e",    "1e999",
    "0x1p", "\t",    "\0",   "\xC3\xA9", "\xFF", " "};

const std::string_view kSeed =
    "## Doc\n@ulp(2)\n@range(a, 0, 1)\nfn f(x, m: mask = true, t: row = 1; a = 1/2, k: int = "
    "2)"
    " -> (p, q: row) {\n  let (s) = if m and x > 0 then x else t\n  let u = swish(s; beta = a)\n"
    "  (u ^ 2 - exp(-u) * k, row_sum(u) + at(x, 0))\n}\nfn g(x) = max(x, 0)\n"
    "  with d/dx = if x <= 0 then 0 else y / x\nfn h(x, i: index) {\n  let (a, b) = f(x)\n"
    "  derivative(x ^ 3, x) + detach(a) - b * i\n}\n";

class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}

  std::string tokens() {
    std::string out;
    const std::size_t count = below(60);
    for (std::size_t i = 0; i < count; ++i) out += std::string(piece()) + (below(3) ? " " : "");
    return "fn f(x) = " + out;
  }

  std::string mutated(std::string text) {
    for (std::size_t edits = 1 + below(6); edits-- > 0 && !text.empty();) {
      const std::size_t at = below(text.size());
      const std::size_t length = below(12);
      switch (below(5)) {
        case 0: text.erase(at, length); break;
        case 1: text.insert(at, piece()); break;
        case 2: text[at] = static_cast<char>(below(256)); break;
        case 3: text.insert(at, text.substr(below(text.size()), below(60))); break;
        default: text.replace(at, length, piece()); break;
      }
    }
    return text;
  }

 private:
  std::size_t below(std::size_t bound) { return random_() % bound; }
  std::string_view piece() { return kPieces[below(std::size(kPieces))]; }
  std::mt19937 random_;
};

void check(const std::string& text, std::size_t& sound) {
  const Analysis analysis = analyze(text, "fuzz.slu", &standard_library());
  const std::string rendered =
      analysis.rendered(Severity::error) + analysis.rendered(Severity::warning);
  // No program without errors, no errors without a line that says so.
  REQUIRE(analysis.program.has_value() == analysis.rendered(Severity::error).empty());
  if (!analysis.program) return;
  ++sound;
  const Program& program = *analysis.program;
  for (std::size_t i = program.first_own(); i < program.size(); ++i) {
    const FunctionDef& function = program.function(FunctionId{static_cast<std::uint32_t>(i)});
    std::string printed;
    // What it calls of its own text comes first.
    for (std::size_t j = program.first_own(); j <= i; ++j) {
      printed += print(program.function(FunctionId{static_cast<std::uint32_t>(j)}), program);
    }
    const Analysis again = analyze(printed, "again.slu", &standard_library());
    if (!again.program) {
      UNSCOPED_INFO(text << "\n---\n" << printed << again.rendered(Severity::error));
    }
    REQUIRE(again.program);
    REQUIRE(test::last(*again.program).digest == function.digest);
  }
}

TEST_CASE("mutated and random texts are read without a crash", "[dsl]") {
  const std::uint32_t seed = std::random_device{}();
  INFO("seed " << seed);
  Mutator mutator(seed);
  std::size_t sound = 0;
  check(std::string(kSeed), sound);
  CHECK(sound == 1);
  const auto sources = library_sources();
  for (std::size_t i = 0; i < 4000; ++i) {
    check(mutator.tokens(), sound);
    check(mutator.mutated(std::string(kSeed)), sound);
    if (i % 20 == 0) check(mutator.mutated(std::string(sources.back().text)), sound);
  }
  CHECK(sound > 1);
}

}  // namespace
}  // namespace sluice::dsl
