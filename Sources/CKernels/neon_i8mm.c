// The tier for 64-bit ARM with the products of unsigned and signed bytes (Neoverse V1, Apple M2 and newer).
#if defined(__aarch64__)
#include <arm_neon.h>

#pragma clang attribute push(__attribute__((target("dotprod,i8mm"))), apply_to = function)

#define TIER(name) ik_neon_i8mm_##name
#define TIER_NAME "neon-i8mm"
#define ROWS 2
#define BFLOAT_ROWS 2
#define ATTENTION_GROUP 2

#include "vector_types.h"

HOOK v16i dot4(v16i sums, v64u weights, int32_t activations) {
  union { v16i whole; int32x4_t quarters[4]; } s = {sums};
  union { v64u whole; uint8x16_t quarters[4]; } w = {weights};
  int8x16_t a = vreinterpretq_s8_s32(vdupq_n_s32(activations));
  for (int i = 0; i < 4; i++) s.quarters[i] = vusdotq_s32(s.quarters[i], w.quarters[i], a);
  return s.whole;
}

#include "neon_hooks.h"
#include "vector_kernels.h"

#pragma clang attribute pop
#endif
