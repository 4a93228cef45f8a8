// The sequences of compiler/backend/x64/select_divide.cpp: that they give the rounded quotient and
// root for every estimate that a processor may start from, by the cases that its comment leaves
// open; and the kernels that use them, at those cases, at the ends of what they cover, and where
// few lanes or many go by the divider.
#include <catch2/catch.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>

#include "compiler/ir/scalar.hpp"
#include "tests/unit/x64/kernel_check.hpp"

namespace sluice::x64::check {
namespace {

using ir::Elem;
using ir::Extent;
using ir::Graph;
using ir::Op;
using ir::ValueId;

constexpr std::int64_t kOne = std::int64_t{1} << 23;  // mantissas are integers in [kOne, 2 kOne)

struct Quotient {
  float a;
  float b;
};

// Quotients 1/(2 b) of a last place from a midpoint, for an odd b: the a with a 2^shift = b (2 q +
// 1)
// + side / 2, as integers; 0, 1 or 2 of them.
template <typename Visit>
void visit_near_midpoints(std::int64_t b, const Visit& visit) {
  // 2 a 2^shift - side = b (2 q + 1): a is side / 2^(shift + 1) modulo b, of the residues that are
  // mantissas the ones for which the quotient is odd.
  std::int64_t inverse = 1;
  const auto halve = [&] { inverse = (inverse + (inverse % 2 != 0 ? b : 0)) / 2; };
  for (int i = 0; i < 24; ++i) halve();
  for (const int shift : {23, 24}) {
    for (const int side : {1, -1}) {
      const std::int64_t residue = side > 0 ? inverse : b - inverse;
      for (std::int64_t a = residue; a < 2 * kOne; a += b) {
        const bool in_binade = shift == 23 ? a >= b : a < b;
        const std::int64_t product = (a << (shift + 1)) - side;
        if (a >= kOne && in_binade && product / b % 2 != 0)
          visit(Quotient{static_cast<float>(a), static_cast<float>(b)});
      }
    }
    halve();
  }
}

// From the reciprocal on, for both numbers next to 1/b that are within the proof's bound.
bool quotient_is_rounded(Quotient of) {
  const double exact = 1.0 / double{of.b};
  const auto nearest = static_cast<float>(exact);
  const float other = std::nextafter(nearest, double{nearest} < exact ? 1.0f : 0.0f);
  const double place = std::abs(double{other} - double{nearest});
  for (const float reciprocal : {nearest, other}) {
    if (std::abs(double{reciprocal} - exact) > (0.5 + 0x1p-13) * place) continue;
    const float near = of.a * reciprocal;
    const float rest = std::fma(of.b, near, -of.a);
    if (std::fma(-rest, reciprocal, near) != of.a / of.b) return false;
  }
  return true;
}

// The reciprocal from an estimate, against the bound that quotient_is_rounded takes.
bool reciprocal_is_near(float b, double relative) {
  const double exact = 1.0 / double{b};
  const auto estimate = static_cast<float>(exact * (1 + relative));
  const float error = std::fma(-b, estimate, 1.0f);
  const float reciprocal = std::fma(estimate, std::fma(error, error, error), estimate);
  const double place = std::ldexp(1.0, std::ilogb(exact) - 23);
  return std::abs(double{reciprocal} - exact) <= (0.5 + 0x1p-13) * place;
}

float root_from(float x, double relative) {
  const auto estimate = static_cast<float>((1 + relative) / std::sqrt(double{x}));
  const float root = x * estimate;
  const float half_inverse = estimate * 0.5f;
  const float error = std::fma(-root, half_inverse, 0.5f);
  const float better = std::fma(root, error, root);
  const float better_inverse = std::fma(half_inverse, error, half_inverse);
  return std::fma(better_inverse, std::fma(-better, better, x), better);
}

// 2^-14, less what rounding the estimate to f32 may add.
constexpr double kEnd = 0x1p-14 - 0x1p-25;
constexpr std::array kErrors{-kEnd, -kEnd / 3, 0.0, kEnd / 2, kEnd};

// Whether the operands, each with some exponent, are x and 1 + |x|.
bool is_one_plus_magnitude(Quotient of) {
  for (int exponent = -23; exponent <= 103; ++exponent) {
    const float b = std::ldexp(of.b, exponent);
    for (const float x : {std::ldexp(of.a, exponent), std::ldexp(of.a, exponent - 1)})
      if (1.0f + x == b) return true;
  }
  return false;
}

void check_quotients(std::int64_t step) {
  std::int64_t cases = 0;
  std::int64_t wrong = 0;
  std::int64_t least_exception = 2 * kOne;
  for (std::int64_t b = 2 * kOne - 1; b >= kOne; b -= step) {
    visit_near_midpoints(b, [&](Quotient of) {
      ++cases;
      if (quotient_is_rounded(of)) return;
      least_exception = b;
      if (is_one_plus_magnitude(of)) ++wrong;
    });
    for (const double relative : kErrors)
      if (!reciprocal_is_near(static_cast<float>(b), relative)) ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(least_exception >= 2 * kOne - 63);
  CHECK(cases > kOne / step);
}

void check_roots(std::int64_t step) {
  std::int64_t wrong = 0;
  for (std::int64_t mantissa = kOne; mantissa < 2 * kOne; mantissa += step) {
    for (const float x : {static_cast<float>(mantissa), static_cast<float>(2 * mantissa)})
      for (const double relative : kErrors)
        if (root_from(x, relative) != std::sqrt(x)) ++wrong;
  }
  CHECK(wrong == 0);
}

std::uint64_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }

// A number anywhere in the format, or with the operands' ends of the sequences.
std::uint64_t any_operand(std::mt19937_64& random, unsigned rare) {
  if (random() % rare == 0) return any_number(Elem::f32, random);
  const auto exponent = static_cast<int>(random() % 126) - 62;
  return bits_of(std::ldexp(static_cast<float>(kOne + static_cast<std::int64_t>(random() >> 41)),
                            exponent - 23));
}

using Body = std::function<ValueId(Graph&, ValueId)>;

// Long enough for several rounds; none, few or most lanes beyond what the sequences cover.
void check_kernel(const Body& body, std::mt19937_64& random) {
  Graph graph(Elem::f32);
  graph.add_output("y", body(graph, graph.add_input("x", {Elem::f32, Extent::element})));
  for (const Target& target : targets()) {
    const Compiled compiled = compile(graph, target);
    for (const unsigned rare : {1u, 20u, 1000u, 1000000u}) {
      Case run;
      run.graph = &graph;
      run.count = 20000 + random() % 100;
      run.in_place = random() % 2 == 0;
      run.inputs.emplace_back();
      for (std::size_t i = 0; i < run.count; ++i)
        run.inputs.back().push_back(any_operand(random, rare));
      INFO(to_string(target));
      REQUIRE(difference(compiled, run).value_or("") == "");
    }
  }
}

ValueId one_plus_magnitude(Graph& graph, ValueId x) {
  return graph.add(Op::add, {graph.constant(1), graph.add(Op::abs, {x})});
}

}  // namespace

TEST_CASE("quotients near midpoints, from any estimate", "[x64]") { check_quotients(26); }
TEST_CASE("all quotients near midpoints, from any estimate", "[x64][slow]") { check_quotients(2); }
TEST_CASE("roots from any estimate", "[x64]") { check_roots(17); }
TEST_CASE("all roots from any estimate", "[x64][slow]") { check_roots(1); }

TEST_CASE("kernels that divide in two ways", "[x64]") {
  std::mt19937_64 random(3);
  check_kernel([](Graph& graph, ValueId x) { return graph.add(Op::sqrt, {x}); }, random);
  check_kernel(
      [](Graph& graph, ValueId x) {
        return graph.add(Op::div, {x, one_plus_magnitude(graph, x)});
      },
      random);
  check_kernel(
      [](Graph& graph, ValueId x) {
        const ValueId above = graph.add(Op::max, {x, graph.constant(-1e18)});
        const ValueId limited = graph.add(Op::min, {above, graph.constant(1e18)});
        return graph.add(Op::div, {limited, one_plus_magnitude(graph, limited)});
      },
      random);
  check_kernel(
      [](Graph& graph, ValueId x) {
        const ValueId root = graph.add(Op::sqrt, {x});
        const ValueId inverse = graph.add(Op::div, {graph.constant(1), root});
        return graph.add(Op::select, {graph.add(Op::lt, {x, graph.constant(1)}), inverse, root});
      },
      random);
}

}  // namespace sluice::x64::check
