#include "compiler/numerics/structural.hpp"

#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <vector>

#include "compiler/ir/scalar.hpp"

namespace sluice::numerics {
namespace {

using ir::Expr;
using ir::Node;
using ir::Op;
using ir::ValueId;

constexpr double kInf = std::numeric_limits<double>::infinity();

// What `value` is where x has this value; nothing where it depends on anything else. Operands come
// before their users, so one sweep over the values between serves.
std::optional<double> value_at(Expr value, Expr x, double at) {
  const ir::Graph& graph = *value.graph;
  std::vector<std::optional<std::uint64_t>> known(value.id.index + 1);
  std::vector<bool> needed(value.id.index + 1, false);
  needed[value.id.index] = true;
  for (std::size_t i = needed.size(); i-- > 0;) {
    if (!needed[i] || i == x.id.index) continue;
    for (const ValueId operand : graph.nodes()[i].args()) needed[operand.index] = true;
  }
  for (std::size_t i = 0; i < needed.size(); ++i) {
    if (!needed[i]) continue;
    const Node& node = graph.nodes()[i];
    if (i == x.id.index) {
      known[i] = ir::encode(graph.compute(), at);
    } else if (node.op == Op::constant) {
      known[i] = node.payload;
    } else if (node.op == Op::input || node.op == Op::param) {
      return std::nullopt;
    } else {
      std::array<std::uint64_t, ir::kMaxArity> operands{};
      for (std::size_t k = 0; k < node.args().size(); ++k)
        operands[k] = *known[node.args()[k].index];
      known[i] = ir::evaluate(graph, node, {operands.data(), node.args().size()});
    }
  }
  return ir::decode(graph.compute(), *known[value.id.index]);
}

Expr with_limit(Expr value, Expr x, double end, Expr limit) {
  if (limit.is_constant() && x.id <= value.id) {
    const double wanted = limit.graph->constant_value(limit.id);
    const std::optional<double> found = value_at(value, x, end);
    if (found && (*found == wanted || (std::isnan(*found) && std::isnan(wanted)))) return value;
  }
  return select(equal(x, end), limit, value);
}

}  // namespace

Expr sign(Expr a) { return select(a > 0.0, 1.0, select(a < 0.0, -1.0, a)); }

Expr clamp(Expr a, Expr low, Expr high) { return min(max(a, low), high); }

Expr corrected(Expr h, Expr c) {
  const double tiny = h.graph->compute() == ir::Elem::f32 ? 0x1p-118 : 0x1p-1014;
  const Expr magnitude = abs(h);
  return h + select(number(h, tiny) <= magnitude && magnitude < kInf, c, 0.0);
}

Expr integer_power(Expr a, int k) {
  std::optional<Expr> product;
  Expr square = a;
  for (int rest = std::abs(k);;) {
    if ((rest & 1) != 0) product = product ? *product * square : square;
    rest >>= 1;
    if (rest == 0) break;
    square = square * square;
  }
  return k < 0 ? 1.0 / *product : *product;
}

Expr with_limits(Expr value, Expr x, Expr at_minus_inf, Expr at_inf) {
  return with_limit(with_limit(value, x, -kInf, at_minus_inf), x, kInf, at_inf);
}

}  // namespace sluice::numerics
