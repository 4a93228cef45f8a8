// The header of a library made ahead of time: C, and overloads for C++.
#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>

#include <fmt/format.h>
#include <sluice/version.hpp>

#include "compiler/numerics/version.hpp"
#include "tools/compile/library.hpp"

namespace sluice::tools {
namespace {

std::string_view c_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::f32: return "float";
    case Dtype::f64: return "double";
    case Dtype::f16:
    case Dtype::bf16: return "uint16_t";
    case Dtype::i8: return "int8_t";
    case Dtype::u8:
    case Dtype::boolean: return "uint8_t";
    case Dtype::i32: return "int32_t";
    case Dtype::i64: return "int64_t";
  }
  return "void";
}

// Words of C and C++ that are names in Sluice's language.
std::string c_name(const std::string& name) {
  static constexpr std::array kWords{
      "auto",     "break",    "case",    "catch",  "char",   "class",    "const",   "continue",
      "default",  "delete",   "do",      "double", "enum",   "explicit", "export",  "extern",
      "float",    "for",      "friend",  "goto",   "int",    "long",     "mutable", "new",
      "n",        "operator", "private", "public", "return", "short",    "signed",  "sizeof",
      "static",   "struct",   "switch",  "this",   "throw",  "try",      "typedef", "union",
      "unsigned", "using",    "virtual", "void",   "while",  "rows",     "columns", "workspace"};
  return std::find(kWords.begin(), kWords.end(), name) == kWords.end() ? name : name + "_";
}

std::string parameters_text(const AheadEntry& entry) {
  std::string text;
  for (const AheadArgument& argument : entry.arguments) {
    const std::string_view type = c_type(argument.dtype);
    const std::string name = c_name(argument.name);
    if (argument.kind == AheadArgument::Kind::parameter)
      text += fmt::format("{} {}, ", type, name);
    else
      text += fmt::format("{}{}* {}, ",
                          argument.kind == AheadArgument::Kind::source ? "const " : "", type, name);
    if (argument.has_columns) text += fmt::format("size_t {}_step, ", argument.name);
  }
  return text + (entry.of_rows ? "size_t rows, size_t columns, void* workspace" : "size_t n");
}

std::string call_text(const AheadEntry& entry) {
  std::string text;
  for (const AheadArgument& argument : entry.arguments) {
    text += c_name(argument.name) + ", ";
    if (argument.has_columns) text += argument.name + "_step, ";
  }
  return text + (entry.of_rows ? "rows, columns, workspace" : "n");
}

// Types of C++ do not tell 16-bit types apart.
bool is_overload(const AheadEntry& entry) {
  return std::none_of(entry.arguments.begin(), entry.arguments.end(), [](const auto& argument) {
    return argument.dtype == Dtype::f16 || argument.dtype == Dtype::bf16;
  });
}

constexpr std::string_view kRows =
    "\n\n"
    "   Of rows a buffer holds `columns` elements a row; row i begins `i * step` elements after "
    "the\n"
    "   first, and with a step of 0 an input has one row for all. What has no step has one "
    "element\n"
    "   a row. A workspace has as many bytes as the function of that name says, may be null where\n"
    "   they are none, and is of one call at a time.";

bool has_rows(const AheadLibrary& library) {
  return std::any_of(library.entries.begin(), library.entries.end(),
                     [](const AheadEntry& entry) { return entry.of_rows; });
}

// Which bits the results have: by target, where there are several families.
std::string families_text(const std::vector<object::AheadTarget>& targets) {
  std::string text;
  for (const Family family : kFamilies) {
    std::vector<object::AheadTarget> of;
    std::copy_if(targets.begin(), targets.end(), std::back_inserter(of),
                 [&](const object::AheadTarget& target) { return target.family == family; });
    if (of.empty()) continue;
    text += fmt::format("\n   numerics {}, family {}: {}{}", numerics::kVersion, name(family),
                        object::names_of(of),
                        family == Family::nofma ? "; errors up to twice the promises below" : "");
  }
  return text;
}

}  // namespace

