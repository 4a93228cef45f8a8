// Precedence climbing over the operators' table.
#include "dsl/expression_parser.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

namespace sluice::dsl {
namespace {

// Precedences from loose to tight; `not` stands between and and comparisons, unary minus between
// products and powers.
constexpr int kOr = 1;
constexpr int kAnd = 2;
constexpr int kNot = 3;
constexpr int kCompare = 4;
constexpr int kSum = 5;
constexpr int kProduct = 6;

struct BinaryOperator {
  TokenKind token;
  ExprKind kind;
  int precedence;
};

constexpr BinaryOperator kBinaryOperators[] = {
    {TokenKind::kw_or, ExprKind::logical_or, kOr},
    {TokenKind::kw_and, ExprKind::logical_and, kAnd},
    {TokenKind::less, ExprKind::less, kCompare},
    {TokenKind::less_equal, ExprKind::less_equal, kCompare},
    {TokenKind::greater, ExprKind::greater, kCompare},
    {TokenKind::greater_equal, ExprKind::greater_equal, kCompare},
    {TokenKind::equal_equal, ExprKind::equal, kCompare},
    {TokenKind::not_equal, ExprKind::not_equal, kCompare},
    {TokenKind::plus, ExprKind::add, kSum},
    {TokenKind::minus, ExprKind::subtract, kSum},
    {TokenKind::star, ExprKind::multiply, kProduct},
    {TokenKind::slash, ExprKind::divide, kProduct},
};

const BinaryOperator* find_operator(TokenKind token) {
  for (const BinaryOperator& candidate : kBinaryOperators) {
    if (candidate.token == token) return &candidate;
  }
  return nullptr;
}

constexpr std::string_view kMoveOperator = "put the operator at the end of the line before";

void report_leading_operator(TokenReader& reader) {
  const Token& token = reader.peek();
  if (!token.leading_operator) return;
  reader.reporter().error(token.place,
                          "a line cannot begin with '" + std::string(reader.text(token)) + "'",
                          std::string(kMoveOperator));
}

}  // namespace

// Counts a level of nesting while it lives; `ok` is false beyond the limit.
class ExpressionParser::Nesting {
 public:
  explicit Nesting(ExpressionParser& parser) : parser_(parser) {
    ok_ = ++parser_.nesting_ <= parser_.limits_.nesting;
    if (ok_) return;
    if (!parser_.reader_.lost()) {
      parser_.reader_.reporter().limit(parser_.reader_.peek().place,
                                       "the expression is nested deeper than the limit of " +
                                           std::to_string(parser_.limits_.nesting) + " levels",
                                       "give parts of it names with 'let'");
    }
    parser_.reader_.lose();
  }
  ~Nesting() { --parser_.nesting_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;
  Nesting(Nesting&&) = delete;
  Nesting& operator=(Nesting&&) = delete;

  [[nodiscard]] bool ok() const { return ok_; }

 private:
  ExpressionParser& parser_;
  bool ok_ = false;
};

ExprId ExpressionParser::expression() {
  return reader_.is(TokenKind::kw_if) ? select() : binary(kOr);
}

ExprId ExpressionParser::sum() { return binary(kSum); }

bool ExpressionParser::is_operator(TokenKind kind) {
  return find_operator(kind) != nullptr || kind == TokenKind::caret;
}

ExprId ExpressionParser::binary(int least) {
  ExprId left = operand(least);
  while (!reader_.lost()) {
    const BinaryOperator* found = find_operator(reader_.kind());
    if (found == nullptr || found->precedence < least) break;
    report_leading_operator(reader_);
    Expr expr;
    expr.kind = found->kind;
    expr.mark = reader_.next().place;
    const ExprId right = binary(found->precedence + 1);
    if (reader_.lost()) break;
    expr.place = joined(at(left).place, at(right).place);
    const std::array operands = {left, right};
    left = add(expr, operands);
    if (found->precedence == kCompare) left = chained_comparison(left, least);
  }
  return left;
}

// Reads on after `a < b` where another comparison follows, which is an error.
ExprId ExpressionParser::chained_comparison(ExprId first, int least) {
  const auto next_is_comparison = [&] {
    const BinaryOperator* next = find_operator(reader_.kind());
    return next != nullptr && next->precedence == kCompare && least <= kCompare;
  };
  if (reader_.lost() || !next_is_comparison()) return first;
  reader_.reporter().error(reader_.peek().place, "comparisons do not chain",
                           "write 'a < b and b < c' for 'a < b < c'");
  while (!reader_.lost() && next_is_comparison()) {
    reader_.next();
    binary(kSum);
  }
  return failure(reader_.since(at(first).place));
}

ExprId ExpressionParser::operand(int least) {
  if (!reader_.is(TokenKind::kw_not)) return unary();
  if (least > kNot) {
    reader_.fail("'not' is no operand here", "put it in parentheses: '(not a)'");
    return failure(reader_.peek().place);
  }
  std::vector<SourcePlace> signs;
  while (reader_.is(TokenKind::kw_not)) signs.push_back(reader_.next().place);
  const Nesting nesting(*this);
  if (!nesting.ok()) return failure(signs.front());
  return add_prefix(ExprKind::logical_not, std::move(signs), binary(kCompare));
}

ExprId ExpressionParser::unary() {
  if (!reader_.is(TokenKind::minus)) return power();
  std::vector<SourcePlace> signs;
  while (reader_.is(TokenKind::minus)) signs.push_back(reader_.next().place);
  const Nesting nesting(*this);
  if (!nesting.ok()) return failure(signs.front());
  return add_prefix(ExprKind::negate, std::move(signs), power());
}

// The operation once for each sign, innermost last in the text.
ExprId ExpressionParser::add_prefix(ExprKind kind, std::vector<SourcePlace> signs, ExprId value) {
  if (reader_.lost()) return value;
  if (signs.size() > limits_.nesting) {
    reader_.reporter().limit(signs[limits_.nesting],
                             "the expression is nested deeper than the limit of " +
                                 std::to_string(limits_.nesting) + " levels");
    reader_.lose();
    return failure(signs.front());
  }
  for (std::size_t i = signs.size(); i-- > 0;) {
    Expr expr;
    expr.kind = kind;
    expr.mark = signs[i];
    expr.place = joined(signs[i], at(value).place);
    value = add(expr, std::array{value});
  }
  return value;
}

ExprId ExpressionParser::power() {
  const ExprId base = primary();
  if (reader_.lost() || !reader_.is(TokenKind::caret)) return base;
  const Nesting nesting(*this);
  if (!nesting.ok()) return base;
  report_leading_operator(reader_);
  Expr expr;
  expr.kind = ExprKind::power;
  expr.mark = reader_.next().place;
  const ExprId exponent = unary();
  if (reader_.lost()) return base;
  expr.place = joined(at(base).place, at(exponent).place);
  return add(expr, std::array{base, exponent});
}

ExprId ExpressionParser::primary() {
  const Token& token = reader_.peek();
  if (reader_.lost()) return failure(token.place);
  if (token.kind == TokenKind::number) {
    reader_.next();
    Expr expr;
    expr.kind = ExprKind::number;
    expr.value = token.value;
    expr.integer_literal = token.integer;
    expr.place = expr.mark = token.place;
    return add(expr, {});
  }
  if (token.kind == TokenKind::name) {
    if (reader_.peek(1).kind == TokenKind::open_paren) return call();
    reader_.next();
    Expr expr;
    expr.kind = ExprKind::input;
    expr.place = expr.mark = token.place;
    const ExprId id = add(expr, {});
    tree_.nodes[index(id)].name = reader_.text(token);
    return id;
  }
  if (token.kind == TokenKind::open_paren) {
    const Nesting nesting(*this);
    if (!nesting.ok()) return failure(token.place);
    reader_.next();
    const ExprId inner = expression();
    if (!reader_.lost() && reader_.is(TokenKind::comma)) {
      reader_.fail("several values in parentheses stand only as the result of a function",
                   "give each value its own 'let'");
      return failure(token.place);
    }
    reader_.expect(TokenKind::close_paren, " for the '('");
    tree_.function.expressions[index(inner)].place = reader_.since(token.place);
    return inner;
  }
  if (token.kind == TokenKind::kw_if) {
    reader_.reporter().error(token.place, "an 'if' used as an operand needs parentheses",
                             "write '(if a then b else c)'");
    const ExprId inner = select();
    tree_.nodes[index(inner)].failed = true;
    return inner;
  }
  const bool next_statement = token.kind == TokenKind::kw_fn || token.kind == TokenKind::kw_let ||
                              token.kind == TokenKind::at_sign;
  std::string hint;
  if (token.kind == TokenKind::plus) {
    hint = "there is no unary '+'; an operator stands at the end of the line before";
  } else if (token.leading_operator) {
    hint = kMoveOperator;
  } else if (next_statement) {
    hint = "the expression before it is not finished";
  } else if (is_reserved_word(reader_.text(token))) {
    hint = "'" + std::string(reader_.text(token)) + "' is a reserved word";
  }
  reader_.fail("expected an expression, found " + reader_.found(), std::move(hint));
  return failure(token.place);
}

ExprId ExpressionParser::select() {
  const Nesting nesting(*this);
  const SourcePlace start = reader_.peek().place;
  if (!nesting.ok()) return failure(start);
  reader_.next();
  const ExprId condition = expression();
  reader_.expect(TokenKind::kw_then, " after the condition of the 'if'");
  if (reader_.lost()) return failure(start);
  const ExprId taken = expression();
  reader_.expect(TokenKind::kw_else, " for the 'if'",
                 "'if' selects a value: both sides are needed");
  if (reader_.lost()) return failure(start);
  const ExprId other = expression();
  if (reader_.lost()) return failure(start);
  Expr expr;
  expr.kind = ExprKind::select;
  expr.mark = start;
  expr.place = joined(start, at(other).place);
  return add(expr, std::array{condition, taken, other});
}

ExprId ExpressionParser::call() {
  const Nesting nesting(*this);
  const Token& name = reader_.peek();
  if (!nesting.ok()) return failure(name.place);
  reader_.next();
  reader_.next();  // the '('
  std::vector<ExprId> positional;
  std::vector<NamedArgument> named;
  std::vector<std::string_view> names;
  if (!arguments(positional, named, names)) return failure(name.place);
  Expr expr;
  expr.kind = ExprKind::call;
  expr.mark = name.place;
  expr.place = reader_.since(name.place);
  expr.first_named = static_cast<std::uint32_t>(tree_.function.named_arguments.size());
  expr.named_count = static_cast<std::uint32_t>(named.size());
  tree_.function.named_arguments.insert(tree_.function.named_arguments.end(), named.begin(),
                                        named.end());
  tree_.argument_names.insert(tree_.argument_names.end(), names.begin(), names.end());
  const ExprId id = add(expr, positional);
  tree_.nodes[index(id)].name = reader_.text(name);
  return id;
}

// Reads up to and over the ')'.
bool ExpressionParser::arguments(std::vector<ExprId>& positional, std::vector<NamedArgument>& named,
                                 std::vector<std::string_view>& names) {
  if (reader_.accept(TokenKind::close_paren)) return true;
  bool after_semicolon = reader_.accept(TokenKind::semicolon);
  while (true) {
    const bool is_named = reader_.is(TokenKind::name) && reader_.peek(1).kind == TokenKind::assign;
    if (is_named && !after_semicolon) {
      reader_.reporter().error(
          reader_.peek().place, "a parameter stands after the inputs and a ';'",
          "write 'f(x; " + std::string(reader_.text(reader_.peek())) + " = value)'");
    }
    if (is_named || after_semicolon) {
      if (!named_argument(named, names)) return false;
      if (!after_semicolon) tree_.nodes[index(named.back().value)].failed = true;
    } else {
      positional.push_back(expression());
      if (reader_.lost()) return false;
    }
    if (reader_.accept(TokenKind::comma)) continue;
    if (!after_semicolon && reader_.accept(TokenKind::semicolon)) {
      after_semicolon = true;
      continue;
    }
    if (reader_.is(TokenKind::assign)) {
      reader_.fail("unexpected '='", "'==' compares");
      return false;
    }
    return reader_.expect(TokenKind::close_paren, " after the arguments");
  }
}

bool ExpressionParser::named_argument(std::vector<NamedArgument>& named,
                                      std::vector<std::string_view>& names) {
  const Token& name = reader_.peek();
  if (!reader_.expect(TokenKind::name, " of a parameter after ';'",
                      "parameters are given by name: 'f(x; beta = 2)'")) {
    return false;
  }
  if (!reader_.expect(TokenKind::assign, " after the parameter's name",
                      "parameters are given by name: 'f(x; beta = 2)'")) {
    return false;
  }
  NamedArgument argument;
  argument.place = name.place;
  argument.value = expression();
  if (reader_.lost()) return false;
  named.push_back(argument);
  names.push_back(reader_.text(name));
  return true;
}

ExprId ExpressionParser::add(Expr expr, std::span<const ExprId> operands) {
  FunctionDef& function = tree_.function;
  Node node;
  const auto below = [&](ExprId id) {
    node.depth = std::max(node.depth, tree_.nodes[index(id)].depth + 1);
    node.failed = node.failed || tree_.nodes[index(id)].failed;
  };
  for (const ExprId id : operands) below(id);
  for (const NamedArgument& argument : function.named_of(expr)) below(argument.value);
  if (function.expressions.size() >= limits_.nodes_per_function && !tree_.full) {
    tree_.full = true;
    reader_.reporter().limit(expr.place, "the definition has more than the limit of " +
                                             std::to_string(limits_.nodes_per_function) +
                                             " operations and operands");
    reader_.lose();
  }
  if (node.depth > limits_.expression_depth && !reader_.lost()) {
    reader_.reporter().limit(expr.mark,
                             "the expression is deeper than the limit of " +
                                 std::to_string(limits_.expression_depth) + " operations",
                             "give parts of it names with 'let'");
    reader_.lose();
  }
  expr.first_operand = static_cast<std::uint32_t>(function.operands.size());
  expr.operand_count = static_cast<std::uint32_t>(operands.size());
  function.operands.insert(function.operands.end(), operands.begin(), operands.end());
  function.expressions.push_back(expr);
  tree_.nodes.push_back(node);
  return ExprId{static_cast<std::uint32_t>(function.expressions.size() - 1)};
}

ExprId ExpressionParser::failure(SourcePlace place) {
  Expr expr;
  expr.place = expr.mark = place;
  tree_.function.expressions.push_back(expr);
  Node node;
  node.failed = true;
  tree_.nodes.push_back(node);
  return ExprId{static_cast<std::uint32_t>(tree_.function.expressions.size() - 1)};
}

SourcePlace ExpressionParser::joined(SourcePlace from, SourcePlace to) const {
  return {from.file, from.offset, std::max(to.offset + to.length, from.offset) - from.offset};
}

}  // namespace sluice::dsl
