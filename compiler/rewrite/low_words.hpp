// Low words: what rounding took from a value, carried where it would be felt.
//
// Arguments. An error of half an ulp in x is an error of |x| / 2 ulps in exp(x). So an elementary
// function of a product, a quotient or an inner sum gets the argument's low word as its second
// operand, to first order in the rounding errors (error-free transformations: Dekker 1971; Ogita,
// Rump and Oishi, "Accurate sum and dot product", 2005); and so does a function of a function, as
// far as the inner one's expansion knows its low word. Inputs, parameters and literals have none; a
// sum of two operands, or of an operand and a parameter, is promised for the rounded sum and gets
// none; nor does a sum in a formula of several inputs.
//
// Results. A sum of function values that cancels, as tanh(x) - x * sigmoid(x) does, would show the
// rounding errors of its terms enlarged. It gets back what the terms lost: corrected(h,
// correction), to which function values contribute their low_word. Sums of a function and its slope
// become one piece (slopes.hpp).
//
// In: a graph in its stable form, differentiated. Nothing but expansion comes after: neither rules
// nor derivatives see low words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/ir/graph.hpp"

namespace sluice::rewrite {

// Which arguments' low words are carried. Without one, an argument that comes of products is off by
// some 2^-24 of itself, which moves a result by no more than some 2^-16 of itself where the
// function is 0 or constant beyond |x| = 128, as exp and sigmoid are. Elsewhere, and where a sum
// may cancel, no bound is in sight.
enum class LowWords : std::uint8_t { everywhere, where_unbounded };

[[nodiscard]] ir::Graph with_low_words(const ir::Graph& graph, std::vector<std::string>& fired,
                                       LowWords carried = LowWords::everywhere);

}  // namespace sluice::rewrite
