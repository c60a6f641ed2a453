// The scalar twin of rotation, cache and attention. See scalar.c.
#include "scalar.h"

#pragma STDC FP_CONTRACT OFF

// Writes one head's key or value to the cache, `stride` elements apart.
static void store_vector(
    const ik_cache *cache, const float *x, uint8_t *p, size_t index, size_t stride, float *scale
) {
  float peak = 0, inverse = 0;
  bool broken = false;
  for (int32_t i = 0; i < cache->head_dimension; i++) {
    if (!(fabsf(x[i]) < INFINITY)) broken = true;
    if (fabsf(x[i]) > peak) peak = fabsf(x[i]);
  }
  if (cache->type == IK_CACHE_INT8) {
    *scale = broken ? NAN : peak / 127.0f;
    inverse = broken || *scale <= IK_SMALLEST_SCALE ? 0.0f : 1.0f / *scale;
  }
  for (int32_t i = 0; i < cache->head_dimension; i++) {
    size_t place = index + (size_t)i * stride;
    uint16_t bits = cache->type == IK_CACHE_F16 ? ik_half_from_float(x[i]) : ik_bfloat_from_float(x[i]);
    if (cache->type == IK_CACHE_INT8) {
      p[place] = broken ? 0 : (uint8_t)(int8_t)rintf(x[i] * inverse);
    } else {
      memcpy(p + 2 * place, &bits, 2);
    }
  }
}

