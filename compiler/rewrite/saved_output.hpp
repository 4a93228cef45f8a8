// Derivatives read from a saved output instead of the input: dx as a function of y and of the
// incoming gradient.
//
// In: a function of one input with one output, differentiated and in its stable form. What the
// gradient asks for of x is looked up among what y tells of it: its value, its sign, its place
// between bounds, and the slopes that can be written in the value of their function. These forms
// are good to 2 ULP as functions of the stored y; they cannot know what rounding took from it.
#pragma once

#include <optional>

#include "compiler/ir/graph.hpp"

namespace sluice::rewrite {

// `graph` has the input x and then others, and the outputs y and dx. In the result y is an input in
// the place of x, and dx is the output. Nothing where dx cannot be written so: where y does not
// tell x, or where a parameter that decides it is no positive literal.
[[nodiscard]] std::optional<ir::Graph> read_output(const ir::Graph& graph);

}  // namespace sluice::rewrite
