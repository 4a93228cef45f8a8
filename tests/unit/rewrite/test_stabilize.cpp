// Whole graphs: what rules may not see, baked parameters, low words and sums that cancel.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "compiler/autodiff/differentiate.hpp"
#include "compiler/ir/expr.hpp"
#include "compiler/ir/scalar.hpp"
#include "compiler/ir/text.hpp"
#include "compiler/numerics/expand.hpp"
#include "compiler/rewrite/low_words.hpp"
#include "compiler/rewrite/stabilize.hpp"
#include "tests/unit/reference.hpp"

namespace sluice::rewrite {
namespace {

using ir::Expr;
using ir::Graph;
using ir::Op;
using test::Real;
using test::Reference;

constexpr double kInf = std::numeric_limits<double>::infinity();

Expr elementary(Op op, Expr a) { return make(op, a, number(a, 0.0)); }
Expr exp(Expr a) { return elementary(Op::exp, a); }
Expr sigmoid(Expr a) { return elementary(Op::sigmoid, a); }
Expr tanh(Expr a) { return elementary(Op::tanh, a); }
Expr power(Expr a, int k) { return make(Op::integer_power, a, number(a, k)); }

struct Fixture {
  Graph graph{ir::Elem::f32};
  Expr x{&graph, graph.add_input("x", {ir::Elem::f32, ir::Extent::element})};
  Expr z{&graph, graph.add_input("z", {ir::Elem::f32, ir::Extent::element})};
  Expr p{&graph, graph.add_param("p", 1.0, true)};
  std::vector<std::string> fired;

