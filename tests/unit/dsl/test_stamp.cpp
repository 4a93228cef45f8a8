#include "dsl/stamp.hpp"

#include <catch2/catch.hpp>

#include <string>

#include "dsl/program.hpp"

namespace {

using namespace sluice;

const char* const kText = "fn f(x) = x * x\nfn g(x) = f(x)";

dsl::FunctionDef function(const std::string& text, const std::string& name) {
  const dsl::Program program =
      dsl::parse(text, "test.slu", &dsl::standard_library()).value().program;
  return program.function(*program.find(name));
}

TEST_CASE("a stamp stands for one definition and one version", "[dsl]") {
  const dsl::FunctionDef f = function(kText, "f");
  const std::string stamped = dsl::with_stamp(kText, f, "1.2.3");
  CHECK(stamped == std::string(kText) + "\n" + dsl::stamp_of(f, "1.2.3") + "\n");
  CHECK(dsl::has_stamp(stamped, f, "1.2.3"));
  CHECK_FALSE(dsl::has_stamp(stamped, f, "1.2.4"));
  CHECK_FALSE(dsl::has_stamp(stamped, function(kText, "g"), "1.2.3"));
  CHECK_FALSE(dsl::has_stamp(kText, f, "1.2.3"));
  // What it calls is part of a definition.
  const dsl::FunctionDef g = function("fn f(x) = x + x\nfn g(x) = f(x)", "g");
  CHECK_FALSE(dsl::has_stamp(dsl::with_stamp(kText, function(kText, "g"), "1"), g, "1"));
}

TEST_CASE("a stamp changes nothing but itself", "[dsl]") {
  const dsl::FunctionDef f = function(kText, "f");
  const std::string once = dsl::with_stamp(kText, f, "1");
  CHECK(function(once, "f").digest == f.digest);
  CHECK(dsl::with_stamp(once, f, "1") == once);
  const std::string both = dsl::with_stamp(once, function(kText, "g"), "1");
  CHECK(dsl::has_stamp(both, f, "1"));
  CHECK(both.starts_with(once));
  // An earlier stamp of the name goes; line ends stay as they are.
  const std::string other =
      dsl::with_stamp("fn f(x) = x\r\n# checked: f 00 sluice 0\r\n# f\r\n", f, "1");
  CHECK(other == "fn f(x) = x\r\n# f\r\n" + dsl::stamp_of(f, "1") + "\n");
}

}  // namespace
