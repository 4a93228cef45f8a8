// The checked call of a kernel: types, shapes, null and overlapping buffers; then the usual call of
// one that is plain, whose operands lie together, and for all others their loops.
//
// Nothing here allocates unless a check fails.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "runtime/call_checks.hpp"
#include "runtime/kernel_state.hpp"
#include "runtime/plain_rows.hpp"
#include "runtime/range.hpp"
#include "runtime/strided_call.hpp"
#include "runtime/workspace.hpp"

namespace sluice {
namespace {

class PlainCall {
 public:
  PlainCall(const Kernel& kernel, const KernelState& state, std::span<const TensorView> views,
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
      if (view.dtype != info.dtype || view.data == nullptr || (info.output && !view.writable) ||
          !view.contiguous())
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

 private:
  static bool same_shape(const TensorView& a, const TensorView& b) {
    if (a.rank != b.rank || a.rank > TensorView::kMaxRank) return false;
    for (std::size_t d = 0; d < a.rank; ++d)
      if (a.shape[d] != b.shape[d]) return false;
    return true;
  }

  const Kernel& kernel_;
  const KernelState& state_;
  std::span<const TensorView> views_;
  const CallRoom& room_;
  std::array<std::int64_t, kMaxOperands> counts_;
  std::array<void*, kMaxOperands> buffers_;
};

Outcome call_strided(const Kernel& kernel, std::span<const TensorView> operands,
                     const std::uint64_t* params, const CallRoom& room) {
  const KernelState& state = KernelState::of(kernel);
  CallChecks checks(state, operands);
  if (Outcome outcome = checks.run(); !outcome.ok()) return outcome;
  const StridedCall call(kernel, operands, checks, room.threads());
  std::byte* memory = nullptr;
  if (const std::size_t bytes = call.workspace_bytes(); bytes != 0) {
    const auto taken = room.take(bytes, state.home.hooks->allocator);
    if (!taken.ok()) return taken.error();
    memory = *taken;
  }
  static const Parallel serial;
  call.run(memory, params, room.parallel != nullptr ? *room.parallel : serial);
  return Unit{};
}

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
  PlainCall call(kernel, state, operands, room);
  if (call.is_plain()) {
    call.run_plain(slots.data());
    return Unit{};
  }
  return call_strided(kernel, operands, slots.data(), room);
}

Result<std::size_t> workspace_of_call(const Kernel& kernel, std::span<const TensorView> operands,
                                      std::size_t threads) {
  const KernelState& state = KernelState::of(kernel);
  if (!state.plain) return workspace_of_row_call(kernel, operands, threads);
  CallChecks checks(state, operands);
  if (Outcome outcome = checks.run(); !outcome.ok()) return outcome.error();
  return StridedCall(kernel, operands, checks, threads).workspace_bytes();
}

Result<std::byte*> CallRoom::take(std::size_t bytes, const Allocator& allocator) const {
  if (workspace.empty()) {
    std::byte* const memory = thread_workspace(bytes, allocator);
    if (memory != nullptr) return memory;
    return Error{Status::out_of_memory,
                 "there is no memory for a workspace of " + std::to_string(bytes) + " bytes"};
  }
  if (workspace.size() < bytes)
    return Error{Status::invalid_operands, "the workspace has " + std::to_string(workspace.size()) +
                                               " bytes, and the call takes " +
                                               std::to_string(bytes)};
  if (reinterpret_cast<std::uintptr_t>(workspace.data()) % kWorkspaceAlignment != 0)
    return Error{Status::invalid_operands, "the workspace must be aligned to " +
                                               std::to_string(kWorkspaceAlignment) + " bytes"};
  return workspace.data();
}

}  // namespace sluice
