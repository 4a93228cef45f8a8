// A checked call of a kernel that is not plain: the loops around rows, and what is added up, halved
// or divided on the way.
//
// In: views that go together. What the kernel computes of rows or of a stretch of elements is a
// piece; what is to be a sum it writes to memory of its own, which is added up after each piece in
// the order of sum_rows.hpp. Nothing here allocates. What is set up before the loops run stands in
// row_call_setup.cpp, and what becomes of strides that the kernel can't follow in
// row_call_packs.cpp.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <type_traits>

#include <sluice/parallel.hpp>

#include "runtime/call_checks.hpp"
#include "runtime/kernel_state.hpp"
#include "runtime/range.hpp"
#include "runtime/sum_rows.hpp"
#include "runtime/workspace.hpp"

namespace sluice {

using Steps = std::array<std::int64_t, TensorView::kMaxRank>;  // by dimension, innermost first

// Neighbouring dimensions in which every operand goes on by the same step.
struct Loop {
  std::int64_t extent = 1;
  std::size_t innermost = 0;  // of its dimensions: where the steps are those of the loop
};

// Of a call whose views are a piece of larger tensors: some of one dimension, `cut`, one of each
// outside it, all of each inside. Sums over any of those go on from piece to piece, in `sums`.
struct PieceOf {
  const CallChecks* whole = nullptr;  // of the tensors
  std::size_t cut = 0;
  Aligned place{};            // of the piece's first element
  std::byte* sums = nullptr;  // RowCall::sums_bytes()
  double divisor = 1;         // of means
};

// What the kernel writes for an operand that is a sum.
struct Sum {
  std::size_t operand = 0;   // the kernel's
  std::size_t argument = 0;  // the call's
  bool per_row = false;      // one value a row comes in
  bool along_row = false;    // rows are summed before terms are made of them
  bool reduced = false;      // the first output, of which a mean is made
  bool goes_on = false;      // over pieces
  Steps targets{};           // in elements of the result
  Steps terms{};
  std::int64_t target_count = 1;
  std::int64_t term_count = 1;
  std::int64_t row_length = 1;                 // of elementwise functions
  std::int64_t row_step = 0, column_step = 0;  // of the values in `scratch`, in elements
  // Where the loops are.
  std::int64_t target = 0;
  std::int64_t term = 0;
  std::size_t scratch = 0, state = 0, row = 0;  // from the beginning of their memory
  std::size_t scratch_each = 0;                 // of a task, where each has its own
  // Where tasks share blocks: the blocks' sums, and a task's RowSum.
  std::size_t blocks = 0, block_row = 0;
  std::int64_t block = 0, column = 0;  // at hand
};

static_assert(std::is_trivially_destructible_v<Sum>);

// Elements of a piece, where there is anything to add up: few enough to stay in cache, a multiple
// of a row's blocks. Where threads share a piece, each has more, for they wait for one another.
inline constexpr std::int64_t kSumPiece = 4 * schedule::kBlockColumns;
inline constexpr std::int64_t kTaskPiece = 4 * kSumPiece;

// What of a call its tasks have a share of, so that no bit depends on it.
enum class Share : std::uint8_t {
  none,
  units,   // rows, or elements of an elementwise function: nothing is added up
  inner,   // elements of the innermost loop, each of which goes to sums of its own
  pieces,  // the rows or the blocks of a piece, then the rows or columns of what is added up
  blocks,  // of rows of an elementwise function that are summed: their blocks of 4096 elements
};

// The sum of a block of a row, and where the row's goes.
template <typename T>
struct BlockSum {
  T value;
  std::int64_t columns = 0;
  std::int64_t target = 0;
  std::int64_t term = 0;
};

template <typename T>
class RowCall {
 public:
  // `piece` is null where the views are the whole.
  RowCall(const Kernel& kernel, std::span<const TensorView> views, const CallChecks& checks,
          std::size_t threads, const PieceOf* piece);

  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t sums_bytes() const { return sums_bytes_; }

