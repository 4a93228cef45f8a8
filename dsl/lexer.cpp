// Tokens from bytes, then the newline rule over the tokens.
#include "dsl/lexer.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <system_error>
#include <utility>

#include "dsl/characters.hpp"

namespace sluice::dsl {
namespace {

struct Spelling {
  TokenKind kind;
  std::string_view text;
};

constexpr Spelling kNamed[] = {
#define SLUICE_TOKEN(kind, text) {TokenKind::kind, text},
#define SLUICE_WORD(kind, text)
#define SLUICE_SIGN(kind, text)
#include "dsl/tokens.def"
#undef SLUICE_TOKEN
#undef SLUICE_WORD
#undef SLUICE_SIGN
};

constexpr Spelling kWords[] = {
#define SLUICE_TOKEN(kind, text)
#define SLUICE_WORD(kind, text) {TokenKind::kind, text},
#define SLUICE_SIGN(kind, text)
#include "dsl/tokens.def"
#undef SLUICE_TOKEN
#undef SLUICE_WORD
#undef SLUICE_SIGN
};

constexpr Spelling kSigns[] = {
#define SLUICE_TOKEN(kind, text)
#define SLUICE_WORD(kind, text)
#define SLUICE_SIGN(kind, text) {TokenKind::kind, text},
#include "dsl/tokens.def"
#undef SLUICE_TOKEN
#undef SLUICE_WORD
#undef SLUICE_SIGN
};

class Lexer {
 public:
  Lexer(std::string_view text, std::uint32_t file, const Limits& limits, Reporter& reporter)
      : text_(text), file_(file), limits_(limits), reporter_(reporter) {}

  Tokens run() {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;  // a byte order mark
    while (at_ < text_.size()) step();
    push(TokenKind::end, at_, 0);
    return std::move(out_);
  }

  // line_of[i]: the line of token i, counted from 0.
  [[nodiscard]] const std::vector<std::size_t>& lines() const { return lines_; }

 private:
  void step();
  void comment();
  void number();
  void convert_number(std::size_t start, bool hexadecimal, bool integer);
  void word();
  void string();
  void sign();

  void push(TokenKind kind, std::size_t start, std::size_t length) {
    Token token;
    token.kind = kind;
    token.place = place(start, length);
    if (has_documentation_) {
      out_.documentation.push_back(std::move(documentation_));
      documentation_.clear();
      has_documentation_ = false;
      token.documentation = static_cast<std::uint32_t>(out_.documentation.size());
    }
    out_.tokens.push_back(token);
    lines_.push_back(line_);
    token_on_line_ = true;
  }

  [[nodiscard]] SourcePlace place(std::size_t start, std::size_t length) const {
    return {file_, static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(length)};
  }
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  std::string_view text_;
  std::uint32_t file_;
  const Limits& limits_;
  Reporter& reporter_;
  Tokens out_;
  std::vector<std::size_t> lines_;
  std::size_t at_ = 0;
  std::size_t line_ = 0;
  bool token_on_line_ = false;
  std::string documentation_;
  bool has_documentation_ = false;
  std::size_t documentation_line_ = 0;  // the last line of it
};

void Lexer::step() {
  const char c = peek();
  if (c == '\n') {
    ++at_;
    ++line_;
    token_on_line_ = false;
  } else if (c == ' ' || c == '\t' || (c == '\r' && peek(1) == '\n')) {
    ++at_;
  } else if (c == '#') {
    comment();
  } else if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
    number();
  } else if (is_name_start(c)) {
    word();
  } else if (c == '"') {
    string();
  } else {
    sign();
  }
}

void Lexer::comment() {
  const std::size_t start = at_;
  while (at_ < text_.size() && peek() != '\n') ++at_;
  std::string_view line = text_.substr(start, at_ - start);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!line.starts_with("##") || token_on_line_) return;
  if (const auto bad = find_invalid_text(line)) {
    reporter_.error(place(start + *bad, 1), "the documentation is not valid UTF-8 text");
    return;
  }
  line.remove_prefix(2);
  if (line.starts_with(' ')) line.remove_prefix(1);
  if (has_documentation_ && documentation_line_ + 1 == line_) {
    documentation_ += '\n';
  } else {
    documentation_.clear();
  }
  documentation_ += line;
  has_documentation_ = true;
  documentation_line_ = line_;
}

