// What row functions should give, in long double, and how far off each element may be.
//
// In: the inputs in f32. Out: values and allowances by the promises for row functions, so that one
// number, the worst error over its allowance, says whether a contender is right. Textbook formulas
// in a few lines each; nothing is shared with what they check.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice::bench {

// How the rows lie: element j of row i is at i * row_step + j * element_step.
struct Lines {
  std::size_t count = 0;
  std::size_t length = 0;
  std::size_t row_step = 0;
  std::size_t element_step = 1;
};

struct Expected {
  std::vector<double> values;
  std::vector<double> allowed;  // the largest absolute error
};

// Logits are x * scale; with `causal` those of a row's columns up to its own number in its square
// matrix. Allowed: (10 + |z - m|) 2^-24 of the value.
struct Logits {
  float scale = 1;
  bool causal = false;
};
[[nodiscard]] Expected expected_softmax(std::span<const float> x, const Lines& lines,
                                        Logits logits = {});
// Allowed: 4 ulps of the largest of |z - m|, the sum's logarithm, the value and 1/2.
[[nodiscard]] Expected expected_log_softmax(std::span<const float> x, const Lines& lines);

// Allowed for the others: (32 + |z - m|) 2^-24 of the sum of the absolute terms, without
// exponentials 32 * 2^-24 of it.
[[nodiscard]] Expected expected_softmax_gradient(std::span<const float> x,
                                                 std::span<const float> dy, const Lines& lines);
[[nodiscard]] Expected expected_rms_norm(std::span<const float> x, std::span<const float> weight,
                                         const Lines& lines);
[[nodiscard]] Expected expected_layer_norm(std::span<const float> x, std::span<const float> weight,
                                           std::span<const float> bias, const Lines& lines);
[[nodiscard]] Expected expected_cross_entropy(std::span<const float> x,
                                              std::span<const std::int64_t> target,
                                              const Lines& lines);
[[nodiscard]] Expected expected_cross_entropy_gradient(std::span<const float> x,
                                                       std::span<const std::int64_t> target,
                                                       std::span<const float> dloss,
                                                       const Lines& lines);

// The largest error over what is allowed for it: at most 1 where all is well, infinite where a
// number is missing.
[[nodiscard]] double worst_error(const Expected& expected, std::span<const float> got);

}  // namespace sluice::bench
