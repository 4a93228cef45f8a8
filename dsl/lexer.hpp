// The first step of reading a text: bytes in, tokens out.
//
// The newline rule of the language is settled here: a `newline` token stands exactly where a line
// end ends an expression, and nowhere else, so that the parser need not look at lines. What cannot
// be a token is reported, and stands as a `foreign` token: the parser stops there, and its error at
// the same place is not shown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/program.hpp"
#include "dsl/reporter.hpp"
#include "support/diagnostic.hpp"

namespace sluice::dsl {

enum class TokenKind : std::uint8_t {
#define SLUICE_TOKEN(kind, text) kind,
#define SLUICE_WORD(kind, text) kind,
#define SLUICE_SIGN(kind, text) kind,
#include "dsl/tokens.def"
#undef SLUICE_TOKEN
#undef SLUICE_WORD
#undef SLUICE_SIGN
};

struct Token {
  TokenKind kind = TokenKind::end;
  bool integer = false;           // number: written without point and exponent
  bool leading_operator = false;  // an operator that begins a line where the line before had ended
  std::uint32_t documentation = 0;  // 1 + index into Tokens::documentation; 0: none before it
  SourcePlace place;
  double value = 0.0;  // number
};

struct Tokens {
  std::vector<Token> tokens;  // the last one is `end`
  std::vector<std::string> documentation;
};

// Reads `text`, which is file number `file`.
[[nodiscard]] Tokens tokenize(std::string_view text, std::uint32_t file, const Limits& limits,
                              Reporter& reporter);

// How a message names a kind of token: "'('", "a name".
[[nodiscard]] std::string describe(TokenKind kind);

[[nodiscard]] bool is_reserved_word(std::string_view word);

}  // namespace sluice::dsl