void Lexer::number() {
  const std::size_t start = at_;
  const bool hexadecimal = peek() == '0' && (peek(1) == 'x' || peek(1) == 'X');
  if (hexadecimal) at_ += 2;
  const auto digits = [&] {
    const std::size_t first = at_;
    while (hexadecimal ? is_hex_digit(peek()) : is_digit(peek())) ++at_;
    return at_ - first;
  };
  std::size_t count = digits();
  bool integer = true;
  bool malformed = false;
  if (peek() == '.') {
    integer = false;
    ++at_;
    count += digits();
  }
  const char mark = hexadecimal ? 'p' : 'e';
  if (to_lower(peek()) == mark) {
    integer = false;
    ++at_;
    if (peek() == '+' || peek() == '-') ++at_;
    const std::size_t first = at_;
    while (is_digit(peek())) ++at_;
    malformed = at_ == first;
  }
  const std::size_t end = at_;
  while (is_name_part(peek()) || peek() == '.') ++at_;
  if (count == 0 || malformed || at_ != end) {
    const bool product =
        count > 0 && !malformed && !hexadecimal && is_name_start(text_[end]) && text_[end] != '_';
    const std::string written(text_.substr(start, at_ - start));
    reporter_.error(place(start, at_ - start), "'" + written.substr(0, 40) + "' is not a number",
                    product
                        ? "a product needs a sign: '" +
                              std::string(text_.substr(start, end - start)).substr(0, 40) + " * " +
                              std::string(text_.substr(end, at_ - end)).substr(0, 40) + "'"
                        : "numbers are written 1, 0.5, 1e-3 or 0x1.8p3");
    push(TokenKind::number, start, at_ - start);
    return;
  }
  convert_number(start, hexadecimal, integer);
}

void Lexer::convert_number(std::size_t start, bool hexadecimal, bool integer) {
  const std::string_view written = text_.substr(start, at_ - start);
  const std::string_view digits = hexadecimal ? written.substr(2) : written;
  double value = 0.0;
  const auto [end, code] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value,
                      hexadecimal ? std::chars_format::hex : std::chars_format::general);
  const std::string shown(written.substr(0, 40));
  if (code == std::errc::result_out_of_range) {
    // from_chars does not say on which side; a number without a negative exponent is too large.
    const bool small = written.find('-') != std::string_view::npos || written.starts_with("0.") ||
                       written.starts_with('.');
    reporter_.error(place(start, at_ - start),
                    "the number " + shown +
                        (small ? " is too small for f64" : " is too large for f64"),
                    small ? "write 0" : "write inf");
  } else if (code != std::errc() || end != digits.data() + digits.size()) {
    reporter_.error(place(start, at_ - start), "'" + shown + "' is not a number",
                    "numbers are written 1, 0.5, 1e-3 or 0x1.8p3");
  }
  push(TokenKind::number, start, at_ - start);
  out_.tokens.back().value = value;
  out_.tokens.back().integer = integer;
}

void Lexer::word() {
  const std::size_t start = at_;
  while (is_name_part(peek())) ++at_;
  const std::string_view written = text_.substr(start, at_ - start);
  if (written.size() > limits_.name_length) {
    reporter_.limit(place(start, written.size()), "the name has " + std::to_string(written.size()) +
                                                      " characters, the limit is " +
                                                      std::to_string(limits_.name_length));
  }
  TokenKind kind = TokenKind::name;
  for (const Spelling& reserved : kWords) {
    if (reserved.text == written) kind = reserved.kind;
  }
  push(kind, start, written.size());
}

void Lexer::string() {
  const std::size_t start = at_++;
  while (at_ < text_.size() && peek() != '"' && peek() != '\n') ++at_;
  const bool closed = peek() == '"';
  if (closed) ++at_;
  const std::size_t length = at_ - start;
  if (!closed) {
    reporter_.error(place(start, length), "the string is not closed",
                    "a string ends with '\"' on the line where it begins");
  } else if (find_invalid_text(text_.substr(start, length))) {
    reporter_.error(place(start, length), "the string is not valid UTF-8 text");
  }
  push(closed ? TokenKind::string : TokenKind::foreign, start, length);
}

void Lexer::sign() {
  for (const Spelling& candidate : kSigns) {
    if (!text_.substr(at_).starts_with(candidate.text)) continue;
    push(candidate.kind, at_, candidate.text.size());
    at_ += candidate.text.size();
    return;
  }
  const std::size_t start = at_;
  const Character bad = character_at(text_, at_);
  at_ += bad.length;
  // Of a run of foreign bytes only the first is worth a line.
  while (at_ < text_.size() && static_cast<unsigned char>(peek()) >= 0x80U) ++at_;
  reporter_.error(place(start, bad.length), bad.message, bad.hint);
  push(TokenKind::foreign, start, bad.length);
}

