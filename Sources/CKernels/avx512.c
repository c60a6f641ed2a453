// The tier for AVX-512 with VNNI but no dot products of bfloat16 (Intel Cascade Lake, Ice Lake).
#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c"))), apply_to = function)

#define TIER(name) ik_avx512_##name
#define TIER_NAME "avx512-vnni"
#define ROWS 6
#define BFLOAT_ROWS 8
#define ATTENTION_GROUP 8
#define BYTES_AHEAD 8192

#include "vector_types.h"

#include "avx512vnni_hooks.h"
#include "avx512_hooks.h"
#include "vector_kernels.h"

#pragma clang attribute pop
#endif
