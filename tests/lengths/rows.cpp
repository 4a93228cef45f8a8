// Row functions at every length, along every axis, of every type: each back end, over one, two and
// seven threads, wherever the operands lie, has the bits that the interpreter's plain call has.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sluice/runtime.hpp>

#include "row_calls.hpp"
#include "tests/unit/x64/kernel_check.hpp"

namespace {

using namespace sluice;
using namespace sluice::lengths;

constexpr Dtype kDtypes[] = {Dtype::f32, Dtype::f64, Dtype::f16, Dtype::bf16};

// An input that varies along the row and has no gradient, whose shape would be its own.
bool may_broadcast(const RowElements& operand, const std::vector<RowElements>& operands) {
  const bool has_gradient =
      std::any_of(operands.begin(), operands.end(),
                  [&](const RowElements& each) { return each.name == "d" + operand.name; });
  const bool output = operand.name == "y" || operand.name[0] == 'd';
  return (operand.has_columns() || operand.kind == RowKindOf::shared) && !output && !has_gradient &&
         !operand.name.starts_with("grad_");
}

class Checker {
 public:
  Checker() {
    std::printf("ran: interpreter, rows\n");
    targets_.emplace_back("interpreter");
    for (const Target& target : x64::check::targets()) targets_.push_back(to_string(target));
  }
  ~Checker() { std::printf("rows: %zu calls, %zu elements compared\n", calls_, elements_); }

  // Calls with views, however they lie.
  void check(const RowCase& of, Dtype dtype, const Layout& layout) {
    INFO(describe(of) << ", " << name(dtype) << ", " << layout.text());
    std::vector<RowElements> operands = row_elements(of, dtype, layout, ++seed_);
    expect(of, operands, layout);
    for (const std::string& target : targets_) {
      INFO(target);
      const std::optional<Kernel> kernel = compile(row_spec(of, operands, layout.axis, target));
      if (!kernel) continue;
      place_ += 7;
      const std::size_t behind = 1 + place_ % 63;
      for (const RowPlace& place : {RowPlace{1, 0, false, true}, RowPlace{1, behind, true},
                                    RowPlace{2, behind + 1}, RowPlace{7, 0, false, true}})
        note(check_call(*kernel, operands, operands, place), operands);
    }
  }

  // Inputs that broadcast along dimensions of the tensor, against the same inputs written out.
  void check_broadcast(const RowCase& of, Dtype dtype, const Layout& layout, unsigned kept) {
    INFO(describe(of) << ", " << name(dtype) << ", " << layout.text() << ", kept " << kept);
    std::vector<RowElements> operands = row_elements(of, dtype, layout, ++seed_);
    std::vector<RowElements> given = operands;
    for (std::size_t k = 1; k < operands.size(); ++k)
      if (may_broadcast(operands[k], operands)) {
        // Of one weight for all classes there is no class that it lacks.
        const unsigned picked = operands[k].name == "weight" && operands[k].has_columns();
        given[k] = narrowed(operands[k], kept >> (k - 1) | picked << layout.axis);
      }
    expect(of, operands, layout);
    for (const std::string& target : targets_) {
      INFO(target);
      const std::optional<Kernel> kernel = compile(row_spec(of, given, layout.axis, target));
      if (kernel)
        for (const std::size_t threads : {1u, 7u})
          note(check_call(*kernel, given, operands, {threads, 1 + ++place_ % 63}), operands);
    }
  }

  // Unchecked calls of rows with gaps between them.
  void check_steps(const RowCase& of, Dtype dtype, const Layout& layout) {
    INFO(describe(of) << ", " << name(dtype) << ", " << layout.text());
    std::vector<RowElements> operands = row_elements(of, dtype, layout, ++seed_);
    expect(of, operands, layout);
    for (const std::string& target : targets_) {
      INFO(target);
      const std::optional<Kernel> kernel = compile(row_spec(of, operands, layout.axis, target));
      if (!kernel) continue;
      const std::size_t behind = ++place_ % 64;
      for (const RowSteps& steps :
           {RowSteps{0, true, behind}, RowSteps{3, false, behind}, RowSteps{64, true, 0}})
        note(lengths::check_steps(*kernel, operands, layout, steps), operands);
    }
  }

  // Every misalignment of the first operand, others at others.
  void check_misaligned(const RowCase& of, Dtype dtype, const Layout& layout) {
    INFO(describe(of) << ", " << name(dtype) << ", " << layout.text());
    std::vector<RowElements> operands = row_elements(of, dtype, layout, ++seed_);
    expect(of, operands, layout);
    for (const std::string& target : targets_) {
      INFO(target);
      const std::optional<Kernel> kernel = compile(row_spec(of, operands, layout.axis, target));
      for (std::size_t behind = 0; kernel && behind < 64; ++behind)
        note(check_call(*kernel, operands, operands, {1, behind}), operands);
    }
  }

 private:
  void expect(const RowCase& of, std::vector<RowElements>& operands, const Layout& layout) {
    const auto oracle = compile(row_spec(of, operands, layout.axis, "interpreter"));
    REQUIRE(oracle);
    for (std::size_t k = 0; k < operands.size(); ++k)
      REQUIRE(oracle->operands()[k].name == operands[k].name);
    expect_rows(*oracle, operands);
  }

