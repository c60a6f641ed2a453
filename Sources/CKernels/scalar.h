// What the files of the scalar twin share.
#ifndef INFLIGHT_SCALAR_H
#define INFLIGHT_SCALAR_H

#include "CKernels.h"
#include "exponential.h"
#include "formats.h"
#include <math.h>
#include <stdlib.h>

#pragma STDC FP_CONTRACT OFF

static inline float power_of_two(int exponent) {
  uint32_t bits = (uint32_t)(exponent + 127) << 23;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

static inline float exponential(float x) {
  if (x != x) return x;
  if (x < IK_EXP_MIN) return 0;
  if (x > IK_EXP_MAX) x = IK_EXP_MAX;
  float n = rintf(x * IK_LOG2_E);
  float r = fmaf(n, -IK_LN2_HIGH, x);
  r = fmaf(n, -IK_LN2_LOW, r);
  float p = IK_EXP_P0;
  p = fmaf(p, r, IK_EXP_P1);
  p = fmaf(p, r, IK_EXP_P2);
  p = fmaf(p, r, IK_EXP_P3);
  p = fmaf(p, r, IK_EXP_P4);
  p = fmaf(p, r, IK_EXP_P5);
  p = fmaf(p, r * r, r) + 1.0f;
  return p * power_of_two((int)n);
}

// 2^(x + bits)
static inline float exponential2(float x, int bits) {
  if (x != x) return x;
  if (x < IK_EXP2_MIN) x = IK_EXP2_MIN;
  float n = rintf(x), f = x - n;
  float p = fmaf(IK_EXP2_P5, f, IK_EXP2_P4);
  p = fmaf(p, f, IK_EXP2_P3);
  p = fmaf(p, f, IK_EXP2_P2);
  p = fmaf(p, f, IK_EXP2_P1);
  p = fmaf(p, f, 1.0f);
  return p * power_of_two((int)n + bits);
}

// Adds sixteen partial sums in the order of the vector tiers.
static inline float sum_lanes(float lanes[16]) {
  for (int step = 8; step > 0; step /= 2) {
    for (int j = 0; j < step; j++) lanes[j] += lanes[j + step];
  }
  return lanes[0];
}

// The kernel of scalar_sums.c.
void ik_scalar_exponential_sums(const void *arguments, int32_t begin, int32_t end);

// A vector as integers for IK_CACHE_INT16, in scalar_attention_int16.c: its scale is returned.
float ik_scalar_quantize_by_norm(const float *x, int32_t dimension, int16_t *out);
void ik_scalar_store_integers(const ik_cache *cache, const float *key, const float *value, uint8_t *p, int32_t slot);
// One query, quantized, against keys begin ..< end of the 32 from position `start` on.
typedef struct ik_scalar_block {
  const uint8_t *heads[32];   // of the positions begin ..< end: one KV head's part of their blocks
  int32_t slots[32];
  int32_t begin, end;
} ik_scalar_block;
void ik_scalar_attend_integers(
    const ik_attention *a, const ik_scalar_block *block, const int16_t *query, float scale, ik_partial *state);

// The kernels of scalar_attention.c.
void ik_scalar_rotate(const void *arguments, int32_t begin, int32_t end);
void ik_scalar_attention(const void *arguments, int32_t begin, int32_t end);
void ik_scalar_fold_partials(const void *arguments, int32_t begin, int32_t end);

#endif
