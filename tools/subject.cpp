#include "tools/subject.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sluice/runtime.hpp>

#include "compiler/driver/ahead.hpp"
#include "compiler/driver/compile.hpp"
#include "compiler/driver/llvm.hpp"
#include "runtime/resolved_spec.hpp"
#include "tools/disassemble.hpp"
#include "tools/values.hpp"

namespace sluice::tools {
namespace {

Outcome read_shape(const std::string& text, std::vector<std::int64_t>& shape) {
  if (text.empty()) return Unit{};
  const Result<std::vector<std::byte>> extents = parse_values(text, Dtype::i64);
  if (!extents)
    return Error{Status::invalid_argument, fmt::format("--shape: {}", extents.error().message)};
  shape.resize(extents->size() / sizeof(std::int64_t));
  std::copy(extents->begin(), extents->end(), std::as_writable_bytes(std::span(shape)).begin());
  return Unit{};
}

Outcome read_parameters(const std::vector<std::string>& texts, Subject& subject) {
  for (const dsl::Parameter& parameter : subject.definition().parameters)
    subject.parameters.push_back(parameter.default_value);
  for (const std::string& text : texts) {
    const std::size_t at = text.find('=');
    if (at == std::string::npos)
      return Error{Status::invalid_argument,
                   fmt::format("--param takes NAME=VALUE, not '{}'", text)};
    const auto index = subject.definition().find_parameter(text.substr(0, at));
    if (!index)
      return Error{Status::unknown_name, fmt::format("'{}' has no parameter '{}'",
                                                     subject.function.name(), text.substr(0, at))};
    const Result<double> value = parse_number(text.substr(at + 1));
    if (!value) return value.error();
    subject.parameters[*index] = *value;
  }
  return Unit{};
}

// The names that operands of the function may have, of any pass.
bool is_operand(const dsl::FunctionDef& definition, const std::string& name) {
  for (const dsl::Input& input : definition.inputs)
    if (name == input.name || name == "d" + input.name) return true;
  for (const dsl::Output& output : definition.outputs)
    if (name == output.name || name == "grad_" + output.name) return true;
  return false;
}

Outcome read_quantisations(const std::vector<std::string>& texts, Subject& subject) {
  const auto misuse = [](std::string message) {
    return Error{Status::invalid_argument, std::move(message)};
  };
  for (const std::string& text : texts) {
    if (!is_quantised(subject.dtype))
      return misuse("--quant is for operands of 8 bits: name --dtype i8 or u8");
    const std::size_t at = text.find('=');
    const std::string name = text.substr(0, at);
    const std::optional<Quantisation> quantisation =
        at == std::string::npos ? std::nullopt : parse_quantisation(text.substr(at + 1));
    if (!quantisation)
      return misuse(
          fmt::format("--quant takes NAME=SCALE,ZERO, a number and an integer, not '{}'", text));
    if (!is_operand(subject.definition(), name))
      return Error{Status::unknown_name,
                   fmt::format("--quant: '{}' has no operand '{}'", subject.function.name(), name)};
    const auto scale = static_cast<float>(quantisation->scale);
    if (!(scale > 0) || !std::isfinite(scale))
      return misuse(
          fmt::format("--quant: a scale is positive and finite in f32, not that of '{}'", text));
    const IntegerRange range = range_of(subject.dtype);
    if (quantisation->zero_point < range.least || quantisation->zero_point > range.greatest)
      return misuse(fmt::format("--quant: the zero of '{}' is out of the range of {}", text,
                                sluice::name(subject.dtype)));
    // Rounded to the compute type, as a kernel holds it.
    const Quantisation held{static_cast<double>(scale), quantisation->zero_point};
    if (!subject.quantisations.emplace(name, held).second)
      return misuse(fmt::format("--quant names '{}' twice", name));
  }
  return Unit{};
}

// Made for any target on any machine: nothing of it is run.
Result<std::string> assembly(const Subject& subject, const driver::Request& request) {
  if (request.row) {
    if (!request.row->one_block)
      return Error{Status::unsupported,
                   fmt::format("rows of more than {} columns run in several pieces, which asm does "
                               "not show: name a shorter --shape",
                               schedule::kBlockColumns)};
    const Result<driver::CompiledRows> compiled = driver::compile_rows(request);
    if (!compiled) return compiled.error();
    const Result<object::CodeObject> code =
        driver::emit(compiled->program, *request.row, subject.target);
    if (!code) return code.error();
    return fmt::format("; {} for {}\n{}", compiled->program.name, to_string(subject.target),
                       disassemble(*code));
  }
  const Result<driver::Compiled> compiled = driver::compile(request);
  if (!compiled) return compiled.error();
  const Result<object::CodeObject> code = driver::emit(compiled->program, subject.target);
  if (!code) return code.error();
  return fmt::format("; {} for {}\n{}", compiled->program.name, to_string(subject.target),
                     disassemble(*code));
}

}  // namespace

void add_options(CLI::App& app, SubjectOptions& options) {
  app.add_option("--pass", options.pass, "forward, backward or forward_backward");
  app.add_option(
      "--dtype", options.dtype,
      "The operands' element type: f32, f64, f16, bf16, i8 or u8 (of scale 1 without --quant)");
  app.add_option("--shape", options.shape, "The operands' shape, e.g. 64,1024");
  app.add_option("--axis", options.axis,
                 "Of a row function: the dimension that rows lie along, from the end if negative");
  app.add_option(
      "--target", options.target,
      "x86-64-v3 or x86-64-v4, with +FEATURE..., also one that this machine lacks, interpreter or "
      "interpreter-nofma; asm is shown of aarch64, riscv64+v and the other targets of compile too");
  app.add_option("--accuracy", options.accuracy, std::string(kAccuracyHelp));
  app.add_option("--quant", options.quantisations, kQuantHelp)
      ->type_name("NAME=SCALE,ZERO")
      ->allow_extra_args(false);
  app.add_option("--param", options.parameters, "A parameter: NAME=VALUE; repeatable")
      ->allow_extra_args(false);
  app.add_option("--lib", options.library_files, "A file of further definitions; repeatable")
      ->allow_extra_args(false);
}

Result<Subject> read_subject(const SubjectOptions& options) {
  Result<Function> function = find_function(options.function, options.library_files);
  if (!function) return function.error();
  Subject subject;
  subject.function = std::move(function).value();
  const std::optional<Pass> pass = pass_from_name(options.pass);
  if (!pass)
    return Error{Status::unknown_name,
                 fmt::format("unknown pass '{}': known are forward, backward, forward_backward",
                             options.pass)};
  subject.pass = *pass;
  const std::optional<Dtype> dtype = dtype_from_name(options.dtype);
  if (!dtype)
    return Error{Status::unknown_name, fmt::format("unknown element type '{}'", options.dtype)};
  subject.dtype = *dtype;
  subject.target = host_target();
  if (!options.target.empty()) {
    const object::AheadTarget* const ahead = object::find_ahead_target(options.target);
    const Result<Target> target = parse_target(options.target);
    if (target)
      subject.target = *target;
    else if (ahead != nullptr)
      subject.elsewhere = *ahead;
    else
      return target.error();
  }
  const Result<double> accuracy = parse_accuracy(options.accuracy);
  if (!accuracy) return accuracy.error();
  subject.accuracy = *accuracy;
  if (Outcome read = read_shape(options.shape, subject.shape); !read) return read.error();
  const auto rank = static_cast<int>(subject.shape.size());
  if (options.axis < -rank || options.axis >= std::max(rank, 1))
    return Error{Status::invalid_argument,
                 fmt::format("--axis: {} is no dimension of {}", options.axis,
                             sluice::to_string(subject.shape))};
  subject.axis = static_cast<std::size_t>(options.axis + (options.axis < 0 ? rank : 0));
  if (Outcome read = read_parameters(options.parameters, subject); !read) return read.error();
  if (Outcome read = read_quantisations(options.quantisations, subject); !read) return read.error();
  return subject;
}

driver::Request request_of(const Subject& subject) {
  using driver::Role;
  const dsl::FunctionDef& definition = subject.definition();
  driver::Request request;
  request.program = &subject.function.definitions.tree;
  request.function = subject.function.id;
  request.pass = subject.pass;
  request.family = subject.family();
  if (subject.dtype != Dtype::f64)
    request.grade = numerics::cheapest_grade(subject.accuracy / bound_factor(request.family));
  // Of a row function: what must be given, rows of any length up to a block where none is named.
  if (definition.row_wise) {
    const auto axis = subject.shape.begin() + static_cast<std::ptrdiff_t>(subject.axis);
    const std::int64_t columns = axis == subject.shape.end() ? 0 : *axis;
    const bool across =
        columns != 0 &&
        std::any_of(axis + 1, subject.shape.end(), [](std::int64_t extent) { return extent != 1; });
    request.row = {across, columns <= schedule::kBlockColumns,
                   across ? 0 : driver::exact_columns(columns, subject.target)};
  }
  const auto takes = [&](std::size_t input) {
    return !definition.row_wise || input < definition.required_inputs() ||
           subject.optional.contains(definition.inputs[input].name);
  };
  const std::size_t inputs = definition.inputs.size();
  const auto add = [&](Role role, std::size_t index, dsl::Type type) {
    driver::Operand operand;
    operand.role = role;
    operand.index = static_cast<std::uint32_t>(index);
    operand.dtype = type == dsl::Type::boolean   ? Dtype::boolean
                    : type == dsl::Type::integer ? Dtype::i64
                                                 : subject.dtype;
    if (lacks_axis(definition, operand)) operand.extent = ir::Extent::row;
    if (is_quantised(operand.dtype))
      if (const auto given = subject.quantisations.find(operand_name(definition, operand));
          given != subject.quantisations.end())
        operand.quantisation = given->second;
    request.operands.push_back(operand);
  };
  const bool backward = subject.pass != Pass::forward;
  for (std::size_t i = 0; i < inputs; ++i)
    if (takes(i)) add(Role::input, i, definition.inputs[i].type());
  for (std::size_t i = 0; backward && i < definition.outputs.size(); ++i)
    if (definition.outputs[i].type == dsl::Type::number)
      add(Role::output_gradient, i, dsl::Type::number);
  for (std::size_t i = 0; subject.pass != Pass::backward && i < definition.outputs.size(); ++i)
    add(Role::output, i, definition.outputs[i].type);
  for (std::size_t i = 0; backward && i < inputs; ++i)
    if (takes(i) && definition.inputs[i].type() == dsl::Type::number)
      add(Role::input_gradient, i, dsl::Type::number);
  for (std::size_t i = 0; i < subject.parameters.size(); ++i) {
    // Rounded once to the compute type, as a kernel holds it.
    const bool narrow = subject.dtype != Dtype::f64 && !definition.parameters[i].is_integer;
    const double value = subject.parameters[i];
    request.params.push_back({narrow ? static_cast<double>(static_cast<float>(value)) : value});
  }
  return request;
}

KernelSpec spec_of(const Subject& subject, const driver::Request& request) {
  KernelSpec spec;
  spec.program = subject.function.definitions.program;
  spec.function = subject.function.name();
  spec.pass = subject.pass;
  spec.accuracy = subject.accuracy;
  if (subject.definition().row_wise) spec.axis = static_cast<int>(subject.axis);
  // Of what is made for elsewhere something that has its bits here.
  Target target = subject.target;
  if (subject.family() != target.family) target = {.family = subject.family()};
  if (runs_on(target, host_target())) spec.target = to_string(target);
  for (const driver::Operand& operand : request.operands) {
    std::vector<std::int64_t> shape = subject.shape;
    if (lacks_axis(subject.definition(), operand) && subject.axis < shape.size())
      shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(subject.axis));
    spec.operands.push_back({operand.dtype, std::move(shape), {}});
    if (is_quantised(operand.dtype)) spec.operands.back().quantisation = operand.quantisation;
  }
  for (std::size_t i = 0; i < subject.parameters.size(); ++i)
    spec.parameters.push_back({subject.definition().parameters[i].name, subject.parameters[i]});
  return spec;
}

