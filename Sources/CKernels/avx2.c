// The tier for AVX2 with FMA and F16C (Intel Haswell and AMD Zen and newer).
#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define TIER(name) ik_avx2_##name
#define TIER_NAME "avx2"
#define ROWS 2
#define BFLOAT_ROWS 2
#define ATTENTION_GROUP 2

#include "vector_types.h"

// The products are widened to 16 bits before they are added, since two products of an unsigned and a signed byte may not
// fit 16 bits.
HOOK __m256i dot4_of_eight(__m256i sums, __m256i weights, __m256i activations) {
  __m256i even = _mm256_and_si256(weights, _mm256_set1_epi16(255)), odd = _mm256_srli_epi16(weights, 8);
  __m256i even_activations = _mm256_srai_epi16(_mm256_slli_epi16(activations, 8), 8);
  __m256i odd_activations = _mm256_srai_epi16(activations, 8);
  sums = _mm256_add_epi32(sums, _mm256_madd_epi16(even, even_activations));
  return _mm256_add_epi32(sums, _mm256_madd_epi16(odd, odd_activations));
}

HOOK __m256i dot2_of_eight(__m256i sums, __m256i integers, __m256i pairs) {
  return _mm256_add_epi32(sums, _mm256_madd_epi16(integers, pairs));
}

#include "avx2_hooks.h"
#include "vector_kernels.h"

#pragma clang attribute pop
#endif
