// Matching of an algebraic rule's left side.
//
// Sums and products match as multisets, so a match is a search with backtracking; patterns have at
// most a handful of parts and views at most kMaxItems, which bounds it.
#pragma once

#include <array>
#include <functional>
#include <optional>

#include "compiler/rewrite/rules.hpp"
#include "compiler/rewrite/view.hpp"

namespace sluice::rewrite {

// What a match needs made: the remaining factors or terms that a variable stands for.
struct Builders {
  std::function<ir::ValueId(const Product&)> product;
  std::function<ir::ValueId(const Sum&)> sum;
};

using Bindings = std::array<std::optional<ir::ValueId>, kMaxVariables>;

// The rule's variables, and what its left side left over of a longer product or sum.
struct Match {
  Bindings bindings;
  std::optional<Product> factors;  // value = factors * right side
  std::optional<Sum> terms;        // value = terms + right side, or terms - right side:
  bool negated = false;
};

// The root as a product or a sum, whichever its op is; made once for all rules.
struct Views {
  Product product;
  Sum sum;
};

class Matcher {
 public:
  Matcher(const ir::Graph& graph, const Opaque& opaque, const Builders& builders)
      : graph_(graph), opaque_(opaque), builders_(builders) {}

  [[nodiscard]] std::optional<Match> match(const Pattern& pattern, ir::ValueId root,
                                           const Views& views);

 private:
  class Next;

  struct ProductGoal;
  struct SumGoal;

  bool value(const Pattern& pattern, ir::ValueId value, const Next& next);
  bool operands(const Pattern& pattern, const ir::Node& node, std::size_t i, const Next& next);
  bool bind(const Pattern& variable, ir::ValueId value, const Next& next);
  bool product(const ProductGoal& goal, std::size_t i, const Product& rest, const Next& next);
  bool finish_product(const ProductGoal& goal, const Product& rest, const Next& next);
  bool remove_bound(const Pattern::Factor& factor, Product& rest) const;
  bool remove_bound(const Pattern& term, bool negated, Sum& rest) const;
  bool sum(const SumGoal& goal, std::size_t i, Sum rest, const Next& next);
  bool finish_sum(const SumGoal& goal, const Sum& rest, const Next& next);
  [[nodiscard]] bool equal(double constant, double literal) const;
  [[nodiscard]] bool is_open_variable(const Pattern& pattern) const;
  [[nodiscard]] bool is_lone_variable(const Pattern& term) const;

  const ir::Graph& graph_;
  const Opaque& opaque_;
  const Builders& builders_;
  Match match_;
};

}  // namespace sluice::rewrite
