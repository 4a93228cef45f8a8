#include "compiler/numerics/quantize.hpp"

#include "compiler/ir/expr.hpp"
#include "compiler/ir/mapping.hpp"

namespace sluice::numerics {
namespace {

using ir::Expr;

Expr shifted(Expr integer, std::int32_t by) {
  if (by == 0) return integer;
  return integer + ir::integer(integer, static_cast<std::uint64_t>(std::int64_t{by}));
}

// The difference is exact.
Expr to_number(Expr stored, const QuantisedType& type) {
  const auto [scale, zero_point] = type.quantisation;
  return to_float(shifted(stored, -zero_point)) * scale;
}

// Limited before it is rounded, which gives the same integers and keeps round_to_int in its range.
Expr to_stored(Expr number, const QuantisedType& type) {
  const auto [scale, zero_point] = type.quantisation;
  const IntegerRange range = range_of(type.dtype);
  const Expr steps = number / scale;
  const Expr limited = min(max(steps, range.least - zero_point), range.greatest - zero_point);
  const Expr known = select(equal(number, number), limited, 0);
  return shifted(round_to_int(known), zero_point);
}

}  // namespace

ir::Graph quantize(const ir::Graph& graph, std::span<const std::optional<QuantisedType>> inputs,
                   std::span<const std::optional<QuantisedType>> outputs) {
  ir::Graph result(graph.compute(), graph.family());
  for (const ir::Table& table : graph.tables()) result.add_table(table);
  for (std::size_t i = 0; i < graph.inputs().size(); ++i) {
    ir::Type type = graph.inputs()[i].type;
    if (inputs[i] || type.elem == ir::Elem::boolean) type.elem = ir::integer_of(graph.compute());
    result.add_input(graph.inputs()[i].name, type);
  }
  for (const ir::GraphParam& param : graph.params())
    result.add_param(param.name, param.value, param.baked);

  ir::Mapping mapping(graph, result);
  for (std::size_t i = 0; i < graph.inputs().size(); ++i) {
    const Expr stored{&result, result.input_value(i)};
    if (inputs[i]) mapping.set(graph.input_value(i), to_number(stored, *inputs[i]).id);
    if (graph.inputs()[i].type.elem == ir::Elem::boolean)
      mapping.set(graph.input_value(i), (!equal(stored, ir::integer(stored, 0))).id);
  }
  for (const ir::ValueId id : graph.live()) mapping.copy(id);
  for (std::size_t i = 0; i < graph.outputs().size(); ++i) {
    Expr value{&result, mapping[graph.outputs()[i].value]};
    if (outputs[i]) value = to_stored(value, *outputs[i]);
    if (value.type().elem == ir::Elem::boolean) {
      const Expr zero{&result, result.constant_bits(ir::integer_of(graph.compute()), 0)};
      const Expr one{&result, result.constant_bits(ir::integer_of(graph.compute()), 1)};
      value = select(value, one, zero);
    }
    result.add_output(graph.outputs()[i].name, value.id);
  }
  return result;
}

}  // namespace sluice::numerics
