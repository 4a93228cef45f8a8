// What emission promises beside the bits of ops: errors, determinism, any number of buffers, no
// bytes outside, annotations, registers kept.
#include <catch2/catch.hpp>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "compiler/ir/expr.hpp"
#include "tests/unit/x64/kernel_check.hpp"

namespace sluice::x64::check {
namespace {

using ir::Elem;
using ir::Expr;
using ir::Extent;
using ir::Graph;

constexpr Target kBoth[] = {{Level::x86_64_v3, 0}, {Level::x86_64_v4, 0}};

Graph relu() {
  Graph graph(Elem::f32);
  const Expr x{&graph, graph.add_input("x", {Elem::f32, Extent::element})};
  graph.add_output("y", ir::max(x, 0.0).id);
  return graph;
}

std::string error_of(const Graph& graph, Dtype in, Dtype out) {
  std::vector<Dtype> inputs(graph.inputs().size(), in);
  const auto program = schedule::schedule_elements("test", graph, inputs, {out});
  const Result<object::CodeObject> code = emit(program, kBoth[0]);
  if (code.ok()) return "";
  CHECK(code.error().status == Status::unsupported);
  return code.error().message;
}

}  // namespace

TEST_CASE("what the back end can't do is an error that names it", "[x64]") {
  CHECK(error_of(relu(), Dtype::i8, Dtype::f32).find("'x' of type i8") != std::string::npos);
  CHECK(error_of(relu(), Dtype::f32, Dtype::u8).find("'y' of type u8") != std::string::npos);
  Graph rows(Elem::f32);
  const Expr r{&rows, rows.add_input("r", {Elem::f32, Extent::row})};
  rows.add_output("y", (r + 1.0).id);
  CHECK(error_of(rows, Dtype::f32, Dtype::f32).find("row extent") != std::string::npos);
  Graph product(Elem::f64);
  const Expr x{&product, product.add_input("x", {Elem::f64, Extent::element})};
  const Expr bits = ir::to_bits(x);
  product.add_output("y", ir::from_bits(bits * bits).id);
  CHECK(error_of(product, Dtype::f64, Dtype::f64).find("imul") != std::string::npos);
  Graph shift(Elem::f32);
  const Expr z{&shift, shift.add_input("x", {Elem::f32, Extent::element})};
  shift.add_output("y", ir::from_bits(ir::make(ir::Op::ishl, ir::to_bits(z), ir::to_bits(z))).id);
  CHECK(error_of(shift, Dtype::f32, Dtype::f32).find("shift") != std::string::npos);
  Graph whole(Elem::f32);
  const Expr w{&whole, whole.add_input("x", {Elem::f32, Extent::element})};
  whole.add_output("y", ir::make(ir::Op::exp, w, ir::number(w, 0)).id);
  CHECK(error_of(whole, Dtype::f32, Dtype::f32).find("exp") != std::string::npos);
  const auto program = schedule::schedule_elements("test", relu(), {Dtype::f32}, {Dtype::f32});
  const auto none = emit(program, Target{});
  REQUIRE(!none.ok());
  CHECK(none.error().status == Status::invalid_argument);
}

TEST_CASE("the same program gives the same bytes, on every host", "[x64]") {
  const auto program = schedule::schedule_elements("test", relu(), {Dtype::f32}, {Dtype::f32});
  for (const Target& target : kBoth) {
    const auto first = emit(program, target);
    REQUIRE(first.ok());
    // Wherever on the heap the code is made.
    std::vector<std::unique_ptr<char[]>> between;
    for (std::size_t i = 0; i < 64; ++i) {
      between.push_back(std::make_unique<char[]>(1 + 131 * i % 4099));
      CHECK(first->bytes == emit(program, target)->bytes);
    }
    CHECK(first->code_size <= first->bytes.size());
    CHECK(first->spills_in_loop == 0);
    CHECK(first->annotations.empty());
  }
}

TEST_CASE("annotations stand at instructions, in order", "[x64]") {
  const auto program = schedule::schedule_elements("test", relu(), {Dtype::f32}, {Dtype::f32});
  for (const Target& target : kBoth) {
    const auto plain = emit(program, target);
    const auto code = emit(program, target, {.annotate = true});
    REQUIRE(code.ok());
    CHECK(code->bytes == plain->bytes);
    std::size_t last = 0;
    bool step = false;
    for (const object::Annotation& annotation : code->annotations) {
      CHECK(annotation.offset >= last);
      CHECK(annotation.offset < code->code_size);
      last = annotation.offset;
      step = step || annotation.text == "%2 = max x, 0 : f32";
    }
    CHECK(step);
  }
}

TEST_CASE("more buffers than registers", "[x64]") {
  std::mt19937_64 random(3);
  for (const std::size_t count : {3u, 6u, 7u, 8u, 9u, 20u}) {
    Graph graph(Elem::f32);
    std::vector<Expr> inputs;
    for (std::size_t i = 0; i < count; ++i)
      inputs.push_back(
          {&graph, graph.add_input("x" + std::to_string(i), {Elem::f32, Extent::element})});
    Expr sum = inputs[0];
    for (std::size_t i = 1; i < count; ++i) sum = ir::fma(inputs[i], 0.5, sum);
    graph.add_output("sum", sum.id);
    for (std::size_t i = 0; i + 1 < count; ++i)
      graph.add_output("y" + std::to_string(i), (inputs[i] - inputs[i + 1]).id);
    for (const Target& target : targets()) {
      const Compiled compiled = compile(graph, target, 64);
      for (const std::size_t n : {1u, 15u, 64u, 133u, 500u}) {
        Case test;
        test.graph = &graph;
        test.count = n;
        test.inputs.resize(count);
        for (auto& column : test.inputs)
          for (std::size_t k = 0; k < n; ++k) column.push_back(any_number(Elem::f32, random));
        INFO(count << " inputs on " << to_string(target));
        REQUIRE(difference(compiled, test).value_or("") == "");
      }
    }
  }
}

TEST_CASE("buffers need no alignment, not even to the element", "[x64]") {
  std::mt19937_64 random(4);
  const Graph graph = relu();
  for (const Target& target : targets()) {
    const Compiled compiled = compile(graph, target, 32);
    for (std::size_t offset = 0; offset < 70; ++offset) {
      Case test;
      test.graph = &graph;
      test.count = 200;
      test.flush_end = false;
      test.offset = offset;
      test.inputs.resize(1);
      for (std::size_t k = 0; k < test.count; ++k)
        test.inputs[0].push_back(any_number(Elem::f32, random));
      INFO("offset " << offset << " on " << to_string(target));
      REQUIRE(difference(compiled, test).value_or("") == "");
    }
  }
}

TEST_CASE("no elements: nothing is touched, not even null buffers", "[x64]") {
  for (const Target& target : targets()) {
    const Compiled compiled = compile(relu(), target);
    void* buffers[2] = {nullptr, nullptr};
    compiled.entry()(buffers, 0, nullptr);
    compiled.entry()(buffers, -5, nullptr);
    compiled.entry()(nullptr, 0, nullptr);
    float x = -1;
    float y = 7;
    void* real[2] = {&x, &y};
    for (const std::int64_t count : {0, -1, -5}) compiled.entry()(real, count, nullptr);
    CHECK(x == -1);
    CHECK(y == 7);
  }
}

TEST_CASE("the control word is left as found", "[x64]") {
  for (const Target& target : targets()) {
    const Compiled compiled = compile(relu(), target);
    float x[40] = {};
    float y[40];
    void* buffers[2] = {x, y};
    const unsigned before = __builtin_ia32_stmxcsr();
    compiled.entry()(buffers, 40, nullptr);
    CHECK((__builtin_ia32_stmxcsr() & 0xffc0u) == (before & 0xffc0u));
  }
}

}  // namespace sluice::x64::check
