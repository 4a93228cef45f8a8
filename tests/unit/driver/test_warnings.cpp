#include <catch2/catch.hpp>

#include "compiler/driver/warnings.hpp"

using namespace sluice;

namespace {

std::string warnings(const std::string& text) {
  const auto parsed = dsl::parse(text, "mine.slu", &dsl::standard_library());
  REQUIRE(parsed.ok());
  return driver::warnings(parsed->program);
}

}  // namespace

TEST_CASE("an exponential that overflows within the declared domain is warned of", "[driver]") {
  const std::string found = warnings("@domain(-10, 100)\nfn f(x) = x * exp(x)\n");
  CHECK(
      found.find("mine.slu:2:4: warning: an exp in 'f' overflows f32 within the declared domain") !=
      std::string::npos);
  CHECK(found.find("hint: narrow @domain") != std::string::npos);
  CHECK_FALSE(warnings("@domain(-10, 10)\nfn f(x; a = 9) = exp(a * x)\n").empty());
  CHECK_FALSE(warnings("@domain(-20, 20)\nfn f(x) = exp(x^2)\n").empty());
}

TEST_CASE("what cannot overflow, or has a stable form, is not warned of", "[driver]") {
  CHECK(warnings("fn f(x) = exp(x)\n").empty());
  CHECK(warnings("@domain(-10, 80)\nfn f(x) = exp(x)\n").empty());
  CHECK(warnings("@domain(-1000, 1000)\nfn f(x) = exp(-abs(x))\n").empty());
  CHECK(warnings("@domain(-1000, 1000)\nfn f(x) = exp(min(x, 3))\n").empty());
  CHECK(warnings("@domain(-1000, 1000)\nfn f(x) = x / (1 + exp(-x))\n").empty());
  CHECK(warnings("@domain(-1000, 1000)\nfn f(x) = log(1 + exp(x))\n").empty());
}
