// Recursive descent over definitions, as the grammar has them.
#include "dsl/parser.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "dsl/expression_parser.hpp"
#include "dsl/token_reader.hpp"

namespace sluice::dsl {
namespace {

constexpr std::string_view kDefinitionHint = "a definition is written 'fn name(x) = x'";

class Parser {
 public:
  Parser(std::string_view text, const Tokens& tokens, const ParseOptions& options,
         Reporter& reporter)
      : reader_(tokens.tokens, text, reporter), tokens_(tokens), options_(options) {}

  std::vector<ParsedFunction> run();

 private:
  bool definition();
  void attribute();
  void attribute_arguments(AttributeText& attribute);
  bool attribute_argument(AttributeArgument& argument);
  void header();
  void inputs();
  void parameters();
  void outputs();
  void body();
  void block();
  void let();
  void let_names(std::vector<Let>& names);
  void result();
  void clause();
  void end_of_definition();
  void unexpected_after_expression(std::string_view end);

  [[nodiscard]] bool at_tuple() const;
  bool name(std::string_view what, std::string& out, SourcePlace& place);
  std::optional<Kind> kind();
  ExprId constant();
  void recover_in_block();

  ExprId expression() {
    return ExpressionParser(reader_, current_.body, options_.limits).expression();
  }
  [[nodiscard]] FunctionDef& function() { return current_.body.function; }

