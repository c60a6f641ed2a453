// The scalar twin of every kernel: plain loops that say what the vector tiers must compute, bit for bit, and the tier
// for every processor that has no other. Where vector lanes are added up, the twin adds in the same order.
#include "CKernels.h"
#include "exponential.h"
#include "formats.h"
#include <math.h>

#pragma STDC FP_CONTRACT OFF

static float power_of_two(int exponent) {
  uint32_t bits = (uint32_t)(exponent + 127) << 23;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

static float exponential(float x) {
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

// Adds sixteen partial sums in the order of the vector tiers.
static float sum_lanes(float lanes[16]) {
  for (int step = 8; step > 0; step /= 2) {
    for (int j = 0; j < step; j++) lanes[j] += lanes[j + step];
  }
  return lanes[0];
}

// ---------------------------------------------------------------------------------------------------------------
// Products.

static uint8_t packed_weight(const uint8_t *weights, int planes, int column, int k) {
  int quad = k / 4, half = column / 16, lane = column % 16;
  if (planes < 0) return weights[quad * 128 + half * 64 + lane * 4 + k % 4];
  uint8_t byte = weights[ik_plane_bytes(planes) + quad / 2 * 128 + half * 64 + lane * 4 + k % 4];
  uint8_t value = quad % 2 == 0 ? byte & 15 : byte >> 4;
  if (planes == 0) return value;
  int quads = 8 / planes;
  uint8_t plane = weights[(half * planes + quad / quads) * 64 + lane * 4 + k % 4];
  return value | (plane >> quad % quads * planes & ((1 << planes) - 1)) << 4;
}

static float half_at(const uint8_t *p, int index) { return ik_float_from_half(ik_load16(p + 2 * index)); }

// Products of inputs first ..< last of a group with `values`, the first of which belongs to input `first`; the weights'
// offset is taken off.
static int32_t dot(ik_format format, const uint8_t *weights, int column, const int8_t *values, int first, int last) {
  int32_t result = 0;
  for (int k = first; k < last; k++) {
    result += ((int32_t)packed_weight(weights, format.planes, column, k) - format.offset) * values[k - first];
  }
  return result;
}

// The scale of input `k` of a group.
static float scale_of(ik_format format, const uint8_t *tile, int32_t group, int column, int k) {
  const uint8_t *scales = tile + ik_group_offset(format, group);
  const uint8_t *header = tile + ik_group_offset(format, group / 8 * 8) - ik_header_bytes(format.scaling);
  switch (format.scaling) {
  case IK_SCALE_SUPER: return half_at(header, column) * (float)scales[column];
  case IK_SCALE_SUPER_HALF: return half_at(header, column) * (float)(int8_t)scales[k / 16 * 32 + column];
  default: return half_at(scales, column);
  }
}

static float minimum_of(ik_format format, const uint8_t *tile, int32_t group, int column) {
  const uint8_t *scales = tile + ik_group_offset(format, group);
  if (format.scaling == IK_SCALE_MINIMUM) return half_at(scales + 64, column);
  const uint8_t *header = tile + ik_group_offset(format, group / 8 * 8) - ik_header_bytes(format.scaling);
  return -(half_at(header + 64, column) * (float)scales[32 + column]);
}

static float integer_element(
    ik_format format, const uint8_t *tile, const ik_int8_rows *x, int32_t row, int column, float out
) {
  int run = format.scaling == IK_SCALE_SUPER_HALF ? 16 : 32;
  for (int32_t first = 0; first < x->group_count; first += IK_CHUNK) {
    int32_t end = first + IK_CHUNK < x->group_count ? first + IK_CHUNK : x->group_count;
    size_t place = ik_chunk_index(x, row, first / IK_CHUNK);
    const ik_int8_group *groups = x->groups + place * IK_CHUNK;
    for (int32_t g = first; g < end; g++) {
      const ik_int8_group *group = groups + g - first;
      const uint8_t *weights = tile + ik_group_offset(format, g) + ik_scale_bytes(format.scaling);
      for (int k = 0; k < 32; k += run) {
        int32_t sum = dot(format, weights, column, group->values + k, k, k + run);
        out = fmaf((float)sum * group->scale, scale_of(format, tile, g, column, k), out);
      }
      if (format.scaling == IK_SCALE_MINIMUM || format.scaling == IK_SCALE_SUPER) {
        out = fmaf(group->scaled_sum, minimum_of(format, tile, g, column), out);
      }
    }
    for (int i = 0; i < x->outlier_counts[place]; i++) {
      const ik_outliers *outliers = x->outliers + place * IK_LIST + i;
      int32_t of_chunk = outliers->quad / 8, g = first + of_chunk, k = outliers->quad % 8 * 4;
      const uint8_t *weights = tile + ik_group_offset(format, g) + ik_scale_bytes(format.scaling);
      int32_t sum = dot(format, weights, column, outliers->high, k, k + 4);
      out = fmaf((float)sum * (groups[of_chunk].scale * 128.0f), scale_of(format, tile, g, column, k), out);
    }
  }
  return out;
}

static float float_weight(ik_type type, const uint8_t *tile, size_t index) {
  switch (type) {
  case IK_F16: return ik_float_from_half(ik_load16(tile + 2 * index));
  case IK_BF16: return ik_float_from_bfloat(ik_load16(tile + 2 * index));
  default: {
    float value;
    memcpy(&value, tile + 4 * index, 4);
    return value;
  }
  }
}

static void scalar_matmul(const void *arguments, int32_t begin, int32_t end) {
  const ik_matmul *m = arguments;
  ik_format format = ik_format_of(m->type);
  for (int32_t tile = begin; tile < end; tile++) {
    const uint8_t *data = m->tiles + (size_t)tile * m->tile_bytes;
    for (int32_t row = 0; row < m->rows; row++) {
      for (int column = 0; column < IK_TILE && tile * IK_TILE + column < m->outputs; column++) {
        float *out = m->out + (size_t)row * m->out_stride + tile * IK_TILE + column;
        float value = m->bias ? m->bias[tile * IK_TILE + column] : 0.0f;
        if (m->accumulate) value += *out;
        if (ik_is_integer(m->type)) {
          value = integer_element(format, data, m->int8, row, column, value);
        } else {
          const float *x = m->floats + (size_t)row * m->inputs;
          for (int32_t k = 0; k < m->inputs; k++) {
            value = fmaf(x[k], float_weight(m->type, data, (size_t)k * IK_TILE + column), value);
          }
        }
        *out = value;
      }
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------
// Rows.

static void quantize_row(const float *x, int32_t columns, const ik_int8_rows *out, int32_t row) {
  float lanes[16] = {0};
  for (int32_t i = 0; i < columns; i++) lanes[i % 16] = fmaf(x[i], x[i], lanes[i % 16]);
  float sum = sum_lanes(lanes), outlier = IK_OUTLIER * sqrtf(sum / (float)columns);
  for (int32_t g = 0; g < columns / IK_GROUP; g++) {
    const float *values = x + (size_t)g * IK_GROUP;
    size_t place = ik_chunk_index(out, row, g / IK_CHUNK);
    ik_int8_group *group = out->groups + place * IK_CHUNK + g % IK_CHUNK;
    int8_t high[IK_GROUP];
    if (g % IK_CHUNK == 0) out->outlier_counts[place] = 0;
    float peak = 0, small = 0;
    for (int i = 0; i < IK_GROUP; i++) {
      float size = fabsf(values[i]);
      if (size > peak) peak = size;
      if (!(size > outlier) && size > small) small = size;
    }
    float scale = small / 127.0f;
    if (peak / 16256.0f > scale) scale = peak / 16256.0f;
    float inverse = scale > IK_SMALLEST_SCALE ? 1.0f / scale : 0.0f;
    int32_t total = 0;
    group->sums[0] = group->sums[1] = 0;
    for (int i = 0; i < IK_GROUP; i++) {
      float rounded = rintf(values[i] * inverse);
      // A NaN becomes 0 here and makes the group's scale a NaN, so that it is not lost.
      if (rounded != rounded) scale = NAN;
      int32_t q = rounded == rounded ? (int32_t)rounded : 0, top = fabsf(values[i]) > outlier ? (q + 64) >> 7 : 0;
      high[i] = (int8_t)top;
      group->values[i] = (int8_t)(q - 128 * top);
      group->sums[i / 16] += q - 128 * top;
      total += q;
    }
    group->scale = scale;
    group->scaled_sum = scale * (float)total;
    ik_list_outliers(out, place, g % IK_CHUNK, high);
  }
}

static void scalar_quantize(const void *arguments, int32_t begin, int32_t end) {
  const ik_quantize *q = arguments;
  for (int32_t row = begin; row < end; row++) {
    quantize_row(q->x + (size_t)row * q->columns, q->columns, q->int8, row);
  }
}

static void scalar_rms_norm(const void *arguments, int32_t begin, int32_t end) {
  const ik_rms_norm *n = arguments;
  for (int32_t row = begin; row < end; row++) {
    const float *x = n->x + (size_t)row * n->columns;
    float *out = n->out + (size_t)row * n->columns;
    float lanes[16] = {0};
    for (int32_t i = 0; i < n->columns; i++) lanes[i % 16] = fmaf(x[i], x[i], lanes[i % 16]);
    float inverse = 1.0f / sqrtf(sum_lanes(lanes) / (float)n->columns + n->epsilon);
    for (int32_t i = 0; i < n->columns; i++) out[i] = x[i] * inverse * n->weight[i];
    if (n->int8) quantize_row(out, n->columns, n->int8, row);
  }
}

static void scalar_silu_gate(const void *arguments, int32_t begin, int32_t end) {
  const ik_silu_gate *s = arguments;
  for (int32_t row = begin; row < end; row++) {
    const float *gate = s->x + (size_t)row * 2 * s->columns, *up = gate + s->columns;
    float *out = s->out + (size_t)row * s->columns;
    for (int32_t i = 0; i < s->columns; i++) out[i] = gate[i] / (exponential(-gate[i]) + 1.0f) * up[i];
    if (s->int8) quantize_row(out, s->columns, s->int8, row);
  }
}

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

static void scalar_rotate(const void *arguments, int32_t begin, int32_t end) {
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

static void fold(ik_partial *total, const ik_partial *split, int32_t dimension) {
  float lanes[16];
  memcpy(lanes, split->sums, sizeof lanes);
  if (split->maximum == -INFINITY && sum_lanes(lanes) == 0) return;
  float both = finite_maximum(total->maximum > split->maximum ? total->maximum : split->maximum);
  float a = exponential(total->maximum - both), b = exponential(split->maximum - both);
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

// One query against keys begin ..< end of the 32 that start at slot `first` of a block; `head` is the KV head's part.
static void attend_block(
    const ik_attention *a, const float *query, const uint8_t *head, int32_t first, int32_t begin, int32_t end,
    ik_partial *state
) {
  const ik_cache *cache = &a->cache;
  int32_t dimension = cache->head_dimension;
  const float *scales = (const float *)(const void *)(head + cache->scales_offset) + first;
  float scores[32], highest = state->maximum;
  for (int32_t key = 0; key < 32; key++) {
    scores[key] = -INFINITY;
    if (key < begin || key >= end) continue;
    float sum = 0;
    for (int32_t d = 0; d < dimension; d++) {
      sum = fmaf(query[d], cached(cache, head, (size_t)d * cache->block_size + first + key), sum);
    }
    if (cache->type == IK_CACHE_INT8) sum *= scales[key];
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
      float weight = cache->type == IK_CACHE_INT8 ? scores[key] * scales[cache->block_size + key] : scores[key];
      out = fmaf(weight, cached(cache, head + cache->values_offset, (size_t)(first + key) * cache->padded_dimension + d), out);
    }
    state->out[d] = out;
  }
}

// One split of one row.
static void attend_split(
    const ik_attention *a, const ik_run *run, int32_t kv_head, int32_t position, const float *query, int32_t split,
    ik_partial *state
) {
  const ik_cache *cache = &a->cache;
  clear(state);
  int32_t first = split * IK_SPLIT, last = position < first + IK_SPLIT - 1 ? position : first + IK_SPLIT - 1;
  if (a->window > 0 && position - a->window + 1 > first) first = position - a->window + 1;
  for (int32_t start = first / 32 * 32; start <= last; start += 32) {
    int32_t block = a->block_table[run->block_start + start / cache->block_size];
    const uint8_t *head = cache->blocks + (size_t)block * cache->block_stride + (size_t)kv_head * cache->head_stride;
    int32_t end = last - start + 1 < 32 ? last - start + 1 : 32;
    attend_block(a, query, head, start % cache->block_size, first > start ? first - start : 0, end, state);
  }
}

static void attend_row(
    const ik_attention *a, const ik_run *run, int32_t kv_head, int32_t position, const float *query, float *result
) {
  ik_partial total, split;
  clear(&total);
  for (int32_t index = 0; index < ik_splits(position + 1); index++) {
    attend_split(a, run, kv_head, position, query, index, &split);
    fold(&total, &split, a->cache.head_dimension);
  }
  finish(&total, a->cache.head_dimension, result);
}

static void scalar_attention(const void *arguments, int32_t begin, int32_t end) {
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
      for (int32_t t = part * IK_QUERY_TILE; t < (part + 1) * IK_QUERY_TILE && t < run->token_count; t++) {
        size_t token = (size_t)(run->token_start + t);
        const float *query = a->qkv + token * width + (size_t)head * dimension;
        float *result = a->out + token * out_width + (size_t)head * dimension;
        attend_row(a, run, kv_head, run->first_position + t, query, result);
      }
    }
  }
}

static void scalar_fold_partials(const void *arguments, int32_t begin, int32_t end) {
  const ik_attention *a = arguments;
  int32_t dimension = a->cache.head_dimension;
  for (int32_t index = begin; index < end; index++) {
    const ik_run *run = &a->runs[index];
    if (run->partial_start < 0) continue;
    for (int32_t head = 0; head < a->heads; head++) {
      ik_partial total;
      clear(&total);
      for (int32_t split = 0; split < ik_splits(run->first_position + 1); split++) {
        fold(&total, a->partials + run->partial_start + (size_t)split * a->heads + head, dimension);
      }
      finish(&total, dimension, a->out + ((size_t)run->token_start * a->heads + head) * dimension);
    }
  }
}

const ik_kernels ik_scalar_kernels = {
    .name = "scalar",
    .matmul = scalar_matmul,
    .rms_norm = scalar_rms_norm,
    .quantize = scalar_quantize,
    .silu_gate = scalar_silu_gate,
    .rotate = scalar_rotate,
    .attention = scalar_attention,
    .fold_partials = scalar_fold_partials,
};
