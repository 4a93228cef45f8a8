#include "compiler/rewrite/growth.hpp"

#include <algorithm>
#include <limits>
#include <unordered_set>

#include "compiler/rewrite/view.hpp"

namespace sluice::rewrite {
namespace {

using ir::Node;
using ir::Op;
using ir::ValueId;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kModerate = 80;  // e^80 and 2^80 leave room for further factors
constexpr int kDepth = 8;

}  // namespace

bool grows(Op op) {
  return op == Op::exp || op == Op::exp2 || op == Op::expm1 || op == Op::sinh || op == Op::cosh;
}

Growth::Growth(const ir::Graph& graph)
    : graph_(graph), facts_(graph), users_(graph.size()), is_output_(graph.size()) {
  for (const ValueId id : graph.live())
    for (const ValueId operand : graph[id].args()) users_[operand.index].push_back(id);
  for (const ir::GraphOutput& output : graph.outputs()) is_output_[output.value.index] = true;
}

// Every way from the value to an output may lead through a branch that bounds the argument.
bool Growth::may_overflow(ValueId function, ValueId value) {
  const Node& node = graph_[function];
  if (node.op == Op::sinh || node.op == Op::cosh) return true;
  const ValueId argument = node.operand(0);
  if (upper(argument, std::nullopt, kDepth) <= kModerate) return false;
  std::vector<ValueId> open{value};
  std::unordered_set<std::uint32_t> seen{value.index};
  while (!open.empty()) {
    const ValueId id = open.back();
    open.pop_back();
    if (is_output_[id.index]) return true;
    for (const ValueId user : users_[id.index])
      if (!is_bounding(graph_[user], id, argument) && seen.insert(user.index).second)
        open.push_back(user);
  }
  return false;
}

bool Growth::is_bounding(const Node& user, ValueId branch, ValueId argument) {
  if (user.op != Op::select || user.operand(0) == branch) return false;
  if (user.operand(1) == user.operand(2)) return false;
  const Node& test = graph_[user.operand(0)];
  if (test.op != Op::lt && test.op != Op::le) return false;
  // v < c, or not c < v.
  const bool then = user.operand(1) == branch;
  const ValueId c = test.operand(then ? 1 : 0);
  if (!graph_.is_constant(c)) return false;
  const Known known = {test.operand(then ? 0 : 1), graph_.constant_value(c)};
  return upper(argument, known, kDepth) <= kModerate;
}

// What a value does not exceed, unless it is NaN.
double Growth::upper(ValueId value, const std::optional<Known>& known, int depth) {
  if (known && value == known->value) return known->bound;
  if (graph_.is_constant(value)) return graph_.constant_value(value);
  if (facts_.sign(value) == Sign::negative) return 0;
  if (depth == 0) return kInf;
  const Node& node = graph_[value];
  const auto of = [&](int i) { return upper(node.operand(i), known, depth - 1); };
  const auto is_positive = [&](int i) { return facts_.sign(node.operand(i)) == Sign::positive; };
  switch (node.op) {
    case Op::add: return of(0) + of(1);
    case Op::sub:
      if (graph_.is_constant(node.operand(1)))
        return of(0) - graph_.constant_value(node.operand(1));
      return is_positive(1) ? of(0) : kInf;
    case Op::neg: return is_positive(0) ? 0 : kInf;
    case Op::min: return std::min(of(0), of(1));
    case Op::mul: {
      const Product product = product_view(graph_, {}, value);
      const bool is_square =
          std::all_of(product.factors.begin(), product.factors.end(),
                      [](const Power& power) { return power.exponent % 2 == 0; });
      return is_square && product.coefficient() < 0 ? 0 : kInf;
    }
    default: return kInf;
  }
}

}  // namespace sluice::rewrite
