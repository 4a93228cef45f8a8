// Tokens and the newline rule. What a user sees of errors is in tests/filetests/dsl.
#include <catch2/catch.hpp>

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/lexer.hpp"
#include "tests/unit/dsl/program_of.hpp"

namespace sluice::dsl {
namespace {

Tokens tokens_of(std::string_view text, std::size_t errors = 0) {
  Reporter reporter(100);
  Tokens out = tokenize(text, 0, Limits{}, reporter);
  CHECK(reporter.errors() == errors);
  return out;
}

// The kinds, as messages name them, with a space between.
std::string kinds(std::string_view text, std::size_t errors = 0) {
  std::string out;
  for (const Token& token : tokens_of(text, errors).tokens) out += describe(token.kind) + " ";
  return out;
}

TEST_CASE("numbers have the value that is nearest to their text", "[dsl]") {
  struct Case {
    std::string_view text;
    double value;
    bool integer;
  };
  const Case cases[] = {{"1", 1.0, true},
                        {"0.1", 0.1, false},
                        {"1e-3", 1e-3, false},
                        {"1E+3", 1e3, false},
                        {"0x1.8p3", 12.0, false},
                        {"0x10", 16.0, true},
                        {"0X1P-2", 0.25, false},
                        {".5", 0.5, false},
                        {"1.", 1.0, false},
                        {"2.", 2.0, false},
                        {"4.9e-324", 4.9e-324, false},
                        {"1.7976931348623157e308", 1.7976931348623157e308, false},
                        {"9007199254740993", 9007199254740992.0, true}};
  for (const Case& c : cases) {
    INFO(c.text);
    const Tokens tokens = tokens_of(c.text);
    REQUIRE(tokens.tokens.size() == 2);
    CHECK(tokens.tokens[0].value == c.value);
    CHECK(tokens.tokens[0].integer == c.integer);
  }
}

TEST_CASE("every sign and word is its own token", "[dsl]") {
  CHECK(kinds("-> == != <= >= < > = + - * / ^ ( ) , ; : @") ==
        "'->' '==' '!=' '<=' '>=' '<' '>' '=' '+' '-' '*' '/' '^' '(' ')' ',' ';' ':' '@' "
        "the end of the file ");
  CHECK(kinds("fn let if then else and or not with builtin { }") ==
        "'fn' 'let' 'if' 'then' 'else' 'and' 'or' 'not' 'with' 'builtin' '{' '}' "
        "the end of the file ");
  CHECK(kinds("fnord _x9 element \"a b\"") == "a name a name a name a string the end of the file ");
}

TEST_CASE("a newline token stands where a line end ends an expression", "[dsl]") {
  CHECK(kinds("a\nb") == "a name the end of the line a name the end of the file ");
  CHECK(kinds("a\n\n# c\n\nb") == "a name the end of the line a name the end of the file ");
  CHECK(kinds("(a\nb)") == "'(' a name a name ')' the end of the file ");
  CHECK(kinds("a\r\nb\r\n") == "a name the end of the line a name the end of the file ");
  for (const std::string_view before :
       {"=",  "(", ",",  ";",  "->", "{",   "+",  "-",   "*",  "/",    "^",   "<",
        "<=", ">", ">=", "==", "!=", "and", "or", "not", "if", "then", "else"}) {
    INFO(before);
    CHECK(kinds(std::string(before) + "\na").find("line") == std::string::npos);
  }
  for (const std::string_view after : {"then", "else", "and", "or", "with", ")", "}", "{", "->"}) {
    INFO(after);
    CHECK(kinds("a\n" + std::string(after)).find("line") == std::string::npos);
  }
  for (const std::string_view after : {"a", "1", "-", "+", "fn", "let", "if", "(", "@", "not"}) {
    INFO(after);
    CHECK(kinds("a\n" + std::string(after)).find("line") != std::string::npos);
  }
}

TEST_CASE("an operator that only continues marks the line that begins with it", "[dsl]") {
  for (const std::string_view sign : {"*", "/", "^", "<", "<=", ">", ">=", "==", "!="}) {
    INFO(sign);
    const Tokens tokens = tokens_of("a\n" + std::string(sign) + " b");
    REQUIRE(tokens.tokens.size() == 4);
    CHECK(tokens.tokens[1].leading_operator);
  }
  CHECK_FALSE(tokens_of("(a\n* b)").tokens[2].leading_operator);
}

TEST_CASE("a parenthesis left open does not swallow the rest of the file", "[dsl]") {
  CHECK(kinds("(a\nfn\nb\nc") ==
        "'(' a name the end of the line 'fn' the end of the line a name the end of the line a name "
        "the end of the file ");
}

TEST_CASE("documentation is the last block of ## lines before a token", "[dsl]") {
  const Tokens tokens = tokens_of("## no\n\n##  one\n##two\n# plain\nfn ## not this\n");
  REQUIRE(tokens.documentation.size() == 1);
  CHECK(tokens.documentation[0] == " one\ntwo");
  CHECK(tokens.tokens[0].documentation == 1);
}

TEST_CASE("what is no text is reported once and goes on", "[dsl]") {
  CHECK(kinds(std::string_view("a\0b", 3), 1) ==
        "a name a character that is not part of the language a name the end of the file ");
  tokens_of("a \xFF\xFE\xFD b", 1);
  tokens_of("\xC3", 1);
  tokens_of("\xED\xA0\x80", 1);      // a surrogate
  tokens_of("\xC0\x80", 1);          // overlong
  tokens_of("\xF4\x90\x80\x80", 1);  // beyond U+10FFFF
  tokens_of("a\rb", 1);
  tokens_of("a \x01 b", 1);
  tokens_of("# \xFF in a comment\n a");
  tokens_of("## \xFF in documentation\n a", 1);
  tokens_of("\"\xFF\"", 1);
  tokens_of("\xEF\xBB\xBF a");  // a byte order mark
  tokens_of("");
}

TEST_CASE("a name may not be longer than its limit", "[dsl]") {
  tokens_of(std::string(Limits{}.name_length, 'a'));
  tokens_of(std::string(Limits{}.name_length + 1, 'a'), 1);
}

}  // namespace
}  // namespace sluice::dsl
