// Which programs map bytes to bytes.
#include <catch2/catch.hpp>

#include "compiler/ir/expr.hpp"
#include "compiler/schedule/byte_map.hpp"

namespace sluice::schedule {
namespace {

using ir::Elem;
using ir::Expr;
using ir::Extent;
using ir::Graph;

struct Shape {
  Dtype in = Dtype::i8;
  Dtype out = Dtype::u8;
  Extent extent = Extent::element;
  bool second_input = false;
  bool second_output = false;
  bool passed = false;
};

bool maps(const Shape& shape) {
  Graph graph(Elem::f32);
  const auto elem = [](Dtype dtype) { return is_quantised(dtype) ? Elem::i32 : Elem::f32; };
  Expr x{&graph, graph.add_input("x", {elem(shape.in), shape.extent})};
  std::vector<Dtype> in = {shape.in};
  std::vector<Dtype> out(shape.second_output ? 2 : 1, shape.out);
  if (is_quantised(shape.in)) x = to_float(x);
  if (shape.second_input) {
    x = x * Expr{&graph, graph.add_input("z", {Elem::f32, Extent::element})};
    in.push_back(Dtype::f32);
  }
  if (shape.passed) x = x * Expr{&graph, graph.add_param("s", 1, false)};
  if (is_quantised(shape.out)) x = round_to_int(x);
  graph.add_output("y", x.id);
  if (shape.second_output) graph.add_output("z", x.id);
  return maps_bytes(schedule_elements("test", std::move(graph), in, out));
}

TEST_CASE("one 8-bit element in, one out, and nothing else is a table", "[schedule]") {
  CHECK(maps({}));
  CHECK(maps({.in = Dtype::u8, .out = Dtype::i8}));
  CHECK_FALSE(maps({.in = Dtype::f16}));
  CHECK_FALSE(maps({.out = Dtype::f32}));
  CHECK_FALSE(maps({.extent = Extent::scalar}));
  CHECK_FALSE(maps({.second_input = true}));
  CHECK_FALSE(maps({.second_output = true}));
  CHECK_FALSE(maps({.passed = true}));
}

}  // namespace
}  // namespace sluice::schedule
