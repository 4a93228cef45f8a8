// The checked call of kernels that are not plain: the loops around rows, and what is added up,
// halved or divided on the way.
//
// In: views that go together. What the kernel computes of rows or of a stretch of elements is a
// piece; what is to be a sum it writes to memory of its own, which is added up after each piece in
// the order of sum_rows.hpp. Nothing here allocates but the thread's workspace.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <new>
#include <type_traits>

#include "compiler/backend/composed/lanes.hpp"
#include "runtime/call_checks.hpp"
#include "runtime/index_check.hpp"
#include "runtime/kernel_state.hpp"
#include "runtime/sum_rows.hpp"
#include "runtime/workspace.hpp"

namespace sluice {
namespace {

using driver::Role;
using Steps = std::array<std::int64_t, TensorView::kMaxRank>;  // by dimension, innermost first

// Elements of a piece, where there is anything to add up: few enough to stay in cache, a multiple
// of a row's blocks.
constexpr std::int64_t kPiece = 4 * schedule::kBlockColumns;

// Steps of an operand whose elements lie one after the other, in units of `size`; 0 where it stands
// still. `halved` is the dimension along which it has the other half as well.
Steps steps_of(const Aligned& own, std::int64_t size, std::size_t halved) {
  Steps steps{};
  for (std::size_t d = 0; d < own.size(); ++d) {
    if (own[d] != 1) steps[d] = size;
    size *= own[d] * (d == halved ? 2 : 1);
  }
  return steps;
}

template <typename T>
T load(const void* from, Dtype dtype) {
  return std::bit_cast<T>(composed::load_lane<T>(dtype, from, false));
}
template <typename T>
void store(void* to, Dtype dtype, T value) {
  composed::store_lane<T>(dtype, to, std::bit_cast<typename composed::Lane<T>::Bits>(value), false);
}

// Neighbouring dimensions in which every operand goes on by the same step.
struct Loop {
  std::int64_t extent = 1;
  std::size_t innermost = 0;  // of its dimensions: where the steps are those of the loop
};

// What the kernel writes for an operand that is a sum.
struct Sum {
  std::size_t operand = 0;   // the kernel's
  std::size_t argument = 0;  // the call's
  bool per_row = false;      // one value a row comes in
  bool along_row = false;    // rows are summed before terms are made of them
  bool reduced = false;      // the first output, of which a mean is made
  Steps targets{};           // in elements of the result
  Steps terms{};
  std::int64_t target_count = 1;
  std::int64_t term_count = 1;
  std::int64_t row_length = 1;                 // of elementwise functions
  std::int64_t row_step = 0, column_step = 0;  // of the values in `scratch`, in elements
  // Where the loops are.
  std::int64_t target = 0;
  std::int64_t term = 0;
  std::size_t scratch = 0, state = 0, row = 0;  // from the workspace's beginning
};

static_assert(std::is_trivially_destructible_v<Sum>);

template <typename T>
class RowCall {
 public:
  RowCall(const Kernel& kernel, const KernelState& state, std::span<const TensorView> views,
          const CallChecks& checks)
      : kernel_(kernel), state_(state), spec_(*state.spec), views_(views), checks_(checks),
        frame_(checks.frame()), axis_(spec_.row ? std::size_t{*spec_.axis} : kNoAxis) {
    find_operands();
    make_loops();
    choose_pieces();
    for (std::size_t s = 0; s < sum_count_; ++s) measure(sum_at(s));
    if (spec_.row) set_row_steps();
    divided_ = take(spec_.operands.size() * sizeof(double));
    rows_workspace_ = take(state_.rows ? state_.rows->workspace_bytes(columns()) : 0);
  }

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  // `divisor`: of means.
  void run(std::byte* memory, const std::uint64_t* params, T divisor) {
    memory_ = memory;
    params_ = params;
    divisor_ = divisor;
    for (std::size_t s = 0; s < sum_count_; ++s) new (row_sum(sum_at(s))) RowSum<T>;
    set_divided();
    if (!empty_) run_loop(0);
    for (std::size_t s = 0; s < sum_count_; ++s) finish(sum_at(s));
  }

