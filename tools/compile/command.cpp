// sluice compile: functions as a static library and a header, or a module of WebAssembly or PTX,
// for machines without Sluice.
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "compiler/driver/llvm.hpp"
#include "tools/command.hpp"
#include "tools/compile/library.hpp"
#include "tools/compile/wasm.hpp"

namespace sluice::tools {
namespace {

namespace fs = std::filesystem;
using object::AheadTarget;

struct Options {
  std::vector<std::string> files;
  std::string output;
  std::vector<std::string> functions;
  std::vector<std::string> optional_inputs;
  std::vector<std::string> passes{"forward"};
  std::vector<std::string> dtypes{"f32"};
  std::vector<std::string> targets{"x86-64-v3", "x86-64-v4"};
  std::string prefix;
  std::string cpp_scope;
  bool baked = false;
};

Result<std::vector<AheadTarget>> read_targets(const std::vector<std::string>& names) {
  const auto known = object::ahead_targets();
  std::vector<AheadTarget> targets;
  for (const AheadTarget& target : known)
    if (std::find(names.begin(), names.end(), target.name) != names.end())
      targets.push_back(target);
  for (const std::string& name : names) {
    if (object::find_ahead_target(name) != nullptr) continue;
    return Error{Status::unknown_name,
                 fmt::format("unknown target '{}': known are {}", name, object::names_of(known))};
  }
  return targets;
}

// `own`: the first that is no library's.
Result<std::vector<dsl::FunctionId>>
read_functions(const Options& options, const Definitions& definitions, std::size_t own) {
  std::vector<dsl::FunctionId> functions;
  for (const std::string& name : options.functions) {
    const auto id = definitions.tree.find(name);
    if (!id) return unknown_function(definitions.tree, name);
    functions.push_back(*id);
  }
  if (options.functions.empty() && !options.files.empty())
    for (std::size_t i = own; i < definitions.tree.size(); ++i)
      functions.push_back(static_cast<dsl::FunctionId>(i));
  if (functions.empty())
    return Error{Status::invalid_argument,
                 "nothing to compile: name a FILE.slu or --functions of the library"};
  return functions;
}

// Inputs that one of the functions at least takes and does not need.
Outcome read_optional(const Options& options, const Definitions& definitions,
                      const std::vector<dsl::FunctionId>& functions, AheadForm& form) {
  for (const std::string& name : options.optional_inputs) {
    const auto has = [&](dsl::FunctionId id) {
      const dsl::FunctionDef& function = definitions.tree.function(id);
      const auto& inputs = function.inputs;
      return function.row_wise &&
             std::any_of(inputs.begin() + static_cast<std::ptrdiff_t>(function.required_inputs()),
                         inputs.end(), [&](const dsl::Input& input) { return input.name == name; });
    };
    if (std::none_of(functions.begin(), functions.end(), has))
      return Error{Status::unknown_name,
                   fmt::format("--inputs: no row function here has an optional input '{}'", name)};
    form.optional.insert(name);
  }
  return Unit{};
}

// A file's name as a name of C.
std::string prefix_of(const std::string& stem) {
  std::string prefix;
  for (const char c : stem) prefix += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  if (std::isdigit(static_cast<unsigned char>(prefix.front())) != 0) prefix = "_" + prefix;
  return prefix;
}

bool is_name(std::string_view text) {
  const auto is_part = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) == 0 &&
         std::all_of(text.begin(), text.end(), is_part);
}

Result<AheadLibrary> read_library(const Options& options, const std::vector<AheadTarget>& targets) {
  const fs::path output(options.output);
  AheadLibrary library;
  library.name = output.filename().string();
  if (library.name.empty())
    return Error{Status::invalid_argument, "-o takes the library's name, as in build/acts"};
  library.prefix = options.prefix.empty() ? prefix_of(library.name) : options.prefix;
  library.cpp_scope = options.cpp_scope;
  for (const std::string& name : {library.prefix, library.cpp_scope})
    if (!name.empty() && !is_name(name))
      return Error{Status::invalid_argument, fmt::format("'{}' is no name of C", name)};
  Definitions definitions;
  const std::size_t own = definitions.tree.size();
  for (const std::string& file : options.files)
    if (Outcome added = definitions.add_file(file); !added) return added.error();
  warn(definitions.warnings);
  AheadForm form{library.prefix, options.baked, {}, {}};
  for (const AheadTarget& target : targets) form.families.insert(target.family);
  const auto functions = read_functions(options, definitions, own);
  if (!functions) return functions.error();
  if (Outcome read = read_optional(options, definitions, *functions, form); !read)
    return read.error();
  for (const dsl::FunctionId function : *functions)
    for (const std::string& pass_name : options.passes)
      for (const std::string& dtype_name : options.dtypes) {
        const auto pass = pass_from_name(pass_name);
        if (!pass)
          return Error{Status::unknown_name, fmt::format("unknown pass '{}': known are forward, "
                                                         "backward, forward_backward",
                                                         pass_name)};
        const auto dtype = dtype_from_name(dtype_name);
        if (!dtype || !is_floating(*dtype))
          return Error{Status::unknown_name,
                       fmt::format("'{}' is no element type of kernels made ahead of time: those "
                                   "are f32, f64, f16, bf16",
                                   dtype_name)};
        auto entry = ahead_entry(definitions, function, *pass, *dtype, form);
        if (!entry) return entry.error();
        library.entries.push_back(std::move(*entry));
      }
  return library;
}

struct File {
  fs::path path;
  std::string bytes;
};

// All of them or none: what was there stays until all are written.
Outcome write_files(const std::vector<File>& files) {
  const auto draft = [](const fs::path& path) { return path.string() + ".new"; };
  const auto failed = [&](const fs::path& path, std::string_view what) {
    for (const File& file : files) std::remove(draft(file.path).c_str());
    return Error{Status::io_error, fmt::format("{}: {}", path.string(), what)};
  };
  std::error_code error;
  for (const File& file : files) {
    if (file.path.has_parent_path()) fs::create_directories(file.path.parent_path(), error);
    if (error) return failed(file.path, error.message());
    std::FILE* const stream = std::fopen(draft(file.path).c_str(), "wb");
    if (stream == nullptr) return failed(file.path, "cannot be written");
    const bool whole =
        std::fwrite(file.bytes.data(), 1, file.bytes.size(), stream) == file.bytes.size();
    if ((std::fclose(stream) != 0) || !whole) return failed(file.path, "cannot be written");
  }
  for (const File& file : files) {
    fs::rename(draft(file.path), file.path, error);
    if (error) return failed(file.path, error.message());
  }
  return Unit{};
}

int compile(const Options& options) {
  const auto targets = read_targets(options.targets);
  if (!targets) return report(targets.error());
  const auto module = driver::llvm();
  if (!module) return report(module.error());
  const Result<AheadLibrary> library = read_library(options, *targets);
  if (!library) return report(library.error());
  std::vector<object::AheadFunction> functions;
  for (const AheadEntry& entry : library->entries) functions.push_back(entry.code);
  const fs::path folder = fs::path(options.output).parent_path();
  std::vector<File> files;
  std::vector<AheadTarget> processors;
  std::copy_if(targets->begin(), targets->end(), std::back_inserter(processors),
               std::not_fn(std::mem_fn(&AheadTarget::is_gpu)));
  if (!processors.empty())
    files.push_back({folder / (library->name + ".h"), header_text(*library, processors)});
  const bool several = targets->front().architecture != targets->back().architecture;
  for (auto first = targets->begin(); first != targets->end();) {
    const auto last = std::find_if(first, targets->end(), [&](const AheadTarget& target) {
      return target.architecture != first->architecture;
    });
    const fs::path place = several ? folder / first->architecture : folder;
    if (first->is_gpu()) {
      const auto ptx = (*module)->assembly(functions, *first);
      if (!ptx) return report(ptx.error());
      files.push_back({place / (library->name + ".ptx"), ptx_text(*library, *first, *ptx)});
      first = last;
      continue;
    }
    auto archive = (*module)->archive(functions, {first, last}, library->prefix);
    if (!archive) return report(archive.error());
    if (first->is_wasm()) {
      auto wasm = wasm_module(*library, *archive);
      if (!wasm) return report(wasm.error());
      files.push_back({place / (library->name + ".wasm"), std::move(*wasm)});
      files.push_back({place / (library->name + ".mjs"), script_text(*library)});
    }
    files.push_back({place / ("lib" + library->name + ".a"), std::move(*archive)});
    first = last;
  }
  if (Outcome written = write_files(files); !written) return report(written.error());
  std::string text;
  for (const File& file : files) text += file.path.string() + "\n";
  return print(text);
}

}  // namespace

