// What a call of row_call.hpp is set up with: the steps of its operands, its sums, the loops around
// the kernel's own, its pieces and tasks, and its workspace.
#include "runtime/row_call.hpp"

#include "runtime/strides.hpp"

namespace sluice {
namespace {

using driver::Role;

// Steps of a sum's result, which lie one after the other; 0 where it stands still.
Steps steps_of(const Aligned& own) {
  Steps steps{};
  std::int64_t next = 1;
  for (std::size_t d = 0; d < own.size(); ++d) {
    if (own[d] != 1) steps[d] = next;
    next *= own[d];
  }
  return steps;
}

}  // namespace

template <typename T>
RowCall<T>::RowCall(const Kernel& kernel, std::span<const TensorView> views,
                    const CallChecks& checks, std::size_t threads, const PieceOf* piece)
    : kernel_(kernel), state_(KernelState::of(kernel)), spec_(*state_.spec), views_(views),
      checks_(checks), frame_(checks.frame()), piece_of_(piece),
      axis_(spec_.row ? std::size_t{*spec_.axis} : kNoAxis) {
  if (piece != nullptr && spec_.row && axis_ + 1 < frame_.rank())
    first_row_index_ = row_index_ = piece->place[axis_ + 1];
  find_operands();
  make_loops();
  choose_packs();
  choose_tasks(threads);
  choose_pieces();
  long_rows_ = share_ == Share::pieces && !spec_.row->one_block &&
               piece_ < static_cast<std::int64_t>(tasks_);
  if (long_rows_)
    block_count_ = (columns() + schedule::kBlockColumns - 1) / schedule::kBlockColumns;
  for (std::size_t s = 0; s < sum_count_; ++s) measure(sum_at(s));
  if (spec_.row) set_row_steps();
  if (packed_ != 0) measure_packs();
  divided_ = take(spec_.operands.size() * sizeof(double));
  if (!state_.rows) return;
  rows_workspace_each_ = workspace_aligned(state_.rows->workspace_bytes(columns()));
  rows_workspace_ = take(long_rows_ ? state_.rows->long_workspace_bytes(columns(), tasks_)
                                    : tasks_ * rows_workspace_each_);
}

template <typename T>
void RowCall<T>::find_operands() {
  std::fill_n(steps_.begin(), spec_.operands.size(), Steps{});
  for (std::size_t k = 0; k < spec_.arguments.size(); ++k) {
    const Argument& argument = spec_.arguments[k];
    const std::size_t j = argument.operand;
    const std::int64_t size = element_size(j);
    buffers_[j] = views_[k].data;
    switch (argument.way) {
      case Way::direct:
        if (!argument.single) steps_[j] = checks_.steps(k);
        break;
      case Way::halves: {
        const std::size_t axis = views_[k].rank - 1 - *spec_.axis;
        const std::int64_t half = checks_.shape(k)[axis] * strides_of(views_[k])[axis] * size;
        steps_[j] = steps_[argument.second] = checks_.steps(k);
        buffers_[argument.second] = static_cast<std::byte*>(views_[k].data) + half;
        break;
      }
      case Way::summed: add_sum(k); break;
      case Way::divided: break;
    }
  }
}

template <typename T>
void RowCall<T>::add_sum(std::size_t k) {
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
  sum.goes_on = sum_goes_on(k);
  const CallChecks& checks = sum.goes_on ? *piece_of_->whole : checks_;
  const Frame& frame = checks.frame();
  if (!argument.single) {
    const Aligned own = checks.aligned(k);
    sum.targets = steps_of(own);
    for (const std::int64_t extent : own) sum.target_count *= extent;
  }
  sum.along_row = argument.single && !sum.per_row;
  sum.reduced = operand.role == Role::output;
  const auto is_term = [&](std::size_t d) {
    return frame.extent(d) != 1 && d != axis_ && sum.targets[d] == 0;
  };
  std::size_t d = 0;
  // The innermost dimensions that the result does not have are the row of an elementwise
  // function.
  if (!spec_.row) {
    for (; d < frame.rank() && (frame.extent(d) == 1 || is_term(d)); ++d)
      sum.row_length *= frame.extent(d);
    sum.along_row = sum.row_length != 1;
  }
  for (; d < frame.rank(); ++d) {
    const bool column_term =
        d == axis_ && !sum.per_row && !sum.along_row && sum.targets[d] == 0 && frame.extent(d) != 1;
    if (!is_term(d) && !column_term) continue;
    sum.terms[d] = sum.term_count;
    sum.term_count *= frame.extent(d);
  }
  for (d = 0; sum.goes_on && d < frame.rank(); ++d) {
    sum.target += sum.targets[d] * piece_of_->place[d];
    sum.term += sum.terms[d] * piece_of_->place[d];
  }
}

template <typename T>
bool RowCall<T>::sum_goes_on(std::size_t k) const {
  if (piece_of_ == nullptr || spec_.arguments[k].way != Way::summed) return false;
  const Frame& frame = piece_of_->whole->frame();
  const Aligned own = piece_of_->whole->aligned(k);
  for (std::size_t d = piece_of_->cut; d < frame.rank(); ++d)
    if (frame.extent(d) != 1 && own[d] == 1) return true;
  return false;
}

// Outermost first; a row function's axis is in none.
template <typename T>
void RowCall<T>::make_loops() {
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
template <typename T>
bool RowCall<T>::goes_on(std::size_t outer, std::size_t inner) const {
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

// Whether the kernel can do this loop, that over rows, or over an elementwise function's elements:
// what is one element for all must stand still. Others are copied where their steps are not the
// kernel's.
template <typename T>
bool RowCall<T>::fits_kernel(std::size_t dimension) const {
  for (std::size_t j = 0; j < spec_.operands.size(); ++j) {
    const driver::Operand& operand = spec_.operands[j];
    const bool scalar = driver::is_source(operand.role) && operand.extent == ir::Extent::scalar;
    if (!is_sum(j) && scalar && steps_[j][dimension] != 0) return false;
  }
  return true;
}

template <typename T>
void RowCall<T>::choose_tasks(std::size_t threads) {
  inner_range_ = {0, inner_extent_};
  if (threads <= 1 || empty_) return;
  const std::int64_t units = unit_count(0);
  tasks_ = task_count(units * (spec_.row ? columns() : 1), threads);
  share_ = tasks_ > 1 ? choose_share(units) : Share::none;
  const std::int64_t shared = share_ == Share::units   ? units
                              : share_ == Share::inner ? inner_extent_
                                                       : static_cast<std::int64_t>(tasks_);
  tasks_ = share_ == Share::none ? 1 : std::min(tasks_, static_cast<std::size_t>(shared));
}

template <typename T>
Share RowCall<T>::choose_share(std::int64_t units) const {
  if (sum_count_ == 0 && (!spec_.row || units >= static_cast<std::int64_t>(tasks_)))
    return Share::units;
  if (spec_.row) return Share::pieces;
  if (sums_same_rows()) return Share::blocks;
  for (std::size_t s = 0; s < sum_count_; ++s)
    if (sum_at(s).along_row || outer_loops_ == loop_count_ || sum_at(s).targets[inner_] != 1)
      return Share::none;
  return Share::inner;
}

// Of an elementwise function: whether all that is added up are the same rows.
template <typename T>
bool RowCall<T>::sums_same_rows() const {
  for (std::size_t s = 0; s < sum_count_; ++s)
    if (!sum_at(s).along_row || sum_at(s).row_length != row_length()) return false;
  return true;
}

template <typename T>
void RowCall<T>::choose_pieces() {
  if (share_ == Share::blocks) {
    constexpr std::int64_t kBlock = schedule::kBlockColumns;
    const auto tasks = static_cast<std::int64_t>(tasks_);
    block_count_ = std::min(kTaskPiece / std::min(row_length(), kBlock), kBlock) * tasks;
  }
  piece_ = inner_extent_;
  if (sum_count_ == 0) {
    if (packed_ != 0)
      piece_ = std::clamp<std::int64_t>(packed_rows(), 1, std::max<std::int64_t>(inner_extent_, 1));
    return;
  }
  const std::int64_t each = spec_.row ? std::max<std::int64_t>(columns(), 1) : 1;
  const std::int64_t elements =
      share_ == Share::pieces ? kTaskPiece * static_cast<std::int64_t>(tasks_) : kSumPiece;
  piece_ = std::clamp<std::int64_t>(elements / each, 1, std::max<std::int64_t>(inner_extent_, 1));
}

template <typename T>
void RowCall<T>::measure(Sum& sum) {
  std::int64_t values = piece_;
  sum.row_step = 1;
  if (spec_.row && !sum.per_row) {
    values *= columns();
    if (spec_.row->across)
      sum.column_step = piece_;
    else
      sum.column_step = 1, sum.row_step = columns();
  }
  sum.scratch_each = workspace_aligned(static_cast<std::size_t>(values) * sizeof(T));
  const bool by_tasks = share_ == Share::inner || share_ == Share::blocks;
  sum.scratch = take(sum.scratch_each * (by_tasks ? tasks_ : 1));
  if (share_ == Share::blocks) sum.block_row = take(tasks_ * workspace_aligned(sizeof(RowSum<T>)));
  if (sum.along_row)
    sum.blocks = take(static_cast<std::size_t>(block_count_) * sizeof(BlockSum<T>));
  std::size_t& total = sum.goes_on ? sums_bytes_ : bytes_;
  sum.state = take(TermSums<T>::bytes(sum.target_count, sum.term_count), total);
  sum.row = take(sizeof(RowSum<T>), total);
}

template <typename T>
void RowCall<T>::set_row_steps() {
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
template <typename T>
bool RowCall<T>::has_columns(const driver::Operand& operand) const {
  if (driver::is_source(operand.role)) return operand.extent == ir::Extent::element;
  if (operand.role != Role::input_gradient) return !lacks_axis(spec_.definition_text(), operand);
  for (const driver::Operand& each : spec_.operands)
    if (each.role == Role::input && each.index == operand.index)
      return each.extent == ir::Extent::element;
  return true;
}

template RowCall<float>::RowCall(const Kernel&, std::span<const TensorView>, const CallChecks&,
                                 std::size_t, const PieceOf*);
template RowCall<double>::RowCall(const Kernel&, std::span<const TensorView>, const CallChecks&,
                                  std::size_t, const PieceOf*);
template bool RowCall<float>::has_columns(const driver::Operand&) const;
template bool RowCall<double>::has_columns(const driver::Operand&) const;
template bool RowCall<float>::sum_goes_on(std::size_t) const;
template bool RowCall<double>::sum_goes_on(std::size_t) const;

}  // namespace sluice
