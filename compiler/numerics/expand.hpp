// Expansion of elementary functions: a graph with primitives becomes a graph of machine ops, the
// same for every back end.
#pragma once

#include <span>

#include <sluice/status.hpp>

#include "compiler/ir/graph.hpp"

namespace sluice::numerics {

// Every primitive replaced by its expansion (numerics.md), or by a cheaper one where the outputs
// may be off by `bound`, as grade.hpp has it: 0 is full accuracy, and so is any of f64. A primitive
// that has none yet in the graph's compute type is an `unsupported` error that names it. The
// graph's parameters, as far as `least` goes, are never smaller in magnitude. The result is for
// targets of the family; an fma of `graph` is meant to be rounded once in either.
[[nodiscard]] Result<ir::Graph> expand(const ir::Graph& graph, double bound = 0,
                                       std::span<const double> least = {},
                                       Family family = Family::fma);

}  // namespace sluice::numerics
