// The tier for AVX2 with FMA and F16C (Intel Haswell and AMD Zen and newer).
#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define TIER(name) ik_avx2_##name
#define TIER_NAME "avx2"
#define ROWS 2
#define ATTENTION_GROUP 2

#include <stdint.h>
typedef float v16 __attribute__((vector_size(64)));
typedef int32_t v16i __attribute__((vector_size(64)));
typedef uint8_t v64u __attribute__((vector_size(64)));
#define HOOK static inline __attribute__((always_inline))

// Eight columns. The products are widened to 16 bits before they are added, since two products of an unsigned and a
// signed byte may not fit 16 bits.
HOOK __m256i dot4_of_eight(__m256i sums, __m256i weights, __m256i activations) {
  __m256i even = _mm256_and_si256(weights, _mm256_set1_epi16(255)), odd = _mm256_srli_epi16(weights, 8);
  __m256i even_activations = _mm256_srai_epi16(_mm256_slli_epi16(activations, 8), 8);
  __m256i odd_activations = _mm256_srai_epi16(activations, 8);
  sums = _mm256_add_epi32(sums, _mm256_madd_epi16(even, even_activations));
  return _mm256_add_epi32(sums, _mm256_madd_epi16(odd, odd_activations));
}

HOOK v16i dot4(v16i sums, v64u weights, int32_t activations) {
  union { v16i whole; __m256i halves[2]; } s = {sums};
  union { v64u whole; __m256i halves[2]; } w = {weights};
  __m256i a = _mm256_set1_epi32(activations);
  s.halves[0] = dot4_of_eight(s.halves[0], w.halves[0], a);
  s.halves[1] = dot4_of_eight(s.halves[1], w.halves[1], a);
  return s.whole;
}

HOOK v64u add_plane(v64u weights, uint64_t mask, uint8_t bit) {
  union { v64u whole; __m256i halves[2]; } w = {weights};
  const __m256i select = _mm256_set1_epi64x((long long)0x8040201008040201ull);
  const __m256i spread = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
  for (int i = 0; i < 2; i++) {
    __m256i bits = _mm256_shuffle_epi8(_mm256_set1_epi32((int)(uint32_t)(mask >> 32 * i)), spread);
    __m256i chosen = _mm256_cmpeq_epi8(_mm256_and_si256(bits, select), select);
    w.halves[i] = _mm256_add_epi8(w.halves[i], _mm256_and_si256(chosen, _mm256_set1_epi8((char)bit)));
  }
  return w.whole;
}

HOOK v16 load_half(const void *p) {
  union { v16 whole; __m256 halves[2]; } v;
  v.halves[0] = _mm256_cvtph_ps(_mm_loadu_si128(p));
  v.halves[1] = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p + 1));
  return v.whole;
}

HOOK void store_half(void *p, v16 v) {
  union { v16 whole; __m256 halves[2]; } u = {v};
  _mm_storeu_si128(p, _mm256_cvtps_ph(u.halves[0], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  _mm_storeu_si128((__m128i *)p + 1, _mm256_cvtps_ph(u.halves[1], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

#include "vector_kernels.h"

#pragma clang attribute pop
#endif
