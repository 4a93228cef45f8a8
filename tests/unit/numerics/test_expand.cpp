// Products and sums that expansion takes as one piece, low words, and what it cannot expand.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include <catch2/catch.hpp>

#include "compiler/ir/expr.hpp"
#include "compiler/ir/scalar.hpp"
#include "compiler/numerics/expand.hpp"

namespace sluice::numerics {
namespace {

using ir::Elem;
using ir::Expr;
using ir::Graph;
using ir::Op;
using ir::ValueId;

Expr call(Op op, Expr x) { return make(op, x, number(x, 0)); }

// A function of one f32 input.
class Formula {
 public:
  template <typename Build>
  explicit Formula(Build build) : graph_(Elem::f32) {
    const Expr x{&graph_, graph_.add_input("x", {Elem::f32, ir::Extent::element})};
    graph_.add_output("y", build(x).id);
    Result<Graph> expanded = expand(graph_);
    REQUIRE(expanded.ok());
    graph_ = *expanded;
  }
  [[nodiscard]] double operator()(double x) const {
    const std::uint64_t bits = ir::encode(Elem::f32, x);
    return ir::decode(Elem::f32, ir::evaluate(graph_, {&bits, 1}, {})[0]);
  }
  [[nodiscard]] std::size_t count(Op op) const {
    const std::vector<ValueId> live = graph_.live();
    return static_cast<std::size_t>(
        std::count_if(live.begin(), live.end(), [&](ValueId id) { return graph_[id].op == op; }));
  }
  [[nodiscard]] std::size_t size() const { return graph_.live().size(); }