  TokenReader reader_;
  const Tokens& tokens_;
  const ParseOptions& options_;
  std::vector<ParsedFunction> out_;
  ParsedFunction current_;
};

std::vector<ParsedFunction> Parser::run() {
  reader_.skip_newlines();
  while (!reader_.is(TokenKind::end)) {
    if (!reader_.is_any({TokenKind::kw_fn, TokenKind::at_sign})) {
      reader_.fail("expected a definition, found " + reader_.found(), std::string(kDefinitionHint));
      reader_.skip_to({TokenKind::kw_fn, TokenKind::at_sign});
      reader_.recover();
      continue;
    }
    current_ = {};
    const bool named = definition();
    if (reader_.lost()) {
      current_.broken = true;
      // An attribute's '@' may be where the reader was lost: a definition begins behind it.
      reader_.skip_to({TokenKind::kw_fn, TokenKind::at_sign});
      reader_.recover();
    }
    if (named) out_.push_back(std::move(current_));
    reader_.skip_newlines();
    if (out_.size() > options_.limits.functions && !reader_.is(TokenKind::end)) {
      reader_.reporter().limit(reader_.peek().place, "the text has more than the limit of " +
                                                         std::to_string(options_.limits.functions) +
                                                         " definitions");
      break;
    }
  }
  return std::move(out_);
}

// Whether a name was read, so that the definition can at least be known by it.
bool Parser::definition() {
  const auto documentation = [&] {
    const std::uint32_t number = reader_.peek().documentation;
    if (number > 0) function().documentation = tokens_.documentation[number - 1];
  };
  documentation();
  while (reader_.is(TokenKind::at_sign) && !reader_.lost()) {
    attribute();
    reader_.skip_newlines();
    if (reader_.is(TokenKind::kw_fn)) documentation();
  }
  if (reader_.lost()) {
    // The definition itself may be sound: go on with it.
    reader_.skip_to({TokenKind::kw_fn});
    reader_.recover();
    current_.broken = true;
  }
  reader_.expect(TokenKind::kw_fn, " after the attributes", std::string(kDefinitionHint));
  reader_.skip_newlines();
  if (reader_.lost() || !name("the function", function().name, function().place)) {
    reader_.lose();
    return false;
  }
  header();
  current_.names_missing = reader_.lost();
  if (!reader_.lost()) body();
  while (!reader_.lost() && reader_.is(TokenKind::kw_with)) clause();
  if (!reader_.lost()) end_of_definition();
  return true;
}

void Parser::attribute() {
  reader_.next();  // the '@'
  AttributeText attribute;
  const Token& token = reader_.peek();
  if (!reader_.expect(TokenKind::name, " for an attribute after '@'")) return;
  attribute.name = reader_.text(token);
  attribute.place = token.place;
  if (reader_.accept(TokenKind::open_paren)) attribute_arguments(attribute);
  if (!reader_.lost()) current_.attributes.push_back(std::move(attribute));
}

void Parser::attribute_arguments(AttributeText& attribute) {
  do {
    AttributeArgument argument;
    if (!attribute_argument(argument)) return;
    attribute.arguments.push_back(argument);
  } while (reader_.accept(TokenKind::comma));
  reader_.expect(TokenKind::close_paren, " after the attribute's values");
}

bool Parser::attribute_argument(AttributeArgument& argument) {
  const SourcePlace start = reader_.peek().place;
  if (reader_.is(TokenKind::name) && reader_.peek(1).kind == TokenKind::assign) {
    argument.key = reader_.text(reader_.next());
    reader_.next();
  }
  if (reader_.is(TokenKind::string) && argument.key.empty()) {
    const std::string_view quoted = reader_.text(reader_.next());
    argument.kind = LiteralKind::string;
    argument.text = quoted.size() >= 2 ? quoted.substr(1, quoted.size() - 2) : "";
    argument.place = start;
    return true;
  }
  argument.negative = reader_.accept(TokenKind::minus);
  const Token& token = reader_.peek();
  if (token.kind != TokenKind::number && token.kind != TokenKind::name) {
    reader_.fail("expected a number or a name as an attribute's value, found " + reader_.found());
    return false;
  }
  reader_.next();
  argument.kind = token.kind == TokenKind::number ? LiteralKind::number : LiteralKind::name;
  argument.value = argument.negative ? -token.value : token.value;
  argument.text = reader_.text(token);
  argument.place = reader_.since(start);
  return true;
}

// A name that is to be defined.
bool Parser::name(std::string_view what, std::string& out, SourcePlace& place) {
  const Token& token = reader_.peek();
  const std::string_view text = reader_.text(token);
  const bool reserved = token.kind != TokenKind::name && is_reserved_word(text);
  if (!reader_.expect(TokenKind::name, " for " + std::string(what),
                      reserved ? "'" + std::string(text) + "' is a reserved word" : "")) {
    return false;
  }
  out = text;
  place = token.place;
  return true;
}

void Parser::header() {
  reader_.skip_newlines();
  if (!reader_.expect(TokenKind::open_paren, " after the function's name",
                      std::string(kDefinitionHint))) {
    return;
  }
  if (!reader_.is_any({TokenKind::close_paren, TokenKind::semicolon})) inputs();
  if (!reader_.lost() && reader_.accept(TokenKind::semicolon)) parameters();
  if (!reader_.expect(TokenKind::close_paren, " after the inputs and parameters")) return;
  reader_.skip_newlines();
  if (reader_.accept(TokenKind::arrow)) outputs();
}

void Parser::inputs() {
  do {
    Input input;
    if (!name("an input", input.name, input.place)) return;
    if (reader_.accept(TokenKind::colon)) input.kind = kind().value_or(Kind::element);
    current_.input_defaults.push_back(reader_.accept(TokenKind::assign) ? constant() : kNoExpr);
    function().inputs.push_back(std::move(input));
  } while (!reader_.lost() && reader_.accept(TokenKind::comma));
}

void Parser::parameters() {
  do {
    Parameter parameter;
    if (!name("a parameter", parameter.name, parameter.place)) return;
    if (reader_.accept(TokenKind::colon)) {
      if (reader_.is(TokenKind::name) && reader_.text(reader_.peek()) == "int") {
        parameter.is_integer = true;
        reader_.next();
      } else {
        reader_.fail("a parameter is a number or ': int', found " + reader_.found(),
                     "what varies from element to element is an input: it stands before the ';'");
        return;
      }
    }
    if (!reader_.expect(TokenKind::assign, " after the parameter's name",
                        "every parameter has a default: '" + parameter.name + " = 1'")) {
      return;
    }
    current_.parameter_defaults.push_back(constant());
    function().parameters.push_back(std::move(parameter));
  } while (!reader_.lost() && reader_.accept(TokenKind::comma));
}

void Parser::outputs() {
  function().outputs_named = true;
  if (!reader_.expect(TokenKind::open_paren, " after '->'",
                      "outputs are written '-> (loss: row, y)'")) {
    return;
  }
  do {
    Output output;
    if (!name("an output", output.name, output.place)) return;
    if (reader_.accept(TokenKind::colon)) output.kind = kind();
    function().outputs.push_back(std::move(output));
  } while (!reader_.lost() && reader_.accept(TokenKind::comma));
  reader_.expect(TokenKind::close_paren, " after the outputs");
  reader_.skip_newlines();
}

std::optional<Kind> Parser::kind() {
  constexpr Kind kKinds[] = {Kind::element, Kind::row, Kind::index, Kind::mask};
  for (const Kind candidate : kKinds) {
    if (reader_.is(TokenKind::name) && reader_.text(reader_.peek()) == dsl::name(candidate)) {
      reader_.next();
      return candidate;
    }
  }
  const bool integer = reader_.is(TokenKind::name) && reader_.text(reader_.peek()) == "int";
  reader_.reporter().error(reader_.peek().place,
                           "expected a kind after ':', found " + reader_.found(),
                           integer ? "an integer a row is ': index'; an int parameter stands after "
                                     "the ';'"
                                   : "the kinds are element, row, index and mask");
  if (reader_.is(TokenKind::name)) {
    reader_.next();
  } else {
    reader_.lose();
  }
  current_.broken = true;
  return std::nullopt;
}

ExprId Parser::constant() {
  return ExpressionParser(reader_, current_.constants, options_.limits).sum();
}

void Parser::body() {
  reader_.skip_newlines();
  if (reader_.is(TokenKind::open_brace)) {
    block();
    return;
  }
  if (!reader_.expect(TokenKind::assign, " or '{' after the function's header",
                      std::string(kDefinitionHint))) {
    return;
  }
  if (reader_.accept(TokenKind::kw_builtin)) {
    function().is_builtin = true;
    return;
  }
  result();
}

void Parser::block() {
  const SourcePlace opened = reader_.next().place;
  bool has_result = false;
  while (!reader_.is_any(
      {TokenKind::close_brace, TokenKind::end, TokenKind::kw_fn, TokenKind::at_sign})) {
    if (reader_.accept(TokenKind::newline) || reader_.accept(TokenKind::semicolon)) continue;
    if (has_result) {
      reader_.fail("the result stands last in the block, but " + reader_.found() + " follows it",
                   reader_.is(TokenKind::plus)
                       ? "put the operator at the end of the line before"
                       : "what comes before the result is 'let name = ...'");
    } else if (reader_.is(TokenKind::kw_let)) {
      let();
    } else {
      result();
      has_result = true;
    }
    if (!reader_.lost() && !reader_.is_any({TokenKind::newline, TokenKind::semicolon,
                                            TokenKind::close_brace, TokenKind::end})) {
      unexpected_after_expression("the end of the line");
    }
    if (!reader_.lost()) continue;
    current_.broken = true;
    has_result = false;
    recover_in_block();
    if (reader_.lost()) return;
  }
  if (!reader_.is(TokenKind::close_brace)) {
    reader_.reporter().error(opened, "the '{' is not closed");
    reader_.lose();
    return;
  }
  if (!has_result && !current_.broken) {
    reader_.reporter().error(reader_.peek().place, "the block has no result",
                             "its last line is the value of the function");
    current_.broken = true;
  }
  reader_.next();
}

// Goes to the end of the statement that did not parse. Where a definition begins first, the block
// was not closed, and the reader stays lost.
void Parser::recover_in_block() {
  if (current_.body.full) return;
  reader_.skip_to({TokenKind::newline, TokenKind::semicolon, TokenKind::close_brace,
                   TokenKind::kw_let, TokenKind::kw_fn, TokenKind::at_sign});
  if (reader_.is_any(
          {TokenKind::newline, TokenKind::semicolon, TokenKind::close_brace, TokenKind::kw_let})) {
    reader_.recover();
  }
}

void Parser::let() {
  reader_.next();
  std::vector<Let> names;
  let_names(names);
  current_.names_missing = current_.names_missing || reader_.lost();
  const ExprId value =
      reader_.expect(TokenKind::assign, " after the name of the 'let'") ? expression() : kNoExpr;
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i].value = value;
    names[i].output = static_cast<std::uint32_t>(i);
    function().lets.push_back(std::move(names[i]));
  }
}

