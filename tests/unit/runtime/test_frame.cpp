// Frames: where operands with and without the reduced axis lie in the shape that all share.
#include <limits>
#include <vector>

#include <catch2/catch.hpp>

#include "runtime/frame.hpp"

namespace sluice {
namespace {

using Dims = std::vector<std::int64_t>;

Dims dims(Shape shape) { return {shape.begin(), shape.end()}; }

TEST_CASE("a row's operand lacks the axis", "[runtime]") {
  Frame frame(1);  // of (2, 5, 3), the 5
  CHECK(frame.add(Dims{2, 5, 3}));
  CHECK(frame.add(Dims{2, 3}, true));
  CHECK(frame.add(Dims{5, 1}));
  CHECK(frame.add(Dims{3}, true));
  CHECK(frame.add(Dims{}, true));
  CHECK_FALSE(frame.add(Dims{2, 4}, true));
  CHECK_FALSE(frame.add(Dims{4, 3}));
  CHECK(dims(frame.full()) == Dims{2, 5, 3});
  CHECK(dims(frame.rows()) == Dims{2, 3});
  CHECK(frame.columns() == 5);
  CHECK(frame.inner_count() == 3);
  const Aligned row = frame.align(Dims{2, 3}, true);
  CHECK(row[0] == 3);
  CHECK(row[1] == 1);
  CHECK(row[2] == 2);
}

TEST_CASE("rows alone make the other dimensions", "[runtime]") {
  Frame frame(0);
  CHECK(frame.add(Dims{7}));
  CHECK(dims(frame.rows()).empty());
  CHECK(frame.add(Dims{4}, true));
  CHECK(dims(frame.full()) == Dims{4, 7});
  CHECK(dims(frame.rows()) == Dims{4});
}

TEST_CASE("without dimensions there is one row of one column", "[runtime]") {
  Frame frame(0);
  CHECK(frame.add(Dims{}));
  CHECK(frame.has_axis());
  CHECK(frame.columns() == 1);
  CHECK(dims(frame.rows()).empty());
  Frame deeper(1);
  CHECK(deeper.add(Dims{4}));
  CHECK_FALSE(deeper.has_axis());
}

TEST_CASE("a frame has no more dimensions than a view", "[runtime]") {
  const Dims all(TensorView::kMaxRank, 1);
  Frame frame(0);
  CHECK(frame.add(all));
  CHECK_FALSE(frame.add(all, true));
  CHECK_FALSE(Frame().add(Dims(TensorView::kMaxRank + 1, 1)));
  CHECK(Frame().add(Dims{0, 1}));
}

TEST_CASE("a frame of more elements than can be counted says so", "[runtime]") {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const auto countable = [](const std::vector<Dims>& shapes) {
    Frame frame;
    for (const Dims& shape : shapes) CHECK(frame.add(shape));
    return frame.countable();
  };
  CHECK(countable({}));
  CHECK(countable({{1024, kMost >> 14}}));
  CHECK(countable({{0, kMost >> 4}}));
  CHECK_FALSE(countable({{17, kMost}}));
  // Though none of them has an element.
  CHECK_FALSE(countable({{4, kMost, 0}}));
  CHECK_FALSE(countable({{std::int64_t{1} << 40, 1}, {1, std::int64_t{1} << 40}}));
}

}  // namespace
}  // namespace sluice
