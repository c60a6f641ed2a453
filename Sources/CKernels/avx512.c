// The tier for AVX-512 with VNNI (Intel Ice Lake and AMD Zen 4 and newer).
#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c"))), apply_to = function)

#define TIER(name) ik_avx512_##name
#define TIER_NAME "avx512-vnni"
#define ROWS 4
#define ATTENTION_GROUP 6

#include <stdint.h>
typedef float v16 __attribute__((vector_size(64)));
typedef int32_t v16i __attribute__((vector_size(64)));
typedef uint8_t v64u __attribute__((vector_size(64)));
#define HOOK static inline __attribute__((always_inline))

HOOK v16i dot4(v16i sums, v64u weights, int32_t activations) {
  return (v16i)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)weights, _mm512_set1_epi32(activations));
}
HOOK v64u add_plane(v64u weights, uint64_t mask, uint8_t bit) {
  return (v64u)_mm512_mask_add_epi8((__m512i)weights, mask, (__m512i)weights, _mm512_set1_epi8((char)bit));
}
HOOK v16 load_half(const void *p) { return (v16)_mm512_cvtph_ps(_mm256_loadu_si256(p)); }
HOOK void store_half(void *p, v16 v) {
  _mm256_storeu_si256(p, _mm512_cvtps_ph((__m512)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

#include "vector_kernels.h"

#pragma clang attribute pop
#endif
