// Measuring all numbers of a stretch by interpolation finds what measuring each of them does.
#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "tools/accuracy/interpolate.hpp"
#include "tools/accuracy/measure.hpp"
#include "tools/accuracy/ulp.hpp"

namespace {

using namespace sluice;
using accuracy::Measurement;
using accuracy::Piece;

struct Stretch {
  const char* text;
  bool derivative;
  float from;
  double promise;
};

constexpr std::uint64_t kCount = 1 << 14;

dsl::Program program_of(const char* text) {
  return dsl::parse(text, "test.slu", &dsl::standard_library()).value().program;
}
accuracy::Subject subject_of(const dsl::Program& program, bool derivative) {
  accuracy::Subject subject;
  subject.program = &program;
  subject.function = *program.find("f");
  if (derivative) subject.derived_by = 0;
  return subject;
}
std::uint64_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }

void same(const accuracy::Worst& a, const accuracy::Worst& b) {
  CHECK(a.ulps == Approx(b.ulps).margin(1e-6));
  if (a.ulps > 1e-6) CHECK(a.inputs == b.inputs);
}

TEST_CASE("a stretch by interpolation is as point by point", "[accuracy]") {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const Stretch all[] = {
      {"fn f(x) = silu(x)", true, -1.28F, 2},              // a zero crossing
      {"fn f(x) = silu(x)", false, -88.0F, 0.3},           // a promise that breaks at many points
      {"fn f(x) = gelu(x)", false, -13.0F, 2},             // a tail
      {"fn f(x) = exp(x)", false, 88.7225F, 1},            // overflow
      {"fn f(x) = exp(x)", false, 500.0F, 1},              // all of it beyond
      {"fn f(x) = -exp(x)", false, 500.0F, 1},             // and below
      {"fn f(x) = exp(x)", false, -103.95F, 1},            // underflow
      {"fn f(x) = log(x)", false, -2.0F, 1},               // NaN
      {"fn f(x) = clamp(x, 0, 6) / 6", false, 5.999F, 1},  // a kink
      {"fn f(x) = sin(x)", false, 3e7F, 1},                // rough
      {"fn f(x) = x * x * x", false, 1e-41F, 1},           // denormal numbers
      {"fn f(x) = if x > 0 then x else 0", false, kInf, 1},
      {"@terms fn f(x) = x * x - 3.5 * x + 3", false, 1.499F, 0.2},  // a root among larger terms
      {"@terms fn f(x) = x * x - 3.5 * x + 3", true, 1.749F, 0.2},   // and of the derivative
      {"@terms fn f(x) = x * x - 1.999 * x", false, 1.0F, 0.2},      // a power of two
      {"@terms fn f(x) = x * x - 1.9 * x + 2.5", false, 1.315F,
       0.2},  // another term is the largest
      {"@terms fn f(x) = rational_3_2(x)", false, -0.03F, 1},
      {"@terms fn f(x) = exp(x) - exp(2 * x)", false, -103.9F, 0.4},  // terms of denormal numbers
  };
  for (const Stretch& one : all) {
    INFO(one.text << " from " << one.from);
    const dsl::Program program = program_of(one.text);
    const accuracy::Subject subject = subject_of(program, one.derivative);
    const auto measuring = accuracy::Measuring::prepare(subject, {one.promise, true});
    REQUIRE(measuring.ok());
    const std::uint64_t first = bits_of(one.from);
    const auto fast = measuring->run_between(first, first + kCount);
    const auto slow = measuring->run(accuracy::points_between(Dtype::f32, first, first + kCount));
    REQUIRE(fast.ok());
    REQUIRE(slow.ok());
    CHECK(fast->points == kCount);
    CHECK(fast->points == slow->points);
    CHECK(fast->beyond == slow->beyond);
    CHECK(fast->sum == Approx(slow->sum).epsilon(1e-3).margin(1e-3));
    same(fast->worst, slow->worst);
    same(fast->worst_beyond, slow->worst_beyond);
    CHECK(slow->by_interpolation == 0);
  }
}

TEST_CASE("a largest term that is a power of two has its own ulp", "[accuracy]") {
  const dsl::Program program = program_of("@terms fn f(x) = 0.5 - x");
  const auto measuring = accuracy::Measuring::prepare(subject_of(program, false), {1, true});
  REQUIRE(measuring.ok());
  const std::uint64_t first = bits_of(1e-9F);
  const auto measured = measuring->run_between(first, first + kCount);
  REQUIRE(measured.ok());
  CHECK(measured->by_interpolation > kCount / 2);
}

TEST_CASE("polynomials are close to the truth wherever they stand", "[accuracy]") {
  const dsl::Program program = program_of("fn f(x) = x * tanh(log(1 + exp(x)))");
  const accuracy::Reference reference(subject_of(program, true));
  const std::uint64_t first = bits_of(-3.0F);
  std::uint64_t next = first;
  for (const Piece& piece : accuracy::pieces_of(reference, first, first + (1 << 20), {})) {
    CHECK(piece.first == next);
    next += piece.count;
    REQUIRE(piece.kind == Piece::Kind::polynomial);
    for (std::uint64_t i = 0; i < piece.count; i += piece.count / 7) {
      const double x = accuracy::number_of(Dtype::f32, piece.first + i);
      const double t = -1 + static_cast<double>(i) * piece.step();
      double y = 0;
      for (std::size_t k = Piece::kNodes; k-- > 0;) y = y * t + piece.coefficients[k];
      const auto truth = reference.second_level({&x, 1}).value();
      const auto error = accuracy::error_in_ulps(accuracy::format_of(Dtype::f32), y, truth);
      CHECK(error.ulps < 2 * accuracy::kInterpolationMargin);
    }
  }
  CHECK(next == first + (1 << 20));
}

TEST_CASE("a kink stays between pieces", "[accuracy]") {
  const dsl::Program program = program_of("fn f(x) = max(exp(x), 3)");
  const accuracy::Reference reference(subject_of(program, false));
  const std::uint64_t first = bits_of(1.0F);
  const float kink = std::log(3.0F);
  bool rough = false;
  for (const Piece& piece : accuracy::pieces_of(reference, first, first + (1 << 20), {}))
    if (bits_of(kink) >= piece.first && bits_of(kink) < piece.first + piece.count) {
      CHECK(piece.count < 200);
      rough = piece.kind == Piece::Kind::rough;
    }
  CHECK(rough);
}

TEST_CASE("NaN of a kernel is no answer where the reference does not know", "[accuracy]") {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const accuracy::Format format = accuracy::format_of(Dtype::f32);
  const accuracy::Estimate unknown{kNan, std::numeric_limits<long double>::infinity(), 0};
  CHECK(std::isinf(accuracy::error_in_ulps(format, kNan, unknown).margin));
  CHECK(accuracy::error_in_ulps(format, kNan, {kNan, 0, 0}).margin == 0);
  CHECK(accuracy::error_in_ulps(format, kNan, {kNan, 0, 0}).ulps == 0);
}

}  // namespace
