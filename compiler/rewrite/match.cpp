#include "compiler/rewrite/match.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace sluice::rewrite {
namespace {

using ir::Node;
using ir::Op;
using ir::ValueId;

double rounded(ir::Elem compute, double value) {
  return compute == ir::Elem::f32 ? static_cast<double>(static_cast<float>(value)) : value;
}

// rest = coefficient of the value / literal of the pattern, where that is exact.
bool divide(Product& rest, double literal, ir::Elem compute) {
  int exponent = 0;
  if (std::abs(std::frexp(literal, &exponent)) == 0.5) {
    rest.numerator /= literal;
    return true;
  }
  const double held = rounded(compute, literal);
  const double ratio = rounded(compute, rest.coefficient() / held);
  if (std::fma(ratio, held, -rest.coefficient()) != 0) return false;
  rest.numerator = ratio;
  rest.denominator = 1;
  return true;
}

}  // namespace

// What must hold after the part at hand has matched: a reference to a callable.
class Matcher::Next {
 public:
  template <typename F>
  explicit Next(const F& callable)
      : object_(&callable),
        call_([](const void* object) { return (*static_cast<const F*>(object))(); }) {}
  bool operator()() const { return call_(object_); }

 private:
  const void* object_;
  bool (*call_)(const void*);
};

// At the root a product or sum may have more parts than the pattern.
struct Matcher::ProductGoal {
  const Pattern& pattern;
  bool root = false;
};
struct Matcher::SumGoal {
  const Pattern& pattern;
  bool root = false;
  bool negated = false;  // the pattern's negative is matched
};

std::optional<Match> Matcher::match(const Pattern& pattern, ValueId root, const Views& views) {
  const auto accept = [] { return true; };
  const Next done(accept);
  match_ = {};
  bool found = false;
  if (pattern.kind == Pattern::Kind::product) {
    found = product({pattern, true}, 0, views.product, done);
  } else if (pattern.kind == Pattern::Kind::sum) {
    for (const bool negated : {false, true})
      if (!found) found = sum({pattern, true, negated}, 0, views.sum, done);
  } else {
    found = value(pattern, root, done);
  }
  if (!found) return std::nullopt;
  return match_;
}

// A literal stands for the constant it becomes in the compute type. One that no binary number
// equals may also come from the other side of a division (x / sqrt(2) is x * 0.7071...): one ulp of
// freedom.
bool Matcher::equal(double constant, double literal) const {
  const double held = rounded(graph_.compute(), literal);
  if (constant == held) return true;
  const double ulp = graph_.compute() == ir::Elem::f32 ? 0x1p-23 : 0x1p-52;
  const bool plain = static_cast<double>(static_cast<float>(literal)) == literal;
  return !plain && std::abs(constant - held) <= std::abs(held) * ulp;
}

bool Matcher::is_open_variable(const Pattern& pattern) const {
  return pattern.kind == Pattern::Kind::variable && !match_.bindings[pattern.variable];
}

// A term that stands for the rest of its sum.
bool Matcher::is_lone_variable(const Pattern& term) const {
  return term.factors.size() == 1 && term.factors.front().exponent == 1 &&
         is_open_variable(term.factors.front().base);
}

bool Matcher::bind(const Pattern& variable, ValueId value, const Next& next) {
  std::optional<ValueId>& slot = match_.bindings[variable.variable];
  if (slot) return *slot == value && next();
  if (variable.attached && graph_[value].op == Op::detach) return false;
  if (variable.literal_only && !graph_.is_constant(value)) return false;
  const bool varies = graph_[value].type.extent == ir::Extent::element;
  if (varies ? variable.of_row : variable.of_columns) return false;
  slot = value;
  if (next()) return true;
  slot.reset();
  return false;
}

bool Matcher::value(const Pattern& pattern, ValueId value, const Next& next) {
  switch (pattern.kind) {
    case Pattern::Kind::variable: return bind(pattern, value, next);
    case Pattern::Kind::product:
      return product({pattern}, 0, product_view(graph_, opaque_, value), next);
    case Pattern::Kind::sum: return sum({pattern}, 0, sum_view(graph_, opaque_, value), next);
    case Pattern::Kind::call: {
      if (graph_[value].op != pattern.op || is_opaque(opaque_, value)) return false;
      const Node node = graph_[value];
      return operands(pattern, node, 0, next);
    }
  }
  return false;
}

bool Matcher::operands(const Pattern& pattern, const Node& node, std::size_t i, const Next& next) {
  if (i == pattern.operands.size()) return next();
  const auto rest = [&] { return operands(pattern, node, i + 1, next); };
  return value(pattern.operands[i], node.operands[i], Next(rest));
}

// A bound variable's own factors must all be there.
bool Matcher::remove_bound(const Pattern::Factor& factor, Product& rest) const {
  const Product bound = product_view(graph_, opaque_, *match_.bindings[factor.base.variable]);
  for (const Power& needed : bound.factors) {
    const int wanted = needed.exponent * factor.exponent;
    bool found = false;
    for (Power& power : rest.factors) {
      if (power.base != needed.base || (power.exponent > 0) != (wanted > 0)) continue;
      if (std::abs(power.exponent) < std::abs(wanted)) return false;
      power.exponent -= wanted;
      found = true;
    }
    if (!found) return false;
  }
  rest.factors.erase_if([](const Power& power) { return power.exponent == 0; });
  for (int i = 0; i < std::abs(factor.exponent); ++i) {
    rest.numerator *= factor.exponent > 0 ? bound.denominator : bound.numerator;
    rest.denominator *= factor.exponent > 0 ? bound.numerator : bound.denominator;
  }
  return true;
}

