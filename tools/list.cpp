// sluice list: the functions there are, with documentation, inputs, parameters and promise.
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tools/command.hpp"
#include "tools/functions.hpp"

namespace sluice::tools {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::vector<std::string> library_files;
  bool json = false;
};

// The functions that names now mean, in the order of their texts.
std::vector<const dsl::FunctionDef*> visible(const dsl::Program& program) {
  std::vector<const dsl::FunctionDef*> functions;
  for (std::size_t i = 0; i < program.size(); ++i) {
    const auto id = static_cast<dsl::FunctionId>(i);
    const dsl::FunctionDef& function = program.function(id);
    if (program.find(function.name) == id) functions.push_back(&function);
  }
  return functions;
}

// JSON has no infinities; as everywhere in this command they are strings.
Json number(double value) {
  if (value == value && value - value == 0) return value;
  return value != value ? "nan" : value < 0 ? "-inf" : "inf";
}

Json to_json(const dsl::FunctionDef& function) {
  Json inputs = Json::array();
  for (const dsl::Input& input : function.inputs) {
    Json entry = {{"name", input.name}, {"kind", dsl::name(input.kind)}};
    if (input.default_value) entry["default"] = number(*input.default_value);
    inputs.push_back(std::move(entry));
  }
  Json parameters = Json::array();
  for (const dsl::Parameter& parameter : function.parameters)
    parameters.push_back({{"name", parameter.name},
                          {"default", number(parameter.default_value)},
                          {"int", parameter.is_integer}});
  Json outputs = Json::array();
  for (const dsl::Output& output : function.outputs) outputs.push_back(output.name);
  Json promise;
  if (function.attributes.ulp)
    promise = {{"forward_ulp", number(function.attributes.ulp->forward)},
               {"derivative_ulp", number(function.attributes.ulp->derivative)}};
  return {{"name", function.name},
          {"aliases", function.attributes.aliases},
          {"documentation", function.documentation},
          {"inputs", std::move(inputs)},
          {"params", std::move(parameters)},
          {"outputs", std::move(outputs)},
          {"promise", std::move(promise)},
          {"row_wise", function.row_wise},
          {"library", function.from_library}};
}

std::string to_line(const dsl::FunctionDef& function) {
  std::string text =
      fmt::format("{}\n    {}\n", signature(function),
                  function.documentation.empty() ? "(not documented)" : summary(function));
  text += fmt::format("    promise: {}", promise_text(function));
  if (!function.attributes.aliases.empty())
    text += fmt::format("; also called {}", fmt::join(function.attributes.aliases, ", "));
  if (function.row_wise) text += "; works on rows";
  return text + "\n";
}

int list(const Options& options) {
  const Result<Definitions> definitions = load_definitions(options.library_files);
  if (!definitions) return report(definitions.error());
  warn(definitions->warnings);
  const std::vector<const dsl::FunctionDef*> functions = visible(definitions->tree);
  if (options.json) {
    Json all = Json::array();
    for (const dsl::FunctionDef* function : functions) all.push_back(to_json(*function));
    return print(all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  }
  std::string text;
  for (const dsl::FunctionDef* function : functions) text += to_line(*function);
  return print(text);
}

}  // namespace

void add_list(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("list", "Functions, with documentation and promise");
  const auto options = std::make_shared<Options>();
  command->add_option("--lib", options->library_files, "A file of further definitions; repeatable")
      ->type_name("FILE.slu")
      ->allow_extra_args(false);
  command->add_flag("--json", options->json, "As JSON: an array with an object for each function");
  command->callback([&action, options] { action = [options] { return list(*options); }; });
}

}  // namespace sluice::tools
