#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

namespace sluice {
namespace {

KernelSpec leaky(std::int64_t n) {
  return {.function = "leaky_relu", .operands = {f32({n}), f32({n})}};
}

TEST_CASE("lengths and names are not in the key", "[runtime]") {
  Runtime rt;
  const Key key = rt.key(leaky(8)).value();
  CHECK(rt.key(leaky(9)).value() == key);
  CHECK(rt.key(leaky(9)).value().hash() == key.hash());

  KernelSpec named = leaky(8);
  named.operands = {f32({8}, "y"), f32({8}, "x")};
  CHECK(rt.key(named).value() == key);

  KernelSpec shaped = leaky(8);
  shaped.operands = {f32({2, 2, 2}), f32({2, 2, 2})};
  CHECK(rt.key(shaped).value() == key);

  KernelSpec spelled = leaky(8);
  spelled.parameters = {{"negative_slope", 0.01}};
  CHECK(rt.key(spelled).value() == key);
  spelled.target = rt.compile(key)->target();
  CHECK(rt.key(spelled).value() == key);
}

TEST_CASE("what changes the code is in the key", "[runtime]") {
  Runtime rt;
  const Key key = rt.key(leaky(8)).value();
  KernelSpec other = leaky(8);
  other.parameters = {{"negative_slope", 0.02}};
  CHECK_FALSE(rt.key(other).value() == key);
  other = leaky(8);
  other.passed = {"negative_slope"};
  CHECK_FALSE(rt.key(other).value() == key);
  other = leaky(8);
  other.operands[1] = f64({8});
  CHECK_FALSE(rt.key(other).value() == key);
  other = leaky(8);
  other.operands[0] = f32({});
  other.operands[1] = f32({});
  CHECK_FALSE(rt.key(other).value() == key);
  other = leaky(8);
  other.target = "interpreter";
  const Key interpreted = rt.key(other).value();
  CHECK_FALSE(interpreted == key);
  other.target = "interpreter-nofma";
  CHECK_FALSE(rt.key(other).value() == interpreted);
  CHECK(rt.compile(other)->target() == "interpreter-nofma");
  other = leaky(8);
  other.pass = backward;
  other.operands.push_back(f32({8}));
  CHECK_FALSE(rt.key(other).value() == key);
  REQUIRE(rt.define("fn leaky_relu(x; negative_slope = 0.01) = max(x, negative_slope * x)").ok());
  CHECK_FALSE(rt.key(leaky(8)).value() == key);
}

TEST_CASE("values that bake to the same constant have one key", "[runtime]") {
  Runtime rt;
  KernelSpec a = leaky(8);
  KernelSpec b = leaky(8);
  a.parameters = {{"negative_slope", 0.1}};
  b.parameters = {{"negative_slope", static_cast<double>(0.1f)}};
  CHECK(rt.key(a).value() == rt.key(b).value());
  a.operands = b.operands = {f64({8}), f64({8})};
  CHECK_FALSE(rt.key(a).value() == rt.key(b).value());
  a.parameters = {{"negative_slope", std::numeric_limits<double>::quiet_NaN()}};
  b.parameters = {{"negative_slope", -std::numeric_limits<double>::quiet_NaN()}};
  CHECK(rt.key(a).value() == rt.key(b).value());
  a.parameters = {{"negative_slope", 0.0}};
  b.parameters = {{"negative_slope", -0.0}};
  CHECK_FALSE(rt.key(a).value() == rt.key(b).value());
}

TEST_CASE("an accuracy is that of the cheapest kernel that meets it", "[runtime]") {
  Runtime rt;
  KernelSpec spec = leaky(8);
  const auto grade = [&](double accuracy) {
    spec.accuracy = accuracy;
    const std::string text = rt.key(spec)->text();
    const std::size_t from = text.find(" accuracy=") + 10;
    return text.substr(from, text.find(' ', from) - from);
  };
  CHECK(grade(0) == "full");
  CHECK(grade(1e-9) == "full");
  CHECK(grade(0x1p-20) == "r20");
  CHECK(grade(2e-4) == "r20");
  CHECK(grade(0x1p-12) == "r12");
  CHECK(grade(0x1p-8) == "bf16");
  CHECK(grade(0.5) == "bf16");
  CHECK(rt.compile(spec)->promise().accuracy == 0x1p-8);
  CHECK(rt.compile(spec)->promise().forward_ulp == 32768);
  CHECK(rt.compile(spec)->promise().checked);
  spec.operands = {f64({8}), f64({8})};
  CHECK(grade(0x1p-12) == "full");
}

TEST_CASE("a key's text names its fields", "[runtime]") {
  Runtime rt;
  KernelSpec spec = leaky(8);
  spec.target = "interpreter";
  spec.parameters = {{"negative_slope", 0.5}};
  const std::string text = rt.key(spec)->text();
  CHECK(text.find("definition=") == 0);
  CHECK(text.find(" pass=forward operands=(x:f32,y:f32) parameters=(negative_slope=0.5) "
                  "target=interpreter rungs=interpreter") != std::string::npos);
  CHECK(rt.compile(spec)->key_text() == text);
}

}  // namespace
}  // namespace sluice
