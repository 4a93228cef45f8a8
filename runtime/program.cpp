#include <sluice/program.hpp>

#include <utility>

#include "compiler/driver/warnings.hpp"
#include "dsl/program.hpp"

namespace sluice {
namespace {

FunctionInfo describe(const dsl::FunctionDef& function) {
  FunctionInfo info;
  info.name = function.name;
  info.aliases = function.attributes.aliases;
  info.documentation = function.documentation;
  for (const dsl::Input& input : function.inputs)
    info.inputs.push_back({input.name, std::string(name(input.kind)), input.default_value});
  for (const dsl::Parameter& parameter : function.parameters)
    info.parameters.push_back({parameter.name, parameter.default_value, parameter.is_integer});
  for (const dsl::Output& output : function.outputs) info.outputs.push_back(output.name);
  if (function.attributes.ulp) {
    info.forward_ulp = function.attributes.ulp->forward;
    info.derivative_ulp = function.attributes.ulp->derivative;
  }
  info.from_library = function.from_library;
  info.row_wise = function.row_wise;
  return info;
}

}  // namespace

Program Program::library() {
  // The library is never destroyed, so that nothing needs to own it.
  return Program(
      std::shared_ptr<const dsl::Program>(std::shared_ptr<const void>(), &dsl::standard_library()));
}

Result<Program> Program::parse(std::string_view text, std::string_view name, const Program& base) {
  auto parsed = dsl::parse(text, name, base.program_.get());
  if (!parsed.ok()) return parsed.error();
  Program program(std::make_shared<const dsl::Program>(std::move(parsed->program)));
  program.warnings_ = parsed->rendered_warnings + driver::warnings(*program.program_);
  return program;
}

std::vector<FunctionInfo> Program::functions() const {
  std::vector<FunctionInfo> functions;
  for (std::size_t i = 0; i < program_->size(); ++i) {
    const auto id = static_cast<dsl::FunctionId>(i);
    const dsl::FunctionDef& function = program_->function(id);
    if (program_->find(function.name) == id) functions.push_back(describe(function));
  }
  return functions;
}

Result<FunctionInfo> Program::find(std::string_view function) const {
  const auto id = program_->find(function);
  if (id) return describe(program_->function(*id));
  std::string message = "unknown function '" + std::string(function) + "'";
  const auto similar = program_->similar(function);
  if (!similar.empty()) message += ": did you mean '" + similar.front() + "'?";
  return Error{Status::unknown_function, std::move(message)};
}

}  // namespace sluice
