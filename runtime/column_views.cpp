#include "runtime/column_views.hpp"

#include <algorithm>
#include <utility>

#include "runtime/call_checks.hpp"

namespace sluice {
namespace {

Error bad(std::string message) { return {Status::invalid_operands, std::move(message)}; }
std::string text(std::int64_t number) { return std::to_string(number); }

}  // namespace

Outcome ColumnViews::add(std::size_t operand, const TensorView& view) {
  const OperandInfo& info = state_.operands[operand];
  if (view.dtype != info.dtype)
    return bad(who(operand) + " must be of type " + std::string(name(info.dtype)) + ", not " +
               std::string(name(view.dtype)));
  if (view.rank > TensorView::kMaxRank || view.count() < 0)
    return bad(who(operand) + " has an impossible shape");
  if (!view.contiguous())
    return Error{Status::unsupported,
                 who(operand) + " has strides with gaps, or not row-major: rows that are streamed "
                                "lie next to each other"};
  if (view.data == nullptr && view.count() > 0) return bad(who(operand) + " is null");
  if (info.output && !view.writable)
    return bad(who(operand) + " is written by the kernel, but its buffer is constant");
  buffers[operand] = view.data;
  elements_[operand] = view.count();
  return Unit{};
}

Outcome ColumnViews::add_columns(std::size_t operand, const TensorView& view) {
  if (Outcome ok = add(operand, view); !ok.ok()) return ok;
  const Shape shape{view.shape.data(), view.rank};
  const std::int64_t own = view.rank == 0 ? 1 : shape.back();
  std::int64_t others = 1;
  for (std::size_t d = 0; d + 1 < view.rank && others != 0; ++d)
    others = shape[d] <= rows_ ? others * shape[d] : 0;
  const bool one_for_all = others == 1 && !state_.operands[operand].output;
  if (others != rows_ && !one_for_all)
    return bad(who(operand) + " of shape " + to_string(shape) + " must have " + text(rows_) +
               " rows, as the state has");
  if (columns >= 0 && own != columns)
    return bad(who(operand) + " has " + text(own) + " columns, and those before it have " +
               text(columns));
  columns = own;
  const auto size = static_cast<std::int64_t>(size_of(state_.operands[operand].dtype));
  row_steps[operand] = others == 1 ? 0 : own * size;
  if (others != rows_) shared |= OperandSet{1} << operand;
  return Unit{};
}

Outcome ColumnViews::add_row_output(std::size_t operand, const TensorView& view) {
  if (Outcome ok = add(operand, view); !ok.ok()) return ok;
  if (view.count() == rows_) return Unit{};
  return bad(who(operand) + " has " + text(view.count()) + " elements, and the state has " +
             text(rows_) + " rows");
}

Outcome ColumnViews::take(std::span<const std::size_t> operands, std::int64_t first,
                          std::int64_t count) {
  if (first < 0 || count < 0 || count > columns || first > columns - count)
    return Error{Status::invalid_argument,
                 "the views have no " + text(count) + " columns from column " + text(first) +
                     " on: there are " + text(std::max<std::int64_t>(columns, 0))};
  for (const std::size_t k : operands)
    if (first > 0)
      buffers[k] = static_cast<std::byte*>(buffers[k]) +
                   static_cast<std::size_t>(first) * size_of(state_.operands[k].dtype);
  columns = count;
  return Unit{};
}

Outcome ColumnViews::check_overlaps(std::span<const std::size_t> operands) const {
  const auto size = [&](std::size_t k) {
    return static_cast<std::size_t>(elements_[k]) * size_of(state_.operands[k].dtype);
  };
  const auto at = [&](std::size_t k) { return reinterpret_cast<std::uintptr_t>(buffers[k]); };
  for (const std::size_t a : operands)
    for (const std::size_t b : operands) {
      const OperandInfo& written = state_.operands[a];
      if (a == b || !written.output || at(b) >= at(a) + size(a) || at(a) >= at(b) + size(b))
        continue;
      const OperandInfo& other = state_.operands[b];
      const bool same =
          at(a) == at(b) && written.dtype == other.dtype && elements_[a] == elements_[b];
      if (!other.output && same) continue;
      return bad("the operand '" + written.name + "' overlaps the operand '" + other.name + "'" +
                 (other.output ? "" : " without being the same buffer"));
    }
  return Unit{};
}

}  // namespace sluice
