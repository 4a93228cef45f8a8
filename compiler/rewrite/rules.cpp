#include "compiler/rewrite/rules.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <numbers>
#include <utility>

namespace sluice::rewrite {
namespace {

using ir::Op;

namespace language {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kRootHalf = std::numbers::sqrt2 / 2;
constexpr double kInvRootTwoPi = std::numbers::inv_sqrtpi / std::numbers::sqrt2;

Term operator-(const Term& a) { return {Op::neg, {a}}; }
Term operator+(const Term& a, const Term& b) { return {Op::add, {a, b}}; }
Term operator-(const Term& a, const Term& b) { return {Op::sub, {a, b}}; }
Term operator*(const Term& a, const Term& b) { return {Op::mul, {a, b}}; }
Term operator/(const Term& a, const Term& b) { return {Op::div, {a, b}}; }
Term operator!(const Term& a) { return {Op::logic_not, {a}}; }
Term operator&&(const Term& a, const Term& b) { return {Op::logic_and, {a, b}}; }
Term operator||(const Term& a, const Term& b) { return {Op::logic_or, {a, b}}; }

#define FUNCTION(name)                                                                             \
  template <typename... Terms>                                                                     \
  Term name(const Terms&... operands) {                                                            \
    return {Op::name, {operands...}};                                                              \
  }
#define LEAF(name)
#define MACHINE(name, arity, rule, meaning) FUNCTION(name)
#define PRIMITIVE(name, arity, rule) FUNCTION(name)
#define ROW_PRIMITIVE(name, arity, rule, extent) FUNCTION(name)
#include "compiler/ir/ops.def"
#undef FUNCTION

}  // namespace language

// Rewriting as one reads it: a factor or a term that is itself a product or sum is flattened.
void flatten_product(const Term& term, int exponent, Pattern& product) {
  const bool is_operation = term.kind == Term::Kind::operation;
  if (term.kind == Term::Kind::literal) {
    product.literal *= exponent > 0 ? term.literal : 1 / term.literal;
  } else if (is_operation && term.op == Op::neg) {
    product.literal = -product.literal;
    flatten_product(term.operands[0], exponent, product);
  } else if (is_operation && (term.op == Op::mul || term.op == Op::div)) {
    flatten_product(term.operands[0], exponent, product);
    flatten_product(term.operands[1], term.op == Op::mul ? exponent : -exponent, product);
  } else if (term.kind == Term::Kind::variable) {
    // A variable that stands for all remaining factors takes a power of them: x * x is x^2.
    for (Pattern::Factor& factor : product.factors) {
      const bool same = factor.base.kind == Pattern::Kind::variable &&
                        factor.base.variable == term.variable && factor.exponent * exponent > 0;
      if (!same) continue;
      factor.exponent += exponent;
      return;
    }
    product.factors.push_back({compile(term), exponent});
  } else {
    product.factors.push_back({compile(term), exponent});
  }
}

Pattern product_of(const Term& term, double sign) {
  Pattern product;
  product.kind = Pattern::Kind::product;
  product.literal = sign;
  flatten_product(term, 1, product);
  return product;
}

void flatten_sum(const Term& term, double sign, Pattern& sum) {
  if (term.kind == Term::Kind::literal) {
    sum.literal += sign * term.literal;
  } else if (term.kind == Term::Kind::operation && (term.op == Op::add || term.op == Op::sub)) {
    flatten_sum(term.operands[0], sign, sum);
    flatten_sum(term.operands[1], term.op == Op::add ? sign : -sign, sum);
  } else {
    sum.terms.push_back(product_of(term, sign));
  }
}

bool is_variable_term(const Pattern& term) {
  return term.factors.size() == 1 && term.factors.front().exponent == 1 &&
         term.factors.front().base.kind == Pattern::Kind::variable;
}

// A variable that is a term of its own waits until the terms behind it are matched, and then is
// looked for only where they have not bound it: in front of others it would match anything.
bool has_variables_last(const Pattern& pattern) {
  for (std::size_t i = 0; i + 1 < pattern.terms.size(); ++i)
    if (is_variable_term(pattern.terms[i])) return false;
  const auto all = [](const auto& parts, const auto& part) {
    return std::all_of(parts.begin(), parts.end(),
                       [&](const auto& each) { return has_variables_last(part(each)); });
  };
  const auto itself = [](const Pattern& each) -> const Pattern& { return each; };
  const auto base = [](const Pattern::Factor& each) -> const Pattern& { return each.base; };
  return all(pattern.operands, itself) && all(pattern.terms, itself) && all(pattern.factors, base);
}

void add_calls(const std::vector<Pattern::Factor>& factors, OpSet& calls) {
  for (const Pattern::Factor& factor : factors)
    if (factor.base.kind == Pattern::Kind::call)
      calls.set(static_cast<std::size_t>(factor.base.op));
}

// Or a mistake in rules.def, found by the first test that runs.
AlgebraicRule finished(AlgebraicRule rule) {
  add_calls(rule.left.factors, rule.needs);
  for (const Pattern& term : rule.left.terms) add_calls(term.factors, rule.needs);
  if (has_variables_last(rule.left)) return rule;
  std::fprintf(stderr, "rules.def: '%.*s' has a variable in front of another term of its sum\n",
               static_cast<int>(rule.name.size()), rule.name.data());
  std::abort();
}

Op root_of(const LiteralRule& rule) { return rule.left.op; }

enum class Matching { exact, shape };

std::vector<LiteralRule> literal_rules(Matching wanted) {
  using namespace language;
  const Term x = variable(0);
  const Term y = variable(1);
  const Term u = variable(2);
  const Term c = variable(3);
  Term k = variable(2);
  k.literal_only = true;
  const Term yes(Op::constant, {Term(1)});
  const Term no(Op::constant, {Term(0)});
  std::vector<LiteralRule> table;
#define EXACT(name, left, right)                                                                   \
  if (wanted == Matching::exact) {                                                                 \
    table.push_back({name, left, right});                                                          \
  }
#define SHAPE(name, left, right)                                                                   \
  if (wanted == Matching::shape) {                                                                 \
    table.push_back({name, left, right});                                                          \
  }
#define ALGEBRAIC(name, left, right)
#include "compiler/rewrite/rules.def"
#undef EXACT
#undef SHAPE
#undef ALGEBRAIC
  std::stable_sort(table.begin(), table.end(), [](const LiteralRule& a, const LiteralRule& b) {
    return root_of(a) < root_of(b);
  });
  return table;
}

}  // namespace

std::span<const LiteralRule> with_root(const std::vector<LiteralRule>& rules, Op root) {
  const auto first = std::partition_point(
      rules.begin(), rules.end(), [&](const LiteralRule& rule) { return root_of(rule) < root; });
  const auto last = std::partition_point(
      first, rules.end(), [&](const LiteralRule& rule) { return root_of(rule) == root; });
  return {first, last};
}

Pattern compile(const Term& term) {
  Pattern pattern;
  if (term.kind == Term::Kind::variable) {
    pattern.kind = Pattern::Kind::variable;
    pattern.variable = term.variable;
    pattern.attached = term.attached;
    pattern.of_columns = term.of_columns;
    pattern.of_row = term.of_row;
    pattern.literal_only = term.literal_only;
    return pattern;
  }
  if (term.kind == Term::Kind::literal) return product_of(term, 1);
  if (term.op == Op::add || term.op == Op::sub) {
    pattern.kind = Pattern::Kind::sum;
    flatten_sum(term, 1, pattern);
    return pattern;
  }
  if (term.op == Op::mul || term.op == Op::div || term.op == Op::neg) return product_of(term, 1);
  pattern.kind = Pattern::Kind::call;
  pattern.op = term.op;
  for (const Term& operand : term.operands) pattern.operands.push_back(compile(operand));
  return pattern;
}

const std::vector<AlgebraicRule>& algebraic_rules() {
  using namespace language;
  static const std::vector<AlgebraicRule> rules = [] {
    const Term x = variable(0);
    const Term y = variable(1);
    const Term u = variable(2);
    const Term c = variable(3);
    Term live = x;  // a rule that detaches must not fire on what it made
    live.attached = true;
    Term k = u;
    k.literal_only = true;
    Term z = x;
    z.of_columns = true;
    Term s = y;
    s.of_row = true;
    const Term width(Op::width, {});
    std::vector<AlgebraicRule> table;
#define EXACT(name, left, right)
#define SHAPE(name, left, right)
#define ALGEBRAIC(name, left, right) table.push_back(finished({name, compile(left), right}));
#include "compiler/rewrite/rules.def"
#undef EXACT
#undef SHAPE
#undef ALGEBRAIC
    return table;
  }();
  return rules;
}

const std::vector<LiteralRule>& exact_rules() {
  static const std::vector<LiteralRule> rules = literal_rules(Matching::exact);
  return rules;
}

const std::vector<LiteralRule>& shape_rules() {
  static const std::vector<LiteralRule> rules = literal_rules(Matching::shape);
  return rules;
}

void make_rules() {
  static_cast<void>(algebraic_rules());
  static_cast<void>(exact_rules());
  static_cast<void>(shape_rules());
}

}  // namespace sluice::rewrite
