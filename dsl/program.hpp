// A program: parsed and checked definitions, on top of those of the program it was parsed with.
//
// In: text. Out: a Program in which every name is resolved, or all the errors of the text. The
// functions of the base program come first and keep their ids, so a definition taken from the
// library means the same in every program built on it. Definitions are shared, never copied;
// Programs are values, cheap to copy, and may be read from any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dsl/ast.hpp"
#include "sluice/status.hpp"
#include "support/diagnostic.hpp"

namespace sluice::dsl {

// What a text may not pass; each is named by the error it raises.
struct Limits {
  std::size_t file_bytes = std::size_t{1} << 20;
  std::size_t name_length = 128;
  std::size_t nesting = 200;            // of parentheses, ifs, unary and right-hand operators
  std::size_t expression_depth = 1000;  // of the tree: a + b + c + ... counts one a sign
  std::size_t header_names = 256;       // inputs, parameters and outputs of a function
  std::size_t nodes_per_function = 20'000;
  std::uint64_t expanded_nodes = 200'000;  // once every call is expanded
  std::uint32_t call_depth = 200;
  std::size_t functions = 10'000;  // of a program, its base included
  std::size_t errors = 100;        // reported; the rest are counted
};

struct ParseOptions {
  bool library = false;  // the text is part of the standard library: `= builtin` is allowed
  Limits limits;
};

class Program {
 public:
  [[nodiscard]] std::size_t size() const { return functions_.size(); }
  [[nodiscard]] const FunctionDef& function(FunctionId id) const { return *functions_[index(id)]; }

  // The definition that the name or alias means at the end of the text: the latest one.
  [[nodiscard]] std::optional<FunctionId> find(std::string_view name) const;

  // The function names and aliases nearest to a name that does not exist, best first, at most
  // three: what a message may offer.
  [[nodiscard]] std::vector<std::string> similar(std::string_view name) const;

  // The ids of the text's own definitions are first_own() to size() - 1, in order.
  [[nodiscard]] std::size_t first_own() const { return first_own_; }

  // The texts, so that places can be shown; `place.file` is an index.
  [[nodiscard]] std::size_t source_count() const { return sources_.size(); }
  [[nodiscard]] const SourceFile& source(std::size_t file) const { return *sources_[file]; }

 private:
  friend class ProgramBuilder;
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>()(name);
    }
  };
  std::vector<std::shared_ptr<const FunctionDef>> functions_;
  std::vector<std::shared_ptr<const SourceFile>> sources_;
  std::unordered_map<std::string, FunctionId, NameHash, std::equal_to<>> names_;
  std::size_t first_own_ = 0;
};

// Everything that reading a text gives. `program` is there when there is no error; `diagnostics`
// has the errors and warnings in the order of the text; `source` is the text itself.
struct Analysis {
  std::optional<Program> program;
  std::vector<Diagnostic> diagnostics;
  std::shared_ptr<const SourceFile> source;

  [[nodiscard]] std::string rendered(Severity severity) const;  // all of one severity, as text
};
[[nodiscard]] Analysis analyze(std::string_view text, std::string_view file_name,
                               const Program* base, const ParseOptions& options = {});

struct ParsedProgram {
  Program program;
  std::vector<Diagnostic> warnings;
  std::string rendered_warnings;
};

// `analyze` for callers that want a program or a message. Errors: invalid_source or limit_exceeded
// with all diagnostics of the text rendered.
[[nodiscard]] Result<ParsedProgram> parse(std::string_view text, std::string_view file_name,
                                          const Program* base, const ParseOptions& options = {});

// The standard library, parsed from the embedded texts on first use; then the same object for ever.
[[nodiscard]] const Program& standard_library();

}  // namespace sluice::dsl
