// Diagnostics: what is wrong with a source text, where, and what to do about it.
//
// A SourceFile is a named text; a SourcePlace is a range of bytes in one of a list of files. The
// reader of a language collects Diagnostics; `render` turns one into the lines that a person reads:
// place, sentence, source line, caret, hint. Nothing here prints.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/status.hpp"

namespace sluice {

// A range of bytes of a file; `file` is an index into the list of files that goes with it.
struct SourcePlace {
  std::uint32_t file = 0;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
};

// A text with the name that diagnostics print, and the offsets at which its lines begin.
class SourceFile {
 public:
  SourceFile(std::string name, std::string text);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& text() const { return text_; }

  // Line and column, both from 1; the column counts characters (UTF-8 sequences), not bytes.
  struct Position {
    std::size_t line;
    std::size_t column;
  };
  [[nodiscard]] Position position(std::size_t offset) const;

  // The text of a line (from 1) without its line end.
  [[nodiscard]] std::string_view line(std::size_t number) const;

 private:
  std::string name_;
  std::string text_;
  std::vector<std::size_t> line_starts_;
};

enum class Severity : std::uint8_t { error, warning };

struct Diagnostic {
  Severity severity = Severity::error;
  SourcePlace place;
  std::string message;                     // one sentence, lower case, no full stop
  std::string hint;                        // what to do; may be empty
  Status status = Status::invalid_source;  // limit_exceeded where a documented limit was passed
};

// One diagnostic as text, each line ended:
//   act.slu:3:12: error: unknown function 'sigmod'
//     fn f(x) = sigmod(x)
//               ~~~~~~
//     hint: did you mean 'sigmoid'?
[[nodiscard]] std::string render(const Diagnostic& diagnostic, const SourceFile& file);

// All of them in order of place, files in the order given by `place.file`; `files[i]` is file i.
[[nodiscard]] std::string render(std::span<const Diagnostic> diagnostics,
                                 std::span<const SourceFile* const> files);

}  // namespace sluice
