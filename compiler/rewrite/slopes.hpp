// Sums of an elementary function and its derivative, f(v) + t f'(v), as differentiating u f(v)
// makes them. They cancel where they are 0 and lose the derivative's digits where it is denormal,
// so that numerics has them as one piece each.
#pragma once

#include <optional>
#include <vector>

#include "compiler/ir/graph.hpp"
#include "compiler/rewrite/rewriter.hpp"
#include "compiler/rewrite/view.hpp"

namespace sluice::rewrite {

struct SlopeSum {
  ir::ValueId function;  // f(v, low)
  ir::ValueId factor;    // t
  std::vector<Sum::Item> rest;
};

// Nothing where the value is no such sum. The factor may be new in the graph, made by `exact`.
[[nodiscard]] std::optional<SlopeSum> slope_sum(Rewriter& exact, ir::Graph& graph,
                                                ir::ValueId value);

}  // namespace sluice::rewrite