void ik_scalar_rotate(const void *arguments, int32_t begin, int32_t end) {
  const ik_rotate *r = arguments;
  const ik_cache *cache = &r->cache;
  int32_t dimension = cache->head_dimension, half = r->rotated / 2;
  for (int32_t token = begin; token < end; token++) {
    float *qkv = r->qkv + (size_t)token * (r->heads + 2 * cache->kv_heads) * dimension;
    const float *cosines = r->cosines + (size_t)token * half, *sines = r->sines + (size_t)token * half;
    for (int32_t head = 0; head < r->heads + cache->kv_heads; head++) {
      float *x = qkv + (size_t)head * dimension;
      for (int32_t i = 0; i < half; i++) {
        float a = x[i], b = x[half + i];
        x[i] = fmaf(a, cosines[i], -(b * sines[i]));
        x[half + i] = fmaf(b, cosines[i], a * sines[i]);
      }
    }
    int32_t slot = r->tokens[token].position % cache->block_size;
    for (int32_t head = 0; head < cache->kv_heads; head++) {
      const float *key = qkv + (size_t)(r->heads + head) * dimension;
      const float *value = key + (size_t)cache->kv_heads * dimension;
      uint8_t *p = cache->blocks + (size_t)r->tokens[token].block * cache->block_stride + (size_t)head * cache->head_stride;
      if (cache->type == IK_CACHE_INT16) {
        ik_scalar_store_integers(cache, key, value, p, slot);
        continue;
      }
      float *scales = (float *)(void *)(p + cache->scales_offset) + slot;
      store_vector(cache, key, p, (size_t)slot, (size_t)cache->block_size, scales);
      store_vector(
          cache, value, p + cache->values_offset, (size_t)slot * cache->padded_dimension, 1, scales + cache->block_size);
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------
// Attention.

static void clear(ik_partial *state) {
  memset(state, 0, sizeof *state);
  state->maximum = -INFINITY;
}

static float finite_maximum(float maximum) { return maximum == -INFINITY ? 0.0f : maximum; }

static void fold(ik_cache_type type, ik_partial *total, const ik_partial *split, int32_t dimension) {
  float lanes[16];
  memcpy(lanes, split->sums, sizeof lanes);
  if (split->maximum == -INFINITY && sum_lanes(lanes) == 0) return;
  float both = finite_maximum(total->maximum > split->maximum ? total->maximum : split->maximum);
  bool binary = type == IK_CACHE_INT16;
  float a = binary ? exponential2(total->maximum - both, 0) : exponential(total->maximum - both);
  float b = binary ? exponential2(split->maximum - both, 0) : exponential(split->maximum - both);
  for (int j = 0; j < 16; j++) total->sums[j] = fmaf(total->sums[j], a, split->sums[j] * b);
  for (int32_t d = 0; d < dimension; d++) total->out[d] = fmaf(total->out[d], a, split->out[d] * b);
  total->maximum = both;
}

static void finish(ik_partial *total, int32_t dimension, float *result) {
  float inverse = 1.0f / sum_lanes(total->sums);
  for (int32_t d = 0; d < dimension; d++) result[d] = total->out[d] * inverse;
}

// Element `index` of keys or values; of an integer cache without its scale.
static float cached(const ik_cache *cache, const uint8_t *p, size_t index) {
  switch (cache->type) {
  case IK_CACHE_F16: return ik_float_from_half(ik_load16(p + 2 * index));
  case IK_CACHE_BF16: return ik_float_from_bfloat(ik_load16(p + 2 * index));
  default: return (float)(int8_t)p[index];
  }
}

// Where one KV head's part of the block with a position is.
static const uint8_t *head_at(const ik_attention *a, const ik_run *run, int32_t kv_head, int32_t position) {
  int32_t block = a->block_table[run->block_start + position / a->cache.block_size];
  return a->cache.blocks + (size_t)block * a->cache.block_stride + (size_t)kv_head * a->cache.head_stride;
}

static float scale_at(const ik_cache *cache, const uint8_t *head, int32_t index) {
  return ((const float *)(const void *)(head + cache->scales_offset))[index];
}

// One query against keys begin ..< end of the 32 from position `start` on.
static void attend_block(
    const ik_attention *a, const ik_run *run, int32_t kv_head, const float *query, int32_t start, int32_t begin, int32_t end,
    ik_partial *state
) {
  const ik_cache *cache = &a->cache;
  int32_t dimension = cache->head_dimension;
  float scores[32], highest = state->maximum;
  for (int32_t key = 0; key < 32; key++) {
    scores[key] = -INFINITY;
    if (key < begin || key >= end) continue;
    const uint8_t *head = head_at(a, run, kv_head, start + key);
    int32_t slot = (start + key) % cache->block_size;
    float sum = 0;
    for (int32_t d = 0; d < dimension; d++) {
      sum = fmaf(query[d], cached(cache, head, (size_t)d * cache->block_size + slot), sum);
    }
    if (cache->type == IK_CACHE_INT8) sum *= scale_at(cache, head, slot);
    sum *= a->scale;
    if (a->soft_cap > 0) sum = a->soft_cap * (1.0f - 2.0f / (exponential(sum * (2.0f / a->soft_cap)) + 1.0f));
    scores[key] = sum;
    highest = sum > highest ? sum : highest;
  }
  float bounded = finite_maximum(highest), decay = exponential(state->maximum - bounded);
  for (int32_t key = 0; key < 32; key++) scores[key] = exponential(scores[key] - bounded);
  for (int j = 0; j < 16; j++) state->sums[j] = fmaf(state->sums[j], decay, scores[j] + scores[j + 16]);
  state->maximum = highest;
  for (int32_t d = 0; d < dimension; d++) {
    float out = state->out[d] * decay;
    for (int32_t key = begin; key < end; key++) {
      const uint8_t *head = head_at(a, run, kv_head, start + key);
      int32_t slot = (start + key) % cache->block_size;
      float weight = scores[key];
      if (cache->type == IK_CACHE_INT8) weight *= scale_at(cache, head, cache->block_size + slot);
      out = fmaf(weight, cached(cache, head + cache->values_offset, (size_t)slot * cache->padded_dimension + d), out);
    }
    state->out[d] = out;
  }
}

// One split of one row.
static void attend_split(
    const ik_attention *a, const ik_run *run, int32_t kv_head, int32_t position, const float *query, int32_t split,
    ik_partial *state
) {
  clear(state);
  int16_t integers[IK_MAXIMUM_HEAD_DIMENSION];
  float query_scale = 0;
  if (a->cache.type == IK_CACHE_INT16) query_scale = ik_scalar_quantize_by_norm(query, a->cache.head_dimension, integers);
  int32_t first = split * IK_SPLIT, last = position < first + IK_SPLIT - 1 ? position : first + IK_SPLIT - 1;
  if (a->window > 0 && position - a->window + 1 > first) first = position - a->window + 1;
  for (int32_t start = first / 32 * 32; start <= last; start += 32) {
    int32_t end = last - start + 1 < 32 ? last - start + 1 : 32;
    int32_t begin = first > start ? first - start : 0;
    if (a->cache.type != IK_CACHE_INT16) {
      attend_block(a, run, kv_head, query, start, begin, end, state);
      continue;
    }
    ik_scalar_block block = {.begin = begin, .end = end};
    for (int32_t key = begin; key < end; key++) {
      block.heads[key] = head_at(a, run, kv_head, start + key);
      block.slots[key] = (start + key) % a->cache.block_size;
    }
    ik_scalar_attend_integers(a, &block, integers, query_scale, state);
  }
}

static void attend_row(
    const ik_attention *a, const ik_run *run, int32_t kv_head, int32_t position, const float *query, float *result
) {
  ik_partial total, split;
  clear(&total);
  for (int32_t index = 0; index < ik_splits(position + 1); index++) {
    attend_split(a, run, kv_head, position, query, index, &split);
    fold(a->cache.type, &total, &split, a->cache.head_dimension);
  }
  finish(&total, a->cache.head_dimension, result);
}

void ik_scalar_attention(const void *arguments, int32_t begin, int32_t end) {
  const ik_attention *a = arguments;
  int32_t dimension = a->cache.head_dimension, kv_heads = a->cache.kv_heads, group = a->heads / kv_heads;
  size_t width = (size_t)(a->heads + 2 * kv_heads) * dimension, out_width = (size_t)a->heads * dimension;
  int32_t index = 0;
  for (int32_t item = begin; item < end; item++) {
    while (index + 1 < a->run_count && a->runs[index + 1].item_start <= item) index++;
    const ik_run *run = &a->runs[index];
    int32_t kv_head = (item - run->item_start) % kv_heads, part = (item - run->item_start) / kv_heads;
    for (int32_t head = kv_head * group; head < (kv_head + 1) * group; head++) {
      if (run->partial_start >= 0) {
        const float *query = a->qkv + (size_t)run->token_start * width + (size_t)head * dimension;
        ik_partial *partial = a->partials + run->partial_start + (size_t)part * a->heads + head;
        attend_split(a, run, kv_head, run->first_position, query, part, partial);
        continue;
      }
      int32_t tile = ik_query_tile(run, part);
      for (int32_t t = tile; t < tile + IK_QUERY_TILE && t < run->token_count; t++) {
        size_t token = (size_t)(run->token_start + t);
        const float *query = a->qkv + token * width + (size_t)head * dimension;
        float *result = a->out + token * out_width + (size_t)head * dimension;
        attend_row(a, run, kv_head, run->first_position + t, query, result);
      }
    }
  }
}

void ik_scalar_fold_partials(const void *arguments, int32_t begin, int32_t end) {
  const ik_attention *a = arguments;
  int32_t dimension = a->cache.head_dimension;
  for (int32_t index = begin; index < end; index++) {
    const ik_run *run = &a->runs[index];
    if (run->partial_start < 0) continue;
    for (int32_t head = 0; head < a->heads; head++) {
      ik_partial total;
      clear(&total);
      for (int32_t split = 0; split < ik_splits(run->first_position + 1); split++) {
        fold(a->cache.type, &total, a->partials + run->partial_start + (size_t)split * a->heads + head, dimension);
      }
      finish(&total, dimension, a->out + ((size_t)run->token_start * a->heads + head) * dimension);
    }
  }
}
