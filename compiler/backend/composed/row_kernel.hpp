// Row kernels composed of element kernels: each sweep of a row program as a kernel of its own, made
// by any back end, with the order of reductions between them in C++.
//
// In: a scheduled row program and what makes element kernels. Out: a kernel for rows whose columns
// are contiguous, or for rows that lie next to each other, column by column (an axis that is not
// the last). Values that are one for a row or a block lie in cells, one lane for each row at hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <sluice/parallel.hpp>
#include <sluice/status.hpp>

#include "compiler/schedule/row_program.hpp"

namespace sluice::composed {

// An element kernel, callable from any thread at once.
struct ElementKernel {
  std::function<void(void* const* buffers, std::int64_t count, const std::uint64_t* params)> run;
  std::uint32_t number = 0;  // its maker's, by which a plan's bytes name it
};
using MakeElementKernel = std::function<Result<ElementKernel>(const schedule::ElementProgram&)>;

// A kernel of rows of one block as a whole, and the workspace that a call of it needs.
struct BlockKernel {
  std::function<void(const schedule::RowCall& call)> run;
  std::size_t workspace_bytes = 0;
  std::uint32_t number = 0;  // as an element kernel's
};
// May be empty, and may fail: the rows of a program of one block, or the blocks of a phase of
// another, are then composed of element kernels.
using MakeBlockKernel = std::function<Result<BlockKernel>(const schedule::RowProgram&)>;

// What the kernels that a plan's bytes name do; empty where there is none of the number.
struct KernelsByNumber {
  std::function<decltype(ElementKernel::run)(std::uint32_t)> element;
  std::function<decltype(BlockKernel::run)(std::uint32_t)> block;
};

struct ColumnRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

[[nodiscard]] constexpr std::int64_t block_count(std::int64_t columns) {
  return (columns + schedule::kBlockColumns - 1) / schedule::kBlockColumns;
}

// Some rows in the middle of being computed, or a range of their blocks: where their own values
// are. What a part holds of a phase are the finished subtrees (subtrees.hpp) of the blocks from
// `first_block` on, in order, a state each: the same bits whatever the parts are.
struct RowPart {
  const schedule::RowCall* call = nullptr;  // its workspace aside; `columns` are the whole row's
  std::int64_t row = 0;                     // the first of the rows
  std::int64_t rows = 1;                    // at most RowSizes::rows
  std::int64_t origin = 0;                  // the column that the call's buffers begin at
  std::int64_t first_block = 0;
  void* cells = nullptr;         // the values of the rows and of the block at hand
  void* states = nullptr;        // of the phase at hand: kMostSubtrees
  void* kept = nullptr;          // values of the columns, from the row's first
  void* arrays = nullptr;        // values kept of each block, from first_array on
  std::int64_t first_array = 0;  // a block
  void* scratch = nullptr;       // aligned to 64, for one call at a time
};

// Bytes that a part takes.
struct RowSizes {
  std::int64_t rows = 1;  // that are computed at once
  std::size_t phases = 0;
  std::size_t cells = 0;
  std::size_t state = 0;   // each
  std::size_t column = 0;  // of `kept`
  std::size_t block = 0;   // of `arrays`
  std::size_t scratch = 0;
};

// Immutable, callable from any thread at once; no allocation, lock or system call in `run`.
class RowKernel {
 public:
  // `across`: rows lie next to each other, and each sweep goes over rows for one column at a time.
  [[nodiscard]] static Result<RowKernel> make(const schedule::RowProgram& program, bool across,
                                              const MakeElementKernel& make_element,
                                              const MakeBlockKernel& make_block = {});

  // All of it but what its kernels do, and the same again; nothing of what are no such bytes.
  [[nodiscard]] std::vector<std::uint8_t> plan_bytes() const;
  [[nodiscard]] static std::optional<RowKernel> from_plan_bytes(std::span<const std::uint8_t> bytes,
                                                                const KernelsByNumber& kernels);

  // Every element input's column step is its element's size and, across, every row step that is not
  // 0 is; the call's workspace has workspace_bytes(columns), aligned to 64.
  void run(const schedule::RowCall& call) const;
  [[nodiscard]] std::size_t workspace_bytes(std::int64_t columns) const;

  // Of a program of many blocks: the rows one after the other, the blocks of each in so many tasks
  // or fewer. The call's workspace has long_workspace_bytes() of as many.
  void run_long(const schedule::RowCall& call, const Parallel& parallel, std::size_t tasks) const;
  [[nodiscard]] std::size_t long_workspace_bytes(std::int64_t columns, std::size_t tasks) const;

  // The same step by step, of a program of many blocks. A phase begins with what is one value a
  // row; the columns of its blocks then come in any number of parts that follow one another, each
  // in order; the last part's are appended to the one before, and so on; the first part, which has
  // all of the row's blocks then, finishes the phase. A phase that does not read columns has only
  // its beginning. Every part begins a phase with a copy of the cells.
  [[nodiscard]] RowSizes sizes() const;
  [[nodiscard]] bool reads_columns(std::size_t phase) const;
  void begin_rows(const RowPart& part) const;
  void begin_phase(const RowPart& part, std::size_t phase) const;
  // From a block's beginning to a block's end or the row's; where the phase reduces nothing, any.
  void run_columns(const RowPart& part, std::size_t phase, ColumnRange columns) const;
  // `columns`: those of the right, from its first block on.
  void append(const RowPart& left, std::size_t phase, const RowPart& right,
              ColumnRange columns) const;
  void finish_phase(const RowPart& part, std::size_t phase) const;
  void store_outputs(const RowPart& part) const;

  [[nodiscard]] std::size_t bytes() const;  // memory held, without the element kernels' own

  struct Plan;

 private:
  explicit RowKernel(std::shared_ptr<const Plan> plan) : plan_(std::move(plan)) {}
  template <typename Do>
  void with_run(const RowPart& part, const Do& act) const;
  std::shared_ptr<const Plan> plan_;
};

}  // namespace sluice::composed
