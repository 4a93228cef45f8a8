#include "compiler/autodiff/branches.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "compiler/autodiff/algebra.hpp"

namespace sluice::autodiff {
namespace {

using ir::Expr;
using ir::Graph;
using ir::Op;
using ir::ValueId;

Expr condition_of(Graph* graph, Literal literal) {
  const Expr condition{graph, literal.condition};
  return literal.holds ? condition : !condition;
}

// `inside` where every literal of the path holds, else `outside`.
Expr under(const Path& path, Expr inside, Expr outside) {
  for (std::size_t i = path.size(); i-- > 0;) {
    const Expr condition{inside.graph, path[i].condition};
    inside =
        path[i].holds ? choose(condition, inside, outside) : choose(condition, outside, inside);
  }
  return inside;
}

// A condition as a literal; nothing for a constant one.
struct Decided {
  std::optional<Literal> literal;
  bool constant = false;
};
Decided decide(Expr condition) {
  bool holds = true;
  while (condition.node().op == Op::logic_not) {
    condition = condition.operand(0);
    holds = !holds;
  }
  if (condition.is_constant()) return {std::nullopt, (condition.node().payload != 0) == holds};
  return {Literal{condition.id, holds}, false};
}

// The literal in which two paths differ by sign alone.
std::optional<Literal> complement(const Path& a, const Path& b) {
  if (a.size() != b.size()) return std::nullopt;
  std::optional<Literal> difference;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) continue;
    if (a[i].condition != b[i].condition || difference) return std::nullopt;
    difference = a[i];
  }
  return difference;
}

Path without(Path path, Literal literal) {
  path.erase(std::find(path.begin(), path.end(), literal));
  return path;
}

// Joins branch j to branch i where one step allows it.
bool join(Branch& i, const Branch& j) {
  if (i.path == j.path) {
    i.value = sum(i.value, j.value);
    return true;
  }
  if (const auto literal = complement(i.path, j.path)) {
    const Expr condition{i.value.graph, literal->condition};
    i.value =
        literal->holds ? choose(condition, i.value, j.value) : choose(condition, j.value, i.value);
    i.path = without(i.path, *literal);
    return true;
  }
  return false;
}

// Joins a branch to one whose path is wider: inside the narrow path both contribute.
bool absorb(Branch& wide, const Branch& narrow) {
  if (!std::includes(narrow.path.begin(), narrow.path.end(), wide.path.begin(), wide.path.end()))
    return false;
  Path rest;
  std::set_difference(narrow.path.begin(), narrow.path.end(), wide.path.begin(), wide.path.end(),
                      std::back_inserter(rest));
  wide.value = under(rest, sum(wide.value, narrow.value), wide.value);
  return true;
}

template <typename Merge>
bool merge_once(Branches& branches, Merge merge) {
  for (std::size_t i = 0; i < branches.size(); ++i)
    for (std::size_t j = 0; j < branches.size(); ++j)
      if (i != j && merge(branches[i], branches[j])) {
        branches.erase(branches.begin() + static_cast<std::ptrdiff_t>(j));
        return true;
      }
  return false;
}

Expr conjunction(Graph* graph, const Path& path) {
  Expr all = condition_of(graph, path.front());
  for (std::size_t i = 1; i < path.size(); ++i) all = all && condition_of(graph, path[i]);
  return all;
}

// The last two branches as one, under the disjunction of their paths.
void merge_last(Branches& branches) {
  const Branch b = std::move(branches.back());
  branches.pop_back();
  Branch& a = branches.back();
  Graph* graph = a.value.graph;
  const Expr either = conjunction(graph, a.path) || conjunction(graph, b.path);
  a.value = under(a.path, under(b.path, sum(a.value, b.value), a.value), b.value);
  a.path = {Literal{either.id, true}};
}

// A tree of more selects than this is a factor like any other.
constexpr std::size_t kMaxSelects = 1000;

// The selects of a tree of outermost selects, none twice, and whether a literal 0 is a leaf.
struct SelectTree {
  std::vector<Expr> selects;
  bool zero = false;
};
SelectTree select_tree(Expr root) {
  SelectTree tree;
  std::unordered_set<std::uint32_t> seen;
  std::vector<Expr> open{root};
  while (!open.empty() && tree.selects.size() < kMaxSelects) {
    const Expr value = open.back();
    open.pop_back();
    if (value.node().op != Op::select) {
      tree.zero = tree.zero || is_zero(value);
    } else if (seen.insert(value.id.index).second) {
      tree.selects.push_back(value);
      open.push_back(value.operand(2));
      open.push_back(value.operand(1));
    }
  }
  return tree;
}

