// A place in a list of tokens, and the ways to go on from there.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "dsl/lexer.hpp"
#include "dsl/reporter.hpp"

namespace sluice::dsl {

// After an error the reader is lost: expectations then fail in silence until somebody who knows a
// place to start again from calls `recover`. This is what keeps one mistake one message.
class TokenReader {
 public:
  TokenReader(std::span<const Token> tokens, std::string_view text, Reporter& reporter)
      : tokens_(tokens), text_(text), reporter_(reporter) {}

  [[nodiscard]] const Token& peek(std::size_t ahead = 0) const {
    return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead] : tokens_.back();
  }
  [[nodiscard]] TokenKind kind() const { return peek().kind; }
  [[nodiscard]] bool is(TokenKind wanted) const { return kind() == wanted; }
  [[nodiscard]] bool is_any(std::initializer_list<TokenKind> wanted) const {
    for (const TokenKind candidate : wanted) {
      if (is(candidate)) return true;
    }
    return false;
  }
  [[nodiscard]] std::string_view text(const Token& token) const {
    return text_.substr(token.place.offset, token.place.length);
  }
  // How a message names the token here: its text, or what it is.
  [[nodiscard]] std::string found() const {
    if (is(TokenKind::end) || is(TokenKind::newline)) return describe(kind());
    if (next_statement()) return describe(TokenKind::newline);
    return "'" + std::string(text(peek()).substr(0, 40)) + "'";
  }

  const Token& next() {
    const Token& token = peek();
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  bool accept(TokenKind wanted) {
    if (!is(wanted)) return false;
    next();
    return true;
  }
  void skip_newlines() {
    while (accept(TokenKind::newline)) {
    }
  }
  // Goes over a token of this kind, or reports that it is missing.
  bool expect(TokenKind wanted, std::string_view where, std::string hint = {}) {
    if (lost_) return false;
    if (accept(wanted)) return true;
    fail("expected " + describe(wanted) + std::string(where) + ", found " + found(),
         std::move(hint));
    return false;
  }

  // Reports an error at the token here; the reader is then lost. Where that token begins another
  // statement on a later line, the error is at the end of what came before.
  void fail(std::string message, std::string hint = {}) {
    SourcePlace place = peek().place;
    if (next_statement()) {
      place = tokens_[at_ - 1].place;
      place.offset += place.length;
      place.length = 1;
    }
    if (!lost_) reporter_.error(place, std::move(message), std::move(hint));
    lost_ = true;
  }
  void lose() { lost_ = true; }
  [[nodiscard]] bool lost() const { return lost_; }
  void recover() { lost_ = false; }

  // Goes to the next token of one of these kinds; the end always is one.
  void skip_to(std::initializer_list<TokenKind> wanted) {
    while (!is(TokenKind::end) && !is_any(wanted)) next();
  }

  // The place from the beginning of `from` to the end of the token just read.
  [[nodiscard]] SourcePlace since(SourcePlace from) const {
    const SourcePlace last = at_ > 0 ? tokens_[at_ - 1].place : from;
    const std::uint32_t end = last.offset + last.length;
    return {from.file, from.offset, end > from.offset ? end - from.offset : from.length};
  }

  [[nodiscard]] Reporter& reporter() { return reporter_; }

 private:
  [[nodiscard]] bool next_statement() const {
    const bool begins = is_any({TokenKind::kw_fn, TokenKind::kw_let, TokenKind::at_sign,
                                TokenKind::end, TokenKind::close_brace});
    if (!begins || at_ == 0) return false;
    const SourcePlace last = tokens_[at_ - 1].place;
    const std::size_t gap = last.offset + last.length;
    return text_.substr(gap, peek().place.offset - gap).find('\n') != std::string_view::npos;
  }

  std::span<const Token> tokens_;
  std::string_view text_;
  Reporter& reporter_;
  std::size_t at_ = 0;
  bool lost_ = false;
};

}  // namespace sluice::dsl
