// 8-bit operands: what their integers stand for, and how numbers become integers, against the
// definition written out.
#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "compiler/ir/scalar.hpp"
#include "compiler/ir/verify.hpp"
#include "compiler/numerics/quantize.hpp"

namespace sluice::numerics {
namespace {

using ir::Elem;
using ir::Graph;

constexpr Quantisation kCases[] = {{1, 0},       {0.5f, 7},      {0.1f, -128},
                                   {0.1f, 127},  {1e-30f, 3},    {1e30f, -5},
                                   {1e-45f, -1}, {3.4e38f, 100}, {0.0078125f, 0}};

// y = x, so that only the edges are left.
Graph identity(Elem elem) {
  Graph graph(elem);
  graph.add_output("y", graph.add_input("x", {elem, ir::Extent::element}));
  return graph;
}

std::uint64_t run(const Graph& graph, std::uint64_t input) {
  return ir::evaluate(graph, std::vector<std::uint64_t>{input}, {})[0];
}

// The integers of a type, with the case's zero point moved into its range.
Quantisation within(Quantisation quantisation, Dtype dtype) {
  const IntegerRange range = range_of(dtype);
  if (quantisation.zero_point < range.least) quantisation.zero_point += 128;
  return quantisation;
}

template <typename Use>
void for_each_type(const Use& use) {
  for (const Dtype dtype : {Dtype::i8, Dtype::u8})
    for (const Quantisation& each : kCases) {
      const QuantisedType type{dtype, within(each, dtype)};
      INFO(name(dtype) << ", scale " << type.quantisation.scale << ", zero point "
                       << type.quantisation.zero_point);
      use(type);
    }
}

TEST_CASE("8-bit integers become numbers, rounded once", "[numerics]") {
  for_each_type([](const QuantisedType& type) {
    const Graph graph = quantize(identity(Elem::f32), {{type}}, {{std::nullopt}});
    REQUIRE(ir::verify(graph, ir::Stage::machine).empty());
    const IntegerRange range = range_of(type.dtype);
    const auto [scale, zero] = type.quantisation;
    for (std::int32_t q = range.least; q <= range.greatest; ++q) {
      const float wanted = static_cast<float>(q - zero) * static_cast<float>(scale);
      REQUIRE(run(graph, static_cast<std::uint32_t>(q)) == std::bit_cast<std::uint32_t>(wanted));
    }
  });
}

// In f64, whose division of f32 numbers rounds no tie away.
std::int32_t stored(float y, const QuantisedType& type) {
  const auto [scale, zero] = type.quantisation;
  const IntegerRange range = range_of(type.dtype);
  if (std::isnan(y)) return zero;
  const float steps = y / static_cast<float>(scale);
  return static_cast<std::int32_t>(
      std::fmin(std::fmax(std::nearbyint(double{steps}) + zero, range.least), range.greatest));
}

TEST_CASE("numbers become the nearest 8-bit integer, saturated", "[numerics]") {
  for_each_type([](const QuantisedType& type) {
    const Graph graph = quantize(identity(Elem::f32), {{std::nullopt}}, {{type}});
    REQUIRE(ir::verify(graph, ir::Stage::machine).empty());
    std::vector<float> numbers = {0,
                                  -0.0f,
                                  1,
                                  -1,
                                  std::numeric_limits<float>::infinity(),
                                  -std::numeric_limits<float>::infinity(),
                                  std::numeric_limits<float>::quiet_NaN(),
                                  std::numeric_limits<float>::max(),
                                  std::numeric_limits<float>::lowest(),
                                  std::numeric_limits<float>::denorm_min()};
    for (int half_steps = -600; half_steps <= 600; ++half_steps) {
      const float y = static_cast<float>(0.5 * half_steps * type.quantisation.scale);
      for (const float to : {-1e38f, 1e38f}) numbers.push_back(std::nextafter(y, to));
      numbers.push_back(y);
    }
    for (const float y : numbers) {
      INFO(y);
      const auto got = static_cast<std::int32_t>(run(graph, std::bit_cast<std::uint32_t>(y)));
      REQUIRE(got == stored(y, type));
    }
  });
}

TEST_CASE("8-bit integers beside f64", "[numerics]") {
  const QuantisedType type{Dtype::i8, {0.1, -3}};
  const Graph in = quantize(identity(Elem::f64), {{type}}, {{std::nullopt}});
  const Graph out = quantize(identity(Elem::f64), {{std::nullopt}}, {{type}});
  for (std::int32_t q = -128; q <= 127; ++q) {
    const std::uint64_t number = run(in, static_cast<std::uint64_t>(std::int64_t{q}));
    REQUIRE(std::bit_cast<double>(number) == (q + 3) * 0.1);
    REQUIRE(static_cast<std::int64_t>(run(out, number)) == q);
  }
}

}  // namespace
}  // namespace sluice::numerics
