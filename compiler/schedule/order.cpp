// Three heuristics are tried and the order of least pressure is taken: the graph's own order; depth
// first with the operand that needs most registers first (Sethi and Ullman, "The generation of
// optimal code for arithmetic expressions", 1970, which is optimal for trees); and a list built
// from the end, which keeps what a user has just called for close to it.
#include "compiler/schedule/order.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <utility>

namespace sluice::schedule {
namespace {

using ir::Graph;
using ir::Node;
using ir::ValueId;

// Which of the graph's values are to be ordered.
std::vector<bool> members(const Graph& graph, std::span<const ValueId> values) {
  std::vector<bool> member(graph.size(), false);
  for (const ValueId id : values) member[id.index] = true;
  return member;
}

class DepthFirst {
 public:
  DepthFirst(const Graph& graph, std::span<const ValueId> values)
      : graph_(graph), pending_(members(graph, values)), need_(graph.size(), 0) {
    for (const ValueId id : values) need_[id.index] = registers(graph[id]);
    order_.reserve(values.size());
  }

  std::vector<ValueId> run(std::span<const ValueId> wanted) {
    std::vector<ValueId> roots(wanted.begin(), wanted.end());
    sort_by_need(roots);
    for (const ValueId root : roots) visit(root);
    return std::move(order_);
  }

 private:
  struct Frame {
    ValueId id;
    std::array<ValueId, ir::kMaxArity> operands;
    std::size_t count;
    std::size_t next;
  };

  // Registers that computing this value takes when its operands are computed in the best order.
  std::uint32_t registers(const Node& node) const {
    std::array<std::uint32_t, ir::kMaxArity> needs{};
    std::size_t count = 0;
    for (const ValueId operand : node.args()) needs[count++] = need_[operand.index];
    std::sort(needs.begin(), needs.begin() + static_cast<std::ptrdiff_t>(count), std::greater<>());
    std::uint32_t most = 1;
    for (std::size_t i = 0; i < count; ++i)
      if (needs[i] != 0) most = std::max(most, needs[i] + static_cast<std::uint32_t>(i));
    return most;
  }

  // Insertion sort: at most six operands, nearly always in one of two orders, and equal ones stay
  // as they are.
  void sort_by_need(std::span<ValueId> ids) const {
    for (std::size_t i = 1; i < ids.size(); ++i)
      for (std::size_t j = i; j > 0 && need_[ids[j].index] > need_[ids[j - 1].index]; --j)
        std::swap(ids[j], ids[j - 1]);
  }

  Frame enter(ValueId id) {
    pending_[id.index] = false;
    const std::span<const ValueId> operands = graph_[id].args();
    Frame frame{id, {}, operands.size(), 0};
    std::copy(operands.begin(), operands.end(), frame.operands.begin());
    sort_by_need({frame.operands.data(), frame.count});
    return frame;
  }

  // With a stack of its own: a chain of operands may be as long as the program.
  void visit(ValueId root) {
    if (!pending_[root.index]) return;
    stack_.push_back(enter(root));
    while (!stack_.empty()) {
      Frame& top = stack_.back();
      if (top.next == top.count) {
        order_.push_back(top.id);
        stack_.pop_back();
        continue;
      }
      const ValueId operand = top.operands[top.next++];
      if (pending_[operand.index]) stack_.push_back(enter(operand));
    }
  }

  const Graph& graph_;
  std::vector<bool> pending_;
  std::vector<std::uint32_t> need_;
  std::vector<Frame> stack_;
  std::vector<ValueId> order_;
};

// Chooses values from the last to the first: among those all of whose users are placed, one that
// calls for the fewest new operands, the most recently called for among equals.
class FromTheEnd {
 public:
  FromTheEnd(const Graph& graph, std::span<const ValueId> values)
      : graph_(graph), member_(members(graph, values)), users_(graph.size(), 0),
        alive_(graph.size(), false) {
    for (const ValueId id : values)
      for (const ValueId operand : graph[id].args()) ++users_[operand.index];
  }

  std::vector<ValueId> run(std::span<const ValueId> values, std::span<const ValueId> wanted) {
    for (const ValueId id : wanted) alive_[id.index] = true;
    for (const ValueId id : values)
      if (users_[id.index] == 0) ready_.push_back(id);
    std::vector<ValueId> order;
    order.reserve(values.size());
    while (!ready_.empty()) order.push_back(take());
    std::reverse(order.begin(), order.end());
    return order;
  }

 private:
  std::size_t new_operands(ValueId id) const {
    std::size_t count = 0;
    for (const ValueId operand : graph_[id].args())
      if (member_[operand.index] && !alive_[operand.index]) ++count;
    return count;
  }

  ValueId take() {
    std::size_t best = ready_.size() - 1;
    std::size_t fewest = new_operands(ready_[best]);
    for (std::size_t i = best; i-- > 0 && fewest > 0;) {
      const std::size_t count = new_operands(ready_[i]);
      if (count >= fewest) continue;
      fewest = count;
      best = i;
    }
    const ValueId id = ready_[best];
    ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(best));
    for (const ValueId operand : graph_[id].args()) {
      if (!member_[operand.index]) continue;
      alive_[operand.index] = true;
      if (--users_[operand.index] == 0) ready_.push_back(operand);
    }
    return id;
  }

  const Graph& graph_;
  std::vector<bool> member_;
  std::vector<std::uint32_t> users_;
  std::vector<bool> alive_;
  std::vector<ValueId> ready_;
};

}  // namespace

std::size_t pressure(const Graph& graph, std::span<const ValueId> values,
                     std::span<const ValueId> wanted) {
  std::vector<bool> alive(graph.size(), false);
  const std::vector<bool> member = members(graph, values);
  std::size_t count = 0;
  const auto need = [&](ValueId id) {
    if (!member[id.index] || alive[id.index]) return;
    alive[id.index] = true;
    ++count;
  };
  for (const ValueId id : wanted) need(id);
  std::size_t most = count;
  for (std::size_t i = values.size(); i-- > 0;) {
    if (alive[values[i].index]) --count;
    alive[values[i].index] = false;
    for (const ValueId operand : graph[values[i]].args()) need(operand);
    most = std::max(most, count);
  }
  return most;
}

std::vector<ValueId> order_for_registers(const Graph& graph, std::span<const ValueId> values,
                                         std::span<const ValueId> wanted) {
  std::vector<ValueId> best(values.begin(), values.end());
  std::size_t least = pressure(graph, best, wanted);
  const auto consider = [&](std::vector<ValueId> order) {
    const std::size_t count = pressure(graph, order, wanted);
    if (count >= least) return;
    least = count;
    best = std::move(order);
  };
  consider(DepthFirst(graph, values).run(wanted));
  consider(FromTheEnd(graph, values).run(values, wanted));
  return best;
}

}  // namespace sluice::schedule
