// The tier for AVX-512 without VNNI (Intel Skylake-X).
#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c"))), apply_to = function)

#define TIER(name) ik_avx512bw_##name
#define TIER_NAME "avx512"
#define ROWS 4
#define BFLOAT_ROWS 8
#define ATTENTION_GROUP 8
#define BYTES_AHEAD 8192

#include "vector_types.h"

// The products are widened to 16 bits before they are added, as in the tier for AVX2.
HOOK v16i dot4(v16i sums, v64u weights, int32_t activations) {
  __m512i even = _mm512_and_si512((__m512i)weights, _mm512_set1_epi16(255)), odd = _mm512_srli_epi16((__m512i)weights, 8);
  __m512i a = _mm512_set1_epi32(activations);
  __m512i even_activations = _mm512_srai_epi16(_mm512_slli_epi16(a, 8), 8), odd_activations = _mm512_srai_epi16(a, 8);
  __m512i both = _mm512_add_epi32(_mm512_madd_epi16(even, even_activations), _mm512_madd_epi16(odd, odd_activations));
  return sums + (v16i)both;
}

// Those of weights below 128 are not, and are added up in the order of the source: compilers take sums apart to add pairwise.
#define HAS_PAIRS
HOOK v32s dot_pairs(v32s sums, v64u weights, int32_t activations) {
  sums += (v32s)_mm512_maddubs_epi16((__m512i)weights, _mm512_set1_epi32(activations));
  return sums;
}

HOOK v32s in_order(v32s sums) {
  __asm__ volatile("" : "+v"(sums));
  return sums;
}

HOOK v16i add_pairs(v16i sums, v32s pairs, int32_t factor) {
  return sums + (v16i)_mm512_madd_epi16((__m512i)pairs, _mm512_set1_epi16((int16_t)factor));
}

HOOK v16i dot4_small(v16i sums, v64u weights, int32_t activations) {
  return add_pairs(sums, in_order(dot_pairs((v32s){0}, weights, activations)), 1);
}
#define dot4_small dot4_small

HOOK v16i dot2(v16i sums, v16i integers, int32_t pair) {
  return sums + (v16i)_mm512_madd_epi16((__m512i)integers, _mm512_set1_epi32(pair));
}

#include "avx512_hooks.h"
#include "vector_kernels.h"

#pragma clang attribute pop
#endif
