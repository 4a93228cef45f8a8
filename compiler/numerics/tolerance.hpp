// How far each value of a graph may be off, in relation to itself, for its outputs to keep a bound.
#pragma once

#include <vector>

#include "compiler/ir/graph.hpp"

namespace sluice::numerics {

// One each of the graph's values: the relative error that the value may have beside its roundings,
// so that each output is off by `bound` at most. 0 where an error would grow: in an argument of a
// function, in a comparison, in a sum that may cancel. `approximate` says of each value whether it
// would have an error of its own; the others share no tolerance.
[[nodiscard]] std::vector<double> tolerances(const ir::Graph& graph, double bound,
                                             const std::vector<bool>& approximate);

}  // namespace sluice::numerics
