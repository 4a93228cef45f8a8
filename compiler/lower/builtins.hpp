// What each built-in of the language is in the IR.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "compiler/ir/graph.hpp"
#include "dsl/ast.hpp"

namespace sluice::lower {

// The value of a built-in on operands of the graph; nothing for the one that has a parameter
// (simplex_threshold.hpp).
[[nodiscard]] std::optional<ir::ValueId> lower_builtin(ir::Graph& graph, dsl::Builtin builtin,
                                                       std::span<const ir::ValueId> operands);

}  // namespace sluice::lower
