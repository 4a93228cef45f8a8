#include <vector>

#include <catch2/catch.hpp>

#include "runtime/broadcast.hpp"

namespace sluice {
namespace {

using Shapes = std::vector<std::vector<std::int64_t>>;

std::vector<std::int64_t> broadcast(const Shapes& shapes) {
  BroadcastShape full;
  for (const auto& shape : shapes)
    if (!full.add(shape)) return {-1};
  return {full.shape().begin(), full.shape().end()};
}

LoopNest nest_of(const Shapes& shapes) {
  const auto full = broadcast(shapes);
  return make_nest(full, shapes.size(), [&](std::size_t k) { return Shape(shapes[k]); });
}

TEST_CASE("shapes broadcast from their last dimension", "[runtime]") {
  CHECK(broadcast({{2, 3}, {3}}) == std::vector<std::int64_t>{2, 3});
  CHECK(broadcast({{3}, {2, 1}}) == std::vector<std::int64_t>{2, 3});
  CHECK(broadcast({{}, {4}}) == std::vector<std::int64_t>{4});
  CHECK(broadcast({{1}, {0}}) == std::vector<std::int64_t>{0});
  CHECK(broadcast({{2}, {3}}) == std::vector<std::int64_t>{-1});
  CHECK(broadcast({{2}, {0}}) == std::vector<std::int64_t>{-1});
  CHECK(broadcast({std::vector<std::int64_t>(17, 1)}) == std::vector<std::int64_t>{-1});
}

TEST_CASE("loops that move the same operands are one", "[runtime]") {
  const LoopNest same = nest_of({{2, 3, 4}, {2, 3, 4}});
  CHECK(same.loops == 1);
  CHECK(same.inner_extent() == 24);
  CHECK(same.inner_still() == 0);

  const LoopNest bias = nest_of({{2, 3, 4}, {4}});
  CHECK(bias.loops == 2);
  CHECK(bias.extents[0] == 6);
  CHECK(bias.still[0] == 2);
  CHECK(bias.inner_extent() == 4);
  CHECK(bias.inner_still() == 0);

  const LoopNest scale = nest_of({{2, 3, 4}, {2, 1, 1}});
  CHECK(scale.loops == 2);
  CHECK(scale.extents[0] == 2);
  CHECK(scale.inner_extent() == 12);
  CHECK(scale.inner_still() == 2);

  const LoopNest one = nest_of({{1, 1}, {}});
  CHECK(one.loops == 0);
  CHECK(one.inner_extent() == 1);
}

}  // namespace
}  // namespace sluice
