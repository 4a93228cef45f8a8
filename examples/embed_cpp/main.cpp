// A small inference engine: one transformer block on its own threads and its own memory, whose
// activations are Sluice's kernels. It says how far each is from a plain evaluation in double.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <span>

#include "activations.hpp"

namespace {

constexpr Sizes kSizes{.tokens = 96, .width = 64, .heads = 4, .hidden = 256};
using Matrix = std::span<float>;

// Weights as a model would load them: small numbers in (-scale, scale).
void fill(Matrix values, float scale, std::uint32_t seed) {
  for (float& each : values) {
    seed = seed * 1664525u + 1013904223u;
    each = (static_cast<float>(seed >> 8) / 8388608.0f - 1) * scale;
  }
}

// out (rows, columns) = a (rows, inner) b (inner, columns), rows shared out over the pool.
void multiply(Matrix a, Matrix b, Matrix out, std::int64_t columns, ThreadPool& pool) {
  const auto inner = static_cast<std::int64_t>(b.size()) / columns;
  const auto rows = static_cast<std::int64_t>(a.size()) / inner;
  pool.for_each(static_cast<std::size_t>(rows), [&](std::size_t row) {
    const float* left = a.data() + static_cast<std::int64_t>(row) * inner;
    float* to = out.data() + static_cast<std::int64_t>(row) * columns;
    std::fill(to, to + columns, 0.0f);
    for (std::int64_t k = 0; k < inner; ++k)
      for (std::int64_t j = 0; j < columns; ++j) to[j] += left[k] * b[k * columns + j];
  });
}

// One block's memory, all of it from the arena.
struct Block {
  explicit Block(Arena& arena)
      : x(take(arena, kSizes.tokens * kSizes.width)), normed(take(arena, x.size())),
        weight(take(arena, kSizes.width)), projection(take(arena, kSizes.width * kSizes.width)),
        attended(take(arena, x.size())),
        scores(take(arena, kSizes.heads * kSizes.tokens * kSizes.tokens)),
        up_weight(take(arena, kSizes.width * kSizes.hidden)),
        gate_weight(take(arena, up_weight.size())), down_weight(take(arena, up_weight.size())),
        gate(take(arena, kSizes.tokens * kSizes.hidden)), up(take(arena, gate.size())),
        keep(arena.take<bool>(static_cast<std::size_t>(kSizes.tokens * kSizes.tokens))) {
    fill(x, 1, 1);
    fill(weight, 1, 2);
    fill(projection, 0.2f, 3);
    fill(gate_weight, 0.2f, 4);
    fill(up_weight, 0.2f, 5);
    fill(down_weight, 0.1f, 6);
    // Causal, and blind to the first token of all but its own row.
    for (std::int64_t i = 0; i < kSizes.tokens; ++i)
      for (std::int64_t j = 0; j < kSizes.tokens; ++j)
        keep[i * kSizes.tokens + j] = j <= i && (j > 0 || i == 0);
  }

  static Matrix take(Arena& arena, std::uint64_t count) { return arena.take<float>(count); }

  Matrix x, normed, weight, projection, attended, scores;
  Matrix up_weight, gate_weight, down_weight, gate, up;
  std::span<bool> keep;
};

// Scores of each head from the normed tokens themselves, or what they attend to.
void each_head(Block& block, ThreadPool& pool, bool score) {
  const std::int64_t n = kSizes.tokens, width = kSizes.head_width();
  pool.for_each(static_cast<std::size_t>(kSizes.heads * n), [&](std::size_t task) {
    const auto head = static_cast<std::int64_t>(task) / n, i = static_cast<std::int64_t>(task) % n;
    const auto at = [&](Matrix of, std::int64_t token, std::int64_t k) -> float& {
      return of[token * kSizes.width + head * width + k];
    };
    float* row = &block.scores[(head * n + i) * n];
    for (std::int64_t j = 0; score && j < n; ++j) {
      row[j] = 0;
      for (std::int64_t k = 0; k < width; ++k)
        row[j] += at(block.normed, i, k) * at(block.normed, j, k);
    }
    for (std::int64_t k = 0; !score && k < width; ++k) {
      float sum = 0;
      for (std::int64_t j = 0; j < n; ++j) sum += row[j] * at(block.normed, j, k);
      at(block.attended, i, k) = sum;
    }
  });
}

void add(Matrix to, Matrix what) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += what[i];
}

