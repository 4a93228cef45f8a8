// Exact rules keep every bit; algebraic rules fire on their textbook forms, not on near misses, and
// the result is no further from the text as written than the text itself.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "compiler/ir/expr.hpp"
#include "compiler/ir/scalar.hpp"
#include "compiler/ir/text.hpp"
#include "compiler/rewrite/low_words.hpp"
#include "compiler/rewrite/rules.hpp"
#include "compiler/rewrite/stabilize.hpp"
#include "tests/unit/reference.hpp"

namespace sluice::rewrite {
namespace {

using ir::Expr;
using ir::Graph;
using ir::Op;
using test::Real;
using test::Reference;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Expr elementary(Op op, Expr a) { return make(op, a, number(a, 0.0)); }
Expr exp(Expr a) { return elementary(Op::exp, a); }
Expr log(Expr a) { return elementary(Op::log, a); }
Expr log1p(Expr a) { return elementary(Op::log1p, a); }
Expr tanh(Expr a) { return elementary(Op::tanh, a); }
Expr erf(Expr a) { return elementary(Op::erf, a); }
Expr erfc(Expr a) { return elementary(Op::erfc, a); }
Expr sigmoid(Expr a) { return elementary(Op::sigmoid, a); }
Expr log1p_exp(Expr a) { return elementary(Op::log1p_exp, a); }
Expr normal_cdf(Expr a) { return elementary(Op::normal_cdf, a); }
Expr power(Expr a, int k) { return make(Op::integer_power, a, number(a, k)); }

// Both sides of an exact rule as graphs over the same inputs.
class Sides {
 public:
  Sides(const LiteralRule& rule, double literal) : literal_(literal) {
    for (int i = 0; i < 3; ++i)
      for (Graph* graph : {&left, &right})
        graph->add_input(std::string(1, static_cast<char>('x' + i)),
                         {ir::Elem::f32, ir::Extent::element});
    left.add_output("left", build(left, rule.left));
    right.add_output("right", build(right, rule.right));
  }
  Graph left{ir::Elem::f32};
  Graph right{ir::Elem::f32};

