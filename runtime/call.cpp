// The checked call of a kernel: types, shapes, null and overlapping buffers; then the loops of
// broadcasting around one that is plain.
//
// Nothing here allocates unless a check fails.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "runtime/broadcast.hpp"
#include "runtime/call_checks.hpp"
#include "runtime/kernel_state.hpp"
#include "runtime/plain_rows.hpp"
#include "runtime/range.hpp"

namespace sluice {
namespace {

class CheckedCall {
 public:
  CheckedCall(const Kernel& kernel, const KernelState& state, std::span<const TensorView> views,
              const CallRoom& room)
      : kernel_(kernel), state_(state), views_(views), room_(room) {}

  // The usual call, of operands of one shape and scalars with one element, told apart without
  // making messages. Whatever is not that goes through check().
  [[nodiscard]] bool is_plain() {
    if (views_.size() != state_.operands.size()) return false;
    const TensorView& like = views_[state_.operands.size() - 1];  // written, so of the full shape
    const std::int64_t count = like.count();
    for (std::size_t k = 0; k < views_.size(); ++k) {
      const TensorView& view = views_[k];
      const OperandInfo& info = state_.operands[k];
      if (view.dtype != info.dtype || view.data == nullptr || (info.output && !view.writable))
        return false;
      if (info.scalar ? view.rank != 0 : !same_shape(view, like)) return false;
      counts_[k] = info.scalar ? 1 : count;
    }
    for (std::size_t written = views_.size(); written-- > 0 && state_.operands[written].output;)
      for (std::size_t k = 0; k < views_.size(); ++k)
        if (CallChecks::clash(state_, views_, written, k)) return false;
    return count > 0;
  }

  void run_plain(const std::uint64_t* params) {
    for (std::size_t k = 0; k < views_.size(); ++k) buffers_[k] = views_[k].data;
    const std::int64_t count = counts_[views_.size() - 1];
    const std::size_t tasks = task_count(count, room_.threads());
    if (tasks <= 1) return kernel_.run(buffers_.data(), count, params);
    room_.parallel->for_each(tasks, [&](std::size_t task) {
      const Range own = Range{0, count}.share(task, tasks);
      std::array<void*, kMaxOperands> buffers;
      for (std::size_t k = 0; k < views_.size(); ++k) {
        const std::int64_t moves = state_.operands[k].scalar ? 0 : own.begin;
        buffers[k] = static_cast<std::byte*>(views_[k].data) +
                     moves * static_cast<std::int64_t>(size_of(views_[k].dtype));
      }
      kernel_.run(buffers.data(), own.length(), params);
    });
  }

  // Of operands that have been found to go together.
  void run(const Frame& frame, const std::uint64_t* params) {
    const Extents extents = frame.full();
    const Shape full = extents;
    if (std::find(full.begin(), full.end(), 0) != full.end()) return;
    nest_ = make_nest(full, views_.size(), [this](std::size_t k) { return shape(k); });
    // The kernel was made for operands that move and operands that stand still. Where a call's
    // innermost loop differs, it is called for one element at a time, which serves every shape.
    std::int64_t extent = nest_.inner_extent();
    outer_loops_ = nest_.loops == 0 ? 0 : nest_.loops - 1;
    if (extent != 1 && nest_.inner_still() != state_.scalars) {
      outer_loops_ = nest_.loops;
      extent = 1;
    }
    for (std::size_t k = 0; k < views_.size(); ++k) set_strides(k);
    extent_ = extent;
    const Range all{0, unit_count(0)};
    const std::size_t tasks = task_count(all.end, room_.threads());
    if (tasks <= 1) return run_loop(0, all, params);
    room_.parallel->for_each(tasks, [&](std::size_t task) {
      CheckedCall mine(*this);
      mine.run_loop(0, all.share(task, tasks), params);
    });
  }

 private:
  [[nodiscard]] Shape shape(std::size_t k) const {
    return {views_[k].shape.data(), views_[k].rank};
  }
  static bool same_shape(const TensorView& a, const TensorView& b) {
    if (a.rank != b.rank || a.rank > TensorView::kMaxRank) return false;
    for (std::size_t d = 0; d < a.rank; ++d)
      if (a.shape[d] != b.shape[d]) return false;
    return true;
  }

