// Products in which a factor overflows and another makes nothing of it.
#include <catch2/catch.hpp>

#include <cmath>
#include <functional>
#include <limits>

#include "compiler/ir/expr.hpp"
#include "compiler/ir/scalar.hpp"
#include "compiler/numerics/expand.hpp"
#include "compiler/rewrite/vanishing.hpp"

namespace sluice::rewrite {
namespace {

using ir::Elem;
using ir::Expr;
using ir::Graph;
using ir::Op;

constexpr double kInf = std::numeric_limits<double>::infinity();

Expr call(Op op, Expr x) { return make(op, x, number(x, 0)); }

struct Formula {
  explicit Formula(const std::function<Expr(Expr)>& build) : graph(Elem::f32) {
    const Expr x{&graph, graph.add_input("x", {Elem::f32, ir::Extent::element})};
    graph.add_output("y", build(x).id);
  }
  [[nodiscard]] bool is_guarded() const {
    return with_vanishing_products(graph).live().size() != graph.live().size();
  }
  [[nodiscard]] double at(double x) const {
    const Result<Graph> machine = numerics::expand(with_vanishing_products(graph));
    REQUIRE(machine.ok());
    const std::uint64_t bits = ir::encode(Elem::f32, x);
    return ir::decode(Elem::f32, ir::evaluate(*machine, {&bits, 1}, {})[0]);
  }
  Graph graph;
};

Expr slope(Expr x) { return call(Op::sigmoid_derivative, x); }

}  // namespace

TEST_CASE("a product that vanishes is 0 where a factor overflows", "[rewrite]") {
  const auto e = [](Expr x) { return call(Op::exp, x); };
  const std::function<Expr(Expr)> formulas[] = {
      [=](Expr x) { return e(x) * slope(e(x)); },
      [=](Expr x) { return e(x) * (x * (slope(2.0 * e(x)) * 4.0)); },
      [=](Expr x) { return (e(x) * x) * (e(x) * call(Op::normal_pdf, e(x))); },
      [=](Expr x) { return e(x) * e(0.25 - e(x) * e(x)); },
      [=](Expr x) { return -(x * (e(x) / 3.0)) * e(-e(x)); },
      [=](Expr x) { return call(Op::cosh, x) * slope(call(Op::sinh, x) * 2.0); },
      [=](Expr x) {
        const Expr p = call(Op::exp2, x);
        return p * call(Op::tanh_log1p_exp_derivative, p);
      },
  };
  for (const std::function<Expr(Expr)>& build : formulas) {
    const Formula formula(build);
    CHECK(formula.is_guarded());
    for (const double x : {9.0, 88.0, 88.5, 89.0, 100.0, 1e4, 3e38}) {
      INFO(x);
      CHECK(formula.at(x) == 0);
    }
    // IEEE's inf * 0.
    CHECK(std::isnan(formula.at(kInf)));
    CHECK(std::isnan(formula.at(std::nan(""))));
  }
}

TEST_CASE("other products stay as they are", "[rewrite]") {
  const auto e = [](Expr x) { return call(Op::exp, x); };
  const std::function<Expr(Expr)> formulas[] = {
      [=](Expr x) { return e(x) * slope(x); },           // tends to 1
      [=](Expr x) { return e(x) * slope(1.0 / e(x)); },  // infinite
      [=](Expr x) { return e(x) * call(Op::tanh, e(x)); },
      [=](Expr x) { return x * slope(x * x); },
      [=](Expr x) { return e(x) * slope(call(Op::exp, x * 2.0)); },
      [=](Expr x) { return ir::select(number(x, 20) < x, 1.0, x + e(x) * slope(e(x))); },
      [=](Expr x) { return e(-(x * x)) * slope(e(-(x * x))); },
      [=](Expr x) { return e(3.0 - abs(x)) * slope(e(3.0 - abs(x))); },
      [=](Expr x) { return e(min(x, 50)) * slope(e(min(x, 50))); },
      [=](Expr x) { return ir::select(x < 20.0, e(x + 30.0) * slope(e(x + 30.0)), 1.0); },
      [=](Expr x) { return ir::select(x <= 20.0, e(x) * slope(e(x)), number(x, 1)); },
  };
  for (const std::function<Expr(Expr)>& build : formulas) CHECK_FALSE(Formula(build).is_guarded());
  // A bound on something else, on the other side, or too far away.
  const std::function<Expr(Expr)> unbounded[] = {
      [=](Expr x) { return ir::select(number(x, 20) < -x, 1.0, e(x) * slope(e(x))); },
      [=](Expr x) { return ir::select(number(x, 20) < x, e(x) * slope(e(x)), number(x, 1)); },
      [=](Expr x) { return ir::select(x < 20.0, e(x + 70.0) * slope(e(x + 70.0)), 1.0); },
      [=](Expr x) { return ir::select(number(x, 100) < x, 1.0, e(x) * slope(e(x))); },
      [=](Expr x) {
        const Expr product = e(x) * slope(e(x));
        return product + ir::select(number(x, 20) < x, 1.0, product);
      },
  };
  for (const std::function<Expr(Expr)>& build : unbounded) CHECK(Formula(build).is_guarded());
}

}  // namespace sluice::rewrite