void Parser::let_names(std::vector<Let>& names) {
  reader_.skip_newlines();
  const bool several = reader_.accept(TokenKind::open_paren);
  do {
    Let let;
    let.several = several;
    if (!name("a 'let'", let.name, let.place)) return;
    names.push_back(std::move(let));
  } while (several && reader_.accept(TokenKind::comma));
  if (several) reader_.expect(TokenKind::close_paren, " after the names of the 'let'");
  reader_.skip_newlines();
}

// Whether the parenthesis here holds several results: a comma stands in it, not deeper.
bool Parser::at_tuple() const {
  if (!reader_.is(TokenKind::open_paren)) return false;
  std::size_t depth = 0;
  for (std::size_t ahead = 0;; ++ahead) {
    const TokenKind kind = reader_.peek(ahead).kind;
    if (kind == TokenKind::open_paren) ++depth;
    if (kind == TokenKind::close_paren && --depth == 0) return false;
    if (kind == TokenKind::comma && depth == 1) return true;
    if (kind == TokenKind::newline || kind == TokenKind::end) return false;
  }
}

void Parser::result() {
  if (!at_tuple()) {
    function().results.push_back(expression());
    return;
  }
  reader_.next();
  do {
    function().results.push_back(expression());
  } while (!reader_.lost() && reader_.accept(TokenKind::comma));
  reader_.expect(TokenKind::close_paren, " after the results");
  if (ExpressionParser::is_operator(reader_.kind())) {
    reader_.fail("several values in parentheses stand only as the result of a function",
                 "give each value its own 'let'");
  }
}

