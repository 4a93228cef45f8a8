#include "activations.hpp"

#include <cmath>
#include <utility>

namespace {

// A call on the engine's threads, with its workspace from the engine's arena: nothing is allocated.
sluice::Outcome call(const sluice::Kernel& kernel, std::span<const sluice::TensorView> views,
                     ThreadPool& pool, Arena& arena) {
  const sluice::Parallel parallel = pool.lend();
  const std::size_t bytes = kernel.workspace_bytes(views, parallel.threads);
  const auto workspace = arena.take<std::byte>(bytes);
  if (workspace.size() < bytes)
    return sluice::Error{sluice::Status::out_of_memory, "the arena is full"};
  return kernel.call(views, {}, parallel, workspace);
}

}  // namespace

sluice::Result<Activations> Activations::compile(sluice::Runtime& runtime, const Sizes& sizes) {
  const auto rows = sluice::f32({sizes.tokens, sizes.width});
  const auto norm = runtime.compile({.function = "rms_norm",
                                     .operands = {rows, sluice::f32({sizes.width}), rows},
                                     .parameters = {{"eps", 1e-5}}});
  if (!norm) return norm.error();

  const std::vector<std::int64_t> all = {sizes.heads, sizes.tokens, sizes.tokens};
  const auto softmax = runtime.compile(
      {.function = "softmax",
       .operands = {sluice::f32(all, "x"),
                    {sluice::Dtype::boolean, {sizes.tokens, sizes.tokens}, "keep"},
                    sluice::f32(all, "y")},
       .parameters = {{"scale", 1 / std::sqrt(static_cast<double>(sizes.head_width()))}}});
  if (!softmax) return softmax.error();

  const auto hidden = sluice::f32({sizes.tokens, sizes.hidden});
  const auto gated = runtime.compile({.function = "swiglu", .operands = {hidden, hidden, hidden}});
  if (!gated) return gated.error();
  return Activations(sizes, *norm, *softmax, *gated);
}

sluice::Outcome Activations::rms_norm(std::span<float> x, std::span<float> weight,
                                      std::span<float> y, ThreadPool& pool, Arena& arena) const {
  const auto view = [&](std::span<float> of) {
    return sluice::TensorView(of.data(), sluice::Dtype::f32, {sizes_.tokens, sizes_.width});
  };
  const sluice::TensorView views[] = {view(x), sluice::TensorView(weight), view(y)};
  return call(rms_norm_, views, pool, arena);
}

sluice::Outcome Activations::attention(std::span<float> scores, std::span<bool> keep,
                                       ThreadPool& pool, Arena& arena) const {
  const sluice::TensorView all(scores.data(), sluice::Dtype::f32,
                               {sizes_.heads, sizes_.tokens, sizes_.tokens});
  const sluice::TensorView views[] = {
      all, sluice::TensorView(keep.data(), sluice::Dtype::boolean, {sizes_.tokens, sizes_.tokens}),
      all};
  return call(softmax_, views, pool, arena);
}

sluice::Outcome Activations::swiglu(std::span<float> gate, std::span<float> up, ThreadPool& pool,
                                    Arena& arena) const {
  const sluice::TensorView views[] = {sluice::TensorView(gate), sluice::TensorView(up),
                                      sluice::TensorView(gate)};
  return call(swiglu_, views, pool, arena);
}
