// The tier for AVX2 with FMA and F16C (Intel Haswell and AMD Zen and newer).
#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define TIER(name) ik_avx2_##name
#define TIER_NAME "avx2"
#define ROWS 2
#define HALVES_ROWS 1
#define BFLOAT_ROWS 2
#define ATTENTION_GROUP 2
#define BYTES_AHEAD 2048

#include "vector_types.h"

// Sums are added up in the order of the source, here and below: compilers take them apart to add pairwise, and run out of
// registers.
#define IN_ORDER(sums) __asm__ volatile("" : "+x"(sums))

// The products are widened to 16 bits before they are added, since two products of an unsigned and a signed byte may not
// fit 16 bits.
HOOK __m256i dot4_of_eight(__m256i sums, __m256i weights, __m256i activations) {
  __m256i even = _mm256_and_si256(weights, _mm256_set1_epi16(255)), odd = _mm256_srli_epi16(weights, 8);
  __m256i even_activations = _mm256_srai_epi16(_mm256_slli_epi16(activations, 8), 8);
  __m256i odd_activations = _mm256_srai_epi16(activations, 8);
  sums = _mm256_add_epi32(sums, _mm256_madd_epi16(even, even_activations));
  sums = _mm256_add_epi32(sums, _mm256_madd_epi16(odd, odd_activations));
  IN_ORDER(sums);
  return sums;
}

// Of weights below 128 they do fit.
#define HAS_PAIRS
HOOK v32s dot_pairs(v32s sums, v64u weights, int32_t activations) {
  union { v32s whole; __m256i halves[2]; } s = {sums};
  union { v64u whole; __m256i halves[2]; } w = {weights};
  __m256i a = _mm256_set1_epi32(activations);
  s.halves[0] = _mm256_add_epi16(s.halves[0], _mm256_maddubs_epi16(w.halves[0], a));
  s.halves[1] = _mm256_add_epi16(s.halves[1], _mm256_maddubs_epi16(w.halves[1], a));
  return s.whole;
}

HOOK v32s in_order(v32s sums) {
  union { v32s whole; __m256i halves[2]; } s = {sums};
  IN_ORDER(s.halves[0]);
  IN_ORDER(s.halves[1]);
  return s.whole;
}

HOOK v16i add_pairs(v16i sums, v32s pairs, int32_t factor) {
  union { v16i whole; __m256i halves[2]; } s = {sums};
  union { v32s whole; __m256i halves[2]; } p = {pairs};
  __m256i factors = _mm256_set1_epi16((int16_t)factor);
  s.halves[0] = _mm256_add_epi32(s.halves[0], _mm256_madd_epi16(p.halves[0], factors));
  s.halves[1] = _mm256_add_epi32(s.halves[1], _mm256_madd_epi16(p.halves[1], factors));
  return s.whole;
}

HOOK v16i dot4_small(v16i sums, v64u weights, int32_t activations) {
  v32s pairs = in_order(dot_pairs((v32s){0}, weights, activations));
  return add_pairs(sums, pairs, 1);
}
#define dot4_small dot4_small

HOOK __m256i dot2_of_eight(__m256i sums, __m256i integers, __m256i pairs) {
  return _mm256_add_epi32(sums, _mm256_madd_epi16(integers, pairs));
}

#include "avx2_hooks.h"
#include "vector_kernels.h"

#pragma clang attribute pop
#endif
