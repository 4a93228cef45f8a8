#include "dsl/stamp.hpp"

#include <cstdint>

namespace sluice::dsl {
namespace {

constexpr std::string_view kMark = "# checked: ";

void append_hex(std::string& out, std::uint64_t bits) {
  for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[bits >> shift & 15];
}

// Takes the first line off a text, with its end; `line` is without it.
std::string_view take_line(std::string_view& text, std::string_view& line) {
  const std::size_t end = text.find('\n');
  const std::string_view whole = text.substr(0, end == std::string_view::npos ? end : end + 1);
  text.remove_prefix(whole.size());
  line = whole;
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  return whole;
}

}  // namespace

std::string stamp_of(const FunctionDef& function, std::string_view version) {
  std::string line = std::string(kMark) + function.name + ' ';
  append_hex(line, function.digest.high);
  append_hex(line, function.digest.low);
  return line + " sluice " + std::string(version);
}

bool has_stamp(std::string_view text, const FunctionDef& function, std::string_view version) {
  const std::string wanted = stamp_of(function, version);
  while (!text.empty()) {
    std::string_view line;
    take_line(text, line);
    if (line == wanted) return true;
  }
  return false;
}

std::string with_stamp(std::string_view text, const FunctionDef& function,
                       std::string_view version) {
  const std::string of_name = std::string(kMark) + function.name + ' ';
  std::string result;
  while (!text.empty()) {
    std::string_view line;
    const std::string_view whole = take_line(text, line);
    if (!line.starts_with(of_name)) result += whole;
  }
  if (!result.empty() && !result.ends_with('\n')) result += '\n';
  return result + stamp_of(function, version) + '\n';
}

}  // namespace sluice::dsl
