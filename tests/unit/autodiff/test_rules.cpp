// Every derivative rule against central differences in extended precision.
#include <catch2/catch.hpp>

#include <functional>
#include <string>
#include <vector>

#include "compiler/autodiff/differentiate.hpp"
#include "compiler/ir/expr.hpp"
#include "tests/unit/reference.hpp"

namespace sluice::autodiff {
namespace {

using ir::Expr;
using ir::Op;
using test::Real;
using test::Reference;

struct Function {
  std::string name;
  std::function<Expr(Expr, Expr)> build;  // of x and of a second input
  std::vector<double> points;
};

Expr elementary(Op op, Expr a) { return make(op, a, number(a, 0.0)); }
Expr call(Op op, Expr a, Expr b, Expr c) { return make(op, a, b, c); }
Expr power(Expr a, double k) { return make(Op::integer_power, a, number(a, k)); }

const std::vector<double> kLine{-30, -7.5, -2, -1.25, -0.5, -1e-3, 1e-3, 0.3, 0.75, 2, 5, 25};
const std::vector<double> kPositive{1e-6, 0.01, 0.3, 0.99, 1.5, 7, 1e3, 1e10};
const std::vector<double> kUnit{-0.99, -0.9, -0.3, -1e-5, 1e-5, 0.2, 0.6, 0.95};

std::vector<Function> one_operand_functions() {
  std::vector<Function> functions;
  for (const Op op :
       {Op::exp, Op::exp2, Op::expm1, Op::tanh, Op::erf, Op::erfc, Op::normal_cdf, Op::normal_pdf,
        Op::sigmoid, Op::log_sigmoid, Op::log1p_exp, Op::tanh_log1p_exp, Op::sigmoid_derivative,
        Op::tanh_log1p_exp_derivative, Op::sin, Op::cos, Op::tan, Op::sinh, Op::cosh})
    functions.push_back(
        {std::string(ir::name(op)), [op](Expr x, Expr) { return elementary(op, x); }, kLine});
  for (const Op op : {Op::log, Op::log2, Op::log10, Op::log1p})
    functions.push_back(
        {std::string(ir::name(op)), [op](Expr x, Expr) { return elementary(op, x); }, kPositive});
  for (const Op op :
       {Op::atan, Op::asinh, Op::cbrt, Op::abs, Op::neg, Op::tanhshrink, Op::tanh_squared})
    functions.push_back(
        {std::string(ir::name(op)), [op](Expr x, Expr) { return make(op, x); }, kLine});
  for (const Op op : {Op::sqrt, Op::rsqrt, Op::cbrt, Op::atan, Op::asinh})
    functions.push_back(
        {std::string(ir::name(op)), [op](Expr x, Expr) { return make(op, x); }, kPositive});
  for (const Op op : {Op::asin, Op::acos, Op::atanh})
    functions.push_back(
        {std::string(ir::name(op)), [op](Expr x, Expr) { return make(op, x); }, kUnit});
  functions.push_back(
      {"acosh", [](Expr x, Expr) { return make(Op::acosh, x); }, {1.001, 1.5, 7, 1e9}});
  for (const double k : {-16.0, -15.0, -7.0, -2.0, 2.0, 3.0, 4.0, 11.0, 16.0})
    functions.push_back(
        {"integer_power " + std::to_string(k), [k](Expr x, Expr) { return power(x, k); }, kLine});
  return functions;
}

std::vector<Function> two_operand_functions() {
  return {
      {"add", [](Expr x, Expr z) { return x + z; }, kLine},
      {"sub", [](Expr x, Expr z) { return z - x; }, kLine},
      {"mul", [](Expr x, Expr z) { return x * z; }, kLine},
      {"square", [](Expr x, Expr) { return x * x; }, kLine},
      {"div", [](Expr x, Expr z) { return x / z; }, kLine},
      {"div by", [](Expr x, Expr z) { return z / x; }, kLine},
      {"div both", [](Expr x, Expr z) { return (x + z) / (x * x + 1); }, kLine},
      {"fma", [](Expr x, Expr z) { return fma(x, z, x); }, kLine},
      {"max", [](Expr x, Expr z) { return max(x, z) * x; }, kLine},
      {"min", [](Expr x, Expr z) { return min(z, x) * x; }, kLine},
      {"max literal", [](Expr x, Expr z) { return max(x, -0.2) * z; }, kLine},
      {"min literal", [](Expr x, Expr z) { return min(number(x, 0.2), x) * z; }, kLine},
      {"select", [](Expr x, Expr z) { return select(x < 0.5, x * z, elementary(Op::exp2, x)); },
       kLine},
      {"clamp", [](Expr x, Expr z) { return call(Op::clamp, x, -z * z, z * z) * x; }, kLine},
      {"clamp bounds", [](Expr x, Expr z) { return call(Op::clamp, z, x, x * x); }, kLine},
      {"floor",
       [](Expr x, Expr) { return make(Op::floor, x) + make(Op::round_even, x) * x; },
       {-2.3, -1.7, 0.2, 0.9, 7.3}},
      {"sign", [](Expr x, Expr) { return make(Op::sign, x) * x; }, kLine},
      {"squareplus", [](Expr x, Expr z) { return make(Op::squareplus, x, z * z + 1.0); }, kLine},
      {"squareplus by b", [](Expr x, Expr z) { return make(Op::squareplus, z, x * x + 1.0); },
       kLine},
      {"squareplus_slope",
       [](Expr x, Expr z) { return make(Op::squareplus_slope, x, z * z + 1.0); }, kLine},
      {"squareplus_slope by b",
       [](Expr x, Expr z) { return make(Op::squareplus_slope, z, x * x + 1.0); }, kLine},
      {"pow base", [](Expr x, Expr z) { return make(Op::pow, x, z); }, kPositive},
      {"pow exponent", [](Expr x, Expr z) { return make(Op::pow, z * z, x * 0.125); }, kLine},
      {"pow both", [](Expr x, Expr) { return make(Op::pow, x, x * 0.01); }, {0.1, 1, 3, 40}},
      {"shared",
       [](Expr x, Expr z) { return elementary(Op::exp, elementary(Op::tanh, x * z)) / x; }, kLine},
  };
}

Real difference(Reference<Real>& function, double x, double z) {
  const double step = 1e-6 * std::abs(x);
  const double above[] = {x + step, z};
  const double below[] = {x - step, z};
  return (function(above)[0] - function(below)[0]) / (Real{x + step} - Real{x - step});
}

void check(const Function& function, int order) {
  ir::Graph graph(ir::Elem::f64);
  const ir::Type element{ir::Elem::f64, ir::Extent::element};
  const Expr x{&graph, graph.add_input("x", element)};
  const Expr z{&graph, graph.add_input("z", element)};
  const ir::ValueId wrt[] = {x.id};
  ir::ValueId y = function.build(x, z).id;
  for (int i = 1; i < order; ++i) y = partials(graph, y, wrt)[0];
  const ir::ValueId slope = partials(graph, y, wrt)[0];
  ir::Graph value = graph.without_outputs();
  value.add_output("y", y);
  graph.add_output("dx", slope);
  Reference<Real> reference(value);
  Reference<Real> derivative(graph);
  for (const double point : function.points) {
    for (const double other : {-1.7, 0.6}) {
      const double inputs[] = {point, other};
      const Real got = derivative(inputs)[0];
      const Real expected = difference(reference, point, other);
      const Real scale = std::abs(reference(inputs)[0] / point) + std::abs(expected);
      INFO(function.name << " order " << order << " at " << point << ", " << other);
      if (std::isnan(static_cast<double>(expected))) {
        CHECK(std::isnan(static_cast<double>(got)));
      } else {
        CHECK(static_cast<double>(got) == Approx(static_cast<double>(expected))
                                              .epsilon(1e-6)
                                              .margin(static_cast<double>(scale) * 1e-8));
      }
    }
  }
}

}  // namespace

TEST_CASE("each rule is the slope of its operation", "[autodiff]") {
  for (const Function& function : one_operand_functions()) check(function, 1);
  for (const Function& function : two_operand_functions()) check(function, 1);
}

TEST_CASE("second derivatives are derivatives of first ones", "[autodiff]") {
  for (const Function& function : one_operand_functions()) check(function, 2);
  for (const Function& function : two_operand_functions()) check(function, 2);
}

}  // namespace sluice::autodiff
