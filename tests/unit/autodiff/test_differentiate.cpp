// Gradients under conditions, derivative clauses, stated limits, and whole backward graphs.
#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "compiler/autodiff/differentiate.hpp"
#include "compiler/ir/expr.hpp"
#include "compiler/ir/text.hpp"
#include "tests/unit/reference.hpp"

namespace sluice::autodiff {
namespace {

using ir::Expr;
using ir::Graph;
using ir::Op;
using test::Reference;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr ir::Type kElement{ir::Elem::f64, ir::Extent::element};

Expr elementary(Op op, Expr a) { return make(op, a, number(a, 0.0)); }

struct Fixture {
  Graph graph{ir::Elem::f64};
  Expr x{&graph, graph.add_input("x", kElement)};

  // dx of y as the backward graph gives it.
  Graph backward_of(Expr y) {
    Graph forward = graph.without_outputs();
    forward.add_output("y", y.id);
    Result<Graph> result = backward(forward, {{"x"}, {ir::Extent::element}, {false}});
    REQUIRE(result.ok());
    return std::move(result).value();
  }
  double gradient(Expr y, double at, double incoming = 1) {
    const Graph result = backward_of(y);
    const double inputs[] = {at, incoming};
    return Reference<double>(result)(inputs)[0];
  }
};

std::string text(const Graph& graph) { return ir::print(graph); }

}  // namespace

TEST_CASE("the side not taken never reaches the gradient", "[autodiff]") {
  Fixture f;
  const Expr x = f.x;
  // Four conditions deep; at x = 0 every function below has an infinite or undefined slope.
  const Expr root = sqrt(x);
  const Expr deep = elementary(Op::log, root) + 1 / root + make(Op::pow, root, number(x, 0.5));
  Expr guarded = select(x > 0.5, deep, number(x, 2.0));
  for (const double bound : {0.25, 0.125, 0.0625}) guarded = select(x > bound, guarded * deep, x);
  for (const double at : {0.0, -1.0, -kInf}) {
    CHECK(f.gradient(guarded, at) == 1);
    CHECK(f.gradient(guarded, at, kInf) == kInf);
  }
  CHECK(std::isfinite(f.gradient(guarded, 3.0)));
  // The same through max, min, clamp and abs.
  CHECK(f.gradient(sqrt(max(x, 0.0)), -1.0) == 0);
  CHECK(f.gradient(1 / max(x, 0.0), -1.0, kInf) == 0);
  CHECK(f.gradient(elementary(Op::log, min(-x, 0.0)), -2.0) == 0);
  CHECK(f.gradient(sqrt(make(Op::clamp, x, number(x, 0.0), number(x, 1.0))), -1.0) == 0);
  CHECK(f.gradient(sqrt(abs(x)), 0.0) == 0);
}

TEST_CASE("kinks follow the language's conventions", "[autodiff]") {
  Fixture f;
  const Expr x = f.x;
  CHECK(f.gradient(abs(x), 0.0) == 0);
  CHECK(f.gradient(abs(x), -2.0) == -1);
  CHECK(f.gradient(make(Op::sign, x), 0.0) == 0);
  // A tie's gradient goes to the second operand.
  CHECK(f.gradient(max(x, 0.0), 0.0) == 0);
  CHECK(f.gradient(max(number(x, 0.0), x), 0.0) == 1);
  CHECK(f.gradient(min(x, 0.0), 0.0) == 0);
  CHECK(f.gradient(min(number(x, 0.0), x), 0.0) == 1);
  CHECK(f.gradient(max(x, x * 2), 0.0) == 2);
  const Expr clamped = make(Op::clamp, x, number(x, -1.0), number(x, 1.0));
  CHECK(f.gradient(clamped, -1.0) == 1);
  CHECK(f.gradient(clamped, 1.0) == 1);
  CHECK(f.gradient(clamped, 1.5) == 0);
  CHECK(f.gradient(make(Op::pow, x, number(x, 0.0)), 0.0) == 0);
  CHECK(f.gradient(make(Op::pow, number(x, 0.0), x), 2.0) == 0);
  CHECK(f.gradient(make(Op::pow, number(x, 0.0), x), 0.0) == 0);
  CHECK(f.gradient(make(Op::integer_power, x, number(x, 2.0)), 0.0) == 0);
  CHECK(f.gradient(make(Op::detach, x) * x, 3.0) == 3);
}

TEST_CASE("many conditions stay bounded and right", "[autodiff]") {
  Fixture f;
  const Expr x = f.x;
  Expr y = x;
  for (int i = 0; i < 40; ++i) {
    const Expr bound = number(x, i);
    y = y + select(x < bound, x * (i + 1.0), sqrt(bound - x));
  }
  CHECK(f.graph.size() < 400);
  const Graph result = f.backward_of(y);
  CHECK(result.size() < 4000);
  // At x = -3 every condition holds: 1 + sum of 1..40.
  CHECK(f.gradient(y, -3.0) == 821);
  // A slope with more selects than branches are kept for.
  Expr slope = number(x, 0.0);
  for (int i = 0; i < 40; ++i) slope = select(x < i, slope, number(x, i % 3));
  const Expr clause = make(Op::clause, make(Op::detach, x), x, slope);
  CHECK(f.gradient(clause, 36.5, kInf) == 0);
  CHECK(f.gradient(clause, 37.5) == 1);
  CHECK(f.gradient(clause, 38.5) == 2);
  CHECK(f.gradient(clause, -1.0, kInf) == 0);
}

TEST_CASE("a clause states the derivative", "[autodiff]") {
  Fixture f;
  const Expr x = f.x;
  const Expr value = max(make(Op::detach, x), 0.0);
  const Expr relu = make(Op::clause, value, x, select(x <= 0.0, number(x, 0.0), number(x, 1.0)));
  CHECK(text(f.backward_of(relu)) == "graph f64\n"
                                     "input x: element\n"
                                     "input grad_y: element\n"
                                     "%0: f64 element = input x\n"
                                     "%1: f64 scalar = constant 0\n"
                                     "%2: bool element = le %0 %1\n"
                                     "%3: f64 element = input grad_y\n"
                                     "%4: f64 element = select %2 %1 %3\n"
                                     "output dx = %4\n");
  // A dead branch gives 0 whatever comes in, also through a call.
  CHECK(f.gradient(relu * relu, -1.0, kInf) == 0);
  CHECK(f.gradient(sqrt(relu), -1.0) == 0);
  // The second derivative differentiates the clause.
  const Expr squared = make(Op::clause, make(Op::detach, x), x, 3 * x * x);
  const ir::ValueId wrt[] = {x.id};
  const ir::ValueId slope = partials(f.graph, squared.id, wrt)[0];
  CHECK(f.gradient({&f.graph, slope}, 2.0) == 12);
}

TEST_CASE("stated limits of the derivative are selected last", "[autodiff]") {
  Fixture f;
  const Expr x = f.x;
  const auto limits = [&](Expr v, Expr at) {
    return Expr{&f.graph,
                f.graph.add(Op::limits, {v.id, at.id, number(x, 0.0).id, number(x, kInf).id,
                                         number(x, 0.0).id, number(x, 1.0).id})};
  };
  const auto silu = [&](Expr at) { return limits(at * elementary(Op::sigmoid, at), at); };
  CHECK(f.gradient(silu(x), -kInf) == 0);
  CHECK(f.gradient(silu(x), kInf) == 1);
  const double s = 1 / (1 + std::exp(-0.5));
  CHECK(f.gradient(silu(x), 0.5) == Approx(s + 0.5 * s * (1 - s)));
  // A call keeps them, with the chain rule around.
  CHECK(f.gradient(silu(2 * x), kInf) == 2);
  CHECK(f.gradient(silu(silu(x)), -kInf) == 0);
  // Dead branches stay dead inside limits.
  const Expr guarded = select(x < -1.0, number(x, 0.0), sqrt(x + 1.0));
  CHECK(f.gradient(limits(guarded, x), -2.0, kInf) == 0);
  CHECK(f.gradient(limits(guarded, x), kInf, 3) == 3);
  // What does not pass through x keeps its own slope.
  const Expr scaled = limits(make(Op::detach, x) * x, make(Op::detach, x));
  CHECK(f.gradient(scaled, 4.0) == 4);
  // The second derivative at infinity is 0.
  const ir::ValueId wrt[] = {x.id};
  const ir::ValueId slope = partials(f.graph, silu(x).id, wrt)[0];
  CHECK(f.gradient({&f.graph, slope}, kInf) == 0);
}

TEST_CASE("derivative() is resolved, innermost first", "[autodiff]") {
  Fixture f;
  const Expr x = f.x;
  const Expr cube = make(Op::integer_power, x, number(x, 3.0));
  const Expr twice = make(Op::derivative, make(Op::derivative, cube, x), x);
  f.graph.add_output("y", twice.id);
  const Result<Graph> resolved = resolve_derivatives(f.graph);
  REQUIRE(resolved.ok());
  for (const ir::Node& node : resolved->nodes()) CHECK(node.op != Op::derivative);
  CHECK(Reference<double>(*resolved).at(5.0) == 30);
}

TEST_CASE("derivatives of derivatives without end are refused", "[autodiff]") {
  Fixture f;
  Expr y = elementary(Op::tan, f.x) * elementary(Op::exp, elementary(Op::sin, f.x));
  for (int i = 0; i < 200; ++i) y = make(Op::derivative, y, f.x);
  f.graph.add_output("y", y.id);
  const Result<Graph> resolved = resolve_derivatives(f.graph);
  REQUIRE(!resolved.ok());
  CHECK(resolved.error().status == Status::limit_exceeded);
}

TEST_CASE("deep conditions and sums are differentiated in bounded time", "[autodiff]") {
  Fixture f;
  const Expr x = f.x;
  Expr nested = x;
  Expr slope = number(x, 0.0);
  for (int i = 0; i < 3000; ++i) {
    nested = select(x > i - 3000.0, nested * 0.999 + x, number(x, 1.0));
    slope = slope + select(x < i, number(x, 0.0), number(x, 1.0));
  }
  CHECK(f.gradient(nested, -3000.0) == 0);
  CHECK(f.gradient(nested, 5.0) == Approx(1000).epsilon(0.1));
  CHECK(f.gradient(make(Op::clause, make(Op::detach, x), x, slope), 2.5) == 3);
}

TEST_CASE("a gradient is multiplied inside outermost branches", "[autodiff]") {
  Fixture f;
  const Expr x = f.x;
  CHECK(text(f.backward_of(x)) == "graph f64\n"
                                  "input x: element\n"
                                  "input grad_y: element\n"
                                  "%0: f64 element = input grad_y\n"
                                  "output dx = %0\n");
  const Expr below = 0.01 * x;  // first: arguments are made in no certain order
  CHECK(text(f.backward_of(select(x > 0.0, x, below))) == "graph f64\n"
                                                          "input x: element\n"
                                                          "input grad_y: element\n"
                                                          "%0: f64 element = input x\n"
                                                          "%1: f64 scalar = constant 0.01\n"
                                                          "%2: f64 scalar = constant 0\n"
                                                          "%3: bool element = lt %2 %0\n"
                                                          "%4: f64 element = input grad_y\n"
                                                          "%5: f64 scalar = constant 1\n"
                                                          "%6: f64 element = select %3 %5 %1\n"
                                                          "%7: f64 element = mul %4 %6\n"
                                                          "output dx = %7\n");
  // No zero is multiplied: both clamps are dead, and the gradient is infinite.
  const Expr y = make(Op::clamp, x, number(x, 0.0), number(x, 1.0)) + max(x, 2.0);
  CHECK(f.gradient(y, -1.0, kInf) == 0);
}

TEST_CASE("backward sums over outputs and keeps those asked for", "[autodiff]") {
  Fixture f;
  const Expr x = f.x;
  const Expr z{&f.graph, f.graph.add_input("z", kElement)};
  f.graph.add_output("p", (x * z).id);
  f.graph.add_output("q", (x / z).id);
  const Result<Graph> result =
      backward(f.graph, {{"z", "x"}, {ir::Extent::element, ir::Extent::scalar}, {false, true}});
  REQUIRE(result.ok());
  REQUIRE(result->inputs().size() == 4);
  CHECK(result->inputs()[2].name == "grad_p");
  CHECK(result->inputs()[3].name == "grad_q");
  CHECK(result->inputs()[3].type.extent == ir::Extent::scalar);
  REQUIRE(result->outputs().size() == 3);
  CHECK(result->outputs()[0].name == "q");
  CHECK(result->outputs()[1].name == "dz");
  CHECK(result->outputs()[2].name == "dx");
  const double inputs[] = {3, 2, 10, 100};
  CHECK(Reference<double>(*result)(inputs) == std::vector<double>{1.5, 30 - 75, 20 + 50});
  const Result<Graph> one =
      backward(f.graph, {{"x"}, {std::nullopt, ir::Extent::element}, {false, false}});
  REQUIRE(one.ok());
  const double fewer[] = {3, 2, 100};
  CHECK(Reference<double>(*one)(fewer) == std::vector<double>{50});
}

TEST_CASE("what is one for all has a gradient an element, which others add up", "[autodiff]") {
  Graph graph(ir::Elem::f64);
  const Expr x{&graph, graph.add_input("x", {ir::Elem::f64, ir::Extent::element})};
  const Expr b{&graph, graph.add_input("b", {ir::Elem::f64, ir::Extent::scalar})};
  const Expr p{&graph, graph.add_param("p", 1, true)};
  graph.add_output("y", (x * b * p).id);
  const Result<Graph> result = backward(graph, {{"b", "p"}, {ir::Extent::element}, {false}});
  REQUIRE(result.ok());
  CHECK(result->outputs()[0].name == "db");
  CHECK(result->outputs()[1].name == "dp");
  const double inputs[] = {3, 2, 10};
  const double params[] = {4};
  CHECK(Reference<double>(*result)(inputs, params) == std::vector<double>{120, 60});
  const auto unknown = backward(graph, {{"w"}, {ir::Extent::element}, {false}});
  CHECK(unknown.error().status == Status::unknown_name);
}

}  // namespace sluice::autodiff
