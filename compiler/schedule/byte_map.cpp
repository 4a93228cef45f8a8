#include "compiler/schedule/byte_map.hpp"

#include <algorithm>

namespace sluice::schedule {

bool maps_bytes(const ElementProgram& program) {
  const ir::Graph& graph = program.graph;
  const auto is_passed = [](const ir::GraphParam& param) { return !param.baked; };
  return graph.inputs().size() == 1 && graph.outputs().size() == 1 &&
         graph.inputs()[0].type.extent == ir::Extent::element &&
         is_quantised(program.input_dtypes[0]) && is_quantised(program.output_dtypes[0]) &&
         std::none_of(graph.params().begin(), graph.params().end(), is_passed);
}

}  // namespace sluice::schedule