 private:
  Graph graph_;
};

double ulps(double found, double truth) {
  const int exponent = std::max(std::ilogb(truth), -126) - 23;
  return std::abs(found - truth) / std::ldexp(1.0, exponent);
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

TEST_CASE("a product keeps its digits where the function is denormal", "[numerics]") {
  const Formula silu([](Expr x) { return x * call(Op::sigmoid, x); });
  const Formula mish([](Expr x) { return call(Op::tanh_log1p_exp, x) * x; });
  const Formula times_exp([](Expr x) { return x * call(Op::exp, x); });
  const Formula swish([](Expr x) { return x * call(Op::sigmoid, x * 0x1p-7); });
  for (const double x : {-20.0, -60.0, -87.5, -100.0, -103.0, -106.0}) {
    INFO(x);
    CHECK(ulps(silu(x), x * sigmoid(x)) <= 2);
    CHECK(ulps(mish(x), x * std::tanh(std::log1p(std::exp(x)))) <= 2);
    CHECK(ulps(times_exp(x), x * std::exp(x)) <= 2);
    CHECK(ulps(swish(128 * x), 128 * x * sigmoid(x)) <= 2);
  }
  for (const Formula* formula : {&silu, &mish, &times_exp}) {
    CHECK((*formula)(-3e38) == 0);
    CHECK((*formula)(-200) == 0);
  }
  CHECK(silu(100) == 100);
  CHECK(silu.count(Op::div) == 1);
  CHECK(silu.count(Op::mul) == 1);  // of the exponential: x is the numerator
}

TEST_CASE("(x f(x)) y is (x y) f(x)", "[numerics]") {
  const auto limited = [](Expr v, Expr x) {
    const double inf = std::numeric_limits<double>::infinity();
    const ValueId operands[] = {
        v.id, x.id, number(x, 0).id, number(x, inf).id, number(x, 0).id, number(x, 1).id};
    return Expr{x.graph, x.graph->add(Op::limits, operands)};
  };
  const auto worst = [&](Op op, double (*f)(double), double up, double from, double to) {
    const Formula plain([=](Expr x) { return (x * call(op, x)) * number(x, up); });
    const Formula called([=](Expr x) { return number(x, up) * limited(x * call(op, x), x); });
    double largest = 0;
    for (int i = 0; i <= 1000; ++i) {
      const double x = static_cast<float>(from + (to - from) * i / 1000);
      const double truth = x * f(x) * up;
      largest = std::max({largest, ulps(plain(x), truth), ulps(called(x), truth)});
    }
    return largest;
  };
  const auto phi = [](double x) { return 0.5 * std::erfc(-x * std::sqrt(0.5)); };
  const auto gate = [](double x) { return std::tanh(std::log1p(std::exp(x))); };
  for (const double up : {1.3, -1e20, 7e29, 3e-20}) {
    INFO(up);
    CHECK(worst(Op::sigmoid, sigmoid, up, -105, 20) <= 1.4);
    CHECK(worst(Op::normal_cdf, phi, up, -13.5, 5) <= 2.1);
    CHECK(worst(Op::tanh_log1p_exp, gate, up, -85, 20) <= 1.6);
  }
  const Formula silu(
      [&](Expr x) { return number(x, 1e30) * limited(x * call(Op::sigmoid, x), x); });
  CHECK(silu(-std::numeric_limits<double>::infinity()) == 0);
  CHECK(silu(std::numeric_limits<double>::infinity()) == std::numeric_limits<double>::infinity());
  CHECK(silu(-3e38) == 0);
  const Formula slope([](Expr x) { return (number(x, 4) * call(Op::sigmoid, x)) * x; });
  CHECK(slope(-3e38) == 0);
  CHECK(slope(-200) == 0);
  const Formula other([](Expr x) { return (number(x, 1e20) * call(Op::sigmoid, x)) * 1e30; });
  CHECK(ulps(other(-100), 1e50 * sigmoid(-100)) <= 3);
  const Formula infinite(
      [](Expr x) { return (x * call(Op::log1p_exp, -1.0 / x)) * number(x, 1.001); });
  CHECK(infinite(-1e-39) == -std::numeric_limits<double>::infinity());
}

TEST_CASE("a factor may bring an exponential back into range", "[numerics]") {
  const Formula small([](Expr x) { return call(Op::exp, x) * 0x1p-60; });
  const Formula large([](Expr x) { return 0x1p60 * call(Op::exp, x); });
  const Formula less([](Expr x) { return call(Op::exp2, x) * 0.5; });
  CHECK(small(100) == Approx(std::exp(100) * 0x1p-60));
  CHECK(large(-120) == Approx(std::exp(-120) * 0x1p60));
  CHECK(less(128) == 0x1p127);
  CHECK(small(200) == std::numeric_limits<double>::infinity());
}

TEST_CASE("a product with an exponential overflows with its own sign", "[numerics]") {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  for (const double factor : {46.8, 1.0, 3e38, kInf}) {
    const Formula up([=](Expr x) { return number(x, factor) * call(Op::exp, x); });
    const Formula down([=](Expr x) { return number(x, -factor) * call(Op::exp, x); });
    for (const double x : {89.5, 100.25, 113.3, 170.0, 1000.0}) {
      INFO(factor << " at " << x);
      CHECK(up(x) == kInf);
      CHECK(down(x) == -kInf);
    }
  }
  const Formula infinite([](Expr x) { return number(x, kInf) * call(Op::exp, x); });
  CHECK(infinite(0) == kInf);
}

TEST_CASE("a product at infinity is IEEE's, under limits the limit", "[numerics]") {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const auto times = [](Op op) { return [=](Expr x) { return x * call(op, x); }; };
  const auto limited = [](Op op) {
    return [=](Expr x) {
      const Expr value = x * call(op, x);
      const Expr zero = number(x, 0);
      const ValueId operands[] = {value.id, x.id, zero.id, number(x, kInf).id, zero.id, zero.id};
      return Expr{x.graph, x.graph->add(Op::limits, operands)};
    };
  };
  for (const Op op : {Op::sigmoid, Op::exp, Op::normal_cdf, Op::tanh_log1p_exp}) {
    const Formula bare(times(op));
    CHECK(std::isnan(bare(-kInf)));
    CHECK(bare(kInf) == kInf);
    CHECK(bare(-3e38) == 0);
    CHECK(std::signbit(bare(-3e38)));
    CHECK(bare(-0.0) == 0);
    const Formula with_limits(limited(op));
    CHECK(with_limits(-kInf) == 0);
    CHECK(with_limits.size() < bare.size());
  }
  const Formula density(times(Op::normal_pdf));
  CHECK(std::isnan(density(kInf)));
  CHECK(std::isnan(density(-kInf)));
  const Formula silu_slope(
      [](Expr x) { return make(Op::plus_slope, call(Op::sigmoid, x), x, number(x, 0)); });
  CHECK(std::isnan(silu_slope(-kInf)));
  // A factor of its own is not lost where the function vanishes.
  const Formula gated([](Expr x) { return (x - x) * call(Op::sigmoid, x * 1e-30 - 200.0); });
  CHECK(std::isnan(gated(kInf)));
  CHECK(gated(1) == 0);
}

TEST_CASE("a quotient keeps them too", "[numerics]") {
  const Formula softplus([](Expr x) { return call(Op::log1p_exp, x) / 0x1p-7; });
  CHECK(ulps(softplus(-100), std::exp(-100) * 0x1p7) <= 2);
  CHECK(softplus(100) == 12800);
}

TEST_CASE("a quotient vanishes with its numerator, be the divisor tiny", "[numerics]") {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const auto unknown = [](Expr x, double value) { return abs(number(x, value)); };
  const auto vanishing = [&](const Formula& formula) {
    for (const double x : {-200.0, -1000.0, -3e38}) {
      INFO(x);
      CHECK(formula(x) == 0);
    }
  };
  for (const Op op : {Op::exp, Op::sigmoid, Op::log1p_exp, Op::tanh_log1p_exp, Op::normal_cdf}) {
    INFO(ir::name(op));
    const Formula by_tiny([=](Expr x) { return call(op, x) / unknown(x, 1e-38); });
    const Formula by_literal([=](Expr x) { return call(op, x) / number(x, 1e-38); });
    const Formula in_product(
        [=](Expr x) { return unknown(x, 1e38) * (call(op, x) / unknown(x, 1e-45)); });
    const Formula of_literal(
        [=](Expr x) { return unknown(x, 1e38) * (call(op, x) / number(x, 2)); });
    const Formula of_product([=](Expr x) { return (x * call(op, x)) / unknown(x, 1e-38); });
    const Formula twice(
        [=](Expr x) { return call(op, x) / unknown(x, 1e-38) / unknown(x, 1e-38); });
    for (const Formula* formula :
         {&by_tiny, &by_literal, &in_product, &of_literal, &of_product, &twice})
      vanishing(*formula);
    const Formula by_zero([=](Expr x) { return call(op, x) / unknown(x, 0); });
    CHECK(by_zero(-3e38) == kInf);
  }
  const Formula softplus([=](Expr x) { return call(Op::log1p_exp, x) / unknown(x, 0x1p-7); });
  CHECK(ulps(softplus(-100), std::exp(-100) * 0x1p7) <= 2);
  const Formula log_sigmoid([=](Expr x) { return call(Op::log_sigmoid, -x) * unknown(x, 1e38); });
  vanishing(log_sigmoid);
}

TEST_CASE("a parameter that is never tiny costs a quotient nothing", "[numerics]") {
  const auto size = [](std::span<const double> least) {
    Graph graph(Elem::f32);
    const Expr x{&graph, graph.add_input("x", {Elem::f32, ir::Extent::element})};
    const Expr beta{&graph, graph.add_param("beta", 1, true)};
    graph.add_output("y", (call(Op::log1p_exp, beta * x) / beta).id);
    const Result<Graph> expanded = expand(graph, 0, least);
    REQUIRE(expanded.ok());
    return expanded->live().size();
  };
  CHECK(size(std::array{0.01}) < size({}));
  CHECK(size(std::array{0x1p-100}) == size({}));
}

TEST_CASE("the low word of a product under an exponential counts", "[numerics]") {
  const auto with_low = [](Op op, double factor) {
    return [=](Expr x) {
      const Expr h = x * factor;
      return make(op, h, fma(x, number(x, factor), -h));
    };
  };
  const double factor = static_cast<double>(1.702f);
  const Formula exponential(with_low(Op::exp, factor));
  const Formula gate(with_low(Op::sigmoid, factor));
  for (const double x : {-50.0, -33.3125, -7.7, 12.34}) {
    const double given = static_cast<double>(static_cast<float>(x));
    CHECK(ulps(exponential(given), std::exp(factor * given)) <= 2);
    CHECK(ulps(gate(given), sigmoid(factor * given)) <= 2);
  }
  // An overflowing product has a NaN for its low word.
  CHECK(exponential(-3e38) == 0);
  CHECK(gate(3e38) == 1);
}

TEST_CASE("a function and its slope are one piece", "[numerics]") {
  const auto slope = [](Op f, double factor) {
    return [=](Expr x) {
      return make(Op::plus_slope, call(f, x), factor == 1 ? x : x * factor, number(x, 0));
    };
  };
  const Formula silu(slope(Op::sigmoid, 1));
  const Formula mish(slope(Op::tanh_log1p_exp, 1));
  const Formula gelu(slope(Op::normal_cdf, 1));
  const auto silu_truth = [](double x) { return sigmoid(x) * (1 + x * sigmoid(-x)); };
  for (const double x : {-100.0, -40.0, -5.0, -0.5, 0.0, 1.0, 30.0})
    CHECK(ulps(silu(x), silu_truth(x)) <= 2);
  CHECK(mish(0) == Approx(0.6));
  CHECK(gelu(0) == Approx(0.5));
  // Next to the zero of silu' a difference of rounded terms has no digit left.
  const double near_zero = static_cast<double>(-1.278464542f);
  CHECK(std::abs(silu(near_zero) - silu_truth(near_zero)) < 0x1p-31);
  // Any other factor, also one that is as large as the slope is small.
  const Formula steep(slope(Op::sigmoid, 0x1p100));
  const Formula steep_gate(slope(Op::tanh_log1p_exp, 0x1p100));
  for (const double x : {-108.0, -60.0, -0.75, 0.5, 30.0, 70.0, 100.0}) {
    INFO(x);
    const double gate = std::tanh(std::log1p(std::exp(x)));
    const double gate_slope = 1 / std::cosh(std::log1p(std::exp(x)));
    CHECK(ulps(steep(x), sigmoid(x) * (1 + 0x1p100 * x * sigmoid(-x))) <= 2);
    CHECK(ulps(steep_gate(x), gate + 0x1p100 * x * gate_slope * gate_slope * sigmoid(x)) <= 2);
  }
  CHECK(steep(-500) == 0);
  CHECK(steep(500) == 1);
  CHECK(steep_gate(500) == 1);
}

TEST_CASE("what has no expansion is an error that names it", "[numerics]") {
  Graph graph(Elem::f32);
  const ValueId x = graph.add_input("x", {Elem::f32, ir::Extent::element});
  graph.add_output("y", graph.add(Op::derivative, {x, x}));
  const Result<Graph> expanded = expand(graph);
  REQUIRE(!expanded.ok());
  CHECK(expanded.error().status == Status::unsupported);
  CHECK(expanded.error().message.find("derivative") != std::string::npos);
}

}  // namespace sluice::numerics