  // `divisor`: of means.
  void run(std::byte* memory, const std::uint64_t* params, T divisor, const Parallel& parallel);
  // The elements that the first output has before it is reduced.
  [[nodiscard]] std::int64_t reduced_count() const;

  // Whether an operand of the call is a sum that lies in several pieces.
  [[nodiscard]] bool sum_goes_on(std::size_t k) const;
  // These sums: before the first piece and after the last, to the views.
  void begin_sums();
  void finish_sums(T divisor);

 private:
  static constexpr std::size_t kNoAxis = TensorView::kMaxRank;

  [[nodiscard]] std::int64_t columns() const { return frame_.columns(); }
  [[nodiscard]] bool is_sum(std::size_t operand) const {
    return (sum_operands_ >> operand & 1u) != 0;
  }
  [[nodiscard]] Sum& sum_at(std::size_t index) {
    return *std::launder(reinterpret_cast<Sum*>(sums_memory_.data() + index * sizeof(Sum)));
  }
  [[nodiscard]] const Sum& sum_at(std::size_t index) const {
    return *std::launder(reinterpret_cast<const Sum*>(sums_memory_.data() + index * sizeof(Sum)));
  }
  [[nodiscard]] bool output_per_row() const {
    return spec_.row && spec_.definition_text().outputs[0].extent != dsl::Extent::element;
  }
  std::size_t take(std::size_t bytes) { return take(bytes, bytes_); }
  static std::size_t take(std::size_t bytes, std::size_t& total) {
    const std::size_t at = total;
    total += workspace_aligned(bytes);
    return at;
  }
  [[nodiscard]] T* scratch(const Sum& sum) const {
    return reinterpret_cast<T*>(memory_ + sum.scratch);
  }
  [[nodiscard]] std::byte* memory_of(const Sum& sum) const {
    return sum.goes_on ? piece_of_->sums : memory_;
  }
  [[nodiscard]] TermSums<T> terms(const Sum& sum) const {
    return {memory_of(sum) + sum.state, sum.target_count, sum.term_count};
  }
  [[nodiscard]] RowSum<T>* row_sum(const Sum& sum) const {
    return reinterpret_cast<RowSum<T>*>(memory_of(sum) + sum.row);
  }
  [[nodiscard]] std::int64_t element_size(std::size_t operand) const {
    return static_cast<std::int64_t>(size_of(spec_.operands[operand].dtype));
  }

