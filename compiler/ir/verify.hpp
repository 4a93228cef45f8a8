// Checks that a graph obeys the op table: operand counts and types, order, payloads, extents.
#pragma once

#include <string>
#include <vector>

#include "compiler/ir/graph.hpp"

namespace sluice::ir {

// How far a graph has come: which classes of ops it may hold.
enum class Stage : std::uint8_t {
  primitives,  // leaves, machine ops and primitives
  machine,     // after expansion: leaves and machine ops
};

// One sentence a violation, naming the value; empty for a sound graph.
[[nodiscard]] std::vector<std::string> verify(const Graph& graph, Stage stage);

}  // namespace sluice::ir
