// The walk over a block's columns against the tree written out.
#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "compiler/schedule/tree_order.hpp"

namespace sluice::schedule {
namespace {

using Text = std::optional<std::string>;

Text both(const Text& a, const Text& b) {
  if (!a || !b) return a ? a : b;
  return "(" + *a + " " + *b + ")";
}

// Equal numbers merge as they arrive, the rest from the right.
Text counted(const std::vector<Text>& items) {
  std::vector<Text> stack;
  for (std::size_t i = 0; i < items.size(); ++i) {
    stack.push_back(items[i]);
    for (std::size_t count = i + 1; count % 2 == 0; count /= 2) {
      const Text right = stack.back();
      stack.pop_back();
      stack.back() = both(stack.back(), right);
    }
  }
  for (; stack.size() > 1; stack.pop_back())
    stack[stack.size() - 2] = both(stack[stack.size() - 2], stack.back());
  return stack.empty() ? Text{} : stack.back();
}

Text tree(std::uint32_t columns, std::uint32_t partials) {
  std::vector<Text> lanes;
  for (std::uint32_t p = 0; p < partials; ++p) {
    std::vector<Text> lane;
    for (std::uint32_t i = p; i < columns; i += partials) lane.push_back(std::to_string(i));
    lanes.push_back(counted(lane));
  }
  for (std::size_t half = partials / 2; half > 0; half /= 2)
    for (std::size_t j = 0; j < half; ++j) lanes[j] = both(lanes[j], lanes[j + half]);
  return lanes[0];
}

Text walked(std::uint32_t columns, std::uint32_t partials, bool by_fours) {
  std::vector<TreeVisit> visits(columns);
  tree_order(columns, partials, visits.data());
  const auto [second, third] = tree_steps(columns, partials);
  std::vector<Text> places(kTreePlaces);
  for (std::uint32_t v = 0; v < columns; ++v) {
    Text value = std::to_string(visits[v].column());
    std::uint32_t levels = visits[v].levels();
    if (by_fours && visits[v].begins_four()) {
      const std::uint32_t column = visits[v].column();
      const auto leaf = [&](std::uint32_t i) { return std::to_string(column + i); };
      value = both(both(leaf(0), leaf(second)), both(leaf(third), leaf(second + third)));
      v += 3;
      levels = visits[v].levels() & ~3u;
    }
    for (; levels != 0; levels &= levels - 1)
      value = both(places[static_cast<std::size_t>(std::countr_zero(levels))], value);
    CHECK((visits[v].target() == kTreeResult) == (v + 1 == columns));
    places[visits[v].target()] = value;
  }
  return places[kTreeResult];
}

TEST_CASE("the walk over columns makes the tree of their sum", "[schedule]") {
  for (const std::uint32_t partials : {4u, 8u, 32u, 64u})
    for (std::uint32_t columns = 1; columns <= 300; ++columns) {
      INFO(columns << " columns, " << partials << " partials");
      REQUIRE(walked(columns, partials, false) == tree(columns, partials));
      REQUIRE(walked(columns, partials, true) == tree(columns, partials));
    }
  for (const std::uint32_t columns : {1000u, 4095u, 4096u})
    for (const std::uint32_t partials : {32u, 64u})
      for (const bool by_fours : {false, true})
        CHECK(walked(columns, partials, by_fours) == tree(columns, partials));
}

TEST_CASE("where it is full the walk's columns come by fours", "[schedule]") {
  for (const std::uint32_t columns : {8u, 64u, 128u, 512u, 4096u}) {
    std::vector<TreeVisit> visits(columns);
    tree_order(columns, 64, visits.data());
    for (std::uint32_t v = 0; v < columns; ++v) CHECK(visits[v].begins_four() == (v % 4 == 0));
  }
}

}  // namespace
}  // namespace sluice::schedule
