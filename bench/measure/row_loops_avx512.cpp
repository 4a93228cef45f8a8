// The row loops for AVX-512, compiled for x86-64-v4 whatever this machine is. Nothing else belongs
// here: an inline function of a header would be compiled with these instructions too, and might be
// the one that the whole program uses.
#include "bench/measure/row_loops.hpp"

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__) && defined(__AVX512BW__)
#include <immintrin.h>

namespace sluice::bench {
namespace {

using Vector = __m512;
using Mask = __mmask16;
constexpr std::size_t kLanes = 16;
constexpr int kHalfRootBits = 0x3f3504f3;  // sqrt(1/2)

inline Vector splat(float a) { return _mm512_set1_ps(a); }
inline Vector load(const float* from) { return _mm512_loadu_ps(from); }
inline Vector load(const float* from, Mask mask, Vector elsewhere) {
  return _mm512_mask_loadu_ps(elsewhere, mask, from);
}
inline void store(float* to, Vector a) { _mm512_storeu_ps(to, a); }
inline void store(float* to, Mask mask, Vector a) { _mm512_mask_storeu_ps(to, mask, a); }
inline Mask first(std::size_t count) { return static_cast<Mask>((1U << count) - 1U); }

inline Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
inline Vector subtract(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
inline Vector multiply(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
inline Vector divide(Vector a, Vector b) { return _mm512_div_ps(a, b); }
inline Vector fma(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
inline Vector greater(Vector a, Vector b) { return _mm512_max_ps(a, b); }
inline float greatest(Vector a) { return _mm512_reduce_max_ps(a); }
inline float sum(Vector a) { return _mm512_reduce_add_ps(a); }
inline float first_lane(Vector a) { return _mm512_cvtss_f32(a); }

// a = m * 2^k with m from sqrt(1/2) to sqrt(2).
inline __m512i octave_bits(Vector a) {
  return _mm512_srai_epi32(
      _mm512_sub_epi32(_mm512_castps_si512(a), _mm512_set1_epi32(kHalfRootBits)), 23);
}
inline Vector octave(Vector a) { return _mm512_cvtepi32_ps(octave_bits(a)); }
inline Vector within_octave(Vector a) {
  return _mm512_castsi512_ps(
      _mm512_sub_epi32(_mm512_castps_si512(a), _mm512_slli_epi32(octave_bits(a), 23)));
}

// p * 2^k, k being `biased` - kBias; 0 where x is so small that nothing is left of it.
constexpr float kBias = 0x1.8p23F;
inline Vector scaled(Vector p, Vector k, Vector /*biased*/, Vector x) {
  const Mask kept = _mm512_cmp_ps_mask(x, splat(-104.0F), _CMP_NLT_UQ);
  return _mm512_maskz_scalef_ps(kept, p, k);
}

}  // namespace
}  // namespace sluice::bench

#include "bench/measure/row_loops_body.inc"

namespace sluice::bench {
const RowLoops* avx512_row_loops() { return &kRowLoops; }
}  // namespace sluice::bench

#else
namespace sluice::bench {
const RowLoops* avx512_row_loops() { return nullptr; }
}  // namespace sluice::bench
#endif
