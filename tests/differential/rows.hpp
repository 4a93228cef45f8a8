// Runs one row-wise request in every way that this processor has, on the same numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <sluice/dtype.hpp>

#include "compiler/driver/compile.hpp"

namespace sluice::differential {

// Rows of a request's operands, each operand contiguous: `rows` times `columns` elements where it
// varies along the row, else `rows`.
struct RowData {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<std::vector<std::uint8_t>> operands;  // in the request's order; outputs are empty
};

// All inputs without a default, or all, with gradients of all number outputs where the pass has
// them; numbers of `dtype`, row outputs in the type that is computed in.
[[nodiscard]] driver::Request row_request(const dsl::Program& program, dsl::FunctionId function,
                                          Pass pass, Dtype dtype, bool all_inputs);

// Normal numbers; sometimes a special one, or a row of nothing but -inf.
[[nodiscard]] RowData random_rows(const driver::Request& request, std::int64_t rows,
                                  std::int64_t columns, std::mt19937_64& random);

// The oracle's outputs, bytes, one vector an operand that is written, NaNs made one.
using RowOutputs = std::vector<std::vector<std::uint8_t>>;
[[nodiscard]] RowOutputs interpret_rows(driver::Request request, const RowData& data);

// The first way whose outputs differ from the expected ones: rows across, machine code sweep by
// sweep, of rows in registers, of rows of any length and of blocks. Names of the ways that ran are
// added to `ran`.
[[nodiscard]] std::optional<std::string> row_disagreement(driver::Request request,
                                                          const RowData& data,
                                                          const RowOutputs& expected,
                                                          std::vector<std::string>& ran);

}  // namespace sluice::differential
