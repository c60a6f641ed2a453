// The tier for AVX-512 with VNNI and the dot products of bfloat16 (Intel Cooper Lake and Sapphire Rapids, AMD Zen 4, and newer).
#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,avx2,fma,f16c"))), apply_to = function)

#define TIER(name) ik_avx512bf16_##name
#define TIER_NAME "avx512-bf16"
#define ROWS 6
#define BFLOAT_ROWS 8
#define ATTENTION_GROUP 8
#define BYTES_AHEAD 8192

#include "vector_types.h"
#include "avx512vnni_hooks.h"

// The instruction takes the odd inputs first, and rounds after each product, whatever the rounding mode is.
HOOK v16 dot_bfloats(v16 sums, v16i weights, int32_t activations) {
  return (v16)_mm512_dpbf16_ps((__m512)sums, (__m512bh)weights, (__m512bh)_mm512_set1_epi32(activations));
}
#define dot_bfloats dot_bfloats

#include "avx512_hooks.h"
#include "vector_kernels.h"

#pragma clang attribute pop
#endif