namespace {

// LLVM's, of a kernel as it is made ahead of time: its assembly, or its IR.
Result<std::string> ahead_text(const Subject& subject, const driver::Request& request, bool ir) {
  const auto* const target =
      subject.elsewhere ? &*subject.elsewhere
                        : object::find_ahead_target(to_string(Target{subject.target.level}));
  if (target == nullptr)
    return Error{Status::unsupported,
                 fmt::format("the step 'llvm' is machine code's, of which '{}' has none",
                             to_string(subject.target))};
  const auto module = driver::llvm();
  if (!module.ok()) return module.error();
  auto program = driver::compile_ahead(request);
  if (!program) return program.error();
  object::AheadFunction code{subject.function.name(), {}};
  code.programs.emplace(request.family, std::move(*program));
  return ir ? (*module)->ir({&code, 1}, *target) : (*module)->assembly({&code, 1}, *target);
}

}  // namespace

Result<std::string> step_text(const Subject& subject, const std::string& step) {
  const driver::Request request = request_of(subject);
  if (step == "key") {
    const Result<Key> key = Runtime{}.key(spec_of(subject, request));
    if (!key) return key.error();
    return key->text() + "\n";
  }
  if (step == "asm" && subject.elsewhere) return ahead_text(subject, request, false);
  if (step == "asm") return assembly(subject, request);
  if (step == "llvm") return ahead_text(subject, request, true);
  if (const auto known = driver::step_from_name(step)) return driver::show(request, *known);
  return Error{Status::unknown_name,
               fmt::format("unknown step '{}': known are ast, ir, grad, rewrites, expand, "
                           "schedule, asm, llvm, key",
                           step)};
}

}  // namespace sluice::tools
