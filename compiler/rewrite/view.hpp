// A value seen as a product or as a sum, whatever the order and grouping it was written in.
#pragma once

#include <cstddef>
#include <vector>

#include "compiler/ir/graph.hpp"
#include "support/few.hpp"

namespace sluice::rewrite {

// About this many factors or terms are told apart; the rest is left in one piece.
inline constexpr std::size_t kMaxItems = 12;
// Steps that take a value apart, each of which makes one part two.
inline constexpr std::size_t kMaxVisits = 2 * kMaxItems;
// With the one that a rule's right side is.
inline constexpr std::size_t kMostParts = kMaxVisits + 2;

struct Power {
  ir::ValueId base;
  int exponent = 1;  // not 0
  friend bool operator==(const Power&, const Power&) = default;
};

// numerator / denominator * factors. A base stands in at most two powers, one of each sign, since
// x / x is not 1 at 0.
struct Product {
  double numerator = 1;  // products of literals in f64
  double denominator = 1;
  int constants = 0;  // how many literals went into the two
  Few<Power, kMostParts> factors;

  [[nodiscard]] double coefficient() const { return numerator / denominator; }
};

// constant + terms.
struct Sum {
  struct Item {
    ir::ValueId value;
    bool negated = false;
  };
  double constant = 0;
  Few<Item, kMostParts> items;
};

// What a pass may not look into, by the value's index: see stabilize.cpp.
using Opaque = std::vector<bool>;
[[nodiscard]] bool is_opaque(const Opaque& opaque, ir::ValueId value);

[[nodiscard]] Product product_view(const ir::Graph& graph, const Opaque& opaque, ir::ValueId value);
[[nodiscard]] Sum sum_view(const ir::Graph& graph, const Opaque& opaque, ir::ValueId value);

}  // namespace sluice::rewrite
