// What the family without fma has in its place, against the fma of C++.
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include <catch2/catch.hpp>

#include "compiler/ir/scalar.hpp"
#include "compiler/ir/verify.hpp"
#include "compiler/numerics/expand.hpp"
#include "compiler/numerics/toolkit.hpp"

namespace sluice::numerics {
namespace {

using ir::Elem;
using ir::Graph;

template <typename T>
constexpr Elem kElem = sizeof(T) == 4 ? Elem::f32 : Elem::f64;

// A function of three numbers in the family without fma.
template <typename T>
class Formula {
 public:
  template <typename Build>
  explicit Formula(Build build) : graph_(kElem<T>, Family::nofma) {
    std::array<Expr, 3> inputs;
    for (Expr& input : inputs)
      input = {&graph_, graph_.add_input("x", {kElem<T>, ir::Extent::element})};
    graph_.add_output("y", build(inputs[0], inputs[1], inputs[2]).id);
    CHECK(ir::verify(graph_, ir::Stage::machine).empty());
  }
  [[nodiscard]] T operator()(T a, T b, T c = 0) const {
    const auto encoded = [](T x) { return ir::encode(kElem<T>, static_cast<double>(x)); };
    const std::array<std::uint64_t, 3> bits{encoded(a), encoded(b), encoded(c)};
    return static_cast<T>(ir::decode(kElem<T>, ir::evaluate(graph_, bits, {})[0]));
  }

 private:
  Graph graph_;
};

// Numbers of both signs from 2^-20 to 2^20: any, with few bits, and with nearly all bits set.
template <typename T>
std::vector<T> numbers(std::size_t count) {
  std::mt19937_64 random(7);
  std::uniform_int_distribution<int> exponent(-20, 20);
  constexpr int kBits = std::numeric_limits<T>::digits;
  const std::uint64_t all = (std::uint64_t{1} << kBits) - 1;
  std::vector<T> found;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t mantissa = random() & all;
    if (i % 4 == 1) mantissa = all - (random() & 3) * (std::uint64_t{1} << (random() % 30 % kBits));
    if (i % 4 == 2) mantissa &= ~(all >> 8);
    const T magnitude = std::ldexp(static_cast<T>(mantissa | 1), exponent(random) - kBits);
    found.push_back(i % 3 == 0 ? -magnitude : magnitude);
  }
  return found;
}

template <typename T>
void check_products() {
  const Formula<T> low([](Expr a, Expr b, Expr) { return exact_product(a, b).low; });
  const Formula<T> nearly([](Expr a, Expr b, Expr) { return two_product(a, b).low; });
  const T tolerance = sizeof(T) == 4 ? T{0} : static_cast<T>(0x1p-103);
  const std::vector<T> of = numbers<T>(4000);
  for (std::size_t i = 0; i + 1 < of.size(); ++i) {
    const T product = of[i] * of[i + 1];
    const T truth = std::fma(of[i], of[i + 1], -product);
    INFO(of[i] << " * " << of[i + 1]);
    CHECK(low(of[i], of[i + 1]) == truth);
    CHECK(low(of[i], of[i]) == std::fma(of[i], of[i], -(of[i] * of[i])));
    CHECK(std::abs(nearly(of[i], of[i + 1]) - truth) <= std::abs(product) * tolerance);
  }
}

TEST_CASE("products of halves are exact", "[numerics]") {
  check_products<float>();
  check_products<double>();
}

template <typename T>
void check_sums() {
  const Formula<T> sum([](Expr a, Expr b, Expr c) { return fused(a, b, c); });
  const Formula<T> near([](Expr a, Expr b, Expr c) { return residue(a, b, c); });
  const std::vector<T> of = numbers<T>(3000);
  const T tolerance = sizeof(T) == 4 ? T{0} : static_cast<T>(0x1p-103);
  for (std::size_t i = 0; i + 2 < of.size(); ++i) {
    const T a = of[i], b = of[i + 1];
    for (const T c : {of[i + 2], -(a * b), -std::nextafter(a * b, T{0}), T{0}}) {
      const T truth = std::fma(a, b, c);
      const T off = std::abs(sum(a, b, c) - truth);
      INFO(a << " * " << b << " + " << c);
      CHECK(off <=
            std::abs(truth) * std::numeric_limits<T>::epsilon() + std::abs(a * b) * tolerance);
      if (c != of[i + 2] && c != 0)
        CHECK(std::abs(near(a, b, c) - truth) <= std::abs(a * b) * tolerance);
    }
  }
  constexpr T kInf = std::numeric_limits<T>::infinity();
  CHECK(sum(kInf, 2, 1) == kInf);
  CHECK(sum(2, 3, -kInf) == -kInf);
  CHECK(sum(std::numeric_limits<T>::max(), 1, 0) == std::numeric_limits<T>::max());
  constexpr T kMost = std::numeric_limits<T>::max();
  CHECK(sum(kMost, 2, -kInf) == -kInf);
  CHECK(sum(kMost, 2, kMost) == kInf);
  CHECK(sum(kMost, 2, -kMost) == kMost);
  CHECK(sum(std::numeric_limits<T>::min(), kInf, 1) == kInf);
  CHECK(std::isnan(sum(kInf, 1, -kInf)));
  CHECK(std::isnan(sum(kInf, 0, 1)));
  CHECK(std::signbit(sum(1, T(-0.0), T(-0.0))));
  CHECK_FALSE(std::signbit(sum(1, T(-0.0), 0)));
  CHECK_FALSE(std::signbit(sum(1, 2, -2)));
}

TEST_CASE("a product and a sum are as if rounded once", "[numerics]") {
  check_sums<float>();
  check_sums<double>();
}

template <typename T>
void check_reduction(double constant, int most) {
  const Formula<T> reduced([&](Expr x, Expr k, Expr) { return less_multiple(x, k, constant); });
  std::mt19937_64 random(3);
  std::uniform_real_distribution<T> part(T(-0.5), T(0.5));
  for (int k = -most; k <= most; ++k) {
    const T x = (static_cast<T>(k) + part(random)) * static_cast<T>(constant);
    CHECK(reduced(x, static_cast<T>(k)) ==
          std::fma(static_cast<T>(-k), static_cast<T>(constant), x));
  }
}

TEST_CASE("a small multiple of a constant is taken away exactly", "[numerics]") {
  check_reduction<float>(0x1.62e43p-1, 160);
  check_reduction<float>(0x1.62e43p-4, 1100);
  check_reduction<double>(0x1.62e42fefa39efp-1, 1100);
}

TEST_CASE("an fma of a formula is one in either family", "[numerics]") {
  Graph graph(Elem::f32);
  std::array<Expr, 2> x;
  for (Expr& each : x) each = {&graph, graph.add_input("x", {Elem::f32, ir::Extent::element})};
  graph.add_output("y", fma(x[0], x[1], -(x[0] * x[1])).id);
  std::vector<std::uint64_t> bits;
  for (const Family family : kFamilies) {
    const Result<Graph> expanded = expand(graph, 0, {}, family);
    REQUIRE(expanded.ok());
    CHECK(expanded->family() == family);
    CHECK(ir::verify(*expanded, ir::Stage::machine).empty());
    const std::array<std::uint64_t, 2> inputs{ir::encode(Elem::f32, 1.1),
                                              ir::encode(Elem::f32, 3.3)};
    bits.push_back(ir::evaluate(*expanded, inputs, {})[0]);
  }
  CHECK(bits[0] == bits[1]);
  CHECK(ir::decode(Elem::f32, bits[0]) != 0);
}

}  // namespace
}  // namespace sluice::numerics
