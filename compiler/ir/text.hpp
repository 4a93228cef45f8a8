// The text form of a graph: what `sluice show --emit ir` prints and file tests read. Parsing a
// printed graph and printing it again gives the same text.
//
//   graph f32
//   input x: element
//   param beta = 1 passed
//   table octaves 0x3f800000 0x3f000000
//   %0: f32 element = input x
//   %1: f32 scalar = param beta
//   %2: f32 element = mul %0 %1
//   %3: f32 scalar = constant 0.5
//   %4: f32 element = lookup octaves %9
//   output y = %2
//
// Values that no output needs are left out; the rest are numbered from 0. Numbers are the shortest
// that read back to the same bits, integers are hexadecimal, # begins a comment.
#pragma once

#include <string>
#include <string_view>

#include <sluice/status.hpp>

#include "compiler/ir/graph.hpp"

namespace sluice::ir {

[[nodiscard]] std::string print(const Graph& graph);
// A malformed text is an `invalid_source` error that names the line.
[[nodiscard]] Result<Graph> parse(std::string_view text);

}  // namespace sluice::ir
