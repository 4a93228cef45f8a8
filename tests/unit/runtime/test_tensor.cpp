#include <array>
#include <limits>
#include <span>
#include <vector>

#include <catch2/catch.hpp>

#include <sluice/tensor.hpp>

namespace sluice {
namespace {

TEST_CASE("views are made from what lies in memory", "[runtime]") {
  std::vector<float> numbers(6);
  const std::array<double, 3> constant{};
  bool flags[2] = {};
  CHECK(TensorView(numbers).writable);
  CHECK(TensorView(numbers).data == numbers.data());
  CHECK(TensorView(std::span<const float>(numbers)).writable == false);
  CHECK(TensorView(constant).dtype == Dtype::f64);
  CHECK(TensorView(constant).writable == false);
  CHECK(TensorView(flags).dtype == Dtype::boolean);
  CHECK(TensorView(flags).count() == 2);
  CHECK(TensorView(numbers.data(), Dtype::f32, {2, 3}).count() == 6);
}

TEST_CASE("a view's count is that of its elements, or none", "[runtime]") {
  float x = 0;
  CHECK(TensorView(&x, Dtype::f32, {}).count() == 1);
  CHECK(TensorView(&x, Dtype::f32, {3, 0, 5}).count() == 0);
  CHECK(TensorView(&x, Dtype::f32, {-1}).count() == -1);
  CHECK(TensorView(&x, Dtype::f32, {0, -1}).count() == -1);
  const std::int64_t large = std::numeric_limits<std::int64_t>::max();
  CHECK(TensorView(&x, Dtype::f32, {large, 2}).count() == -1);
  CHECK(TensorView(&x, Dtype::f32, {large}).count() == -1);  // its bytes could not be counted
  CHECK(TensorView(&x, Dtype::f32, {large, large, 0}).count() == 0);
  const std::vector<std::int64_t> deep(40, 1);
  CHECK(TensorView(&x, Dtype::f32, deep).count() == -1);
}

TEST_CASE("a view lies row-major whatever strides it has where they say nothing", "[runtime]") {
  float x = 0;
  const auto lies = [&](std::vector<std::int64_t> shape, std::vector<std::int64_t> strides) {
    return TensorView(&x, Dtype::f32, shape, strides).contiguous();
  };
  CHECK(TensorView(&x, Dtype::f32, {2, 3}).contiguous());
  CHECK(lies({2, 3}, {3, 1}));
  CHECK(lies({1, 3}, {-7, 1}));
  CHECK(lies({2, 0}, {5, 5}));
  CHECK(lies({}, {}));
  CHECK_FALSE(lies({2, 3}, {1, 2}));
  CHECK_FALSE(lies({2, 3}, {4, 1}));
  CHECK_FALSE(lies({2, 3}, {3, -1}));
  CHECK_FALSE(lies({2, 3}, {0, 1}));
  CHECK_FALSE(lies({2, 3}, {1}));
  CHECK(TensorView(&x, Dtype::f32, {2, 3}, {1, 2}).stride_count == 2);
  const void* const constant = &x;
  CHECK_FALSE(TensorView(constant, Dtype::f32, {2}, {2}).writable);
}

}  // namespace
}  // namespace sluice
