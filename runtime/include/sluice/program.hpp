// Programs: parsed and checked definitions of activation functions.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/status.hpp>

namespace sluice {

namespace dsl {
class Program;
}

struct InputInfo {
  std::string name;
  std::string kind;  // "element", "row", "index", "mask"
  std::optional<double> default_value;
};

struct ParameterInfo {
  std::string name;
  double default_value = 0;
  bool is_integer = false;  // chooses a behaviour; always baked into a kernel
};

struct FunctionInfo {
  std::string name;
  std::vector<std::string> aliases;
  std::string documentation;
  std::vector<InputInfo> inputs;
  std::vector<ParameterInfo> parameters;
  std::vector<std::string> outputs;
  // The largest error promised, in units in the last place of f32; nothing where none is.
  std::optional<double> forward_ulp, derivative_ulp;
  bool from_library = false;
  bool row_wise = false;  // reduces along a row
};

// Definitions on top of the standard library's. Immutable, shared by its copies, readable from any
// thread.
class Program {
 public:
  // The standard library: what every program is built on.
  [[nodiscard]] static Program library();

  // Reads definitions, which may use those of `base` and hide them. The message of an error holds
  // every diagnostic of the text with its place; `name` is what they call the text.
  [[nodiscard]] static Result<Program> parse(std::string_view text, std::string_view name = "text",
                                             const Program& base = library());

  // The functions that names now mean, the library's first, each in the order of its text.
  [[nodiscard]] std::vector<FunctionInfo> functions() const;
  // By name or alias. Error: unknown_function, with the names that come near.
  [[nodiscard]] Result<FunctionInfo> find(std::string_view function) const;
  // What the parser warned of in this program's own text; may be empty.
  [[nodiscard]] const std::string& warnings() const { return warnings_; }

 private:
  friend class Runtime;
  explicit Program(std::shared_ptr<const dsl::Program> program) : program_(std::move(program)) {}

  std::shared_ptr<const dsl::Program> program_;
  std::string warnings_;
};

}  // namespace sluice