void add_compile(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("compile", "A static library and a C header, for use without Sluice");
  const auto options = std::make_shared<Options>();
  command->add_option("files", options->files,
                      "FILE.slu...; left out: the functions are the library's");
  command->add_option("-o,--output", options->output, "Folder and name: DIR/NAME")->required();
  const auto add_list = [&](const char* flag, std::vector<std::string>& list,
                            const std::string& help) {
    command->add_option(flag, list, help)->delimiter(',')->allow_extra_args(false);
  };
  add_list("--functions", options->functions, "Their names; left out: all of the file");
  add_list("--inputs", options->optional_inputs, "Optional ones that row functions take");
  add_list("--passes", options->passes, "Of forward, backward, forward_backward");
  add_list("--dtypes", options->dtypes, "Of f32, f64, f16, bf16");
  add_list("--targets", options->targets, "Of " + object::names_of(object::ahead_targets()));
  command->add_option("--prefix", options->prefix, "Of all symbols; left out: NAME");
  command->add_option("--namespace", options->cpp_scope, "Of overloads for C++; left out: none");
  command->add_flag("--baked", options->baked,
                    "Parameters are their defaults, not arguments: smaller and faster");
  command->callback([&action, options] { action = [options] { return compile(*options); }; });
}

}  // namespace sluice::tools
