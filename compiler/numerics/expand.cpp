// Expansion: in goes a graph with primitives, out comes one of machine ops.
//
// The table below names the expansion of each primitive, one line each. Products with a primitive
// that has a scaled form are made from that form (toolkit.hpp, Scaled), so that x * sigmoid(x)
// loses nothing where sigmoid(x) is a denormal number and needs no rounded sigmoid(x) at all. Which
// form is used depends on the graph's shape alone.
#include "compiler/numerics/expand.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "compiler/numerics/fast.hpp"
#include "compiler/numerics/functions.hpp"
#include "compiler/numerics/rows.hpp"
#include "compiler/numerics/structural.hpp"
#include "compiler/numerics/tolerance.hpp"

namespace sluice::numerics {
namespace {

using ir::Op;
using ir::ValueId;

struct Expansion {
  Op op;
  Expr (*value)(Expr, Expr);
  Scaled (*scaled)(Expr, Expr) = nullptr;  // where products may use it
  Pair (*pair)(Expr, Expr) = nullptr;      // what low_word asks for
};

constexpr Expansion kExpansions[] = {
    {Op::exp, exp, exp_scaled, exp_pair},
    {Op::exp2, exp2, exp2_scaled},
    {Op::expm1, expm1, nullptr, expm1_pair},
    {Op::log, log},
    {Op::log2, log2},
    {Op::log10, log10},
    {Op::log1p, log1p, log1p_scaled, log1p_pair},
    {Op::tanh, tanh, tanh_scaled, tanh_pair},
    {Op::sigmoid, sigmoid, sigmoid_scaled, sigmoid_pair},
    {Op::sigmoid_derivative, sigmoid_derivative, sigmoid_derivative_scaled,
     sigmoid_derivative_pair},
    {Op::log_sigmoid, log_sigmoid, log_sigmoid_scaled, log_sigmoid_pair},
    {Op::log1p_exp, log1p_exp, log1p_exp_scaled, log1p_exp_pair},
    {Op::tanh_log1p_exp, tanh_log1p_exp, tanh_log1p_exp_scaled, tanh_log1p_exp_pair},
    {Op::tanh_log1p_exp_derivative, tanh_log1p_exp_derivative, tanh_log1p_exp_derivative_scaled,
     tanh_log1p_exp_derivative_pair},
    {Op::erf, erf, erf_scaled, erf_pair},
    {Op::erfc, erfc},
    {Op::normal_cdf, normal_cdf, normal_cdf_scaled},
    {Op::normal_pdf, normal_pdf},
    {Op::sin, sin, nullptr, sin_pair},
    {Op::cos, cos, nullptr, cos_pair},
    {Op::tan, tan},
    {Op::atan, atan},
    {Op::asin, asin},
    {Op::acos, acos},
    {Op::pow, pow, pow_scaled},
    {Op::pow_less_one, pow_less_one, pow_less_one_scaled},
    {Op::rsqrt, rsqrt},
    {Op::sinh, sinh},
    {Op::cosh, cosh},
    {Op::asinh, asinh},
    {Op::acosh, acosh},
    {Op::atanh, atanh},
    {Op::cbrt, cbrt},
    {Op::tanhshrink, tanhshrink},
    {Op::tanh_squared, tanh_squared},
    {Op::squareplus, squareplus},
    {Op::squareplus_slope, squareplus_slope},
};

const Expansion* find(Op op) {
  for (const Expansion& expansion : kExpansions)
    if (expansion.op == op) return &expansion;
  return nullptr;
}

// x * f(x) as one piece, its limits at -inf and, where f is 0 there too, at inf.
struct Product {
  Op op;
  Expr (*value)(Expr);
  bool zero_at_inf;
};
constexpr Product kProducts[] = {
    {Op::normal_cdf, times_normal_cdf, false},
    {Op::normal_pdf, times_normal_pdf, true},
};

// f(v) + t f'(v) as one piece.
struct PlusSlope {
  Op function;
  Expr (*value)(Expr, Expr, Pair);
};
constexpr PlusSlope kPlusSlopes[] = {
    {Op::sigmoid, sigmoid_plus_slope},
    {Op::tanh_log1p_exp, tanh_log1p_exp_plus_slope},
    {Op::normal_cdf, normal_cdf_plus_slope},
};

// What a bound leaves to the functions of each value: half of it, as it is of the power of two
// below a result, less two roundings.
std::vector<double> tolerances_of(const ir::Graph& graph, double bound) {
  if (bound == 0 || graph.compute() == ir::Elem::f64) return std::vector<double>(graph.size(), 0);
  std::vector<bool> approximate(graph.size());
  for (std::size_t i = 0; i < graph.size(); ++i)
    approximate[i] = graph.nodes()[i].op == Op::plus_slope || has_fast(graph.nodes()[i].op);
  return tolerances(graph, bound / 2 - 0x1p-23, approximate);
}

bool is_primitive(const ir::Node& node) {
  return ir::info(node.op).op_class == ir::OpClass::primitive;
}

// Walks the old graph in order. A value that products can take in scaled form is made only when
// something else asks.
class Expander {
 public:
  Expander(const ir::Graph& old, double bound, std::span<const double> least, Family family)
      : old_(old), graph_(old.empty_copy(family)), least_(least),
        tolerances_(tolerances_of(old, bound)), needed_(old.size()), bare_(old.size()),
        summed_(old.size()), values_(old.size()), scaled_(old.size()) {
    for (std::size_t i = 0; i < old.inputs().size(); ++i)
      place(old.input_value(i), graph_.input_value(i));
    for (std::size_t i = 0; i < old.params().size(); ++i)
      place(old.param_value(i), graph_.param_value(i));
  }

