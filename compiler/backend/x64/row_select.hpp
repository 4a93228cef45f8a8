// Selection for row kernels: a row as parts, one after the other.
//
// A short row, whose length is part of the code, is one part: all its vectors, pass by pass, in
// registers. Rows of any length up to a block take sweeps: between straight parts, which compute
// what is one for the row, a loop over the columns for each pass, whose reductions have
// accumulators. What crosses from one part to another has a slot of the frame.
//
// The reductions' order (schedule/tree_order.hpp) is that of vectors here: a round is the vectors
// of a group of columns, and has an accumulator for each. Rounds are merged as a binary counter,
// whose levels have slots of the frame, then accumulators and the halves of one are combined; since
// a half combined with the other gives the same either way, every lane has the result. Of rows
// across the vectors are visited in the order of the walk, whose levels have a slot each.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <sluice/status.hpp>

#include "compiler/backend/x64/select.hpp"
#include "compiler/schedule/row_program.hpp"

namespace sluice::x64 {

// Where the partial results of a reduction that has an order lie: slots of the frame. Along rows
// the counter's levels over pairs of rounds, after what a round begins from; of rows across the
// walk's places.
struct RowTree {
  static constexpr std::uint32_t kNone = 0xffffffff;
  std::uint32_t slot = kNone;
  Accumulation kind = Accumulation::sum;
};

struct RowPart {
  Block block;
  bool sweep = false;  // over the columns, a vector at a time
  // Of a sweep: its accumulators' slots come one reduction after the other, from this one on.
  std::uint32_t reductions = 0;
  std::uint32_t accumulators = 0;
  std::vector<RowTree> trees = {};  // by reduction
  // The slot of the last column that is open, or none; columns after it, or from it on, are left
  // out, and `closed` stores what they have.
  std::int32_t last_slot = -1;
  bool last_included = true;
  Block closed = {};

  [[nodiscard]] bool has_tree() const {
    return std::any_of(trees.begin(), trees.end(),
                       [](const RowTree& tree) { return tree.slot != RowTree::kNone; });
  }
};

struct RowSelection {
  explicit RowSelection(Machine machine) : selection(machine) {}

  // `once`: what is one for the call. Its slots of the frame are the parts' too.
  Selection selection;
  std::vector<RowPart> parts;
  std::int64_t columns = 0;  // exactly; 0: any number
  std::uint32_t rows = 1;    // at once: to a vector, or side by side
  bool across = false;       // rows lie next to each other: lanes are rows
  // Slots of the frame, vectors, where the row's index and its length are read; or none.
  std::int32_t row_index_slot = -1;
  std::int32_t width_slot = -1;
  // Values that sweeps keep have buffers after the operands': of those in the workspace, the number
  // of columns that come before.
  std::uint32_t kept_in_workspace = 0;
  std::vector<std::uint32_t> kept_buffers;  // an output's buffer, or from buffers() on
};

// Vectors of a round of a sweep: one for each accumulator of a reduction.
[[nodiscard]] std::uint32_t round_vectors(ir::Elem compute, Machine machine);
// Levels of the counter over pairs of rounds.
[[nodiscard]] std::uint32_t pair_levels(ir::Elem compute);

// For rows of exactly `columns`, held in registers; with 0 for rows of up to a block, in sweeps.
// `unsupported` where the program or its operands' types have no code here, `limit_exceeded` where
// a part would be too long.
[[nodiscard]] Result<RowSelection> select_rows(const schedule::RowProgram& program, Machine machine,
                                               std::int64_t columns);
// For rows that lie next to each other, in sweeps: lanes are rows, and column i of a row goes to
// accumulator i modulo their number.
[[nodiscard]] Result<RowSelection> select_rows_across(const schedule::RowProgram& program,
                                                      Machine machine);

// Rows to a vector where that can be more than one: rows of a power of two of columns that have
// nothing but columns, one after the other in every buffer. Else 1.
[[nodiscard]] std::uint32_t rows_to_vector(const schedule::RowProgram& program, Machine machine,
                                           std::int64_t columns);
// Such rows, so many at a time. Its constants and its slots of the frame come after `first`'s.
[[nodiscard]] Result<RowSelection> select_packed_rows(const schedule::RowProgram& program,
                                                      Machine machine, const RowSelection& first);

}  // namespace sluice::x64
