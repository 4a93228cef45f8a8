// A row kernel's code around its parts:
//
//   entry:   frame, addresses of buffers, what is one for the call; none of it without rows
//            of rows in registers: invariants into theirs
//   several: rows to a vector, while there are as many and they lie one after the other in every
//            buffer; or rows side by side, while there are as many
//   row:     the parts, one after the other; a sweep is a loop over rounds of vectors, and then
//            over vectors, the last under a mask
//            addresses to the next row
//   exit:    frame off, vzeroupper
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/backend/x64/allocate.hpp"
#include "compiler/backend/x64/row_select.hpp"
#include "compiler/object/code_object.hpp"

namespace sluice::x64 {

// A part, allocated. Of a sweep: the loop, of `copies` vectors at a time, and one vector. Of a
// sweep across: one column, and four, of `copies` columns at a time; perhaps none.
struct RowBlock {
  Allocation code;
  Allocation fours;
  Allocation tail;
  Allocation closed, closed_tail;   // of a sweep that leaves columns out
  std::vector<std::int8_t> pinned;  // of a sweep, or of a row in registers
  int copies = 1;
  int reserved = 0;  // registers of accumulators, along rows
};

struct RowBlocks {
  Allocation once;
  std::vector<RowBlock> parts;
};

// A row's code: what was selected and its registers.
struct RowCode {
  RowSelection selection;
  RowBlocks blocks;
};

// `several`: of more than one row at once, selected after `rows`; or null.
[[nodiscard]] object::CodeObject write_row_kernel(const schedule::RowProgram& program,
                                                  Machine machine, RowCode& rows, RowCode* several);

// Registers for addresses that a row kernel needs, and those that it can have: buffers take one
// each, those of kept values among them, and all cells one.
[[nodiscard]] std::size_t row_pointers(const schedule::RowProgram& program,
                                       const RowSelection& selection);
[[nodiscard]] std::size_t most_row_pointers(const schedule::RowProgram& program,
                                            const RowSelection& selection);
// Rows side by side: what is added to a buffer's address for the last is a register's, times this
// less one. Buffers need a register each for that as well.
inline constexpr int kMostRowsAtOnce = 3;
[[nodiscard]] bool can_have_several(const schedule::RowProgram& program, Machine machine,
                                    const RowSelection& selection);
// Columns of rows across that are done with at a time, where a walk has them (TreeVisit): how far
// the others are from the first is a register's each.
inline constexpr int kColumnsAtOnce = 4;
[[nodiscard]] bool can_have_fours(const schedule::RowProgram& program,
                                  const RowSelection& selection, const RowPart& part);

}  // namespace sluice::x64
