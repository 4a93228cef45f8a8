#include "compiler/rewrite/vanishing.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <unordered_set>
#include <vector>

#include "compiler/ir/expr.hpp"
#include "compiler/ir/mapping.hpp"

namespace sluice::rewrite {
namespace {

using ir::Expr;
using ir::Graph;
using ir::Node;
using ir::Op;
using ir::ValueId;

// Products are small; longer ones are not worth a long look.
constexpr std::size_t kMostVisits = 32;

// Infinite for large finite arguments.
bool grows(Op op) {
  return op == Op::exp || op == Op::exp2 || op == Op::expm1 || op == Op::sinh || op == Op::cosh;
}

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

// Where values are used.
class Uses {
 public:
  explicit Uses(const Graph& graph) : graph_(graph), users_(graph.size()), output_(graph.size()) {
    for (const ValueId id : graph.live())
      for (const ValueId operand : graph[id].args()) users_[operand.index].push_back(id);
    for (const ir::GraphOutput& output : graph.outputs()) output_[output.value.index] = true;
  }

  // Whether every way from a value to an output leads through a branch that is taken only where `a`
  // is so small that nothing that grows overflows.
  [[nodiscard]] bool within_bounds(ValueId value, ValueId a) const {
    std::vector<ValueId> open{value};
    std::unordered_set<std::uint32_t> seen{value.index};
    while (!open.empty()) {
      const ValueId id = open.back();
      open.pop_back();
      if (output_[id.index]) return false;
      for (const ValueId user : users_[id.index])
        if (!is_bounding(graph_[user], id, a) && seen.insert(user.index).second)
          open.push_back(user);
    }
    return true;
  }

 private:
  [[nodiscard]] bool is_bounding(const Node& user, ValueId branch, ValueId a) const {
    if (user.op != Op::select || user.operand(0) == branch) return false;
    const Node& test = graph_[user.operand(0)];
    if (test.op != Op::lt && test.op != Op::le) return false;
    const bool then = user.operand(1) == branch;
    if (then && user.operand(2) == branch) return false;
    // a < c, or not c < a.
    const ValueId c = test.operand(then ? 1 : 0);
    return test.operand(then ? 0 : 1) == a && graph_.is_constant(c) &&
           graph_.constant_value(c) <= 80;
  }

  const Graph& graph_;
  std::vector<std::vector<ValueId>> users_;
  std::vector<bool> output_;
};

bool has_growing(const Graph& graph) {
  return std::any_of(graph.nodes().begin(), graph.nodes().end(),
                     [](const Node& node) { return grows(node.op); });
}

}  // namespace

Graph with_vanishing_products(const Graph& graph) {
  if (!has_growing(graph)) return graph;
  const Uses uses(graph);
  Graph result = graph.empty_copy();
  ir::Mapping mapping(graph, result);
  for (const ValueId id : graph.live()) {
    mapping.copy(id);
    if (graph[id].op != Op::mul) continue;
    const std::optional<Pair> found = find_pair(graph, id);
    if (!found || uses.within_bounds(id, graph[found->growing].operand(0))) continue;
    // None where the product is made of one that is guarded.
    if (const std::optional<Pair> pair = find_pair(result, mapping[id]))
      mapping.set(id, Guard(result, *pair).guarded(mapping[id]));
  }
  mapping.copy_outputs();
  return result;
}

}  // namespace sluice::rewrite
