// sluice run: one pass of a function on values or files, printed or written.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sluice/runtime.hpp>

#include "tools/command.hpp"
#include "tools/run_pieces.hpp"
#include "tools/run_plan.hpp"
#include "tools/run_stream.hpp"
#include "tools/thread_pool.hpp"
#include "tools/values.hpp"

namespace sluice::tools {
namespace {

// What is needed of a plan once its elements are on their way.
struct Outline {
  std::string function;
  std::vector<RunOutput> outputs;
};

// Text is handed on in pieces of about this many bytes.
constexpr std::size_t kTextPiece = 1 << 16;

int flush(std::string& text) {
  const int code = print(text);
  text.clear();
  return code;
}

int append_values(std::string& text, const std::vector<std::byte>& elements, Dtype dtype,
                  std::pair<std::string_view, Notation> form) {
  const std::size_t count = elements.size() / size_of(dtype);
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) text += form.first;
    append_value(text, elements, dtype, i, form.second);
    if (text.size() < kTextPiece) continue;
    if (const int code = flush(text); code != kDone) return code;
  }
  return kDone;
}

int print_plain(const Outline& outline, const std::vector<std::vector<std::byte>>& elements) {
  std::string text;
  for (std::size_t i = 0; i < outline.outputs.size(); ++i) {
    if (!outline.outputs[i].path.empty()) continue;
    const Dtype dtype = outline.outputs[i].dtype;
    if (const int code = append_values(text, elements[i], dtype, {" ", Notation::plain}))
      return code;
    text += '\n';
  }
  return flush(text);
}

// Written by hand where the data is: a JSON library would print an f32 with the digits of an f64.
int print_json(const Outline& outline, const Kernel& kernel,
               const std::vector<std::vector<std::byte>>& elements) {
  const auto quoted = [](std::string_view text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  std::string text = fmt::format(
      R"({{"function": {}, "pass": "{}", "target": {}, "rung": "{}", "outputs": {{)",
      quoted(outline.function), name(kernel.pass()), quoted(kernel.target()), name(kernel.rung()));
  for (std::size_t i = 0; i < outline.outputs.size(); ++i) {
    const RunOutput& output = outline.outputs[i];
    text += fmt::format(R"({}{}: {{"dtype": "{}", "shape": [{}], )", i > 0 ? ", " : "",
                        quoted(output.name), name(output.dtype), fmt::join(output.shape, ", "));
    if (!output.path.empty()) {
      text += fmt::format(R"("file": {}}})", quoted(output.path));
      continue;
    }
    text += R"("data": [)";
    if (const int code = append_values(text, elements[i], output.dtype, {", ", Notation::json}))
      return code;
    text += "]}";
  }
  text += "}}\n";
  return flush(text);
}

int run(const RunArguments& arguments) {
  Result<RunPlan> plan = plan_run(arguments);
  if (!plan) return report(plan.error());
  warn(plan->function.definitions.warnings);
  warn(plan->notes);
  Runtime runtime;
  const Result<Kernel> kernel = runtime.compile(plan->spec);
  if (!kernel) return report(kernel.error());
  const Outline outline{plan->function.name(), plan->outputs};
  const bool flat = plan->flat;
  ThreadPool pool(arguments.threads);
  const Parallel parallel = pool.parallel();
  const auto elements = flat ? stream(std::move(plan).value(), *kernel, parallel)
                             : run_pieces(std::move(plan).value(), *kernel, parallel);
  if (!elements) return report(elements.error());
  return arguments.json ? print_json(outline, *kernel, *elements) : print_plain(outline, *elements);
}

void add_operand_options(CLI::App& command, RunArguments& to) {
  const auto repeatable = [&](const char* flag, std::vector<std::string>& values,
                              const char* meaning, const char* type) {
    command.add_option(flag, values, meaning)->type_name(type)->allow_extra_args(false);
  };
  repeatable("--in", to.inputs, "An input; repeatable", "NAME=FILE.npy|NAME=1,2,3");
  repeatable("--values", to.values, "The input x; - reads standard input", "1,2,3");
  repeatable("--param", to.parameters,
             "A parameter, or an input that is one number for all; repeatable", "NAME=VALUE");
  repeatable("--grad", to.gradients,
             "The gradient of an output (backward); left out: ones for the first; repeatable",
             "NAME=FILE.npy|NAME=1,2,3");
  repeatable("--out", to.outputs,
             "A file for an output (y, dx); what --out does not name is not computed; repeatable",
             "NAME=FILE.npy");
  repeatable("--accumulate", to.accumulated,
             "What a gradient is added to; for all that are computed, or none; repeatable",
             "NAME=FILE.npy|NAME=1,2,3");
  repeatable("--dtype", to.dtypes,
             "The element type of an operand: f32 f64 f16 bf16 i8 u8 i32 i64 bool; repeatable",
             "NAME=TYPE");
  repeatable("--split", to.splits, "Two inputs as the halves of one tensor", "x=A,B");
  repeatable("--quant", to.quantisations, kQuantHelp, "NAME=SCALE,ZERO");
  repeatable("--lib", to.library_files, "A file of further definitions; repeatable", "FILE.slu");
}

}  // namespace

void add_run(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("run", "One pass of a function on values or .npy files");
  const auto arguments = std::make_shared<RunArguments>();
  RunArguments& to = *arguments;
  command->add_option("function", to.function, "A function: NAME, FILE.slu or FILE.slu:NAME")
      ->required();
  command->add_option("--pass", to.pass, "forward, backward or forward_backward");
  add_operand_options(*command, to);
  command->add_option("--axis", to.axis,
                      "The axis that rows, halves and operands of rank 1 lie along");
  command->add_option("--wrt", to.wanted, "The inputs whose gradients are wanted: NAME,...");
  command->add_option("--reduction", to.reduction, "none, sum or mean of the first output");
  command->add_option("--saved", to.saved, "What a backward pass reads: inputs, outputs or auto");
  command->add_option("--empty", to.empty, "What a mean over nothing is: nan or zero");
  command->add_option(
      "--target", to.target,
      "interpreter, interpreter-nofma, x86-64-v3 or x86-64-v4, with +FEATURE...; left out: the "
      "highest that this machine has");
  command->add_option("--accuracy", to.accuracy, std::string(kAccuracyHelp));
  command
      ->add_option("--threads", to.threads, "Threads to run on; the result does not depend on it")
      ->check(CLI::Range(1, 1024));
  command
      ->add_option("--piece", to.piece,
                   "Elements that are held at a time; the result does not depend on it")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
  command->add_flag("--check-indices", to.check_indices,
                    "Fail where an index that a row reads is none of its columns");
  command->add_flag("--json", to.json, "As one JSON object");
  command->callback([&action, arguments] { action = [arguments] { return run(*arguments); }; });
}

}  // namespace sluice::tools