  std::optional<Kernel> compile(const KernelSpec& spec) {
    Result<Kernel> kernel = runtime_.compile(spec);
    if (kernel.ok()) return std::move(kernel).value();
    INFO(kernel.error().message);
    CHECK(kernel.ok());
    return std::nullopt;
  }

  void note(const std::optional<std::string>& wrong, const std::vector<RowElements>& operands) {
    ++calls_;
    for (const RowElements& each : operands) elements_ += each.bytes.size() / size_of(each.dtype);
    INFO(wrong.value_or(""));
    CHECK_FALSE(wrong.has_value());
  }

  Runtime runtime_;
  std::vector<std::string> targets_;
  std::uint32_t seed_ = 0;
  std::size_t place_ = 0, calls_ = 0, elements_ = 0;
};

Layout along(std::int64_t rows, std::int64_t columns) { return {{rows, columns}, 1}; }
Layout across(std::int64_t rows, std::int64_t columns) { return {{columns, rows}, 0}; }

// Rows of all kinds where they are short.
std::int64_t rows_of(std::int64_t columns) {
  return columns <= 300 ? 10 + columns % 7 : columns <= 8193 ? 10 : columns <= 130000 ? 3 : 2;
}

TEST_CASE("lengths of rows", "[quick]") {
  Checker checker;
  for (const RowCase& each : row_cases()) {
    for (const std::int64_t columns : {1, 2, 15, 16, 17, 31, 64, 65, 129, 300, 1000, 4096, 4097})
      checker.check(each, Dtype::f32, along(columns > 300 ? 3 : rows_of(columns), columns));
    for (const Dtype dtype : kDtypes)
      for (const std::int64_t columns : {3, 33, 257, 8193})
        checker.check(each, dtype, along(columns > 300 ? 1 : 10, columns));
  }
}

TEST_CASE("axes of a tensor", "[quick]") {
  Checker checker;
  for (const RowCase& each : row_cases())
    for (const Dtype dtype : kDtypes)
      for (std::size_t axis = 0; axis < 4; ++axis)
        checker.check(each, dtype, {{2, 3, 7, 19}, axis});
}

TEST_CASE("rows with gaps and misaligned ones", "[quick]") {
  Checker checker;
  for (const RowCase& each : row_cases())
    for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
      if (!sums_rows(each))
        for (const Layout& layout : {along(10, 37), along(2, 4099), across(19, 21)})
          checker.check_steps(each, dtype, layout);
      checker.check_misaligned(each, dtype, along(3, 83));
    }
}

bool broadcasts(const RowCase& of) {
  return std::any_of(of.operands.begin(), of.operands.end(), [](const auto& each) {
    return each.name == std::string("mask") || each.name == std::string("keep") ||
           each.name == std::string("weight");
  });
}

TEST_CASE("inputs that broadcast", "[quick]") {
  Checker checker;
  for (const RowCase& each : row_cases())
    for (const Dtype dtype : kDtypes)
      for (unsigned kept = 0; broadcasts(each) && kept < 64; kept += dtype == Dtype::f32 ? 5 : 13)
        for (std::size_t axis = 0; axis < 4; ++axis)
          checker.check_broadcast(each, dtype, {{2, 3, 5, 17}, axis}, kept);
}

std::vector<std::int64_t> all_lengths() {
  std::vector<std::int64_t> lengths;
  for (std::int64_t columns = 1; columns <= 300; ++columns) lengths.push_back(columns);
  lengths.insert(lengths.end(), {1000, 4095, 4096, 4097, 8191, 8192, 8193, 32000, 128256, 1000003});
  return lengths;
}

TEST_CASE("lengths of rows, all", "[slow]") {
  Checker checker;
  for (const Dtype dtype : kDtypes)
    for (const std::int64_t columns : all_lengths())
      for (const RowCase& each : row_cases())
        checker.check(each, dtype, along(rows_of(columns), columns));
}

TEST_CASE("axes of tensors, all", "[slow]") {
  Checker checker;
  for (const RowCase& each : row_cases())
    for (const Dtype dtype : kDtypes)
      for (std::size_t axis = 0; axis < 4; ++axis)
        for (const Dims& shape : {Dims{3, 5, 7, 19}, Dims{2, 3, 4100, 3}})
          checker.check(each, dtype, {shape, axis});
}

TEST_CASE("rows with gaps and misaligned ones, all", "[slow]") {
  Checker checker;
  for (const RowCase& each : row_cases())
    for (const Dtype dtype : kDtypes) {
      for (const std::int64_t columns : {1, 2, 7, 16, 31, 64, 100, 300, 1000, 4096, 4097, 8193}) {
        if (sums_rows(each)) continue;
        checker.check_steps(each, dtype, along(11, columns));
        checker.check_steps(each, dtype, across(21, columns));
      }
      for (const std::int64_t columns : {5, 16, 70, 300, 4099})
        checker.check_misaligned(each, dtype, along(3, columns));
      checker.check_misaligned(each, dtype, across(21, 9));
    }
}

TEST_CASE("inputs that broadcast, all", "[slow]") {
  Checker checker;
  for (const RowCase& each : row_cases())
    for (const Dtype dtype : kDtypes)
      for (unsigned kept = 0; broadcasts(each) && kept < 64; ++kept)
        for (std::size_t axis = 0; axis < 4; ++axis)
          checker.check_broadcast(each, dtype, {{3, 2, 5, 35}, axis}, kept);
}

}  // namespace
