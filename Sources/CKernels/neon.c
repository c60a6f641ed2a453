// The tier for 64-bit ARM with dot products of bytes (Neoverse N1, Cortex-A76, Apple M1 and newer).
#if defined(__aarch64__)
#include <arm_neon.h>

#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)

#define TIER(name) ik_neon_##name
#define TIER_NAME "neon-dotprod"
#define ROWS 2
#define ATTENTION_GROUP 2

#include "vector_types.h"
#include <stdbool.h>

// The instruction multiplies signed bytes. A weight is its low seven bits, which are the same signed, and its high bit,
// which as a signed byte is -128 or 0: its products are subtracted. Where the compiler sees that no weight has a high bit
// (all formats but bytes), that part is left out.
HOOK v16i dot4(v16i sums, v64u weights, int32_t activations) {
  union { v16i whole; int32x4_t quarters[4]; } s = {sums};
  union { v64u whole; int8x16_t quarters[4]; } low = {weights & 127}, high = {weights & 128};
  int8x16_t a = vreinterpretq_s8_s32(vdupq_n_s32(activations));
  bool signless = __builtin_constant_p(high.whole[0]) && high.whole[0] == 0;
  for (int i = 0; i < 4; i++) {
    s.quarters[i] = vdotq_s32(s.quarters[i], low.quarters[i], a);
    if (!signless) s.quarters[i] = vsubq_s32(s.quarters[i], vdotq_s32(vdupq_n_s32(0), high.quarters[i], a));
  }
  return s.whole;
}

#include "neon_hooks.h"
#include "vector_kernels.h"

#pragma clang attribute pop
#endif
