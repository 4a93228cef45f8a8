#include "compiler/numerics/tolerance.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>

#include "compiler/rewrite/facts.hpp"

namespace sluice::numerics {
namespace {

using ir::Node;
using ir::Op;
using ir::ValueId;

class Tolerances {
 public:
  Tolerances(const ir::Graph& graph, double bound, const std::vector<bool>& approximate)
      : graph_(graph), facts_(graph), approximate_(approximate),
        of_(graph.size(), std::numeric_limits<double>::infinity()) {
    for (std::size_t i = 0; i < graph.size(); ++i)
      for (const ValueId operand : graph.nodes()[i].args())
        approximate_[i] = approximate_[i] || approximate_[operand.index];
    for (const ir::GraphOutput& output : graph.outputs()) allow(output.value, bound);
  }

  // Users before what they use.
  std::vector<double> run() && {
    for (std::size_t i = graph_.size(); i-- > 0;)
      if (of_[i] < std::numeric_limits<double>::infinity()) pass_on(graph_.nodes()[i], of_[i]);
    return std::move(of_);
  }

 private:
  void allow(ValueId value, double error) { of_[value.index] = std::min(of_[value.index], error); }
  void allow_all(const Node& node, double error) {
    for (const ValueId operand : node.args()) allow(operand, error);
  }

  // Errors of factors add up.
  void share(const Node& node, double error) {
    const auto args = node.args();
    const auto sharing = std::count_if(
        args.begin(), args.end(), [&](ValueId operand) { return approximate_[operand.index]; });
    allow_all(node, error / static_cast<double>(std::max<std::ptrdiff_t>(1, sharing)));
  }

  void pass_on(const Node& node, double error) {
    switch (node.op) {
      case Op::neg:
      case Op::abs:
      case Op::sqrt:
      case Op::max:
      case Op::min:
      case Op::detach: return allow_all(node, error);
      case Op::mul:
      case Op::div: return share(node, error);
      case Op::add:
      case Op::sub: return allow_all(node, one_sign(node) ? error : 0);
      case Op::integer_power: {
        const double exponent = std::abs(graph_.constant_value(node.operand(1)));
        return allow(node.operand(0), error / exponent);
      }
      case Op::select:
        allow(node.operand(0), 0);
        allow(node.operand(1), error);
        return allow(node.operand(2), error);
      // Of these only the first operand is the value.
      case Op::limits:
      case Op::clause:
        for (const ValueId operand : node.args().subspan(1)) allow(operand, 0);
        return allow(node.operand(0), error);
      default: return allow_all(node, 0);
    }
  }

  bool one_sign(const Node& sum) {
    const rewrite::Sign a = facts_.sign(sum.operand(0));
    const rewrite::Sign b = facts_.sign(sum.operand(1));
    if (a == rewrite::Sign::unknown || b == rewrite::Sign::unknown) return false;
    return (a == b) == (sum.op == Op::add);
  }

  const ir::Graph& graph_;
  rewrite::Facts facts_;
  std::vector<bool> approximate_;
  std::vector<double> of_;
};

}  // namespace

std::vector<double> tolerances(const ir::Graph& graph, double bound,
                               const std::vector<bool>& approximate) {
  return Tolerances(graph, bound, approximate).run();
}

}  // namespace sluice::numerics
