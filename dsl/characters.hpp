// Characters: which ones the language is written in, and what to say of the others.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::dsl {

[[nodiscard]] constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
[[nodiscard]] constexpr bool is_hex_digit(char c) {
  return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f');
}
[[nodiscard]] constexpr bool is_name_start(char c) {
  return c == '_' || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
}
[[nodiscard]] constexpr bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }
[[nodiscard]] bool is_name(std::string_view text);

// A character that no token begins with: its length in bytes, and what to tell the user.
struct Character {
  std::size_t length;
  std::string message;
  std::string hint;
};
[[nodiscard]] Character character_at(std::string_view text, std::size_t at);

// The offset of the first byte that is no part of valid UTF-8, or is a control character other than
// a tab; nothing where the text is clean.
[[nodiscard]] std::optional<std::size_t> find_invalid_text(std::string_view text);

}  // namespace sluice::dsl
