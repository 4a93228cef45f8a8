// Adjoints that know under which conditions they hold.
//
// An adjoint that belongs to one side of a condition must not be formed as `selected zero * slope`,
// since the slope may be infinite on the side not taken. So a value's adjoint is a list of branches
// (path, value): the sum of the values whose paths hold. Values are multiplied along a path;
// `total` selects, last of all.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "compiler/ir/expr.hpp"

namespace sluice::autodiff {

struct Literal {
  ir::ValueId condition;  // never a logic_not
  bool holds = true;
  friend constexpr auto operator<=>(const Literal&, const Literal&) = default;
};

// A conjunction: sorted, each condition once. Empty: always.
using Path = std::vector<Literal>;

// Nothing where the two contradict each other. A path longer than kMaxPath becomes one condition.
[[nodiscard]] std::optional<Path> both(ir::Graph& graph, const Path& a, const Path& b);

struct Branch {
  Path path;
  ir::Expr value;
};
using Branches = std::vector<Branch>;

inline constexpr std::size_t kMaxPath = 16;

// Branches per adjoint after `settle`; beyond it two are merged at the price of a disjunction.
inline constexpr std::size_t kMaxBranches = 16;

// The same adjoint in few branches: equal paths are summed, complementary ones become one select,
// and a branch within a wider one joins it.
void settle(Branches& branches);

// One value: selects over the conditions, 0 where no path holds.
[[nodiscard]] ir::Expr total(const Branches& branches, ir::Expr like);

// A factor as branches: outermost selects that have a literal 0 among their leaves come apart and
// the zeros are left out; anything else is one branch that always holds.
[[nodiscard]] Branches split(ir::Expr factor);

}  // namespace sluice::autodiff
