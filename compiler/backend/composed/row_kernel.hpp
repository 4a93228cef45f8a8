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
#include <utility>

#include <sluice/status.hpp>

#include "compiler/schedule/row_program.hpp"

namespace sluice::composed {

// An element kernel, callable from any thread at once.
using ElementKernel =
    std::function<void(void* const* buffers, std::int64_t count, const std::uint64_t* params)>;
using MakeElementKernel = std::function<Result<ElementKernel>(const schedule::ElementProgram&)>;

// A kernel of rows of one block as a whole, and the workspace that a call of it needs.
struct BlockKernel {
  std::function<void(const schedule::RowCall& call)> run;
  std::size_t workspace_bytes = 0;
};
// May be empty, and may fail: the rows of a program of one block, or the blocks of a phase of
// another, are then composed of element kernels.
using MakeBlockKernel = std::function<Result<BlockKernel>(const schedule::RowProgram&)>;

// Immutable, callable from any thread at once; no allocation, lock or system call in `run`.
class RowKernel {
 public:
  // `across`: rows lie next to each other, and each sweep goes over rows for one column at a time.
  [[nodiscard]] static Result<RowKernel> make(const schedule::RowProgram& program, bool across,
                                              const MakeElementKernel& make_element,
                                              const MakeBlockKernel& make_block = {});

  // Every element input's column step is its element's size and, across, every row step that is not
  // 0 is; the call's workspace has workspace_bytes(columns), aligned to 64.
  void run(const schedule::RowCall& call) const;
  [[nodiscard]] std::size_t workspace_bytes(std::int64_t columns) const;
  [[nodiscard]] std::size_t bytes() const;  // memory held, without the element kernels' own

  struct Plan;

 private:
  explicit RowKernel(std::shared_ptr<const Plan> plan) : plan_(std::move(plan)) {}
  std::shared_ptr<const Plan> plan_;
};

}  // namespace sluice::composed
