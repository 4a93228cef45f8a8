#include "compiler/autodiff/rules.hpp"

#include <limits>
#include <numbers>

#include "compiler/autodiff/algebra.hpp"

namespace sluice::autodiff {
namespace {

using ir::Expr;
using ir::Op;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kLn2 = std::numbers::ln2;
constexpr double kLog2E = std::numbers::log2e;
constexpr double kLog10E = std::numbers::log10e;
constexpr double kLnTwoOverRootPi = 0x1.eeb95b094c191p-4;  // ln(2 / sqrt(pi))

// A slope as rules.def writes it: an expression, a literal, or kNone.
struct Slope {
  std::optional<Expr> expr;
  std::optional<double> literal;

  Slope(Expr value) : expr(value) {}
  Slope(double value) : literal(value) {}
  Slope() = default;

  [[nodiscard]] std::optional<Expr> resolve(Expr like) const {
    return literal ? number(like, *literal) : expr;
  }
};
const Slope kNone;

// A choice between literals, which stays a select: split() takes it apart.
Expr choose(Expr condition, Slope a, Slope b) {
  return ir::select(condition, *a.resolve(condition), *b.resolve(condition));
}

#define ELEMENTARY(name)                                                                           \
  [[maybe_unused]] Expr name(Expr a) { return make(Op::name, a, number(a, 0.0)); }
ELEMENTARY(exp)
ELEMENTARY(log)
ELEMENTARY(tanh)
ELEMENTARY(sigmoid)
ELEMENTARY(sigmoid_derivative)
ELEMENTARY(tanh_log1p_exp)
ELEMENTARY(tanh_log1p_exp_derivative)
ELEMENTARY(normal_pdf)
ELEMENTARY(sin)
ELEMENTARY(cos)
ELEMENTARY(sinh)
ELEMENTARY(cosh)
#undef ELEMENTARY

Expr row_sum(Expr a) { return make(Op::row_sum, a); }
Expr row_softmax(Expr a, Expr b) { return make(Op::row_softmax, a, b); }
Expr width(Expr like) { return to_float(Expr{like.graph, like.graph->add_position(Op::width)}); }
Expr column(Expr like) { return {like.graph, like.graph->add_position(Op::column)}; }
bool varies(Expr a) { return a.type().extent == ir::Extent::element; }

// What a reduction's operand that is one value for the row has from all columns.
Expr of_all_columns(Expr a, Expr slope) { return varies(a) ? slope : slope * width(a); }

// e^(a - y), as a softmax; where y is inf, which a softmax has no value for, that is 0 at a finite
// a.
Expr slope_of_logsumexp(Expr a, Expr y) {
  return ir::select(equal(y, kInf), a * 0, row_softmax(a, number(a, -kInf)));
}

// Elements that are the row's extremum y have equal shares of its gradient.
Expr share_of_ties(Expr a, Expr y) {
  if (!varies(a)) return number(a, 1);
  const Expr ties = row_sum(ir::select(equal(a, y), number(a, 1), number(a, 0)));
  return choose(equal(a, y), 1 / ties, 0);
}

// The product of the row's other elements: of all of them over this one where none is 0; where one
// is, that one alone has a slope.
Expr product_of_others(Expr a) {
  const Expr is_zero = equal(a, 0);
  const Expr zeros = row_sum(ir::select(is_zero, number(a, 1), number(a, 0)));
  const Expr rest = make(Op::row_prod, ir::select(is_zero, number(a, 1), a));
  return of_all_columns(
      a, choose(equal(zeros, 0), rest / a, choose(is_zero && equal(zeros, 1), rest, 0)));
}

// max(a, b) is b where b > a or b is NaN; at a tie the gradient goes to b. A constant is not NaN,
// which leaves one comparison.
Expr second_of_max(Expr a, Expr b) {
  if (b.is_constant()) return a <= b;
  if (a.is_constant()) return !(b < a);
  return a <= b || not_equal(b, b);
}
Expr second_of_min(Expr a, Expr b) {
  if (b.is_constant()) return b <= a;
  if (a.is_constant()) return !(a < b);
  return b <= a || not_equal(b, b);
}

// Whether clamp(a, low, high) = min(max(a, low), high) is high and not at a tie.
Expr above(Expr a, Expr low, Expr high) {
  const auto value = [](Expr bound) { return bound.graph->constant_value(bound.id); };
  const bool ordered = low.is_constant() && high.is_constant() && value(low) <= value(high);
  return high < (ordered ? a : max(a, low));
}

// 1 / (1 + a^2), times c^2 above and below: a c neither overflows before the slope is 0 nor is it
// too small where a^2 counts beside 1.
Expr slope_of_atan(Expr a) {
  const double c = a.graph->compute() == ir::Elem::f64 ? 0x1p-300 : 0x1p-32;
  const Expr scaled = a * c;
  return c * c / fma(scaled, scaled, c * c);
}
// 1 / sqrt(a^2 + 1) and, for a >= 1, 1 / sqrt(a^2 - 1): the fma rounds once, however much cancels.
// From 2^60 on, long before a^2 overflows, the root is |a|.
Expr slope_of_asinh(Expr a) {
  const Expr h = abs(a);
  return 1 / ir::select(h > 0x1p60, h, sqrt(fma(h, h, 1)));
}
Expr slope_of_acosh(Expr a) {
  const Expr h = max(a, 0);  // NaN below 1
  return 1 / ir::select(h > 0x1p60, h, sqrt(fma(h, h, -1)));
}
// 1 / (1 - a^2), likewise. Far beyond 1, where only the formula goes on, a is made smaller by c.
Expr slope_of_atanh(Expr a) {
  const bool wide = a.graph->compute() == ir::Elem::f64;
  const double c = wide ? 0x1p-512 : 0x1p-64;
  const Expr far = abs(a) > 0x1p30;
  const Expr t = a * ir::select(far, c, number(a, 1));
  return 1 / fma(-t, t, ir::select(far, 0, number(a, 1))) * ir::select(far, c * c, number(a, 1));
}

// a^(-2/3) / 3 as (y / 3) / a: 1 / (3 y^2) takes y's error twice, and is 3.9 ulps off. Of 0 and
// infinities, which are their own doubles, 1 / |a|.
Expr slope_of_cbrt(Expr a, Expr y) {
  const Expr end = equal(a, a + a);
  return ir::select(end, 1, y / 3) / ir::select(end, abs(a), a);
}

Expr squareplus_slope(Expr a, Expr b) { return make(Op::squareplus_slope, a, b); }
// sqrt(a^2 + b); from 2^60 on, long before a^2 overflows, |a|.
Expr root_of_square(Expr a, Expr b) {
  const Expr h = abs(a);
  return ir::select(h > 0x1p60, h, sqrt(fma(h, h, b)));
}
Expr over_cubed_root(Expr v, Expr a, Expr b) {
  const Expr root = root_of_square(a, b);
  return v / root / root / root;
}

// v, a slope by a that tends to 0 at -inf and inf, where its arithmetic may be inf * 0.
Expr vanishing(Expr v, Expr a) {
  const ir::ValueId zero = number(a, 0).id;
  const ir::ValueId operands[] = {v.id, a.id, zero, zero, zero, zero};
  return {a.graph, a.graph->add(Op::limits, operands)};
}

// b * a^(b - 1), and 0 where b is 0, also at a = 0.
Expr slope_of_base(Expr a, Expr b) {
  const Expr slope = b * make(Op::pow_less_one, a, b);
  return b.is_constant() && !is_zero(b) ? slope : choose(equal(b, 0), 0, slope);
}

// k * a^(k - 1). integer_power takes exponents of magnitude 2 to 16.
Expr slope_of_integer_power(Expr a, Expr b, Expr y) {
  const double k = a.graph->constant_value(b.id);
  if (k == 2) return 2 * a;
  if (k == -16) return k * (y / a);
  return k * make(Op::integer_power, a, number(a, k - 1));
}

Slopes resolve(Expr y, Slope a = {}, Slope b = {}, Slope c = {}) {
  return {a.resolve(y), b.resolve(y), c.resolve(y)};
}

}  // namespace

Slopes slopes(Expr y) {
  const ir::Node node = y.node();
  const auto operand = [&](int i) { return i < node.arity() ? y.operand(i) : y; };
  const Expr a = operand(0);
  [[maybe_unused]] const Expr b = operand(1);
  [[maybe_unused]] const Expr c = operand(2);
  switch (node.op) {
#define FLAT(op) case Op::op:
#define RULE(op, ...)
#include "compiler/autodiff/rules.def"
#undef FLAT
#undef RULE
    return {};
#define FLAT(op)
#define RULE(op, ...)                                                                              \
  case Op::op: {                                                                                   \
    return resolve(y, __VA_ARGS__);                                                                \
  }
#include "compiler/autodiff/rules.def"
#undef RULE
#undef FLAT
  }
  return {};
}

}  // namespace sluice::autodiff
