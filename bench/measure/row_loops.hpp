// What row functions are measured against: loops as a good engineer writes them by hand, in
// intrinsics of one instruction set.
//
// They take the obvious passes over a row (the greatest; exponentials and their sum; a factor),
// with the exponential that Sluice has: the same range reduction, a polynomial of the same degree,
// the same tails. So they promise what Sluice promises, and what is compared is the code around it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::bench {

// Contiguous, row-major. `rows` are independent of each other; each has `columns`.
struct RowShape {
  std::size_t rows = 0;
  std::size_t columns = 0;
};

using RowLoop = void (*)(const float* x, float* y, RowShape shape);

struct CrossEntropy {
  const float* x;
  const std::int64_t* target;
  const float* dloss;
  float* loss;
  float* dx;
};

struct RowLoops {
  RowLoop softmax;
  RowLoop log_softmax;
  // The same along the first dimension: each column is one row of the function.
  RowLoop softmax_axis0;
  RowLoop log_softmax_axis0;
  // softmax(x * scale) of the columns up to the row's own number, in square matrices: `rows` is a
  // multiple of `columns`. The other columns are 0.
  void (*softmax_causal)(const float* x, float* y, RowShape shape, float scale);
  // From the inputs.
  void (*softmax_backward)(const float* x, const float* dy, float* dx, RowShape shape);
  void (*rms_norm)(const float* x, const float* weight, float* y, RowShape shape);
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float* y,
                     RowShape shape);
  // -log(softmax(x)) at the row's target.
  void (*cross_entropy)(const float* x, const std::int64_t* target, float* loss, RowShape shape);
  // The loss, and from its gradient that of x.
  void (*cross_entropy_both)(const CrossEntropy& buffers, RowShape shape);
};

inline constexpr float kRmsNormEps = 0x1p-23F;
inline constexpr float kLayerNormEps = 1e-5F;

// Null where the compiler does not make such code. They must not run on a processor that lacks
// AVX2 and FMA, or AVX-512 F, BW, DQ and VL.
[[nodiscard]] const RowLoops* avx2_row_loops();
[[nodiscard]] const RowLoops* avx512_row_loops();

}  // namespace sluice::bench
