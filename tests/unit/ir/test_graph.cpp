#include <catch2/catch.hpp>

#include "compiler/ir/expr.hpp"
#include "compiler/ir/verify.hpp"

using namespace sluice::ir;

TEST_CASE("equal nodes are one value", "[ir]") {
  Graph graph(Elem::f32);
  const Expr x{&graph, graph.add_input("x", {Elem::f32, Extent::element})};
  const Expr a = x * 2.0 + 1.0;
  const std::size_t size = graph.size();
  CHECK((x * 2.0 + 1.0).id == a.id);
  CHECK(graph.size() == size);
  CHECK((x + 0.0).id != (x + -0.0).id);
}

TEST_CASE("types and extents follow from the op's rule", "[ir]") {
  Graph graph(Elem::f64);
  const Expr x{&graph, graph.add_input("x", {Elem::f64, Extent::element})};
  const Expr s{&graph, graph.add_param("s", 1, false)};
  CHECK((s * 2.0).type() == Type{Elem::f64, Extent::scalar});
  CHECK((s * x).type() == Type{Elem::f64, Extent::element});
  CHECK((s < x).type() == Type{Elem::boolean, Extent::element});
  CHECK(to_bits(s).type() == Type{Elem::i64, Extent::scalar});
  CHECK(select(s < x, to_bits(x), to_bits(s)).type() == Type{Elem::i64, Extent::element});
}

TEST_CASE("a graph of the family without fma has none", "[ir]") {
  for (const sluice::Family family : sluice::kFamilies) {
    Graph graph(Elem::f32, family);
    const Expr x{&graph, graph.add_input("x", {Elem::f32, Extent::element})};
    const Expr sum = fma(x, 2.0, 1.0);
    CHECK((sum.node().op == Op::fma) == (family == sluice::Family::fma));
    CHECK(graph.empty_copy().family() == family);
    CHECK(verify(graph, Stage::machine).empty());
    graph.add(Op::fma, {x.id, x.id, x.id});
    CHECK(verify(graph, Stage::machine).empty() == (family == sluice::Family::fma));
  }
}

TEST_CASE("a copy starts with the same leaves, and live values are those outputs need", "[ir]") {
  Graph graph(Elem::f32);
  const Expr x{&graph, graph.add_input("x", {Elem::f32, Extent::element})};
  const Expr unused = x * 3.0;
  graph.add_output("y", (x + 1.0).id);
  const Expr late{&graph, graph.add_param("late", 2, true)};
  CHECK(graph.live().size() == 3);
  const Graph copy = graph.empty_copy();
  CHECK(copy.inputs().size() == 1);
  CHECK(copy[copy.input_value(0)].op == Op::input);
  CHECK(copy.params()[copy[copy.param_value(0)].payload].name == "late");
  CHECK(copy.outputs().empty());
  CHECK(unused.id != late.id);
}
