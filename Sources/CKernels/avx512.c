// The tier for AVX-512 with VNNI but no dot products of bfloat16 (Intel Cascade Lake, Ice Lake).
#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c"))), apply_to = function)

#define TIER(name) ik_avx512_##name
#define TIER_NAME "avx512-vnni"
#define ROWS 4
#define BFLOAT_ROWS 8
#define ATTENTION_GROUP 6

#include "vector_types.h"

HOOK v16i dot4(v16i sums, v64u weights, int32_t activations) {
  return (v16i)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)weights, _mm512_set1_epi32(activations));
}

#include "avx512_hooks.h"
#include "vector_kernels.h"

#pragma clang attribute pop
#endif
