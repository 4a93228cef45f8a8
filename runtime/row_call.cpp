// Running a call of row_call.hpp: the loops, the kernel's pieces, what is added up; alone or as
// tasks of the caller's threads.
#include "runtime/row_call.hpp"

#include <bit>
#include <cstring>
#include <limits>
#include <string>

#include "compiler/backend/composed/lanes.hpp"
#include "runtime/index_check.hpp"
#include "runtime/strides.hpp"

namespace sluice {
namespace {

template <typename T>
T load(const void* from, Dtype dtype) {
  return std::bit_cast<T>(composed::load_lane<T>(dtype, from, false));
}
template <typename T>
void store(void* to, Dtype dtype, T value) {
  composed::store_lane<T>(dtype, to, std::bit_cast<typename composed::Lane<T>::Bits>(value), false);
}

}  // namespace

// `divisor`: of means.
template <typename T>
void RowCall<T>::run(std::byte* memory, const std::uint64_t* params, T divisor,
                     const Parallel& parallel) {
  parallel_ = &parallel;
  memory_ = memory;
  params_ = params;
  divisor_ = divisor;
  for (std::size_t s = 0; s < sum_count_; ++s)
    if (!sum_at(s).goes_on) new (row_sum(sum_at(s))) RowSum<T>;
  set_divided();
  if (!empty_) run_tasks();
  for (std::size_t s = 0; s < sum_count_; ++s)
    if (!sum_at(s).goes_on) finish(sum_at(s));
}

template <typename T>
void RowCall<T>::begin_sums() {
  for (std::size_t s = 0; s < sum_count_; ++s)
    if (sum_at(s).goes_on) new (row_sum(sum_at(s))) RowSum<T>;
}

template <typename T>
void RowCall<T>::finish_sums(T divisor) {
  divisor_ = divisor;
  for (std::size_t s = 0; s < sum_count_; ++s)
    if (sum_at(s).goes_on) finish(sum_at(s));
}

// The elements that the first output has before it is reduced.
template <typename T>
std::int64_t RowCall<T>::reduced_count() const {
  std::int64_t count = 1;
  const bool per_row = output_per_row();
  for (std::size_t d = 0; d < frame_.rank(); ++d)
    if (!per_row || d != axis_) count *= frame_.extent(d);
  return count;
}

template <typename T>
void RowCall<T>::set_divided() {
  for (std::size_t k = 0; k < spec_.arguments.size(); ++k) {
    if (spec_.arguments[k].way != Way::divided) continue;
    auto* const cell = memory_ + divided_ + spec_.arguments[k].operand * sizeof(double);
    store(cell, spec_.operands[spec_.arguments[k].operand].dtype,
          mean_of(load<T>(views_[k].data, views_[k].dtype)));
    buffers_[spec_.arguments[k].operand] = cell;
  }
}

template <typename T>
T RowCall<T>::mean_of(T sum) const {
  if (divisor_ == 0 && spec_.empty == Empty::zero) return 0;
  return sum / divisor_;
}

template <typename T>
void RowCall<T>::advance(const Loop& loop, std::int64_t times) {
  for (std::size_t j = 0; j < spec_.operands.size(); ++j)
    if (!is_sum(j) && steps_[j][loop.innermost] != 0)
      buffers_[j] = static_cast<std::byte*>(buffers_[j]) + steps_[j][loop.innermost] * times;
  for (std::size_t s = 0; s < sum_count_; ++s) {
    sum_at(s).target += sum_at(s).targets[loop.innermost] * times;
    sum_at(s).term += sum_at(s).terms[loop.innermost] * times;
  }
}

// A task works on a copy of this, with room of its own.
template <typename T>
void RowCall<T>::run_tasks() {
  const Range all{0, unit_count(0)};
  if (share_ == Share::blocks) return run_blocks(all);
  if (share_ != Share::units && share_ != Share::inner) return run_loop(0, all);
  parallel_->for_each(tasks_, [&](std::size_t task) {
    RowCall mine(*this);
    mine.rows_workspace_ += task * rows_workspace_each_;
    mine.packs_ += task * packs_each_;
    for (std::size_t s = 0; s < sum_count_; ++s)
      mine.sum_at(s).scratch += task * sum_at(s).scratch_each;
    if (share_ == Share::inner) {
      mine.inner_range_ = inner_range_.share(task, tasks_);
      mine.run_loop(0, all);
    } else {
      mine.run_loop(0, all.share(task, tasks_));
    }
  });
}

// `units` of the loops from `depth` on; as deep as a view has dimensions.
template <typename T>
void RowCall<T>::run_loop(std::size_t depth, Range units) {
  if (depth == outer_loops_)
    return run_inner(
        {std::max(units.begin, inner_range_.begin), std::min(units.end, inner_range_.end)});
  const Loop& loop = loops_[depth];
  const std::int64_t each = unit_count(depth + 1);
  std::int64_t i = units.begin / each;
  if (i != 0) advance(loop, i);
  for (; i * each < units.end; ++i) {
    if (loop.innermost == axis_ + 1) row_index_ = first_row_index_ + i;
    run_loop(depth + 1, {std::max<std::int64_t>(units.begin - i * each, 0),
                         std::min(units.end - i * each, each)});
    advance(loop, 1);
  }
  advance(loop, -i);
}

template <typename T>
void RowCall<T>::run_inner(Range range) {
  const Loop inner{inner_extent_, inner_};
  if (range.begin != 0) advance(inner, range.begin);
  for (std::int64_t first = range.begin; first < range.end; first += piece_) {
    const std::int64_t count = std::min(piece_, range.end - first);
    if (packed_ != 0) pack(count);
    run_piece(first, count);
    if (packed_ != 0) unpack(count);
    for (std::size_t s = 0; s < sum_count_; ++s) add_up(sum_at(s), count);
    if (count < inner_extent_) advance(inner, count);
  }
  if (range.length() < inner_extent_ || piece_ < inner_extent_) advance(inner, -range.end);
}

template <typename T>
void RowCall<T>::run_piece(std::int64_t first, std::int64_t count) {
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
    extent.row_index = first_row_index_ + first;
    extent.row_index_step = 1;
  }
  run_rows(extent);
}

