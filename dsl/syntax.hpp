// What the parser hands to the checker: definitions whose names are not resolved yet.
//
// The trees are already those of dsl/ast.hpp. A name and a call carry their text in `nodes`, beside
// the tree; the checker fills in what they mean. Views are into the text of the SourceFile.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "dsl/ast.hpp"

namespace sluice::dsl {

// What stands beside one expression.
struct Node {
  std::string_view name;    // of a name (kind input) or a call, until it is resolved
  bool failed = false;      // wrong, and reported: says nothing more about what it is part of
  bool flexible = false;    // an integer literal, or arithmetic of them: an int next to an int
  std::uint32_t depth = 1;  // of the tree below
};

struct Tree {
  FunctionDef function;
  std::vector<Node> nodes;                       // beside function.expressions
  std::vector<std::string_view> argument_names;  // beside function.named_arguments
  bool full = false;  // the limit of nodes is passed: no more of the definition is read
};

enum class LiteralKind : std::uint8_t { number, name, string };

// One argument of an attribute: `2`, `-inf`, `"name"`, `forward = 1`.
struct AttributeArgument {
  std::string_view key;  // empty: positional
  LiteralKind kind = LiteralKind::number;
  bool negative = false;
  double value = 0.0;     // number
  std::string_view text;  // name, string (without the quotes)
  SourcePlace place;
};

struct AttributeText {
  std::string_view name;
  std::vector<AttributeArgument> arguments;
  SourcePlace place;  // of the name
};

struct ParsedFunction {
  Tree body;                           // header, lets, results and clauses
  Tree constants;                      // the expressions of the defaults
  std::vector<ExprId> input_defaults;  // into constants; kNoExpr where there is none
  std::vector<ExprId> parameter_defaults;
  std::vector<std::string_view> clause_names;  // beside the clauses: x of d/dx
  std::vector<AttributeText> attributes;
  bool broken = false;         // something of it does not parse
  bool names_missing = false;  // and a name that it defines may not be known for that
};

}  // namespace sluice::dsl
