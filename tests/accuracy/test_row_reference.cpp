// The reference of row functions: a text over one row against formulas in long double, and what it
// allows of softmax and its family against the error contract.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "dsl/program.hpp"
#include "tools/accuracy/row_reference.hpp"
#include "tools/accuracy/rows.hpp"
#include "tools/accuracy/ulp.hpp"

namespace {

using namespace sluice;
using namespace sluice::accuracy;

constexpr long double kUnit = 0x1p-24L;

Subject subject_of(const dsl::Program& program, const std::string& function, bool derived = false) {
  Subject subject;
  subject.program = &program;
  subject.function = program.find(function).value();
  if (derived) subject.derived_by = 0;
  return subject;
}

std::vector<double> floats(RowKind kind, std::size_t width) {
  std::vector<double> row = row_of(kind, width);
  for (double& x : row) x = static_cast<double>(static_cast<float>(x));
  return row;
}

struct Exponentials {
  long double greatest, sum = 0;
  std::vector<long double> softmax;
  explicit Exponentials(const std::vector<double>& row)
      : greatest(*std::max_element(row.begin(), row.end())) {
    for (const double x : row) softmax.push_back(std::exp(x - greatest));
    for (const long double t : softmax) sum += t;
    for (long double& t : softmax) t /= sum;
  }
};

void check_near(const RowElement& element, long double truth) {
  CHECK(std::abs(element.truth - truth) <= element.error + 1e-15L * std::abs(truth));
}

TEST_CASE("rows of the softmax family have their own bounds", "[accuracy]") {
  const dsl::Program& library = dsl::standard_library();
  for (const RowKind kind : kRowKinds) {
    const std::vector<double> row = floats(kind, 300);
    const Exponentials of(row);
    const auto softmax = RowReference(subject_of(library, "softmax")).values({row}, 300).value();
    const auto logs = RowReference(subject_of(library, "log_softmax")).values({row}, 300).value();
    const auto lse = RowReference(subject_of(library, "logsumexp")).values({row}, 300).value();
    REQUIRE(softmax.elements.size() == 300);
    REQUIRE(lse.elements.size() == 1);
    check_near(lse.elements[0], of.greatest + std::log(of.sum));
    for (std::size_t i = 0; i < 300; ++i) {
      const long double away = of.greatest - row[i];
      check_near(softmax.elements[i], of.softmax[i]);
      check_near(logs.elements[i], -away - std::log(of.sum));
      if (of.softmax[i] > 0x1p-120L)
        CHECK(softmax.elements[i].allowed ==
              Approx(static_cast<double>((10 + away) * kUnit * of.softmax[i])));
      const long double most = std::max({away + std::log(of.sum), away, std::log(of.sum), 0.5L});
      CHECK(logs.elements[i].allowed ==
            static_cast<double>(4 * ulp_of(format_of(Dtype::f32), most)));
    }
  }
}

TEST_CASE("a gradient is the sum of the outputs' slopes", "[accuracy]") {
  const dsl::Program& library = dsl::standard_library();
  const std::vector<double> row = floats(RowKind::normal, 50);
  const std::vector<double> g = floats(RowKind::wide, 50);
  const std::vector<std::size_t> columns = {0, 7, 49};
  const Exponentials of(row);
  long double weighted = 0;
  long double terms = 0;
  for (std::size_t i = 0; i < 50; ++i) {
    weighted += of.softmax[i] * g[i];
    terms += of.softmax[i] * std::abs(g[i]);
  }
  const auto slopes =
      RowReference(subject_of(library, "softmax", true)).slopes({row}, 50, g, columns).value();
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const std::size_t i = columns[k];
    check_near(slopes.elements[k], of.softmax[i] * (g[i] - weighted));
    // Of the contract's 32 + |z - m| units of the terms, between all and twice as much.
    const long double least = 32 * kUnit * of.softmax[i] * terms;
    CHECK(slopes.elements[k].allowed >= static_cast<double>(least));
    CHECK(slopes.elements[k].allowed <=
          static_cast<double>(2 * (32 + of.greatest - row[i]) * kUnit * of.softmax[i] *
                              (std::abs(g[i]) + terms)));
  }
}

TEST_CASE("any text over a row, at both levels", "[accuracy]") {
  constexpr const char* kText =
      "fn spread(x) = (row_max(x) - row_min(x)) / (1 + row_mean(abs(x)))\n"
      "fn ties(x) = row_max(x) * row_argmax(x)\n"
      "fn places(x) = if row_any(x > 2) then x * col() + width() else at(x, 1)\n";
  const dsl::Program program =
      dsl::parse(kText, "rows.slu", &dsl::standard_library()).value().program;
  const std::vector<double> row = {1, -3, 2.5, 2.5, 0};
  for (const ir::Elem compute : {ir::Elem::f32, ir::Elem::f64}) {
    const auto truth = [&](const char* name) {
      Subject subject = subject_of(program, name);
      subject.compute = compute;
      const RowTruth found = RowReference(subject).values({row}, row.size()).value();
      CHECK(found.by_mpfr == (compute == ir::Elem::f64));
      return found.elements;
    };
    check_near(truth("spread")[0], 5.5L / (1 + 9.0L / 5));
    check_near(truth("ties")[0], 5);
    for (std::size_t i = 0; i < row.size(); ++i)
      check_near(truth("places")[i],
                 static_cast<long double>(row[i]) * static_cast<long double>(i) + 5);
    Subject subject = subject_of(program, "ties", true);
    subject.compute = compute;
    const std::vector<std::size_t> columns = {0, 2, 3};
    const RowTruth slopes =
        RowReference(subject).slopes({row}, row.size(), std::vector<double>{1}, columns).value();
    CHECK(slopes.elements[0].truth == 0);
    check_near(slopes.elements[1], 1);  // half of the index, 2
    check_near(slopes.elements[2], 1);
  }
}

}  // namespace
