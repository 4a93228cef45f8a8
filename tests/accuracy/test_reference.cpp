// The reference itself: known values, the language's conventions, and the two levels against each
// other.
#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "tools/accuracy/measure.hpp"
#include "tools/accuracy/ulp.hpp"

namespace {

using namespace sluice;
using accuracy::Estimate;
using accuracy::Reference;
using accuracy::Subject;

constexpr double kInf = std::numeric_limits<double>::infinity();

// Holds the program that a subject points into.
struct Function {
  explicit Function(const std::string& text, ir::Elem compute = ir::Elem::f32,
                    std::optional<std::uint32_t> derived_by = std::nullopt)
      : program(dsl::parse(text, "test.slu", &dsl::standard_library()).value().program) {
    subject.program = &program;
    subject.function = *program.find("f");
    subject.compute = compute;
    subject.derived_by = derived_by;
  }
  dsl::Program program;
  Subject subject;
};

long double at(const Function& function, std::vector<double> inputs) {
  return Reference(function.subject).second_level(inputs).value().value;
}
long double derivative(const std::string& text, std::vector<double> inputs, std::uint32_t by = 0) {
  return at(Function(text, ir::Elem::f64, by), std::move(inputs));
}

TEST_CASE("constants are rounded once to the compute type", "[accuracy]") {
  const std::string text = "fn f(x; k = 0.1) = x * (1 / 3) + k";
  const long double third = static_cast<double>(static_cast<float>(1.0 / 3));
  const long double tenth = static_cast<double>(0.1F);
  CHECK(std::abs(at(Function(text), {3.0}) - (3 * third + tenth)) < 1e-18L);
  CHECK(std::abs(at(Function(text, ir::Elem::f64), {3.0}) -
                 (3 * static_cast<long double>(1.0 / 3) + static_cast<long double>(0.1))) < 1e-18L);
}

TEST_CASE("nothing is lost in tails and differences", "[accuracy]") {
  CHECK(at(Function("fn f(x) = log(1 + exp(x))"), {-80.0}) ==
        Approx(1.8048513878454153e-35).epsilon(1e-14));
  CHECK(at(Function("fn f(x) = 1 + tanh(x)", ir::Elem::f64), {-300.0}) ==
        Approx(2 * std::exp(-600.0)).epsilon(1e-12));
  CHECK(at(Function("fn f(x) = (1 + x) - 1"), {1e-38}) == Approx(1e-38).epsilon(1e-15));
  CHECK(at(Function("fn f(x) = x * normal_cdf(x)"), {-13.0}) == Approx(-7.9501e-38).epsilon(1e-3));
}

TEST_CASE("conventions of derivatives", "[accuracy]") {
  CHECK(derivative("fn f(x) = abs(x)", {0.0}) == 0);
  CHECK(derivative("fn f(x) = max(x, 0)", {0.0}) == 0);
  CHECK(derivative("fn f(x) = max(0, x)", {0.0}) == 1);
  CHECK(derivative("fn f(x) = clamp(x, -1, 1)", {1.0}) == 1);
  CHECK(derivative("fn f(x) = clamp(x, -1, 1)", {1.5}) == 0);
  CHECK(derivative("fn f(x) = if x > 0 then x else exp(x)", {kInf}) == 1);
  CHECK(derivative("fn f(x) = x ^ 3", {2.0}) == 12);
  CHECK(derivative("fn f(x, p) = x ^ p", {0.0, 0.0}) == 0);
  CHECK(derivative("fn f(x, p) = x ^ p", {0.0, 0.0}, 1) == 0);
  CHECK(derivative("fn f(x) = x * detach(x)", {3.0}) == 3);
  CHECK(derivative("fn f(x) = x * x\n  with d/dx = 7 * y", {3.0}) == 63);
  CHECK(derivative("fn f(x) = relu(x) * 2", {0.0}) == 0);
  CHECK(derivative("fn f(x) = derivative(x ^ 3, x)", {2.0}) == 12);
  CHECK(derivative("fn f(x) = gelu(x)", {kInf}) == 1);
  CHECK(derivative("fn f(x) = gelu(x)", {-kInf}) == 0);
}

TEST_CASE("by a let", "[accuracy]") {
  CHECK(at(Function("fn f(x) {\n let t = x * x\n derivative(t * t + x, t)\n}"), {3.0}) == 18);
}

TEST_CASE("the first level's bounds hold", "[accuracy]") {
  for (const std::string text :
       {"fn f(x) = gelu(x)", "fn f(x) = mish(x)", "fn f(x) = (1 - tanh(x)) * (1 + x) - 1",
        "fn f(x) = 0.5 * x * (1 + erf(x))", "fn f(x) = 1 - tanh(2 * x)",
        "fn f(x) = x * (tanh(x) + 1)", "fn f(x) = if x > 0.1 then log(x) else sin(x)",
        "fn f(x) = floor(x * 10) / 3", "fn f(x) = softplus(x; beta = 2)"})
    for (const ir::Elem compute : {ir::Elem::f32, ir::Elem::f64})
      for (const auto by : {std::optional<std::uint32_t>{}, std::optional<std::uint32_t>{0}}) {
        const Function function(text, compute, by);
        const Reference reference(function.subject);
        for (double x = -20; x < 20; x += 0.171875) {
          const Estimate first = reference.first_level(std::span(&x, 1));
          const Estimate second = reference.second_level(std::span(&x, 1)).value();
          INFO(text << " at " << x);
          CHECK(std::abs(first.value - second.value) <= first.error + second.error);
        }
      }
}

TEST_CASE("the first level says nothing of a negative number's power where parity is lost",
          "[accuracy]") {
  for (const ir::Elem compute : {ir::Elem::f32, ir::Elem::f64}) {
    const Function slope("fn f(x, p) = pow(x, p)", compute, 0);
    const Reference reference(slope.subject);
    const double huge = compute == ir::Elem::f32 ? 0x1.fep127 : 0x1.fep1000;
    for (const double p : {-huge, huge, -3.0, 4.0}) {  // p (-1)^(p - 1)
      const std::vector<double> point{-1.0, p};
      const long double truth = p == -3 ? p : -p;
      CHECK(at(slope, point) == truth);
      const Estimate first = reference.first_level(point);
      CHECK(std::abs(first.value - truth) <= first.error);
    }
  }
}

// Where it is left to MPFR alone this takes all memory, or days.
TEST_CASE("sines of numbers of too many bits are given up", "[accuracy]") {
  for (const std::string text :
       {"fn f(x) = sin(exp(x))", "fn f(x) = x * cos(exp(x))", "fn f(x) = tan(exp(x)) + 1"})
    for (const auto by : {std::optional<std::uint32_t>{}, std::optional<std::uint32_t>{0}}) {
      const Function function(text, ir::Elem::f32, by);
      const double x = 1e8;
      const Result<Estimate> given_up = Reference(function.subject).second_level({&x, 1});
      INFO(text << (by ? ", derivative" : "") << ": "
                << (given_up.ok() ? static_cast<double>(given_up->value) : 0));
      REQUIRE_FALSE(given_up.ok());
      CHECK(given_up.error().status == Status::limit_exceeded);
    }
  CHECK(at(Function("fn f(x) = if x > 5 then x else sin(exp(x))"), {1e8}) == 1e8);
  CHECK(at(Function("fn f(x) = sin(x)", ir::Elem::f64), {0x1p1000}) == Approx(std::sin(0x1p1000)));
}

TEST_CASE("a sum of two operands counts as the kernel rounds it", "[accuracy]") {
  const float sum = -10.0F + 1e-6F;
  const long double rounded = at(Function("fn f(x) = gelu(x)"), {static_cast<double>(sum)});
  CHECK(at(Function("fn f(x, b) = gelu(x + b)"), {-10.0, 1e-6F}) == rounded);
  CHECK(at(Function("fn f(x; b = 1e-6) = gelu(x + b)"), {-10.0}) == rounded);
  CHECK(at(Function("fn f(x, b) = gelu(x - detach(b))"), {-10.0, -1e-6F}) == rounded);
  CHECK(at(Function("fn g(a, c) = gelu(a + c)\nfn f(x, b) {\n let t = b\n g(x, t)\n}"),
           {-10.0, 1e-6F}) == rounded);
  CHECK(at(Function("fn f(x) = gelu(x + 1e-6)"), {-10.0}) != rounded);
  CHECK(at(Function("fn f(x, b) = gelu(x + 2 * b)"), {-10.0, 5e-7F}) != rounded);
  CHECK(at(Function("fn f(x, b) = (x + b) * x", ir::Elem::f32, 0), {1.0, 1e-9}) == 2);
}

TEST_CASE("with @terms the ulp is that of the largest term", "[accuracy]") {
  const auto largest = [](const std::string& text, double x, bool derived = false) {
    const Function function("@terms\n" + text, ir::Elem::f32,
                            derived ? std::optional<std::uint32_t>{0} : std::nullopt);
    const Reference reference(function.subject);
    const long double term = reference.second_level(std::span(&x, 1)).value().largest_term;
    CHECK(reference.first_level(std::span(&x, 1)).largest_term == Approx(term).epsilon(1e-6));
    return term;
  };
  CHECK(largest("fn f(x) = 3 * x + 5", 2.0) == 0);  // the value is larger
  CHECK(largest("fn f(x) = 3 * x - 5", 2.0) == 6);
  CHECK(largest("fn f(x) = 7 * (3 * x - 5) / 2", 2.0) == 21);
  CHECK(largest("fn f(x) = 1 / (3 * x - 5)", 2.0) == 6);
  CHECK(largest("fn f(x) = if x > 0 then -abs(2 - x) else 9", 1.5) == 2);
  CHECK(largest("fn f(x) = exp(3 * (x - 2))", 2.0) == 6);  // 1 by the slope, 6 by what cancelled
  CHECK(largest("fn f(x) = (x - 2)^3", 2.5) == Approx(3 * 0.25 * 2));
  // The derivative 1 + sin(2 x) has a double root.
  CHECK(largest("fn f(x) = x + sin(x)^2", -0.7853981852531433, true) == Approx(1));
  CHECK(largest("fn f(x) = log1p(x)", -0.99, true) == 0);
  CHECK(accuracy::error_in_ulps(accuracy::format_of(Dtype::f32), 0x1p-23, {0, 0, 1}).ulps == 1);
}

TEST_CASE("ulps", "[accuracy]") {
  const accuracy::Format f32 = accuracy::format_of(Dtype::f32);
  const auto ulps = [&](double got, long double truth) {
    return accuracy::error_in_ulps(f32, got, {truth, 0}).ulps;
  };
  CHECK(ulps(1.0, 1.0L + 0x1p-24L) == 0.5);
  CHECK(ulps(0x1p-149, 0.0L) == 1);
  CHECK(ulps(0x1p-149, 0x1.8p-149L) == 0.5);
  CHECK(ulps(kInf, 3.5e38L) == 0);
  CHECK(ulps(kInf, 0x1.ffffffp127L) == 0.5);
  CHECK(ulps(std::nan(""), std::nan("")) == 0);
  CHECK(ulps(1.0, std::nan("")) == kInf);
  CHECK(ulps(std::nan(""), 1.0L) == kInf);
  CHECK(ulps(-kInf, 1e39L) > 1e6);
}

TEST_CASE("zero crossings are found where the sign changes without a jump", "[accuracy]") {
  const Function slope("fn f(x) = gelu(x)", ir::Elem::f32, 0);
  const auto crossings = accuracy::zero_crossings(Reference(slope.subject));
  REQUIRE(crossings.size() == 1);
  CHECK(crossings[0].zero == Approx(-0.7517916).epsilon(1e-6));
  CHECK(crossings[0].half_width == Approx(0.18795).epsilon(1e-3));
  CHECK(crossings[0].allowed == 16 * 0x1p-27L);
  // Of one input of several, and farther out than a list of them goes.
  const Function gated("fn f(x, b) = gelu(x) * b", ir::Elem::f32, 0);
  const auto found = accuracy::crossing_near(Reference(gated.subject), std::vector{-0.7, 2.0}, 0);
  REQUIRE(found);
  CHECK(found->zero == Approx(-0.7517916).epsilon(1e-6));
  CHECK(found->half_width == Approx(0.18795).epsilon(1e-3));
  CHECK(found->allowed == 16 * 0x1p-26L);
  CHECK_FALSE(accuracy::crossing_near(Reference(gated.subject), std::vector{-0.5, 2.0}, 0));
  const Function wave("fn f(x) = x * sin(x)");
  const double far = 12345 * 3.14159265;
  const auto near = accuracy::crossing_near(Reference(wave.subject), std::span(&far, 1), 0);
  REQUIRE(near);
  CHECK(near->zero == Approx(12345 * std::acos(-1.0)).epsilon(1e-12));
  CHECK(near->half_width == Approx(std::acos(-1.0) / 2).epsilon(1e-6));
  // Beside the smallest number there is no closer one to begin the search at.
  const Function tiny("fn f(x) = sin(x)", ir::Elem::f64);
  CHECK_FALSE(accuracy::crossing_near(Reference(tiny.subject), std::vector{0x1p-1074}, 0));
  CHECK_FALSE(accuracy::crossing_near(Reference(tiny.subject), std::vector{-0x1p-1045}, 0));
  const Function jump("fn f(x) = if x > 1 then 1 / x else -1");
  CHECK(accuracy::zero_crossings(Reference(jump.subject)).empty());
}

TEST_CASE("zero crossings are looked up by what lies at them", "[accuracy]") {
  accuracy::Crossings crossings({{5, 1, 0}, {-2, 0.5, 0}, {3, 1, 0}});
  const auto zero_at = [&](double x) {
    const accuracy::ZeroCrossing* const found = crossings.at(x);
    return found == nullptr ? 0 : found->zero;
  };
  CHECK(zero_at(-2.5) == -2);
  CHECK(zero_at(-1.5) == -2);
  CHECK(zero_at(2) == 3);
  CHECK(zero_at(4.25) == 5);
  CHECK(zero_at(6) == 5);
  for (const double x : {-kInf, -2.75, -1.25, 1.75, 6.5, kInf, std::nan("")})
    CHECK(zero_at(x) == 0);
  CHECK(crossings.add({8, 0.5, 0})->zero == 8);
  CHECK(zero_at(7.5) == 8);
}

}  // namespace
