#include "runtime/piece_call.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "runtime/workspace.hpp"

namespace sluice {
namespace {

// The inputs of a call as the divisor's kernel takes them, then what it writes.
std::vector<TensorView> views_of_divisor(const Kernel& divisor, std::span<const TensorView> views,
                                         void* to) {
  const std::size_t inputs = divisor.operands().size() - 1;
  std::vector<TensorView> own(views.begin(), views.begin() + static_cast<std::ptrdiff_t>(inputs));
  own.emplace_back(to, divisor.compute_type(), std::initializer_list<std::int64_t>{});
  return own;
}

}  // namespace

void PieceCall::Free::operator()(std::byte* memory) const { std::free(memory); }

Result<PieceCall> PieceCall::make(const Kernel& kernel, std::span<const TensorView> whole,
                                  std::span<const double> params, std::int64_t elements) {
  PieceCall made(kernel, whole);
  const KernelState& state = KernelState::of(kernel);
  if (Outcome ok = fill_slots(kernel, state, params, made.params_); !ok.ok()) return ok.error();
  if (Outcome ok = made.begin(elements); !ok.ok()) return ok.error();
  if (!state.divisor) return made;
  const std::vector<TensorView> inputs = views_of_divisor(*state.divisor, whole, nullptr);
  Result<PieceCall> divisor = make(*state.divisor, inputs, params, elements);
  if (!divisor.ok()) return divisor.error();
  made.divisor_ = std::make_unique<PieceCall>(std::move(divisor).value());
  return made;
}

Outcome PieceCall::begin(std::int64_t elements) {
  for (const TensorView& view : whole_)
    if (!view.contiguous())
      return Error{Status::unsupported, "an operand that comes in pieces has strides with gaps, or "
                                        "not row-major: a piece is elements one after the other"};
  if (Outcome ok = checks_->run_shapes(); !ok.ok()) return ok;
  choose_cut(elements);
  return kernel_.compute_type() == Dtype::f64 ? begin_sums<double>() : begin_sums<float>();
}

// The innermost dimension, of those outside the axis, that is too long to be held.
void PieceCall::choose_cut(std::int64_t elements) {
  const Frame& frame = checks_->frame();
  const ResolvedSpec& spec = *KernelState::of(kernel_).spec;
  std::int64_t inner = 1;
  bool empty = false;
  for (std::size_t d = 0; d < frame.rank(); ++d) empty = empty || frame.extent(d) == 0;
  for (cut_ = 0; !empty && cut_ < frame.rank(); ++cut_) {
    const bool allowed = !spec.axis || cut_ > *spec.axis;
    if (allowed && frame.extent(cut_) > 1 && inner > elements / frame.extent(cut_)) break;
    inner *= frame.extent(cut_);
  }
  if (empty) cut_ = frame.rank();
  if (cut_ == frame.rank()) return;
  each_ = std::clamp<std::int64_t>(elements / inner, 1, frame.extent(cut_));
  pieces_ = (frame.extent(cut_) + each_ - 1) / each_;
  for (std::size_t d = cut_ + 1; d < frame.rank(); ++d) pieces_ *= frame.extent(d);
}

template <typename T>
Outcome PieceCall::begin_sums() {
  PieceOf place = place_of(0);
  const std::size_t bytes = RowCall<T>(kernel_, whole_, *checks_, 1, &place).sums_bytes();
  if (bytes > 0) {
    memory_.reset(static_cast<std::byte*>(std::aligned_alloc(kWorkspaceAlignment, bytes)));
    if (memory_ == nullptr)
      return Error{Status::out_of_memory,
                   "there is no memory for sums of " + std::to_string(bytes) + " bytes"};
  }
  place.sums = memory_.get();
  RowCall<T> call(kernel_, whole_, *checks_, 1, &place);
  call.begin_sums();
  divided_by_ = static_cast<double>(call.reduced_count());
  for (std::size_t k = 0; k < whole_.size(); ++k)
    if (call.sum_goes_on(k)) sums_ |= OperandSet{1} << k;
  return Unit{};
}

PieceOf PieceCall::place_of(std::int64_t piece) const {
  const Frame& frame = checks_->frame();
  PieceOf of{checks_.get(), cut_, {}, memory_.get(), divided_by_};
  if (cut_ == frame.rank()) return of;
  const std::int64_t along = (frame.extent(cut_) + each_ - 1) / each_;
  of.place[cut_] = piece % along * each_;
  piece /= along;
  for (std::size_t d = cut_ + 1; d < frame.rank(); piece /= frame.extent(d), ++d)
    of.place[d] = piece % frame.extent(d);
  return of;
}

PieceCall::Slice PieceCall::slice(std::size_t operand, std::int64_t piece) const {
  const Frame& frame = checks_->frame();
  const PieceOf of = place_of(piece);
  const TensorView& whole = whole_[operand];
  const bool lacks_axis = KernelState::of(kernel_).operands[operand].per_row;
  Slice slice;
  slice.shape.rank = whole.rank;
  std::int64_t step = 1;
  for (std::size_t i = 0; i < whole.rank; ++i) {
    const std::size_t at = whole.rank - 1 - i;
    const bool outside = lacks_axis && i >= *KernelState::of(kernel_).spec->axis;
    const std::size_t d = i + (outside ? 1 : 0);
    std::int64_t& extent = slice.shape.values[at];
    extent = whole.shape[at];
    if (d >= cut_ && extent != 1) {
      slice.first += of.place[d] * step;
      extent = d == cut_ ? std::min(each_, frame.extent(d) - of.place[d]) : 1;
    }
    slice.count *= extent;
    step *= whole.shape[at];
  }
  return slice;
}

std::int64_t PieceCall::row_index(std::int64_t piece) const {
  const std::size_t d = *KernelState::of(kernel_).spec->axis + 1;
  return d < checks_->frame().rank() ? place_of(piece).place[d] : 0;
}

Outcome PieceCall::run(std::size_t pass, std::int64_t piece, std::span<const TensorView> views,
                       const Parallel& parallel) {
  if (divisor_ != nullptr && pass == 0) return run_divisor(piece, views, parallel);
  const PieceOf place = place_of(piece);
  return checked_row_call(kernel_, views, params_.data(), {{}, &parallel, &place});
}

Outcome PieceCall::run_divisor(std::int64_t piece, std::span<const TensorView> views,
                               const Parallel& parallel) {
  double wide = 0;
  float narrow = 0;
  const bool is_wide = kernel_.compute_type() == Dtype::f64;
  void* const to = is_wide ? static_cast<void*>(&wide) : &narrow;
  const std::vector<TensorView> own = views_of_divisor(divisor_->kernel_, views, to);
  if (Outcome ok = divisor_->run(0, piece, own, parallel); !ok.ok()) return ok;
  if (piece + 1 < pieces_) return Unit{};
  divisor_->finish(own);
  divided_by_ = is_wide ? wide : narrow;
  return Unit{};
}

void PieceCall::finish(std::span<const TensorView> views) {
  const PieceOf place = place_of(0);
  if (kernel_.compute_type() == Dtype::f64)
    RowCall<double>(kernel_, views, *checks_, 1, &place).finish_sums(divided_by_);
  else
    RowCall<float>(kernel_, views, *checks_, 1, &place)
        .finish_sums(static_cast<float>(divided_by_));
}

}  // namespace sluice
