#include "tools/derivative.hpp"

#include <fmt/format.h>

#include "compiler/autodiff/differentiate.hpp"
#include "compiler/lower/lower.hpp"
#include "compiler/rewrite/stabilize.hpp"
#include "tools/formula.hpp"

namespace sluice::tools {
namespace {

// In f64, whose constants are the text's.
Result<ir::Graph> lowered(const Function& function) {
  const dsl::FunctionDef& definition = function.definition();
  std::vector<lower::InputBinding> inputs(definition.inputs.size(), {ir::Extent::element});
  std::vector<lower::ParameterBinding> parameters;
  for (const dsl::Parameter& parameter : definition.parameters)
    parameters.push_back({parameter.default_value, true});
  return lower::lower(function.definitions.tree, function.id, {ir::Elem::f64, inputs, parameters});
}

// What a function tends to at an infinity is stated beside its formula; a reader of the derivative
// wants that of the formula.
ir::Graph without_limits(const ir::Graph& graph) {
  ir::Graph copy = graph.empty_copy();
  std::vector<ir::ValueId> made;
  for (const ir::Node& node : graph.nodes()) {
    std::vector<ir::ValueId> operands;
    for (ir::ValueId operand : node.args()) operands.push_back(made[operand.index]);
    if (node.op == ir::Op::input)
      made.push_back(copy.input_value(node.payload));
    else if (node.op == ir::Op::param)
      made.push_back(copy.param_value(node.payload));
    else if (node.op == ir::Op::constant)
      made.push_back(copy.constant_bits(node.type.elem, node.payload));
    else if (node.op == ir::Op::limits)
      made.push_back(operands[0]);
    else
      made.push_back(copy.add(node.op, operands, node.payload));
  }
  for (const ir::GraphOutput& output : graph.outputs())
    copy.add_output(output.name, made[output.value.index]);
  return copy;
}

ir::Graph stable(const ir::Graph& graph, bool exact) {
  std::vector<std::string> fired;
  return exact ? rewrite::simplify_exact(graph) : rewrite::stabilize(graph, fired);
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>>
derivative_texts(const Function& function) {
  const dsl::FunctionDef& definition = function.definition();
  const Result<ir::Graph> graph = lowered(function);
  if (!graph) return graph.error();
  const bool exact = definition.attributes.exact;
  const Result<ir::Graph> forward =
      autodiff::resolve_derivatives(stable(without_limits(*graph), exact));
  if (!forward) return forward.error();
  std::vector<std::pair<std::string, std::string>> texts;
  for (std::size_t output = 0; output < definition.outputs.size(); ++output) {
    if (definition.outputs[output].type != dsl::Type::number) continue;
    for (std::size_t input = 0; input < definition.inputs.size(); ++input) {
      if (definition.inputs[input].type() != dsl::Type::number) continue;
      ir::Graph partial = forward->without_outputs();
      const ir::ValueId wrt[] = {partial.input_value(input)};
      const auto slopes = autodiff::partials(partial, forward->outputs()[output].value, wrt);
      partial.add_output("slope", slopes.front());
      const ir::Graph shown = stable(partial, exact);
      texts.emplace_back(
          fmt::format("d{}/d{}", definition.outputs[output].name, definition.inputs[input].name),
          formula(shown, shown.outputs().front().value));
    }
  }
  return texts;
}

}  // namespace sluice::tools
