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

  // An output and the gradient that comes in for it.
  struct Seed {
    ValueId output;
    Expr gradient;
  };

  // Element by element, also by what is one value for all.
  std::vector<Expr> run(ValueId y) {
    const Seed seed{y, expr(graph_.constant(1.0))};
    return sweep({&seed, 1});
  }

  // Of a row function: by what is one value a row, what its columns add up to.
  std::vector<Expr> run(std::span<const Seed> seeds) {
    sums_rows_ = true;
    return sweep(seeds);
  }

 private:
  std::vector<Expr> sweep(std::span<const Seed> seeds) {
    std::vector<ValueId> open;
    for (const Seed& seed : seeds) open.push_back(seed.output);
    find_active(std::move(open));
    for (const Seed& seed : seeds) adjoints_[seed.output].push_back({{}, seed.gradient});
    // Highest id first: all users of a value come before it. Values may join on the way, but only
    // below the one at hand.
    for (auto next = adjoints_.rbegin(); next != adjoints_.rend();
         next = std::make_reverse_iterator(adjoints_.find(done_))) {
      done_ = next->first;
      sum_along_row(next->second);
      settle(next->second);
      const Branches adjoint = next->second;
      if (adjoint.empty()) continue;
      const Op op = graph_[done_].op;
      if (op == Op::limits) {
        propagate_limits(expr(done_), adjoint);
      } else if (op == Op::row_softmax || op == Op::row_log_softmax) {
        propagate_softmax(expr(done_), adjoint);
      } else {
        propagate(expr(done_), adjoint);
      }
    }
    std::vector<Expr> results;
    for (const ValueId value : wrt_) results.push_back(total(adjoints_[value], expr(value)));
    return results;
  }

  [[nodiscard]] Expr expr(ValueId id) const { return {&graph_, id}; }

  // The values below `open` that depend on a wrt, in the order of their ids.
  void find_active(std::vector<ValueId> open) {
    std::unordered_set<std::uint32_t> seen;
    std::vector<ValueId> reached;
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
      if (sums.size() > 2 * kMaxBranches) {
        // What columns and what the row add must not become one value: columns are summed later.
        Branches of_columns = varies(to) ? Branches{} : take_columns(sums);
        settle(sums);
        settle(of_columns);
        sums.insert(sums.end(), of_columns.begin(), of_columns.end());
      }
    }
  }

  [[nodiscard]] bool varies(ValueId id) const {
    return graph_[id].type.extent == ir::Extent::element;
  }
  [[nodiscard]] bool varies(const Branch& branch) const {
    return varies(branch.value.id) ||
           std::any_of(branch.path.begin(), branch.path.end(),
                       [&](const Literal& literal) { return varies(literal.condition); });
  }

  // Takes out what varies along the row.
  [[nodiscard]] Branches take_columns(Branches& branches) const {
    const auto of_columns = std::stable_partition(
        branches.begin(), branches.end(), [&](const Branch& branch) { return !varies(branch); });
    Branches taken(of_columns, branches.end());
    branches.erase(of_columns, branches.end());
    return taken;
  }

  // Branches with the same conditions of the row, of which those of columns are left.
  [[nodiscard]] std::map<Path, Branches> by_row_conditions(const Branches& branches) const {
    std::map<Path, Branches> groups;
    for (const Branch& branch : branches) {
      Path of_row, of_columns;
      for (const Literal& literal : branch.path)
        (varies(literal.condition) ? of_columns : of_row).push_back(literal);
      groups[of_row].push_back({of_columns, branch.value});
    }
    return groups;
  }

  // The column that the path says it is, and nothing else.
  [[nodiscard]] std::optional<Expr> column_of(const Path& path) const {
    if (path.size() != 1 || !path.front().holds) return std::nullopt;
    const Node& node = graph_[path.front().condition];
    if (node.op != Op::ieq) return std::nullopt;
    for (const int i : {0, 1})
      if (graph_[node.operand(i)].op == Op::column && !varies(node.operand(1 - i)))
        return expr(node.operand(1 - i));
    return std::nullopt;
  }

  // The sum along the row. What one column alone has is no sum.
  Expr row_sum(const Branches& branches, Expr like) {
    Branches of_columns;
    Branches sums;
    for (const Branch& branch : branches) {
      const std::optional<Expr> column = column_of(branch.path);
      if (!column) {
        of_columns.push_back(branch);
        continue;
      }
      const Expr width{&graph_, graph_.add_position(Op::width)};
      const Path from{{(*column < integer(*column, 0)).id, false}};
      const Path to{{(*column < width).id, true}};
      const Expr value =
          varies(branch.value.id) ? make(Op::at, branch.value, *column) : branch.value;
      if (const auto inside = both(graph_, from, to)) sums.push_back({*inside, value});
    }
    if (!of_columns.empty()) sums.push_back({{}, make(Op::row_sum, total(of_columns, like))});
    settle(sums);
    return total(sums, like);
  }

  // What columns add to the adjoint of a value that is one for the row.
  void sum_along_row(Branches& adjoint) {
    if (varies(done_) || !sums_rows_) return;
    Branches of_columns = take_columns(adjoint);
    settle(of_columns);
    for (const auto& [path, branches] : by_row_conditions(of_columns))
      adjoint.push_back({path, row_sum(branches, expr(done_))});
  }

  // With y = softmax(z, s), the weight w of the sink and g the adjoint: dz = y (g - sum g y) and
  // ds = -w sum g y; of its logarithm dz = g - y sum g and ds = -w sum g. A row that a condition
  // leaves out has neither.
  void propagate_softmax(Expr y, const Branches& adjoint) {
    const Expr z = y.operand(0);
    const Expr sink = y.operand(1);
    const bool is_log = y.node().op == Op::row_log_softmax;
    const Expr softmax = is_log ? make(Op::row_softmax, z, sink) : y;
    const Expr one = number(y, 1.0);
    for (const auto& [path, branches] : by_row_conditions(adjoint)) {
      Branches terms = branches;
      if (!is_log)
        for (Branch& term : terms) term.value = product(term.value, softmax);
      const Expr g = total(branches, y);
      const Expr all = row_sum(terms, y);
      const Expr by_z = is_log ? g - product(softmax, all) : product(softmax, g - all);
      add(z.id, {{path, by_z}}, one);
      if (active_.count(sink.id.index) != 0)
        add(sink.id, {{path, negative(product(make(Op::row_sink_weight, z, sink), all))}}, one);
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
    if (!sums_rows_) {
      const std::vector<Expr> held = Sweep(graph_, others, x.id).run(v);
      for (std::size_t i = 0; i < others.size(); ++i) add(others[i], adjoint, held[i]);
      return;
    }
    for (const auto& [path, branches] : by_row_conditions(adjoint)) {
      const Seed seed{v, total(branches, y)};
      const std::vector<Expr> held = Sweep(graph_, others, x.id).run({&seed, 1});
      for (std::size_t i = 0; i < others.size(); ++i)
        add(others[i], {{path, held[i]}}, number(y, 1.0));
    }
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
  bool sums_rows_ = false;
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

// Whether an element of an output may depend on other elements of an input than its own.
bool is_row_wise(const Graph& graph) {
  const std::vector<ValueId> live = graph.live();
  return std::any_of(live.begin(), live.end(),
                     [&](ValueId id) { return ir::info(graph[id].op).extent.has_value(); });
}

// The value that a name stands for in a graph with the same inputs and parameters.
std::optional<ValueId> find_wrt(const Graph& graph, const std::string& name) {
  for (std::size_t i = 0; i < graph.inputs().size(); ++i)
    if (graph.inputs()[i].name == name) return graph.input_value(i);
  for (std::size_t i = 0; i < graph.params().size(); ++i)
    if (graph.params()[i].name == name) return graph.param_value(i);
  return std::nullopt;
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
  for (const std::string& name : request.wrt) {
    const auto value = find_wrt(graph, name);
    if (!value)
      return Error{Status::unknown_name,
                   "the function has no input or parameter '" + name + "' that is a number"};
    wrt.push_back(*value);
  }

  std::vector<Expr> sums(wrt.size(), Expr{&graph, graph.constant(0.0)});
  if (is_row_wise(forward)) {
    std::vector<Sweep::Seed> seeds;
    for (std::size_t i = 0; i < gradients.size(); ++i)
      if (gradients[i]) seeds.push_back({forward.outputs()[i].value, *gradients[i]});
    if (!wrt.empty()) sums = Sweep(graph, wrt, {}).run(seeds);
    std::fill(gradients.begin(), gradients.end(), std::nullopt);
  }
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