  // In bytes, of each outer loop. A contiguous operand's stride is the number of elements in the
  // loops inside that move it.
  void set_strides(std::size_t k) {
    std::int64_t elements = static_cast<std::int64_t>(size_of(views_[k].dtype));
    const OperandSet bit = OperandSet{1} << k;
    for (std::size_t loop = nest_.loops; loop-- > 0;) {
      const bool moves = (nest_.still[loop] & bit) == 0;
      if (loop < outer_loops_) strides_[loop][k] = moves ? elements : 0;
      if (moves) elements *= nest_.extents[loop];
    }
    buffers_[k] = views_[k].data;
  }

  void advance(std::size_t loop, std::int64_t steps) {
    for (std::size_t k = 0; k < views_.size(); ++k)
      buffers_[k] = static_cast<std::byte*>(buffers_[k]) + strides_[loop][k] * steps;
  }

  // Elements in the loops from `loop` on.
  [[nodiscard]] std::int64_t unit_count(std::size_t loop) const {
    std::int64_t count = extent_;
    for (; loop < outer_loops_; ++loop) count *= nest_.extents[loop];
    return count;
  }

  // `units` of those; as deep as a view has dimensions.
  void run_loop(std::size_t loop, Range units, const std::uint64_t* params) {
    if (loop == outer_loops_) return run_inner(units, params);
    const std::int64_t each = unit_count(loop + 1);
    std::int64_t i = units.begin / each;
    if (i != 0) advance(loop, i);
    for (; i * each < units.end; ++i) {
      run_loop(
          loop + 1,
          {std::max<std::int64_t>(units.begin - i * each, 0), std::min(units.end - i * each, each)},
          params);
      advance(loop, 1);
    }
    advance(loop, -i);
  }

  void run_inner(Range range, const std::uint64_t* params) {
    if (range.begin == 0) return kernel_.run(buffers_.data(), range.end, params);
    std::array<void*, kMaxOperands> buffers;
    for (std::size_t k = 0; k < views_.size(); ++k) {
      const bool moves = (nest_.inner_still() >> k & 1u) == 0;
      buffers[k] = static_cast<std::byte*>(buffers_[k]) +
                   (moves ? range.begin : 0) * static_cast<std::int64_t>(size_of(views_[k].dtype));
    }
    kernel_.run(buffers.data(), range.length(), params);
  }

  const Kernel& kernel_;
  const KernelState& state_;
  std::span<const TensorView> views_;
  const CallRoom& room_;
  std::array<std::int64_t, kMaxOperands> counts_;
  LoopNest nest_;
  std::size_t outer_loops_ = 0;
  std::int64_t extent_ = 1;  // of the kernel's own loop
  std::array<std::array<std::int64_t, kMaxOperands>, TensorView::kMaxRank> strides_;
  std::array<void*, kMaxOperands> buffers_;
};

}  // namespace

Outcome fill_slots(const Kernel& kernel, const KernelState& state, std::span<const double> params,
                   std::span<std::uint64_t, kMaxPassed> slots) {
  if (params.size() != state.passed.size())
    return Error{Status::invalid_operands,
                 "the kernel takes " + std::to_string(state.passed.size()) +
                     " passed parameters, and the call has " + std::to_string(params.size())};
  for (std::size_t i = 0; i < params.size(); ++i) {
    const Outcome outcome =
        check_range(state.spec->definition_text(), state.passed_indices[i], params[i]);
    if (!outcome.ok()) return outcome;
    slots[i] = kernel.slot(params[i]);
  }
  return Unit{};
}

Outcome checked_call(const Kernel& kernel, std::span<const TensorView> operands,
                     std::span<const double> params, const CallRoom& room) {
  const KernelState& state = KernelState::of(kernel);
  std::array<std::uint64_t, kMaxPassed> slots;
  if (Outcome ok = fill_slots(kernel, state, params, slots); !ok.ok()) return ok;
  const bool alone = room.workspace.empty() && room.threads() == 1;
  if (alone && run_plain_rows(kernel, state, operands, slots.data())) return Unit{};
  if (!state.plain) return checked_row_call(kernel, operands, slots.data(), room);
  CheckedCall call(kernel, state, operands, room);
  if (call.is_plain()) {
    call.run_plain(slots.data());
    return Unit{};
  }
  CallChecks checks(state, operands);
  if (Outcome outcome = checks.run(); !outcome.ok()) return outcome;
  call.run(checks.frame(), slots.data());
  return Unit{};
}

}  // namespace sluice
