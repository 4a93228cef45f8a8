// Programs of the C interface, and what is known of their functions.
#include <limits>
#include <mutex>
#include <string>
#include <vector>

#include <sluice/program.hpp>

#include "runtime/c/boundary.hpp"
#include "runtime/c/program.hpp"

using namespace sluice;

namespace {

double or_nan(const std::optional<double>& value) {
  return value.value_or(std::numeric_limits<double>::quiet_NaN());
}

Outcome make(sluice_program** out, const Result<Program>& program) {
  if (!program.ok()) return program.error();
  *out = new sluice_program(*program);
  return Unit{};
}

template <typename T>
Result<const T*> element(const std::vector<T>& all, std::size_t index, const char* what) {
  if (index < all.size()) return &all[index];
  return Error{Status::invalid_argument, "there is no " + std::string(what) + " " +
                                             std::to_string(index) + " of " +
                                             std::to_string(all.size())};
}

Result<const FunctionInfo*> find(const sluice_program* program, std::size_t index) {
  if (program == nullptr) return c::null("the program");
  return element(program->functions(), index, "function");
}

// One of a function's parts, given to `give`.
template <typename T, typename Give>
sluice_status give_part(const sluice_program* program, std::size_t function,
                        std::vector<T> FunctionInfo::*parts, std::size_t index, const char* what,
                        Give&& give) {
  return c::guarded([&]() -> Outcome {
    const auto info = find(program, function);
    if (!info.ok()) return info.error();
    const auto part = element((*info)->*parts, index, what);
    if (!part.ok()) return part.error();
    return give(**part);
  });
}

Outcome give_name(const char** out, const std::string& name) {
  if (out == nullptr) return c::null("the place for the name");
  *out = name.c_str();
  return Unit{};
}

}  // namespace

extern "C" {

sluice_status sluice_program_library(sluice_program** program) {
  if (program != nullptr) *program = nullptr;
  return c::guarded([&]() -> Outcome {
    if (program == nullptr) return c::null("the place for the program");
    return make(program, Program::library());
  });
}

sluice_status sluice_program_parse(const char* text, const char* name, const sluice_program* base,
                                   sluice_program** program) {
  if (program != nullptr) *program = nullptr;
  return c::guarded([&]() -> Outcome {
    if (text == nullptr) return c::null("the text");
    if (program == nullptr) return c::null("the place for the program");
    return make(program, Program::parse(text, name == nullptr ? "text" : name,
                                        base == nullptr ? Program::library() : base->program));
  });
}

void sluice_program_release(sluice_program* program) { delete program; }

const char* sluice_program_warnings(const sluice_program* program) {
  return program == nullptr ? nullptr : program->program.warnings().c_str();
}

sluice_status sluice_program_function_count(const sluice_program* program, size_t* count) {
  return c::guarded([&]() -> Outcome {
    if (program == nullptr) return c::null("the program");
    if (count == nullptr) return c::null("the place for the count");
    *count = program->functions().size();
    return Unit{};
  });
}

sluice_status sluice_program_find(const sluice_program* program, const char* function,
                                  size_t* index) {
  return c::guarded([&]() -> Outcome {
    if (program == nullptr) return c::null("the program");
    if (function == nullptr) return c::null("the function's name");
    if (index == nullptr) return c::null("the place for the index");
    const auto found = program->program.find(function);
    if (!found.ok()) return found.error();
    const std::vector<FunctionInfo>& all = program->functions();
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].name == found->name) *index = i;
    return Unit{};
  });
}

sluice_status sluice_program_function(const sluice_program* program, size_t function,
                                      sluice_function_info* info) {
  return c::guarded([&]() -> Outcome {
    const auto known = find(program, function);
    if (!known.ok()) return known.error();
    const FunctionInfo& from = **known;
    sluice_function_info to{};
    to.name = from.name.c_str();
    to.documentation = from.documentation.c_str();
    to.alias_count = from.aliases.size();
    to.input_count = from.inputs.size();
    to.parameter_count = from.parameters.size();
    to.output_count = from.outputs.size();
    to.forward_ulp = or_nan(from.forward_ulp);
    to.derivative_ulp = or_nan(from.derivative_ulp);
    to.from_library = from.from_library ? 1 : 0;
    to.row_wise = from.row_wise ? 1 : 0;
    return c::give(info, to, "the function info");
  });
}

sluice_status sluice_program_alias(const sluice_program* program, size_t function, size_t index,
                                   const char** name) {
  return give_part(program, function, &FunctionInfo::aliases, index, "alias",
                   [&](const std::string& alias) { return give_name(name, alias); });
}

sluice_status sluice_program_output(const sluice_program* program, size_t function, size_t index,
                                    const char** name) {
  return give_part(program, function, &FunctionInfo::outputs, index, "output",
                   [&](const std::string& output) { return give_name(name, output); });
}

sluice_status sluice_program_input(const sluice_program* program, size_t function, size_t index,
                                   sluice_input_info* info) {
  return give_part(program, function, &FunctionInfo::inputs, index, "input",
                   [&](const InputInfo& from) {
                     sluice_input_info to{};
                     to.name = from.name.c_str();
                     to.kind = from.kind.c_str();
                     to.default_value = from.default_value.value_or(0);
                     to.has_default = from.default_value ? 1 : 0;
                     return c::give(info, to, "the input info");
                   });
}

sluice_status sluice_program_parameter(const sluice_program* program, size_t function, size_t index,
                                       sluice_parameter_info* info) {
  return give_part(program, function, &FunctionInfo::parameters, index, "parameter",
                   [&](const ParameterInfo& from) {
                     sluice_parameter_info to{};
                     to.name = from.name.c_str();
                     to.default_value = from.default_value;
                     to.is_integer = from.is_integer ? 1 : 0;
                     return c::give(info, to, "the parameter info");
                   });
}

}  // extern "C"
