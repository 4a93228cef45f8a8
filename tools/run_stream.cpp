#include "tools/run_stream.hpp"

#include <algorithm>

#include "tools/run_buffers.hpp"

namespace sluice::tools {
namespace {

Outcome run_piece(RunBuffers& buffers, const Kernel& kernel, std::int64_t first, std::int64_t count,
                  const Parallel& parallel) {
  std::vector<TensorView> views;
  for (std::size_t k = 0; k < buffers.size(); ++k) {
    if (Outcome filled = buffers.fill(k, first, count); !filled) return filled;
    const std::int64_t shape[] = {count};
    views.push_back(
        buffers.view(k, std::span<const std::int64_t>(shape, kernel.operands()[k].scalar ? 0 : 1)));
  }
  if (Outcome called = kernel.call(views, {}, parallel); !called) return called;
  for (std::size_t k = 0; k < buffers.size(); ++k)
    if (buffers.is_output(k))
      if (Outcome put = buffers.put(k); !put) return put;
  return Unit{};
}

}  // namespace

Result<std::vector<std::vector<std::byte>>> stream(RunPlan plan, const Kernel& kernel,
                                                   const Parallel& parallel) {
  Result<RunBuffers> buffers = RunBuffers::open(plan, kernel);
  if (!buffers) return buffers.error();
  const std::int64_t count = element_count(plan.result);
  const std::int64_t each = plan.piece.value_or(kPiece);
  for (std::int64_t first = 0; first < count; first += each)
    if (Outcome done = run_piece(*buffers, kernel, first, std::min(each, count - first), parallel);
        !done)
      return done.error();
  return std::move(*buffers).publish();
}

}  // namespace sluice::tools
