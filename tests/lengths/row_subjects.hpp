// Row functions to be run in many ways, and the elements of their operands: rows of the six kinds
// that errors are measured on, and rows with special values in them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <sluice/spec.hpp>
#include <sluice/tensor.hpp>

#include "tests/unit/runtime/row_cases.hpp"

namespace sluice::lengths {

using testing::RowCase;
using RowKindOf = testing::RowOperand::Kind;
using Dims = std::vector<std::int64_t>;

// Softmax and its family, cross-entropy, norms, hardmax and sparsemax: values, gradients, both.
[[nodiscard]] std::span<const RowCase> row_cases();
// "softmax backward(x, keep, ...) causal=1".
[[nodiscard]] std::string describe(const RowCase& of);
// Something is added up over rows, so that a NaN in one of them is all there is to see.
[[nodiscard]] bool sums_rows(const RowCase& of);

// A tensor and the axis of its rows. A row's number counts the other dimensions, row-major.
struct Layout {
  Dims shape;
  std::size_t axis = 0;

  [[nodiscard]] std::int64_t columns() const { return shape[axis]; }
  [[nodiscard]] std::int64_t inner() const;  // elements from one of a row to its next
  [[nodiscard]] std::int64_t rows() const;
  [[nodiscard]] std::size_t at(std::int64_t row, std::int64_t column) const {
    const std::int64_t outer = row / inner();
    return static_cast<std::size_t>((outer * columns() + column) * inner() + row % inner());
  }
  [[nodiscard]] std::string text() const;  // "3x5x7 along 1"
};

// An operand's elements, row-major; of outputs as many bytes.
struct RowElements {
  std::string name;
  RowKindOf kind = RowKindOf::element;
  Dtype dtype = Dtype::f32;
  Dims shape;
  std::vector<std::uint8_t> bytes;

  [[nodiscard]] bool has_columns() const {
    return kind == RowKindOf::element || kind == RowKindOf::mask;
  }
};

// Row r of the first input is of the kind (r + seed) mod 10, of which four have special values;
// without `special`, mod 6.
[[nodiscard]] std::vector<RowElements> row_elements(const RowCase& of, Dtype dtype,
                                                    const Layout& layout, std::uint32_t seed);

// Makes the operand the same along the dimensions that are not among `kept`, bits; what it
// returns has ones there.
[[nodiscard]] RowElements narrowed(RowElements& operand, unsigned kept);

[[nodiscard]] KernelSpec row_spec(const RowCase& of, std::span<const RowElements> operands,
                                  std::size_t axis, const std::string& target);

}  // namespace sluice::lengths
