#include "compiler/numerics/rows.hpp"

#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <unordered_map>
#include <vector>

#include "compiler/numerics/functions.hpp"
#include "compiler/numerics/toolkit.hpp"

namespace sluice::numerics {
namespace {

using ir::Expr;
using ir::Op;

#include "compiler/numerics/coefficients_softmax.inc"

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kLog2E = 0x1.715476p+0;
constexpr double kLn2 = 0x1.62e43p-1;

Expr exp_of(Expr a) { return exp(a, number(a, 0)); }

// e^x for x <= 0, 1 at 0, in f32 within (3 + |x|/16) 2^-24: x = (8 k + j) / 8 ln 2 + r with ln 2 in
// one word, which is 2^-29 off, and e^x = 2^k 2^(j/8) e^r. The polynomial of e^r is kept 2^64 times
// too small and 2^k as many times too large, so that the product is rounded once, below the
// smallest normal too. Of inf it is inf where `of_infinity` asks for that, else NaN.
Expr exp_below_zero(Expr x, bool of_infinity) {
  constexpr int kLift = 64;
  if (is_f64(x)) return exp_of(x);
  // Below k = -kLift - 127 the lifted 2^k has the exponent of 0: masked columns, of -inf, must not
  // go through an underflow, which processors are slow at. At k = kLift it has that of inf.
  const Expr near = max(number(x, -132.4), x);
  const Expr limited = of_infinity ? min(near, 44.4) : near;
  const double magic = 0x1.8p23 + 8 * kLift;
  const Expr eighths = fma(limited, 8 * kLog2E, number(x, magic));
  const Expr r = less_multiple(limited, eighths - magic, kLn2 / 8);
  const Expr index = to_bits(eighths);
  const Expr part =
      lookup(index, "softmax_eighth", {std::begin(kSoftmaxEighth), std::end(kSoftmaxEighth)});
  std::vector<double> small(std::begin(kSoftmaxExp), std::end(kSoftmaxExp));
  for (double& each : small) each = std::ldexp(each, -kLift);
  return from_bits(to_bits(part) + (index << 20)) * horner(r, small);
}

// The larger, without regard to NaNs; a where neither is.
Expr greater(Expr a, Expr b) { return ir::select(a < b, b, a); }

// e^(from - to), and 1 where they are equal, both of them infinite too.
Expr rescale(Expr from, Expr to) { return ir::select(equal(from, to), 1, exp_of(from - to)); }

// z less the greatest of its block; where that is -inf, or of inf is asked for as exp_below_zero
// does, z itself, for the difference would be NaN.
Expr shifted(Expr z, Expr block, bool of_infinity) {
  const Expr none = of_infinity ? equal(abs(block), kInf) : equal(block, -kInf);
  return z - ir::select(none, 0, block);
}

// What softmax and its family share: t = exp(z - the block's greatest), the row's greatest m, and
// the sums of exp(z - m) and, where there are weights, of them times that.
struct Normalizer {
  Expr t;
  Expr block;
  Expr greatest;
  Expr sum;
  Expr weighted;
};

bool is_no_sink(Expr sink) { return sink.is_constant(-kInf); }

// A sink is one more state, (sink, 1), after the last block; at -inf there is none.
Normalizer normalizer(Expr z, Expr sink, bool of_infinity = false,
                      const std::optional<Expr>& weights = std::nullopt) {
  const Expr block = make(Op::block_greatest, z);
  const Expr t = exp_below_zero(shifted(z, block, of_infinity), of_infinity);
  const auto sum_of = [&](Expr terms) {
    return make(Op::merge_scaled, make(Op::block_sum, terms), block);
  };
  Normalizer row{t, block, make(Op::merge_greatest, block), sum_of(t),
                 weights ? sum_of(*weights * t) : number(z, 0)};
  if (is_no_sink(sink)) return row;
  const ExpState whole =
      merge({row.greatest, {row.sum, row.weighted}}, {sink, {number(z, 1), number(z, 0)}});
  const Expr none = equal(sink, -kInf);
  row.greatest = ir::select(none, row.greatest, whole.greatest);
  row.sum = ir::select(none, row.sum, whole.sums[0]);
  row.weighted = ir::select(none, row.weighted, whole.sums[1]);
  return row;
}

// A row whose greatest is infinite has no softmax: nothing is open in it, or inf / inf is asked
// for.
Expr nan_unless_finite(Expr greatest, Expr a) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  return ir::select(equal(abs(greatest), kInf), nan, a);
}

Expr row_softmax(Expr z, Expr sink, bool beside_logsumexp) {
  const Normalizer row = normalizer(z, sink, beside_logsumexp);
  // e^(block - greatest), which a row of one block needs no exponential for.
  const Expr factor =
      ir::select(equal(row.block, row.greatest), number(z, 1), exp_of(row.block - row.greatest));
  return row.t * nan_unless_finite(row.greatest, factor / row.sum);
}

Expr log_of(Expr a) { return log(a, number(a, 0)); }

Expr row_log_softmax(Expr z, Expr sink, bool beside_logsumexp) {
  const Normalizer row = normalizer(z, sink, beside_logsumexp);
  return (z - row.greatest) - nan_unless_finite(row.greatest, log_of(row.sum));
}

Expr row_logsumexp(Expr z) {
  const Normalizer row = normalizer(z, number(z, -kInf), true);
  return row.greatest + log_of(row.sum);
}

Expr row_sink_weight(Expr z, Expr sink, bool beside_logsumexp) {
  if (is_no_sink(sink)) return number(z, 0);
  const Normalizer row = normalizer(z, sink, beside_logsumexp);
  return exp_of(sink - row.greatest) / row.sum;
}

Expr greatest(Expr a) { return make(Op::merge_greatest, make(Op::block_greatest, a)); }

Expr least_integer(Expr a) { return make(Op::merge_imin, make(Op::block_imin, a)); }

Expr lane_integer(Expr like, std::uint64_t value) {
  return {like.graph, like.graph->constant_bits(ir::integer_of(like.graph->compute()), value)};
}
Expr any(Expr test) {
  const Expr zero = lane_integer(test, 0);
  return equal(least_integer(ir::select(test, zero, lane_integer(test, 1))), zero);
}
Expr all(Expr test) {
  const Expr zero = lane_integer(test, 0);
  return !equal(least_integer(ir::select(test, lane_integer(test, 1), zero)), zero);
}

// NaN where an element is. The least is the greatest of what is negated; a zero is +0.
Expr row_max(Expr a) {
  return ir::select(any(not_equal(a, a)), std::numeric_limits<double>::quiet_NaN(), greatest(a));
}
Expr row_min(Expr a) { return -row_max(-a) + 0.0; }

// The first column of the greatest element; the first NaN where there is one, which is then equal
// to nothing, the greatest not to itself.
Expr row_argmax(Expr a) {
  const Expr most = row_max(a);
  const Expr column{a.graph, a.graph->add_position(Op::column)};
  const Expr last = integer(a, std::numeric_limits<std::int32_t>::max());
  return least_integer(ir::select(equal(a, most) || not_equal(a, a), column, last));
}

// An elementwise function of the row at one column: what it is made of at that column.
class ElementAt {
 public:
  ElementAt(ir::Graph& graph, Expr column) : graph_(graph), column_(column) {}

