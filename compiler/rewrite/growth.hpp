// Where functions that grow, like exp, may overflow: not where their argument is bounded, by its
// own form or by the branch of an `if` that they stand in.
#pragma once

#include <optional>
#include <vector>

#include "compiler/ir/graph.hpp"
#include "compiler/rewrite/facts.hpp"

namespace sluice::rewrite {

// exp and its like.
[[nodiscard]] bool grows(ir::Op op);

// The graph outlives it and does not change.
class Growth {
 public:
  explicit Growth(const ir::Graph& graph);

  // Whether some output takes `value`, made from a function that grows, where that overflows.
  [[nodiscard]] bool may_overflow(ir::ValueId function, ir::ValueId value);

 private:
  // A value and what it is known not to exceed.
  struct Known {
    ir::ValueId value;
    double bound;
  };
  [[nodiscard]] double upper(ir::ValueId value, const std::optional<Known>& known, int depth);
  [[nodiscard]] bool is_bounding(const ir::Node& user, ir::ValueId branch, ir::ValueId argument);

  const ir::Graph& graph_;
  Facts facts_;
  std::vector<std::vector<ir::ValueId>> users_;
  std::vector<bool> is_output_;
};

}  // namespace sluice::rewrite