bool continues_after(TokenKind kind) {
  switch (kind) {
    case TokenKind::assign:
    case TokenKind::open_paren:
    case TokenKind::comma:
    case TokenKind::semicolon:
    case TokenKind::arrow:
    case TokenKind::open_brace:
    case TokenKind::plus:
    case TokenKind::minus:
    case TokenKind::star:
    case TokenKind::slash:
    case TokenKind::caret:
    case TokenKind::less:
    case TokenKind::less_equal:
    case TokenKind::greater:
    case TokenKind::greater_equal:
    case TokenKind::equal_equal:
    case TokenKind::not_equal:
    case TokenKind::kw_and:
    case TokenKind::kw_or:
    case TokenKind::kw_not:
    case TokenKind::kw_if:
    case TokenKind::kw_then:
    case TokenKind::kw_else: return true;
    case TokenKind::end:
    case TokenKind::newline:
    case TokenKind::name:
    case TokenKind::number:
    case TokenKind::string:
    case TokenKind::foreign:
    case TokenKind::kw_fn:
    case TokenKind::kw_let:
    case TokenKind::kw_with:
    case TokenKind::kw_builtin:
    case TokenKind::close_paren:
    case TokenKind::close_brace:
    case TokenKind::colon:
    case TokenKind::at_sign: return false;
  }
  return false;
}

bool continues_before(TokenKind kind) {
  constexpr std::array kContinuing = {
      TokenKind::kw_then, TokenKind::kw_else,     TokenKind::kw_and,      TokenKind::kw_or,
      TokenKind::kw_with, TokenKind::close_paren, TokenKind::close_brace, TokenKind::open_brace,
      TokenKind::arrow,   TokenKind::end};
  for (const TokenKind candidate : kContinuing) {
    if (candidate == kind) return true;
  }
  return false;
}

// The operators that can only continue an expression, so that a line cannot begin with them.
bool only_continues(TokenKind kind) {
  constexpr std::array kOperators = {
      TokenKind::star,          TokenKind::slash,       TokenKind::caret,
      TokenKind::less,          TokenKind::less_equal,  TokenKind::greater,
      TokenKind::greater_equal, TokenKind::equal_equal, TokenKind::not_equal};
  for (const TokenKind candidate : kOperators) {
    if (candidate == kind) return true;
  }
  return false;
}

// These cannot stand inside parentheses: a parenthesis still open before them was forgotten, and
// must not swallow the line ends of the rest of the file.
bool closes_parentheses(TokenKind kind) {
  return kind == TokenKind::kw_fn || kind == TokenKind::kw_let || kind == TokenKind::kw_with ||
         kind == TokenKind::at_sign || kind == TokenKind::open_brace ||
         kind == TokenKind::close_brace;
}

void insert_newlines(std::vector<Token>& tokens, const std::vector<std::size_t>& lines) {
  std::vector<Token> out;
  out.reserve(tokens.size() + tokens.size() / 4);
  std::size_t depth = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    Token token = tokens[i];
    if (closes_parentheses(token.kind)) depth = 0;
    const bool breaks = i > 0 && lines[i] != lines[i - 1] && depth == 0 &&
                        !continues_after(tokens[i - 1].kind) && !continues_before(token.kind);
    if (breaks && only_continues(token.kind)) {
      token.leading_operator = true;
    } else if (breaks) {
      Token newline;
      newline.kind = TokenKind::newline;
      newline.place = tokens[i - 1].place;
      newline.place.offset += newline.place.length;
      newline.place.length = 1;
      out.push_back(newline);
    }
    if (token.kind == TokenKind::open_paren) ++depth;
    if (token.kind == TokenKind::close_paren && depth > 0) --depth;
    out.push_back(token);
  }
  tokens = std::move(out);
}

}  // namespace

Tokens tokenize(std::string_view text, std::uint32_t file, const Limits& limits,
                Reporter& reporter) {
  Lexer lexer(text, file, limits, reporter);
  Tokens out = lexer.run();
  insert_newlines(out.tokens, lexer.lines());
  return out;
}

std::string describe(TokenKind kind) {
  for (const Spelling& named : kNamed) {
    if (named.kind == kind) return std::string(named.text);
  }
  for (const Spelling& word : kWords) {
    if (word.kind == kind) return "'" + std::string(word.text) + "'";
  }
  for (const Spelling& sign : kSigns) {
    if (sign.kind == kind) return "'" + std::string(sign.text) + "'";
  }
  return {};
}

bool is_reserved_word(std::string_view word) {
  for (const Spelling& reserved : kWords) {
    if (reserved.text == word) return true;
  }
  return false;
}

}  // namespace sluice::dsl