  // The elements that the first output has before it is reduced.
  [[nodiscard]] std::int64_t reduced_count() const {
    std::int64_t count = 1;
    const bool per_row = output_per_row();
    for (std::size_t d = 0; d < frame_.rank(); ++d)
      if (!per_row || d != axis_) count *= frame_.extent(d);
    return count;
  }

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
  std::size_t take(std::size_t bytes) {
    const std::size_t at = bytes_;
    bytes_ += workspace_aligned(bytes);
    return at;
  }
  [[nodiscard]] T* scratch(const Sum& sum) const {
    return reinterpret_cast<T*>(memory_ + sum.scratch);
  }
  [[nodiscard]] TermSums<T> terms(const Sum& sum) const {
    return {memory_ + sum.state, sum.target_count, sum.term_count};
  }
  [[nodiscard]] RowSum<T>* row_sum(const Sum& sum) const {
    return reinterpret_cast<RowSum<T>*>(memory_ + sum.row);
  }
  [[nodiscard]] std::int64_t element_size(std::size_t operand) const {
    return static_cast<std::int64_t>(size_of(spec_.operands[operand].dtype));
  }

  void find_operands() {
    std::fill_n(steps_.begin(), spec_.operands.size(), Steps{});
    for (std::size_t k = 0; k < spec_.arguments.size(); ++k) {
      const Argument& argument = spec_.arguments[k];
      const std::size_t j = argument.operand;
      const std::int64_t size = element_size(j);
      buffers_[j] = views_[k].data;
      switch (argument.way) {
        case Way::direct:
          if (!argument.single) steps_[j] = steps_of(checks_.aligned(k), size, kNoAxis);
          break;
        case Way::halves: {
          const Aligned own = checks_.aligned(k);
          steps_[j] = steps_[argument.second] = steps_of(own, size, *spec_.axis);
          std::int64_t half = size;
          for (std::size_t d = 0; d <= *spec_.axis; ++d) half *= own[d];
          buffers_[argument.second] = static_cast<std::byte*>(views_[k].data) + half;
          break;
        }
        case Way::summed: add_sum(k); break;
        case Way::divided: break;
      }
    }
  }

  void add_sum(std::size_t k) {
    Sum& sum = *new (sums_memory_.data() + sum_count_++ * sizeof(Sum)) Sum;
    const Argument& argument = spec_.arguments[k];
    sum.operand = argument.operand;
    sum.argument = k;
    sum_operands_ |= OperandSet{1} << sum.operand;
    const driver::Operand& operand = spec_.operands[sum.operand];
    if (argument.single)
      sum.per_row = lacks_axis(spec_.definition_text(), operand);
    else
      for (const driver::Operand& each : spec_.operands)
        if (each.role == Role::input && each.index == operand.index)
          sum.per_row = spec_.row && each.extent != ir::Extent::element;
    if (!argument.single) {
      const Aligned own = checks_.aligned(k);
      sum.targets = steps_of(own, 1, kNoAxis);
      for (const std::int64_t extent : own) sum.target_count *= extent;
    }
    sum.along_row = argument.single && !sum.per_row;
    sum.reduced = operand.role == Role::output;
    const auto is_term = [&](std::size_t d) {
      return frame_.extent(d) != 1 && d != axis_ && sum.targets[d] == 0;
    };
    std::size_t d = 0;
    // The innermost dimensions that the result does not have are the row of an elementwise
    // function.
    if (!spec_.row) {
      for (; d < frame_.rank() && (frame_.extent(d) == 1 || is_term(d)); ++d)
        sum.row_length *= frame_.extent(d);
      sum.along_row = sum.row_length != 1;
    }
    for (; d < frame_.rank(); ++d) {
      const bool column_term = d == axis_ && !sum.per_row && !sum.along_row &&
                               sum.targets[d] == 0 && frame_.extent(d) != 1;
      if (!is_term(d) && !column_term) continue;
      sum.terms[d] = sum.term_count;
      sum.term_count *= frame_.extent(d);
    }
  }

  // Outermost first; a row function's axis is in none.
  void make_loops() {
    for (std::size_t d = frame_.rank(); d-- > 0;) {
      if (d == axis_ || frame_.extent(d) == 1) continue;
      if (frame_.extent(d) == 0) empty_ = true;
      if (loop_count_ > 0 && goes_on(loops_[loop_count_ - 1].innermost, d)) {
        Loop& outer = loops_[loop_count_ - 1];
        outer.extent *= frame_.extent(d);
        outer.innermost = d;
      } else {
        loops_[loop_count_++] = {frame_.extent(d), d};
      }
    }
    outer_loops_ = loop_count_;
    if (loop_count_ == 0 || !fits_kernel(loops_[loop_count_ - 1].innermost)) return;
    inner_extent_ = loops_[--outer_loops_].extent;
    inner_ = loops_[outer_loops_].innermost;
  }

