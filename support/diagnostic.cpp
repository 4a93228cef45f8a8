// Diagnostics as text. A source line is shown whatever its bytes are: tabs become spaces, what is
// no printable UTF-8 becomes '?', and of a very long line the part around the caret is shown.
#include "support/diagnostic.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "support/utf8.hpp"

namespace sluice {
namespace {

constexpr std::size_t kShownColumns = 160;  // of a long line
constexpr std::size_t kShownBefore = 60;    // of them before the caret

// A line split into what is shown for each of its characters; `column_of[i]` is the column (from 0)
// of byte i.
struct ShownLine {
  std::vector<std::string> columns;
  std::vector<std::size_t> column_of;
};

ShownLine shown(std::string_view line) {
  ShownLine out;
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t length = std::max<std::size_t>(decode_utf8(line, at).length, 1);
    const bool printable = decode_utf8(line, at).length != 0;
    const auto lead = static_cast<unsigned char>(line[at]);
    out.column_of.insert(out.column_of.end(), length, out.columns.size());
    if (lead == '\t') {
      out.columns.emplace_back(" ");
    } else if (!printable || lead < 0x20U || lead == 0x7FU) {
      out.columns.emplace_back("?");
    } else {
      out.columns.emplace_back(line.substr(at, length));
    }
    at += length;
  }
  out.column_of.push_back(out.columns.size());  // the end of the line may be pointed at
  return out;
}

}  // namespace

SourceFile::SourceFile(std::string name, std::string text)
    : name_(std::move(name)), text_(std::move(text)), line_starts_{0} {
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') line_starts_.push_back(i + 1);
  }
}

SourceFile::Position SourceFile::position(std::size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const auto number = static_cast<std::size_t>(next - line_starts_.begin());
  const std::size_t start = line_starts_[number - 1];
  std::size_t column = 1;
  for (std::size_t at = start; at < offset; ++column) {
    at += std::max<std::size_t>(decode_utf8(text_, at).length, 1);
  }
  return {number, column};
}

std::string_view SourceFile::line(std::size_t number) const {
  const std::size_t start = line_starts_[number - 1];
  const std::size_t end = number < line_starts_.size() ? line_starts_[number] - 1 : text_.size();
  std::string_view text = std::string_view(text_).substr(start, end - start);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

std::string render(const Diagnostic& diagnostic, const SourceFile& file) {
  const SourceFile::Position at = file.position(diagnostic.place.offset);
  std::string out = file.name() + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) +
                    (diagnostic.severity == Severity::error ? ": error: " : ": warning: ") +
                    diagnostic.message + "\n";

  const std::string_view text = file.line(at.line);
  const ShownLine line = shown(text);
  const std::size_t line_start = static_cast<std::size_t>(text.data() - file.text().data());
  const std::size_t begin_byte = std::min(diagnostic.place.offset - line_start, text.size());
  const std::size_t end_byte = std::min(begin_byte + diagnostic.place.length, text.size());
  const std::size_t begin = line.column_of[begin_byte];
  const std::size_t end = std::max(line.column_of[end_byte], begin + 1);

  const bool cut = line.columns.size() > kShownColumns;
  const std::size_t from = cut && begin > kShownBefore ? begin - kShownBefore : 0;
  const std::size_t to =
      cut ? std::min(line.columns.size(), from + kShownColumns) : line.columns.size();
  const auto offset_of = [](std::size_t i) { return static_cast<std::ptrdiff_t>(i); };
  const std::string before = from > 0 ? "..." : "";
  out += "  " + before;
  out += std::accumulate(line.columns.begin() + offset_of(from),
                         line.columns.begin() + offset_of(to), std::string());
  out += to < line.columns.size() ? "...\n" : "\n";
  out += std::string(2 + before.size() + begin - from, ' ') + "^";
  out += std::string(std::min(end, std::max(to, begin + 1)) - begin - 1, '~') + "\n";
  if (!diagnostic.hint.empty()) out += "  hint: " + diagnostic.hint + "\n";
  return out;
}

std::string render(std::span<const Diagnostic> diagnostics,
                   std::span<const SourceFile* const> files) {
  std::vector<const Diagnostic*> sorted;
  for (const Diagnostic& diagnostic : diagnostics) sorted.push_back(&diagnostic);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Diagnostic* a, const Diagnostic* b) {
    return std::pair(a->place.file, a->place.offset) < std::pair(b->place.file, b->place.offset);
  });
  std::string out;
  for (const Diagnostic* diagnostic : sorted) {
    out += render(*diagnostic, *files[diagnostic->place.file]);
  }
  return out;
}

}  // namespace sluice
