// With u = z - max(z) the threshold lies in [-1, -width^(-1/p)]: one element is 0, and none is
// above.
//
// For p >= 1 the sum is convex and falls with t, so that Newton's steps rise from -1 towards the
// threshold and never pass it (Michelot, 1986, for p = 1). Rows of 1 to 10^5 columns of fourteen
// kinds took 2 to 4 + log2(width) / 2 + 4 steps to 2^-24, whatever p from 1 to 16: kSteps are
// enough for 2^24 columns and leave less than half a digit open at the longest.
//
// For p < 1 the sum is neither convex nor concave; it still falls, and its threshold is halved in
// on a logarithmic scale, which takes a step a bit whatever the width.
//
// Either way a step of Newton's from a threshold that counts as a constant comes last: its value is
// the threshold and its slope by u_i the threshold's, (u_i - t)^(p-1) / sum of (u_j - t)^(p-1).
#include "compiler/lower/simplex_threshold.hpp"

#include <cmath>

#include "compiler/ir/expr.hpp"

namespace sluice::lower {
namespace {

using ir::Expr;
using ir::Op;

constexpr int kSteps = 20;
// Of a scale of log2(width) / p <= 93 binades, to the type's last place.
constexpr int kHalvings = 32;
constexpr int kHalvingsF64 = 62;

Expr detached(Expr a) { return make(Op::detach, a); }
Expr row_sum(Expr a) { return make(Op::row_sum, a); }

class Solver {
 public:
  Solver(Expr u, double alpha) : u_(u), v_(detached(u)), p_(1 / (alpha - 1)) {
    const double whole = std::nearbyint(p_);  // of an alpha such as 1.1, which f64 has not
    if (std::abs(p_ - whole) < 1e-9 * p_) p_ = whole;
  }

  Expr run() {
    Expr t = p_ < 1 ? halved() : risen();
    return step(u_, detached(t));
  }

 private:
  Expr risen() {
    Expr t = number(u_, -1);
    for (int i = 0; i < kSteps; ++i) t = step(v_, t);
    return t;
  }

  // The least and the greatest that -t may be.
  Expr halved() {
    const Expr width = to_float(Expr{u_.graph, u_.graph->add_position(Op::width)});
    Expr low = make(Op::pow, width, number(u_, -1 / p_));
    Expr high = number(u_, 1);
    const int halvings = u_.graph->compute() == ir::Elem::f64 ? kHalvingsF64 : kHalvings;
    for (int i = 0; i < halvings; ++i) {
      const Expr middle = sqrt(low) * sqrt(high);
      const Expr enough = row_sum(power(max(v_ + middle, 0.0), p_)) >= 1;
      low = select(enough, low, middle);
      high = select(enough, middle, high);
    }
    return -(sqrt(low) * sqrt(high));
  }

  // t + (sum of (a - t)^p - 1) / (p * sum of (a - t)^(p - 1)), over the a above t.
  [[nodiscard]] Expr step(Expr a, Expr t) const {
    const Expr w = max(a - t, 0.0);
    const Expr over = row_sum(power(w, p_)) - 1;
    if (p_ == 1) return t + over / row_sum(select(t < a, number(a, 1), 0.0));
    if (p_ == 2) return t + over / (2 * row_sum(w));
    // Without a slope of its own, which times a sum that is 0 may be infinite.
    const Expr slopes = row_sum(select(t < a, power(w, p_ - 1), 0.0));
    return t + over / (p_ * detached(slopes));
  }

  static Expr power(Expr w, double p) {
    if (p == 1) return w;
    if (p == 2) return w * w;
    const Op op = p == std::nearbyint(p) && p <= 16 && p >= 2 ? Op::integer_power : Op::pow;
    return make(op, w, number(w, p));
  }

  Expr u_, v_;
  double p_;
};

// Whether it is x - row_max(x), whose greatest element is 0, or a positive multiple of that.
bool is_shifted(Expr z) {
  if (z.node().op == Op::mul)
    for (const int i : {0, 1})
      if (z.operand(i).is_constant() && z.graph->constant_value(z.operand(i).id) > 0)
        return is_shifted(z.operand(1 - i));
  if (z.node().op != Op::sub) return false;
  Expr by = z.operand(1);
  if (by.node().op == Op::detach) by = by.operand(0);
  return by.node().op == Op::row_max && by.operand(0) == z.operand(0);
}

}  // namespace

ir::ValueId simplex_threshold(ir::Graph& graph, ir::ValueId z, double alpha) {
  const Expr x{&graph, z};
  if (is_shifted(x)) return Solver(x, alpha).run().id;
  const Expr greatest = detached(make(Op::row_max, x));
  return (greatest + Solver(x - greatest, alpha).run()).id;
}

}  // namespace sluice::lower
