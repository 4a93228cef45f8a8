// Evaluation of single ops and of whole machine-op graphs on one element: the table's meanings, run
// directly. Constant folding, tests and tools use it; it is the plainest form of the oracle.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/ir/graph.hpp"

namespace sluice::ir {

// The bits of one machine op applied to operand bits, in lanes of the graph's compute type. Bools
// are 0 or 1.
[[nodiscard]] std::uint64_t evaluate(const Graph& graph, const Node& node,
                                     std::span<const std::uint64_t> operands);

// The bits of every output for one element. `inputs` and `params` hold bits in the compute type;
// the graph must consist of leaves and machine ops.
[[nodiscard]] std::vector<std::uint64_t> evaluate(const Graph& graph,
                                                  std::span<const std::uint64_t> inputs,
                                                  std::span<const std::uint64_t> params);

// A number's bits in an element type, and back.
[[nodiscard]] std::uint64_t encode(Elem elem, double value);
[[nodiscard]] double decode(Elem elem, std::uint64_t bits);

}  // namespace sluice::ir
