// Kernels over whole rows of the vector tiers: norm, quantization, gate, rotation. Included by vector_kernels.h.

// The largest lane of each of sixteen vectors: lane j of the result is that of v[j]. Overwrites v.
INLINE v16 maxima(v16 v[16]) {
#define FOLD(count, low, high)                                                                                        \
  for (int i = 0; i < count; i++) {                                                                                   \
    v[i] = max16(__builtin_shufflevector(v[2 * i], v[2 * i + 1], low), __builtin_shufflevector(v[2 * i], v[2 * i + 1], high)); \
  }
#define LANES(...) __VA_ARGS__
#pragma unroll
  FOLD(8, LANES(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
       LANES(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#pragma unroll
  FOLD(4, LANES(0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27),
       LANES(4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31))
#pragma unroll
  FOLD(2, LANES(0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29),
       LANES(2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31))
#pragma unroll
  FOLD(1, LANES(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
       LANES(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31))
#undef LANES
#undef FOLD
  return v[0];
}

// Up to 16 floats, the rest zeros.
INLINE v16 load_some(const float *p, int32_t count) {
  if (count >= 16) return load(p);
  float values[16] = {0};
  memcpy(values, p, (size_t)count * 4);
  return load(values);
}

INLINE void store_some(float *p, v16 v, int32_t count) {
  if (count >= 16) {
    store(p, v);
  } else {
    memcpy(p, &v, (size_t)count * 4);
  }
}

#include "vector_quantize.h"

static void TIER(quantize)(const void *arguments, int32_t begin, int32_t end) {
  const ik_quantize *q = arguments;
  if (q->int8) quantize_rows(q->x + (size_t)begin * q->columns, q->columns, q->int8, begin, end);
  for (int32_t row = begin; q->bfloat && row < end; row++) {
    round_row(q->x + (size_t)row * q->columns, q->columns, q->bfloat, row);
  }
}

// One row.
INLINE void normalize_row(const ik_rms_norm *n, const float *x, float *out) {
  int32_t whole = n->columns / 16 * 16, left = n->columns - whole;
  float inverse = 1.0f / sqrtf(sum_of_squares(x, n->columns) / (float)n->columns + n->epsilon);
  for (int32_t i = 0; i < whole; i += 16) store(out + i, load(x + i) * inverse * load(n->weight + i));
  if (left > 0) {
    v16 last = load_some(x + whole, left) * inverse * load_some(n->weight + whole, left);
    store_some(out + whole, last, left);
  }
}

static void TIER(rms_norm)(const void *arguments, int32_t begin, int32_t end) {
  const ik_rms_norm *n = arguments;
  // As many rows at a time as stay near the processor.
  enum { ROWS_AT_A_TIME = 8 };
  for (int32_t first = begin; first < end; first += ROWS_AT_A_TIME) {
    int32_t last = first + ROWS_AT_A_TIME < end ? first + ROWS_AT_A_TIME : end;
    float *out = n->out + (size_t)(n->is_scratch ? begin : first) * n->columns;
    for (int32_t row = first; row < last; row++) {
      normalize_row(n, n->x + (size_t)row * n->columns, out + (size_t)(row - first) * n->columns);
    }
    if (n->int8) quantize_rows(out, n->columns, n->int8, first, last);
    for (int32_t row = first; n->bfloat && row < last; row++) {
      round_row(out + (size_t)(row - first) * n->columns, n->columns, n->bfloat, row);
    }
  }
}

INLINE v16 silu_times(v16 gate, v16 up) { return gate / (exp16(-gate) + 1.0f) * up; }

static void TIER(silu_gate)(const void *arguments, int32_t begin, int32_t end) {
  const ik_silu_gate *s = arguments;
  int32_t whole = s->columns / 16 * 16, left = s->columns - whole;
  for (int32_t row = begin; row < end; row++) {
    const float *gate = s->x + (size_t)row * 2 * s->columns, *up = gate + s->columns;
    float *out = s->out + (size_t)row * s->out_stride;
#pragma unroll 2
    for (int32_t i = 0; i < whole; i += 16) store(out + i, silu_times(load(gate + i), load(up + i)));
    if (left > 0) store_some(out + whole, silu_times(load_some(gate + whole, left), load_some(up + whole, left)), left);
  }
}

INLINE void rotate_head(float *head, int32_t rotated, const float *cosines, const float *sines) {
  int32_t half = rotated / 2, whole = half / 16 * 16, left = half - whole;
  for (int32_t i = 0; i < whole; i += 16) {
    v16 c = load(cosines + i), s = load(sines + i), a = load(head + i), b = load(head + half + i);
    store(head + i, fma16(a, c, -(b * s)));
    store(head + half + i, fma16(b, c, a * s));
  }
  if (left > 0) {
    v16 c = load_some(cosines + whole, left), s = load_some(sines + whole, left);
    v16 a = load_some(head + whole, left), b = load_some(head + half + whole, left);
    store_some(head + whole, fma16(a, c, -(b * s)), left);
    store_some(head + half + whole, fma16(b, c, a * s), left);
  }
}

// Writes 16 values to the cache, `stride` elements apart: `count` of them.
INLINE void store_cached(ik_cache_type type, uint8_t *p, size_t index, size_t stride, v16 v, int32_t count) {
  if (type == IK_CACHE_INT8) {
    v16b bytes = __builtin_convertvector(__builtin_convertvector(__builtin_elementwise_roundeven(v), v16i), v16b);
    for (int32_t j = 0; j < count; j++) p[index + (size_t)j * stride] = (uint8_t)bytes[j];
    return;
  }
  uint16_t halves[16];
  if (type == IK_CACHE_F16) {
    store_half(halves, v);
  } else {
    store_bfloat(halves, v);
  }
  if (stride == 1) {
    memcpy(p + 2 * index, halves, (size_t)count * 2);
  } else {
    for (int32_t j = 0; j < count; j++) memcpy(p + 2 * (index + (size_t)j * stride), &halves[j], 2);
  }
}

// Writes one head's key or value. A NaN of an integer cache lives in its scale.
INLINE void store_vector(
    const ik_cache *cache, const float *x, uint8_t *p, size_t index, size_t stride, int32_t count, float *scale
) {
  float inverse = 1.0f;
  bool broken = false;
  if (cache->type == IK_CACHE_INT8) {
    v16 largest = splat(0.0f);
    for (int32_t i = 0; i < cache->head_dimension; i += 16) {
      v16 v = __builtin_elementwise_abs(load_some(x + i, cache->head_dimension - i));
      if (__builtin_reduce_and(v < INFINITY) == 0) broken = true;
      largest = max16(largest, v);
    }
    float peak = max_lanes(largest);
    *scale = broken ? NAN : peak / 127.0f;
    inverse = broken || *scale <= IK_SMALLEST_SCALE ? 0.0f : 1.0f / *scale;
  }
  for (int32_t i = 0; i < count; i += 16) {
    v16 v = load_some(x + i, cache->head_dimension - i);
    if (cache->type == IK_CACHE_INT8) v = broken ? splat(0.0f) : v * inverse;
    store_cached(cache->type, p, index + (size_t)i * stride, stride, v, count - i < 16 ? count - i : 16);
  }
}

// Integers of a vector with a Euclidean norm of IK_NORM_LIMIT, zeros behind them up to a multiple of sixteen. Returns their
// scale, which is NaN if the norm is not finite.
INLINE float quantize_by_norm(const float *x, int32_t dimension, int16_t *out) {
  v16 squares = splat(0.0f);
  for (int32_t i = 0; i < dimension; i += 16) {
    v16 v = load_some(x + i, dimension - i);
    squares = fma16(v, v, squares);
  }
  float norm = sqrtf(sum_lanes(squares)), scale = norm / IK_NORM_LIMIT;
  bool broken = !(norm < INFINITY);
  float inverse = broken || norm < IK_LEAST_NORM ? 0.0f : 1.0f / scale;
  for (int32_t i = 0; i < dimension; i += 16) {
    v16 v = broken ? splat(0.0f) : load_some(x + i, dimension - i) * inverse;
    v16s integers = __builtin_convertvector((v16i)(v + 12582912.0f), v16s);
    memcpy(out + i, &integers, 32);
  }
  return broken ? NAN : scale;
}

// Integers of a vector up to IK_VALUE_LIMIT, as above. Returns their scale, a power of two.
INLINE float quantize_by_peak(const float *x, int32_t dimension, int16_t *out) {
  v16 largest = splat(0.0f);
  bool broken = false;
  for (int32_t i = 0; i < dimension; i += 16) {
    v16 v = __builtin_elementwise_abs(load_some(x + i, dimension - i));
    if (__builtin_reduce_and(v < INFINITY) == 0) broken = true;
    largest = max16(largest, v);
  }
  float inverse, scale = ik_value_scale(max_lanes(largest), &inverse);
  for (int32_t i = 0; i < dimension; i += 16) {
    v16 v = broken ? splat(0.0f) : load_some(x + i, dimension - i) * inverse;
    v16i whole = (v16i)(v + 12582912.0f) - 0x4b400000;
    whole = __builtin_elementwise_min(whole, splat_int((int32_t)IK_VALUE_LIMIT));
    whole = __builtin_elementwise_max(whole, splat_int(-(int32_t)IK_VALUE_LIMIT));
    v16s integers = __builtin_convertvector(whole, v16s);
    memcpy(out + i, &integers, 32);
  }
  return broken ? NAN : scale;
}

// Writes one head's key and value as 16-bit integers.
static void store_integers(const ik_cache *cache, const float *key, const float *value, uint8_t *p, int32_t slot) {
  int16_t integers[IK_MAXIMUM_HEAD_DIMENSION];
  float *scales = (float *)(void *)(p + cache->scales_offset) + slot;
  scales[0] = quantize_by_norm(key, cache->head_dimension, integers);
  for (int32_t d = 0; d < ik_even(cache->head_dimension); d += 2) {
    memcpy(p + 2 * ((size_t)d * cache->block_size + 2 * (size_t)slot), integers + d, 4);
  }
  scales[cache->block_size] = quantize_by_peak(value, cache->head_dimension, integers);
  uint8_t *values = p + cache->values_offset + 4 * (size_t)(slot / 2) * cache->padded_dimension + slot % 2 * 2;
  for (int32_t d = 0; d < cache->padded_dimension; d++) memcpy(values + 4 * (size_t)d, integers + d, 2);
}

// Asks for the lines that store_integers will write: a key's numbers are far from each other.
INLINE void ask_for_slot(const ik_cache *cache, const uint8_t *p, int32_t slot) {
  const uint8_t *values = p + cache->values_offset + 4 * (size_t)(slot / 2) * cache->padded_dimension;
  const uint8_t *scales = p + cache->scales_offset + 4 * (size_t)slot;
  for (int32_t d = 0; d < cache->head_dimension; d += 2) {
    __builtin_prefetch(p + 2 * ((size_t)d * cache->block_size + 2 * (size_t)slot), 1);
  }
  for (int32_t d = 0; d < cache->padded_dimension; d += 16) __builtin_prefetch(values + 4 * (size_t)d, 1);
  __builtin_prefetch(scales, 1);
  __builtin_prefetch(scales + cache->block_size, 1);
}

static void TIER(rotate)(const void *arguments, int32_t begin, int32_t end) {
  const ik_rotate *r = arguments;
  const ik_cache *cache = &r->cache;
  int32_t dimension = cache->head_dimension;
  size_t width = (size_t)(r->heads + 2 * cache->kv_heads) * dimension;
  for (int32_t token = begin; token < end; token++) {
    float *qkv = r->qkv + (size_t)token * width;
    const float *cosines = r->cosines + (size_t)token * (r->rotated / 2);
    const float *sines = r->sines + (size_t)token * (r->rotated / 2);
    int32_t slot = r->tokens[token].position % cache->block_size;
    uint8_t *block = cache->blocks + (size_t)r->tokens[token].block * cache->block_stride;
    for (int32_t head = 0; head < cache->kv_heads && cache->type == IK_CACHE_INT16; head++) {
      ask_for_slot(cache, block + (size_t)head * cache->head_stride, slot);
    }
    for (int32_t head = 0; head < r->heads + cache->kv_heads; head++) {
      rotate_head(qkv + (size_t)head * dimension, r->rotated, cosines, sines);
    }
    for (int32_t head = 0; head < cache->kv_heads; head++) {
      const float *key = qkv + (size_t)(r->heads + head) * dimension;
      const float *value = key + (size_t)cache->kv_heads * dimension;
      uint8_t *p = block + (size_t)head * cache->head_stride;
      if (cache->type == IK_CACHE_INT16) {
        store_integers(cache, key, value, p, slot);
        continue;
      }
      float *scales = (float *)(void *)(p + cache->scales_offset) + slot;
      store_vector(cache, key, p, (size_t)slot, (size_t)cache->block_size, dimension, scales);
      store_vector(
          cache, value, p + cache->values_offset, (size_t)slot * cache->padded_dimension, 1, cache->padded_dimension,
          scales + cache->block_size);
    }
  }
}