// The leaves of a tree of selects, counted no further than the limit: shared subtrees count again.
std::size_t count_leaves(Expr root, std::size_t limit) {
  std::vector<Expr> open{root};
  std::size_t leaves = 0;
  for (std::size_t visited = 0; !open.empty() && visited < 2 * limit; ++visited) {
    const Expr value = open.back();
    open.pop_back();
    if (value.node().op == Op::select) {
      open.push_back(value.operand(2));
      open.push_back(value.operand(1));
    } else {
      ++leaves;
    }
  }
  return leaves + open.size();
}

void split_into(Expr value, const Path& path, Branches& branches) {
  if (value.node().op != Op::select) {
    if (!is_zero(value)) branches.push_back({path, value});
    return;
  }
  const Decided condition = decide(value.operand(0));
  if (!condition.literal)
    return split_into(value.operand(condition.constant ? 1 : 2), path, branches);
  Literal literal = *condition.literal;
  for (const int side : {1, 2}) {
    if (const auto longer = both(*value.graph, path, {literal}))
      split_into(value.operand(side), *longer, branches);
    literal.holds = !literal.holds;
  }
}

// Where a tree of selects is not a literal 0: linear in the graph, however much is shared.
Expr nonzero_condition(Expr root, std::vector<Expr> selects) {
  std::sort(selects.begin(), selects.end(), [](Expr a, Expr b) { return a.id < b.id; });
  std::unordered_map<std::uint32_t, Expr> known;
  const auto of = [&](Expr value) -> Expr {
    const auto entry = known.find(value.id.index);
    if (entry != known.end()) return entry->second;
    return {value.graph, value.graph->boolean(!is_zero(value))};
  };
  for (const Expr value : selects) {
    const Expr condition = value.operand(0);
    const Expr inside = of(value.operand(1));
    const Expr outside = of(value.operand(2));
    const Expr both = inside == outside ? inside : (condition && inside) || (!condition && outside);
    known.emplace(value.id.index, both);
  }
  return of(root);
}

}  // namespace

std::optional<Path> both(Graph& graph, const Path& a, const Path& b) {
  Path all;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(all));
  const auto contradiction = std::adjacent_find(
      all.begin(), all.end(), [](Literal x, Literal y) { return x.condition == y.condition; });
  if (contradiction != all.end()) return std::nullopt;
  if (all.size() > kMaxPath) return Path{{conjunction(&graph, all).id, true}};
  return all;
}

void settle(Branches& branches) {
  while (merge_once(branches, join)) {
  }
  // Longer paths first, so that a branch finds the narrowest wider one.
  std::stable_sort(branches.begin(), branches.end(),
                   [](const Branch& a, const Branch& b) { return a.path.size() > b.path.size(); });
  while (merge_once(branches, absorb)) {
  }
  while (branches.size() > kMaxBranches) merge_last(branches);
}

Expr total(const Branches& branches, Expr like) {
  if (branches.empty()) return number(like, 0.0);
  if (branches.front().path.empty()) {
    const Branches rest(branches.begin() + 1, branches.end());
    return sum(branches.front().value, total(rest, like));
  }
  const ValueId condition = branches.front().path.front().condition;
  Branches inside;
  Branches outside;
  Branches apart;
  for (const Branch& branch : branches) {
    const auto literal = std::find_if(branch.path.begin(), branch.path.end(),
                                      [&](Literal l) { return l.condition == condition; });
    if (literal == branch.path.end()) {
      apart.push_back(branch);
    } else {
      (literal->holds ? inside : outside).push_back({without(branch.path, *literal), branch.value});
    }
  }
  const Expr chosen = choose({like.graph, condition}, total(inside, like), total(outside, like));
  return sum(chosen, total(apart, like));
}

Branches split(Expr factor) {
  if (factor.node().op != Op::select) return {{{}, factor}};
  const SelectTree tree = select_tree(factor);
  if (!tree.zero || tree.selects.size() >= kMaxSelects) return {{{}, factor}};
  if (count_leaves(factor, kMaxBranches) > kMaxBranches) {
    const Decided nonzero = decide(nonzero_condition(factor, tree.selects));
    if (nonzero.literal) return {{{*nonzero.literal}, factor}};
    return nonzero.constant ? Branches{{{}, factor}} : Branches{};
  }
  Branches branches;
  split_into(factor, {}, branches);
  return branches;
}

}  // namespace sluice::autodiff