void Parser::clause() {
  reader_.next();
  reader_.skip_newlines();
  constexpr std::string_view kHint = "a derivative is stated as 'with d/dx = ...'";
  const auto is_name = [&](std::string_view wanted) {
    return reader_.is(TokenKind::name) && reader_.text(reader_.peek()) == wanted;
  };
  if (!is_name("d")) {
    reader_.fail("expected 'd/d' and a name after 'with', found " + reader_.found(),
                 std::string(kHint));
    return;
  }
  reader_.next();
  reader_.skip_newlines();
  reader_.expect(TokenKind::slash, " after 'with d'", std::string(kHint));
  reader_.skip_newlines();
  if (reader_.lost()) return;
  const Token& token = reader_.peek();
  const std::string_view text = reader_.text(token);
  if (token.kind != TokenKind::name || text.size() < 2 || text[0] != 'd') {
    reader_.fail("expected 'd' followed by a name after 'd/', found " + reader_.found(),
                 std::string(kHint));
    return;
  }
  reader_.next();
  reader_.skip_newlines();
  reader_.expect(TokenKind::assign, " after the derivative's name", std::string(kHint));
  if (reader_.lost()) return;
  Clause clause;
  clause.place = token.place;
  clause.value = expression();
  function().clauses.push_back(clause);
  current_.clause_names.push_back(text.substr(1));
}

void Parser::end_of_definition() {
  if (reader_.is_any({TokenKind::newline, TokenKind::end, TokenKind::kw_fn, TokenKind::at_sign})) {
    const bool follows = reader_.accept(TokenKind::newline);
    const Token& token = reader_.peek();
    if (!follows || (token.kind != TokenKind::plus && token.kind != TokenKind::minus)) return;
    reader_.fail("a definition ends before this line, which begins with " + reader_.found(),
                 "put the operator at the end of the line before");
    return;
  }
  unexpected_after_expression("the end of the definition");
}

void Parser::unexpected_after_expression(std::string_view end) {
  std::string hint;
  if (reader_.is(TokenKind::close_paren)) hint = "no '(' is open here";
  if (reader_.is(TokenKind::close_brace)) hint = "no '{' is open here";
  if (reader_.is(TokenKind::assign)) hint = "'==' compares";
  if (reader_.is_any({TokenKind::name, TokenKind::number, TokenKind::open_paren})) {
    hint = "a product needs '*'";
  }
  reader_.fail("expected an operator or " + std::string(end) + ", found " + reader_.found(), hint);
}

}  // namespace

std::vector<ParsedFunction> parse_definitions(std::string_view text, const Tokens& tokens,
                                              const ParseOptions& options, Reporter& reporter) {
  return Parser(text, tokens, options, reporter).run();
}

}  // namespace sluice::dsl