  Graph stable(Expr y) {
    Graph copy = graph.without_outputs();
    copy.add_output("y", y.id);
    fired.clear();
    return stabilize(copy, fired);
  }
  Graph compensated(Expr y) { return with_low_words(stable(y), fired); }
  bool fires(Expr y, const std::string& rule) {
    (void)compensated(y);
    return std::find(fired.begin(), fired.end(), rule) != fired.end();
  }
};

double ulps(float got, Real expected) {
  const auto rounded = static_cast<float>(expected);
  const float spacing =
      std::max(std::nextafter(std::abs(rounded), INFINITY) - std::abs(rounded), 0x1p-149f);
  return static_cast<double>(std::abs(static_cast<Real>(got) - expected) /
                             static_cast<Real>(spacing));
}

// The largest error in f32 with perfect functions against the same graph in real arithmetic.
double worst(const Graph& rounded, const Graph& real, double limit, double hole = 0) {
  Reference<float> got(rounded);
  Reference<Real> truth(real);
  double largest = 0;
  for (int i = -20000; i <= 20000; ++i) {
    const double x = static_cast<float>(limit * i / 20000.0);
    if (hole != 0 && std::abs(x - hole) <= std::abs(hole) / 4) continue;
    const double inputs[] = {x, 0.75};
    const double params[] = {1};
    largest = std::max(largest, ulps(got(inputs, params)[0], truth(inputs, params)[0]));
  }
  return largest;
}

}  // namespace

TEST_CASE("algebraic rules do not look at parameters", "[rewrite]") {
  Fixture f;
  CHECK(f.fires(1.0 / (1.0 + exp(-f.x)), "sigmoid"));
  CHECK_FALSE(f.fires(1.0 / (f.p + exp(-f.x)), "sigmoid"));
  CHECK_FALSE(f.fires(f.p / (f.p + exp(-f.x)), "sigmoid"));
  CHECK(f.fires(f.p / (1.0 + exp(-f.x)), "sigmoid"));
  CHECK(f.fires(f.p * exp(f.x) - f.p, "expm1"));
}

TEST_CASE("sums and products that IEEE tells apart do not fold", "[rewrite]") {
  Fixture f;
  for (const Expr y : {f.x * 0.0, f.x + 0.0, f.x - f.x, f.x / f.x, -0.0 + (f.x + 0.0),
                       (f.x + 1.0) - 1.0, make(Op::max, f.x, -f.x), 0.0 - f.x}) {
    f.graph = f.graph.without_outputs();
    f.graph.add_output("y", y.id);
    const Graph simple = simplify_exact(f.graph);
    for (const double x : {0.0, -0.0, kInf, 1e-30, 0.1}) {
      const std::uint64_t inputs[] = {ir::encode(ir::Elem::f32, x), 0};
      const std::uint64_t params[] = {0};
      const auto value = [&](const Graph& graph) {
        return static_cast<float>(
            ir::decode(ir::Elem::f32, ir::evaluate(graph, inputs, params).front()));
      };
      const float before = value(f.graph);
      const float after = value(simple);
      CHECK((before == after || (before != before && after != after)));
      CHECK(std::signbit(before) == std::signbit(after));
    }
  }
}

TEST_CASE("baking turns parameters into literals", "[rewrite]") {
  Graph graph(ir::Elem::f32);
  const Expr x{&graph, graph.add_input("x", {ir::Elem::f32, ir::Extent::element})};
  const Expr a{&graph, graph.add_param("a", 0.1, true)};
  const Expr b{&graph, graph.add_param("b", 2, false)};
  const Expr c{&graph, graph.add_param("c", 1, true)};
  graph.add_output("y", (x * a + b * c).id);
  CHECK(ir::print(simplify_exact(bake(graph))) == "graph f32\n"
                                                  "input x: element\n"
                                                  "param b = 2 passed\n"
                                                  "%0: f32 element = input x\n"
                                                  "%1: f32 scalar = param b\n"
                                                  "%2: f32 scalar = constant 0.1\n"
                                                  "%3: f32 element = mul %0 %2\n"
                                                  "%4: f32 element = add %1 %3\n"
                                                  "output y = %4\n");
}

TEST_CASE("no rule looks into what is differentiated by", "[rewrite]") {
  Fixture f;
  const Expr softplus = elementary(Op::log1p_exp, f.x);
  CHECK(f.fires(tanh(softplus), "tanh_log1p_exp"));
  const Expr slope = make(Op::derivative, tanh(softplus), softplus);
  CHECK_FALSE(f.fires(slope, "tanh_log1p_exp"));
  const Expr minus = -f.x;
  const Graph stable = f.stable(make(Op::derivative, -minus * f.z, minus));
  const Result<Graph> resolved = autodiff::resolve_derivatives(stable);
  REQUIRE(resolved.ok());
  const double inputs[] = {2, 5};
  CHECK(Reference<float>(*resolved)(inputs)[0] == -5);
}

TEST_CASE("arguments carry their low words", "[rewrite]") {
  Fixture f;
  const Expr x = f.x;
  const Expr z = f.z;
  CHECK(f.fires(sigmoid(1.702 * x), "low-word"));
  CHECK(f.fires(sigmoid(f.p * x), "low-word"));
  CHECK(f.fires(exp(-(x * x)), "low-word"));
  CHECK(f.fires(exp(x / 3.0), "low-word"));
  CHECK(f.fires(exp(x / z), "low-word"));
  CHECK(f.fires(sigmoid(x * z), "low-word"));
  CHECK(f.fires(tanh(x + 0.044715 * power(x, 3)), "low-word"));
  CHECK(f.fires(exp(x - 0.5), "low-word"));
  CHECK(f.fires(exp(tanh(x)), "low-word"));
  CHECK(f.fires(tanh(x * sigmoid(x)), "low-word"));
  // Exact arguments, and sums that are promised as rounded.
  CHECK_FALSE(f.fires(sigmoid(x), "low-word"));
  CHECK_FALSE(f.fires(sigmoid(-2.0 * x), "low-word"));
  CHECK_FALSE(f.fires(tanh(x / 8.0), "low-word"));
  CHECK_FALSE(f.fires(tanh(x + z), "low-word"));
  CHECK_FALSE(f.fires(tanh(x + f.p), "low-word"));
  CHECK_FALSE(f.fires(tanh(x * z + f.p), "low-word"));
}

TEST_CASE("low words keep functions of products within their promise", "[rewrite]") {
  Fixture f;
  const Expr x = f.x;
  struct Case {
    Expr y;
    double limit;
  };
  const Case cases[] = {
      {exp(-(x * x)), 9},
      {exp(-0.3 * power(x, 4)), 4},
      {exp(x / 3.0), 200},
      {exp(x / -f.z * 1.3), 60},
      {exp(power(x, -2)), 60},
      {exp(-(x * x) / 3.3 + 0.7 * x), 12},
      {exp((x - 0.3) * (x + 1.1)), 8},
      {exp(select(x < 0.0, 1.3 * x, -0.7 * x)), 60},
      {sigmoid(1.702 * x), 40},
      {sigmoid(1.5957692 * (x + 0.044715 * power(x, 3))), 9},
      {elementary(Op::log1p_exp, 0.1 * x), 800},
      {exp(exp(x)), 4.4},
      {exp(-30.0 * tanh(x)), 9},
      {elementary(Op::erf, elementary(Op::log1p_exp, x)), 9},
  };
  for (const Case& example : cases) {
    Graph text = f.graph.without_outputs();
    text.add_output("y", example.y.id);
    const Graph compensated = f.compensated(example.y);
    INFO(ir::print(compensated));
    CHECK(worst(compensated, text, example.limit) <= 0.51);
  }
}

// y as its expansion computes it, in f32.
double machine_value(Fixture& f, Expr y, double x, double z) {
  const Result<Graph> machine = numerics::expand(f.compensated(y));
  REQUIRE(machine.ok());
  const std::uint64_t inputs[] = {ir::encode(ir::Elem::f32, x), ir::encode(ir::Elem::f32, z)};
  return ir::decode(ir::Elem::f32, ir::evaluate(*machine, inputs, {}).front());
}

TEST_CASE("twice a function lacks what its own product lost", "[rewrite]") {
  Fixture f;
  const Expr y = exp(0.125 - f.x * f.x) - 2.0 * sigmoid(f.x);
  const auto truth = [](double x) { return std::exp(0.125 - x * x) - 2 / (1 + std::exp(-x)); };
  for (const float x : {0.186805516F, 0.18F, 0.2F, -0.75F})
    CHECK(std::abs(machine_value(f, y, x, 0) - truth(x)) <= 0x1p-27);
}

TEST_CASE("a sum with an exponential overflows no sooner than it", "[rewrite]") {
  Fixture f;
  const Expr y = elementary(Op::erf, f.x) - 0.375 * exp(f.x);
  CHECK(machine_value(f, y, 88.5, 0) == Approx(-0.375 * std::exp(88.5)));
}

TEST_CASE("an infinite low word does not poison a finite result", "[rewrite]") {
  Fixture f;
  const auto value = [&](Expr y, double x, double z) { return machine_value(f, y, x, z); };
  for (const double x : {1e19, 1e30, kInf}) {
    CHECK(value(exp(-(f.x * f.x)), x, 0) == 0);
    CHECK(value(exp(f.x * f.x), x, 0) == kInf);
    CHECK(value(exp(f.x * f.z), -x, 3e38) == 0);
    CHECK(value(exp(-(f.x + f.x * f.x * f.x)), x, 0) == 0);
    CHECK(value(exp(1.0 / f.x), x, 0) == 1);
    CHECK(value(exp(f.z / f.x), x, 0) == 1);
    CHECK(value(exp(f.z / f.x), x, 2) == 1);
  }
  CHECK(value(exp(f.x / f.z), -1, 0) == 0);
  CHECK(value(exp(f.x / f.z), 1, 0) == kInf);
}

TEST_CASE("derivatives of activations do not cancel", "[rewrite]") {
  Fixture f;
  const Expr x = f.x;
  struct Case {
    Expr y;
    double hole;  // the derivative's zero
  };
  const Case cases[] = {
      {x * sigmoid(x), -1.2784645},
      {x * sigmoid(1.702 * x), -0.7512},
      {x * elementary(Op::normal_cdf, x), -0.7518},
      {x * (0.5 * (1.0 + tanh(0.7978845608 * (x + 0.044715 * power(x, 3))))), -0.7525},
      {x * tanh(elementary(Op::log1p_exp, x)), -1.1925},
      {x / (1.0 + exp(-x)), -1.2784645},
      {tanh(x), 0},
      {sigmoid(x), 0},
      {elementary(Op::log1p_exp, 0.3 * x) / 0.3, 0},
      {select(x > 0.0, x, 1.3 * (exp(x) - 1.0)), 0},
      {0.5 * x * (1.0 + elementary(Op::erf, x * 0.7071067811865476)), -0.7518},
  };
  for (const Case& example : cases) {
    const Graph forward = f.stable(example.y);
    const Result<Graph> raw = autodiff::backward(forward, {{"x"}, {ir::Extent::scalar}, {false}});
    REQUIRE(raw.ok());
    std::vector<std::string> fired;
    const Graph gradient = with_low_words(stabilize(*raw, fired), fired);
    INFO(ir::print(gradient));
    Reference<float> got(gradient);
    Reference<Real> truth(*raw);
    double largest = 0;
    for (int i = -20000; i <= 20000; ++i) {
      const double at = static_cast<float>(8.0 * i / 20000.0);
      if (example.hole != 0 && std::abs(at - example.hole) <= std::abs(example.hole) / 4) continue;
      const double inputs[] = {at, 0.75, 1};
      const double params[] = {1};
      largest = std::max(largest, ulps(got(inputs, params)[0], truth(inputs, params)[0]));
    }
    CHECK(largest <= 1.5);
  }
}

TEST_CASE("a function and its slope become one piece", "[rewrite]") {
  Fixture f;
  const Expr x = f.x;
  const Expr z = f.z;
  const auto slope = [](Expr v) { return elementary(Op::sigmoid_derivative, v); };
  const auto gate = [](Expr v) { return elementary(Op::tanh_log1p_exp, v); };
  const auto gate_slope = [](Expr v) { return elementary(Op::tanh_log1p_exp_derivative, v); };
  const auto cdf = [](Expr v) { return elementary(Op::normal_cdf, v); };
  const auto pdf = [](Expr v) { return elementary(Op::normal_pdf, v); };
  const Expr v = 1.702 * x;
  CHECK(f.fires(sigmoid(x) + x * slope(x), "slope-sum"));
  CHECK(f.fires(sigmoid(x) - z * slope(x) * x / 3.0, "slope-sum"));
  CHECK(f.fires(sigmoid(v) + 1.702 * (slope(v) * x), "slope-sum"));
  CHECK(f.fires((sigmoid(v) + 1.702 * (slope(v) * x)) + slope(v) * z, "slope-sum"));
  CHECK(f.fires(gate(z) + (x * gate_slope(z) + 2.0 * gate_slope(z)), "slope-sum"));
  CHECK(f.fires(cdf(x) + pdf(x) * x, "slope-sum"));
  CHECK_FALSE(f.fires(cdf(x) + pdf(x) * z, "slope-sum"));
  CHECK_FALSE(f.fires(sigmoid(x) + x * slope(z), "slope-sum"));
  CHECK_FALSE(f.fires(sigmoid(x) + (1.0 + slope(x)), "slope-sum"));

  const Expr sums[] = {sigmoid(v) + 1.702 * (slope(v) * x),
                       z - (gate(x) - z * gate_slope(x)) - gate_slope(x) * (x - z),
                       gate(x) + (x * gate_slope(x) - slope(x) * z)};
  for (const Expr& sum : sums) {
    Graph text = f.graph.without_outputs();
    text.add_output("y", sum.id);
    const Graph compensated = f.compensated(sum);
    INFO(ir::print(compensated));
    for (const double at : {-3.0, -0.7, 0.2, 1.1}) {
      const double inputs[] = {at, 0.75};
      const double params[] = {1};
      CHECK(Reference<Real>(compensated)(inputs, params)[0] ==
            Approx(static_cast<double>(Reference<Real>(text)(inputs, params)[0])));
    }
  }
}

TEST_CASE("deep and wide graphs are rewritten in bounded time", "[rewrite]") {
  Fixture f;
  Expr deep = f.x;
  Expr squares = f.x;
  Expr wide = f.x;
  for (int i = 0; i < 20000; ++i) deep = deep * 1.0001 + f.z;
  for (int i = 0; i < 60; ++i) squares = squares * squares;
  for (int i = 0; i < 2000; ++i) wide = wide + exp(wide * (i + 0.5)) / (1.0 + exp(f.x + i * 1.0));
  const Graph stable = f.stable(sigmoid(deep) + exp(squares) * exp(deep * f.x * 1.1) + wide);
  CHECK(stable.size() < 1'000'000);
}

}  // namespace sluice::rewrite
