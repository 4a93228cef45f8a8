#include "runtime/plain_rows.hpp"

#include <algorithm>
#include <array>

#include "compiler/schedule/row_program.hpp"
#include "runtime/call_checks.hpp"
#include "runtime/workspace.hpp"

namespace sluice {
namespace {

// The last `missing` dimensions aside.
bool same_shape(const TensorView& view, const TensorView& whole, std::size_t missing) {
  return view.rank + missing == whole.rank &&
         std::equal(view.shape.begin(), view.shape.begin() + static_cast<std::ptrdiff_t>(view.rank),
                    whole.shape.begin());
}

// An input that is one row for all, as a norm's weight.
bool is_shared(const OperandInfo& info, const TensorView& view, const TensorView& whole) {
  return !info.output && !info.per_row && !info.scalar && view.rank == 1 && whole.rank > 1 &&
         view.shape[0] == whole.shape[whole.rank - 1];
}

// The first operand that varies along the row, whose shape is that of the whole.
const TensorView* find_whole(const KernelState& state, std::span<const TensorView> views) {
  for (std::size_t k = 0; k < views.size(); ++k)
    if (!state.operands[k].per_row && !state.operands[k].scalar) return &views[k];
  return nullptr;
}

bool fits(const KernelState& state, const TensorView& whole) {
  if (whole.rank == 0 || whole.rank > TensorView::kMaxRank) return false;
  if (state.reads_row_index && whole.rank > 2) return false;
  const driver::RowShape& row = *state.spec->row;
  const std::int64_t columns = whole.shape[whole.rank - 1];
  return columns <= (row.one_block ? schedule::kBlockColumns : kMaxColumns) &&
         (row.columns == 0 || columns == row.columns) && whole.count() > 0;
}

}  // namespace

bool run_plain_rows(const Kernel& kernel, const KernelState& state,
                    std::span<const TensorView> views, const std::uint64_t* params) {
  if (!state.plain_rows || views.size() != state.operands.size()) return false;
  const TensorView* const whole = find_whole(state, views);
  if (whole == nullptr || !fits(state, *whole)) return false;
  const std::int64_t columns = whole->shape[whole->rank - 1];
  std::array<void*, kMaxOperands> buffers;
  std::array<std::int64_t, kMaxOperands> row_steps, column_steps;
  for (std::size_t k = 0; k < views.size(); ++k) {
    const TensorView& view = views[k];
    const OperandInfo& info = state.operands[k];
    if (view.dtype != info.dtype || view.data == nullptr || (info.output && !view.writable) ||
        !view.contiguous())
      return false;
    const bool shared = is_shared(info, view, *whole);
    if (info.scalar ? view.rank != 0 : !shared && !same_shape(view, *whole, info.per_row ? 1 : 0))
      return false;
    const auto size = static_cast<std::int64_t>(size_of(view.dtype));
    buffers[k] = view.data;
    column_steps[k] = info.scalar || info.per_row ? 0 : size;
    row_steps[k] = info.scalar || shared ? 0 : info.per_row ? size : size * columns;
  }
  for (std::size_t written = views.size(); written-- > 0 && state.operands[written].output;)
    for (std::size_t k = 0; k < views.size(); ++k)
      if (CallChecks::clash(state, views, written, k)) return false;
  std::byte* const workspace =
      thread_workspace(kernel.workspace_bytes(columns), state.home.hooks->allocator);
  if (workspace == nullptr) return false;
  kernel.run_rows(buffers.data(),
                  {whole->count() / columns, columns, row_steps.data(), column_steps.data(), 0, 1},
                  workspace, params);
  return true;
}

}  // namespace sluice
