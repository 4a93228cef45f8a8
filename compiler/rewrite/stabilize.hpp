// Rewriting of a graph into stable forms and simpler ones, by the rules listed in rules.def.
//
// In: a graph as lowered or as differentiated. Out: an equivalent graph. Algebraic rules change
// rounding errors for the better and look only at the graph's shape and at literal constants, never
// at a parameter's value; exact rules keep every bit. The rules that fired are appended to `fired`
// by name, in order, for `sluice show --emit rewrites`.
#pragma once

#include <string>
#include <vector>

#include "compiler/ir/graph.hpp"

namespace sluice::rewrite {

// All rules to a fixed point.
[[nodiscard]] ir::Graph stabilize(const ir::Graph& graph, std::vector<std::string>& fired);

// The exact rules alone, with constant folding: what may run after the meaning is fixed (@exact
// programs, and after parameters are baked).
[[nodiscard]] ir::Graph simplify_exact(const ir::Graph& graph);

// Baked parameters become constants of the compute type. The parameters that remain are those
// passed at each call.
[[nodiscard]] ir::Graph bake(const ir::Graph& graph);

}  // namespace sluice::rewrite
