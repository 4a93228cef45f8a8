#include "compiler/numerics/tolerance.hpp"

#include <utility>

#include <catch2/catch.hpp>

#include "compiler/ir/expr.hpp"
#include "compiler/numerics/fast.hpp"

namespace sluice::numerics {
namespace {

using ir::Elem;
using ir::Expr;
using ir::Op;

Expr call(Op op, Expr x) { return make(op, x, number(x, 0)); }

// What f = exp(x) and g = tanh(x) may be off by, where what is built of x, f and g may be by 1.
template <typename Build>
std::pair<double, double> shares(Build build) {
  ir::Graph graph(Elem::f32);
  const Expr x{&graph, graph.add_input("x", {Elem::f32, ir::Extent::element})};
  const Expr f = call(Op::exp, x);
  const Expr g = call(Op::tanh, x);
  graph.add_output("y", build(x, f, g).id);
  std::vector<bool> approximate(graph.size());
  for (std::size_t i = 0; i < graph.size(); ++i) approximate[i] = has_fast(graph.nodes()[i].op);
  const std::vector<double> all = tolerances(graph, 1, approximate);
  return {all[f.id.index], all[g.id.index]};
}

TEST_CASE("factors share a tolerance", "[numerics]") {
  CHECK(shares([](Expr x, Expr f, Expr) { return x * f; }).first == 1);
  CHECK(shares([](Expr, Expr f, Expr g) { return f * g; }) == std::pair(0.5, 0.5));
  CHECK(shares([](Expr, Expr f, Expr g) { return f / (g * g); }) == std::pair(0.5, 0.25));
  CHECK(shares([](Expr x, Expr f, Expr g) { return select(x > 0.0, -f, abs(g)); }) ==
        std::pair(1.0, 1.0));
}

TEST_CASE("where an error would grow there is no tolerance", "[numerics]") {
  CHECK(shares([](Expr, Expr f, Expr) { return f + 1.0; }).first == 1);
  CHECK(shares([](Expr, Expr f, Expr) { return f - 1.0; }).first == 0);
  CHECK(shares([](Expr, Expr f, Expr g) { return f + g; }) == std::pair(0.0, 0.0));
  CHECK(shares([](Expr, Expr f, Expr g) { return call(Op::exp, f) * g; }) == std::pair(0.0, 0.5));
  CHECK(shares([](Expr x, Expr f, Expr g) { return select(f > 2.0, g, x); }) ==
        std::pair(0.0, 1.0));
}

}  // namespace
}  // namespace sluice::numerics
