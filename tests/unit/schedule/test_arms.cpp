#include <catch2/catch.hpp>

#include <random>
#include <vector>

#include "compiler/ir/expr.hpp"
#include "compiler/schedule/arms.hpp"
#include "tests/unit/schedule/operands_first.hpp"

namespace sluice::schedule {
namespace {

using ir::Elem;
using ir::Expr;
using ir::Extent;
using ir::Graph;
using ir::Op;
using ir::ValueId;

struct Scheduled {
  std::vector<ValueId> order;
  std::vector<Arm> arms;
};

Scheduled schedule(const Graph& graph) {
  Scheduled result;
  for (const ValueId id : graph.live())
    if (ir::info(graph[id].op).op_class == ir::OpClass::machine) result.order.push_back(id);
  result.arms = gather_arms(graph, result.order);
  return result;
}

Expr input(Graph& graph) { return {&graph, graph.add_input("x", {Elem::f32, Extent::element})}; }

std::vector<ValueId> steps(const Scheduled& scheduled, const Arm& arm) {
  return {scheduled.order.begin() + static_cast<std::ptrdiff_t>(arm.begin),
          scheduled.order.begin() + static_cast<std::ptrdiff_t>(arm.end)};
}

}  // namespace

TEST_CASE("an arm holds what only its side of the choices needs", "[schedule]") {
  Graph graph(Elem::f32);
  const Expr x = input(graph);
  const Expr shared = sqrt(x);
  const Expr odd = unlikely(x < 0.0);
  const Expr first = shared / x;
  const Expr second = first + 1.0;
  const Expr fast = shared * x;
  graph.add_output("y", (select(odd, second, fast) + select(odd, first, shared)).id);
  const Scheduled scheduled = schedule(graph);
  REQUIRE(scheduled.arms.size() == 1);
  CHECK(scheduled.arms[0].condition == odd.id);
  CHECK(steps(scheduled, scheduled.arms[0]) == std::vector<ValueId>{first.id, second.id});
  CHECK(operands_first(graph, scheduled.order));
}

TEST_CASE("what others need is in no arm", "[schedule]") {
  Graph graph(Elem::f32);
  const Expr x = input(graph);
  const Expr odd = unlikely(x < 0.0);
  const Expr slow = sqrt(x);
  SECTION("an output") { graph.add_output("z", slow.id); }
  SECTION("the other side") { graph.add_output("z", select(odd, x, slow).id); }
  SECTION("another condition's arm") {
    graph.add_output("z", select(unlikely(x > 9.0), slow, x).id);
  }
  graph.add_output("y", select(odd, slow, x).id);
  CHECK(schedule(graph).arms.empty());
}

TEST_CASE("a likely condition has no arm", "[schedule]") {
  Graph graph(Elem::f32);
  const Expr x = input(graph);
  graph.add_output("y", select(x < 0.0, sqrt(x), x).id);
  CHECK(schedule(graph).arms.empty());
}

TEST_CASE("an arm that needs what its condition chose is given up", "[schedule]") {
  Graph graph(Elem::f32);
  const Expr x = input(graph);
  const Expr odd = unlikely(x < 0.0);
  const Expr once = select(odd, sqrt(x), x) + 1.0;
  graph.add_output("y", select(odd, sqrt(once), once * x).id);
  const Scheduled scheduled = schedule(graph);
  CHECK(scheduled.arms.empty());
  CHECK(operands_first(graph, scheduled.order));
}

TEST_CASE("arms may need what others chose", "[schedule]") {
  Graph graph(Elem::f32);
  const Expr x = input(graph);
  const Expr odd = unlikely(x < 0.0);
  const Expr once = select(odd, sqrt(x), x) + 1.0;
  const Expr far = unlikely(once > 9.0);
  graph.add_output("y", select(far, sqrt(once), once * x).id);
  const Scheduled scheduled = schedule(graph);
  CHECK(scheduled.arms.size() == 2);
  CHECK(operands_first(graph, scheduled.order));
}

TEST_CASE("random graphs keep operands first", "[schedule]") {
  std::mt19937 random(5);
  std::size_t arms = 0;
  for (int repeat = 0; repeat < 200; ++repeat) {
    Graph graph(Elem::f32);
    std::vector<Expr> numbers{input(graph)};
    const auto any = [&] { return numbers[random() % numbers.size()]; };
    std::vector<Expr> odd;
    for (int i = 0; i < 60; ++i) {
      if (odd.empty() || random() % 8 == 0) odd.push_back(unlikely(any() < any()));
      const bool choose = random() % 3 == 0;
      numbers.push_back(choose ? select(odd[random() % odd.size()], any(), any()) : any() * any());
    }
    graph.add_output("y", numbers.back().id);
    const Scheduled scheduled = schedule(graph);
    REQUIRE(operands_first(graph, scheduled.order));
    arms += scheduled.arms.size();
  }
  CHECK(arms > 20);
}

}  // namespace sluice::schedule
