// The scalar twin of caches of 16-bit integers. See scalar.c and vector_attention_int16.h.
#include "scalar.h"

#pragma STDC FP_CONTRACT OFF

float ik_scalar_quantize_by_norm(const float *x, int32_t dimension, int16_t *out) {
  float lanes[16] = {0};
  for (int32_t i = 0; i < dimension; i++) lanes[i % 16] = fmaf(x[i], x[i], lanes[i % 16]);
  float norm = sqrtf(sum_lanes(lanes)), scale = norm / IK_NORM_LIMIT;
  bool broken = !(norm < INFINITY);
  float inverse = broken || norm < IK_LEAST_NORM ? 0.0f : 1.0f / scale;
  for (int32_t i = 0; i < dimension; i++) out[i] = broken ? 0 : (int16_t)rintf(x[i] * inverse);
  return broken ? NAN : scale;
}

static float quantize_by_peak(const float *x, int32_t dimension, int16_t *out) {
  float peak = 0, inverse;
  bool broken = false;
  for (int32_t i = 0; i < dimension; i++) {
    if (!(fabsf(x[i]) < INFINITY)) broken = true;
    if (fabsf(x[i]) > peak) peak = fabsf(x[i]);
  }
  float scale = ik_value_scale(peak, &inverse);
  for (int32_t i = 0; i < dimension; i++) {
    float value = broken ? 0 : rintf(x[i] * inverse);
    out[i] = (int16_t)(value > IK_VALUE_LIMIT ? IK_VALUE_LIMIT : value < -IK_VALUE_LIMIT ? -IK_VALUE_LIMIT : value);
  }
  return broken ? NAN : scale;
}

static size_t place_of_key(const ik_cache *cache, int32_t slot, int32_t d) {
  return 2 * (((size_t)(d / 2) * cache->block_size + slot) * 2 + d % 2);
}

static size_t place_of_value(const ik_cache *cache, int32_t slot, int32_t d) {
  return cache->values_offset + 2 * (((size_t)(slot / 2) * cache->padded_dimension + d) * 2 + slot % 2);
}

void ik_scalar_store_integers(const ik_cache *cache, const float *key, const float *value, uint8_t *p, int32_t slot) {
  int16_t integers[IK_MAXIMUM_HEAD_DIMENSION] = {0};
  float *scales = (float *)(void *)(p + cache->scales_offset) + slot;
  scales[0] = ik_scalar_quantize_by_norm(key, cache->head_dimension, integers);
  for (int32_t d = 0; d < ik_even(cache->head_dimension); d++) memcpy(p + place_of_key(cache, slot, d), integers + d, 2);
  scales[cache->block_size] = quantize_by_peak(value, cache->head_dimension, integers);
  memset(integers + cache->head_dimension, 0, sizeof integers - 2 * (size_t)cache->head_dimension);
  for (int32_t d = 0; d < cache->padded_dimension; d++) memcpy(p + place_of_value(cache, slot, d), integers + d, 2);
}

static int32_t integer_at(const uint8_t *p) { return (int16_t)ik_load16(p); }

void ik_scalar_attend_integers(
    const ik_attention *a, const ik_scalar_block *block, const int16_t *query, float scale, ik_partial *state
) {
  const ik_cache *cache = &a->cache;
  float scores[32], inverses[32] = {0}, weights[32] = {0}, highest = state->maximum;
  float factor = scale * (a->soft_cap > 0 ? a->scale : a->scale * IK_LOG2_E);
  for (int32_t key = block->begin; key < block->end; key++) {
    const float *scales = (const float *)(const void *)(block->heads[key] + cache->scales_offset) + block->slots[key];
    // Unsigned, so that contents that no key has wrap around, as in vectors.
    uint32_t product = 0;
    for (int32_t d = 0; d < cache->head_dimension; d++) {
      product += (uint32_t)(query[d] * integer_at(block->heads[key] + place_of_key(cache, block->slots[key], d)));
    }
    float score = (float)(int32_t)product * scales[0], value_scale = scales[cache->block_size];
    int32_t bits;
    memcpy(&bits, &value_scale, 4);
    float logarithm = (float)((bits >> 23) - 127) + (value_scale - value_scale);
    bits = (int32_t)((254u << 23) - (uint32_t)bits);
    memcpy(&inverses[key], &bits, 4);
    if (a->soft_cap > 0) {
      float capped = exponential(score * factor * (2.0f / a->soft_cap));
      scores[key] = fmaf(a->soft_cap * (1.0f - 2.0f / (capped + 1.0f)), IK_LOG2_E, logarithm);
    } else {
      scores[key] = fmaf(score, factor, logarithm);
    }
    highest = scores[key] > highest ? scores[key] : highest;
  }
  float bounded = highest == -INFINITY ? 0.0f : highest, decay = exponential2(state->maximum - bounded, 0);
  for (int32_t key = block->begin; key < block->end; key++) {
    weights[key] = exponential2(scores[key] - bounded, IK_WEIGHT_BITS);
  }
  for (int j = 0; j < 16; j++) {
    float sum = fmaf(weights[j + 16], inverses[j + 16], fmaf(weights[j], inverses[j], 0.0f));
    state->sums[j] = fmaf(state->sums[j], decay, sum);
  }
  state->maximum = highest;
  for (int32_t d = 0; d < cache->head_dimension; d++) {
    uint32_t sum = 0;
    for (int32_t key = block->begin; key < block->end; key++) {
      // A weight that is not a number makes the sum of the softmax one too, so its integer does not matter.
      int32_t weight = weights[key] == weights[key] ? (int32_t)rintf(weights[key]) : 0;
      sum += (uint32_t)(weight * integer_at(block->heads[key] + place_of_value(cache, block->slots[key], d)));
    }
    state->out[d] = fmaf(state->out[d], decay, (float)(int32_t)sum);
  }
}
