// What every order of a graph's values has to keep.
#pragma once

#include <vector>

#include "compiler/ir/graph.hpp"

namespace sluice::schedule {

inline bool operands_first(const ir::Graph& graph, const std::vector<ir::ValueId>& order) {
  std::vector<bool> done(graph.size(), false);
  for (std::uint32_t i = 0; i < graph.size(); ++i)
    done[i] = ir::info(graph[ir::ValueId{i}].op).op_class == ir::OpClass::leaf;
  for (const ir::ValueId id : order) {
    for (const ir::ValueId operand : graph[id].args())
      if (!done[operand.index]) return false;
    done[id.index] = true;
  }
  return true;
}

}  // namespace sluice::schedule
