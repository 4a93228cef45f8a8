// The scheduled form of a row function: what is computed in which sweep over a row.
//
// A row is cut into blocks of kBlockColumns. A phase is a sweep over a row's blocks; a pass is a
// sweep over the columns of a block within it, for the reductions of one level. What the columns of
// a pass need is computed in it; what later passes need again is kept, where that is cheaper than
// computing it once more. A row of one block has one phase, whose block values are the row's.
//
//   once a call      uniform
//   for each row     row values of phase 0
//     each block       for each pass: block values, then its columns: body, reductions, stores
//                      states of the merges
//     ...              row values of phase 1, and so on; the last phase may have no passes
//                      outputs that are one value a row
//
// The row of a streamed program is never whole in memory: its columns come once a phase. So nothing
// that is one value a column is kept, a pick takes its element as that goes by, the row's length is
// known after the first phase, and outputs have a phase of their own, after all reductions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <sluice/dtype.hpp>

#include "compiler/ir/graph.hpp"
#include "compiler/schedule/element_program.hpp"
#include "compiler/schedule/tree_order.hpp"

namespace sluice::schedule {

// Columns of a block, and of a group of them (tree_order.hpp says how those are combined). Blocks
// are merged as a binary counter: equal numbers of them as they arrive, the rest from the right at
// the end.
inline constexpr std::int64_t kBlockColumns = 4096;
[[nodiscard]] constexpr std::size_t partial_count(ir::Elem compute) {
  return compute == ir::Elem::f64 ? 32 : 64;
}

struct Pass {
  std::vector<ir::ValueId> block_values;  // before the columns, of what passes before reduced
  std::vector<ir::ValueId> body;          // for each column, operands first
  std::vector<ir::ValueId> reductions;    // of values of the body, inputs, or what is no column's
  std::vector<ir::ValueId> kept;          // of the body: read by later passes as inputs are
  std::vector<std::uint32_t> outputs;     // stored for each column
};

struct Phase {
  std::vector<ir::ValueId> row_values;
  std::vector<Pass> passes;
  std::vector<ir::ValueId> merges;         // of the blocks' values, when all blocks are done
  std::vector<ir::ValueId> picks;          // of a streamed program
  std::vector<ir::ValueId> kept_by_block;  // block values that later phases need
};

struct RowProgram {
  std::string name;  // e.g. "softmax.forward.f32"
  // Leaves, machine ops and reductions. Parameters left in it are those passed at each call.
  ir::Graph graph;
  std::vector<Dtype> input_dtypes;  // as stored; bools as bytes, whose values are integers here
  std::vector<Dtype> output_dtypes;
  std::vector<std::uint32_t> accumulated;  // as an ElementProgram's
  std::vector<bool> row_outputs;           // by output: one element a row
  bool one_block = false;                  // for rows of at most kBlockColumns
  std::vector<ir::ValueId> uniform;
  std::vector<Phase> phases;
  // By buffer: where the call's cells have it, in bytes, which is instead of an address of its own;
  // kNoCell. Of a block's program alone; empty: none.
  static constexpr std::int32_t kNoCell = -1;
  std::vector<std::int32_t> cells = {};
  // By value, of those that a pass keeps: the output in whose buffer it lies until that is stored,
  // as nothing reads an input by then, which the buffer may be too; or kInWorkspace.
  static constexpr std::uint32_t kInWorkspace = 0xffffffff;
  std::vector<std::uint32_t> kept_in = {};
  bool streamed = false;

  [[nodiscard]] bool is_row_output(std::size_t output) const { return row_outputs[output]; }
  [[nodiscard]] std::size_t sources() const { return graph.inputs().size() - accumulated.size(); }
  [[nodiscard]] std::size_t output_buffer(std::size_t output) const { return sources() + output; }
  [[nodiscard]] std::size_t input_buffer(std::size_t input) const {
    return input < sources() ? input : output_buffer(accumulated[input - sources()]);
  }
};

// The graph of a row function for rows of one block: its block values are the row's.
[[nodiscard]] ir::Graph without_merges(const ir::Graph& graph);

// The graph of a row function for streamed rows: what asks whether a column lies before the row's
// end is true of every column there is.
[[nodiscard]] ir::Graph without_row_ends(const ir::Graph& graph);

// Of `program` without passes: its graph, which must be expanded and baked, and its operands.
[[nodiscard]] RowProgram schedule_rows(RowProgram program);

// One phase of a program for rows of many blocks as a program for rows of one: a block. What it
// takes and gives, in the order of its operands; the rest of its inputs and outputs are columns of
// the program's own.
struct BlockProgram {
  struct Operand {
    enum class Kind : std::uint8_t {
      buffer,       // columns of an operand of the program; index: its buffer
      kept,         // columns that a pass of the program keeps
      row_value,    // a value of the row or of the block, by `value`
      first_column  // the index of the block's first column
    };
    Kind kind = Kind::buffer;
    std::uint32_t index = 0;
    ir::ValueId value = {};
  };
  RowProgram program;
  std::vector<Operand> operands;
};
[[nodiscard]] BlockProgram block_program(const RowProgram& program, std::size_t phase);

// Two states of the merges of a phase as one, for all back ends: inputs are the merges' values on
// the left and then on the right, outputs those of both.
[[nodiscard]] ir::Graph combine_states(const RowProgram& program, const Phase& phase);

// For `sluice show --emit schedule`.
[[nodiscard]] std::string to_string(const RowProgram& program);

// A call of a row kernel. Every row has `columns` columns. In steps, in bytes: 0 where a buffer
// holds one value for all.
struct RowCall {
  void* const* buffers = nullptr;  // the graph's inputs, then its outputs
  const std::uint64_t* params = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  const std::int64_t* row_steps = nullptr;     // by buffer
  const std::int64_t* column_steps = nullptr;  // by buffer
  // The index along the axis before the row's: of the first row, and from one to the next.
  std::int64_t row_index = 0;
  std::int64_t row_index_step = 1;
  void* workspace = nullptr;  // workspace_bytes() of the kernel, aligned to 64
  // Of machine code for rows across: the walk over the columns, and its tree_steps().
  const TreeVisit* visits = nullptr;
  std::array<std::int64_t, 2> tree_steps{};
  void* cells = nullptr;  // of a block's program
};

using RowEntry = void (*)(const RowCall* call);

}  // namespace sluice::schedule
