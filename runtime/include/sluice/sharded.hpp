// Rows sharded among ranks: each has some columns of the same rows, as vocabulary-parallel softmax
// and cross-entropy have them, and all of them call together.
//
//   const auto ranks = sluice::mpi::ranks_of(MPI_COMM_WORLD).value();   // <sluice/mpi.hpp>
//   const auto x = sluice::f32({rows, columns});                        // of whole rows
//   const auto softmax = sluice::ShardedKernel::make(
//       ranks, runtime.compile({.function = "softmax", .operands = {x, x}})).value();
//   softmax.call(views);                                                // of (rows, own columns)
//
// What comes out has the bits of the kernel's call for whole rows, on any number of ranks, forward
// and backward. Of each row the ranks exchange their states (<sluice/row_state.hpp>), a few bytes a
// row and level, never its elements, but for those of a block that two ranks share.
//
// Functions that say "collective" are called by every rank of a group, in one order; none returns
// before all others are in it. What goes wrong on one rank is an error on every rank: its own where
// it was, that of the lowest such rank on the others, its message behind "rank 2: ". So are
// kernels, rows and options that differ. A rank that does not come is beyond this: it is what the
// transport makes of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include <sluice/kernel.hpp>
#include <sluice/row_state.hpp>
#include <sluice/status.hpp>
#include <sluice/tensor.hpp>

namespace sluice {

// A group of ranks as one of them sees it, and how they reach each other. The functions are called
// by all ranks together, one after the other; false is the transport's failure, after which the
// group is of no more use: Status::io_error, on this rank. They throw nothing. One rank alone needs
// none of them. <sluice/mpi.hpp> has those of MPI.
struct Ranks {
  struct Message {
    std::size_t rank = 0;  // that it goes to or comes from
    std::span<std::byte> bytes = {};
  };

  std::size_t rank = 0;
  std::size_t count = 1;
  // Every rank gives as many bytes; `all` takes those of each, in their order.
  std::function<bool(std::span<const std::byte> own, std::span<std::byte> all)> gather = {};
  // The root's bytes to all others, which have room for as many.
  std::function<bool(std::size_t root, std::span<std::byte> bytes)> broadcast = {};
  // Messages to some ranks, and from some; one at most from one rank to another, of a length that
  // both know.
  std::function<bool(std::span<const Message> sent, std::span<const Message> received)> exchange =
      {};
};

// Whether all ranks are well: this rank's own error, else that of another. Collective.
[[nodiscard]] Outcome agree(const Ranks& ranks, const Outcome& own);

struct ShardedCallOptions {
  std::span<const double> params = {};  // the passed parameters, in order
  std::int64_t row_index = 0;           // what row() is in the first row; it goes up by 1
  // Shards may be cut anywhere: a block of 4096 columns that more ranks than one have is then sent
  // to the one in which the nearest multiple of 4096 lies. Otherwise every cut must be at one, as
  // shard_bounds() gives them.
  bool realign = false;
};

// A row function's kernel whose rows are sharded. Cheap to copy; calls of one group are made from
// one thread at a time. A call allocates: its states and what is sent.
class ShardedKernel {
 public:
  // `kernel` is this rank's: for whole rows, of one function, operands, parameters and target on
  // all ranks; processors that differ need a target by name. One that could not be had is an error
  // on every rank. Errors: those of StateKernel::make(), and `invalid_argument` where the kernels
  // are not the same. Collective.
  [[nodiscard]] static Result<ShardedKernel> make(const Ranks& ranks, const Result<Kernel>& kernel);

  // The operands in the order of the kernel's call. Those of one value an element: (rows, own
  // columns), where rank 0 has the first columns of each row, rank 1 the next, and so on, some none
  // at all; of one row, or an input that all rows share, also (own columns). Those of one value a
  // row: (rows), whole on every rank, inputs with the same values, outputs likewise. An index
  // counts from the row's first column. An output may be the buffer of an input of its type.
  // Errors: `invalid_operands` and `invalid_argument` for what the ranks do not agree on, too, and
  // for cuts that lie elsewhere than options.realign says; then nothing is written. Outputs hold
  // anything after an error that comes later: `out_of_memory`, `io_error`. Collective.
  [[nodiscard]] Outcome call(std::span<const TensorView> operands,
                             const ShardedCallOptions& options = {}) const;

  // Of this rank's kernel.
  [[nodiscard]] std::span<const OperandInfo> operands() const;

  struct Impl;

 private:
  explicit ShardedKernel(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace sluice
