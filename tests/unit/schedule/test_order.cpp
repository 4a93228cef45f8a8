#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <vector>

#include "compiler/ir/expr.hpp"
#include "compiler/schedule/order.hpp"
#include "tests/unit/schedule/operands_first.hpp"

namespace sluice::schedule {
namespace {

using ir::Elem;
using ir::Expr;
using ir::Extent;
using ir::Graph;
using ir::ValueId;

std::vector<ValueId> machine_values(const Graph& graph) {
  std::vector<ValueId> values;
  for (const ValueId id : graph.live())
    if (ir::info(graph[id].op).op_class == ir::OpClass::machine) values.push_back(id);
  return values;
}

}  // namespace

TEST_CASE("values made side by side are ordered one after the other", "[schedule]") {
  Graph graph(Elem::f32);
  const Expr x{&graph, graph.add_input("x", {Elem::f32, Extent::element})};
  std::vector<Expr> parts;
  for (int i = 0; i < 8; ++i) parts.push_back(ir::sqrt(x + static_cast<double>(i + 1)));
  Expr sum = parts[0];
  for (std::size_t i = 1; i < parts.size(); ++i) sum = sum + parts[i];
  graph.add_output("y", sum.id);
  const std::vector<ValueId> values = machine_values(graph);
  const std::vector<ValueId> wanted{sum.id};
  CHECK(pressure(graph, values, wanted) == 8);
  const std::vector<ValueId> order = order_for_registers(graph, values, wanted);
  CHECK(operands_first(graph, order));
  CHECK(pressure(graph, order, wanted) == 2);
}

TEST_CASE("an order is a permutation, operands first, and never worse", "[schedule]") {
  std::mt19937 random(11);
  for (int repeat = 0; repeat < 100; ++repeat) {
    Graph graph(Elem::f64);
    std::vector<ValueId> numbers{graph.add_input("x", {Elem::f64, Extent::element})};
    for (int i = 0; i < 60; ++i) {
      const ValueId a = numbers[random() % numbers.size()];
      const ValueId b = numbers[random() % numbers.size()];
      numbers.push_back(graph.add(random() % 2 == 0 ? ir::Op::add : ir::Op::mul, {a, b}));
    }
    graph.add_output("y", numbers.back());
    graph.add_output("z", numbers[numbers.size() / 2]);
    std::vector<ValueId> values = machine_values(graph);
    const std::vector<ValueId> wanted{graph.outputs()[0].value, graph.outputs()[1].value};
    std::vector<ValueId> order = order_for_registers(graph, values, wanted);
    CHECK(operands_first(graph, order));
    CHECK(pressure(graph, order, wanted) <= pressure(graph, values, wanted));
    std::sort(order.begin(), order.end());
    CHECK(order == values);
  }
}

TEST_CASE("a chain longer than any stack is ordered", "[schedule]") {
  Graph graph(Elem::f32);
  const ValueId x = graph.add_input("x", {Elem::f32, Extent::element});
  ValueId last = x;
  for (int i = 0; i < 200000; ++i) last = graph.add(ir::Op::add, {last, x});
  graph.add_output("y", last);
  const std::vector<ValueId> values = machine_values(graph);
  const std::vector<ValueId> wanted{last};
  CHECK(order_for_registers(graph, values, wanted) == values);
}

}  // namespace sluice::schedule
