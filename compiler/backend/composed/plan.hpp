// The plan of a composed row kernel: its sections, each an element kernel, and where the values
// that cross from one to another lie.
//
// In: a row program and what makes element kernels. Out: sections in the order of the program, with
// a cell for each value of a row or a block that another section, a reduction or the caller reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <sluice/status.hpp>

#include "compiler/backend/composed/row_kernel.hpp"

namespace sluice::composed {

inline constexpr std::size_t kMostBlockOperands = 256;

// What a section's buffer is.
struct Slot {
  enum class Kind : std::uint8_t {
    cell,          // one value for each row at hand
    operand,       // columns of a buffer of the call
    kept,          // columns of a value that a pass kept
    temp,          // columns that a reduction is about to read
    column,        // the columns' indices; of rows across, the one index
    first_column,  // the index of the block's first column
  };
  Kind kind = Kind::cell;
  std::uint32_t index = 0;
};

struct Section {
  ElementKernel kernel;  // empty where there is nothing to compute
  std::vector<Slot> slots;
};

// A reduction over the columns of a block, into a cell.
struct Reduction {
  ir::Op op = ir::Op::block_sum;
  Slot from;  // an operand, a kept value or a temp, of the compute type's lanes
  std::uint32_t cell = 0;
};

// An element of an input at a column that a cell holds, into a cell.
struct Pick {
  std::uint32_t buffer = 0;
  std::uint32_t column = 0;  // the cell
  std::uint32_t cell = 0;
};

// One after the other: the section, then the picks that it has found the columns for.
struct Stage {
  Section section;
  std::vector<Pick> picks;
};

struct PassPlan {
  std::vector<Stage> before;  // of the block's values
  Section columns;
  std::vector<Reduction> reductions;
};

// A merge over blocks: its state while blocks arrive is the cell of what is merged.
struct Merge {
  ir::Op op = ir::Op::merge_sum;
  std::uint32_t from = 0;  // cell: the block's
  std::uint32_t cell = 0;  // of the result
};

// A block value that a later phase reads.
struct KeptByBlock {
  std::uint32_t cell = 0;
  std::uint32_t array = 0;
};

// The cell of a block reduction.
struct Reduced {
  std::uint32_t cell = 0;
  ir::Op op = ir::Op::block_sum;
};

struct PhasePlan {
  std::vector<Stage> before;  // of the row's values
  std::vector<KeptByBlock> restored;
  std::vector<PassPlan> passes;
  std::vector<Reduced> reduced;
  std::vector<KeptByBlock> kept;
  std::vector<Merge> merges;
  std::vector<Pick> picks;        // of a streamed program, as the columns go by
  BlockKernel block;              // in place of the passes, where there is one
  std::vector<Slot> block_slots;  // its buffers
  Section combine;                // temps of the two states, left and then right, and of the result

  [[nodiscard]] bool reads_columns() const {
    return !passes.empty() || block.run || !picks.empty();
  }
};

// A lane of the caller's that is one for the row: an input read into a cell, an output written.
struct RowOperand {
  std::uint32_t buffer = 0;
  std::uint32_t cell = 0;
  Dtype dtype = Dtype::f32;
  bool integer = false;
};

struct RowKernel::Plan {
  BlockKernel whole;  // of a program of one block; of rows along there is nothing else then
  std::vector<std::uint32_t> own_rows;  // buffers of which `whole` of rows across has one a row
  bool across = false;
  bool wide = false;  // 64-bit lanes
  std::size_t lanes = 1;
  std::vector<Dtype> dtypes;  // by buffer
  std::vector<RowOperand> inputs;
  std::vector<RowOperand> outputs;
  std::int32_t width_cell = -1;
  std::int32_t row_index_cell = -1;
  std::vector<std::uint32_t> across_broadcast;  // element inputs, which rows across may share
  Section once;
  std::vector<PhasePlan> phases;
  std::uint32_t cells = 0;
  std::uint32_t temps = 0;
  std::uint32_t kept = 0;
  std::uint32_t kept_by_block = 0;
  std::uint32_t largest_section = 0;  // slots
  std::uint32_t largest_state = 0;    // merges of a phase
  std::uint32_t largest_reductions = 0;
  std::size_t block_workspace = 0;  // bytes
};

[[nodiscard]] Result<std::shared_ptr<const RowKernel::Plan>>
make_plan(const schedule::RowProgram& program, bool across, const MakeElementKernel& make_element,
          const MakeBlockKernel& make_block);

}  // namespace sluice::composed