  Result<ir::Graph> run() {
    mark_needed();
    for (std::size_t i = 0; i < old_.size(); ++i)
      if (needed_[i]) visit({static_cast<std::uint32_t>(i)});
    for (const ir::GraphOutput& output : old_.outputs())
      graph_.add_output(output.name, value(output.value).id);
    if (!missing_) return std::move(graph_);
    return Error{Status::unsupported,
                 "'" + std::string(ir::name(*missing_)) + "' has no expansion yet"};
  }

 private:
  void place(ValueId old, ValueId made) { values_[old.index] = Expr{&graph_, made}; }

  // Marks what the outputs need, users first: of a function and its slope in one piece, not the
  // function itself. What only limits use is not bare: its value at infinity is of no account.
  void mark_needed() {
    for (const ir::GraphOutput& output : old_.outputs())
      needed_[output.value.index] = bare_[output.value.index] = true;
    for (std::size_t i = old_.size(); i-- > 0;) {
      if (!needed_[i]) continue;
      const ir::Node& node = old_.nodes()[i];
      std::span<const ValueId> operands = node.args();
      if (node.op == Op::row_logsumexp) summed_[node.operand(0).index] = true;
      if (bare_[i])
        for (const ValueId operand : operands.subspan(node.op == Op::limits ? 1 : 0))
          bare_[operand.index] = true;
      if (node.op == Op::plus_slope) {
        for (const ValueId operand : old_[node.operand(0)].args()) needed_[operand.index] = true;
        operands = operands.subspan(1);
      }
      for (const ValueId operand : operands) needed_[operand.index] = true;
    }
  }

  void visit(ValueId id) {
    const ir::Node& node = old_[id];
    if (values_[id.index]) return;
    if (node.op == Op::mul && visit_product(id)) return;
    if (node.op == Op::div && visit_quotient(id)) return;
    if (node.op == Op::limits) return visit_limits(id);
    const Expansion* expansion = find(node.op);
    if (expansion != nullptr && expansion->scaled != nullptr) return;
    value(id);
  }

  // A product with a function that has a scaled form.
  bool visit_product(ValueId id) {
    const ir::Node& node = old_[id];
    for (const auto& [u, f] : {std::pair{0, 1}, std::pair{1, 0}}) {
      const ir::Node& function = old_[node.operand(f)];
      if (is_of_factor(function, node.operand(u)) && whole_product(id, node.operand(u), f))
        return true;
      const std::optional<Scaled> factor = scaled_form(node.operand(f));
      if (!factor) continue;
      const AtInfinity at_infinity = bare_[id.index] ? AtInfinity::ieee : AtInfinity::any;
      scaled_[id.index] =
          is_log_of_base(node.operand(u), function)
              ? pow_times_log(value(function.operand(0)), value(function.operand(1)), at_infinity)
              : times(value(node.operand(u)), *factor, at_infinity);
      if (depends(function, node.operand(u))) scaled_[id.index] = apart(*scaled_[id.index]);
      return true;
    }
    return false;
  }

  // Whether a function's argument is the other factor itself.
  [[nodiscard]] bool is_of_factor(const ir::Node& function, ValueId factor) const {
    return function.arity() == 2 && function.operand(0) == factor &&
           old_.is_constant(function.operand(1), 0);
  }

