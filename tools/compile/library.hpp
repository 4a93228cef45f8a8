// What `sluice compile` makes: the functions of a library, its header, and its files.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <sluice/dtype.hpp>
#include <sluice/pass.hpp>
#include <sluice/status.hpp>

#include "compiler/object/ahead.hpp"
#include "tools/functions.hpp"

namespace sluice::tools {

// An argument of a function of C, in their order; the last is the number of elements, `n`. Of rows
// a buffer of columns has its step after it, and the last are `rows`, `columns` and `workspace`.
struct AheadArgument {
  enum class Kind : std::uint8_t { source, result, parameter };
  Kind kind = Kind::source;
  std::string name;
  Dtype dtype = Dtype::f32;
  bool has_columns = false;
};

struct AheadEntry {
  object::AheadFunction code;
  std::string cpp_name;  // in the namespace
  std::vector<AheadArgument> arguments;
  std::vector<std::string> lines;  // of its comment
  bool of_rows = false;
};

struct AheadLibrary {
  std::string name;       // of the files
  std::string prefix;     // of all symbols
  std::string cpp_scope;  // the namespace; empty: none
  std::vector<AheadEntry> entries;
};

struct AheadForm {
  std::string prefix;
  bool baked = false;  // all parameters are constants; else those that are no integers arguments
  std::set<Family> families;       // of the targets
  std::set<std::string> optional;  // inputs of row functions that are given where there are such
};

// One pass of a function for operands of one type. Errors: those of the compiler.
[[nodiscard]] Result<AheadEntry> ahead_entry(const Definitions& definitions, dsl::FunctionId id,
                                             Pass pass, Dtype dtype, const AheadForm& form);

[[nodiscard]] std::string header_text(const AheadLibrary& library,
                                      const std::vector<object::AheadTarget>& targets);
// A module of PTX with what the header says of its functions before it, as comments.
[[nodiscard]] std::string ptx_text(const AheadLibrary& library, const object::AheadTarget& target,
                                   const std::string& code);

}  // namespace sluice::tools
