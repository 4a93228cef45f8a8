#include "tools/compile/library.hpp"

#include <utility>

#include <fmt/format.h>

#include "compiler/driver/ahead.hpp"
#include "tools/subject.hpp"

namespace sluice::tools {
namespace {

std::string argument_name(const dsl::FunctionDef& definition, const driver::Operand& operand) {
  using driver::Role;
  switch (operand.role) {
    case Role::output_gradient: return "grad_" + definition.outputs[operand.index].name;
    case Role::input_gradient: return "d" + definition.inputs[operand.index].name;
    case Role::output: return definition.outputs[operand.index].name;
    default: return definition.inputs[operand.index].name;
  }
}

// What is one value for a row has no need to be of 16 bits.
void widen_row_values(driver::Request& request) {
  for (driver::Operand& operand : request.operands)
    if (operand.extent == ir::Extent::row &&
        (operand.dtype == Dtype::f16 || operand.dtype == Dtype::bf16))
      operand.dtype = Dtype::f32;
}

std::string_view suffix(Pass pass) {
  if (pass == Pass::backward) return "_backward";
  return pass == Pass::forward_backward ? "_forward_backward" : "";
}

}  // namespace

Result<AheadEntry> ahead_entry(const Definitions& definitions, dsl::FunctionId id, Pass pass,
                               Dtype dtype, const AheadForm& form) {
  Subject subject;
  subject.function = {definitions, id, {}};
  subject.pass = pass;
  subject.dtype = dtype;
  const dsl::FunctionDef& definition = subject.definition();
  for (const dsl::Parameter& parameter : definition.parameters)
    subject.parameters.push_back(parameter.default_value);
  subject.optional = form.optional;
  driver::Request request = request_of(subject);
  if (definition.row_wise) widen_row_values(request);
  const Dtype compute = dtype == Dtype::f64 ? Dtype::f64 : Dtype::f32;
  std::vector<AheadArgument> arguments;
  for (const driver::Operand& operand : request.operands)
    arguments.push_back({driver::is_source(operand.role) ? AheadArgument::Kind::source
                                                         : AheadArgument::Kind::result,
                         argument_name(definition, operand), operand.dtype,
                         definition.row_wise && operand.extent == ir::Extent::element});
  for (std::size_t i = 0; i < definition.parameters.size(); ++i) {
    if (form.baked || definition.parameters[i].is_integer) continue;
    request.params[i].baked = false;
    arguments.push_back({AheadArgument::Kind::parameter, definition.parameters[i].name, compute});
  }
  const std::string called = fmt::format("{}{}", definition.name, suffix(pass));
  object::AheadFunction code{fmt::format("{}_{}_{}", form.prefix, called, name(dtype)), {}};
  for (const Family family : form.families) {
    request.family = family;
    auto program = driver::compile_ahead(request);
    if (!program) return program.error();
    code.programs.emplace(family, std::move(*program));
  }
  std::vector<std::string> lines{
      fmt::format("{}, {} pass, {}", signature(definition), name(pass), name(dtype))};
  if (std::string text = summary(definition); !text.empty()) lines.push_back(std::move(text));
  lines.push_back("promise: " + promise_text(definition));
  return AheadEntry{std::move(code), called, std::move(arguments), std::move(lines),
                    definition.row_wise};
}

}  // namespace sluice::tools
