#include "compiler/autodiff/differentiate.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <unordered_set>
#include <utility>

#include "compiler/autodiff/algebra.hpp"
#include "compiler/autodiff/branches.hpp"
#include "compiler/autodiff/rules.hpp"
#include "compiler/ir/mapping.hpp"

namespace sluice::autodiff {
namespace {

using ir::Expr;
using ir::Graph;
using ir::Node;
using ir::Op;
using ir::ValueId;

// One reverse sweep from y to the values asked for, not looking behind `barrier`, which counts as
// independent of them.
class Sweep {
 public:
  Sweep(Graph& graph, std::span<const ValueId> wrt, ValueId barrier)
      : graph_(graph), wrt_(wrt), barrier_(barrier) {
    for (const ValueId value : wrt) lowest_ = std::min(lowest_, value);
  }

  std::vector<Expr> run(ValueId y) {
    find_active(y);
    adjoints_[y].push_back({{}, expr(graph_.constant(1.0))});
    // Highest id first: all users of a value come before it. Values may join on the way, but only
    // below the one at hand.
    for (auto next = adjoints_.rbegin(); next != adjoints_.rend();
         next = std::make_reverse_iterator(adjoints_.find(done_))) {
      done_ = next->first;
      settle(next->second);
      const Branches adjoint = next->second;
      if (adjoint.empty()) continue;
      if (graph_[done_].op == Op::limits) {
        propagate_limits(expr(done_), adjoint);
      } else {
        propagate(expr(done_), adjoint);
      }
    }
    std::vector<Expr> results;
    for (const ValueId value : wrt_) results.push_back(total(adjoints_[value], expr(y)));
    return results;
  }

 private:
  [[nodiscard]] Expr expr(ValueId id) const { return {&graph_, id}; }

  // The values below y that depend on a wrt, in the order of their ids.
  void find_active(ValueId y) {
    std::unordered_set<std::uint32_t> seen;
    std::vector<ValueId> reached;
    std::vector<ValueId> open{y};
    while (!open.empty()) {
      const ValueId id = open.back();
      open.pop_back();
      if (id < lowest_ || id == barrier_ || !seen.insert(id.index).second) continue;
      reached.push_back(id);
      for (const ValueId operand : graph_[id].args()) open.push_back(operand);
    }
    std::sort(reached.begin(), reached.end());
    for (const ValueId id : reached) {
      const Node& node = graph_[id];
      const auto args = node.args();
      const bool depends = std::find(wrt_.begin(), wrt_.end(), id) != wrt_.end() ||
                           std::any_of(args.begin(), args.end(), [&](ValueId operand) {
                             return active_.count(operand.index) != 0;
                           });
      if (depends && ir::is_number(node.type.elem)) active_.insert(id.index);
    }
  }

  void add(ValueId to, const Branches& adjoint, Expr slope) {
    if (active_.count(to.index) == 0) return;
    Branches& sums = adjoints_[to];
    for (const Branch& factor : split(slope)) {
      for (const Branch& branch : adjoint) {
        const auto path = both(graph_, branch.path, factor.path);
        if (path) sums.push_back({*path, product(branch.value, factor.value)});
      }
      if (sums.size() > 2 * kMaxBranches) settle(sums);
    }
  }

  void propagate(Expr y, const Branches& adjoint) {
    const Node node = y.node();
    if (node.arity() == 0) return;
    const Slopes by_operand = slopes(y);
    for (std::size_t i = 0; i < by_operand.size(); ++i)
      if (by_operand[i]) add(node.operands[i], adjoint, *by_operand[i]);
  }

  // limits(v, x, f(-inf), f(inf), f'(-inf), f'(inf)): the slope by x is dv/dx with its own limits,
  // whose own slopes there are taken as 0. What v depends on otherwise, with x held, has no stated
  // limits.
  void propagate_limits(Expr y, const Branches& adjoint) {
    const ValueId v = y.operand(0).id;
    const Expr x = y.operand(1);
    if (active_.count(x.id.index) != 0) {
      const ValueId by_x[] = {x.id};
      const Expr slope = Sweep(graph_, by_x, {}).run(v).front();
      add(x.id, adjoint, with_limits(slope, x, y.operand(4), y.operand(5)));
    }
    std::vector<ValueId> others;
    for (const ValueId value : wrt_)
      if (value != x.id && value <= v) others.push_back(value);
    if (others.empty()) return;
    const std::vector<Expr> held = Sweep(graph_, others, x.id).run(v);
    for (std::size_t i = 0; i < others.size(); ++i) add(others[i], adjoint, held[i]);
  }

  Expr with_limits(Expr slope, Expr x, Expr low, Expr high) {
    const Branches parts = split(slope);
    constexpr double kInf = std::numeric_limits<double>::infinity();
    const bool plain = parts.size() == 1 && parts.front().path.empty();
    const Expr zero = number(slope, 0.0);
    if (plain)
      return expr(graph_.add(Op::limits, {slope.id, x.id, low.id, high.id, zero.id, zero.id}));
    // Spelt out, so that the zeros among the slope's branches stay outermost.
    return select(equal(x, -kInf), low, select(equal(x, kInf), high, slope));
  }

