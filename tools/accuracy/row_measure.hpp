// Measures an output of a row function, or its gradient, on the six kinds of rows, as a part of
// what the error contract allows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <sluice/program.hpp>
#include <sluice/status.hpp>

#include "tools/accuracy/row_reference.hpp"
#include "tools/accuracy/rows.hpp"

namespace sluice::accuracy {

struct RowWorst {
  double part = 0;  // of what is allowed
  RowKind kind = RowKind::normal;
  std::size_t width = 0;
  std::size_t column = 0;
  double got = 0;
  long double truth = 0;
  double allowed = 0;
};

struct RowMeasurement {
  std::uint64_t rows = 0;
  std::uint64_t elements = 0;
  std::uint64_t by_mpfr = 0;                           // rows
  double reference = 0;                                // its largest error, as a part as well
  std::array<RowWorst, std::size(kRowKinds)> worst{};  // by kind
};
void merge(RowMeasurement& into, const RowMeasurement& part);

// The lengths that are measured unless others are asked for: to 2^20, of f64 fewer.
[[nodiscard]] std::span<const std::size_t> row_widths(Dtype dtype);

class RowMeasuring {
 public:
  // `program` has the subject's definition. Errors: those of compiling.
  RowMeasuring(Subject subject, Program program)
      : reference_(std::move(subject)), program_(std::move(program)) {}

  // One row. Values are compared in every column, gradients in some of a long row. Errors: those of
  // compiling and of the reference.
  [[nodiscard]] Result<RowMeasurement> run(RowKind kind, std::size_t width,
                                           std::uint32_t seed) const;

 private:
  [[nodiscard]] RowInputs inputs_of(RowKind kind, std::size_t width, std::uint32_t seed) const;
  [[nodiscard]] Result<std::vector<double>> kernel(const RowInputs& row, std::size_t width,
                                                   std::span<const double> incoming) const;
  [[nodiscard]] Dtype output_dtype() const;
  [[nodiscard]] bool per_row() const;

  RowReference reference_;
  Program program_;
};

}  // namespace sluice::accuracy
