#include "compiler/rewrite/vanishing.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "compiler/ir/expr.hpp"
#include "compiler/ir/mapping.hpp"
#include "compiler/rewrite/growth.hpp"

namespace sluice::rewrite {
namespace {

using ir::Expr;
using ir::Graph;
using ir::Node;
using ir::Op;
using ir::ValueId;

// Products are small; longer ones are not worth a long look.
constexpr std::size_t kMostVisits = 32;

// 0 or infinite for all arguments beyond kBeyond, whichever their sign.
constexpr double kBeyond = 2000;
bool is_settled_beyond(Op op) {
  return op == Op::exp || op == Op::exp2 || op == Op::sigmoid_derivative || op == Op::normal_pdf ||
         op == Op::tanh_log1p_exp_derivative;
}

// Whether an infinite operand i makes the result infinite or NaN.
bool passes_infinity(const Node& node, int i) {
  switch (node.op) {
    case Op::neg:
    case Op::abs:
    case Op::add:
    case Op::sub:
    case Op::mul: return true;
    case Op::div: return i == 0;
    default: return false;
  }
}

// The factors of a product, as far as the visits go.
std::vector<ValueId> factors(const Graph& graph, ValueId product) {
  std::vector<ValueId> open{product};
  std::vector<ValueId> found;
  for (std::size_t i = 0; i < open.size() && i < kMostVisits; ++i) {
    const Node& node = graph[open[i]];
    if (node.op == Op::mul || node.op == Op::neg)
      open.insert(open.end(), node.args().begin(), node.args().end());
    else if (node.op == Op::div)
      open.push_back(node.operand(0));
    else
      found.push_back(open[i]);
  }
  return found;
}

// Whether a function's argument is infinite where a growing function of `a` is.
bool is_of_growing(const Graph& graph, ValueId function, ValueId a) {
  std::vector<ValueId> open{graph[function].operand(0)};
  for (std::size_t i = 0; i < open.size() && i < kMostVisits; ++i) {
    const Node& node = graph[open[i]];
    if (grows(node.op) && node.operand(0) == a) return true;
    for (int k = 0; k < node.arity(); ++k)
      if (passes_infinity(node, k)) open.push_back(node.operand(k));
  }
  return false;
}

// Two factors of a product: one that grows, and one that makes nothing of it.
struct Pair {
  ValueId growing;
  ValueId settled;
};
std::optional<Pair> find_pair(const Graph& graph, ValueId product) {
  const std::vector<ValueId> all = factors(graph, product);
  for (const ValueId growing : all) {
    if (!grows(graph[growing].op)) continue;
    for (const ValueId settled : all)
      if (settled != growing && is_settled_beyond(graph[settled].op) &&
          is_of_growing(graph, settled, graph[growing].operand(0)))
        return Pair{growing, settled};
  }
  return std::nullopt;
}

// Makes a product again with 1 in place of the growing factor where the settled one has the say.
class Guard {
 public:
  Guard(Graph& graph, const Pair& pair) : graph_(graph) {
    const Expr e{&graph, pair.growing};
    const Expr argument = Expr{&graph, pair.settled}.operand(0);
    const Expr beyond = number(argument, kBeyond) < abs(argument) &&
                        e.operand(0) < std::numeric_limits<double>::infinity();
    known_.emplace(pair.growing, ir::select(beyond, 1.0, e).id);
  }

  ValueId guarded(ValueId value) {
    if (const auto found = known_.find(value); found != known_.end()) return found->second;
    const Node node = graph_[value];
    ValueId result = value;
    if (++visits_ <= kMostVisits) {
      if (node.op == Op::neg) result = graph_.add(node.op, {guarded(node.operand(0))});
      if (node.op == Op::div)
        result = graph_.add(node.op, {guarded(node.operand(0)), node.operand(1)});
      if (node.op == Op::mul)
        result = graph_.add(node.op, {guarded(node.operand(0)), guarded(node.operand(1))});
    }
    known_.emplace(value, result);
    return result;
  }

 private:
  Graph& graph_;
  std::map<ValueId, ValueId> known_;
  std::size_t visits_ = 0;
};

bool has_growing(const Graph& graph) {
  return std::any_of(graph.nodes().begin(), graph.nodes().end(),
                     [](const Node& node) { return grows(node.op); });
}

}  // namespace

Graph with_vanishing_products(const Graph& graph) {
  if (!has_growing(graph)) return graph;
  Growth growth(graph);
  Graph result = graph.empty_copy();
  ir::Mapping mapping(graph, result);
  for (const ValueId id : graph.live()) {
    mapping.copy(id);
    if (graph[id].op != Op::mul) continue;
    const std::optional<Pair> found = find_pair(graph, id);
    if (!found || !growth.may_overflow(found->growing, id)) continue;
    // None where the product is made of one that is guarded.
    if (const std::optional<Pair> pair = find_pair(result, mapping[id]))
      mapping.set(id, Guard(result, *pair).guarded(mapping[id]));
  }
  mapping.copy_outputs();
  return result;
}

}  // namespace sluice::rewrite
