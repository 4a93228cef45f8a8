#include <catch2/catch.hpp>

#include <string>

#include "compiler/ir/expr.hpp"
#include "compiler/ir/text.hpp"
#include "compiler/ir/verify.hpp"

using namespace sluice::ir;

namespace {

Graph sample(Elem compute) {
  Graph graph(compute);
  const Expr x{&graph, graph.add_input("x", {compute, Extent::element})};
  const Expr beta{&graph, graph.add_param("beta", 0.1, false)};
  const Expr scaled = beta * x;
  const Expr table = lookup(to_bits(scaled) >> 3, "steps", {1, 0.5, 0.25, -3});
  const Expr chosen =
      select(scaled > 0.5 && !(x < -1e30), fma(scaled, x, table), make(Op::exp, x, number(x, 0)));
  graph.add_output("y", chosen.id);
  graph.add_output("low", from_bits(to_bits(x) & integer(x, 0xfffff000)).id);
  return graph;
}

}  // namespace

TEST_CASE("a printed graph parses to a graph that prints the same", "[ir]") {
  for (const Elem compute : {Elem::f32, Elem::f64}) {
    const std::string text = print(sample(compute));
    const sluice::Result<Graph> parsed = parse(text);
    INFO(text);
    REQUIRE(parsed.ok());
    CHECK(print(parsed.value()) == text);
  }
}

TEST_CASE("constants print as the shortest text with their bits", "[ir]") {
  Graph graph(Elem::f32);
  const Expr x{&graph, graph.add_input("x", {Elem::f32, Extent::element})};
  graph.add_output("a", (x + 0.1).id);
  graph.add_output("b", (x + -0.0).id);
  graph.add_output("c", (x + 1e-45).id);
  const std::string text = print(graph);
  CHECK(text.find("constant 0.1\n") != std::string::npos);
  CHECK(text.find("constant -0\n") != std::string::npos);
  CHECK(text.find("constant 1e-45\n") != std::string::npos);
}

TEST_CASE("malformed IR text names its line", "[ir]") {
  const auto message = [](const std::string& text) {
    const sluice::Result<Graph> parsed = parse(text);
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.error().status == sluice::Status::invalid_source);
    return parsed.error().message;
  };
  CHECK(message("") == "IR text: no 'graph' line");
  CHECK(message("graph f16\n").find("line 1") != std::string::npos);
  CHECK(message("graph f32\ninput x element\n").find("line 2") != std::string::npos);
  CHECK(message("graph f32\ninput x: element\n%0: f32 element = input z\n").find("line 3") !=
        std::string::npos);
  CHECK(
      message("graph f32\ninput x: element\n%0: f32 element = input x\n%1: f32 element = frob %0\n")
          .find("unknown op 'frob'") != std::string::npos);
  CHECK(message("graph f32\ninput x: element\n%0: f32 element = input x\n%1: f32 scalar = neg %0\n")
            .find("its type") != std::string::npos);
  CHECK(
      message("graph f32\ninput x: element\n%0: f32 element = input x\n%1: f32 element = neg %7\n")
          .find("bad operands") != std::string::npos);
}

TEST_CASE("the verifier finds what breaks the op table's rules", "[ir]") {
  Graph graph(Elem::f64);
  const Expr x{&graph, graph.add_input("x", {Elem::f64, Extent::element})};
  CHECK(verify(graph, Stage::machine).empty());
  make(Op::exp, x, number(x, 0));
  CHECK(verify(graph, Stage::primitives).empty());
  CHECK(verify(graph, Stage::machine).size() == 1);
  make(Op::add, x, to_bits(x));               // an integer where a number belongs
  make(Op::imul, to_bits(x), to_bits(x));     // no 64-bit multiplication
  make(Op::ishl, to_bits(x), to_bits(x));     // a count that is not constant
  graph.add(Op::lookup, {to_bits(x).id}, 3);  // no such table
  make(Op::select, x < 0.0, x, to_bits(x));   // sides of two types
  CHECK(verify(graph, Stage::primitives).size() == 5);
}