  Graph& graph_;
  std::span<const ValueId> wrt_;
  ValueId barrier_;
  ValueId lowest_;
  ValueId done_;
  std::unordered_set<std::uint32_t> active_;
  std::map<ValueId, Branches> adjoints_;
};

// gradient * slope, with the gradient multiplied inside outermost selects that have a literal 0
// among their leaves, also under sums as deep as kMaxSums.
constexpr int kMaxSums = 64;
Expr scaled(Expr gradient, Expr slope, int depth = 0) {
  const Branches parts = split(slope);
  const bool plain = parts.size() == 1 && parts.front().path.empty();
  if (!plain) {
    Branches products;
    for (const Branch& part : parts) {
      const bool leaf = part.value.node().op != Op::select;
      const Expr factor =
          leaf ? scaled(gradient, part.value, depth + 1) : product(gradient, part.value);
      products.push_back({part.path, factor});
    }
    settle(products);
    return total(products, slope);
  }
  const Node node = slope.node();
  if ((node.op == Op::add || node.op == Op::sub) && depth < kMaxSums) {
    const Branches left = split(slope.operand(0));
    const Branches right = split(slope.operand(1));
    const auto has_zero = [](const Branches& b) { return b.size() != 1 || !b[0].path.empty(); };
    if (has_zero(left) || has_zero(right)) {
      const Expr b = scaled(gradient, slope.operand(1), depth + 1);
      return sum(scaled(gradient, slope.operand(0), depth + 1),
                 node.op == Op::add ? b : negative(b));
    }
  }
  return product(gradient, slope);
}

std::optional<Error> check_wrt(const Graph& graph, const std::string& name) {
  for (const ir::GraphParam& param : graph.params())
    if (param.name == name)
      return Error{Status::unsupported,
                   "the gradient of the parameter '" + name +
                       "' is a sum over all elements: reductions are not there yet"};
  for (const ir::GraphInput& input : graph.inputs()) {
    if (input.name != name) continue;
    if (input.type.extent == ir::Extent::element) return std::nullopt;
    return Error{Status::unsupported,
                 "the gradient of the broadcast input '" + name +
                     "' is a sum over its elements: reductions are not there yet"};
  }
  return Error{Status::unknown_name, "the function has no input or parameter '" + name + "'"};
}

}  // namespace

std::vector<ValueId> partials(Graph& graph, ValueId y, std::span<const ValueId> wrt) {
  std::vector<ValueId> results;
  if (wrt.empty()) return results;
  for (const Expr slope : Sweep(graph, wrt, {}).run(y)) results.push_back(slope.id);
  return results;
}

Result<Graph> resolve_derivatives(const Graph& graph) {
  Graph result = graph.empty_copy();
  ir::Mapping mapping(graph, result);
  for (const ValueId id : graph.live()) {
    const Node& node = graph[id];
    if (node.op != Op::derivative) {
      mapping.copy(id);
      continue;
    }
    const ValueId by[] = {mapping[node.operand(1)]};
    mapping.set(id, partials(result, mapping[node.operand(0)], by).front());
    if (result.size() > kMaxNodes)
      return Error{Status::limit_exceeded, "the function has more than " +
                                               std::to_string(kMaxNodes) +
                                               " nodes once its derivatives are worked out"};
  }
  mapping.copy_outputs();
  return result;
}

Result<Graph> backward(const Graph& forward, const BackwardRequest& request) {
  for (const std::string& name : request.wrt)
    if (const auto error = check_wrt(forward, name)) return *error;
  Graph graph = forward.without_outputs();
  std::vector<std::optional<Expr>> gradients;
  for (std::size_t i = 0; i < forward.outputs().size(); ++i) {
    gradients.emplace_back();
    const auto extent = request.gradients[i];
    if (!extent) continue;
    const ir::Type type{graph.compute(), *extent};
    gradients.back() = Expr{&graph, graph.add_input("grad_" + forward.outputs()[i].name, type)};
  }
  std::vector<ValueId> wrt;
  for (const std::string& name : request.wrt)
    for (std::size_t i = 0; i < forward.inputs().size(); ++i)
      if (forward.inputs()[i].name == name) wrt.push_back(graph.input_value(i));

  std::vector<Expr> sums(wrt.size(), Expr{&graph, graph.constant(0.0)});
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i]) continue;
    const std::vector<ValueId> by_input = partials(graph, forward.outputs()[i].value, wrt);
    for (std::size_t j = 0; j < wrt.size(); ++j)
      sums[j] = sum(sums[j], scaled(*gradients[i], {&graph, by_input[j]}));
  }
  for (std::size_t i = 0; i < forward.outputs().size(); ++i)
    if (request.keep_output[i])
      graph.add_output(forward.outputs()[i].name, forward.outputs()[i].value);
  for (std::size_t j = 0; j < wrt.size(); ++j) graph.add_output("d" + request.wrt[j], sums[j].id);
  return graph;
}

}  // namespace sluice::autodiff
