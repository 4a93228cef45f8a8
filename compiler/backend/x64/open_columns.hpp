// Columns that a row's index or its length closes: from one of them on nothing that is stored or
// reduced depends on the columns, and what is reduced changes nothing, as with causal = 1 or a
// length. Sweeps end there, and need not ask in the columns before.
#pragma once

#include <map>
#include <optional>

#include "compiler/schedule/row_program.hpp"

namespace sluice::x64 {

struct OpenColumns {
  schedule::RowProgram program;  // of open columns; what follows is among its values of the row
  ir::ValueId last;              // columns are open up to this one, an integer of the row;
  bool included = true;          // and it itself is
  std::map<ir::ValueId, ir::ValueId> closed;  // by what is stored: what closed columns have
};

// Of a program of one block. A condition on the column alone must decide it; where several do, each
// would, and one is taken.
[[nodiscard]] std::optional<OpenColumns> find_open_columns(const schedule::RowProgram& program);

}  // namespace sluice::x64
