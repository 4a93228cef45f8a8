// Every function of the library keeps the promise at its definition: values and derivatives, f32
// and f64, at sampled and special points. Prints one line a measurement.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tools/accuracy/measure.hpp"
#include "tools/accuracy/sweep.hpp"

namespace {

using namespace sluice;
using accuracy::Measurement;
using accuracy::PointSource;
using accuracy::Promise;
using accuracy::Subject;
using numerics::Grade;

bool numbers_only(const dsl::FunctionDef& definition) {
  return !definition.row_wise && !definition.inputs.empty() &&
         std::all_of(definition.inputs.begin(), definition.inputs.end(),
                     [](const dsl::Input& input) { return input.kind == dsl::Kind::element; });
}

struct Case {
  Subject subject;
  Promise promise;
};

// Of all functions of the library.
struct Kernels {
  ir::Elem compute = ir::Elem::f32;
  Grade grade = Grade::full;
  Family family = Family::fma;
  std::optional<Dtype> narrow = {};
};

// The value and each derivative of a function, with the default parameters and with each one at the
// ends of its range.
std::vector<Case> cases_of(const dsl::Program& program, dsl::FunctionId id, const Kernels& of) {
  const dsl::FunctionDef& definition = program.function(id);
  std::vector<double> defaults;
  for (const dsl::Parameter& param : definition.parameters) defaults.push_back(param.default_value);
  std::vector<std::vector<double>> settings{defaults};
  for (const dsl::Range& range : definition.attributes.ranges)
    for (const double end : {range.low, range.high})
      if (range.of_parameter) {
        settings.push_back(defaults);
        settings.back()[range.target] = end;
      }
  std::vector<Case> cases;
  for (const std::vector<double>& params : settings) {
    Subject subject{.program = &program,
                    .function = id,
                    .compute = of.compute,
                    .derived_by = std::nullopt,
                    .output = 0,
                    .params = params,
                    .narrow = of.narrow,
                    .grade = of.grade,
                    .family = of.family};
    const auto add = [&](bool derivative) {
      if (const auto promise =
              accuracy::promise_of(definition, subject.dtype(), derivative, of.grade, of.family))
        cases.push_back({subject, *promise});
    };
    add(false);
    for (std::uint32_t i = 0; i < definition.inputs.size(); ++i) {
      subject.derived_by = i;
      add(true);
    }
  }
  return cases;
}

std::vector<Case> all_cases(const Kernels& of) {
  const dsl::Program& library = dsl::standard_library();
  std::vector<Case> cases;
  for (std::size_t i = 0; i < library.size(); ++i) {
    const auto id = static_cast<dsl::FunctionId>(i);
    const dsl::FunctionDef& definition = library.function(id);
    if (!definition.attributes.ulp || !numbers_only(definition)) continue;
    const std::vector<Case> more = cases_of(library, id, of);
    cases.insert(cases.end(), more.begin(), more.end());
  }
  return cases;
}

// Measures a case: at a source's points, or in a sweep.
template <typename Points>
void check(const Case& one, const Points& points) {
  const Result<Measurement> measured =
      accuracy::measure(one.subject, one.promise, points, std::thread::hardware_concurrency());
  if (!measured.ok()) {
    FAIL_CHECK(one.subject.definition().name << ": " << measured.error().message);
    return;
  }
  std::string params;
  for (const double value : one.subject.params) params += " " + std::to_string(value);
  if (one.subject.grade != Grade::full)
    params += " at " + std::string(numerics::info(one.subject.grade).name);
  if (one.subject.family != Family::fma) params += ", " + std::string(name(one.subject.family));
  std::printf("%s%s; promise %g, %llu points, %llu by MPFR\n",
              accuracy::describe(one.subject, measured->worst).c_str(), params.c_str(),
              one.promise.ulps, static_cast<unsigned long long>(measured->points),
              static_cast<unsigned long long>(measured->by_second_level));
  if (measured->beyond == 0) return;
  FAIL_CHECK(measured->beyond << " points beyond the promise of " << one.promise.ulps << " ulps"
                              << params << ", the worst: "
                              << accuracy::describe(one.subject, measured->worst_beyond));
}

void check_samples(const Kernels& of, std::uint64_t count) {
  std::uint64_t seed = 1;
  for (const Case& one : all_cases(of))
    check(one, accuracy::sampled_points(one.subject, count, seed++));
}

constexpr std::size_t kMostCombinations = 10'000;

void check_special(const Kernels& of, std::size_t most = kMostCombinations) {
  for (const Case& one : all_cases(of)) check(one, accuracy::special_points(one.subject, most));
}

TEST_CASE("special points, f32", "[accuracy]") { check_special({ir::Elem::f32}); }
TEST_CASE("special points, f64", "[accuracy]") { check_special({ir::Elem::f64}); }

TEST_CASE("a number at which quick_gelu was 2.025 ulps off", "[accuracy]") {
  const std::uint64_t bits = std::bit_cast<std::uint32_t>(-0x1.58b5f8p+3F);
  for (const Case& one : all_cases({ir::Elem::f32}))
    if (one.subject.definition().name == "quick_gelu")
      check(one, accuracy::points_between(Dtype::f32, bits - 2000, bits + 2000));
}

TEST_CASE("sampled points, f32", "[accuracy]") { check_samples({ir::Elem::f32}, 35'000); }
TEST_CASE("sampled points, f64", "[accuracy]") { check_samples({ir::Elem::f64}, 2'000); }

Kernels nofma(ir::Elem compute, std::optional<Dtype> narrow = {}) {
  return {compute, Grade::full, Family::nofma, narrow};
}

TEST_CASE("without fma, special points", "[accuracy][nofma]") {
  check_special(nofma(ir::Elem::f32), 2'000);
  check_special(nofma(ir::Elem::f64), 500);
}
TEST_CASE("without fma, sampled points, f32", "[accuracy][nofma]") {
  check_samples(nofma(ir::Elem::f32), 20'000);
}
TEST_CASE("without fma, sampled points, f64", "[accuracy][nofma]") {
  check_samples(nofma(ir::Elem::f64), 1'000);
}
TEST_CASE("without fma, sampled points, f16 and bf16", "[accuracy][nofma]") {
  for (const Dtype dtype : {Dtype::f16, Dtype::bf16})
    check_samples(nofma(ir::Elem::f32, dtype), 3'000);
}

// Relative errors are so much larger than the reference's that few points go to MPFR.
TEST_CASE("sampled points at each grade of accuracy", "[accuracy]") {
  std::uint64_t seed = 1;
  for (const Grade grade : {Grade::r20, Grade::r12, Grade::bf16})
    for (const Case& one : all_cases({ir::Elem::f32, grade})) {
      check(one, accuracy::sampled_points(one.subject, 3'000, seed++));
      check(one, accuracy::special_points(one.subject, 500));
    }
}

TEST_CASE("without fma, sampled points at each grade of accuracy", "[accuracy][nofma]") {
  std::uint64_t seed = 1;
  for (const Grade grade : {Grade::r20, Grade::r12, Grade::bf16})
    for (const Case& one : all_cases({ir::Elem::f32, grade, Family::nofma})) {
      check(one, accuracy::sampled_points(one.subject, 2'000, seed++));
      check(one, accuracy::special_points(one.subject, 200));
    }
}

TEST_CASE("a million points at each grade of accuracy", "[accuracy][slow]") {
  std::uint64_t seed = 1;
  for (const Grade grade : {Grade::r20, Grade::r12, Grade::bf16})
    for (const Case& one : all_cases({ir::Elem::f32, grade}))
      check(one, accuracy::sampled_points(one.subject, 1'000'000, seed++));
}

// What has cheaper expansions.
TEST_CASE("all f32 numbers at each grade of accuracy", "[accuracy][slow]") {
  for (const Grade grade : {Grade::r20, Grade::r12, Grade::bf16})
    for (const Case& one : all_cases({ir::Elem::f32, grade})) {
      const dsl::FunctionDef& definition = one.subject.definition();
      const std::string_view core[] = {"exp", "exp2", "sigmoid", "silu",       "tanh",
                                       "erf", "gelu", "mish",    "normal_cdf", "softplus"};
      if (std::find(std::begin(core), std::end(core), definition.name) != std::end(core))
        check(one, accuracy::Sweep{accuracy::Coverage::all});
    }
}

TEST_CASE("ten million points, f32", "[accuracy][slow]") {
  check_samples({ir::Elem::f32}, 10'000'000);
}
TEST_CASE("a million points, f64", "[accuracy][slow]") {
  check_samples({ir::Elem::f64}, 1'000'000);
}
TEST_CASE("without fma, a million points, f32", "[accuracy][slow][nofma]") {
  check_samples(nofma(ir::Elem::f32), 1'000'000);
}
TEST_CASE("without fma, many points, f64", "[accuracy][slow][nofma]") {
  check_samples(nofma(ir::Elem::f64), 100'000);
}

TEST_CASE("all f32 numbers, functions of one input", "[accuracy][slow]") {
  for (const Case& one : all_cases({ir::Elem::f32}))
    if (one.subject.definition().inputs.size() == 1)
      check(one, accuracy::Sweep{accuracy::Coverage::all});
}

}  // namespace
