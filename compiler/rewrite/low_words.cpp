#include "compiler/rewrite/low_words.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "compiler/ir/expr.hpp"
#include "compiler/ir/mapping.hpp"
#include "compiler/rewrite/facts.hpp"
#include "compiler/rewrite/growth.hpp"
#include "compiler/rewrite/rewriter.hpp"
#include "compiler/rewrite/slopes.hpp"

namespace sluice::rewrite {
namespace {

using ir::Expr;
using ir::Graph;
using ir::Node;
using ir::Op;
using ir::ValueId;

// Whose rounding errors count. An argument's: arithmetic alone, and sums as the contract says. A
// result's: everything, function values too.
enum class Of { argument, result };

class Carrier {
 public:
  Carrier(const Graph& old, Graph& graph)
      : graph_(graph), exact_(graph, nullptr), facts_(graph), growth_(old) {}

  // A value of the old graph is this one.
  void place(ValueId old, ValueId value) { olds_.emplace(value.index, old); }

  // Nothing where the value is exact or its error is not to be carried.
  std::optional<Expr> low(Expr value, Of of) {
    Known& known = known_[of == Of::argument ? 0 : 1];
    const auto found = known.find(value.id.index);
    if (found != known.end()) return found->second;
    // Operands first, without recursion: a formula may be thousands of operations deep.
    for (const ValueId id : unknown_below(value.id, known))
      known.emplace(id.index, compute({&graph_, id}, of));
    return known.at(value.id.index);
  }

  // Whether a sum of function values may cancel.
  bool cancels(Expr value) {
    const Op op = value.node().op;
    if (op != Op::add && op != Op::sub) return false;
    if (facts_.input_count(value.id) > 1 || !facts_.has_function(value.id)) return false;
    return !same_signs(value.node());
  }

  // Whether a sum in the arithmetic that an argument comes from may cancel.
  bool may_cancel(Expr argument) {
    std::vector<ValueId> open{argument.id};
    std::unordered_set<std::uint32_t> seen;
    while (!open.empty()) {
      const ValueId id = open.back();
      open.pop_back();
      if (!seen.insert(id.index).second) continue;
      const Node& node = graph_[id];
      if ((node.op == Op::add || node.op == Op::sub) && !same_signs(node)) return true;
      if (carries_low_word(node.op))
        open.insert(open.end(), node.args().begin(), node.args().end());
    }
    return false;
  }

  Expr corrected(Expr h) {
    const std::optional<Expr> correction = low(h, Of::result);
    return correction ? make(Op::corrected, h, *correction) : h;
  }

  // f + t f' as one piece, and what else is in the sum.
  std::optional<Expr> plus_slope(Expr value) {
    const std::optional<SlopeSum> sum = slope_sum(exact_, graph_, value.id);
    if (!sum) return std::nullopt;
    const Expr f{&graph_, sum->function};
    const Expr t{&graph_, sum->factor};
    const std::optional<Expr> t_low = t == f.operand(0) ? f.operand(1) : low(t, Of::result);
    Expr whole = make(Op::plus_slope, f, t, t_low.value_or(number(t, 0.0)));
    for (const Sum::Item& item : sum->rest)
      whole = make(item.negated ? Op::sub : Op::add, whole, Expr{&graph_, item.value});
    return whole;
  }

 private:
  // Of a sum or difference: whether what is added has one sign.
  bool same_signs(const Node& sum) {
    const Sign a = facts_.sign(sum.operand(0));
    const Sign b = facts_.sign(sum.operand(1));
    return a != Sign::unknown && b != Sign::unknown && (a == b) == (sum.op == Op::add);
  }
  // What an argument's low word is computed from.
  static bool carries_low_word(Op op) {
    return op == Op::neg || op == Op::mul || op == Op::div || op == Op::add || op == Op::sub ||
           op == Op::select || op == Op::integer_power;
  }

  using Known = std::unordered_map<std::uint32_t, std::optional<Expr>>;

  Expr make(Op op, Expr a) { return node(op, std::array{a.id}); }
  Expr make(Op op, Expr a, Expr b) { return node(op, std::array{a.id, b.id}); }
  Expr make(Op op, Expr a, Expr b, Expr c) { return node(op, std::array{a.id, b.id, c.id}); }
  Expr node(Op op, std::span<const ValueId> operands) {
    return {&graph_, exact_.make(op, operands)};
  }
  // The negative of a value that is there: as a rule's own product it would be a second product.
  Expr negative(Expr a) { return {&graph_, graph_.add(Op::neg, {a.id})}; }
  Expr sum(std::optional<Expr> a, std::optional<Expr> b) {
    if (!a || !b) return a ? *a : *b;
    return make(Op::add, *a, *b);
  }