bool Matcher::product(const ProductGoal& goal, std::size_t i, const Product& rest,
                      const Next& next) {
  const Pattern& pattern = goal.pattern;
  if (i == pattern.factors.size()) return finish_product(goal, rest, next);
  const Pattern::Factor& factor = pattern.factors[i];
  if (factor.base.kind == Pattern::Kind::variable) {
    // Variables wait until the other factors have bound what they can: see finish_product.
    return product(goal, i + 1, rest, next);
  }
  for (std::size_t k = 0; k < rest.factors.size(); ++k) {
    const Power power = rest.factors[k];
    const bool enough = (power.exponent > 0) == (factor.exponent > 0) &&
                        std::abs(power.exponent) >= std::abs(factor.exponent);
    if (!enough) continue;
    Product less = rest;
    less.factors[k].exponent -= factor.exponent;
    less.factors.erase_if([](const Power& p) { return p.exponent == 0; });
    const auto more = [&] { return product(goal, i + 1, less, next); };
    if (value(factor.base, power.base, Next(more))) return true;
  }
  return false;
}

bool Matcher::finish_product(const ProductGoal& goal, const Product& view, const Next& next) {
  const Pattern& pattern = goal.pattern;
  Product rest = view;
  const Pattern::Factor* open = nullptr;
  for (const Pattern::Factor& factor : pattern.factors) {
    if (factor.base.kind != Pattern::Kind::variable) continue;
    if (is_open_variable(factor.base)) {
      open = &factor;
    } else if (!remove_bound(factor, rest)) {
      return false;
    }
  }
  const double coefficient = rest.coefficient();
  if (equal(coefficient, pattern.literal)) {
    rest.numerator = rest.denominator = 1;
  } else if (open == nullptr && !goal.root) {
    return false;
  } else if (equal(-coefficient, pattern.literal)) {
    rest.numerator = -1;
    rest.denominator = 1;
  } else if (!divide(rest, pattern.literal, graph_.compute())) {
    return false;
  }
  if (open != nullptr) {
    if (open->exponent != 1 && rest.coefficient() != 1) return false;
    for (Power& power : rest.factors) {
      if (power.exponent % open->exponent != 0) return false;
      power.exponent /= open->exponent;
    }
    return bind(open->base, builders_.product(rest), next);
  }
  if (!goal.root) return rest.factors.empty() && next();
  // A rule about a negative does not fire on the positive.
  if (pattern.literal < 0 && rest.coefficient() < 0) return false;
  match_.factors = rest;
  return next();
}

// A term that is a bound variable may be a sum itself, or a literal: its own terms must all be
// there.
bool Matcher::remove_bound(const Pattern& term, bool negated, Sum& rest) const {
  const bool is_variable = term.factors.size() == 1 && term.factors.front().exponent == 1 &&
                           term.factors.front().base.kind == Pattern::Kind::variable;
  if (!is_variable || std::abs(term.literal) != 1) return false;
  const bool flipped = (term.literal < 0) != negated;
  const ValueId value = *match_.bindings[term.factors.front().base.variable];
  const Sum bound = sum_view(graph_, opaque_, value);
  if (bound.items.empty() && bound.constant == 0) return false;
  if (rest.constant != (flipped ? -bound.constant : bound.constant)) return false;
  for (const Sum::Item& needed : bound.items) {
    const auto found = std::find_if(rest.items.begin(), rest.items.end(), [&](const auto& item) {
      return item.value == needed.value && item.negated == (needed.negated != flipped);
    });
    if (found == rest.items.end()) return false;
    rest.items.erase(found);
  }
  rest.constant = 0;
  return true;
}

bool Matcher::sum(const SumGoal& goal, std::size_t i, Sum rest, const Next& next) {
  const Pattern& pattern = goal.pattern;
  if (i == 0 && pattern.literal != 0) {
    if (!equal(goal.negated ? -rest.constant : rest.constant, pattern.literal)) return false;
    rest.constant = 0;
  }
  if (i == pattern.terms.size()) return finish_sum(goal, rest, next);
  const Pattern& term = pattern.terms[i];
  if (is_lone_variable(term)) return sum(goal, i + 1, rest, next);
  Sum without = rest;
  if (remove_bound(term, goal.negated, without) && sum(goal, i + 1, without, next)) return true;
  for (std::size_t k = 0; k < rest.items.size(); ++k) {
    Product view = product_view(graph_, opaque_, rest.items[k].value);
    if (rest.items[k].negated != goal.negated) view.numerator = -view.numerator;
    Sum less = rest;
    less.items.erase(&less.items[k]);
    const auto more = [&] { return sum(goal, i + 1, less, next); };
    if (product({term}, 0, view, Next(more))) return true;
  }
  return false;
}

bool Matcher::finish_sum(const SumGoal& goal, const Sum& rest, const Next& next) {
  const bool empty = rest.items.empty() && rest.constant == 0;
  for (const Pattern& term : goal.pattern.terms) {
    if (!is_lone_variable(term)) continue;
    if (empty) return false;
    Sum stands = rest;
    if ((term.literal < 0) != goal.negated) {
      stands.constant = -stands.constant;
      for (Sum::Item& item : stands.items) item.negated = !item.negated;
    }
    return bind(term.factors.front().base, builders_.sum(stands), next);
  }
  if (!goal.root) return empty && next();
  match_.terms = rest;
  match_.negated = goal.negated;
  return next();
}

}  // namespace sluice::rewrite
