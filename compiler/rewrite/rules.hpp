// The rules of rules.def, prepared for matching.
//
// An exact rule's left side is matched as it stands, operation by operation (the operands of + and
// * in either order). An algebraic rule's left side is a Pattern: sums and products are flattened,
// so that it matches whatever has the same algebraic shape.
#pragma once

#include <bitset>
#include <span>
#include <string_view>
#include <vector>

#include "compiler/rewrite/term.hpp"

namespace sluice::rewrite {

struct Pattern {
  enum class Kind {
    variable,
    call,     // op(operands)
    product,  // literal * factors
    sum,      // literal + terms, each of which is a product
  };
  struct Factor;

  Kind kind = Kind::product;
  std::size_t variable = 0;
  bool attached = false;
  bool of_columns = false;
  bool of_row = false;
  bool literal_only = false;
  double literal = 0;
  ir::Op op = ir::Op::constant;
  std::vector<Pattern> operands;
  std::vector<Factor> factors;
  std::vector<Pattern> terms;
};
struct Pattern::Factor {
  Pattern base;
  int exponent;
};

[[nodiscard]] Pattern compile(const Term& term);

// Ops, a bit each.
using OpSet = std::bitset<256>;

struct AlgebraicRule {
  std::string_view name;
  Pattern left;
  Term right;
  OpSet needs = {};  // calls that are factors at the root, or of its terms: without them no match
};
// Matched as it stands.
struct LiteralRule {
  std::string_view name;
  Term left;
  Term right;
};

// In the order of rules.def, which is that of preference; those that are matched as they stand by
// the op at their root, of which there may be any.
[[nodiscard]] const std::vector<AlgebraicRule>& algebraic_rules();
[[nodiscard]] const std::vector<LiteralRule>& exact_rules();
[[nodiscard]] const std::vector<LiteralRule>& shape_rules();
[[nodiscard]] std::span<const LiteralRule> with_root(const std::vector<LiteralRule>& rules,
                                                     ir::Op root);

// They are made when first asked for: now, or by another thread while this one waits.
void make_rules();

}  // namespace sluice::rewrite
