// The vector tiers: the same kernels for every instruction set, written with the compiler's 64-byte vectors (which it
// splits where registers are narrower) and a few hooks that the including file defines before it includes this one:
//
//   v16i dot4(v16i sums, v64u weights, int32_t activations)  sums[j] += weights[4j..4j+3] . activations (4 signed bytes)
//   v16i dot4_small(...)                                     optional: the same, for weights below 128, where that is cheaper
//   v32s dot_pairs(v32s sums, v64u weights, int32_t activations), v16i add_pairs(v16i sums, v32s pairs, int32_t factor),
//   v32s in_order(v32s sums)                                 optional, all with HAS_PAIRS: sums[j] += weights[2j..2j+1] . two of
//                                                            the activations, in 16 bits, for weights below 128;
//                                                            sums[j] += factor * (pairs[2j] + pairs[2j + 1]); and the sums
//                                                            as they are, which the compiler must have by then
//   v16i dot2(v16i sums, v16i integers, int32_t pair)         sums[j] += integers[j] . pair, both two signed 16-bit integers
//   v16 load_half(const void *), void store_half(void *, v16) sixteen float16 values
//   v16 dot_bfloats(v16 sums, v16i weights, int32_t pair)     optional: the step of vector_bfloat.h in one instruction
//
// the macro TIER(name), which makes a tier's own function names, and how many rows its registers can hold: ROWS of a
// product, HALVES_ROWS of one whose groups have halves with sums of their own (ROWS, but four at most, if it is not there),
// BFLOAT_ROWS of one in bfloat16, ATTENTION_GROUP of attention. BYTES_AHEAD, if it is there, says how far ahead products of few rows
// ask for weights.
#include "CKernels.h"
#include "exponential.h"
#include "formats.h"
#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline))

#ifndef dot4_small
#define dot4_small dot4
#endif

INLINE v16 load(const float *p) {
  v16 v;
  memcpy(&v, p, 64);
  return v;
}
INLINE void store(float *p, v16 v) { memcpy(p, &v, 64); }
INLINE v16 splat(float x) { return (v16){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }
INLINE v16 fma16(v16 a, v16 b, v16 c) { return __builtin_elementwise_fma(a, b, c); }
// mask ? a : b, lane by lane; the mask is what a comparison of vectors gives.
INLINE v16 select16(v16i mask, v16 a, v16 b) { return (v16)((mask & (v16i)a) | (~mask & (v16i)b)); }
INLINE v16 max16(v16 a, v16 b) { return select16(a > b, a, b); }
INLINE v16 to_float(v16i v) { return __builtin_convertvector(v, v16); }

// The sum of the lanes: lane j takes lane j + 8, then + 4, + 2, + 1.
INLINE float sum_lanes(v16 v) {
  float lanes[16];
  memcpy(lanes, &v, 64);
  for (int step = 8; step > 0; step /= 2) {
    for (int j = 0; j < step; j++) lanes[j] += lanes[j + step];
  }
  return lanes[0];
}

INLINE float max_lanes(v16 v) { return __builtin_reduce_max(v); }

INLINE v16 exp16(v16 x) {
  v16i below = x < IK_EXP_MIN, unordered = x != x;
  v16 bounded = select16(x > IK_EXP_MIN, x, splat(IK_EXP_MIN));
  bounded = select16(bounded > IK_EXP_MAX, splat(IK_EXP_MAX), bounded);
  v16 n = __builtin_elementwise_roundeven(bounded * IK_LOG2_E);
  v16 r = fma16(n, splat(-IK_LN2_HIGH), bounded);
  r = fma16(n, splat(-IK_LN2_LOW), r);
  v16 p = splat(IK_EXP_P0);
  p = fma16(p, r, splat(IK_EXP_P1));
  p = fma16(p, r, splat(IK_EXP_P2));
  p = fma16(p, r, splat(IK_EXP_P3));
  p = fma16(p, r, splat(IK_EXP_P4));
  p = fma16(p, r, splat(IK_EXP_P5));
  p = fma16(p, r * r, r) + 1.0f;
  v16i power = (__builtin_convertvector(n, v16i) + 127) << 23;
  // Below the range the result is 0; of a NaN it is a NaN, so that a broken input stays visible.
  return (v16)(((v16i)(p * (v16)power) & ~below) | unordered);
}

// 2^(x + bits) for x from -120 (below it is taken for -120) to 100; of a NaN it is a NaN. See exponential.h.
INLINE v16 exp2_16(v16 x, int bits) {
  x = max16(splat(IK_EXP2_MIN), x);
  // Added to 1.5 * 2^23 + 127, a number is rounded to an integer, to nearest even, that is an exponent in the low bits.
  const float to_exponent = 12582912.0f + 127.0f + (float)bits;
  v16 shifted = x + to_exponent, f = x - (shifted - to_exponent);
  v16 p = splat(IK_EXP2_P5);
  p = fma16(p, f, splat(IK_EXP2_P4));
  p = fma16(p, f, splat(IK_EXP2_P3));
  p = fma16(p, f, splat(IK_EXP2_P2));
  p = fma16(p, f, splat(IK_EXP2_P1));
  p = fma16(p, f, splat(1.0f));
  return p * (v16)((v16i)shifted << 23);
}

// Sixteen bfloat16 values; rounded to nearest even, and a NaN stays one.
INLINE v16 load_bfloat(const void *p) {
  typedef uint16_t v16h __attribute__((vector_size(32)));
  v16h bits;
  memcpy(&bits, p, 32);
  return (v16)(__builtin_convertvector(bits, v16i) << 16);
}
INLINE void store_bfloat(void *p, v16 v) {
  typedef uint16_t v16h __attribute__((vector_size(32)));
  typedef uint32_t v16w __attribute__((vector_size(64)));
  v16w bits = (v16w)v, rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, quiet = bits >> 16 | 0x40;
  v16w unordered = (v16w)(v != v);
  v16h halves = __builtin_convertvector((rounded & ~unordered) | (quiet & unordered), v16h);
  memcpy(p, &halves, 32);
}

#include "vector_matmul.h"
#include "vector_bfloat.h"
#include "vector_rows.h"
#include "vector_attention.h"
#include "vector_sums.h"

const ik_kernels TIER(kernels) = {
    .name = TIER_NAME,
    .matmul = TIER(matmul),
    .rms_norm = TIER(rms_norm),
    .quantize = TIER(quantize),
    .silu_gate = TIER(silu_gate),
    .rotate = TIER(rotate),
    .attention = TIER(attention),
    .exponential_sums = TIER(exponential_sums),
    .fold_partials = TIER(fold_partials),
};
