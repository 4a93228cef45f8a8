#include <catch2/catch.hpp>

#include "compiler/ir/expr.hpp"
#include "compiler/schedule/element_program.hpp"

namespace sluice::schedule {

using ir::Elem;
using ir::Expr;
using ir::Extent;
using ir::Graph;

TEST_CASE("scalar values are computed once, element values for each vector", "[schedule]") {
  Graph graph(Elem::f32);
  const Expr x{&graph, graph.add_input("x", {Elem::f32, Extent::element})};
  const Expr beta{&graph, graph.add_param("beta", 1, false)};
  const Expr s{&graph, graph.add_input("s", {Elem::f32, Extent::scalar})};
  const Expr scale = beta * s;
  const Expr unused = beta + 3.0;
  const Expr y = ir::max(x * scale, 0.5);
  graph.add_output("y", y.id);
  (void)unused;
  const ElementProgram program =
      schedule_elements("f.forward.f32", graph, {Dtype::f32, Dtype::f32}, {Dtype::f32});
  CHECK(program.uniform == std::vector<ir::ValueId>{scale.id});
  CHECK(program.body == std::vector<ir::ValueId>{y.operand(0).id, y.id});
  CHECK(program.stream_from > 1000);
  const std::string text = to_string(program);
  CHECK(text == "f.forward.f32\n"
                "input x: f32 element\n"
                "input s: f32 scalar\n"
                "param beta\n"
                "once:\n"
                "  %3 = mul beta, s : f32\n"
                "each vector:\n"
                "  %6 = mul x, %3 : f32\n"
                "  %8 = max %6, 0.5 : f32\n"
                "output y: f32 = %8\n"
                "streamed from " +
                    std::to_string(program.stream_from) + " elements\n");
}

TEST_CASE("streaming starts at the same number of bytes whatever the element", "[schedule]") {
  const auto stream_from = [](Elem elem, Dtype dtype) {
    Graph graph(elem);
    const Expr x{&graph, graph.add_input("x", {elem, Extent::element})};
    graph.add_output("y", ir::abs(x).id);
    return schedule_elements("abs", graph, {dtype}, {dtype}).stream_from;
  };
  CHECK(stream_from(Elem::f32, Dtype::f32) == 2 * stream_from(Elem::f64, Dtype::f64));
}

}  // namespace sluice::schedule