  // x f(x), which is 0 at -inf, as one piece.
  bool whole_product(ValueId id, ValueId factor, int f) {
    const ValueId function = old_[id].operand(f);
    const Op op = old_[function].op;
    const double tolerance = tolerances_[function.index];
    const FastProduct* fast = fast_product(op, tolerance);
    const auto product = std::find_if(std::begin(kProducts), std::end(kProducts),
                                      [&](const Product& each) { return each.op == op; });
    if (fast == nullptr && product == std::end(kProducts)) return false;
    const Expr x = value(factor);
    Expr made = fast != nullptr ? fast->value(x, tolerance) : product->value(x);
    const bool zero_at_inf = fast == nullptr && product->zero_at_inf;
    if (bare_[id.index]) made = nan_where_infinite(zero_at_inf ? x : min(x, 0.0), made);
    values_[id.index] = made;
    // Beside further factors it is a product like others.
    if (const std::optional<Scaled> scaled = scaled_form(function))
      scaled_[id.index] = apart(times(x, *scaled, AtInfinity::any));
    return true;
  }

  [[nodiscard]] static Scaled apart(Scaled scaled) {
    scaled.apart = true;
    return scaled;
  }

  // Whether an elementary function's argument is made from x, and is no longer a formula than
  // this.
  static constexpr std::size_t kLongArgument = 64;
  [[nodiscard]] bool depends(const ir::Node& function, ValueId x) const {
    if (find(function.op) == nullptr || function.op == Op::pow || old_[x].op == Op::constant)
      return false;
    std::vector<ValueId> open{function.operand(0)};
    for (std::size_t i = 0; i < open.size() && i < kLongArgument; ++i) {
      if (open[i] == x) return true;
      const auto operands = old_[open[i]].args();
      open.insert(open.end(), operands.begin(), operands.end());
    }
    return false;
  }

  // The product of the two is pow's slope by its exponent.
  [[nodiscard]] bool is_log_of_base(ValueId id, const ir::Node& function) const {
    const ir::Node& node = old_[id];
    return function.op == Op::pow && node.op == Op::log && node.operand(0) == function.operand(0) &&
           old_.is_constant(node.operand(1), 0);
  }

  // The same over a divisor that has nothing to do with it.
  bool visit_quotient(ValueId id) {
    const ir::Node& node = old_[id];
    const std::optional<Scaled> factor = scaled_form(node.operand(0));
    if (!factor || !factor->exponent) return false;
    scaled_[id.index] = over(*factor, value(node.operand(1)), least(node.operand(1)));
    return true;
  }

  // No more than a value's magnitude.
  [[nodiscard]] double least(ValueId id) const {
    if (old_.is_constant(id)) return std::abs(old_.constant_value(id));
    const ir::Node& node = old_[id];
    return node.op == Op::param && node.payload < least_.size() ? least_[node.payload] : 0;
  }

  // A product takes the scaled form of what is limited, where its limits hold by themselves; or
  // are 0 and inf, whatever its other parts are.
  void visit_limits(ValueId id) {
    const ir::Node& node = old_[id];
    const std::optional<Scaled> factor = scaled_form(node.operand(0));
    if (!factor) return;
    if (value(id) == value(node.operand(0))) {
      scaled_[id.index] = factor;
    } else if (factor->factor && is_zero_or_inf(node.operand(2)) &&
               is_zero_or_inf(node.operand(3))) {
      scaled_[id.index] = factor;
      scaled_[id.index]->factor = with_limits(*factor->factor, value(node.operand(1)),
                                              value(node.operand(2)), value(node.operand(3)));
    }
  }

  [[nodiscard]] bool is_zero_or_inf(ValueId id) const {
    const double limit = old_.constant_value(id);
    return limit == 0 || std::isinf(limit);
  }

  std::optional<Scaled> scaled_form(ValueId id) {
    std::optional<Scaled>& slot = scaled_[id.index];
    const ir::Node& node = old_[id];
    if (slot) return slot;
    const FastExpansion* fast = fast_expansion(node.op, tolerances_[id.index]);
    if (fast != nullptr && fast->scaled != nullptr)
      return slot = fast->scaled(value(node.operand(0)), low_of(node), tolerances_[id.index]);
    const Expansion* expansion = find(node.op);
    if (expansion != nullptr && expansion->scaled != nullptr)
      slot = expansion->scaled(value(node.operand(0)), low_of(node));
    return slot;
  }

  Expr value(ValueId id) {
    std::optional<Expr>& slot = values_[id.index];
    if (!slot) slot = make_value(id);
    return *slot;
  }

  Expr low_of(const ir::Node& node) {
    return node.arity() < 2 ? Expr{&graph_, graph_.constant(0)} : value(node.operand(1));
  }

