// What `sluice check` is made of: chunks, 16-bit types, differences, comparisons, the card.
#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>

#include "tools/accuracy/card.hpp"
#include "tools/accuracy/compare.hpp"
#include "tools/accuracy/differences.hpp"
#include "tools/accuracy/sweep.hpp"

namespace {

using namespace sluice;
using accuracy::Card;
using accuracy::Coverage;
using accuracy::Measurement;
using accuracy::Subject;
using accuracy::Sweep;

constexpr double kInf = std::numeric_limits<double>::infinity();

Subject subject_of(const dsl::Program& program, const std::string& name, Dtype dtype = Dtype::f32,
                   std::optional<std::uint32_t> derived_by = std::nullopt) {
  Subject subject;
  subject.program = &program;
  subject.function = program.find(name).value();
  if (dtype == Dtype::f64) subject.compute = ir::Elem::f64;
  if (dtype == Dtype::f16 || dtype == Dtype::bf16) subject.narrow = dtype;
  subject.derived_by = derived_by;
  return subject;
}

dsl::Program parsed(const std::string& text) {
  return dsl::parse(text, "test.slu", &dsl::standard_library()).value().program;
}
Card card_of(const std::string& name) {
  return accuracy::card_of(subject_of(dsl::standard_library(), name)).value();
}

TEST_CASE("chunks cover every number once", "[accuracy]") {
  const dsl::Program& library = dsl::standard_library();
  for (const Dtype dtype : {Dtype::f16, Dtype::bf16}) {
    const Subject subject = subject_of(library, "relu", dtype);
    const Sweep all{Coverage::all};
    std::uint64_t points = 0;
    std::set<std::uint64_t> finite;
    for (std::uint64_t k = 0; k < accuracy::chunk_count(all, dtype); ++k) {
      const accuracy::PointSource source = accuracy::chunk(all, subject, k);
      for (accuracy::Points block = source(); !block[0].empty(); block = source())
        for (const double x : block[0]) {
          ++points;
          if (std::isfinite(x)) finite.insert(std::bit_cast<std::uint64_t>(x));
        }
    }
    CHECK(points == 65536);
    CHECK(finite.size() == (dtype == Dtype::f16 ? 2 * 31 * 1024 : 2 * 255 * 128));
  }
  CHECK(accuracy::chunk_count({Coverage::all}, Dtype::f32) == 4096);
  CHECK(accuracy::chunk_count({Coverage::sampled, 100'000}, Dtype::f32) == 7);
}

TEST_CASE("sums and products of 16 bits are rounded once", "[accuracy]") {
  const dsl::Program program = parsed("@ulp(2)\nfn f(x) = x * x + 1\n@ulp(2)\n@terms\nfn g(x) = x");
  for (const Dtype dtype : {Dtype::f16, Dtype::bf16}) {
    const Subject subject = subject_of(program, "f", dtype);
    const auto promise = accuracy::promise_of(subject.definition(), dtype, false);
    REQUIRE(promise);
    CHECK(promise->ulps == 0.51);
    const Measurement found =
        accuracy::measure(subject, *promise, accuracy::chunk({Coverage::all}, subject, 0)).value();
    CHECK(found.points == 65536);
    CHECK(found.beyond == 0);
    CHECK(found.worst.ulps <= 0.51);
    CHECK(found.worst.ulps > 0.4);
    CHECK_FALSE(accuracy::promise_of(program.function(*program.find("g")), dtype, false));
  }
}

TEST_CASE("differences tell a wrong derivative from a right one", "[accuracy]") {
  const dsl::Program program = parsed("fn wrong(x) = x * x\n  with d/dx = 3 * x\nfn right(x, b) = "
                                      "silu(x + b)\nfn bent(x) = abs(x)");
  const auto differences = [&](const std::string& name, std::uint32_t by) {
    return accuracy::against_differences(subject_of(program, name, Dtype::f32, by), 100, 1).value();
  };
  CHECK(differences("wrong", 0).agreeing == 0);
  CHECK(differences("right", 0).agreeing == 100);
  CHECK(differences("right", 1).agreeing == 100);
  CHECK(differences("right", 1).largest < 1e-5);
  const auto bent = differences("bent", 0);
  CHECK(bent.agreeing + bent.kinks == bent.points);
}

TEST_CASE("two functions at the same inputs", "[accuracy]") {
  const dsl::Program program =
      parsed("fn a(x) = 2 * x\nfn b(x) = if x == 1 then 2.0000005 else x + x");
  const auto compare = [&](const std::string& one, const std::string& other) {
    return accuracy::compare_kernels(subject_of(program, one), subject_of(program, other),
                                     {Coverage::special})
        .value();
  };
  CHECK(compare("a", "a").differing == 0);
  const accuracy::Comparison found = compare("a", "b");
  CHECK(found.differing == 1);
  CHECK(found.ulps == 2);
  CHECK(found.inputs == std::vector<double>{1});
}

TEST_CASE("the cards of relu6, gelu, tanh and exp", "[accuracy]") {
  const Card relu6 = card_of("relu6");
  CHECK(relu6.least.value == 0);
  CHECK(relu6.greatest.value == 6);
  CHECK(relu6.monotonic == accuracy::Trend::increasing);
  CHECK(relu6.steepest.value == 1);
  REQUIRE(relu6.saturated_above);
  CHECK(relu6.saturated_above->x == 6);
  REQUIRE(relu6.saturated_below);
  CHECK(relu6.saturated_below->x == 0);
  REQUIRE(relu6.dead.size() == 2);
  CHECK(relu6.dead[0].from == -kInf);
  CHECK(relu6.dead[0].to == 0);
  CHECK(relu6.dead[1].from == 6);
  CHECK(relu6.dead[1].to == kInf);

  const Card gelu = card_of("gelu");
  CHECK(gelu.at_zero == 0);
  CHECK(gelu.slope_at_zero == 0.5);
  CHECK(gelu.least.value == Approx(-0.16997).epsilon(1e-4));
  CHECK(gelu.least.x == Approx(-0.75179).epsilon(1e-3));
  CHECK(gelu.greatest.value == kInf);
  CHECK(gelu.mean == Approx(0.28209).epsilon(1e-4));  // 1 / (2 sqrt(pi))
  CHECK_FALSE(gelu.zero_centred);
  CHECK(gelu.monotonic == accuracy::Trend::neither);
  REQUIRE(gelu.turns.size() == 1);
  CHECK(gelu.turns[0] == Approx(-0.75179).epsilon(1e-4));
  CHECK(gelu.steepest.value == Approx(1.128904).epsilon(1e-5));  // at sqrt(2)
  CHECK(gelu.steepest.x == Approx(1.41421).epsilon(1e-2));
  CHECK_FALSE(gelu.saturated_above);

  CHECK(card_of("tanh").zero_centred);
  CHECK(card_of("exp").steepest.value == kInf);
}

}  // namespace
