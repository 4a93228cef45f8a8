#include "tools/run_pieces.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "runtime/piece_call.hpp"
#include "tools/run_buffers.hpp"
#include "tools/run_long_rows.hpp"

namespace sluice::tools {
namespace {

Outcome run_piece(RunBuffers& buffers, PieceCall& call, std::size_t pass, std::int64_t piece,
                  const Parallel& parallel) {
  const bool writes = pass + 1 == call.passes();
  std::vector<TensorView> views;
  for (std::size_t k = 0; k < buffers.size(); ++k) {
    const PieceCall::Slice slice = call.slice(k, piece);
    if (!call.is_sum(k) && (writes || !buffers.is_output(k)))
      if (Outcome filled = buffers.fill(k, slice.first, slice.count); !filled) return filled;
    views.push_back(buffers.view(k, ::sluice::Shape(slice.shape)));
  }
  if (Outcome done = call.run(pass, piece, views, parallel); !done) return done;
  for (std::size_t k = 0; k < buffers.size() && writes; ++k)
    if (buffers.is_output(k) && !call.is_sum(k))
      if (Outcome put = buffers.put(k); !put) return put;
  return Unit{};
}

// The sums that went over the pieces.
Outcome finish(RunBuffers& buffers, PieceCall& call) {
  std::vector<TensorView> views(buffers.whole().begin(), buffers.whole().end());
  for (std::size_t k = 0; k < buffers.size(); ++k) {
    if (!call.is_sum(k)) continue;
    if (Outcome filled = buffers.fill(k, 0, views[k].count()); !filled) return filled;
    views[k].data = buffers.view(k, {}).data;
  }
  call.finish(views);
  for (std::size_t k = 0; k < buffers.size(); ++k)
    if (call.is_sum(k))
      if (Outcome put = buffers.put(k); !put) return put;
  return Unit{};
}

Outcome run_calls(RunBuffers& buffers, PieceCall& call, const Parallel& parallel) {
  for (std::size_t pass = 0; pass < call.passes(); ++pass)
    for (std::int64_t piece = 0; piece < call.pieces(); ++piece)
      if (Outcome done = run_piece(buffers, call, pass, piece, parallel); !done) return done;
  return finish(buffers, call);
}

}  // namespace

Result<std::vector<std::vector<std::byte>>> run_pieces(RunPlan plan, const Kernel& kernel,
                                                       const Parallel& parallel) {
  Result<RunBuffers> buffers = RunBuffers::open(plan, kernel);
  if (!buffers) return buffers.error();
  const std::optional<StateKernel> states = states_for_long_rows(plan, kernel);
  const auto threads = static_cast<std::int64_t>(std::max<std::size_t>(parallel.threads, 1));
  const std::int64_t elements = states ? 1 : plan.piece.value_or(kPiece * threads);
  Result<PieceCall> call = PieceCall::make(kernel, buffers->whole(), {}, elements);
  if (!call) return call.error();
  Outcome done = states ? run_long_rows(*buffers, *call, *states, plan.piece.value_or(kPiece))
                        : run_calls(*buffers, *call, parallel);
  if (!done) return done.error();
  return std::move(*buffers).publish();
}

}  // namespace sluice::tools
