// Random formulas, made of what rules look for: rewriting changes neither the real function nor its
// derivative.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "compiler/autodiff/differentiate.hpp"
#include "compiler/ir/expr.hpp"
#include "compiler/ir/text.hpp"
#include "compiler/rewrite/low_words.hpp"
#include "compiler/rewrite/stabilize.hpp"
#include "tests/unit/reference.hpp"

namespace sluice::rewrite {
namespace {

using ir::Expr;
using ir::Graph;
using ir::Op;
using test::Real;
using test::Reference;

class Generator {
 public:
  Generator(Graph& graph, unsigned seed) : graph_(graph), random_(seed) {
    values_.push_back({&graph, graph.add_input("x", {ir::Elem::f64, ir::Extent::element})});
    values_.push_back({&graph, graph.add_param("p", 0.75, true)});
  }

  Expr formula(int operations) {
    for (int i = 0; i < operations; ++i) values_.push_back(operation());
    return values_.back();
  }

 private:
  std::size_t below(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
  }
  Expr literal() {
    constexpr double kLiterals[] = {1, 1, 1, -1, 0.5, -0.5, 2, 2, -2, 0.7071067811865476, 0.3};
    return {&graph_, graph_.constant(kLiterals[below(std::size(kLiterals))])};
  }
  // Late values more often than early ones, so that formulas grow deep.
  Expr value() {
    const std::size_t back = std::min(below(values_.size()), below(values_.size()));
    return values_[values_.size() - 1 - back];
  }
  Expr either() { return below(3) == 0 ? literal() : value(); }

  Expr function(Expr a) {
    constexpr Op kFunctions[] = {Op::exp,         Op::exp,       Op::exp,        Op::tanh,
                                 Op::log,         Op::log1p,     Op::sigmoid,    Op::sigmoid,
                                 Op::erf,         Op::log1p_exp, Op::normal_cdf, Op::expm1,
                                 Op::log_sigmoid, Op::erfc};
    return make(kFunctions[below(std::size(kFunctions))], a, number(a, 0.0));
  }
  Expr signed_value(Expr a) { return below(2) == 0 ? a : -a; }

  // What is drawn is drawn one statement after the other: operands have no certain order, and the
  // same seed must give the same formula with every compiler.
  Expr operation() {
    const Expr a = value();
    switch (below(17)) {
      case 0: return a + either();
      case 1: {
        const Expr of = signed_value(function(a));
        return literal() + of;
      }
      case 2: return literal() + a;
      case 3: return literal() - a;
      case 4: return a - either();
      case 5:
      case 6: return either() * a;
      case 7: return literal() / a;
      case 8: return a / either();
      case 9: return -a;
      case 10: return below(2) == 0 ? abs(a) : make(Op::integer_power, a, number(a, power()));
      case 11: return branches(a);
      case 12: {
        const Expr second = function(signed_value(a));
        return function(a) * second;
      }
      case 13: {
        const Expr below_line = 1.0 + function(signed_value(a));
        return function(a) / below_line;
      }
      case 14: return 1.0 / (1.0 + elementary(Op::exp, signed_value(a)));
      default: return function(a);
    }
  }
  Expr branches(Expr a) {
    if (below(2) != 0) return max(a, either());
    const Expr otherwise = either();
    const Expr then = value();
    return select(a < either(), then, otherwise);
  }
  static Expr elementary(Op op, Expr a) { return make(op, a, number(a, 0.0)); }
  double power() {
    constexpr double kPowers[] = {2, 2, 3, -2};
    return kPowers[below(std::size(kPowers))];
  }

  Graph& graph_;
  std::mt19937 random_;
  std::vector<Expr> values_;
};

// Equal, or so near a pole or so cancelling that extended precision does not tell.
bool agree(Real a, Real b) {
  if (!std::isfinite(a) || !std::isfinite(b)) return true;
  return std::abs(a - b) <= 1e-7L * std::max({Real{1}, std::abs(a), std::abs(b)});
}

// A formula that rounding changes much is no test: extended precision tells no more than double.
bool is_tame(const Graph& graph, double x) {
  const double inputs[] = {x};
  const double params[] = {0.75};
  const Real a = Reference<Real>(graph)(inputs, params)[0];
  const double b = Reference<double>(graph)(inputs, params)[0];
  return std::isfinite(a) && std::abs(a) < 1e9L &&
         std::abs(a - static_cast<Real>(b)) <= 1e-10L * std::max(Real{1e-3L}, std::abs(a));
}

}  // namespace

constexpr unsigned kSeeds = 4000;

TEST_CASE("random formulas keep their meaning", "[rewrite]") {
  std::size_t fired_rules = 0;
  for (unsigned seed = 0; seed < kSeeds; ++seed) {
    Graph text(ir::Elem::f64);
    Generator generator(text, seed);
    const Expr y = generator.formula(4 + static_cast<int>(seed % 12));
    Graph with_slope = text.without_outputs();
    text.add_output("y", y.id);
    const ir::ValueId wrt[] = {text.input_value(0)};
    with_slope.add_output("dx", autodiff::partials(with_slope, y.id, wrt)[0]);

    std::vector<std::string> fired;
    const Graph stable = stabilize(text, fired);
    Graph slope = stable.without_outputs();
    const ir::ValueId by[] = {slope.input_value(0)};
    slope.add_output("dx", autodiff::partials(slope, stable.outputs()[0].value, by)[0]);
    const Graph stable_slope = with_low_words(stabilize(slope, fired), fired);
    const Graph stable_value = with_low_words(stable, fired);
    fired_rules += fired.size();

    Reference<Real> before(text);
    Reference<Real> after(stable_value);
    Reference<Real> slope_before(with_slope);
    Reference<Real> slope_after(stable_slope);
    const double params[] = {0.75};
    for (const double x : {-2.3, -0.8, -0.11, 0.13, 0.9, 1.7, 3.1}) {
      const double inputs[] = {x};
      if (!is_tame(text, x)) continue;
      const Real a = before(inputs, params)[0];
      const Real b = after(inputs, params)[0];
      if (!agree(a, b)) {
        INFO("seed " << seed << " at " << x << "\n" << ir::print(text) << ir::print(stable_value));
        CHECK(static_cast<double>(a) == Approx(static_cast<double>(b)));
      }
      if (!is_tame(with_slope, x)) continue;
      const Real c = slope_before(inputs, params)[0];
      const Real d = slope_after(inputs, params)[0];
      if (!agree(c, d)) {
        INFO("slope, seed " << seed << " at " << x << "\n"
                            << ir::print(text) << ir::print(with_slope) << ir::print(stable_slope));
        CHECK(static_cast<double>(c) == Approx(static_cast<double>(d)));
      }
    }
  }
  CHECK(fired_rules > 4000);
}

}  // namespace sluice::rewrite
