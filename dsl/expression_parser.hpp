// Expressions from tokens, by precedence climbing. In: tokens from where an expression begins. Out:
// nodes appended to a Tree, operands before their operation. Bounded in depth by the limits, so
// that neither this recursion nor any later one can run out of stack.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "dsl/program.hpp"
#include "dsl/syntax.hpp"
#include "dsl/token_reader.hpp"

namespace sluice::dsl {

class ExpressionParser {
 public:
  ExpressionParser(TokenReader& reader, Tree& tree, const Limits& limits)
      : reader_(reader), tree_(tree), limits_(limits) {}

  // expr of the grammar. Where it does not parse, the error is reported, the reader is lost, and
  // the node returned says so.
  ExprId expression();

  // Whether this is an operator between two operands.
  [[nodiscard]] static bool is_operator(TokenKind kind);

  // constant of the grammar: a sum.
  ExprId sum();

 private:
  class Nesting;

  ExprId binary(int least);
  ExprId operand(int least);
  ExprId unary();
  ExprId power();
  ExprId primary();
  ExprId select();
  ExprId call();
  bool arguments(std::vector<ExprId>& positional, std::vector<NamedArgument>& named,
                 std::vector<std::string_view>& names);
  bool named_argument(std::vector<NamedArgument>& named, std::vector<std::string_view>& names);
  ExprId chained_comparison(ExprId first, int least);

  ExprId add(Expr expr, std::span<const ExprId> operands);
  ExprId add_prefix(ExprKind kind, std::vector<SourcePlace> signs, ExprId value);
  ExprId failure(SourcePlace place);
  [[nodiscard]] const Expr& at(ExprId id) const { return tree_.function.expr(id); }
  [[nodiscard]] SourcePlace joined(SourcePlace from, SourcePlace to) const;

  TokenReader& reader_;
  Tree& tree_;
  const Limits& limits_;
  std::size_t nesting_ = 0;
};

}  // namespace sluice::dsl
