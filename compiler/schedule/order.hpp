// Orders in which a graph's values are computed, chosen for few values alive at once.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "compiler/ir/graph.hpp"

namespace sluice::schedule {

// Reorders `values` (operands first; every value that the graph's outputs need, of one extent,
// leaves excluded) so that operands still come first and few are alive at once. `wanted` are those
// needed after the last of them.
[[nodiscard]] std::vector<ir::ValueId> order_for_registers(const ir::Graph& graph,
                                                           std::span<const ir::ValueId> values,
                                                           std::span<const ir::ValueId> wanted);

// The most values alive at once in this order. Operands that are not in `values` count nothing: a
// back end reads them from memory.
[[nodiscard]] std::size_t pressure(const ir::Graph& graph, std::span<const ir::ValueId> values,
                                   std::span<const ir::ValueId> wanted);

}  // namespace sluice::schedule