  // Whether the outer dimension goes on where the inner one ends.
  [[nodiscard]] bool goes_on(std::size_t outer, std::size_t inner) const {
    if (state_.reads_row_index && (outer == axis_ + 1 || inner == axis_ + 1)) return false;
    const std::int64_t extent = frame_.extent(inner);
    for (std::size_t j = 0; j < spec_.operands.size(); ++j)
      if (steps_[j][outer] != steps_[j][inner] * extent) return false;
    for (std::size_t s = 0; s < sum_count_; ++s)
      if (sum_at(s).targets[outer] != sum_at(s).targets[inner] * extent ||
          sum_at(s).terms[outer] != sum_at(s).terms[inner] * extent)
        return false;
    return true;
  }

  // Whether the kernel can do this loop: that over rows, or over an elementwise function's
  // elements.
  [[nodiscard]] bool fits_kernel(std::size_t dimension) const {
    for (std::size_t j = 0; j < spec_.operands.size(); ++j) {
      if (is_sum(j)) continue;
      const driver::Operand& operand = spec_.operands[j];
      const std::int64_t step = steps_[j][dimension];
      const std::int64_t size = element_size(j);
      const bool scalar = driver::is_source(operand.role) && operand.extent == ir::Extent::scalar;
      if (scalar && step != 0) return false;
      if (!spec_.row && !scalar && step != size) return false;
      if (spec_.row && spec_.row->across && step != 0 && step != size) return false;
    }
    return true;
  }

  void choose_pieces() {
    piece_ = inner_extent_;
    if (sum_count_ == 0) return;
    const std::int64_t each = spec_.row ? std::max<std::int64_t>(columns(), 1) : 1;
    piece_ = std::clamp<std::int64_t>(kPiece / each, 1, std::max<std::int64_t>(inner_extent_, 1));
  }

  void measure(Sum& sum) {
    std::int64_t values = piece_;
    sum.row_step = 1;
    if (spec_.row && !sum.per_row) {
      values *= columns();
      if (spec_.row->across)
        sum.column_step = piece_;
      else
        sum.column_step = 1, sum.row_step = columns();
    }
    sum.scratch = take(static_cast<std::size_t>(values) * sizeof(T));
    sum.state = take(TermSums<T>::bytes(sum.target_count, sum.term_count));
    sum.row = take(sizeof(RowSum<T>));
  }

  void set_row_steps() {
    const bool looped = outer_loops_ < loop_count_;
    for (std::size_t j = 0; j < spec_.operands.size(); ++j) {
      row_steps_[j] = looped ? steps_[j][inner_] : 0;
      // One column is next to none, but where there are several they have this step.
      const bool alone = columns() == 1 && has_columns(spec_.operands[j]);
      column_steps_[j] = alone ? element_size(j) : steps_[j][axis_];
    }
    constexpr auto kSize = static_cast<std::int64_t>(sizeof(T));
    for (std::size_t s = 0; s < sum_count_; ++s) {
      row_steps_[sum_at(s).operand] = sum_at(s).row_step * kSize;
      column_steps_[sum_at(s).operand] = sum_at(s).column_step * kSize;
    }
  }

  // Whether the code has a value of the operand for each column.
  [[nodiscard]] bool has_columns(const driver::Operand& operand) const {
    if (driver::is_source(operand.role)) return operand.extent == ir::Extent::element;
    if (operand.role != Role::input_gradient) return !lacks_axis(spec_.definition_text(), operand);
    for (const driver::Operand& each : spec_.operands)
      if (each.role == Role::input && each.index == operand.index)
        return each.extent == ir::Extent::element;
    return true;
  }

  void set_divided() {
    for (std::size_t k = 0; k < spec_.arguments.size(); ++k) {
      if (spec_.arguments[k].way != Way::divided) continue;
      auto* const cell = memory_ + divided_ + spec_.arguments[k].operand * sizeof(double);
      store(cell, spec_.operands[spec_.arguments[k].operand].dtype,
            mean_of(load<T>(views_[k].data, views_[k].dtype)));
      buffers_[spec_.arguments[k].operand] = cell;
    }
  }

  [[nodiscard]] T mean_of(T sum) const {
    if (divisor_ == 0 && spec_.empty == Empty::zero) return 0;
    return sum / divisor_;
  }

  void advance(const Loop& loop, std::int64_t times) {
    for (std::size_t j = 0; j < spec_.operands.size(); ++j)
      if (!is_sum(j) && steps_[j][loop.innermost] != 0)
        buffers_[j] = static_cast<std::byte*>(buffers_[j]) + steps_[j][loop.innermost] * times;
    for (std::size_t s = 0; s < sum_count_; ++s) {
      sum_at(s).target += sum_at(s).targets[loop.innermost] * times;
      sum_at(s).term += sum_at(s).terms[loop.innermost] * times;
    }
  }

