// Copies, for the rooflines; compiled for this machine's processor, whose widest streaming store it
// uses.
#include <cstddef>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "bench/measure/loops.hpp"

namespace sluice::bench {

void copy_plain(const float* x, float* y, std::size_t count) {
  std::memcpy(y, x, count * sizeof(float));
}

void copy_streaming(const float* x, float* y, std::size_t count) {
#if defined(__AVX512F__)
  constexpr std::size_t kLanes = 16;
  const auto copy = [&](std::size_t i) { _mm512_stream_ps(y + i, _mm512_loadu_ps(x + i)); };
#elif defined(__AVX__)
  constexpr std::size_t kLanes = 8;
  const auto copy = [&](std::size_t i) { _mm256_stream_ps(y + i, _mm256_loadu_ps(x + i)); };
#elif defined(__SSE2__)
  constexpr std::size_t kLanes = 4;
  const auto copy = [&](std::size_t i) { _mm_stream_ps(y + i, _mm_loadu_ps(x + i)); };
#else
  constexpr std::size_t kLanes = 1;
  const auto copy = [&](std::size_t i) { y[i] = x[i]; };
#endif
  // Streaming stores need an aligned address: what comes before it and after the last whole vector
  // is copied plainly.
  constexpr std::size_t kBytes = kLanes * sizeof(float);
  std::size_t i = 0;
  const std::size_t past = reinterpret_cast<std::size_t>(y) % kBytes / sizeof(float);
  if (past != 0) i = kLanes - past < count ? kLanes - past : count;
  std::memcpy(y, x, i * sizeof(float));
  for (; i + kLanes <= count; i += kLanes) copy(i);
  std::memcpy(y + i, x + i, (count - i) * sizeof(float));
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace sluice::bench
