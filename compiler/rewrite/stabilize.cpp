#include "compiler/rewrite/stabilize.hpp"

#include <vector>

#include "compiler/ir/mapping.hpp"
#include "compiler/rewrite/rewriter.hpp"

namespace sluice::rewrite {
namespace {

using ir::Graph;
using ir::Node;
using ir::Op;
using ir::ValueId;

// The values that derivative(v, w) and limits(v, x, ...) differentiate or test by. v must go on
// depending on them as they stand, so no rule looks into them.
std::vector<bool> closed_values(const Graph& graph) {
  std::vector<bool> closed(graph.size(), false);
  for (const ValueId id : graph.live()) {
    const Node& node = graph[id];
    if (node.op != Op::derivative && node.op != Op::limits) continue;
    const ValueId by = node.operand(1);
    closed[by.index] = graph[by].arity() != 0;
  }
  return closed;
}

Graph rebuild(const Graph& graph, std::vector<std::string>* fired) {
  Graph result = graph.empty_copy();
  ir::Mapping mapping(graph, result);
  Rewriter rewriter(result, fired);
  const std::vector<bool> closed = closed_values(graph);
  std::vector<ValueId> operands;
  for (const ValueId id : graph.live()) {
    const Node& node = graph[id];
    if (node.arity() == 0) {
      mapping.copy(id);
      continue;
    }
    operands.clear();
    for (const ValueId operand : node.args()) operands.push_back(mapping[operand]);
    mapping.set(id, rewriter.make(node.op, operands, node.payload));
    if (closed[id.index]) rewriter.close(mapping[id]);
  }
  mapping.copy_outputs();
  return result;
}

// A walk that fired rules may leave something for the next one only where a rule's result came
// apart again; the second walk is nearly always the last.
constexpr int kMaxWalks = 8;

}  // namespace

Graph stabilize(const Graph& graph, std::vector<std::string>& fired) {
  Graph result = rebuild(graph, &fired);
  std::size_t known = fired.size();
  for (int i = 0; i < kMaxWalks; ++i) {
    result = rebuild(result, &fired);
    if (fired.size() == known) break;
    known = fired.size();
  }
  return result;
}

Graph simplify_exact(const Graph& graph) { return rebuild(graph, nullptr); }

Graph bake(const Graph& graph) {
  Graph result(graph.compute(), graph.family());
  for (const ir::GraphInput& input : graph.inputs()) result.add_input(input.name, input.type);
  std::vector<ValueId> params;
  for (const ir::GraphParam& param : graph.params())
    params.push_back(param.baked ? result.constant(param.value)
                                 : result.add_param(param.name, param.value, false));
  std::vector<ValueId> known(graph.size());
  std::vector<ValueId> operands;
  for (const ValueId id : graph.live()) {
    const Node& node = graph[id];
    ValueId& value = known[id.index];
    operands.clear();
    for (const ValueId operand : node.args()) operands.push_back(known[operand.index]);
    if (node.op == Op::input) {
      value = result.input_value(node.payload);
    } else if (node.op == Op::param) {
      value = params[node.payload];
    } else if (node.op == Op::constant) {
      value = result.constant_bits(node.type.elem, node.payload);
    } else if (node.op == Op::lookup) {
      value = result.add(node.op, operands, result.add_table(graph.tables()[node.payload]));
    } else {
      value = result.add(node.op, operands, node.payload);
    }
  }
  for (const ir::GraphOutput& output : graph.outputs())
    result.add_output(output.name, known[output.value.index]);
  return result;
}

}  // namespace sluice::rewrite
