// sluice show: what the compiler makes of a function, in ten lines or step by step.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sluice/runtime.hpp>

#include "compiler/driver/compile.hpp"
#include "dsl/print.hpp"
#include "support/target.hpp"
#include "tools/command.hpp"
#include "tools/derivative.hpp"
#include "tools/disassemble.hpp"
#include "tools/functions.hpp"
#include "tools/values.hpp"

namespace sluice::tools {
namespace {

struct Options {
  std::string function;
  std::string emit;
  std::string pass = "forward";
  std::string dtype = "f32";
  std::string shape;
  std::string target;
  std::vector<std::string> parameters;
  std::vector<std::string> library_files;
  bool rewrites = false;
  bool json = false;
};

// What is to be shown, with every word of the options understood.
struct Subject {
  Function function;
  Pass pass = Pass::forward;
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape{4096};
  Target target;
  std::vector<double> parameters;  // one each of the function's

  [[nodiscard]] const dsl::FunctionDef& definition() const { return function.definition(); }
};

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

Result<Subject> read_subject(const Options& options) {
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
    const Result<Target> target = parse_target(options.target);
    if (!target) return target.error();
    subject.target = *target;
  }
  if (Outcome read = read_shape(options.shape, subject.shape); !read) return read.error();
  if (Outcome read = read_parameters(options.parameters, subject); !read) return read.error();
  return subject;
}

// All inputs, outputs and gradients of the pass, each varying along the tensor.
driver::Request request_of(const Subject& subject) {
  using driver::Role;
  const dsl::FunctionDef& definition = subject.definition();
  driver::Request request;
  request.program = &subject.function.definitions.tree;
  request.function = subject.function.id;
  request.pass = subject.pass;
  const auto add = [&](Role role, std::size_t index, dsl::Type type) {
    const Dtype dtype = type == dsl::Type::boolean ? Dtype::boolean : subject.dtype;
    request.operands.push_back({role, static_cast<std::uint32_t>(index), dtype});
  };
  const bool backward = subject.pass != Pass::forward;
  for (std::size_t i = 0; i < definition.inputs.size(); ++i)
    add(Role::input, i, definition.inputs[i].type());
  for (std::size_t i = 0; backward && i < definition.outputs.size(); ++i)
    if (definition.outputs[i].type == dsl::Type::number)
      add(Role::output_gradient, i, dsl::Type::number);
  for (std::size_t i = 0; subject.pass != Pass::backward && i < definition.outputs.size(); ++i)
    add(Role::output, i, definition.outputs[i].type);
  for (std::size_t i = 0; backward && i < definition.inputs.size(); ++i)
    if (definition.inputs[i].type() == dsl::Type::number)
      add(Role::input_gradient, i, dsl::Type::number);
  for (std::size_t i = 0; i < subject.parameters.size(); ++i) {
    // Rounded once to the compute type, as a kernel holds it.
    const bool narrow = subject.dtype == Dtype::f32 && !definition.parameters[i].is_integer;
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
  if (runs_on(subject.target, host_target())) spec.target = to_string(subject.target);
  for (const driver::Operand& operand : request.operands)
    spec.operands.push_back({operand.dtype, subject.shape, {}});
  for (std::size_t i = 0; i < subject.parameters.size(); ++i)
    spec.parameters.push_back({subject.definition().parameters[i].name, subject.parameters[i]});
  return spec;
}

// Made for any target on any machine: nothing of it is run.
Result<std::string> assembly(const Subject& subject, const driver::Request& request) {
  const Result<driver::Compiled> compiled = driver::compile(request);
  if (!compiled) return compiled.error();
  const Result<object::CodeObject> code = driver::emit(compiled->program, subject.target);
  if (!code) return code.error();
  return fmt::format("; {} for {}\n{}", compiled->program.name, to_string(subject.target),
                     disassemble(*code));
}

Result<std::string> step_text(const Subject& subject, const std::string& step) {
  const driver::Request request = request_of(subject);
  if (step == "key") {
    const Result<Key> key = Runtime{}.key(spec_of(subject, request));
    if (!key) return key.error();
    return key->text() + "\n";
  }
  if (step == "asm") return assembly(subject, request);
  if (step == "llvm") return Error{Status::unsupported, "the step 'llvm' is not supported yet"};
  if (const auto known = driver::step_from_name(step)) return driver::show(request, *known);
  return Error{Status::unknown_name,
               fmt::format("unknown step '{}': known are ast, ir, grad, rewrites, expand, "
                           "schedule, asm, key",
                           step)};
}

// The definition without documentation and attributes; lines after the first are set in.
std::string formula_text(const Subject& subject) {
  std::string text = dsl::print(subject.definition(), subject.function.definitions.tree,
                                {.documentation = false, .attributes = false});
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::string indented(std::string_view text) {
  std::string out;
  for (char c : text) out += c == '\n' ? std::string("\n            ") : std::string(1, c);
  return out;
}

struct Summary {
  std::string formula;
  std::vector<std::pair<std::string, std::string>> derivatives;  // "dy/dx" and its text
  std::vector<std::string> rewrites;                             // each once
  std::string kernel;
};

std::string kernel_text(const Subject& subject) {
  const driver::Request request = request_of(subject);
  const Result<Kernel> kernel = Runtime{}.compile(spec_of(subject, request));
  if (!kernel) return kernel.error().message;
  std::string text =
      fmt::format("{}.{} on {}: ", name(subject.pass), name(subject.dtype), kernel->target());
  if (kernel->rung() == Rung::interpreter)
    text += fmt::format("interpreted, {} bytes", kernel->bytes());
  else
    text += fmt::format("{} bytes of code", kernel->code_bytes());
  if (!kernel->rung_reason().empty()) text += fmt::format(" ({})", kernel->rung_reason());
  return text;
}

Result<Summary> summarize(const Subject& subject) {
  Summary summary;
  summary.formula = formula_text(subject);
  if (subject.definition().row_wise) {
    summary.kernel = "none: it reduces along rows, which is not supported yet";
    return summary;
  }
  auto derivatives = derivative_texts(subject.function);
  if (!derivatives) return derivatives.error();
  summary.derivatives = std::move(derivatives).value();
  const Result<driver::Compiled> compiled = driver::compile(request_of(subject));
  if (!compiled) return compiled.error();
  for (const std::string& rule : compiled->rewrites)
    if (std::find(summary.rewrites.begin(), summary.rewrites.end(), rule) == summary.rewrites.end())
      summary.rewrites.push_back(rule);
  summary.kernel = kernel_text(subject);
  return summary;
}

std::string to_text(const Subject& subject, const Summary& summary) {
  std::string text = signature(subject.definition()) + "\n";
  const std::string first_line = tools::summary(subject.definition());
  if (!first_line.empty()) text += fmt::format("{}\n", first_line);
  text += fmt::format("formula     {}\n", indented(summary.formula));
  for (const auto& [which, formula] : summary.derivatives)
    text += fmt::format("{:<12}{}\n", which, formula);
  text += fmt::format("promise     {}\n", promise_text(subject.definition()));
  text += fmt::format(
      "rewrites    {}\n",
      summary.rewrites.empty() ? "none" : fmt::format("{}", fmt::join(summary.rewrites, ", ")));
  return text + fmt::format("kernel      {}\n", summary.kernel);
}

std::string to_json(const Subject& subject, const Summary& summary) {
  nlohmann::ordered_json derivatives = nlohmann::ordered_json::object();
  for (const auto& [which, formula] : summary.derivatives) derivatives[which] = formula;
  const nlohmann::ordered_json all = {{"function", subject.function.name()},
                                      {"signature", signature(subject.definition())},
                                      {"documentation", subject.definition().documentation},
                                      {"formula", summary.formula},
                                      {"derivatives", std::move(derivatives)},
                                      {"promise", promise_text(subject.definition())},
                                      {"rewrites", summary.rewrites},
                                      {"kernel", summary.kernel}};
  return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

// The table of rewrite rules itself, as it stands in the source.
std::string all_rewrites() {
  struct Rule {
    const char* kind;
    const char* name;
    const char* left;
    const char* right;
  };
  static constexpr Rule kRules[] = {
#define ALGEBRAIC(name, left, right) Rule{"algebraic", name, #left, #right},
#define EXACT(name, left, right) Rule{"exact", name, #left, #right},
#define SHAPE(name, left, right) Rule{"shape", name, #left, #right},
#include "compiler/rewrite/rules.def"
#undef ALGEBRAIC
#undef EXACT
#undef SHAPE
  };
  std::string text;
  for (const Rule& rule : kRules)
    text += fmt::format("{:<10}{:<20}{}  ->  {}\n", rule.kind, rule.name, rule.left, rule.right);
  return text;
}

int show(const Options& options) {
  if (options.rewrites) return print(all_rewrites());
  if (options.function.empty())
    return report({Status::invalid_argument, "show takes a function, or --rewrites"});
  const Result<Subject> subject = read_subject(options);
  if (!subject) return report(subject.error());
  warn(subject->function.definitions.warnings);
  if (!options.emit.empty()) {
    const Result<std::string> text = step_text(*subject, options.emit);
    return text ? print(*text) : report(text.error());
  }
  const Result<Summary> summary = summarize(*subject);
  if (!summary) return report(summary.error());
  return print(options.json ? to_json(*subject, *summary) : to_text(*subject, *summary));
}

}  // namespace

void add_show(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("show", "Formula, derivative, promise and rewrites, or a compiler's step");
  const auto options = std::make_shared<Options>();
  command->add_option("function", options->function, "A function: NAME, FILE.slu or FILE.slu:NAME");
  command->add_option("--emit", options->emit,
                      "A step: ast, ir, grad, rewrites, expand, schedule, asm or key");
  command->add_option("--pass", options->pass, "forward, backward or forward_backward");
  command->add_option("--dtype", options->dtype, "The operands' element type: f32 or f64");
  command->add_option("--shape", options->shape, "The operands' shape, e.g. 64,1024");
  command->add_option("--target", options->target,
                      "x86-64-v3 or x86-64-v4, with +FEATURE..., also one that this machine lacks");
  command->add_option("--param", options->parameters, "A parameter: NAME=VALUE; repeatable")
      ->allow_extra_args(false);
  command->add_option("--lib", options->library_files, "A file of further definitions; repeatable")
      ->allow_extra_args(false);
  command->add_flag("--rewrites", options->rewrites, "Lists the rewrite rules that there are");
  command->add_flag("--json", options->json, "The summary as a JSON object");
  command->callback([&action, options] { action = [options] { return show(*options); }; });
}

}  // namespace sluice::tools
