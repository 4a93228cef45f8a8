#include "compiler/autodiff/algebra.hpp"

#include "compiler/ir/scalar.hpp"

namespace sluice::autodiff {
namespace {

using ir::Expr;
using ir::Op;

bool is(Expr a, Op op) { return a.node().op == op; }

double value(Expr a) { return a.graph->constant_value(a.id); }

}  // namespace

bool is_zero(Expr a) { return a.is_constant(0.0) || a.is_constant(-0.0); }

Expr negative(Expr a) {
  if (a.is_constant()) return number(a, -value(a));
  return is(a, Op::neg) ? a.operand(0) : -a;
}

Expr product(Expr a, Expr b) {
  if (is_zero(a) || is_zero(b)) return number(a, 0.0);
  if (a.is_constant() && b.is_constant()) return number(a, value(a) * value(b));
  if (a.is_constant(1.0)) return b;
  if (b.is_constant(1.0)) return a;
  if (a.is_constant(-1.0)) return negative(b);
  if (b.is_constant(-1.0)) return negative(a);
  if (is(a, Op::neg)) return negative(product(a.operand(0), b));
  if (is(b, Op::neg)) return negative(product(a, b.operand(0)));
  // One rounding less than a product with the reciprocal.
  if (is(b, Op::div) && b.operand(0).is_constant(1.0)) return a / b.operand(1);
  if (is(a, Op::div) && a.operand(0).is_constant(1.0)) return b / a.operand(1);
  return a * b;
}

Expr sum(Expr a, Expr b) {
  if (is_zero(a)) return b;
  if (is_zero(b)) return a;
  if (a.is_constant() && b.is_constant()) return number(a, value(a) + value(b));
  if (is(a, Op::neg) && is(b, Op::neg)) return negative(sum(a.operand(0), b.operand(0)));
  if (is(b, Op::neg)) return a - b.operand(0);
  if (is(a, Op::neg)) return b - a.operand(0);
  return a + b;
}

Expr choose(Expr condition, Expr a, Expr b) {
  if (a == b) return a;
  if (condition.is_constant()) return condition.node().payload != 0 ? a : b;
  if (is(condition, Op::logic_not)) return choose(condition.operand(0), b, a);
  return select(condition, a, b);
}

}  // namespace sluice::autodiff
