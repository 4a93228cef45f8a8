// The functions that a command's arguments name: the library's, those of --lib files, and those of
// a file given in a function's place.
//
// In: FUNCTION, FILE.slu (its last definition) or FILE.slu:FUNCTION. Out: the program in which the
// name is read, as the public interface has it and as the syntax tree that `show` looks into.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/program.hpp>
#include <sluice/status.hpp>

#include "dsl/program.hpp"

namespace sluice::tools {

struct Definitions {
  Program program = Program::library();
  dsl::Program tree = dsl::standard_library();
  std::string warnings;  // of all texts, rendered

  // Adds the definitions of a file.
  [[nodiscard]] Outcome add_file(const std::string& path);
};

struct Function {
  Definitions definitions;
  dsl::FunctionId id = dsl::kNoFunction;
  std::string file = {};  // that the reference named; empty where it is a name alone

  [[nodiscard]] const dsl::FunctionDef& definition() const { return definitions.tree.function(id); }
  [[nodiscard]] const std::string& name() const { return definition().name; }
};

[[nodiscard]] Result<Definitions> load_definitions(std::span<const std::string> library_files);

// Errors: unknown_function, io_error, or the diagnostics of a text.
[[nodiscard]] Result<Function> find_function(std::string_view reference,
                                             std::span<const std::string> library_files);

// With the name that was meant, perhaps.
[[nodiscard]] Error unknown_function(const dsl::Program& program, std::string_view name);

// A whole text file, or standard input for "-"; at most `limit` bytes and one more.
[[nodiscard]] Result<std::string> read_text(const std::string& path, std::size_t limit);

// "gelu(x)", "leaky_relu(x; negative_slope = 0.01)".
[[nodiscard]] std::string signature(const dsl::FunctionDef& function);
// "2 ULP", "1 ULP, derivative 2", or "none".
[[nodiscard]] std::string promise_text(const dsl::FunctionDef& function);
// The documentation's first lines, as many as end a sentence, as one.
[[nodiscard]] std::string summary(const dsl::FunctionDef& function);

}  // namespace sluice::tools
