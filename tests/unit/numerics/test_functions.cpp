// The expansions against the C library's double functions in f32, and long double ones in f64; the
// exhaustive measurement against MPFR is in tests/accuracy. And what happens at the ends.
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string>

#include <catch2/catch.hpp>

#include "compiler/ir/expr.hpp"
#include "compiler/ir/scalar.hpp"
#include "compiler/numerics/expand.hpp"

namespace sluice::numerics {
namespace {

using ir::Elem;
using ir::Graph;
using ir::Op;
using ir::ValueId;

using Real = long double;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Real sigmoid(Real x) { return 1 / (1 + std::exp(-x)); }
Real log1p_exp(Real x) { return x < 0 ? std::log1p(std::exp(x)) : x + std::log1p(std::exp(-x)); }
Real mish_gate(Real x) {
  const Real q = std::exp(-std::abs(x));
  return x > 0 ? (1 + 2 * q) / (1 + 2 * q + 2 * q * q) : q * (q + 2) / (q * q + 2 * q + 2);
}
Real sigmoid_slope(Real x) {
  const Real q = std::exp(-std::abs(x));
  return q / ((1 + q) * (1 + q));
}
Real mish_gate_slope(Real x) {
  const Real q = std::exp(-std::abs(x));
  const Real s = x > 0 ? q : 1;
  const Real below = (1 + q) * (1 + q) + s * s;
  return 4 * q * (1 + q) * s / (below * below);
}

struct Function {
  Op op;
  Real (*truth)(Real);
  double low, high;  // where it is sampled
  double at_minus_inf, at_inf;
  bool odd;  // f(-0) = -0
};

const Function kFunctions[] = {
    {Op::exp, std::exp, -104, 88.7, 0, kInf, false},
    {Op::exp2, std::exp2, -150, 127.9, 0, kInf, false},
    {Op::expm1, std::expm1, -20, 88.7, -1, kInf, true},
    {Op::log, std::log, 1e-40, 100, kNaN, kInf, false},
    {Op::log2, std::log2, 1e-40, 100, kNaN, kInf, false},
    {Op::log10, std::log10, 1e-40, 100, kNaN, kInf, false},
    {Op::log1p, std::log1p, -0.999, 100, kNaN, kInf, true},
    {Op::tanh, std::tanh, -10, 10, -1, 1, true},
    {Op::sinh, std::sinh, -89, 89, -kInf, kInf, true},
    {Op::cosh, std::cosh, -89, 89, kInf, kInf, false},
    {Op::asinh, std::asinh, -1e6, 1e6, -kInf, kInf, true},
    {Op::acosh, std::acosh, 1, 1e6, kNaN, kInf, false},
    {Op::atanh, std::atanh, -1, 1, kNaN, kNaN, true},
    {Op::erfc, std::erfc, -10, 10.05, 2, 0, false},
    {Op::cbrt, std::cbrt, -1e38, 1e38, -kInf, kInf, true},
    {Op::sigmoid, sigmoid, -104, 20, 0, 1, false},
    {Op::log_sigmoid, [](Real x) { return -log1p_exp(-x); }, -20, 104, -kInf, 0, false},
    {Op::log1p_exp, log1p_exp, -104, 20, 0, kInf, false},
    {Op::tanh_log1p_exp, mish_gate, -104, 20, 0, 1, false},
    {Op::sigmoid_derivative, sigmoid_slope, -104, 104, 0, 0, false},
    {Op::tanh_log1p_exp_derivative, mish_gate_slope, -104, 52, 0, 0, false},
};

Graph graph_of(Op op, Elem compute) {
  Graph graph(compute);
  const ValueId x = graph.add_input("x", {compute, ir::Extent::element});
  const std::array operands{x, graph.constant(0)};
  graph.add_output(
      "y", graph.add(op, std::span(operands).first(static_cast<std::size_t>(ir::info(op).arity))));
  Result<Graph> expanded = expand(graph);
  REQUIRE(expanded.ok());
  return *expanded;
}

double run(const Graph& graph, double x) {
  const std::uint64_t bits = ir::encode(graph.compute(), x);
  return ir::decode(graph.compute(), ir::evaluate(graph, {&bits, 1}, {})[0]);
}

// |found - truth| in ulps of the truth, those of the smallest normal number below it.
double ulps(Elem compute, double found, Real truth) {
  const bool wide = compute == Elem::f64;
  int exponent = 0;
  std::frexp(truth, &exponent);
  exponent = std::max(exponent, wide ? -1021 : -125) - (wide ? 53 : 24);
  return static_cast<double>(std::abs(found - truth) / std::ldexp(Real{1}, exponent));
}

}  // namespace

TEST_CASE("elementary functions are within their promise", "[numerics]") {
  for (const Elem compute : {Elem::f32, Elem::f64}) {
    for (const Function& function : kFunctions) {
      const Graph graph = graph_of(function.op, compute);
      // Every value that is a derivative is promised 2 ulps, every other in f32 one.
      const bool slope =
          function.op == Op::sigmoid_derivative || function.op == Op::tanh_log1p_exp_derivative;
      const double promise = compute == Elem::f64 ? 3 : slope ? 2 : 1.01;
      std::mt19937 random(20);
      std::uniform_real_distribution<double> position(0, 1);
      double worst = 0;
      double where = 0;
      for (int i = 0; i < 20000; ++i) {
        const double t = position(random);
        // Half of them all over the interval, half near 0 or the end nearest to it.
        double x = function.low + (function.high - function.low) * t;
        if (i % 2 == 0) x = std::clamp(std::ldexp(x, -(i / 2 % 24)), function.low, function.high);
        x = ir::decode(compute, ir::encode(compute, x));
        const double error = ulps(compute, run(graph, x), function.truth(x));
        if (!(error <= worst)) {
          worst = error;
          where = x;
        }
      }
      INFO(ir::name(function.op) << " in " << ir::name(compute) << " at " << where);
      CHECK(worst <= promise);
    }
  }
}

TEST_CASE("elementary functions at infinities, NaN and zeros", "[numerics]") {
  for (const Elem compute : {Elem::f32, Elem::f64}) {
    for (const Function& function : kFunctions) {
      const Graph graph = graph_of(function.op, compute);
      INFO(ir::name(function.op) << " in " << ir::name(compute));
      CHECK(std::isnan(run(graph, kNaN)));
      for (const auto& [end, limit] :
           {std::pair{-kInf, function.at_minus_inf}, {kInf, function.at_inf}}) {
        const double found = run(graph, end);
        CHECK((found == limit || (std::isnan(found) && std::isnan(limit))));
      }
      const double at_zero = static_cast<double>(function.truth(0));
      const double found = run(graph, 0);
      CHECK((found == Approx(at_zero) || (std::isnan(found) && std::isnan(at_zero))));
      if (!function.odd) continue;
      CHECK(std::signbit(run(graph, -0.0)));
      CHECK(!std::signbit(run(graph, 0.0)));
      const double tiny = compute == Elem::f32 ? -0x1p-141 : -0x1p-1062;  // whose root is exact
      const auto near = static_cast<double>(function.truth(tiny));
      CHECK(run(graph, tiny) == ir::decode(compute, ir::encode(compute, near)));
    }
  }
}

TEST_CASE("hyperbolic functions and their inverses at the ends", "[numerics]") {
  for (const Elem compute : {Elem::f32, Elem::f64}) {
    const bool wide = compute == Elem::f64;
    CHECK(run(graph_of(Op::acosh, compute), 1) == 0);
    CHECK(!std::signbit(run(graph_of(Op::acosh, compute), 1)));
    CHECK(std::isnan(run(graph_of(Op::acosh, compute), 0.5)));
    CHECK(std::isnan(run(graph_of(Op::acosh, compute), -1e6)));
    CHECK(run(graph_of(Op::atanh, compute), 1) == kInf);
    CHECK(run(graph_of(Op::atanh, compute), -1) == -kInf);
    CHECK(std::isnan(run(graph_of(Op::atanh, compute), 1.5)));
    CHECK(std::isnan(run(graph_of(Op::atanh, compute), -1e30)));
    CHECK(run(graph_of(Op::sinh, compute), wide ? 710.4 : 89.4) < kInf);
    CHECK(run(graph_of(Op::sinh, compute), wide ? -710.5 : -89.45) == -kInf);
    CHECK(run(graph_of(Op::cosh, compute), wide ? -710.4 : -89.4) < kInf);
    CHECK(run(graph_of(Op::cosh, compute), wide ? 710.5 : 89.45) == kInf);
  }
}

TEST_CASE("logarithms of zero, negative numbers and denormals", "[numerics]") {
  for (const Elem compute : {Elem::f32, Elem::f64}) {
    for (const Op op : {Op::log, Op::log2, Op::log10}) {
      const Graph graph = graph_of(op, compute);
      CHECK(run(graph, 0) == -kInf);
      CHECK(run(graph, -0.0) == -kInf);
      CHECK(std::isnan(run(graph, -1)));
      CHECK(run(graph, 1) == 0);
    }
    CHECK(run(graph_of(Op::log2, compute), compute == Elem::f32 ? 0x1p-149 : 0x1p-1074) ==
          (compute == Elem::f32 ? -149 : -1074));
    CHECK(run(graph_of(Op::log1p, compute), -1) == -kInf);
    CHECK(std::isnan(run(graph_of(Op::log1p, compute), -1.5)));
  }
}

}  // namespace sluice::numerics
