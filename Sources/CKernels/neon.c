// The tier for 64-bit ARM with dot products of bytes (Neoverse N1, Cortex-A76, Apple M1 and newer).
#if defined(__aarch64__)
#include <arm_neon.h>

#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)

#define TIER(name) ik_neon_##name
#define TIER_NAME "neon-dotprod"
#define ROWS 2
#define BFLOAT_ROWS 2
#define ATTENTION_GROUP 2

#include "vector_types.h"

// The instruction multiplies signed bytes.
HOOK v16i dot4_small(v16i sums, v64u weights, int32_t activations) {
  union { v16i whole; int32x4_t quarters[4]; } s = {sums};
  union { v64u whole; int8x16_t quarters[4]; } w = {weights};
  int8x16_t a = vreinterpretq_s8_s32(vdupq_n_s32(activations));
  for (int i = 0; i < 4; i++) s.quarters[i] = vdotq_s32(s.quarters[i], w.quarters[i], a);
  return s.whole;
}
#define dot4_small dot4_small

// A weight is its low seven bits, which are the same signed, and its high bit, which as a signed byte is -128 or 0: its
// products are subtracted.
HOOK v16i dot4(v16i sums, v64u weights, int32_t activations) {
  v16i high = dot4_small((v16i){0}, weights & 128, activations);
  return dot4_small(sums, weights & 127, activations) - high;
}

#include "neon_hooks.h"
#include "vector_kernels.h"

#pragma clang attribute pop
#endif