  // Nothing where the value depends on a reduction by block.
  std::optional<Expr> of(ir::ValueId id) {
    const ir::Node node = graph_[id];
    if (node.type.extent < ir::Extent::block) return Expr{&graph_, id};
    if (node.type.extent == ir::Extent::block) return std::nullopt;
    if (const auto known = known_.find(id.index); known != known_.end()) return known->second;
    std::optional<Expr> found;
    if (node.op == Op::column) {
      found = column_;
    } else if (node.op == Op::input) {
      if (ir::is_number(node.type.elem)) found = make(Op::pick, {&graph_, id}, column_);
    } else {
      std::vector<ir::ValueId> operands;
      for (const ir::ValueId operand : node.args()) {
        const std::optional<Expr> value = of(operand);
        if (!value) return std::nullopt;
        operands.push_back(value->id);
      }
      found = Expr{&graph_, graph_.add(node.op, operands, node.payload)};
    }
    if (found) known_.emplace(id.index, *found);
    return found;
  }

 private:
  ir::Graph& graph_;
  Expr column_;
  std::unordered_map<std::uint32_t, Expr> known_;
};

// The sum of the element and of as many -0 as the row has others, which is the element's bits; or
// what the element is made of, taken at that column. Both are NaN where there is no such column.
Expr at(Expr a, Expr index) {
  if (a.type().extent < ir::Extent::block) return a;
  const Expr width{a.graph, a.graph->add_position(Op::width)};
  const Expr inside = index < width && !(index < integer(a, 0));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  if (const std::optional<Expr> element = ElementAt(*a.graph, index).of(a.id))
    return ir::select(inside, *element, nan);
  const Expr column{a.graph, a.graph->add_position(Op::column)};
  const Expr alone = ir::select(equal(column, index), a, -0.0);
  return ir::select(inside, make(Op::merge_sum, make(Op::block_sum, alone)), nan);
}

// Whether the value is known only after a reduction.
bool needs_reduction(Expr a) {
  const ir::Graph& graph = *a.graph;
  std::vector<bool> seen(graph.size(), false);
  std::vector<ir::ValueId> open{a.id};
  while (!open.empty()) {
    const ir::ValueId id = open.back();
    open.pop_back();
    if (seen[id.index]) continue;
    seen[id.index] = true;
    if (ir::info(graph[id].op).op_class == ir::OpClass::reduction) return true;
    for (const ir::ValueId operand : graph[id].args()) open.push_back(operand);
  }
  return false;
}

}  // namespace

