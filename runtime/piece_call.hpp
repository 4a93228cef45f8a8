// A call whose tensors come in pieces, for those that are larger than memory: the bits are those of
// the call on the whole.
//
// In: a kernel and the shapes of its whole operands, then the elements of each piece in order. A
// piece has some of one dimension, one of each outside it, all of each inside; of an operand it
// needs a slice, elements that lie one after the other. Out: the slices of what is written, and
// after the last piece the sums that go over several.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <sluice/kernel.hpp>
#include <sluice/status.hpp>
#include <sluice/tensor.hpp>

#include "runtime/call_checks.hpp"
#include "runtime/row_call.hpp"

namespace sluice {

class PieceCall {
 public:
  // `whole`: a view of each operand, whose data is not looked at; `params`: those passed.
  // Pieces have `elements` of the shape that operands broadcast to, or if a row has more, one row
  // (where rows lie across, those next to each other; of halves, both). Errors: those of a call,
  // and `unsupported` for strides.
  [[nodiscard]] static Result<PieceCall> make(const Kernel& kernel,
                                              std::span<const TensorView> whole,
                                              std::span<const double> params,
                                              std::int64_t elements);

  [[nodiscard]] std::int64_t pieces() const { return pieces_; }  // the first is the largest
  // The pieces are run in order as often as this, and written in the last pass: a mean that divides
  // by another sum needs that first.
  [[nodiscard]] std::size_t passes() const { return divisor_ == nullptr ? 1 : 2; }

  struct Slice {
    std::int64_t first = 0;  // among the operand's elements
    std::int64_t count = 1;
    Extents shape;
  };
  // What a piece has of an operand. Those of what is written follow one another.
  [[nodiscard]] Slice slice(std::size_t operand, std::int64_t piece) const;
  // Whether the operand is written after the last piece, by finish().
  [[nodiscard]] bool is_sum(std::size_t operand) const { return (sums_ >> operand & 1u) != 0; }

  // What row() is in a piece's first row.
  [[nodiscard]] std::int64_t row_index(std::int64_t piece) const;

  // `views` have the shapes of the slices; of sums no memory is needed. Errors: an index that is no
  // column, where the kernel checks that, and out_of_memory.
  [[nodiscard]] Outcome run(std::size_t pass, std::int64_t piece, std::span<const TensorView> views,
                            const Parallel& parallel);
  // After all: `views` of the whole, of which the sums are written.
  void finish(std::span<const TensorView> views);

 private:
  PieceCall(const Kernel& kernel, std::span<const TensorView> whole)
      : kernel_(kernel), whole_(whole.begin(), whole.end()),
        checks_(std::make_unique<CallChecks>(KernelState::of(kernel), whole_)) {}

  [[nodiscard]] Outcome begin(std::int64_t elements);
  void choose_cut(std::int64_t elements);
  template <typename T>
  [[nodiscard]] Outcome begin_sums();
  [[nodiscard]] Outcome run_divisor(std::int64_t piece, std::span<const TensorView> views,
                                    const Parallel& parallel);
  [[nodiscard]] PieceOf place_of(std::int64_t piece) const;

  struct Free {
    void operator()(std::byte* memory) const;
  };

  Kernel kernel_;
  std::vector<TensorView> whole_;
  std::unique_ptr<CallChecks> checks_;  // where pieces refer to it
  std::size_t cut_ = 0;                 // the dimension, counted from the innermost
  std::int64_t each_ = 1;               // of a piece along that
  std::int64_t pieces_ = 1;
  OperandSet sums_ = 0;
  std::unique_ptr<std::byte, Free> memory_;  // of the sums
  double divided_by_ = 1;
  std::array<std::uint64_t, kMaxPassed> params_{};
  std::unique_ptr<PieceCall> divisor_;  // gives what a mean is divided by, where that is a sum
};

}  // namespace sluice
