// The shape of trees. What the text of errors is stands in tests/filetests/dsl.
#include <catch2/catch.hpp>

#include <string>
#include <string_view>

#include "dsl/print.hpp"
#include "tests/unit/dsl/program_of.hpp"

namespace sluice::dsl {
namespace {

// The tree of an expression in x, every operation in parentheses.
std::string tree(const FunctionDef& function, ExprId id) {
  const Expr& e = function.expr(id);
  std::string out = e.kind == ExprKind::number  ? print_number(e.value)
                    : e.kind == ExprKind::input ? function.inputs[e.target].name
                                                : "(" + std::string(name(e.kind));
  for (const ExprId operand : function.operands_of(e)) out += " " + tree(function, operand);
  return out + (function.operands_of(e).empty() ? "" : ")");
}

std::string tree_of(std::string_view expression) {
  const Program program = test::program_of("fn f(x, p: mask = true) = " + std::string(expression));
  const FunctionDef& function = test::last(program);
  return tree(function, function.results[0]);
}

TEST_CASE("precedence and grouping", "[dsl]") {
  CHECK(tree_of("-x^2") == "(negate (power x 2))");
  CHECK(tree_of("x^-2") == "(power x (negate 2))");
  CHECK(tree_of("x^2^3") == "(power x (power 2 3))");
  CHECK(tree_of("--x") == "(negate (negate x))");
  CHECK(tree_of("-x*2") == "(multiply (negate x) 2)");
  CHECK(tree_of("x-1-2") == "(subtract (subtract x 1) 2)");
  CHECK(tree_of("x/1*2") == "(multiply (divide x 1) 2)");
  CHECK(tree_of("1+x*2") == "(add 1 (multiply x 2))");
  CHECK(tree_of("(1+x)*2") == "(multiply (add 1 x) 2)");
  CHECK(tree_of("2*-x") == "(multiply 2 (negate x))");
  CHECK(tree_of("x+1 < 2*x") == "(less (add x 1) (multiply 2 x))");
  CHECK(tree_of("not x < 1 and p or p") ==
        "(logical_or (logical_and (logical_not (less x 1)) p) p)");
  CHECK(tree_of("p or p and not not p") ==
        "(logical_or p (logical_and p (logical_not (logical_not p))))");
  CHECK(tree_of("if p then x else 1 + x") == "(select p x (add 1 x))");
  CHECK(tree_of("if p then 1 else if p then 2 else 3") == "(select p 1 (select p 2 3))");
  CHECK(tree_of("1 + (if p then 1 else 2)") == "(add 1 (select p 1 2))");
}

TEST_CASE("operands stand before what uses them", "[dsl]") {
  const Program program = test::program_of(
      "fn f(x; a = 1) {\n  let (t) = exp(x * 2)\n  swish(t + 1; beta = a - x) ^ 2\n}\n"
      "  with d/dx = y * t");
  const FunctionDef& function = test::last(program);
  for (std::size_t i = 0; i < function.expressions.size(); ++i) {
    const Expr& e = function.expressions[i];
    for (const ExprId operand : function.operands_of(e)) CHECK(index(operand) < i);
    for (const NamedArgument& argument : function.named_of(e)) CHECK(index(argument.value) < i);
  }
}

TEST_CASE("an integer literal knows that it is one", "[dsl]") {
  const auto value = [](std::string_view exponent) {
    const Program program = test::program_of("fn f(x) = x ^ " + std::string(exponent));
    const FunctionDef& function = test::last(program);
    const Expr& power = function.expr(function.results[0]);
    return integer_literal_value(function, function.operands_of(power)[1]);
  };
  CHECK(value("2") == 2.0);
  CHECK(value("-3") == -3.0);
  CHECK(value("(2)") == 2.0);
  CHECK(value("0x10") == 16.0);
  CHECK_FALSE(value("2.0").has_value());
  CHECK_FALSE(value("0.5").has_value());
  CHECK_FALSE(value("(1 + 1)").has_value());
  CHECK_FALSE(value("x").has_value());
}

TEST_CASE("documentation belongs to the definition after it", "[dsl]") {
  const Program program = test::program_of("## One\n## two\nfn a(x) = x\nfn b(x) = x\n");
  CHECK(program.function(*program.find("a")).documentation == "One\ntwo");
  CHECK(program.function(*program.find("b")).documentation.empty());
}

TEST_CASE("a text without definitions is a program", "[dsl]") {
  CHECK(test::program_of("").first_own() == standard_library().size());
  CHECK(test::program_of("# only a comment").size() == standard_library().size());
  CHECK(test::program_of("\n\n \t\r\n").size() == standard_library().size());
}

TEST_CASE("line ends of every system, and none at the end, are read", "[dsl]") {
  const std::string text = "fn f(x) {\n  let a = x +\n    1\n  a\n}\nfn g(x) = f(x)";
  std::string crlf;
  for (const char c : text) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  const Program a = test::program_of(text);
  const Program b = test::program_of(crlf);
  CHECK(print(test::last(a), a) == print(test::last(b), b));
  CHECK(print(a.function(*a.find("f")), a) == print(b.function(*b.find("f")), b));
}

}  // namespace
}  // namespace sluice::dsl
