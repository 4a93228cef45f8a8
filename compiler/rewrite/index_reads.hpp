// Which columns a row function reads by index, so that indices can be checked before a call.
//
// In: a lowered graph without derivatives in it. Out: for each output that is asked about a row
// value that says whether `at` read a column there is none of, and from which input it had the
// index. Only reads that the output depends on count: what an `if` leaves out, as cross_entropy
// does with the class of an ignored row, is no read, whatever the index is.
#pragma once

#include <cstdint>
#include <span>

#include "compiler/ir/graph.hpp"

namespace sluice::rewrite {

// An integer for each of `outputs` (indices into the graph's): 0 where every index that is read is
// a column of the row, 1 + i where that of the graph's input i is not, and 1 + the number of inputs
// where a computed one is not.
[[nodiscard]] ir::Graph index_reads(const ir::Graph& graph, std::span<const std::uint32_t> outputs);

}  // namespace sluice::rewrite
