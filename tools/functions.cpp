#include "tools/functions.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "tools/values.hpp"

namespace sluice::tools {
namespace {

constexpr std::string_view kExtension = ".slu";

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

struct Reference {
  std::string file;  // empty: the name is the library's or of a --lib file
  std::string name;  // empty: the last definition of the file
};

Reference split_reference(std::string_view text) {
  if (text.ends_with(kExtension)) return {std::string(text), ""};
  const std::size_t at = text.rfind(".slu:");
  if (at == std::string_view::npos) return {"", std::string(text)};
  const std::size_t colon = at + kExtension.size();
  return {std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

}  // namespace

Error unknown_function(const dsl::Program& program, std::string_view name) {
  std::string message = fmt::format("unknown function '{}'", name);
  const std::vector<std::string> similar = program.similar(name);
  if (!similar.empty()) message += fmt::format(": did you mean '{}'?", similar.front());
  return {Status::unknown_function, std::move(message)};
}

Result<std::string> read_text(const std::string& path, std::size_t limit) {
  const std::unique_ptr<std::FILE, CloseFile> file(path == "-" ? stdin
                                                               : std::fopen(path.c_str(), "rb"));
  if (!file)
    return Error{Status::io_error,
                 fmt::format("{}: cannot be opened: {}", path, std::strerror(errno))};
  std::string text;
  char piece[1 << 16];
  std::size_t got = 0;
  while (text.size() <= limit && (got = std::fread(piece, 1, sizeof piece, file.get())) > 0)
    text.append(piece, got);
  if (std::ferror(file.get()))
    return Error{Status::io_error,
                 fmt::format("{}: cannot be read: {}", path, std::strerror(errno))};
  return text;
}

Outcome Definitions::add_file(const std::string& path) {
  const Result<std::string> text = read_text(path, dsl::Limits{}.file_bytes);
  if (!text) return text.error();
  Result<dsl::ParsedProgram> parsed = dsl::parse(*text, path, &tree);
  if (!parsed) return parsed.error();
  Result<Program> added = Program::parse(*text, path, program);
  if (!added) return added.error();
  warnings += added->warnings();
  tree = std::move(parsed->program);
  program = std::move(added).value();
  return Unit{};
}

Result<Definitions> load_definitions(std::span<const std::string> library_files) {
  Definitions definitions;
  for (const std::string& path : library_files)
    if (Outcome added = definitions.add_file(path); !added) return added.error();
  return definitions;
}

Result<Function> find_function(std::string_view text, std::span<const std::string> library_files) {
  Result<Definitions> definitions = load_definitions(library_files);
  if (!definitions) return definitions.error();
  const Reference reference = split_reference(text);
  Function function{std::move(definitions).value()};
  const dsl::Program& tree = function.definitions.tree;
  if (!reference.file.empty()) {
    if (Outcome added = function.definitions.add_file(reference.file); !added) return added.error();
    function.file = reference.file;
    if (reference.name.empty()) {
      if (tree.first_own() == tree.size())
        return Error{Status::unknown_function,
                     fmt::format("{} defines no function", reference.file)};
      function.id = static_cast<dsl::FunctionId>(tree.size() - 1);
      return function;
    }
  }
  const std::optional<dsl::FunctionId> id = tree.find(reference.name);
  if (!id) return unknown_function(tree, reference.name);
  if (!reference.file.empty() && dsl::index(*id) < tree.first_own())
    return Error{Status::unknown_function,
                 fmt::format("{} defines no function '{}'", reference.file, reference.name)};
  function.id = *id;
  return function;
}

std::string signature(const dsl::FunctionDef& function) {
  std::string text = function.name + "(";
  std::string_view between;
  for (const dsl::Input& input : function.inputs) {
    text += std::exchange(between, ", ");
    text += input.name;
    if (input.kind != dsl::Kind::element) text += fmt::format(": {}", dsl::name(input.kind));
    if (input.default_value) text += " = " + to_text(*input.default_value);
  }
  between = "; ";
  for (const dsl::Parameter& parameter : function.parameters)
    text += fmt::format("{}{}{} = {}", std::exchange(between, ", "), parameter.name,
                        parameter.is_integer ? ": int" : "", to_text(parameter.default_value));
  text += ")";
  if (!function.outputs_named) return text;
  text += " -> (";
  between = "";
  for (const dsl::Output& output : function.outputs)
    text += fmt::format("{}{}", std::exchange(between, ", "), output.name);
  return text + ")";
}

std::string promise_text(const dsl::FunctionDef& function) {
  const std::optional<dsl::UlpPromise>& ulp = function.attributes.ulp;
  if (!ulp) return "none";
  if (ulp->forward == ulp->derivative) return to_text(ulp->forward) + " ULP";
  return fmt::format("{} ULP, derivative {}", to_text(ulp->forward), to_text(ulp->derivative));
}

std::string summary(const dsl::FunctionDef& function) {
  std::string text = function.documentation;
  std::size_t end = text.find('\n');
  while (end != std::string::npos) {
    if (end == 0 || text[end - 1] == '.' || text[end - 1] == ')') return text.substr(0, end);
    text[end] = ' ';
    end = text.find('\n', end);
  }
  return text;
}

}  // namespace sluice::tools
