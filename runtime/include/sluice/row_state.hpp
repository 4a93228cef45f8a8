// Rows in pieces: states of a row function, for streams, shards and whatever a row is cut into.
//
// A state holds what a kernel knows of some rows from their columns so far. Pieces of any
// length are streamed into it; states of neighbouring ranges merge, in any grouping, on any
// machine; and what comes out has the bits of the kernel's call for the whole row.
//
//   auto kernels = StateKernel::make(softmax).value();
//   auto state = RowState::make(kernels, {.rows = 2}).value();
//   state.update(x1);  state.update(x2);  ...      // views of (2, n), of any n
//   state.finish();                                // a level is done: what all columns give
//   state.begin_at(0);                             // the same columns once more, in any pieces
//   state.write(x1, y1);  ...
//
// A function has as many levels as it has reductions that need those before: one of softmax, the
// mean and then the variance of layer_norm. Each is streamed and finished; outputs that are one
// value an element are written last. Rows lie in blocks of 4096 columns, counted from the row's
// first: a state begins at a multiple of that, and ends at one if another state follows it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <sluice/kernel.hpp>
#include <sluice/status.hpp>
#include <sluice/tensor.hpp>

namespace sluice {

class ShardedKernel;

// What the states of a kernel run: code for rows that are never whole in memory. Cheap to copy; it
// may be used from any thread.
class StateKernel {
 public:
  // Compiles, for the kernel's target. `invalid_argument` for a kernel that is not of a row
  // function, or that reduces or splits an operand, as gradients of what all rows share do;
  // `unsupported` for rows whose elements do not lie next to each other, for functions of no
  // elements, for gradients of one value a row that are added to what their buffers hold, and for
  // kernels that check indices.
  [[nodiscard]] static Result<StateKernel> make(const Kernel& kernel);

  [[nodiscard]] std::span<const OperandInfo> operands() const;
  // How often the columns are streamed before outputs are written; 0 where nothing is reduced.
  [[nodiscard]] std::size_t levels() const;
  // Whether there are outputs of one value an element, which are written after the levels.
  [[nodiscard]] bool writes() const;
  [[nodiscard]] std::size_t code_bytes() const;

  struct Impl;

 private:
  friend class RowState;
  friend class ShardedKernel;
  explicit StateKernel(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

struct RowStateOptions {
  std::int64_t rows = 1;
  std::int64_t first_column = 0;  // a multiple of 4096
  // Of the whole row, where it is known beforehand, else -1. A function that needs width() before
  // its first reduction must be told; what else it is good for is that memory is there in time.
  std::int64_t columns = -1;
  std::int64_t row_index = 0;  // what row() is in the first row; it goes up by 1
  // The inputs that are not streamed, in the kernel's order: one value a row, or one for all.
  std::span<const TensorView> inputs = {};
  std::span<const double> params = {};  // the passed parameters, in order
};

// The memory of a state is taken when it is made: for each row its values, two partial results for
// each doubling of its length, and at most one block of the elements, whose pieces have not made a
// whole block yet. Nothing else allocates but the values that a function keeps of every block (its
// greatest element, of softmax), a few bytes a row and block, where the row's length was not known
// beforehand. Not to be used from two threads at once.
class RowState {
 public:
  [[nodiscard]] static Result<RowState> make(const StateKernel& kernel,
                                             const RowStateOptions& options = {});

  // The next columns of every streamed input, in the kernel's order: views of (rows, n) with one n,
  // which may be 0; of one row, or where all rows have the same elements, also (n).
  [[nodiscard]] Outcome update(std::span<const TensorView> elements);
  // The same of `count` columns of the views alone, from their column `first` on.
  [[nodiscard]] Outcome update_columns(std::span<const TensorView> elements, std::int64_t first,
                                       std::int64_t count);

  // Appends the columns of `right`, which begins where this ends, at a multiple of 4096. Both are
  // states of one kernel, with the same rows, inputs and parameters, at the same level.
  [[nodiscard]] Outcome merge(const RowState& right);

  // Ends a level of which all columns are here, from 0 on: the next one begins, at column 0. The
  // last level's end takes the outputs that are one value a row, in the kernel's order, each of as
  // many elements as there are rows; or none, see row_outputs().
  [[nodiscard]] Outcome finish(std::span<const TensorView> outputs = {});
  [[nodiscard]] Outcome row_outputs(std::span<const TensorView> outputs) const;

  // Where the stream goes on after a finished level: at a multiple of 4096, for a shard's part of
  // the next one; anywhere, to write. Nothing of the level may have been streamed yet.
  [[nodiscard]] Outcome begin_at(std::int64_t column);

  // After the levels: the next columns of every streamed input, as in update(), then those of
  // every output of one value an element. An output may be the buffer of an input of its type.
  [[nodiscard]] Outcome write(std::span<const TensorView> elements);
  // The same of `count` columns of the views alone, from their column `first` on.
  [[nodiscard]] Outcome write_columns(std::span<const TensorView> elements, std::int64_t first,
                                      std::int64_t count);

  // The same, from spans, vectors and tensor views.
  template <typename... Views>
  [[nodiscard]] Outcome update(const Views&... views) {
    const TensorView list[] = {TensorView(views)...};
    return update(std::span<const TensorView>(list));
  }
  template <typename... Views>
  [[nodiscard]] Outcome write(Views&&... views) {
    const TensorView list[] = {TensorView(std::forward<Views>(views))...};
    return write(std::span<const TensorView>(list));
  }

  [[nodiscard]] std::int64_t rows() const;
  [[nodiscard]] std::int64_t first_column() const;
  [[nodiscard]] std::int64_t next_column() const;
  [[nodiscard]] std::int64_t columns() const;  // of the whole row; -1 while it is not known
  [[nodiscard]] std::size_t level() const;     // StateKernel::levels() when all are finished

  // The state as it is, to be sent elsewhere: for a state of the same kernel (function, operands,
  // parameters, target, version) on a machine of the same byte order. States of the same columns
  // have the same bytes, in whatever pieces they came.
  [[nodiscard]] std::vector<std::byte> bytes() const;
  // `invalid_argument` for bytes that are no state or another kernel's, `io_error` for damaged
  // ones.
  [[nodiscard]] static Result<RowState> from_bytes(const StateKernel& kernel,
                                                   std::span<const std::byte> bytes);

  RowState(RowState&& other) noexcept;
  RowState& operator=(RowState&& other) noexcept;
  ~RowState();

 private:
  struct Impl;
  explicit RowState(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Where rows of so many columns are cut for `ranks` shards: ranks + 1 columns, from 0 to `columns`,
// those between them at multiples of 4096, nearest to even shards. Shards of few columns may be
// empty.
[[nodiscard]] std::vector<std::int64_t> shard_bounds(std::int64_t columns, std::size_t ranks);

}  // namespace sluice
