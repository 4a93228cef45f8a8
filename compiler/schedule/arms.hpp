// What only a few elements need, gathered so that a back end can jump over it.
#pragma once

#include <vector>

#include "compiler/schedule/element_program.hpp"

namespace sluice::schedule {

// Moves what only selects on an `unlikely` condition need, as their first side, into one stretch of
// `order` for each condition; operands still come first. Graph outputs, and what has a place in
// another stretch, stay where they are.
[[nodiscard]] std::vector<Arm> gather_arms(const ir::Graph& graph, std::vector<ir::ValueId>& order);

}  // namespace sluice::schedule
