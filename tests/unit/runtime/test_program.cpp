#include <algorithm>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

namespace sluice {
namespace {

TEST_CASE("a program knows the library's functions and its own", "[runtime]") {
  const Program library = Program::library();
  const auto gelu = library.find("gelu");
  REQUIRE(gelu.ok());
  CHECK(gelu->from_library);
  CHECK(gelu->inputs.size() == 1);
  CHECK(gelu->outputs == std::vector<std::string>{"y"});
  CHECK(gelu->forward_ulp.has_value());

  const auto program = Program::parse("## Twice.\nfn twice(x; k: int = 2) = x * k");
  REQUIRE(program.ok());
  const auto twice = program->find("twice");
  REQUIRE(twice.ok());
  CHECK(twice->documentation == "Twice.");
  CHECK(twice->parameters.size() == 1);
  CHECK(twice->parameters[0].is_integer);
  CHECK_FALSE(twice->from_library);
  CHECK(program->functions().size() == library.functions().size() + 1);
  CHECK(library.find("twice").error().status == Status::unknown_function);
}

TEST_CASE("a program's definitions hide those it was built on", "[runtime]") {
  const auto first = Program::parse("fn a(x) = x + 1\nfn b(x) = a(x)").value();
  const auto second = Program::parse("fn a(x, z) = x + z", "more", first).value();
  CHECK(second.find("a")->inputs.size() == 2);
  CHECK(second.find("b").ok());
  CHECK(second.functions().size() == first.functions().size());
}

TEST_CASE("a text with mistakes gives their places", "[runtime]") {
  const auto wrong = Program::parse("fn a(x) = sigmod(x)", "act.slu");
  REQUIRE_FALSE(wrong.ok());
  CHECK(wrong.error().status == Status::invalid_source);
  CHECK(wrong.error().message.find("act.slu:1:11") != std::string::npos);
  CHECK(Program::library().find("gleu").error().message.find("'gelu'") != std::string::npos);
}

}  // namespace
}  // namespace sluice
