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
  uint8_t byte = weights[quad / 2 * 128 + half * 64 + lane * 4 + k % 4];
  uint8_t value = quad % 2 == 0 ? byte & 15 : byte >> 4;
  for (int plane = 0; plane < planes; plane++) {
    uint8_t mask = weights[512 + plane * 128 + quad * 16 + half * 8 + lane / 2];
    value |= (mask >> (lane % 2 * 4 + k % 4) & 1) << (4 + plane);
  }
  return value;
}

static float half_at(const uint8_t *p, int index) { return ik_float_from_half(ik_load16(p + 2 * index)); }

// Inputs first ..< last of group `index` (row and group in one).
static int32_t dot(
    const uint8_t *weights, int planes, int column, const ik_int8_rows *x, size_t index, int first, int last
) {
  int32_t sum = 0;
  for (int k = first; k < last; k++) {
    int32_t q = 128 * x->values[index * IK_GROUP + k] + x->low[index * IK_GROUP + k];
    sum += (int32_t)packed_weight(weights, planes, column, k) * q;
  }
  return sum;
}

static float integer_element(ik_format format, const uint8_t *tile, const ik_int8_rows *x, int32_t row, int column) {
  float out = 0;
  for (int32_t g = 0; g < x->groups; g++) {
    size_t index = (size_t)row * x->groups + g;
    const uint8_t *scales = tile + ik_group_offset(format, g), *weights = scales + ik_scale_bytes(format.scaling);
    const uint8_t *header = tile + ik_group_offset(format, g / 8 * 8) - ik_header_bytes(format.scaling);
    const int32_t *sums = x->half_sums + 2 * index;
    float scale = x->scales[index];
    if (format.scaling == IK_SCALE_SUPER_HALF) {
      for (int half = 0; half < 2; half++) {
        int32_t sum = dot(weights, format.planes, column, x, index, 16 * half, 16 * half + 16) -
                      format.offset * sums[half];
        float d = half_at(header, column) * (float)(int8_t)scales[32 * half + column];
        out = fmaf((float)sum * scale, d, out);
      }
      continue;
    }
    int32_t sum = dot(weights, format.planes, column, x, index, 0, 32) - format.offset * (sums[0] + sums[1]);
    float d = 0, m = 0;
    switch (format.scaling) {
    case IK_SCALE_OFFSET: d = half_at(scales, column); break;
    case IK_SCALE_MINIMUM:
      d = half_at(scales, column);
      m = half_at(scales + 64, column);
      break;
    default:
      d = half_at(header, column) * (float)scales[column];
      m = -(half_at(header + 64, column) * (float)scales[32 + column]);
      break;
    }
    out = fmaf((float)sum * scale, d, out);
    if (format.scaling != IK_SCALE_OFFSET) out = fmaf(x->scaled_sums[index], m, out);
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
        float value = 0;
        if (ik_is_integer(m->type)) {
          value = integer_element(format, data, m->int8, row, column);
        } else {
          const float *x = m->floats + (size_t)row * m->inputs;
          for (int32_t k = 0; k < m->inputs; k++) {
            value = fmaf(x[k], float_weight(m->type, data, (size_t)k * IK_TILE + column), value);
          }
        }
        float *out = m->out + (size_t)row * m->out_stride + tile * IK_TILE + column;
        if (m->bias) value += m->bias[tile * IK_TILE + column];
        *out = m->accumulate ? value + *out : value;
      }
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------
// Rows.

static void quantize_row(const float *x, int32_t columns, const ik_int8_rows *out, int32_t row) {
  float lanes[16] = {0};
  for (int32_t i = 0; i < columns; i++) lanes[i % 16] = fmaf(x[i], x[i], lanes[i % 16]);
  float outlier = IK_OUTLIER * sqrtf(sum_lanes(lanes) / (float)columns);
  for (int32_t g = 0; g < columns / IK_GROUP; g++) {
    const float *group = x + (size_t)g * IK_GROUP;
    size_t index = (size_t)row * out->groups + g;
    float peak = 0;
    for (int i = 0; i < IK_GROUP; i++) peak = fabsf(group[i]) > peak ? fabsf(group[i]) : peak;
    bool wide = peak > outlier;
    float steps = wide ? 16256.0f : 127.0f, inverse = peak > IK_SMALLEST_PEAK ? steps / peak : 0.0f, scale = peak / 16256.0f;
    int32_t sums[2] = {0, 0};
    for (int i = 0; i < IK_GROUP; i++) {
      float rounded = rintf(group[i] * inverse);
      // A NaN becomes 0 here and makes the group's scale a NaN, so that it is not lost.
      if (rounded != rounded) scale = NAN;
      int32_t q = rounded == rounded ? (int32_t)rounded : 0;
      if (!wide) q *= 128;
      int32_t high = (q + 64) >> 7;
      out->values[index * IK_GROUP + i] = (int8_t)high;
      out->low[index * IK_GROUP + i] = (int8_t)(q - 128 * high);
      sums[i / 16] += q;
    }
    out->wide[index] = wide;
    out->half_sums[2 * index] = sums[0];
    out->half_sums[2 * index + 1] = sums[1];
    out->scales[index] = scale;
    out->scaled_sums[index] = scale * (float)(sums[0] + sums[1]);
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
      uint16_t *keys = cache->blocks + (size_t)r->tokens[token].block * cache->block_stride + (size_t)head * cache->head_stride;
      uint16_t *values = keys + cache->values_offset + (size_t)slot * cache->padded_dimension;
      for (int32_t i = 0; i < dimension; i++) {
        keys[(size_t)i * cache->block_size + slot] = ik_half_from_float(key[i]);
        values[i] = ik_half_from_float(value[i]);
      }
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------
// Attention.

enum { MAXIMUM_DIMENSION = 256 };

typedef struct softmax_state {
  float maximum, sum, out[MAXIMUM_DIMENSION];
} softmax_state;

static void clear(softmax_state *state) {
  state->maximum = -INFINITY;
  state->sum = 0;
  memset(state->out, 0, sizeof state->out);
}

// A sum of 0 says that no key was seen: any key but a broken one has added to it, and a broken one has made it a NaN.
static void fold(softmax_state *total, softmax_state *split, int32_t dimension) {
  if (split->sum == 0) return;
  if (total->sum == 0) {
    *total = *split;
  } else {
    float highest = total->maximum > split->maximum ? total->maximum : split->maximum;
    float a = exponential(total->maximum - highest), b = exponential(split->maximum - highest);
    total->sum = fmaf(total->sum, a, split->sum * b);
    for (int32_t d = 0; d < dimension; d++) total->out[d] = fmaf(total->out[d], a, split->out[d] * b);
    total->maximum = highest;
  }
  clear(split);
}

// One query against keys begin ..< end of the 32 that start at `keys`.
static void attend_block(
    const ik_attention *a, const float *query, const uint16_t *keys, int32_t begin, int32_t end, softmax_state *state
) {
  const ik_cache *cache = &a->cache;
  int32_t dimension = cache->head_dimension;
  float scores[32], highest = state->maximum, lanes[16];
  for (int32_t key = 0; key < 32; key++) {
    scores[key] = -INFINITY;
    if (key < begin || key >= end) continue;
    float sum = 0;
    for (int32_t d = 0; d < dimension; d++) {
      sum = fmaf(query[d], ik_float_from_half(keys[(size_t)d * cache->block_size + key]), sum);
    }
    scores[key] = sum * a->scale;
    highest = scores[key] > highest ? scores[key] : highest;
  }
  float decay = state->maximum == -INFINITY ? 0.0f : exponential(state->maximum - highest);
  for (int32_t key = 0; key < 32; key++) scores[key] = exponential(scores[key] - highest);
  for (int j = 0; j < 16; j++) lanes[j] = scores[j] + scores[j + 16];
  state->sum = fmaf(state->sum, decay, sum_lanes(lanes));
  state->maximum = highest;
  for (int32_t d = 0; d < dimension; d++) {
    float out = state->out[d] * decay;
    for (int32_t key = begin; key < end; key++) {
      out = fmaf(scores[key], ik_float_from_half(keys[cache->values_offset + (size_t)key * cache->padded_dimension + d]), out);
    }
    state->out[d] = out;
  }
}

static void attend_row(
    const ik_attention *a, const ik_run *run, int32_t kv_head, int32_t position, const float *query, float *result
) {
  const ik_cache *cache = &a->cache;
  softmax_state total, split;
  clear(&total);
  clear(&split);
  int32_t first = a->window > 0 && position - a->window + 1 > 0 ? position - a->window + 1 : 0;
  for (int32_t start = first / 32 * 32; start <= position; start += 32) {
    if (start % IK_SPLIT == 0) fold(&total, &split, cache->head_dimension);
    int32_t block = a->block_table[run->block_start + start / cache->block_size];
    const uint16_t *keys = cache->blocks + (size_t)block * cache->block_stride + (size_t)kv_head * cache->head_stride;
    int32_t end = position - start + 1 < 32 ? position - start + 1 : 32;
    attend_block(a, query, keys, first > start ? first - start : 0, end, &split);
  }
  fold(&total, &split, cache->head_dimension);
  float inverse = 1.0f / total.sum;
  for (int32_t d = 0; d < cache->head_dimension; d++) result[d] = total.out[d] * inverse;
}

static void scalar_attention(const void *arguments, int32_t begin, int32_t end) {
  const ik_attention *a = arguments;
  int32_t dimension = a->cache.head_dimension, kv_heads = a->cache.kv_heads, group = a->heads / kv_heads;
  size_t width = (size_t)(a->heads + 2 * kv_heads) * dimension, out_width = (size_t)a->heads * dimension;
  int32_t index = 0;
  for (int32_t item = begin; item < end; item++) {
    while (index + 1 < a->run_count && a->runs[index + 1].item_start <= item) index++;
    const ik_run *run = &a->runs[index];
    int32_t kv_head = (item - run->item_start) % kv_heads;
    int32_t tile = (item - run->item_start) / kv_heads * IK_QUERY_TILE;
    for (int32_t t = tile; t < tile + IK_QUERY_TILE && t < run->token_count; t++) {
      size_t token = (size_t)(run->token_start + t);
      for (int32_t head = kv_head * group; head < (kv_head + 1) * group; head++) {
        const float *query = a->qkv + token * width + (size_t)head * dimension;
        float *result = a->out + token * out_width + (size_t)head * dimension;
        attend_row(a, run, kv_head, run->first_position + t, query, result);
      }
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
};