 private:
  ir::ValueId build(Graph& graph, const Term& term) const {
    if (term.kind == Term::Kind::literal) return graph.constant(term.literal);
    if (term.kind == Term::Kind::variable) {
      if (term.literal_only) return graph.constant(literal_);
      if (term.variable < 3) return graph.input_value(term.variable);
      return graph.add(Op::lt, {graph.input_value(0), graph.input_value(2)});  // a condition
    }
    if (term.op == Op::constant) return graph.boolean(term.operands[0].literal != 0);
    std::vector<ir::ValueId> operands;
    for (const Term& operand : term.operands) operands.push_back(build(graph, operand));
    return graph.add(term.op, operands);
  }
  double literal_;
};

const std::vector<double> kSpecial{0.0,
                                   -0.0,
                                   1,
                                   -1,
                                   1.5,
                                   -3.7,
                                   0x1p-149,
                                   -0x1p-149,
                                   0x1.8p-127,
                                   0x1p-126,
                                   0x1.fffffep127,
                                   -0x1.fffffep127,
                                   kInf,
                                   -kInf,
                                   kNaN,
                                   0.1,
                                   0x1p100,
                                   7e-20};

std::uint32_t bits_of(const Graph& graph, const std::vector<std::uint64_t>& inputs) {
  const auto bits = static_cast<std::uint32_t>(ir::evaluate(graph, inputs, {}).front());
  const bool is_number = ir::is_number(graph[graph.outputs()[0].value].type.elem);
  return is_number && (bits & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : bits;
}

std::ptrdiff_t operations(const Graph& graph) {
  const std::vector<ir::ValueId> live = graph.live();
  return std::count_if(live.begin(), live.end(),
                       [&](ir::ValueId id) { return graph[id].arity() > 0; });
}

// What the textbook forms are, in forms that do not cancel.
namespace truth {
Real sigmoid(Real x) { return test::real_sigmoid(x); }
Real sigmoid4(Real x) { return 4 * test::real_sigmoid(2 * x); }
Real silu(Real x) { return x * test::real_sigmoid(x); }
Real gelu_tanh(Real x) {
  return x * test::real_sigmoid(2 * Real{0.7978845608f} * (x + Real{0.044715f} * x * x * x));
}
Real complement(Real x) { return test::real_sigmoid(-x); }
Real complement3(Real x) { return 3 * test::real_sigmoid(-x); }
Real slope(Real x) { return test::real_sigmoid_derivative(x); }
Real tanh(Real x) { return std::tanh(x); }
Real tanh_slope(Real x) { return 4 * test::real_sigmoid_derivative(2 * x); }
Real log_sigmoid(Real x) { return -test::real_log1p_exp(-x); }
Real log1p_exp(Real x) { return test::real_log1p_exp(x); }
Real softplus(Real x) { return 4 * test::real_log1p_exp(x / 4); }
Real mish(Real x) { return x * test::real_tanh_log1p_exp(x); }
Real log1p(Real x) { return std::log1p(x); }
Real log1p_part(Real x) { return std::log1p(-x / 4); }
Real log1p_square(Real x) { return std::log1p(x * x); }
Real expm1(Real x) { return std::expm1(x); }
Real minus_expm1(Real x) { return -std::expm1(-x); }
Real expm1_part(Real x) { return Real{0.375} * std::expm1(x); }
Real elu(Real x) { return x > 0 ? x : 2 * std::expm1(x); }
Real abs_expm1(Real x) { return std::fabs(x) * std::expm1(x); }
Real normal_cdf(Real x) { return test::real_normal_cdf(x); }
Real gelu(Real x) { return x * test::real_normal_cdf(x); }
Real normal_pdf(Real x) { return test::real_normal_pdf(x); }
Real softsign(Real x) { return x / (1 + std::fabs(x)); }
}  // namespace truth

struct Form {
  const char* rule;  // the name that must be among those fired
  std::function<Expr(Expr)> text;
  Real (*truth)(Real);
  double limit;  // of |x|
};

std::vector<Form> textbook_forms() {
  return {
      {"sigmoid", [](Expr x) { return 1.0 / (1.0 + exp(-x)); }, truth::sigmoid, 80},
      {"sigmoid", [](Expr x) { return x / (exp(-x) + 1.0); }, truth::silu, 80},
      {"sigmoid", [](Expr x) { return exp(x) / (1.0 + exp(x)); }, truth::sigmoid, 80},
      {"sigmoid", [](Expr x) { return 1.0 / (exp(-2.0 * x) + 1.0) * 4.0; }, truth::sigmoid4, 30},
      {"sigmoid", [](Expr x) { return 0.5 * (1.0 + tanh(0.5 * x)); }, truth::sigmoid, 80},
      {"sigmoid",
       [](Expr x) { return 0.5 * x * (1.0 + tanh(0.7978845608 * (x + 0.044715 * power(x, 3)))); },
       truth::gelu_tanh, 9},
      {"sigmoid-complement", [](Expr x) { return 1.0 - sigmoid(x); }, truth::complement, 80},
      {"sigmoid", [](Expr x) { return 0.5 + 0.5 * tanh(0.5 * x); }, truth::sigmoid, 80},
      {"sigmoid", [](Expr x) { return tanh(x / 2.0) / 2.0 + 0.5; }, truth::sigmoid, 80},
      {"sigmoid", [](Expr x) { return 0.5 - tanh(0.5 * x) * 0.5; }, truth::complement, 80},
      {"sigmoid", [](Expr x) { return 0.5 * x * tanh(0.5 * x) + 0.5 * x; }, truth::silu, 80},
      {"sigmoid-complement", [](Expr x) { return 3.0 - 3.0 * sigmoid(x); }, truth::complement3, 80},
      {"sigmoid-complement", [](Expr x) { return x - sigmoid(-x) * x; }, truth::silu, 80},
      {"sigmoid-complement", [](Expr x) { return 1.0 - 1.0 / (1.0 + exp(-x)); }, truth::complement,
       80},
      {"sigmoid-slope", [](Expr x) { return sigmoid(x) * (1.0 - sigmoid(x)); }, truth::slope, 80},
      {"sigmoid-slope", [](Expr x) { return sigmoid(x) - power(sigmoid(x), 2); }, truth::slope, 80},
      {"sigmoid-slope", [](Expr x) { return exp(x) / power(1.0 + exp(x), 2); }, truth::slope, 80},
      {"tanh", [](Expr x) { return (exp(x) - exp(-x)) / (exp(x) + exp(-x)); }, truth::tanh, 40},
      {"tanh", [](Expr x) { return (exp(2.0 * x) - 1.0) / (exp(2.0 * x) + 1.0); }, truth::tanh, 40},
      {"tanh", [](Expr x) { return (1.0 - exp(-2.0 * x)) / (1.0 + exp(-2.0 * x)); }, truth::tanh,
       40},
      {"tanh", [](Expr x) { return 2.0 / (1.0 + exp(-2.0 * x)) - 1.0; }, truth::tanh, 40},
      {"tanh", [](Expr x) { return 1.0 - 2.0 / (exp(2.0 * x) + 1.0); }, truth::tanh, 40},
      {"tanh", [](Expr x) { return 2.0 * sigmoid(2.0 * x) - 1.0; }, truth::tanh, 40},
      {"tanh", [](Expr x) { return 2.0 * (sigmoid(2.0 * x) - 0.5); }, truth::tanh, 40},
      {"tanh-slope", [](Expr x) { return 1.0 - power(tanh(x), 2); }, truth::tanh_slope, 40},
      {"tanh-slope", [](Expr x) { return 0.25 - 0.25 * power(tanh(0.5 * x), 2); }, truth::slope,
       40},
      {"tanh-slope", [](Expr x) { return 1.0 - tanh(x) * tanh(x); }, truth::tanh_slope, 40},
      {"sigmoid-slope", [](Expr x) { return (1.0 - tanh(x)) * (1.0 + tanh(x)); }, truth::tanh_slope,
       40},
      {"log_sigmoid", [](Expr x) { return log(sigmoid(x)); }, truth::log_sigmoid, 80},
      {"log_sigmoid", [](Expr x) { return log(1.0 / (1.0 + exp(-x))); }, truth::log_sigmoid, 80},
      {"log_sigmoid", [](Expr x) { return -log(1.0 + exp(-x)); }, truth::log_sigmoid, 80},
      {"log_sigmoid", [](Expr x) { return log(1.0 - sigmoid(-x)); }, truth::log_sigmoid, 80},
      {"log1p_exp", [](Expr x) { return log(1.0 + exp(x)); }, truth::log1p_exp, 80},
      {"log1p_exp", [](Expr x) { return log1p(exp(x)); }, truth::log1p_exp, 80},
      {"log1p_exp", [](Expr x) { return log(exp(0.25 * x) + 1.0) / 0.25; }, truth::softplus, 80},
      {"tanh_log1p_exp", [](Expr x) { return x * tanh(log(1.0 + exp(x))); }, truth::mish, 80},
      {"log1p", [](Expr x) { return log(1.0 + x); }, truth::log1p, 0.9},
      {"log1p", [](Expr x) { return log(1.0 - 0.25 * x); }, truth::log1p_part, 0.9},
      {"log1p", [](Expr x) { return log(x * x + 1.0); }, truth::log1p_square, 0.01},
      {"expm1", [](Expr x) { return exp(x) - 1.0; }, truth::expm1, 1},
      {"expm1", [](Expr x) { return 1.0 - exp(-x); }, truth::minus_expm1, 1},
      {"expm1", [](Expr x) { return select(x > 0.0, x, 2.0 * (exp(x) - 1.0)); }, truth::elu, 20},
      {"expm1", [](Expr x) { return 0.375 * exp(x) - 0.375; }, truth::expm1_part, 20},
      {"expm1", [](Expr x) { return abs(x) * exp(x) - abs(x); }, truth::abs_expm1, 1},
      {"normal_cdf", [](Expr x) { return 0.5 * (1.0 + erf(x / std::sqrt(2.0))); },
       truth::normal_cdf, 12},
      {"normal_cdf", [](Expr x) { return x * 0.5 * (1.0 + erf(x / std::sqrt(2.0))); }, truth::gelu,
       12},
      {"normal_cdf", [](Expr x) { return 0.5 * x * (1.0 + erf(x * 0.7071067811865476)); },
       truth::gelu, 12},
      {"normal_cdf", [](Expr x) { return 0.5 * erfc(-x * 0.7071067811865476); }, truth::normal_cdf,
       12},
      {"normal_cdf", [](Expr x) { return 0.5 * (1.0 - erf(-x / std::sqrt(2.0))); },
       truth::normal_cdf, 12},
      {"normal_cdf", [](Expr x) { return 1.0 - normal_cdf(-x); }, truth::normal_cdf, 12},
      {"normal_cdf", [](Expr x) { return 0.5 + 0.5 * erf(x / std::sqrt(2.0)); }, truth::normal_cdf,
       12},
      {"normal_cdf", [](Expr x) { return 0.5 - 0.5 * erf(-x / std::sqrt(2.0)); }, truth::normal_cdf,
       12},
      {"normal_cdf", [](Expr x) { return x - x * normal_cdf(-x); }, truth::gelu, 12},
      {"normal_pdf", [](Expr x) { return 0.3989422804014327 * exp(-(x * x) / 2.0); },
       truth::normal_pdf, 12},
      {"normal_pdf", [](Expr x) { return exp(-0.5 * power(x, 2)) * 0.3989422804014327; },
       truth::normal_pdf, 12},
      {"softsign", [](Expr x) { return x / (1.0 + abs(x)); }, truth::softsign, 80},
  };
}

std::vector<std::function<Expr(Expr)>> near_misses() {
  return {
      [](Expr x) { return 1.0 / (1.000001 + exp(-x)); },
      [](Expr x) { return 1.0 / (2.0 + exp(-x)); },
      [](Expr x) { return exp(x) / (1.0 + elementary(Op::exp2, x)); },
      [](Expr x) { return exp(x) - 1.5; },
      [](Expr x) { return log(2.0 + x); },
      [](Expr x) { return 1.0 + erf(x * 0.7); },
      [](Expr x) { return 1.0 - tanh(x) * tanh(2.0 * x); },
      [](Expr x) { return 0.5 + 0.25 * tanh(x); },
      [](Expr x) { return 0.5 - sigmoid(x) * 0.25; },
      [](Expr x) { return 2.0 * x * sigmoid(x) - 2.0 * x; },
      [](Expr x) { return sigmoid(x) * (1.5 - sigmoid(x)); },
      [](Expr x) { return sigmoid(x) * sigmoid(x); },
      [](Expr x) { return x / (1.0 + x * x); },
      [](Expr x) { return x / (1.0 + x); },
      [](Expr x) { return tanh(make(Op::detach, log1p_exp(x))); },
      [](Expr x) { return log1p_exp(x) * 2.5; },
      [](Expr x) { return x - log1p_exp(x); },
  };
}

struct Built {
  explicit Built(const std::function<Expr(Expr)>& formula, ir::Elem compute = ir::Elem::f32)
      : text(compute) {
    const Expr x{&text, text.add_input("x", {compute, ir::Extent::element})};
    text.add_output("y", formula(x).id);
  }
  Graph text;
};

bool is_algebraic(const std::string& name) {
  return name != "low-word" && name != "cancelling-sum";
}

double ulps(float got, Real expected) {
  const auto rounded = static_cast<float>(expected);
  if (!std::isfinite(rounded)) return got == rounded ? 0 : kInf;
  const float spacing =
      std::max(std::nextafter(std::abs(rounded), INFINITY) - std::abs(rounded), 0x1p-149f);
  return static_cast<double>(std::abs(static_cast<Real>(got) - expected) /
                             static_cast<Real>(spacing));
}

}  // namespace

TEST_CASE("exact rules keep every bit", "[rewrite]") {
  for (const LiteralRule& rule : exact_rules()) {
    INFO(rule.name);
    for (const double literal : {2.0, 0.1, -3.0, 0.0, -0.0, kInf}) {
      const Sides sides(rule, literal);
      std::vector<std::uint64_t> inputs(3);
      for (const double x : kSpecial)
        for (const double y : kSpecial)
          for (const double u : kSpecial) {
            inputs = {ir::encode(ir::Elem::f32, x), ir::encode(ir::Elem::f32, y),
                      ir::encode(ir::Elem::f32, u)};
            const std::uint32_t left = bits_of(sides.left, inputs);
            if (left != bits_of(sides.right, inputs)) {
              INFO(x << ", " << y << ", " << u << " with " << literal);
              CHECK(left == bits_of(sides.right, inputs));
            }
          }
      const Graph simpler = simplify_exact(sides.left);
      CHECK(operations(simpler) <= operations(sides.left));
    }
  }
}

TEST_CASE("algebraic rules fire on textbook forms", "[rewrite]") {
  for (const Form& form : textbook_forms()) {
    for (const ir::Elem compute : {ir::Elem::f32, ir::Elem::f64}) {
      const Built built(form.text, compute);
      std::vector<std::string> fired;
      const Graph stable = stabilize(built.text, fired);
      INFO(ir::print(built.text) << ir::print(stable));
      CHECK(std::find(fired.begin(), fired.end(), form.rule) != fired.end());
      // Twice is once.
      std::vector<std::string> again;
      CHECK(ir::print(stabilize(stable, again)) == ir::print(stable));
      CHECK(std::none_of(again.begin(), again.end(), is_algebraic));
    }
  }
}

TEST_CASE("algebraic rules do not fire on near misses", "[rewrite]") {
  for (const auto& formula : near_misses()) {
    const Built built(formula);
    std::vector<std::string> fired;
    const Graph stable = stabilize(built.text, fired);
    INFO(ir::print(built.text) << ir::print(stable));
    CHECK(std::none_of(fired.begin(), fired.end(), is_algebraic));
  }
}

TEST_CASE("stable forms are close to the real function", "[rewrite]") {
  for (const Form& form : textbook_forms()) {
    const Built built(form.text);
    std::vector<std::string> fired;
    const Graph stable = with_low_words(stabilize(built.text, fired), fired);
    Reference<float> before(built.text);
    Reference<float> after(stable);
    double worst_before = 0;
    double worst_after = 0;
    double worst_at = 0;
    for (int i = 0; i <= 20000; ++i) {
      const double x = static_cast<float>(form.limit * (i / 10000.0 - 1));
      const Real expected = form.truth(x);
      const double error = ulps(after.at(x), expected);
      worst_before = std::max(worst_before, ulps(before.at(x), expected));
      if (error > worst_after) worst_at = x;
      worst_after = std::max(worst_after, error);
    }
    INFO(ir::print(built.text) << ir::print(stable) << "at " << worst_at << ", before "
                               << worst_before);
    CHECK(worst_after <= 1.5);
    CHECK(worst_after <= worst_before);
  }
}

}  // namespace sluice::rewrite
