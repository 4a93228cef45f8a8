// Bounds of every value of a graph, from bounds of its inputs, by interval arithmetic.
#pragma once

#include <limits>
#include <span>
#include <vector>

#include "compiler/ir/graph.hpp"

namespace sluice::rewrite {

// All numbers between low and high; NaN is never in it, and rounding errors are not counted.
struct Interval {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

// One each of the graph's values; everything where nothing better is known. `inputs` are one each
// of the graph's inputs; a parameter is the one number it has.
[[nodiscard]] std::vector<Interval> intervals(const ir::Graph& graph,
                                              std::span<const Interval> inputs);

}  // namespace sluice::rewrite
