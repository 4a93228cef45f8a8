// The row loops for AVX2 and FMA, compiled for x86-64-v3 whatever this machine is. Nothing else
// belongs here: an inline function of a header would be compiled with these instructions too, and
// might be the one that the whole program uses.
#include "bench/measure/row_loops.hpp"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

namespace sluice::bench {
namespace {

using Vector = __m256;
using Mask = __m256i;
constexpr std::size_t kLanes = 8;
constexpr int kHalfRootBits = 0x3f3504f3;  // sqrt(1/2)

inline Vector splat(float a) { return _mm256_set1_ps(a); }
inline Vector load(const float* from) { return _mm256_loadu_ps(from); }
inline Vector load(const float* from, Mask mask, Vector elsewhere) {
  return _mm256_blendv_ps(elsewhere, _mm256_maskload_ps(from, mask), _mm256_castsi256_ps(mask));
}
inline void store(float* to, Vector a) { _mm256_storeu_ps(to, a); }
inline void store(float* to, Mask mask, Vector a) { _mm256_maskstore_ps(to, mask, a); }
inline Mask first(std::size_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

inline Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
inline Vector subtract(Vector a, Vector b) { return _mm256_sub_ps(a, b); }
inline Vector multiply(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
inline Vector divide(Vector a, Vector b) { return _mm256_div_ps(a, b); }
inline Vector fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
inline Vector greater(Vector a, Vector b) { return _mm256_max_ps(a, b); }

inline float greatest(Vector a) {
  __m128 half = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  half = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
}
inline float sum(Vector a) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}
inline float first_lane(Vector a) { return _mm256_cvtss_f32(a); }

// a = m * 2^k with m from sqrt(1/2) to sqrt(2).
inline __m256i octave_bits(Vector a) {
  return _mm256_srai_epi32(
      _mm256_sub_epi32(_mm256_castps_si256(a), _mm256_set1_epi32(kHalfRootBits)), 23);
}
inline Vector octave(Vector a) { return _mm256_cvtepi32_ps(octave_bits(a)); }
inline Vector within_octave(Vector a) {
  return _mm256_castsi256_ps(
      _mm256_sub_epi32(_mm256_castps_si256(a), _mm256_slli_epi32(octave_bits(a), 23)));
}

// p * 2^k, k being `biased` - kBias; 0 where x is so small that nothing is left of it. k + 64 goes
// straight into the exponent, in which there is room for it from k = -150 on, and one
// multiplication takes the 64 away again, with the rounding of a small result.
constexpr float kBias = 0x1.8p23F + 64;
inline Vector scaled(Vector p, Vector /*k*/, Vector biased, Vector x) {
  const __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(biased), 23);
  const __m256i large = _mm256_add_epi32(_mm256_castps_si256(p), exponent);
  const Vector result = multiply(_mm256_castsi256_ps(large), splat(0x1p-64F));
  return _mm256_and_ps(result, _mm256_cmp_ps(x, splat(-104.0F), _CMP_NLT_UQ));
}

}  // namespace
}  // namespace sluice::bench

#include "bench/measure/row_loops_body.inc"

namespace sluice::bench {
const RowLoops* avx2_row_loops() { return &kRowLoops; }
}  // namespace sluice::bench

#else
namespace sluice::bench {
const RowLoops* avx2_row_loops() { return nullptr; }
}  // namespace sluice::bench
#endif