// The largest error of the norm's values, against double.
double norm_error(const Block& block) {
  double worst = 0;
  for (std::int64_t i = 0; i < kSizes.tokens; ++i) {
    const Matrix row = block.x.subspan(i * kSizes.width, kSizes.width);
    double sum = 0;
    for (const float value : row) sum += static_cast<double>(value) * value;
    const double scale = 1 / std::sqrt(sum / kSizes.width + 1e-5);
    for (std::int64_t j = 0; j < kSizes.width; ++j)
      worst = std::max(
          worst, std::abs(row[j] * scale * block.weight[j] - block.normed[i * kSizes.width + j]));
  }
  return worst;
}

// How far the rows' weights are from summing to one, and those left out from zero.
double attention_error(const Block& block) {
  double worst = 0;
  for (std::int64_t row = 0; row < kSizes.heads * kSizes.tokens; ++row) {
    double sum = 0;
    for (std::int64_t j = 0; j < kSizes.tokens; ++j) {
      const double weight = block.scores[row * kSizes.tokens + j];
      sum += weight;
      if (!block.keep[row % kSizes.tokens * kSizes.tokens + j])
        worst = std::max(worst, std::abs(weight));
    }
    worst = std::max(worst, std::abs(sum - 1));
  }
  return worst;
}

sluice::Outcome run(Arena& arena, ThreadPool& pool) {
  sluice::Runtime runtime;
  const auto activations = Activations::compile(runtime, kSizes);
  if (!activations) return activations.error();
  Block block(arena);

  if (auto ok = activations->rms_norm(block.x, block.weight, block.normed, pool, arena); !ok)
    return ok;
  std::printf("rms_norm: within %.1e\n", norm_error(block));
  each_head(block, pool, true);
  if (auto ok = activations->attention(block.scores, block.keep, pool, arena); !ok) return ok;
  const double error = attention_error(block);
  std::printf("softmax: rows sum to 1 within %.1e\n", error);
  each_head(block, pool, false);
  multiply(block.attended, block.projection, block.normed, kSizes.width, pool);
  add(block.x, block.normed);

  if (auto ok = activations->rms_norm(block.x, block.weight, block.normed, pool, arena); !ok)
    return ok;
  const double norm = norm_error(block);
  multiply(block.normed, block.gate_weight, block.gate, kSizes.hidden, pool);
  multiply(block.normed, block.up_weight, block.up, kSizes.hidden, pool);
  const double gate = block.gate[7], gated = gate / (1 + std::exp(-gate)) * block.up[7];
  if (auto ok = activations->swiglu(block.gate, block.up, pool, arena); !ok) return ok;
  std::printf("swiglu: within %.1e\n", std::abs(gated - block.gate[7]));
  multiply(block.gate, block.down_weight, block.normed, kSizes.width, pool);
  add(block.x, block.normed);

  const bool exact = norm < 1e-5 && error < 1e-5 && std::abs(gated - block.gate[7]) < 1e-5;
  if (!exact) return sluice::Error{sluice::Status::unsupported, "an activation is wrong"};
  std::printf("a block of %lld tokens, %zu kernels, %zu bytes of the arena\n",
              static_cast<long long>(kSizes.tokens),
              static_cast<std::size_t>(runtime.counters().entries), arena.used());
  return sluice::Unit{};
}

}  // namespace

int main() {
  Arena arena(std::size_t{4} << 20);
  ThreadPool pool(4);
  const auto outcome = run(arena, pool);
  if (!outcome) std::fprintf(stderr, "%s\n", outcome.error().message.c_str());
  return outcome ? 0 : 1;
}
