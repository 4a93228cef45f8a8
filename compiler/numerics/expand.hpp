// Expansion of elementary functions: a graph with primitives becomes a graph of machine ops, the
// same for every back end.
#pragma once

#include <sluice/status.hpp>

#include "compiler/ir/graph.hpp"
#include "compiler/numerics/grade.hpp"

namespace sluice::numerics {

// Every primitive replaced by its expansion (numerics.md), or by a cheaper one where the grade
// allows it (fast.hpp). A primitive that has none yet in the graph's compute type is an
// `unsupported` error that names it.
[[nodiscard]] Result<ir::Graph> expand(const ir::Graph& graph, Grade grade = Grade::full);

}  // namespace sluice::numerics
