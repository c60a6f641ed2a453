// The tier for AVX2 with AVX-VNNI (Intel Alder Lake and newer, where AVX-512 is missing or off).
#if defined(__x86_64__)
#include <immintrin.h>

// The check of the kernels runs this tier on processors that know the same instruction in its AVX-512 form only.
#ifdef IK_AVX2VNNI_BY_AVX512
#define TARGET "avx2,fma,f16c,avx512vl,avx512vnni"
#define dot_bytes _mm256_dpbusd_epi32
#define dot_words _mm256_dpwssd_epi32
#else
#define TARGET "avx2,fma,f16c,avxvnni"
#define dot_bytes _mm256_dpbusd_avx_epi32
#define dot_words _mm256_dpwssd_avx_epi32
#endif

#pragma clang attribute push(__attribute__((target(TARGET))), apply_to = function)

#define TIER(name) ik_avx2vnni_##name
#define TIER_NAME "avx2-vnni"
#define ROWS 2
#define BFLOAT_ROWS 2
#define ATTENTION_GROUP 2
#define BYTES_AHEAD 8192

#include "vector_types.h"

HOOK __m256i dot4_of_eight(__m256i sums, __m256i weights, __m256i activations) {
  return dot_bytes(sums, weights, activations);
}

HOOK __m256i dot2_of_eight(__m256i sums, __m256i integers, __m256i pairs) { return dot_words(sums, integers, pairs); }

#include "avx2_hooks.h"
#include "vector_kernels.h"

#pragma clang attribute pop
#endif
