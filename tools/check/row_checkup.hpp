// What `sluice check` finds out about a row function: the largest error of each output and each
// gradient on the six kinds of rows, as a part of what the error contract allows.
//
// In: a function, an element type, parameters, and lengths of rows. Out: the measurements, the same
// for any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <sluice/dtype.hpp>
#include <sluice/status.hpp>

#include "tools/accuracy/row_measure.hpp"
#include "tools/functions.hpp"

namespace sluice::tools {

struct RowPlan {
  Function function;
  Dtype dtype = Dtype::f32;
  std::vector<double> params;  // one each
  Family family = Family::fma;
  std::vector<std::size_t> widths;
  std::uint32_t seed = 1;
  unsigned threads = 1;

  [[nodiscard]] const dsl::FunctionDef& definition() const { return function.definition(); }
};

struct RowPart {
  std::string name;  // "y", "dy/dx"
  accuracy::RowMeasurement measured;

  [[nodiscard]] const accuracy::RowWorst& worst() const;
  [[nodiscard]] bool kept() const { return worst().part <= 1; }
};

struct RowCheckup {
  std::vector<RowPart> parts;
  [[nodiscard]] bool kept() const;
};

// Errors: `unsupported` for functions without a number to measure or a reference, and those of
// compiling.
[[nodiscard]] Result<RowCheckup> run_row_check(const RowPlan& plan);

[[nodiscard]] std::string report_text(const RowPlan& plan, const RowCheckup& checkup);
// One object; numbers that are not finite are strings.
[[nodiscard]] std::string report_json(const RowPlan& plan, const RowCheckup& checkup);

}  // namespace sluice::tools
