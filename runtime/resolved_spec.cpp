// What stands in a resolved spec, as names and texts.
#include "runtime/resolved_spec.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace sluice {
namespace {

using driver::Role;

Error error(Status status, std::string message) { return {status, std::move(message)}; }
std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

}  // namespace

Dtype ResolvedSpec::compute_type() const {
  for (const driver::Operand& operand : operands)
    if (driver::is_primal(operand.role) && operand.dtype == Dtype::f64) return Dtype::f64;
  return Dtype::f32;
}

std::string operand_name(const dsl::FunctionDef& function, const driver::Operand& operand) {
  switch (operand.role) {
    case Role::input: return function.inputs[operand.index].name;
    case Role::output_gradient: return "grad_" + function.outputs[operand.index].name;
    case Role::saved_output:
    case Role::output: return function.outputs[operand.index].name;
    case Role::input_gradient: return "d" + function.inputs[operand.index].name;
    case Role::parameter_gradient: return "d" + function.parameters[operand.index].name;
    case Role::index_read: return "read_" + function.outputs[operand.index].name;
  }
  return {};
}

std::string argument_name(const ResolvedSpec& spec, const Argument& argument) {
  const driver::Operand& operand = spec.operands[argument.operand];
  if (argument.way != Way::halves) return operand_name(spec.definition_text(), operand);
  return operand.role == Role::input ? spec.split : "d" + spec.split;
}

bool lacks_axis(const dsl::FunctionDef& function, const driver::Operand& operand) {
  if (!function.row_wise) return false;
  switch (operand.role) {
    case Role::input:
    case Role::input_gradient:
      return function.inputs[operand.index].extent() != dsl::Extent::element;
    case Role::saved_output:
    case Role::output_gradient:
    case Role::output: return function.outputs[operand.index].extent != dsl::Extent::element;
    case Role::parameter_gradient:
    case Role::index_read: return true;
  }
  return false;
}

Outcome check_range(const dsl::FunctionDef& function, std::size_t parameter, double value) {
  for (const dsl::Range& range : function.attributes.ranges)
    if (range.of_parameter && range.target == parameter && !range.holds(value))
      return error(Status::invalid_argument,
                   "the parameter " + quoted(function.parameters[parameter].name) + " of " +
                       quoted(function.name) + " must be from " + to_text(range.low) + " to " +
                       to_text(range.high) + ", not " + to_text(value));
  return Unit{};
}

std::string to_text(double value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

std::string to_string(std::span<const std::int64_t> shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + ")";
}

Outcome choose_by_name(std::string_view text, Target& target, RungSet& allowed) {
  if (text == name(Rung::llvm)) {
    target = host_target();
    for (const Rung rung : kRungs)
      if (rung != Rung::llvm) allowed.remove(rung);
    return Unit{};
  }
  const auto named = parse_target(text);
  if (!named.ok()) return named.error();
  if (!runs_on(*named, host_target()))
    return error(Status::unavailable, "this processor cannot run the target " + to_string(*named) +
                                          "; its highest is " + to_string(host_target()));
  target = *named;
  return Unit{};
}

}  // namespace sluice
