#include "compiler/ir/mapping.hpp"

#include <array>
#include <cstddef>

namespace sluice::ir {

Mapping::Mapping(const Graph& from, Graph& to) : from_(from), to_(to), values_(from.size()) {
  for (std::size_t i = 0; i < from.inputs().size(); ++i)
    set(from.input_value(i), to.input_value(i));
  for (std::size_t i = 0; i < from.params().size(); ++i)
    set(from.param_value(i), to.param_value(i));
}

ValueId Mapping::copy(ValueId old) {
  ValueId& value = values_[old.index];
  const Node& node = from_[old];
  if (node.op == Op::constant) {
    value = to_.constant_bits(node.type.elem, node.payload);
  } else if (node.op != Op::input && node.op != Op::param) {
    std::array<ValueId, kMaxArity> operands{};
    const auto count = static_cast<std::size_t>(node.arity());
    for (std::size_t i = 0; i < count; ++i) operands[i] = values_[node.operands[i].index];
    value = to_.add(node.op, {operands.data(), count}, node.payload);
  }
  return value;
}

void Mapping::copy_outputs() {
  for (const GraphOutput& output : from_.outputs())
    to_.add_output(output.name, values_[output.value.index]);
}

}  // namespace sluice::ir
