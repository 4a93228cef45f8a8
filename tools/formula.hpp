// A value of an IR graph as a formula that a person reads: infix, few parentheses, what occurs more
// than once named.
//
// It shows the mathematics, not the machine: low words, marks of clauses and limits, and detached
// copies are left out, and long constants are cut to seven digits.
#pragma once

#include <string>

#include "compiler/ir/graph.hpp"

namespace sluice::tools {

// "t + x * normal_pdf(x), where t = normal_cdf(x)".
[[nodiscard]] std::string formula(const ir::Graph& graph, ir::ValueId value);

}  // namespace sluice::tools
