// What to say of a character that the language does not have.
#include "dsl/characters.hpp"

#include <array>
#include <charconv>
#include <cstdint>

#include "support/utf8.hpp"

namespace sluice::dsl {
namespace {

std::string hexadecimal(std::uint32_t value, std::size_t digits) {
  std::array<char, 8> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, 16);
  std::string out(buffer.data(), result.ptr);
  for (char& c : out) {
    if (c >= 'a') c = static_cast<char>(c - 'a' + 'A');
  }
  return out.size() < digits ? std::string(digits - out.size(), '0') + out : out;
}

// What people paste for what they mean.
struct LookAlike {
  std::uint32_t value;
  std::string_view ascii;
};
constexpr LookAlike kLookAlikes[] = {
    {0x2212, "-"},  {0x2013, "-"},  {0x2014, "-"},   {0xD7, "*"},    {0xB7, "*"},
    {0x22C5, "*"},  {0x2217, "*"},  {0xF7, "/"},     {0x2215, "/"},  {0x2264, "<="},
    {0x2265, ">="}, {0x2260, "!="}, {0x221E, "inf"}, {0x3C0, "pi"},  {0x2227, "and"},
    {0x2228, "or"}, {0xAC, "not"},  {0x2192, "->"},  {0x201C, "\""}, {0x201D, "\""},
    {0xA0, " "},    {0xB2, "^2"},   {0xB3, "^3"}};

std::string hint_for(std::uint32_t value) {
  for (const LookAlike& candidate : kLookAlikes) {
    if (candidate.value == value) {
      return candidate.ascii == " " ? "use an ordinary space"
                                    : "write '" + std::string(candidate.ascii) + "'";
    }
  }
  switch (value) {
    case '!': return "write 'not', or '!=' for unequal";
    case '&': return "write 'and'";
    case '|': return "write 'or', or 'abs(x)' for an absolute value";
    case '?': return "write 'if CONDITION then A else B'";
    case '[': return "'at(x, i)' is the row's element at index i";
    case '%': return "write 'x - m * floor(x / m)' for a remainder";
    case '\'': return "strings stand between '\"'";
    default: return value >= 0x80U ? "names and signs are ASCII" : "";
  }
}

}  // namespace

bool is_name(std::string_view text) {
  if (text.empty() || !is_name_start(text[0])) return false;
  for (const char c : text) {
    if (!is_name_part(c)) return false;
  }
  return true;
}

Character character_at(std::string_view text, std::size_t at) {
  const CodePoint point = decode_utf8(text, at);
  if (point.length == 0) {
    const auto byte = static_cast<unsigned char>(text[at]);
    return {1, "the byte 0x" + hexadecimal(byte, 2) + " is not part of UTF-8 text",
            "save the file as UTF-8"};
  }
  if (point.value == 0) return {1, "the text holds a NUL byte", "is this a .slu file?"};
  if (point.value == '\r') {
    return {1, "a carriage return stands without a line feed",
            "end lines with a line feed, or both"};
  }
  const std::string code = "U+" + hexadecimal(point.value, 4);
  if (point.value < 0x20U || point.value == 0x7FU) {
    return {1, "unexpected control character " + code, ""};
  }
  const std::string shown(text.substr(at, point.length));
  return {point.length,
          "unexpected character '" + shown + "'" + (point.value >= 0x80U ? " (" + code + ")" : ""),
          hint_for(point.value)};
}

std::optional<std::size_t> find_invalid_text(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    const bool control = (point.value < 0x20U && point.value != '\t') || point.value == 0x7FU;
    if (point.length == 0 || control) return at;
    at += point.length;
  }
  return std::nullopt;
}

}  // namespace sluice::dsl