std::string header_text(const AheadLibrary& library,
                        const std::vector<object::AheadTarget>& targets) {
  std::string guard = library.prefix + "_H";
  std::transform(guard.begin(), guard.end(), guard.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string text = fmt::format(
      "/* Made by sluice {} for {}.\n"
      "\n"
      "   Results are the same, bit for bit, on all targets of a family:{}\n"
      "\n"
      "   Buffers hold n elements each and need no alignment. A result may be the buffer of an "
      "input\n"
      "   of the same type; otherwise buffers do not overlap. f16 and bf16 are bit patterns.\n"
      "   Functions keep no state and may be called from any thread.{} */\n"
      "#ifndef {}\n#define {}\n\n#include <stddef.h>\n#include <stdint.h>\n\n"
      "#ifdef __cplusplus\nextern \"C\" {{\n#endif\n\n"
      "/* Whether this processor runs the functions: 0 where it has none of the targets. */\n"
      "int {}_available(void);\n",
      kVersion, object::names_of(targets), families_text(targets), has_rows(library) ? kRows : "",
      guard, guard, library.prefix);
  for (const AheadEntry& entry : library.entries) {
    text += "\n/* ";
    for (std::size_t i = 0; i < entry.lines.size(); ++i)
      text += fmt::format("{}{}", i == 0 ? "" : "\n   ", entry.lines[i]);
    text += fmt::format(" */\nvoid {}({});\n", entry.code.symbol, parameters_text(entry));
    if (entry.of_rows)
      text += fmt::format("size_t {}_workspace(size_t columns);\n", entry.code.symbol);
  }
  text += "\n#ifdef __cplusplus\n}\n";
  if (!library.cpp_scope.empty()) {
    text += fmt::format("\nnamespace {} {{\n\n", library.cpp_scope);
    for (const AheadEntry& entry : library.entries)
      if (is_overload(entry))
        text += fmt::format("inline void {}({}) {{\n  {}({});\n}}\n", entry.cpp_name,
                            parameters_text(entry), entry.code.symbol, call_text(entry));
    text += fmt::format("\n}}  // namespace {}\n", library.cpp_scope);
  }
  return text + fmt::format("#endif\n\n#endif  /* {} */\n", guard);
}

std::string ptx_text(const AheadLibrary& library, const object::AheadTarget& target,
                     const std::string& code) {
  std::string text = fmt::format(
      R"(// Made by sluice {} for {}; numerics {}, family {}.
//
// Each kernel takes a grid of any size in one dimension: threads take elements in turns.
// Buffers lie in the GPU's memory and hold n elements each, aligned to their size. A result may
// be the buffer of an input of the same type; otherwise buffers do not overlap. f16 and bf16 are
// bit patterns.
)",
      kVersion, target.name, numerics::kVersion, name(target.family));
  if (has_rows(library))
    text += R"(//
// Rows go to warps in turns: threads of a block are a multiple of 32. A buffer holds `columns`
// elements a row; row i begins `i * step` elements after the first, and with a step of 0 an input
// has one row for all. What has no step has one element a row. The workspace is aligned to 8 bytes
// and has for each warp of the grid what stands below.
)";
  for (const AheadEntry& entry : library.entries) {
    text += "//\n";
    for (const std::string& line : entry.lines) text += fmt::format("// {}\n", line);
    text += fmt::format("//   {}({})\n", entry.code.symbol, parameters_text(entry));
    const object::WorkspaceBytes bytes = object::workspace_bytes(entry.code);
    if (bytes.of_rows)
      text +=
          fmt::format("//   workspace: {0} bytes a column for up to {3} columns; for more {1} a "
                      "column and {2} for\n//   every {3}, or part of as many\n",
                      bytes.short_column, bytes.column, bytes.block, schedule::kBlockColumns);
  }
  return text + code;
}

}  // namespace sluice::tools