  // As deep as a view has dimensions.
  void run_loop(std::size_t depth) {
    if (depth == outer_loops_) return run_inner();
    const Loop& loop = loops_[depth];
    for (std::int64_t i = 0; i < loop.extent; ++i) {
      if (loop.innermost == axis_ + 1) row_index_ = i;
      run_loop(depth + 1);
      advance(loop, 1);
    }
    advance(loop, -loop.extent);
  }

  void run_inner() {
    const Loop inner{inner_extent_, inner_};
    for (std::int64_t first = 0; first < inner_extent_; first += piece_) {
      const std::int64_t count = std::min(piece_, inner_extent_ - first);
      run_piece(first, count);
      for (std::size_t s = 0; s < sum_count_; ++s) add_up(sum_at(s), count);
      if (count < inner_extent_) advance(inner, count);
    }
    if (piece_ < inner_extent_) advance(inner, -inner_extent_);
  }

  void run_piece(std::int64_t first, std::int64_t count) {
    for (std::size_t s = 0; s < sum_count_; ++s) {
      Sum& sum = sum_at(s);
      buffers_[sum.operand] = scratch(sum);
      // What a gradient is added to is added in the end: -0 changes no bit.
      if (spec_.accumulate)
        std::fill_n(scratch(sum), count * (spec_.row && !sum.per_row ? columns() : 1), -T{0});
    }
    if (!spec_.row) return kernel_.run(buffers_.data(), count, params_);
    const bool looped = outer_loops_ < loop_count_;
    RowExtent extent{count, columns(), row_steps_.data(), column_steps_.data(), row_index_, 0};
    if (looped && inner_ == axis_ + 1) {
      extent.row_index = first;
      extent.row_index_step = 1;
    }
    kernel_.run_rows(buffers_.data(), extent, memory_ + rows_workspace_, params_);
  }

  // The values of a piece: of an elementwise function a stretch of elements, else rows.
  void add_up(Sum& sum, std::int64_t count) {
    if (!spec_.row) return add_up_elements(sum, count);
    const bool looped = outer_loops_ < loop_count_;
    const std::int64_t target_step = looped ? sum.targets[inner_] : 0;
    const std::int64_t term_step = looped ? sum.terms[inner_] : 0;
    TermSums<T> sums = terms(sum);
    if (sum.per_row && target_step == 1 && term_step == 0)
      return sums.add(sum.target, sum.term, {scratch(sum), 1, count});
    for (std::int64_t row = 0; row < count; ++row)
      add_up_row(sum, sums, {scratch(sum) + row * sum.row_step, sum.column_step, columns()},
                 {sum.target + row * target_step, sum.term + row * term_step});
  }

  struct Place {
    std::int64_t target, term;
  };

  void add_up_row(const Sum& sum, TermSums<T>& sums, const Strided<T>& values, Place at) const {
    if (sum.per_row) return sums.add(at.target, at.term, {values.first, 1, 1});
    if (sum.along_row) {
      RowSum<T> row;
      row.add(values);
      const T result = row.result();
      return sums.add(at.target, at.term, {&result, 1, 1});
    }
    const std::int64_t target_step = sum.targets[axis_];
    const std::int64_t term_step = sum.terms[axis_];
    if (target_step == 1 && term_step == 0) return sums.add(at.target, at.term, values);
    for (std::int64_t c = 0; c < values.count; ++c)
      sums.add(at.target + c * target_step, at.term + c * term_step,
               {values.first + c * values.step, 1, 1});
  }

  void add_up_elements(Sum& sum, std::int64_t count) {
    const bool looped = outer_loops_ < loop_count_;
    const Strided<T> values{scratch(sum), 1, count};
    TermSums<T> sums = terms(sum);
    if (!sum.along_row) {
      const std::int64_t term_step = looped ? sum.terms[inner_] : 0;
      const std::int64_t target_step = looped ? sum.targets[inner_] : 0;
      if (term_step == 0 && target_step <= 1) return sums.add(sum.target, sum.term, values);
      for (std::int64_t i = 0; i < count; ++i)
        sums.add(sum.target + i * target_step, sum.term + i * term_step, {values.first + i, 1, 1});
      return;
    }
    RowSum<T>& row = *row_sum(sum);
    row.add(values);
    if (row.count() != sum.row_length) return;
    const T result = row.result();
    sums.add(sum.target, sum.term, {&result, 1, 1});
    row.restart();
  }

