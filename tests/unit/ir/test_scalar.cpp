#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

#include "compiler/ir/expr.hpp"
#include "compiler/ir/meaning.hpp"
#include "compiler/ir/scalar.hpp"

using namespace sluice::ir;

namespace {

template <typename T>
void check_split(T value) {
  INFO(static_cast<double>(value));
  const T m = meaning::mantissa(value);
  const T k = meaning::exponent(value);
  CHECK((m >= T{0.75} && m < T{1.5}));
  CHECK(std::ldexp(m, static_cast<int>(k)) == value);
}

}  // namespace

TEMPLATE_TEST_CASE("mantissa and exponent split every positive finite number", "[ir]", float,
                   double) {
  using Limits = std::numeric_limits<TestType>;
  for (const TestType value :
       {TestType{1}, TestType{0.75}, TestType{1.5}, static_cast<TestType>(1.4999999), TestType{3},
        Limits::min(), Limits::denorm_min(), Limits::max(), Limits::min() / 2,
        Limits::min() * static_cast<TestType>(0.7)})
    check_split(value);
  const TestType inf = Limits::infinity();
  CHECK(meaning::exponent(TestType{0}) == -inf);
  CHECK(meaning::exponent(inf) == inf);
  CHECK(meaning::mantissa(TestType{0}) == 1);
  CHECK(meaning::mantissa(inf) == 1);
  CHECK(std::isnan(meaning::mantissa(TestType{-1})));
  CHECK(std::isnan(meaning::exponent(Limits::quiet_NaN())));
  CHECK(meaning::exponent(TestType{-8}) == 3);
}

TEMPLATE_TEST_CASE("ldexp rounds once over its whole domain", "[ir]", float, double) {
  constexpr bool kNarrow = sizeof(TestType) == 4;
  const int low = kNarrow ? -160 : -1100;
  const int high = kNarrow ? 130 : 1030;
  for (int k = low; k <= high; ++k) {
    for (const double a : {1.0, 0.2500001, -3.9999, 1.3333333333333333, 0x1p-40, 0x1.8p40}) {
      const auto x = static_cast<TestType>(a);
      INFO(k << " " << a);
      CHECK(meaning::ldexp(x, static_cast<TestType>(k)) == std::ldexp(x, k));
    }
  }
}

TEMPLATE_TEST_CASE("scale multiplies any number by a normal power of two", "[ir]", float, double) {
  using Limits = std::numeric_limits<TestType>;
  constexpr bool kNarrow = sizeof(TestType) == 4;
  const int low = kNarrow ? -126 : -1022;
  const int high = kNarrow ? 127 : 1023;
  for (int k = low; k <= high; ++k) {
    for (const TestType a :
         {TestType{1}, TestType(1.3333333333333333), Limits::min(), Limits::denorm_min(),
          TestType(-0.0), Limits::max(), Limits::infinity()}) {
      INFO(k << " " << a);
      CHECK(meaning::scale(a, static_cast<TestType>(k)) == std::ldexp(a, k));
    }
  }
}

TEST_CASE("max and min carry NaN and the first operand's zero", "[ir]") {
  Graph graph(Elem::f32);
  const Expr a{&graph, graph.add_input("a", {Elem::f32, Extent::element})};
  const Expr b{&graph, graph.add_input("b", {Elem::f32, Extent::element})};
  graph.add_output("max", max(a, b).id);
  graph.add_output("min", min(a, b).id);
  const auto run = [&](double x, double y) {
    const std::uint64_t inputs[] = {encode(Elem::f32, x), encode(Elem::f32, y)};
    const auto bits = evaluate(graph, inputs, {});
    return std::pair(decode(Elem::f32, bits[0]), decode(Elem::f32, bits[1]));
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(run(1, 2) == std::pair(2.0, 1.0));
  CHECK(std::isnan(run(nan, 2).first));
  CHECK(std::isnan(run(2, nan).second));
  CHECK(std::signbit(run(-0.0, 0.0).first));
  CHECK_FALSE(std::signbit(run(0.0, -0.0).first));
}
