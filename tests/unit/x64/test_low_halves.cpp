#include "compiler/backend/x64/low_halves.hpp"

#include <catch2/catch.hpp>

#include "compiler/ir/expr.hpp"

namespace sluice::x64 {
namespace {

using ir::Elem;
using ir::Expr;

// What is known of what is built of x, stored as bf16, y, stored so too, and z, stored as f16.
template <typename Build>
LowHalf known(Build build) {
  ir::Graph graph(Elem::f32);
  const ir::Type type{Elem::f32, ir::Extent::element};
  const Expr x{&graph, graph.add_input("x", type)};
  const Expr y{&graph, graph.add_input("y", type)};
  const Expr z{&graph, graph.add_input("z", type)};
  const Expr made = build(x, y, z);
  constexpr Dtype kStored[] = {Dtype::bf16, Dtype::bf16, Dtype::f16};
  return low_halves(graph, kStored)[made.id.index];
}

TEST_CASE("what chooses among bf16 is bf16", "[x64]") {
  CHECK(known([](Expr x, Expr, Expr) { return max(x, 0.0); }) == LowHalf::zero);
  CHECK(known([](Expr x, Expr, Expr) { return min(max(x, -1.5), 6.0); }) == LowHalf::zero);
  CHECK(known([](Expr x, Expr y, Expr) { return select(x > 0.0, -y, abs(x)); }) == LowHalf::zero);
  CHECK(known([](Expr x, Expr, Expr) { return x * 4.0; }) == LowHalf::zero);
  CHECK(known([](Expr x, Expr, Expr z) { return select(z > 0.0, x, 0.0); }) == LowHalf::zero);
}

TEST_CASE("what arithmetic makes is rounded, and its NaNs are short", "[x64]") {
  CHECK(known([](Expr x, Expr, Expr) { return x * 0.5; }) == LowHalf::zero_in_nans);
  CHECK(known([](Expr x, Expr y, Expr) { return x * y; }) == LowHalf::zero_in_nans);
  CHECK(known([](Expr x, Expr y, Expr) { return fma(x, y, 0.1); }) == LowHalf::zero_in_nans);
  CHECK(known([](Expr x, Expr, Expr) { return max(x, 0.1); }) == LowHalf::zero_in_nans);
  CHECK(known([](Expr x, Expr, Expr) { return from_bits(to_bits(x + 1.0) << 23); }) ==
        LowHalf::zero);
}

TEST_CASE("NaNs of other inputs and of integers may be any", "[x64]") {
  CHECK(known([](Expr, Expr, Expr z) { return max(z, 0.0); }) == LowHalf::any);
  CHECK(known([](Expr x, Expr, Expr z) { return x * z; }) == LowHalf::any);
  CHECK(known([](Expr x, Expr, Expr) { return from_bits(to_bits(x * 0.1) >> 1); }) == LowHalf::any);
}

}  // namespace
}  // namespace sluice::x64