ExpState merge(const ExpState& left, const ExpState& right) {
  ExpState both{greater(left.greatest, right.greatest), {}};
  const Expr by_left = rescale(left.greatest, both.greatest);
  const Expr by_right = rescale(right.greatest, both.greatest);
  for (std::size_t i = 0; i < left.sums.size(); ++i)
    both.sums.push_back(left.sums[i] * by_left + right.sums[i] * by_right);
  return both;
}

std::optional<Expr> softmax_mean(Expr weights, Expr z, Expr sink, bool beside_logsumexp) {
  if (needs_reduction(weights)) return std::nullopt;
  const Normalizer row = normalizer(z, sink, beside_logsumexp, weights);
  return row.weighted * nan_unless_finite(row.greatest, number(z, 1) / row.sum);
}

Expr row_function(Op op, Expr a, Expr b, bool beside_logsumexp) {
  const auto reduced = [&](Op block, Op merged) { return make(merged, make(block, a)); };
  if (op == Op::row_sum) return reduced(Op::block_sum, Op::merge_sum);
  if (op == Op::row_prod) return reduced(Op::block_prod, Op::merge_prod);
  if (op == Op::row_max) return row_max(a);
  if (op == Op::row_min) return row_min(a);
  if (op == Op::row_softmax) return row_softmax(a, b, beside_logsumexp);
  if (op == Op::row_log_softmax) return row_log_softmax(a, b, beside_logsumexp);
  if (op == Op::row_logsumexp) return row_logsumexp(a);
  if (op == Op::row_sink_weight) return row_sink_weight(a, b, beside_logsumexp);
  if (op == Op::row_argmax) return row_argmax(a);
  if (op == Op::at) return at(a, b);
  return op == Op::row_any ? any(a) : all(a);
}

}  // namespace sluice::numerics