  Expr make_value(ValueId id) {
    const ir::Node& node = old_[id];
    if (node.op == Op::constant)
      return {&graph_, graph_.constant_bits(node.type.elem, node.payload)};
    if (const FastExpansion* fast = fast_expansion(node.op, tolerances_[id.index]))
      return fast->value(value(node.operand(0)), low_of(node), tolerances_[id.index]);
    if (const Expansion* expansion = find(node.op))
      return expansion->value(value(node.operand(0)), low_of(node));
    if (scaled_[id.index] && node.op != Op::limits) return value_of(*scaled_[id.index]);
    if (node.op == Op::plus_slope) {
      const Expr sum = plus_slope(node, tolerances_[id.index]);
      return bare_[id.index] ? nan_where_infinite(value(node.operand(1)), sum) : sum;
    }
    if (is_primitive(node)) return structural(node);
    if (node.op == Op::fma) return whole_fma(node);
    std::vector<ValueId> operands;
    for (const ValueId operand : node.args()) operands.push_back(value(operand).id);
    return {&graph_, graph_.add(node.op, operands, node.payload)};
  }

  // Of a formula, or what rewriting asks for as the low word of a product, which is so also where
  // the product is infinite.
  Expr whole_fma(const ir::Node& node) {
    const Expr a = value(node.operand(0));
    const Expr b = value(node.operand(1));
    const Expr c = value(node.operand(2));
    if (graph_.family() == Family::nofma && c == -(a * b)) return two_product(a, b).low;
    return fused(a, b, c);
  }

  // Primitives that are about the graph rather than about a function.
  Expr structural(const ir::Node& node) {
    const auto operand = [&](int i) { return value(node.operand(i)); };
    const Expr a = operand(0);
    if (const std::optional<Expr> mean = mean_by_softmax(node)) return *mean;
    if (ir::info(node.op).extent)
      return row_function(node.op, a, node.arity() > 1 ? operand(1) : a,
                          summed_[node.operand(0).index]);
    if (node.op == Op::detach || node.op == Op::clause) return a;
    if (node.op == Op::low_word) return low_word(node.operand(0), a);
    if (node.op == Op::corrected) return corrected(a, operand(1));
    if (node.op == Op::sign) return sign(a);
    if (node.op == Op::clamp) return clamp(a, operand(1), operand(2));
    if (node.op == Op::integer_power)
      return integer_power(a, static_cast<int>(old_.constant_value(node.operand(1))));
    if (node.op == Op::limits) return with_limits(a, operand(1), operand(2), operand(3));
    missing_ = node.op;
    return a;
  }

  // The sum of a softmax times weights: without the softmax itself, a sweep earlier.
  std::optional<Expr> mean_by_softmax(const ir::Node& node) {
    const ir::Node& product = old_[node.operand(0)];
    if (node.op != Op::row_sum || product.op != Op::mul) return std::nullopt;
    for (int i = 0; i < 2; ++i) {
      const ir::Node& factor = old_[product.operand(i)];
      if (factor.op == Op::row_softmax)
        return softmax_mean(value(product.operand(1 - i)), value(factor.operand(0)),
                            value(factor.operand(1)), summed_[factor.operand(0).index]);
    }
    return std::nullopt;
  }

  Expr plus_slope(const ir::Node& node, double tolerance) {
    const ir::Node& function = old_[node.operand(0)];
    const FastPlusSlope* fast = fast_plus_slope(function.op, tolerance);
    if (fast != nullptr && node.operand(1) == function.operand(0))
      return fast->value(value(function.operand(0)), low_of(function), tolerance);
    const Pair factor{value(node.operand(1)), value(node.operand(2))};
    for (const PlusSlope& entry : kPlusSlopes)
      if (entry.function == function.op)
        return entry.value(value(function.operand(0)), low_of(function), factor);
    missing_ = node.op;
    return factor.high;
  }

  // What the value a of a function lacks to the pair that its expansion can give.
  Expr low_word(ValueId id, Expr a) {
    const ir::Node& node = old_[id];
    const Expansion* expansion = find(node.op);
    if (expansion == nullptr || expansion->pair == nullptr) return number(a, 0);
    const Pair pair = expansion->pair(value(node.operand(0)), low_of(node));
    return (pair.high - a) + pair.low;
  }

  const ir::Graph& old_;
  ir::Graph graph_;
  std::span<const double> least_;  // of parameters
  std::vector<double> tolerances_;
  std::vector<bool> needed_;
  std::vector<bool> bare_;
  std::vector<bool> summed_;  // operands of row_logsumexp
  std::vector<std::optional<Expr>> values_;
  std::vector<std::optional<Scaled>> scaled_;
  std::optional<Op> missing_;
};

}  // namespace

Result<ir::Graph> expand(const ir::Graph& graph, double bound, std::span<const double> least,
                         Family family) {
  return Expander(graph, bound, least, family).run();
}

}  // namespace sluice::numerics
