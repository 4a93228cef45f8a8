// The checked call of a kernel: types, shapes, null and overlapping buffers; then the loops of
// broadcasting around it.
//
// Nothing here allocates unless a check fails.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "runtime/broadcast.hpp"
#include "runtime/kernel_state.hpp"

namespace sluice {
namespace {

using driver::Role;

class CheckedCall {
 public:
  CheckedCall(const Kernel& kernel, const KernelState& state, std::span<const TensorView> views)
      : kernel_(kernel), state_(state), views_(views) {}

  [[nodiscard]] Outcome check() {
    if (views_.size() != state_.operands.size())
      return bad("the kernel takes " + std::to_string(state_.operands.size()) +
                 " operands, and the call has " + std::to_string(views_.size()));
    for (std::size_t k = 0; k < views_.size(); ++k)
      if (Outcome outcome = check_view(k); !outcome.ok()) return outcome;
    for (std::size_t k = 0; k < views_.size(); ++k)
      if (Outcome outcome = check_written_shape(k); !outcome.ok()) return outcome;
    for (std::size_t k = 0; k < views_.size(); ++k)
      if (state_.operands[k].output)
        if (Outcome outcome = check_overlaps(k); !outcome.ok()) return outcome;
    return Unit{};
  }

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
        if (clash(written, k)) return false;
    return count > 0;
  }

  void run_plain(const std::uint64_t* params) {
    for (std::size_t k = 0; k < views_.size(); ++k) buffers_[k] = views_[k].data;
    kernel_.run(buffers_.data(), counts_[views_.size() - 1], params);
  }

  void run(const std::uint64_t* params) {
    const Shape full = full_.shape();
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
    run_loop(0, extent, params);
  }

 private:
  [[nodiscard]] Shape shape(std::size_t k) const {
    return {views_[k].shape.data(), views_[k].rank};
  }
  [[nodiscard]] Role role(std::size_t k) const { return state_.spec->operands[k].role; }
  [[nodiscard]] std::size_t bytes(std::size_t k) const {
    return static_cast<std::size_t>(counts_[k]) * size_of(views_[k].dtype);
  }

  static Error bad(std::string message) { return {Status::invalid_operands, std::move(message)}; }
  [[nodiscard]] std::string who(std::size_t k) const {
    return "the operand '" + state_.operands[k].name + "'";
  }

  Outcome check_view(std::size_t k) {
    const TensorView& view = views_[k];
    const OperandInfo& info = state_.operands[k];
    if (view.dtype != info.dtype)
      return bad(who(k) + " must be of type " + std::string(name(info.dtype)) + ", not " +
                 std::string(name(view.dtype)));
    counts_[k] = view.count();
    if (view.rank > TensorView::kMaxRank)
      return bad(who(k) + " has more than " + std::to_string(TensorView::kMaxRank) + " dimensions");
    if (counts_[k] < 0) return bad(who(k) + " has the impossible shape " + to_string(shape(k)));
    if (view.data == nullptr && counts_[k] > 0) return bad(who(k) + " is null");
    if (info.output && !view.writable)
      return bad(who(k) + " is written by the kernel, but its buffer is constant");
    if (driver::is_source(role(k)) && !full_.add(shape(k)))
      return bad(who(k) + " of shape " + to_string(shape(k)) + " does not broadcast with " +
                 to_string(full_.shape()));
    return Unit{};
  }

  Outcome check_written_shape(std::size_t k) const {
    if (!state_.operands[k].output) return Unit{};
    const Shape wanted = full_.shape();
    if (std::equal(wanted.begin(), wanted.end(), shape(k).begin(), shape(k).end())) return Unit{};
    const std::string not_wanted =
        who(k) + " of shape " + to_string(shape(k)) + " must have the shape " + to_string(wanted);
    if (role(k) == Role::output) return bad(not_wanted);
    for (std::size_t i = 0; i < views_.size(); ++i)
      if (role(i) == Role::input &&
          state_.spec->operands[i].index == state_.spec->operands[k].index &&
          std::equal(shape(i).begin(), shape(i).end(), shape(k).begin(), shape(k).end()))
        return Error{Status::unsupported, "the gradient " + who(k) +
                                              " of an input that broadcasts is a sum, which " +
                                              "cannot be compiled yet"};
    return bad(not_wanted);
  }

  static bool same_shape(const TensorView& a, const TensorView& b) {
    if (a.rank != b.rank || a.rank > TensorView::kMaxRank) return false;
    for (std::size_t d = 0; d < a.rank; ++d)
      if (a.shape[d] != b.shape[d]) return false;
    return true;
  }

  // An output may share its buffer with an input of its type and size, and with nothing else.
  [[nodiscard]] bool clash(std::size_t written, std::size_t k) const {
    if (k == written) return false;
    const auto* begin = static_cast<const std::byte*>(views_[written].data);
    const auto* other = static_cast<const std::byte*>(views_[k].data);
    // std::less orders all pointers, those into different objects too.
    const std::less<> before;
    if (!before(other, begin + bytes(written)) || !before(begin, other + bytes(k))) return false;
    return state_.operands[k].output || other != begin ||
           views_[k].dtype != views_[written].dtype || counts_[k] != counts_[written];
  }

  Outcome check_overlaps(std::size_t written) const {
    for (std::size_t k = 0; k < views_.size(); ++k)
      if (clash(written, k))
        return bad(who(written) + " overlaps " + who(k) +
                   (state_.operands[k].output ? ", which the kernel writes as well"
                                              : " without being the same buffer"));
    return Unit{};
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

  // As deep as a view has dimensions.
  void run_loop(std::size_t loop, std::int64_t extent, const std::uint64_t* params) {
    if (loop == outer_loops_) return kernel_.run(buffers_.data(), extent, params);
    for (std::int64_t i = 0; i < nest_.extents[loop]; ++i) {
      run_loop(loop + 1, extent, params);
      advance(loop, 1);
    }
    advance(loop, -nest_.extents[loop]);
  }

  const Kernel& kernel_;
  const KernelState& state_;
  std::span<const TensorView> views_;
  std::array<std::int64_t, kMaxOperands> counts_;
  BroadcastShape full_;
  LoopNest nest_;
  std::size_t outer_loops_ = 0;
  std::array<std::array<std::int64_t, kMaxOperands>, TensorView::kMaxRank> strides_;
  std::array<void*, kMaxOperands> buffers_;
};

}  // namespace

Outcome checked_call(const Kernel& kernel, const KernelState& state,
                     std::span<const TensorView> operands, std::span<const double> params) {
  if (params.size() != state.passed.size())
    return Error{Status::invalid_operands,
                 "the kernel takes " + std::to_string(state.passed.size()) +
                     " passed parameters, and the call has " + std::to_string(params.size())};
  std::array<std::uint64_t, kMaxPassed> slots;
  for (std::size_t i = 0; i < params.size(); ++i) {
    const Outcome outcome =
        check_range(state.spec->definition_text(), state.passed_indices[i], params[i]);
    if (!outcome.ok()) return outcome;
    slots[i] = kernel.slot(params[i]);
  }
  CheckedCall call(kernel, state, operands);
  if (call.is_plain()) {
    call.run_plain(slots.data());
    return Unit{};
  }
  if (Outcome outcome = call.check(); !outcome.ok()) return outcome;
  call.run(slots.data());
  return Unit{};
}

}  // namespace sluice
