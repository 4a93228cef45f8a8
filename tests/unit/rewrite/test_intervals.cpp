#include <catch2/catch.hpp>

#include <cmath>

#include "compiler/ir/expr.hpp"
#include "compiler/rewrite/intervals.hpp"

using namespace sluice;
using ir::Expr;

namespace {

struct Fixture {
  ir::Graph graph{ir::Elem::f64};
  Expr x{&graph, graph.add_input("x", {ir::Elem::f64, ir::Extent::element})};

  void check(Expr value, double low, double high) {
    const rewrite::Interval inputs[] = {{-2, 3}};
    const rewrite::Interval found = rewrite::intervals(graph, inputs)[value.id.index];
    CHECK(found.low == Approx(low));
    CHECK(found.high == Approx(high));
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "bounds follow arithmetic", "[rewrite]") {
  check(x + 1.0, -1, 4);
  check(1.0 - x, -2, 3);
  check(-x, -3, 2);
  check(x * x, 0, 9);
  check(x * -2.0, -6, 4);
  check(abs(x), 0, 3);
  check(max(x, 0.5), 0.5, 3);
  check(1.0 / (x + 4.0), 1.0 / 7, 0.5);
  check(select(x < 0.0, x, number(x, 7)), -2, 7);
  check(make(ir::Op::integer_power, x, number(x, 3)), -8, 27);
  check(make(ir::Op::integer_power, x, number(x, 2)), 0, 9);
}

TEST_CASE_METHOD(Fixture, "bounds follow functions, and nothing is claimed of a quotient by 0",
                 "[rewrite]") {
  check(make(ir::Op::exp, x, number(x, 0)), std::exp(-2), std::exp(3));
  check(make(ir::Op::tanh, x, number(x, 0)), std::tanh(-2), std::tanh(3));
  check(sqrt(x), 0, std::sqrt(3));
  const double inf = std::numeric_limits<double>::infinity();
  check(1.0 / x, -inf, inf);
}
