#include "tools/compile/library.hpp"

#include <utility>

#include <fmt/format.h>

#include "compiler/driver/compile.hpp"
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
  if (definition.row_wise)
    return Error{Status::unsupported,
                 fmt::format("'{}' is a row function: those have no kernels made ahead of time yet",
                             definition.name)};
  for (const dsl::Parameter& parameter : definition.parameters)
    subject.parameters.push_back(parameter.default_value);
  driver::Request request = request_of(subject);
  const Dtype compute = dtype == Dtype::f64 ? Dtype::f64 : Dtype::f32;
  std::vector<AheadArgument> arguments;
  for (const driver::Operand& operand : request.operands)
    arguments.push_back({driver::is_source(operand.role) ? AheadArgument::Kind::source
                                                         : AheadArgument::Kind::result,
                         argument_name(definition, operand), operand.dtype});
  for (std::size_t i = 0; i < definition.parameters.size(); ++i) {
    if (form.baked || definition.parameters[i].is_integer) continue;
    request.params[i].baked = false;
    arguments.push_back({AheadArgument::Kind::parameter, definition.parameters[i].name, compute});
  }
  const std::string called = fmt::format("{}{}", definition.name, suffix(pass));
  object::AheadFunction code{fmt::format("{}_{}_{}", form.prefix, called, name(dtype)), {}};
  for (const Family family : form.families) {
    request.family = family;
    Result<driver::Compiled> compiled = driver::compile(request);
    if (!compiled) return compiled.error();
    code.programs.emplace(family, std::move(compiled->program));
  }
  std::vector<std::string> lines{
      fmt::format("{}, {} pass, {}", signature(definition), name(pass), name(dtype))};
  if (std::string text = summary(definition); !text.empty()) lines.push_back(std::move(text));
  lines.push_back("promise: " + promise_text(definition));
  return AheadEntry{std::move(code), called, std::move(arguments), std::move(lines)};
}

}  // namespace sluice::tools
