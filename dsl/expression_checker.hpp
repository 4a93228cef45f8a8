// Names, types and extents of the expressions of one definition.
//
// The definition's lets come into scope one by one as `check_until` goes through the expressions
// that lie before them. An expression with an error is marked failed, and what it is part of then
// fails in silence.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/builtins.hpp"
#include "dsl/checker.hpp"

namespace sluice::dsl {

class ExpressionChecker {
 public:
  ExpressionChecker(ParsedFunction& parsed, const CheckContext& context);

  // Checks all expressions up to and including `last`. A call with several outputs is allowed only
  // where it is `last` and `several`.
  void check_until(ExprId last, bool several = false);

  void open_let();                            // the next let of the definition is in scope
  void open_clauses() { in_clause_ = true; }  // `y` is in scope

  [[nodiscard]] bool failed(ExprId id) const { return nodes_[index(id)].failed; }
  // Makes integer literals, and arithmetic of them, ints.
  void make_integer(ExprId id);
  [[nodiscard]] bool flexible(ExprId id) const { return nodes_[index(id)].flexible; }

  // What the expressions checked so far use.
  [[nodiscard]] bool uses_input(std::size_t i) const { return used_inputs_[i]; }
  [[nodiscard]] bool uses_parameter(std::size_t i) const { return used_parameters_[i]; }
  [[nodiscard]] bool reduces() const { return reduces_; }
  [[nodiscard]] const std::vector<ExprId>& positions() const { return positions_; }

 private:
  void check(ExprId id);
  void resolve_name(ExprId id);
  void unknown_name(const Expr& e, std::string_view text);
  void check_prefix(ExprId id);
  void check_arithmetic(ExprId id);
  void check_comparison(ExprId id);
  void check_logical(ExprId id);
  void check_select(ExprId id);

  // expression_checker_calls.cpp
  void check_call(ExprId id);
  void check_special_form(ExprId id, std::string_view text);
  void check_derivative(ExprId id);
  void unknown_function(const Expr& e, std::string_view text);
  bool check_counts(const Expr& e, const FunctionDef& callee);
  bool check_named(ExprId id, const FunctionDef& callee);
  bool check_argument(ExprId argument, const Input& input, const FunctionDef& callee);
  void infer_call(ExprId id, const FunctionDef& callee);
  void infer_builtin(ExprId id, const FunctionDef& callee);
  [[nodiscard]] bool has_reduction(ExprId id) const;

  void fail(ExprId id) { nodes_[index(id)].failed = true; }
  void error(ExprId id, SourcePlace place, std::string message, std::string hint = {});
  [[nodiscard]] bool operands_failed(ExprId id) const;
  [[nodiscard]] Expr& at(ExprId id) { return function_.expressions[index(id)]; }
  [[nodiscard]] Extent joined_extent(const Expr& e) const;
  void join_numbers(ExprId id, ExprId a, ExprId b);
  [[nodiscard]] std::string text_of(ExprId id) const;

  ParsedFunction& parsed_;
  FunctionDef& function_;
  std::vector<Node>& nodes_;
  const CheckContext& context_;
  std::size_t next_ = 0;
  std::size_t open_lets_ = 0;
  std::map<std::string_view, std::size_t> lets_;  // those in scope, by name
  bool in_clause_ = false;
  ExprId several_ = kNoExpr;
  std::vector<bool> used_inputs_;
  std::vector<bool> used_parameters_;
  bool reduces_ = false;
  std::vector<ExprId> positions_;
};

// "a number", "an int", "a bool", for messages.
[[nodiscard]] std::string a_type(Type type);

// "fn clamp(x, lo, hi)", for hints.
[[nodiscard]] std::string signature(const FunctionDef& function);

}  // namespace sluice::dsl
