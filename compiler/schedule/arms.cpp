#include "compiler/schedule/arms.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

namespace sluice::schedule {
namespace {

using ir::Graph;
using ir::Node;
using ir::Op;
using ir::ValueId;

class Gatherer {
 public:
  Gatherer(const Graph& graph, const std::vector<ValueId>& order)
      : graph_(graph), order_(order), states_(graph.size(), State::absent) {
    for (const ValueId id : order)
      if (graph[id].op == Op::unlikely) states_[id.index] = State::open;
    find_members();
  }

  [[nodiscard]] bool found() const {
    return std::any_of(order_.begin(), order_.end(), [&](ValueId id) { return in_arm(id); });
  }

  // Nothing where an arm needs a value that its own condition chooses; that condition has no arm
  // from then on.
  std::optional<std::vector<Arm>> run(std::vector<ValueId>& result) {
    placed_.assign(graph_.size(), true);
    for (const ValueId id : order_) placed_[id.index] = false;
    arms_.clear();
    result_.clear();
    for (const ValueId id : order_)
      if (!place(id)) return std::nullopt;
    result = std::move(result_);
    return std::move(arms_);
  }

 private:
  // Of a condition: whether it may have an arm, and whether that is being placed.
  enum class State : std::uint8_t { absent, open, placing };

  [[nodiscard]] bool in_arm(ValueId id) const { return arm_[id.index].valid(); }

  // The condition by which a value is chosen, where that may have an arm; a choice within an arm is
  // a plain one.
  [[nodiscard]] ValueId chosen_by(ValueId id) const {
    const Node& node = graph_[id];
    if (node.op != Op::select || in_arm(id)) return ValueId{};
    const ValueId condition = node.operand(0);
    return states_[condition.index] == State::absent ? ValueId{} : condition;
  }

  // From the end, so that all users of a value come before it: it belongs to the arm that they all
  // are in or, as their first side alone, choose from.
  void find_members() {
    arm_.assign(graph_.size(), ValueId{});
    std::vector<bool> seen(graph_.size(), false);
    std::vector<bool> outside(graph_.size(), false);
    const auto use = [&](ValueId value, ValueId condition) {
      const std::uint32_t i = value.index;
      if (!condition.valid() || (seen[i] && arm_[i] != condition)) outside[i] = true;
      seen[i] = true;
      arm_[i] = outside[i] ? ValueId{} : condition;
    };
    for (const ir::GraphOutput& output : graph_.outputs()) use(output.value, ValueId{});
    for (std::size_t i = order_.size(); i-- > 0;) {
      const Node& node = graph_[order_[i]];
      const ValueId condition = chosen_by(order_[i]);
      for (int k = 0; k < node.arity(); ++k)
        use(node.operand(k), condition.valid() && k == 1 ? condition : arm_[order_[i].index]);
    }
  }

  // An arm comes before the first value that is chosen from it.
  bool place(ValueId id) {
    if (placed_[id.index] || in_arm(id)) return true;
    const ValueId condition = chosen_by(id);
    if (condition.valid() && !placed_[graph_[id].operand(1).index] && !place_arm(condition))
      return false;
    placed_[id.index] = true;
    result_.push_back(id);
    return true;
  }

  // What the arm needs from outside comes before it, and may stand later in the order.
  bool place_arm(ValueId condition) {
    if (states_[condition.index] == State::placing) return dissolve(condition);
    states_[condition.index] = State::placing;
    std::vector<bool> needed(graph_.size(), false);
    std::vector<ValueId> members;
    needed[condition.index] = true;
    for (std::size_t i = order_.size(); i-- > 0;) {
      const ValueId id = order_[i];
      const bool member = arm_[id.index] == condition;
      if (member) members.push_back(id);
      if (!member && !needed[id.index]) continue;
      if (chosen_by(id) == condition) return dissolve(condition);
      for (const ValueId operand : graph_[id].args()) needed[operand.index] = true;
    }
    for (const ValueId id : order_)
      if (needed[id.index] && !place(id)) return false;
    const std::size_t begin = result_.size();
    result_.insert(result_.end(), members.rbegin(), members.rend());
    for (const ValueId id : members) placed_[id.index] = true;
    arms_.push_back({condition, begin, result_.size()});
    states_[condition.index] = State::open;
    return true;
  }

  bool dissolve(ValueId condition) {
    for (State& state : states_)
      if (state == State::placing) state = State::open;
    states_[condition.index] = State::absent;
    find_members();
    return false;
  }

  const Graph& graph_;
  const std::vector<ValueId>& order_;
  std::vector<State> states_;
  std::vector<ValueId> arm_;  // of each value: the condition of the one it is in
  std::vector<bool> placed_;
  std::vector<ValueId> result_;
  std::vector<Arm> arms_;
};

}  // namespace

std::vector<Arm> gather_arms(const Graph& graph, std::vector<ValueId>& order) {
  const std::vector<ValueId> before = order;
  Gatherer gatherer(graph, before);
  while (gatherer.found())
    if (std::optional<std::vector<Arm>> arms = gatherer.run(order)) return std::move(*arms);
  return {};
}

}  // namespace sluice::schedule
