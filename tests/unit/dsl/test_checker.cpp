// What the checker finds out: names, types, extents, whether a function reduces.
#include <catch2/catch.hpp>

#include <cmath>
#include <string>
#include <string_view>

#include "tests/unit/dsl/program_of.hpp"

namespace sluice::dsl {
namespace {

// Type and extent of an expression, with inputs of every kind.
std::string type_of(std::string_view expression) {
  const Program program = test::program_of(
      "fn f(x, w, m: mask = true, t: row = 1, i: index = 0; p = 1, k: int = 2) = " +
      std::string(expression));
  const FunctionDef& function = test::last(program);
  const Expr& e = function.expr(function.results[0]);
  return std::string(name(e.type)) + " " + std::string(name(e.extent));
}

TEST_CASE("operators have the types of the language", "[dsl]") {
  CHECK(type_of("x + 1") == "number element");
  CHECK(type_of("p * 2") == "number constant");
  CHECK(type_of("t + p") == "number row");
  CHECK(type_of("i + 1") == "int row");
  CHECK(type_of("i * k - 3") == "int row");
  CHECK(type_of("-i") == "int row");
  CHECK(type_of("k + 1") == "int constant");
  CHECK(type_of("1 + 2") == "number constant");
  CHECK(type_of("i + 1.5") == "number row");
  CHECK(type_of("i + p") == "number row");
  CHECK(type_of("i / 2") == "number row");
  CHECK(type_of("i ^ 2") == "number row");
  CHECK(type_of("max(i, 3)") == "int row");
  CHECK(type_of("min(i, k)") == "int row");
  CHECK(type_of("max(i, x)") == "number element");
  CHECK(type_of("max(1, 2)") == "number constant");
  CHECK(type_of("abs(i)") == "number row");
  CHECK(type_of("x > i") == "bool element");
  CHECK(type_of("i == 3") == "bool row");
  CHECK(type_of("not m and k > 1") == "bool element");
  CHECK(type_of("isnan(t)") == "bool row");
  CHECK(type_of("if m then i else 0") == "int element");
  CHECK(type_of("if m then i else 0.5") == "number element");
  CHECK(type_of("if k > 1 then m else true") == "bool element");
  CHECK(type_of("detach(i)") == "int row");
  CHECK(type_of("derivative(x * w, x)") == "number element");
}

TEST_CASE("reductions, positions and calls have the extents of the language", "[dsl]") {
  CHECK(type_of("row_sum(x)") == "number row");
  CHECK(type_of("row_sum(x) + col()") == "number element");
  CHECK(type_of("row_argmax(x)") == "int row");
  CHECK(type_of("row_any(m)") == "bool row");
  CHECK(type_of("row_softmax(x)") == "number element");
  CHECK(type_of("row_softmax(x, t)") == "number element");
  CHECK(type_of("at(x, i)") == "number row");
  CHECK(type_of("at(x, 0)") == "number row");
  CHECK(type_of("if row_any(m) then col() else 1") == "int element");
  CHECK(type_of("if row_any(m) then row() else width()") == "int row");
  CHECK(type_of("if row_any(m) then width() else 1") == "int row");
  CHECK(type_of("silu(row_sum(x))") == "number row");
  CHECK(type_of("swish(t; beta = x)") == "number element");
}

TEST_CASE("integer literals next to an int are ints, others numbers", "[dsl]") {
  const Program program = test::program_of("fn f(x, i: index) = if i > -(2 * 3) then x * 2 else 0");
  const FunctionDef& function = test::last(program);
  int integers = 0;
  int numbers = 0;
  for (const Expr& e : function.expressions) {
    if (e.kind == ExprKind::number) ++(e.type == Type::integer ? integers : numbers);
  }
  CHECK(integers == 2);
  CHECK(numbers == 2);
}

TEST_CASE("a function is row-wise when it, or what it calls, reduces", "[dsl]") {
  const Program program = test::program_of("fn a(x) = x * 2\n"
                                           "fn b(x) = x - row_max(x)\n"
                                           "fn c(x) = a(b(x))\n"
                                           "fn d(x, t: row) = x / t\n"
                                           "fn g(x, i: index) = at(x, i)\n");
  const auto row_wise = [&](std::string_view name) {
    return program.function(*program.find(name)).row_wise;
  };
  CHECK_FALSE(row_wise("a"));
  CHECK(row_wise("b"));
  CHECK(row_wise("c"));
  CHECK_FALSE(row_wise("d"));
  CHECK(row_wise("g"));
}

TEST_CASE("outputs take the kinds that the text gives, or what the result is", "[dsl]") {
  const Program program =
      test::program_of("fn f(x) -> (a, b: row, c: index, d: mask, g: element) =\n"
                       "  (x, row_sum(x), row_argmax(x), row_any(x > 0), row_argmax(x))\n");
  const FunctionDef& function = test::last(program);
  const auto is = [&](std::size_t i, Type type, Extent extent) {
    return function.outputs[i].type == type && function.outputs[i].extent == extent;
  };
  CHECK(is(0, Type::number, Extent::element));
  CHECK(is(1, Type::number, Extent::row));
  CHECK(is(2, Type::integer, Extent::row));
  CHECK(is(3, Type::boolean, Extent::row));
  CHECK(is(4, Type::number, Extent::element));
  const Program unnamed = test::program_of("fn f(x) = row_sum(x)\nfn g(x, t: row) = t");
  CHECK(unnamed.function(*unnamed.find("f")).outputs[0].extent == Extent::row);
  CHECK(unnamed.function(*unnamed.find("g")).outputs[0].extent == Extent::element);
  CHECK(test::last(unnamed).outputs[0].name == "y");
}

TEST_CASE("names resolve to the nearest: let, input, parameter, constant", "[dsl]") {
  const Program program = test::program_of(
      "fn f(x, pi; e = 2) {\n  let inf = x + pi\n  inf * e + nan\n}\n  with d/dx = y\n"
      "fn g(x, y) = x * y\n  with d/dx = y\n");
  const FunctionDef& f = program.function(*program.find("f"));
  CHECK(f.expr(f.results[0]).kind == ExprKind::add);
  int constants = 0;
  for (const Expr& e : f.expressions) constants += e.kind == ExprKind::constant ? 1 : 0;
  CHECK(constants == 1);
  CHECK(f.expr(f.clauses[0].value).kind == ExprKind::result);
  const FunctionDef& g = program.function(*program.find("g"));
  CHECK(g.expr(g.clauses[0].value).kind == ExprKind::input);
}

TEST_CASE("calls know their callee, its parameters and defaults", "[dsl]") {
  const Program program = test::program_of("fn f(x) = softplus(x; threshold = 3) + exp(x)");
  const FunctionDef& function = test::last(program);
  bool softplus = false;
  bool exp = false;
  for (const Expr& e : function.expressions) {
    if (e.kind != ExprKind::call) continue;
    const FunctionDef& callee = program.function(e.callee);
    exp = exp || e.builtin == Builtin::exp;
    if (callee.name != "softplus") continue;
    softplus = true;
    REQUIRE(function.named_of(e).size() == 1);
    CHECK(callee.parameters[function.named_of(e)[0].parameter].name == "threshold");
    CHECK(callee.parameters[0].default_value == 1.0);
  }
  CHECK(softplus);
  CHECK(exp);
}

TEST_CASE("several outputs are received by one let", "[dsl]") {
  const Program program = test::program_of("fn two(x) -> (a, i: index) = (x, 1)\n"
                                           "fn f(x) {\n  let (p, q) = two(x)\n  p + q\n}");
  const FunctionDef& function = test::last(program);
  REQUIRE(function.lets.size() == 2);
  CHECK(function.lets[0].value == function.lets[1].value);
  CHECK(function.lets[1].output == 1);
  CHECK(function.lets[0].type == Type::number);
  CHECK(function.lets[1].type == Type::integer);
}

TEST_CASE("attributes are read into their fields", "[dsl]") {
  const Program program = test::program_of(
      "@ulp(forward = 1, derivative = 3)\n@domain(0, inf)\n@range(a, 0.5, 2)\n@range(x, -1, 1)\n"
      "@alias(\"other\")\n@exact\n@terms\n@limits(-a, inf, nan, -1)\n"
      "fn f(x; a = 1) = x * a\n@mean(n)\nfn g(x) -> (s, n) = (x, 1)");
  const Attributes& f = program.function(*program.find("f")).attributes;
  CHECK(f.ulp->forward == 1.0);
  CHECK(f.ulp->derivative == 3.0);
  CHECK(f.domain->low == 0.0);
  CHECK(std::isinf(f.domain->high));
  REQUIRE(f.ranges.size() == 2);
  CHECK(f.ranges[0].of_parameter);
  CHECK(f.ranges[0].high == 2.0);
  CHECK_FALSE(f.ranges[1].of_parameter);
  CHECK(f.exact);
  CHECK(f.terms);
  const auto& limits = *f.limits;
  CHECK(limits[0].parameter == 0U);
  CHECK(limits[0].negated);
  CHECK(std::isinf(limits[1].value));
  CHECK(std::isnan(limits[2].value));
  CHECK(limits[3].value == -1.0);
  CHECK(program.find("other") == program.find("f"));
  CHECK(program.function(*program.find("g")).attributes.mean_output == 1U);
}

}  // namespace
}  // namespace sluice::dsl
