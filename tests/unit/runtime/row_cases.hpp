// Row functions with random operands, for tests that run one in more than one way: every operand's
// elements in memory, and the bits of the outputs.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

#include "compiler/backend/composed/lanes.hpp"

namespace sluice::testing {

// One operand of a function: how it lies along the row.
struct RowOperand {
  const char* name;
  enum class Kind : std::uint8_t { element, mask, row, index, flag, shared, number } kind;
};

struct RowCase {
  const char* function;
  std::vector<RowOperand> operands;
  Pass pass = forward;
  std::vector<ParameterValue> parameters = {};
  Reduction reduction = Reduction::none;
  bool accumulate = false;  // onto 0x5a
};

// One of every way that a call's operands lie and its outputs are summed.
[[nodiscard]] const std::vector<RowCase>& row_cases();

inline const std::vector<std::string>& row_targets() {
  static const std::vector<std::string> targets = [] {
    std::vector<std::string> list{"interpreter"};
    for (const char* name : {"x86-64-v3", "x86-64-v4"})
      if (default_runtime()
              .compile({.function = "relu", .operands = {f32({8}), f32({8})}, .target = name})
              .ok())
        list.emplace_back(name);
    return list;
  }();
  return targets;
}

// A case with its kernel and operands of `rows` rows; those that a kernel writes hold 0x5a.
class RowData {
 public:
  using Kind = RowOperand::Kind;
  using Bytes = std::vector<std::byte>;

  RowData(const RowCase& of, Dtype dtype, std::pair<std::int64_t, std::int64_t> extent,
          const std::string& target, Runtime& runtime = default_runtime())
      : rows(extent.first), columns(extent.second) {
    KernelSpec spec{.function = of.function,
                    .pass = of.pass,
                    .parameters = of.parameters,
                    .reduction = of.reduction,
                    .accumulate = of.accumulate,
                    .target = target};
    for (const RowOperand& each : of.operands) {
      const Dtype type = dtype_of(each.kind, dtype);
      dtypes.push_back(type);
      shapes.push_back(shape_of(each.kind));
      kinds.push_back(each.kind);
      spec.operands.push_back({type, shapes.back(), each.name});
      if (each.name[0] == 'd' && of.pass == backward) spec.gradients.emplace_back(each.name + 1);
    }
    auto made = runtime.compile(spec);
    if (!made.ok()) FAIL(made.error().message);
    kernel.push_back(std::move(made).value());
    fill();
  }

  [[nodiscard]] const Kernel& code() const { return kernel.front(); }
  [[nodiscard]] bool is_output(std::size_t k) const { return code().operands()[k].output; }
  [[nodiscard]] std::size_t size(std::size_t k) const { return size_of(dtypes[k]); }
  [[nodiscard]] bool has_columns(std::size_t k) const {
    return kinds[k] == Kind::element || kinds[k] == Kind::mask;
  }

  [[nodiscard]] std::vector<TensorView> views() {
    std::vector<TensorView> list;
    for (std::size_t k = 0; k < elements.size(); ++k)
      list.emplace_back(elements[k].data(), dtypes[k], shapes[k]);
    return list;
  }
  [[nodiscard]] std::vector<Bytes> outputs() const {
    std::vector<Bytes> list;
    for (std::size_t k = 0; k < elements.size(); ++k)
      if (is_output(k)) list.push_back(elements[k]);
    return list;
  }
  // By one call of the kernel; then the outputs are wiped.
  [[nodiscard]] std::vector<Bytes> whole() {
    const Outcome called = code().call(views());
    if (!called.ok()) FAIL(called.error().message);
    std::vector<Bytes> list = outputs();
    wipe();
    return list;
  }
  void wipe() {
    for (std::size_t k = 0; k < elements.size(); ++k)
      if (is_output(k)) std::fill(elements[k].begin(), elements[k].end(), std::byte{0x5a});
  }

  std::int64_t rows, columns;
  std::vector<Kernel> kernel;  // one
  std::vector<Dtype> dtypes;
  std::vector<std::vector<std::int64_t>> shapes;
  std::vector<Kind> kinds;
  std::vector<Bytes> elements;

 private:
  static Dtype dtype_of(Kind kind, Dtype dtype) {
    if (kind == Kind::mask || kind == Kind::flag) return Dtype::boolean;
    if (kind == Kind::index) return Dtype::i64;
    const bool alone = kind == Kind::row || kind == Kind::number;
    return alone && dtype != Dtype::f64 ? Dtype::f32 : dtype;
  }
  [[nodiscard]] std::vector<std::int64_t> shape_of(Kind kind) const {
    if (kind == Kind::element || kind == Kind::mask) return {rows, columns};
    if (kind == Kind::shared) return {columns};
    if (kind == Kind::number) return {};
    return {rows};
  }

  void fill() {
    std::mt19937_64 random(static_cast<std::uint64_t>(rows * 1000003 + columns));
    std::normal_distribution<double> normal(0, 4);
    for (std::size_t k = 0; k < dtypes.size(); ++k) {
      std::int64_t count = 1;
      for (const std::int64_t extent : shapes[k]) count *= extent;
      elements.emplace_back(static_cast<std::size_t>(count) * size(k), std::byte{0x5a});
      if (is_output(k)) continue;
      for (std::int64_t i = 0; i < count; ++i) {
        std::byte* const at = &elements[k][static_cast<std::size_t>(i) * size(k)];
        if (kinds[k] == Kind::index)  // a column, or one of two that are not there
          composed::store_lane<double>(
              dtypes[k], at, random() % static_cast<std::uint64_t>(columns + 2) - 1, true);
        else if (dtypes[k] == Dtype::boolean)
          *at = std::byte{random() % 4 != 0};
        else
          composed::store_lane<double>(dtypes[k], at, std::bit_cast<std::uint64_t>(normal(random)),
                                       false);
      }
    }
  }
};

}  // namespace sluice::testing
