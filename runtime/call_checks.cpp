#include "runtime/call_checks.hpp"

#include <algorithm>
#include <functional>

#include "compiler/schedule/row_program.hpp"
#include "runtime/strides.hpp"

namespace sluice {
namespace {

using driver::Role;

Error bad(std::string message) { return {Status::invalid_operands, std::move(message)}; }

Shape shape_of(const TensorView& view) { return {view.shape.data(), view.rank}; }

bool same(Shape a, Shape b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

std::optional<std::size_t> axis_of_rows(const KernelState& state) {
  return state.spec->row ? state.spec->axis : std::nullopt;
}

}  // namespace

CallChecks::CallChecks(const KernelState& state, std::span<const TensorView> views)
    : state_(state), views_(views), frame_(axis_of_rows(state)) {}

std::string CallChecks::who(std::size_t k) const { return "the operand '" + info(k).name + "'"; }
std::string CallChecks::shown(std::size_t k) const {
  return who(k) + " of shape " + to_string(shape_of(views_[k]));
}

Shape CallChecks::shape(std::size_t k) const {
  for (std::size_t i = 0; i < halved_count_; ++i)
    if (halved_[i] == k) return halves_[i];
  return shape_of(views_[k]);
}

Outcome CallChecks::run() {
  if (Outcome outcome = run_shapes(); !outcome.ok()) return outcome;
  for (std::size_t k = 0; k < views_.size(); ++k)
    if (Outcome outcome = check_buffer(k); !outcome.ok()) return outcome;
  for (std::size_t k = 0; k < views_.size(); ++k)
    if (info(k).output)
      if (Outcome outcome = check_overlaps(k); !outcome.ok()) return outcome;
  return Unit{};
}

Outcome CallChecks::run_shapes() {
  if (views_.size() != state_.operands.size())
    return bad("the kernel takes " + std::to_string(state_.operands.size()) +
               " operands, and the call has " + std::to_string(views_.size()));
  for (std::size_t k = 0; k < views_.size(); ++k)
    if (Outcome outcome = check_view(k); !outcome.ok()) return outcome;
  if (!frame_.countable())
    return bad("the operands broadcast to the impossible shape " + to_string(frame_.full()));
  if (Outcome outcome = check_axis(); !outcome.ok()) return outcome;
  for (std::size_t k = 0; k < views_.size(); ++k)
    if (Outcome outcome = check_written_shape(k); !outcome.ok()) return outcome;
  return check_row_shape();
}

Outcome CallChecks::check_buffer(std::size_t k) const {
  if (views_[k].data == nullptr && views_[k].count() > 0) return bad(who(k) + " is null");
  if (info(k).output && !views_[k].writable)
    return bad(who(k) + " is written by the kernel, but its buffer is constant");
  return Unit{};
}

Outcome CallChecks::check_view(std::size_t k) {
  const TensorView& view = views_[k];
  if (view.dtype != info(k).dtype)
    return bad(who(k) + " must be of type " + std::string(name(info(k).dtype)) + ", not " +
               std::string(name(view.dtype)));
  if (view.rank > TensorView::kMaxRank)
    return bad(who(k) + " has more than " + std::to_string(TensorView::kMaxRank) + " dimensions");
  if (view.count() < 0)
    return bad(who(k) + " has the impossible shape " + to_string(shape_of(view)));
  if (view.stride_count != 0)
    if (Outcome ok = check_strides(k); !ok.ok()) return ok;
  if (argument(k).single)
    return view.rank == 0 ? Outcome(Unit{}) : bad(shown(k) + " is one number, of shape ()");
  if (argument(k).way == Way::halves)
    if (Outcome halved = halve(k); !halved.ok()) return halved;
  if (driver::is_source(operand(k).role) && !frame_.add(shape(k), info(k).per_row))
    return bad(shown(k) + " does not broadcast with " + to_string(frame_.shape(info(k).per_row)));
  return Unit{};
}

Outcome CallChecks::check_strides(std::size_t k) const {
  const TensorView& view = views_[k];
  if (view.stride_count != view.rank)
    return bad(shown(k) + " has " + std::to_string(view.stride_count) + " strides");
  if (!byte_span(view)) return bad(shown(k) + " has strides that reach further than memory");
  if (info(k).output && may_repeat(view))
    return bad(shown(k) + " is written by the kernel, and its strides may put two elements in one "
                          "place");
  return Unit{};
}

Outcome CallChecks::halve(std::size_t k) {
  const TensorView& view = views_[k];
  const std::uint32_t axis = *state_.spec->axis;
  if (view.rank <= axis) return bad(shown(k) + " lacks the axis that is to be halved");
  Extents& half = halves_[halved_count_];
  std::copy_n(view.shape.begin(), view.rank, half.values.begin());
  half.rank = view.rank;
  std::int64_t& extent = half.values[view.rank - 1 - axis];
  if (extent % 2 != 0)
    return bad(shown(k) + " has an odd extent along the axis that is to be halved");
  extent /= 2;
  halved_[halved_count_++] = k;
  return Unit{};
}

Outcome CallChecks::check_axis() const {
  if (!state_.spec->row || frame_.has_axis()) return Unit{};
  return bad("the kernel's rows lie along the axis -" + std::to_string(*state_.spec->axis + 1) +
             ", and the operands have " + std::to_string(frame_.rank()) + " dimensions");
}

// As the spec's shapes were asked, see resolve_shapes.cpp.
bool CallChecks::is_whole(std::size_t k) const {
  const Aligned own = aligned(k);
  bool along_row = true;
  for (const driver::Operand& each : state_.spec->operands)
    if (each.role == Role::input && each.index == operand(k).index)
      along_row = !state_.spec->row || each.extent == ir::Extent::element;
  for (std::size_t d = 0; d < frame_.rank(); ++d)
    if (own[d] != frame_.extent(d) && (along_row || d != *state_.spec->axis)) return false;
  return true;
}

Outcome CallChecks::check_written_shape(std::size_t k) const {
  if (!info(k).output || argument(k).single) return Unit{};
  Extents wanted = frame_.shape(info(k).per_row);
  if (operand(k).role == Role::input_gradient) {
    for (std::size_t i = 0; i < views_.size(); ++i)
      if ((operand(i).role == Role::input && operand(i).index == operand(k).index) ||
          operand(i).role == Role::saved_output) {
        const Shape source = shape_of(views_[i]);
        wanted.rank = source.size();
        std::copy(source.begin(), source.end(), wanted.values.begin());
      }
    if (!same(wanted, shape_of(views_[k])))
      return bad(shown(k) + " must have its input's shape " + to_string(wanted));
    if (argument(k).way == Way::summed || is_whole(k)) return Unit{};
    return bad("the gradient " + who(k) +
               " is a sum, for its input broadcasts, and the kernel was made for one that does "
               "not: compile a kernel for these shapes");
  }
  if (same(wanted, shape_of(views_[k]))) return Unit{};
  return bad(shown(k) + " must have the shape " + to_string(wanted));
}

Outcome CallChecks::check_row_shape() const {
  if (!state_.spec->row) return Unit{};
  const driver::RowShape& row = *state_.spec->row;
  const std::int64_t columns = frame_.columns();
  if (columns > kMaxColumns)
    return Error{Status::limit_exceeded, "a row has at most " + std::to_string(kMaxColumns) +
                                             " columns, and the call's have " +
                                             std::to_string(columns)};
  if (row.columns != 0 && columns != row.columns)
    return bad("the kernel was made for rows of " + std::to_string(row.columns) +
               " columns, and the call's have " + std::to_string(columns) +
               ": compile a kernel for rows of that length");
  if (row.one_block && columns > schedule::kBlockColumns)
    return bad("the kernel was made for rows of at most " +
               std::to_string(schedule::kBlockColumns) + " columns, and the call's have " +
               std::to_string(columns) + ": compile a kernel for rows of that length");
  if (!row.across && frame_.inner_count() > 1 && columns > 1)
    return bad("the kernel was made for rows whose elements lie next to each other, and the "
               "call's do not: compile a kernel for these shapes");
  for (std::size_t k = 0; k < views_.size(); ++k)
    if (Outcome outcome = check_extent(k); !outcome.ok()) return outcome;
  return Unit{};
}

// Whether the operand varies along the row is part of the code.
Outcome CallChecks::check_extent(std::size_t k) const {
  if (!driver::is_source(operand(k).role) || argument(k).single || frame_.columns() == 1)
    return Unit{};
  const bool varies = aligned(k)[*state_.spec->axis] != 1 && !info(k).per_row;
  if (varies == (operand(k).extent == ir::Extent::element)) return Unit{};
  return bad(shown(k) + (varies ? " varies along the row, and the kernel was made for one that "
                                  "does not: compile a kernel for these shapes"
                                : " has one value for the row, and the kernel was made for one "
                                  "that varies along it: compile a kernel for these shapes"));
}

Aligned CallChecks::steps(std::size_t k) const {
  const TensorView& view = views_[k];
  const Strides strides = strides_of(view);
  Aligned steps = frame_.align_strides({strides.data(), view.rank}, info(k).per_row);
  const Aligned own = aligned(k);
  for (std::size_t d = 0; d < steps.size(); ++d)
    steps[d] = own[d] == 1 ? 0 : steps[d] * static_cast<std::int64_t>(size_of(view.dtype));
  return steps;
}

bool CallChecks::clash(const KernelState& state, std::span<const TensorView> views,
                       std::size_t written, std::size_t other) {
  if (other == written) return false;
  const TensorView& a = views[written];
  const TensorView& b = views[other];
  const auto span_of = [](const TensorView& view) {
    if (view.stride_count != 0) return byte_span(view).value_or(ByteSpan{});
    return ByteSpan{0, view.count() * static_cast<std::int64_t>(size_of(view.dtype))};
  };
  const ByteSpan span = span_of(a), other_span = span_of(b);
  const auto* const begin = static_cast<const std::byte*>(a.data);
  const auto* const other_begin = static_cast<const std::byte*>(b.data);
  // std::less orders all pointers, those into different objects too.
  const std::less<> before;
  if (!before(other_begin + other_span.begin, begin + span.end) ||
      !before(begin + span.begin, other_begin + other_span.end))
    return false;
  if (state.operands[other].output || other_begin != begin || a.dtype != b.dtype) return true;
  if (!a.contiguous() || !b.contiguous()) return !same_places(a, b);
  return state.plain ? a.count() != b.count() : !same(shape_of(a), shape_of(b));
}

Outcome CallChecks::check_overlaps(std::size_t written) const {
  for (std::size_t k = 0; k < views_.size(); ++k)
    if (clash(state_, views_, written, k))
      return bad(who(written) + " overlaps " + who(k) +
                 (info(k).output ? ", which the kernel writes as well"
                                 : " without being the same buffer"));
  return Unit{};
}

}  // namespace sluice
