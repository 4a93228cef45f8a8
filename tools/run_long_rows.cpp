#include "tools/run_long_rows.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace sluice::tools {
namespace {

// Elements of a row that are held although a piece has fewer: then its file is read once.
constexpr std::int64_t kLongRow = std::int64_t{1} << 26;

class LongRow {
 public:
  LongRow(RunBuffers& buffers, const PieceCall& rows, std::int64_t row)
      : buffers_(buffers), row_index_(rows.row_index(row)) {
    for (std::size_t k = 0; k < buffers.size(); ++k) {
      slices_.push_back(rows.slice(k, row));
      columns_ = std::max(columns_, slices_[k].count);
    }
  }

  Outcome run(const StateKernel& kernel, std::int64_t elements) {
    Result<RowState> state = make_state(kernel);
    if (!state) return state.error();
    for (std::size_t level = 0; level < kernel.levels(); ++level) {
      if (Outcome done = stream(elements, [&] { return state->update(pieces(false)); }); !done)
        return done;
      if (Outcome done = state->finish(); !done) return done;
    }
    if (Outcome done = put_row_outputs(*state); !done || !kernel.writes()) return done;
    return stream(elements, [&] { return write(*state); });
  }

 private:
  [[nodiscard]] bool streams(std::size_t k) const { return slices_[k].count == columns_; }

  Result<RowState> make_state(const StateKernel& kernel) {
    std::vector<TensorView> still;
    for (std::size_t k = 0; k < buffers_.size(); ++k) {
      if (streams(k) || buffers_.is_output(k)) continue;
      if (Outcome filled = buffers_.fill(k, slices_[k].first, 1); !filled) return filled.error();
      still.push_back(buffers_.view(k, {}));
    }
    return RowState::make(kernel, {.columns = columns_, .row_index = row_index_, .inputs = still});
  }

  // Calls use() with `elements` columns after `elements` of every operand that has them at hand.
  template <typename Use>
  Outcome stream(std::int64_t elements, const Use& use) {
    for (std::int64_t first = 0; first < columns_; first += count_) {
      count_ = std::min(elements, columns_ - first);
      for (std::size_t k = 0; k < buffers_.size(); ++k)
        if (streams(k))
          if (Outcome filled = buffers_.fill(k, slices_[k].first + first, count_); !filled)
            return filled;
      if (Outcome used = use(); !used) return used;
    }
    return Unit{};
  }

  // The columns at hand: of the inputs, and of the outputs after them.
  [[nodiscard]] std::span<const TensorView> pieces(bool outputs) {
    views_.clear();
    const std::int64_t shape[] = {count_};
    for (std::size_t k = 0; k < buffers_.size(); ++k)
      if (streams(k) && (outputs || !buffers_.is_output(k)))
        views_.push_back(buffers_.view(k, shape));
    return views_;
  }

  Outcome write(RowState& state) {
    if (Outcome done = state.write(pieces(true)); !done) return done;
    for (std::size_t k = 0; k < buffers_.size(); ++k)
      if (streams(k) && buffers_.is_output(k))
        if (Outcome put = buffers_.put(k); !put) return put;
    return Unit{};
  }

  Outcome put_row_outputs(const RowState& state) {
    std::vector<std::size_t> outputs;
    std::vector<TensorView> views;
    for (std::size_t k = 0; k < buffers_.size(); ++k) {
      if (streams(k) || !buffers_.is_output(k)) continue;
      if (Outcome room = buffers_.fill(k, slices_[k].first, 1); !room) return room;
      outputs.push_back(k);
      views.push_back(buffers_.view(k, {}));
    }
    if (outputs.empty()) return Unit{};
    if (Outcome done = state.row_outputs(std::span<const TensorView>(views)); !done) return done;
    for (const std::size_t k : outputs)
      if (Outcome put = buffers_.put(k); !put) return put;
    return Unit{};
  }

  RunBuffers& buffers_;
  std::vector<PieceCall::Slice> slices_;  // an operand each
  std::int64_t columns_ = 1;
  std::int64_t row_index_ = 0;
  std::int64_t count_ = 0;  // of columns at hand
  std::vector<TensorView> views_;
};

}  // namespace

std::optional<StateKernel> states_for_long_rows(const RunPlan& plan, const Kernel& kernel) {
  if (!kernel.row_wise() || plan.spec.check_indices || plan.result.empty()) return std::nullopt;
  if (plan.result.back() <= plan.piece.value_or(kLongRow)) return std::nullopt;
  Result<StateKernel> states = StateKernel::make(kernel);
  if (!states) return std::nullopt;
  return std::move(states).value();
}

Outcome run_long_rows(RunBuffers& buffers, const PieceCall& rows, const StateKernel& states,
                      std::int64_t elements) {
  for (std::int64_t row = 0; row < rows.pieces(); ++row)
    if (Outcome done = LongRow(buffers, rows, row).run(states, elements); !done) return done;
  return Unit{};
}

}  // namespace sluice::tools
