// Makes nodes in their simplest form: `make` is Graph::add with the rules applied.
//
// Since a graph is rebuilt operands first, a node's operands are in their simplest form when it is
// made, and most graphs reach the fixed point in one walk.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/ir/graph.hpp"
#include "compiler/rewrite/match.hpp"
#include "compiler/rewrite/rules.hpp"
#include "compiler/rewrite/view.hpp"

namespace sluice::rewrite {

class Rewriter {
 public:
  // Without `fired` the exact rules alone; with it the algebraic ones too, their names appended.
  Rewriter(ir::Graph& graph, std::vector<std::string>* fired);
  Rewriter(const Rewriter&) = delete;
  Rewriter& operator=(const Rewriter&) = delete;

  ir::ValueId make(ir::Op op, std::span<const ir::ValueId> operands, std::uint64_t payload = 0);

  // Rules may use this value, but not look into it.
  void close(ir::ValueId value);

 private:
  ir::ValueId make(ir::Op op, std::initializer_list<ir::ValueId> operands) {
    return make(op, std::span<const ir::ValueId>(operands.begin(), operands.size()));
  }
  std::optional<ir::ValueId> fold(const ir::Node& node);
  std::optional<ir::ValueId> apply(const std::vector<LiteralRule>& rules, const ir::Node& node);
  [[nodiscard]] OpSet ops_of(const Views& views) const;
  std::optional<ir::ValueId> apply_exact(const ir::Node& node);
  std::optional<ir::ValueId> apply_algebraic(ir::ValueId value);
  std::optional<ir::ValueId> merge_literals(const Product& view);
  bool matches(const Term& term, ir::ValueId value, Bindings& bindings) const;
  bool matches_operands(const Term& term, const ir::Node& node, Bindings& bindings) const;
  ir::ValueId build(const Term& term, const Bindings& bindings);
  ir::ValueId build(const Match& match, const Term& right);
  ir::ValueId build(const Product& product);
  ir::ValueId build(const Sum& sum);

  ir::Graph& graph_;
  std::vector<std::string>* fired_;
  bool algebraic_;
  int fuel_;
  Opaque opaque_;
  Builders builders_;
};

}  // namespace sluice::rewrite