// Of a piece: its rows over threads, or one row's blocks after another's.
template <typename T>
void RowCall<T>::run_rows(const RowExtent& extent) {
  const std::size_t tasks =
      std::min(tasks_of_piece(extent.rows), static_cast<std::size_t>(extent.rows));
  if (long_rows_) {
    schedule::RowCall call =
        KernelState::row_call(buffers_.data(), extent, memory_ + rows_workspace_, params_);
    return state_.rows->run_long(call, *parallel_, tasks_);
  }
  if (tasks <= 1)
    return kernel_.run_rows(buffers_.data(), extent, memory_ + rows_workspace_, params_);
  parallel_->for_each(tasks, [&](std::size_t task) {
    const Range rows = Range{0, extent.rows}.share(task, tasks);
    std::array<void*, kMaxOperands> buffers;
    for (std::size_t j = 0; j < spec_.operands.size(); ++j)
      buffers[j] = static_cast<std::byte*>(buffers_[j]) + row_steps_[j] * rows.begin;
    RowExtent own = extent;
    own.rows = rows.length();
    own.row_index += rows.begin * own.row_index_step;
    kernel_.run_rows(buffers.data(), own, memory_ + rows_workspace_ + task * rows_workspace_each_,
                     params_);
  });
}

template <typename T>
void RowCall<T>::finish(const Sum& sum) {
  const TensorView& view = views_[sum.argument];
  const TermSums<T> sums = terms(sum);
  for (std::int64_t i = 0; i < sum.target_count; ++i) {
    T value = empty_ ? T{0} : sums.result(i);
    if (sum.reduced && spec_.reduction == Reduction::mean) value = mean_of(value);
    auto* const to = static_cast<std::byte*>(view.data) + element_offset(view, i);
    if (spec_.accumulate && !sum.reduced) value = load<T>(to, view.dtype) + value;
    store(to, view.dtype, value);
  }
}

namespace {

std::span<const TensorView> inputs_of(std::span<const TensorView> views, const KernelState& state) {
  return views.first(state.spec->arguments.size() - 1);
}

template <typename T>
Outcome run_call(const Kernel& kernel, std::span<const TensorView> views, const CallChecks& checks,
                 const std::uint64_t* params, const CallRoom& room) {
  const KernelState& state = KernelState::of(kernel);
  RowCall<T> call(kernel, views, checks, room.threads(), room.piece);
  T divisor = room.piece != nullptr ? static_cast<T>(room.piece->divisor)
                                    : static_cast<T>(call.reduced_count());
  if (state.divisor && room.piece == nullptr) {
    const KernelState& of_divisor = KernelState::of(*state.divisor);
    std::array<TensorView, kMaxOperands> operands;
    const auto inputs = inputs_of(views, of_divisor);
    std::copy(inputs.begin(), inputs.end(), operands.begin());
    operands[inputs.size()] = TensorView(&divisor, of_divisor.spec->compute_type(), {});
    if (Outcome done = checked_row_call(*state.divisor,
                                        std::span(operands).first(inputs.size() + 1), params, room);
        !done.ok())
      return done;
  }
  const auto memory = room.take(call.bytes(), state.home.hooks->allocator);
  if (!memory.ok()) return memory.error();
  static const Parallel serial;
  call.run(*memory, params, divisor, room.parallel != nullptr ? *room.parallel : serial);
  return Unit{};
}

}  // namespace

Outcome checked_row_call(const Kernel& kernel, std::span<const TensorView> operands,
                         const std::uint64_t* params, const CallRoom& room) {
  const KernelState& state = KernelState::of(kernel);
  CallChecks checks(state, operands);
  Outcome sound = room.piece != nullptr ? checks.run_shapes() : checks.run();
  if (!sound.ok()) return sound;
  if (state.index_check)
    if (Outcome outcome = check_indices(checks, operands, params, room.piece); !outcome.ok())
      return outcome;
  if (state.spec->compute_type() == Dtype::f64)
    return run_call<double>(kernel, operands, checks, params, room);
  return run_call<float>(kernel, operands, checks, params, room);
}

template class RowCall<float>;
template class RowCall<double>;

Result<std::size_t> workspace_of_row_call(const Kernel& kernel,
                                          std::span<const TensorView> operands,
                                          std::size_t threads) {
  const KernelState& state = KernelState::of(kernel);
  CallChecks checks(state, operands);
  if (Outcome outcome = checks.run(); !outcome.ok()) return outcome.error();
  std::size_t bytes = state.spec->compute_type() == Dtype::f64
                          ? RowCall<double>(kernel, operands, checks, threads, nullptr).bytes()
                          : RowCall<float>(kernel, operands, checks, threads, nullptr).bytes();
  if (state.divisor) {
    const KernelState& of_divisor = KernelState::of(*state.divisor);
    std::array<TensorView, kMaxOperands> all;
    const auto inputs = inputs_of(operands, of_divisor);
    std::copy(inputs.begin(), inputs.end(), all.begin());
    double sum = 0;
    all[inputs.size()] = TensorView(&sum, of_divisor.spec->compute_type(), {});
    const auto other =
        workspace_of_row_call(*state.divisor, std::span(all).first(inputs.size() + 1), threads);
    if (!other.ok()) return other.error();
    bytes = std::max(bytes, *other);
  }
  return bytes;
}

}  // namespace sluice