  void find_operands();
  void add_sum(std::size_t k);
  void make_loops();
  [[nodiscard]] bool goes_on(std::size_t outer, std::size_t inner) const;
  [[nodiscard]] bool fits_kernel(std::size_t dimension) const;
  // Rows or elements in the loops from `depth` on.
  [[nodiscard]] std::int64_t unit_count(std::size_t depth) const {
    std::int64_t count = inner_extent_;
    for (; depth < outer_loops_; ++depth) count *= loops_[depth].extent;
    return count;
  }
  void choose_tasks(std::size_t threads);
  [[nodiscard]] Share choose_share(std::int64_t units) const;
  [[nodiscard]] bool sums_same_rows() const;
  void choose_pieces();
  void measure(Sum& sum);
  void set_row_steps();
  [[nodiscard]] bool has_columns(const driver::Operand& operand) const;
  // In bytes along the kernel's own loop, if it has one.
  [[nodiscard]] std::int64_t inner_step(std::size_t operand) const {
    return outer_loops_ < loop_count_ ? steps_[operand][inner_] : 0;
  }
  [[nodiscard]] bool is_packed(std::size_t operand) const { return (packed_ >> operand & 1u) != 0; }
  void choose_packs();
  [[nodiscard]] bool needs_pack(std::size_t operand) const;
  [[nodiscard]] std::int64_t packed_rows() const;
  void measure_packs();
  void pack(std::int64_t count);
  void unpack(std::int64_t count);
  void copy_piece(std::size_t operand, std::int64_t count, bool back);
  void set_divided();
  [[nodiscard]] T mean_of(T sum) const;
  void advance(const Loop& loop, std::int64_t times);
  void run_tasks();
  void run_loop(std::size_t depth, Range units);
  void run_inner(Range range);
  void run_piece(std::int64_t first, std::int64_t count);
  void run_rows(const RowExtent& extent);
  // Of a row function's piece, which may be small where loops lie around it.
  [[nodiscard]] std::size_t tasks_of_piece(std::int64_t rows) const {
    return share_ == Share::pieces ? task_count(rows * columns(), tasks_) : 1;
  }
  void add_up(Sum& sum, std::int64_t count);
  void sum_rows(const Sum& sum, std::int64_t count);
  [[nodiscard]] T sum_long_row(const Sum& sum, const Strided<T>& values);
  void add_up_rows(Sum& sum, std::int64_t count);
  void add_up_columns(Sum& sum, std::int64_t count);
  [[nodiscard]] bool adds_by_column(const Sum& sum) const;
  void add_up_elements(Sum& sum, std::int64_t count);
  void add_up_block(Sum& sum, std::int64_t count);
  [[nodiscard]] std::int64_t row_length() const { return sum_at(0).row_length; }
  [[nodiscard]] BlockSum<T>* block_sums(const Sum& sum) const {
    return reinterpret_cast<BlockSum<T>*>(memory_ + sum.blocks);
  }
  void run_blocks(Range units);
  void run_block_tasks(Range range, std::int64_t row_begin);
  void add_block_sums(Sum& sum, std::int64_t count);
  template <typename Use>
  void for_shares(std::int64_t count, std::size_t tasks, const Use& use) const;
  void finish(const Sum& sum);

  const Kernel& kernel_;
  const KernelState& state_;
  const ResolvedSpec& spec_;
  std::span<const TensorView> views_;
  const CallChecks& checks_;
  const Frame& frame_;
  const PieceOf* piece_of_;
  std::size_t axis_;

  // Of as many operands as there are; the rest is never looked at.
  std::array<void*, kMaxOperands> buffers_;
  std::array<Steps, kMaxOperands> steps_;
  OperandSet sum_operands_ = 0;
  std::array<std::int64_t, kMaxOperands> row_steps_, column_steps_;  // of row functions
  alignas(Sum) std::array<std::byte, kMaxOperands * sizeof(Sum)> sums_memory_;
  std::size_t sum_count_ = 0;
  std::array<Loop, TensorView::kMaxRank> loops_;
  std::size_t loop_count_ = 0;
  std::size_t outer_loops_ = 0;
  std::int64_t inner_extent_ = 1;  // of the kernel's own loop
  std::size_t inner_ = 0;
  std::int64_t piece_ = 1;
  // Operands of which each piece is copied, and where from: into memory of a task's own.
  OperandSet packed_ = 0;
  std::array<std::byte*, kMaxOperands> packed_from_;
  std::array<std::size_t, kMaxOperands> pack_at_;
  std::size_t packs_ = 0, packs_each_ = 0;
  bool empty_ = false;
  Share share_ = Share::none;
  std::size_t tasks_ = 1;
  bool long_rows_ = false;        // blocks of a row at a time, not rows
  std::int64_t block_count_ = 0;  // of which the sums are held
  bool in_task_ = false;          // a copy of which a task runs blocks
  std::size_t bytes_ = 0, sums_bytes_ = 0, divided_ = 0;
  std::size_t rows_workspace_ = 0, rows_workspace_each_ = 0;  // of a task

  std::byte* memory_ = nullptr;
  const std::uint64_t* params_ = nullptr;
  T divisor_ = 1;
  std::int64_t first_row_index_ = 0, row_index_ = 0;
  Range inner_range_;  // of the kernel's own loop, this task's
  const Parallel* parallel_ = nullptr;
};

}  // namespace sluice
