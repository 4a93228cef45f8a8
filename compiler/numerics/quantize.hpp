// Quantised operands: integers of 8 bits at the edges of a graph, numbers within.
//
// In: an expanded graph over numbers, and which of its inputs and outputs are stored as integers.
// Out: the same graph with integers there, what they stand for computed on the way in, and the
// nearest integer, saturated, on the way out (sluice/dtype.hpp says which). All of it is machine
// ops, so that every back end has the same bits.
#pragma once

#include <optional>
#include <span>

#include <sluice/dtype.hpp>

#include "compiler/ir/graph.hpp"

namespace sluice::numerics {

// i8 or u8, and what its integers stand for.
struct QuantisedType {
  Dtype dtype = Dtype::i8;
  Quantisation quantisation;
};

// One each of the graph's inputs and outputs; nothing where it is a number as it stands.
[[nodiscard]] ir::Graph quantize(const ir::Graph& graph,
                                 std::span<const std::optional<QuantisedType>> inputs,
                                 std::span<const std::optional<QuantisedType>> outputs);

}  // namespace sluice::numerics
