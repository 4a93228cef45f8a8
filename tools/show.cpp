// sluice show: what the compiler makes of a function, in ten lines or step by step.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sluice/runtime.hpp>

#include "compiler/driver/compile.hpp"
#include "dsl/print.hpp"
#include "tools/command.hpp"
#include "tools/derivative.hpp"
#include "tools/functions.hpp"
#include "tools/subject.hpp"

namespace sluice::tools {
namespace {

struct Options {
  SubjectOptions subject;
  std::string emit;
  bool rewrites = false;
  bool json = false;
};

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

Result<std::vector<std::string>> rewrites_of(const driver::Request& request) {
  if (request.row) {
    Result<driver::CompiledRows> compiled = driver::compile_rows(request);
    if (!compiled) return compiled.error();
    return std::move(compiled->rewrites);
  }
  Result<driver::Compiled> compiled = driver::compile(request);
  if (!compiled) return compiled.error();
  return std::move(compiled->rewrites);
}

Result<Summary> summarize(const Subject& subject) {
  Summary summary;
  summary.formula = formula_text(subject);
  // A row function's derivative is no formula of one element.
  if (!subject.definition().row_wise) {
    auto derivatives = derivative_texts(subject.function);
    if (!derivatives) return derivatives.error();
    summary.derivatives = std::move(derivatives).value();
  }
  const Result<std::vector<std::string>> fired = rewrites_of(request_of(subject));
  if (!fired) return fired.error();
  for (const std::string& rule : *fired)
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
  if (options.subject.function.empty())
    return report({Status::invalid_argument, "show takes a function, or --rewrites"});
  const Result<Subject> subject = read_subject(options.subject);
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
  command->add_option("function", options->subject.function,
                      "A function: NAME, FILE.slu or FILE.slu:NAME");
  command->add_option("--emit", options->emit,
                      "A step: ast, ir, grad, rewrites, expand, schedule, asm, llvm or key");
  add_options(*command, options->subject);
  command->add_flag("--rewrites", options->rewrites, "Lists the rewrite rules that there are");
  command->add_flag("--json", options->json, "The summary as a JSON object");
  command->callback([&action, options] { action = [options] { return show(*options); }; });
}

}  // namespace sluice::tools
