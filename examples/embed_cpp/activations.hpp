// The activations of a transformer block, compiled once and run on the engine's threads and memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sluice/sluice.hpp>

#include "arena.hpp"
#include "thread_pool.hpp"

struct Sizes {
  std::int64_t tokens = 0, width = 0, heads = 0, hidden = 0;
  [[nodiscard]] std::int64_t head_width() const { return width / heads; }
};

class Activations {
 public:
  // Everything that can go wrong with a function, a type or a shape goes wrong here.
  [[nodiscard]] static sluice::Result<Activations> compile(sluice::Runtime& runtime,
                                                           const Sizes& sizes);

  // y = x / sqrt(mean(x^2) + eps) * weight; (tokens, width), the weight (width).
  [[nodiscard]] sluice::Outcome rms_norm(std::span<float> x, std::span<float> weight,
                                         std::span<float> y, ThreadPool& pool, Arena& arena) const;
  // In place: scores of (heads, tokens, tokens), where `keep` (tokens, tokens) is false as if -inf.
  [[nodiscard]] sluice::Outcome attention(std::span<float> scores, std::span<bool> keep,
                                          ThreadPool& pool, Arena& arena) const;
  // In place in the gate: silu(gate) * up; both (tokens, hidden).
  [[nodiscard]] sluice::Outcome swiglu(std::span<float> gate, std::span<float> up, ThreadPool& pool,
                                       Arena& arena) const;

 private:
  Activations(const Sizes& sizes, sluice::Kernel rms_norm, sluice::Kernel softmax,
              sluice::Kernel swiglu)
      : sizes_(sizes), rms_norm_(std::move(rms_norm)), softmax_(std::move(softmax)),
        swiglu_(std::move(swiglu)) {}

  Sizes sizes_;
  sluice::Kernel rms_norm_, softmax_, swiglu_;
};