  void finish(const Sum& sum) {
    const TensorView& view = views_[sum.argument];
    const TermSums<T> sums = terms(sum);
    for (std::int64_t i = 0; i < sum.target_count; ++i) {
      T value = empty_ ? T{0} : sums.result(i);
      if (sum.reduced && spec_.reduction == Reduction::mean) value = mean_of(value);
      auto* const to =
          static_cast<std::byte*>(view.data) + static_cast<std::size_t>(i) * size_of(view.dtype);
      if (spec_.accumulate && !sum.reduced) value = load<T>(to, view.dtype) + value;
      store(to, view.dtype, value);
    }
  }

  const Kernel& kernel_;
  const KernelState& state_;
  const ResolvedSpec& spec_;
  std::span<const TensorView> views_;
  const CallChecks& checks_;
  const Frame& frame_;
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
  bool empty_ = false;
  std::size_t bytes_ = 0, divided_ = 0, rows_workspace_ = 0;

  std::byte* memory_ = nullptr;
  const std::uint64_t* params_ = nullptr;
  T divisor_ = 1;
  std::int64_t row_index_ = 0;
};

std::span<const TensorView> inputs_of(std::span<const TensorView> views, const KernelState& state) {
  return views.first(state.spec->arguments.size() - 1);
}

template <typename T>
Outcome run_call(const Kernel& kernel, const KernelState& state, std::span<const TensorView> views,
                 const CallChecks& checks, const std::uint64_t* params,
                 std::span<std::byte> workspace) {
  RowCall<T> call(kernel, state, views, checks);
  T divisor = static_cast<T>(call.reduced_count());
  if (state.divisor) {
    const KernelState& of_divisor = KernelState::of(*state.divisor);
    std::array<TensorView, kMaxOperands> operands;
    const auto inputs = inputs_of(views, of_divisor);
    std::copy(inputs.begin(), inputs.end(), operands.begin());
    operands[inputs.size()] = TensorView(&divisor, of_divisor.spec->compute_type(), {});
    if (Outcome done =
            checked_row_call(*state.divisor, of_divisor,
                             std::span(operands).first(inputs.size() + 1), params, workspace);
        !done.ok())
      return done;
  }
  std::byte* memory = workspace.data();
  if (workspace.empty()) {
    memory = thread_workspace(call.bytes());
    if (memory == nullptr)
      return Error{Status::out_of_memory, "there is no memory for a workspace of " +
                                              std::to_string(call.bytes()) + " bytes"};
  } else if (workspace.size() < call.bytes()) {
    return Error{Status::invalid_operands, "the workspace has " + std::to_string(workspace.size()) +
                                               " bytes, and the call takes " +
                                               std::to_string(call.bytes())};
  } else if (reinterpret_cast<std::uintptr_t>(memory) % kWorkspaceAlignment != 0) {
    return Error{Status::invalid_operands, "the workspace must be aligned to " +
                                               std::to_string(kWorkspaceAlignment) + " bytes"};
  }
  call.run(memory, params, divisor);
  return Unit{};
}

}  // namespace

Outcome checked_row_call(const Kernel& kernel, const KernelState& state,
                         std::span<const TensorView> operands, const std::uint64_t* params,
                         std::span<std::byte> workspace) {
  CallChecks checks(state, operands);
  if (Outcome outcome = checks.run(); !outcome.ok()) return outcome;
  if (state.index_check)
    if (Outcome outcome = check_indices(checks, operands, params); !outcome.ok()) return outcome;
  if (state.spec->compute_type() == Dtype::f64)
    return run_call<double>(kernel, state, operands, checks, params, workspace);
  return run_call<float>(kernel, state, operands, checks, params, workspace);
}

Result<std::size_t> workspace_of_call(const Kernel& kernel, const KernelState& state,
                                      std::span<const TensorView> operands) {
  CallChecks checks(state, operands);
  if (Outcome outcome = checks.run(); !outcome.ok()) return outcome.error();
  std::size_t bytes = state.spec->compute_type() == Dtype::f64
                          ? RowCall<double>(kernel, state, operands, checks).bytes()
                          : RowCall<float>(kernel, state, operands, checks).bytes();
  if (state.divisor) {
    const KernelState& of_divisor = KernelState::of(*state.divisor);
    std::array<TensorView, kMaxOperands> all;
    const auto inputs = inputs_of(operands, of_divisor);
    std::copy(inputs.begin(), inputs.end(), all.begin());
    double sum = 0;
    all[inputs.size()] = TensorView(&sum, of_divisor.spec->compute_type(), {});
    const auto other =
        workspace_of_call(*state.divisor, of_divisor, std::span(all).first(inputs.size() + 1));
    if (!other.ok()) return other.error();
    bytes = std::max(bytes, *other);
  }
  return bytes;
}

}  // namespace sluice
