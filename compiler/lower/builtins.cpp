#include "compiler/lower/builtins.hpp"

#include <limits>

#include "compiler/ir/expr.hpp"

namespace sluice::lower {
namespace {

using ir::Expr;
using ir::Op;

constexpr double kInf = std::numeric_limits<double>::infinity();

// An elementary function without a low word yet; the rewriting step adds those.
Expr elementary(Op op, Expr a) { return ir::make(op, a, ir::number(a, 0.0)); }

}  // namespace

std::optional<ir::ValueId> lower_builtin(ir::Graph& graph, dsl::Builtin builtin,
                                         std::span<const ir::ValueId> operands) {
  using dsl::Builtin;
  const auto operand = [&](std::size_t i) {
    return Expr{&graph, i < operands.size() ? operands[i] : ir::ValueId{}};
  };
  const Expr a = operand(0);
  const Expr b = operand(1);
  const Expr c = operand(2);
  const bool is_integer = !operands.empty() && ir::is_integer(a.type().elem);
  const auto width = [&] { return Expr{&graph, graph.add_position(Op::width)}; };
  switch (builtin) {
    case Builtin::fma: return fma(a, b, c).id;
    case Builtin::abs: return abs(a).id;
    case Builtin::sign: return make(Op::sign, a).id;
    case Builtin::floor: return make(Op::floor, a).id;
    case Builtin::ceil: return make(Op::ceil, a).id;
    case Builtin::round: return round_even(a).id;
    case Builtin::trunc: return make(Op::trunc, a).id;
    case Builtin::min: return (is_integer ? select(b < a, b, a) : min(a, b)).id;
    case Builtin::max: return (is_integer ? select(a < b, b, a) : max(a, b)).id;
    case Builtin::clamp: return make(Op::clamp, a, b, c).id;
    case Builtin::reciprocal: return (1.0 / a).id;
    case Builtin::sqrt: return sqrt(a).id;
    case Builtin::rsqrt: return make(Op::rsqrt, a).id;
    case Builtin::cbrt: return make(Op::cbrt, a).id;
    case Builtin::exp: return elementary(Op::exp, a).id;
    case Builtin::exp2: return elementary(Op::exp2, a).id;
    case Builtin::expm1: return elementary(Op::expm1, a).id;
    case Builtin::log: return elementary(Op::log, a).id;
    case Builtin::log2: return elementary(Op::log2, a).id;
    case Builtin::log10: return elementary(Op::log10, a).id;
    case Builtin::log1p: return elementary(Op::log1p, a).id;
    case Builtin::sin: return elementary(Op::sin, a).id;
    case Builtin::cos: return elementary(Op::cos, a).id;
    case Builtin::tan: return elementary(Op::tan, a).id;
    case Builtin::asin: return make(Op::asin, a).id;
    case Builtin::acos: return make(Op::acos, a).id;
    case Builtin::atan: return make(Op::atan, a).id;
    case Builtin::sinh: return elementary(Op::sinh, a).id;
    case Builtin::cosh: return elementary(Op::cosh, a).id;
    case Builtin::tanh: return elementary(Op::tanh, a).id;
    case Builtin::asinh: return make(Op::asinh, a).id;
    case Builtin::acosh: return make(Op::acosh, a).id;
    case Builtin::atanh: return make(Op::atanh, a).id;
    case Builtin::erf: return elementary(Op::erf, a).id;
    case Builtin::erfc: return elementary(Op::erfc, a).id;
    case Builtin::pow: return make(Op::pow, a, b).id;
    case Builtin::sigmoid: return elementary(Op::sigmoid, a).id;
    case Builtin::log_sigmoid: return elementary(Op::log_sigmoid, a).id;
    case Builtin::log1p_exp: return elementary(Op::log1p_exp, a).id;
    case Builtin::normal_cdf: return elementary(Op::normal_cdf, a).id;
    case Builtin::normal_pdf: return elementary(Op::normal_pdf, a).id;
    case Builtin::isnan: return not_equal(a, a).id;
    case Builtin::isinf: return equal(abs(a), kInf).id;
    case Builtin::isfinite: return (abs(a) < kInf).id;
    case Builtin::row_sum: return make(Op::row_sum, a).id;
    case Builtin::row_mean: return (make(Op::row_sum, a) / to_float(width())).id;
    case Builtin::row_max: return make(Op::row_max, a).id;
    case Builtin::row_min: return make(Op::row_min, a).id;
    case Builtin::row_prod: return make(Op::row_prod, a).id;
    case Builtin::row_logsumexp: return make(Op::row_logsumexp, a).id;
    case Builtin::row_softmax:
      return make(Op::row_softmax, a, operands.size() > 1 ? b : number(a, -kInf)).id;
    case Builtin::row_any: return make(Op::row_any, a).id;
    case Builtin::row_all: return make(Op::row_all, a).id;
    case Builtin::row_argmax: return make(Op::row_argmax, a).id;
    case Builtin::col: return graph.add_position(Op::column);
    case Builtin::row: return graph.add_position(Op::row_index);
    case Builtin::width: return width().id;
    case Builtin::at: return make(Op::at, a, b).id;
    case Builtin::none:
    case Builtin::row_simplex_threshold: return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace sluice::lower
