// Formulas as people write them, against MPFR on the text as written: textbook forms keep what the
// library's entry promises, and the side of an `if` that is not taken leaves no trace in a
// gradient.
#include <catch2/catch.hpp>

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "tools/accuracy/measure.hpp"

namespace {

using namespace sluice;
using accuracy::Measurement;
using accuracy::Points;
using accuracy::PointSource;

struct Textbook {
  const char* entry;  // of the library, whose promise the text is held to
  const char* text;
};

constexpr Textbook kTextbook[] = {
    {"sigmoid", "1 / (1 + exp(-x))"},
    {"sigmoid", "exp(x) / (1 + exp(x))"},
    {"sigmoid", "0.5 * (1 + tanh(0.5 * x))"},
    {"sigmoid", "0.5 + 0.5 * tanh(0.5 * x)"},
    {"sigmoid", "tanh(x / 2) / 2 + 1 / 2"},
    {"tanh", "(exp(x) - exp(-x)) / (exp(x) + exp(-x))"},
    {"tanh", "(exp(2 * x) - 1) / (exp(2 * x) + 1)"},
    {"tanh", "2 * sigmoid(2 * x) - 1"},
    {"tanh", "2 / (1 + exp(-2 * x)) - 1"},
    {"softplus", "log(1 + exp(x))"},
    {"softplus", "log1p(exp(x))"},
    {"softplus", "max(x, 0) + log(1 + exp(-abs(x)))"},
    {"softplus", "-log(sigmoid(-x))"},
    {"log_sigmoid", "log(1 / (1 + exp(-x)))"},
    {"log_sigmoid", "-log(1 + exp(-x))"},
    {"log_sigmoid", "log(sigmoid(x))"},
    {"silu", "x / (1 + exp(-x))"},
    {"silu", "x * (1 / (1 + exp(-x)))"},
    {"silu", "x * exp(x) / (1 + exp(x))"},
    {"silu", "0.5 * x * (1 + tanh(x / 2))"},
    {"silu", "0.5 * x + 0.5 * x * tanh(x / 2)"},
    {"gelu", "0.5 * x * (1 + erf(x / sqrt(2)))"},
    {"gelu", "x * 0.5 * (1 + erf(x * 0.7071067811865476))"},
    {"gelu", "0.5 * x * erfc(-x / sqrt(2))"},
    {"gelu", "x * (0.5 + 0.5 * erf(x / sqrt(2)))"},
    {"gelu", "x * (1 / 2 - erf(-x * 0.7071067811865476) / 2)"},
    {"quick_gelu", "x / (1 + exp(-1.702 * x))"},
    {"mish", "x * tanh(log(1 + exp(x)))"},
    {"mish", "x * tanh(log1p(exp(x)))"},
    {"squareplus", "(x + sqrt(x^2 + 4)) / 2"},
    {"squareplus", "0.5 * (x + sqrt(x * x + 4))"},
    {"elu", "if x > 0 then x else exp(x) - 1"},
};

dsl::Program program_of(const std::string& expression) {
  return dsl::parse("fn f(x) = " + expression, "test.slu", &dsl::standard_library())
      .value()
      .program;
}

accuracy::Subject subject_of(const dsl::Program& program, ir::Elem compute, bool derivative) {
  accuracy::Subject subject;
  subject.program = &program;
  subject.function = *program.find("f");
  subject.compute = compute;
  if (derivative) subject.derived_by = 0;
  return subject;
}

// What IEEE gives at infinity and at NaN is not what an entry with @limits gives; and MPFR's
// exponentials of huge numbers are infinite, or need as many bits.
PointSource finite(PointSource source) {
  return [source = std::move(source)] {
    Points points = source();
    for (double& x : points.front())
      if (!(std::abs(x) < 1000)) x = 0.5;
    return points;
  };
}

void check(const accuracy::Subject& subject, const accuracy::Promise& promise,
           const PointSource& source) {
  const auto measured = accuracy::measure(subject, promise, finite(source));
  REQUIRE(measured.ok());
  INFO(accuracy::describe(subject, measured->worst_beyond));
  CHECK(measured->beyond == 0);
}

TEST_CASE("textbook texts keep the promise of the entry", "[accuracy]") {
  for (const Textbook& textbook : kTextbook)
    for (const ir::Elem compute : {ir::Elem::f32, ir::Elem::f64})
      for (const bool derivative : {false, true}) {
        INFO(textbook.text);
        const dsl::Program program = program_of(textbook.text);
        const dsl::FunctionDef& entry = program.function(*program.find(textbook.entry));
        const accuracy::Subject subject = subject_of(program, compute, derivative);
        accuracy::Promise promise = *accuracy::promise_of(entry, subject.dtype(), derivative);
        promise.zero_crossings = true;
        const std::uint64_t count = compute == ir::Elem::f32 ? 10'000 : 1'000;
        check(subject, promise, accuracy::sampled_points(subject, count, 1));
        check(subject, promise, accuracy::special_points(subject));
      }
}

// A part of what overflows, from 88.8 on, does not up to 89.7; its error is carried in sums.
constexpr const char* kNearOverflow[] = {
    "0.375 * exp(x) - x",        "0.375 * exp(x) - 1",          "exp(x) / 3 - sin(x)",
    "exp(x) * 0.4 - sigmoid(x)", "0.5 * exp(x) - exp(0.5 * x)",
};

TEST_CASE("sums with a part of an exponential are finite where they are", "[accuracy]") {
  for (const std::string text : kNearOverflow)
    for (const bool derivative : {false, true}) {
      INFO(text);
      const dsl::Program program = program_of(text);
      const accuracy::Subject subject = subject_of(program, ir::Elem::f32, derivative);
      Points near(1);
      for (int i = 0; i < 1000; ++i)
        near.front().push_back(static_cast<double>(static_cast<float>(88 + i / 500.0)));
      bool given = false;
      check(subject, {2, true}, [&] { return std::exchange(given, true) ? Points(1) : near; });
    }
}

// The chain rule multiplies what overflows, from 89 on, with what vanishes long before.
constexpr const char* kOfExponentials[] = {
    "x * tanh(exp(x))", "x * sigmoid(exp(x))",    "tanh(exp(x))",       "sigmoid(-exp(x))",
    "x * erf(exp(x))",  "x * (1 - exp(-exp(x)))", "tanh(sinh(x))",      "x * tanh(exp2(x))",
    "exp(-exp(x))",     "x * normal_cdf(exp(x))", "tanh(expm1(2 * x))",
};

TEST_CASE("derivatives of functions of exponentials are finite far out", "[accuracy]") {
  for (const std::string text : kOfExponentials)
    for (const ir::Elem compute : {ir::Elem::f32, ir::Elem::f64}) {
      INFO(text);
      const dsl::Program program = program_of(text);
      const accuracy::Subject subject = subject_of(program, compute, true);
      Points far(1);
      for (int i = 0; i < 1000; ++i) far.front().push_back(12 + i);
      bool given = false;
      check(subject, {2, true}, [&] { return std::exchange(given, true) ? Points(1) : far; });
    }
}

// Where the text is 1 whatever x is, beside something that has no slope or no value there.
constexpr const char* kDeadly[] = {
    "sqrt(x)",       "log(x)", "1 / x", "x ^ 0.5", "x ^ -2", "rsqrt(x)", "sqrt(x - 1) * log(x)",
    "exp(1000 * x)",
};

TEST_CASE("the side not taken leaves no trace in a gradient", "[accuracy]") {
  for (const std::string deadly : kDeadly) {
    // The formula stands on the dead side of one test, and of four, one inside the other.
    const std::string one = "if x > 2 then " + deadly + " else x * x";
    const std::string four = "if x > -3 then (if x > -2 then (if x > -1 then (if x > 2 then " +
                             deadly + " else x * x) else 3 * x) else x) else 0.5 * x";
    for (const std::string& text : {one, four})
      for (const ir::Elem compute : {ir::Elem::f32, ir::Elem::f64}) {
        INFO(text);
        const dsl::Program program = program_of(text);
        const accuracy::Subject subject = subject_of(program, compute, true);
        check(subject, {4, true}, accuracy::special_points(subject));
        check(subject, {4, true}, accuracy::sampled_points(subject, 500, 1));
      }
  }
}

}  // namespace