  // What low(v) is computed from: v and, operands first, the arithmetic below it.
  std::vector<ValueId> unknown_below(ValueId v, const Known& known) const {
    std::vector<ValueId> found;
    std::unordered_set<std::uint32_t> seen;
    std::vector<ValueId> open{v};
    while (!open.empty()) {
      const ValueId id = open.back();
      open.pop_back();
      if (known.count(id.index) != 0 || !seen.insert(id.index).second) continue;
      found.push_back(id);
      const Node& node = graph_[id];
      if (carries_low_word(node.op))
        open.insert(open.end(), node.args().begin(), node.args().end());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  std::optional<Expr> compute(Expr v, Of of) {
    const Op op = v.node().op;
    if (takes_low_word(op)) return make(Op::low_word, v);
    if (op == Op::plus_slope) {
      if (of == Of::argument) return std::nullopt;
      return make(Op::low_word, v);
    }
    switch (op) {
      case Op::neg: return of_negative(v, of);
      case Op::mul: return of_product(v, v.operand(0), v.operand(1), of);
      case Op::div: return of_quotient(v, of);
      case Op::add:
      case Op::sub: return of_sum(v, of);
      case Op::integer_power: return of_power(v, of);
      case Op::select: return of_choice(v, of);
      default: return std::nullopt;
    }
  }

  std::optional<Expr> of_negative(Expr v, Of of) {
    const std::optional<Expr> a = low(v.operand(0), of);
    if (!a) return std::nullopt;
    return make(Op::neg, *a);
  }

  std::optional<Expr> of_choice(Expr v, Of of) {
    const std::optional<Expr> a = low(v.operand(1), of);
    const std::optional<Expr> b = low(v.operand(2), of);
    if (!a && !b) return std::nullopt;
    const Expr zero = number(v, 0.0);
    return make(Op::select, v.operand(0), a.value_or(zero), b.value_or(zero));
  }

  // v = a * b rounded: what is missing is fma(a, b, -v) + a * low(b) + b * low(a).
  std::optional<Expr> of_product(Expr v, Expr a, Expr b, Of of) {
    const std::optional<Expr> low_a = low(a, of);
    const std::optional<Expr> low_b = a == b ? low_a : low(b, of);
    const bool doubles = is_power_of_two(a) || is_power_of_two(b);
    // A function's product may be made from another form of it than its value is, one ulp away.
    if (doubles && !takes_low_word(a.node().op) && !takes_low_word(b.node().op)) {  // exact
      const std::optional<Expr> other = is_power_of_two(a) ? low_b : low_a;
      if (!other) return std::nullopt;
      return make(Op::mul, is_power_of_two(a) ? a : b, *other);
    }
    Expr error = make(Op::fma, a, b, negative(v));
    if (low_b) error = make(Op::fma, a, *low_b, error);
    if (low_a) error = make(Op::fma, b, *low_a, error);
    return where_finite(b, v, where_finite(a, v, error));
  }

  // v = a / b rounded: (a - v * b) / b, and the same of the low words. Where v is 0 so is what is
  // missing; a / inf would make a NaN of it.
  std::optional<Expr> of_quotient(Expr v, Of of) {
    const Expr a = v.operand(0);
    const Expr b = v.operand(1);
    const std::optional<Expr> low_a = low(a, of);
    const std::optional<Expr> low_b = low(b, of);
    const Expr minus_v = negative(v);
    Expr remainder = make(Op::fma, minus_v, b, a);
    if (low_a) remainder = make(Op::add, remainder, *low_a);
    if (low_b) remainder = make(Op::fma, minus_v, *low_b, remainder);
    const Expr error = where_finite(a, v, make(Op::div, remainder, b));
    if (b.is_constant()) return error;
    return make(Op::select, make(Op::eq, v, number(v, 0.0)), number(v, 0.0), error);
  }

  // What a product or quotient v lacks, and nothing where a factor overflows that v itself, made in
  // one piece with it, need not.
  Expr where_finite(Expr factor, Expr v, Expr error) {
    if (!grows(factor.node().op)) return error;
    const auto old = olds_.find(v.id.index);
    const auto old_factor = olds_.find(factor.id.index);
    const bool known = old != olds_.end() && old_factor != olds_.end();
    if (known && !growth_.may_overflow(old_factor->second, old->second)) return error;
    const Expr limit = number(factor, std::numeric_limits<double>::infinity());
    return make(Op::select, make(Op::lt, make(Op::abs, factor), limit), error, number(error, 0.0));
  }

  // v = a + b rounded: the two-sum of Knuth gives what is missing exactly.
  std::optional<Expr> of_sum(Expr v, Of of) {
    const Expr a = v.operand(0);
    const Expr b = v.operand(1);
    if (of == Of::argument) {
      const bool plain = facts_.is_operand(a.id) && facts_.is_operand(b.id);
      if (plain || facts_.input_count(v.id) > 1) return std::nullopt;
    }
    const bool is_add = v.node().op == Op::add;
    const Expr part = make(Op::sub, v, a);
    const Expr lost_a = make(Op::sub, a, make(Op::sub, v, part));
    const Expr lost_b = is_add ? make(Op::sub, b, part) : make(Op::add, b, part);
    const Expr error = make(is_add ? Op::add : Op::sub, lost_a, lost_b);
    const std::optional<Expr> low_a = low(a, of);
    std::optional<Expr> low_b = low(b, of);
    if (low_b && !is_add) low_b = make(Op::neg, *low_b);
    return sum(error, low_a || low_b ? std::optional(sum(low_a, low_b)) : std::nullopt);
  }

  // The products that the power stands for, by squaring from the low bit, one after the other.
  std::optional<Expr> of_power(Expr v, Of of) {
    const int exponent = static_cast<int>(graph_.constant_value(v.operand(1).id));
    std::optional<Expr> result;
    Expr square = v.operand(0);
    for (int k = std::abs(exponent); k > 0; k /= 2) {
      if (k % 2 == 1) result = result ? make(Op::mul, *result, square) : square;
      if (k > 1) square = make(Op::mul, square, square);
    }
    if (exponent > 0) return low(*result, of);
    return low(make(Op::div, number(v, 1.0), *result), of);
  }

  [[nodiscard]] static bool is_power_of_two(Expr a) {
    if (!a.is_constant()) return false;
    int exponent = 0;
    return std::abs(std::frexp(a.graph->constant_value(a.id), &exponent)) == 0.5;
  }

  Graph& graph_;
  Rewriter exact_;
  Facts facts_;
  Growth growth_;
  std::unordered_map<std::uint32_t, ValueId> olds_;
  std::array<Known, 2> known_;
};

// The values that reach an output by arithmetic and choice alone, not through a function: where a
// sum's rounding error is the result's.
std::vector<bool> result_values(const Graph& graph) {
  std::vector<bool> results(graph.size(), false);
  for (const ir::GraphOutput& output : graph.outputs()) results[output.value.index] = true;
  for (std::uint32_t i = static_cast<std::uint32_t>(graph.size()); i-- > 0;) {
    if (!results[i]) continue;
    const Node& node = graph[{i}];
    const bool whole = node.op == Op::neg || node.op == Op::mul || node.op == Op::div ||
                       node.op == Op::max || node.op == Op::min || node.op == Op::abs;
    if (whole)
      for (const ValueId operand : node.args()) results[operand.index] = true;
    if (node.op == Op::select)
      results[node.operand(1).index] = results[node.operand(2).index] = true;
    if (node.op == Op::limits || node.op == Op::clause) results[node.operand(0).index] = true;
  }
  return results;
}

// Functions that are 0, constant or beyond all numbers where |x| is above 128, or whose slope there
// is no larger in relation than f(x)/x is: LowWords says what for.
bool is_bounded(Op op) {
  switch (op) {
    case Op::exp:
    case Op::exp2:
    case Op::expm1:
    case Op::tanh:
    case Op::erf:
    case Op::erfc:
    case Op::normal_cdf:
    case Op::normal_pdf:
    case Op::sigmoid:
    case Op::log_sigmoid:
    case Op::log1p_exp:
    case Op::tanh_log1p_exp:
    case Op::sigmoid_derivative:
    case Op::tanh_log1p_exp_derivative: return true;
    default: return false;
  }
}

}  // namespace

Graph with_low_words(const Graph& graph, std::vector<std::string>& fired, LowWords carried) {
  Graph result = graph.empty_copy();
  ir::Mapping plain(graph, result);
  Carrier low_words(graph, result);
  const std::vector<bool> results = result_values(graph);
  std::vector<ValueId> corrected(graph.size());
  std::vector<ValueId> operands;
  for (const ValueId id : graph.live()) {
    const Node& node = graph[id];
    plain.copy(id);
    low_words.place(id, plain[id]);
    if (takes_low_word(node.op)) {
      const Expr argument{&result, plain[node.operand(0)]};
      const bool bounded = carried == LowWords::where_unbounded && is_bounded(node.op) &&
                           !low_words.may_cancel(argument);
      const auto low = bounded ? std::nullopt : low_words.low(argument, Of::argument);
      if (low) {
        plain.set(id, result.add(node.op, {argument.id, low->id}));
        low_words.place(id, plain[id]);
        fired.emplace_back("low-word");
      }
    }
    if (const auto slope = low_words.plus_slope({&result, plain[id]})) {
      plain.set(id, slope->id);
      fired.emplace_back("slope-sum");
    }
    corrected[id.index] = plain[id];
    if (!results[id.index] || node.arity() == 0 || takes_low_word(node.op)) continue;
    const Expr value{&result, plain[id]};
    if (low_words.cancels(value)) {
      corrected[id.index] = low_words.corrected(value).id;
      fired.emplace_back("cancelling-sum");
    } else if (node.op != Op::add && node.op != Op::sub) {
      operands.clear();
      for (const ValueId operand : node.args()) operands.push_back(corrected[operand.index]);
      corrected[id.index] = result.add(node.op, operands, node.payload);
    }
  }
  for (const ir::GraphOutput& output : graph.outputs())
    result.add_output(output.name, corrected[output.value.index]);
  return result;
}

}  // namespace sluice::rewrite
