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

INLINE v16 absolute_maximum(const float *group) {
  return max16(__builtin_elementwise_abs(load(group)), __builtin_elementwise_abs(load(group + 16)));
}

typedef int8_t v16b __attribute__((vector_size(16)));

// Quantizes a group with outliers, or of a row that is not finite. A NaN becomes 0 here and makes the group's scale a
// NaN, so that it is not lost.
static void quantize_with_outliers(
    const float *x, float peak, bool finite, float outlier, ik_int8_group *group, int8_t high[IK_GROUP]
) {
  v16 values[2] = {load(x), load(x + 16)}, zero = splat(0.0f);
  v16i ordered[2] = {values[0] == values[0], values[1] == values[1]};
  if (!finite) {
    values[0] = select16(ordered[0], values[0], zero);
    values[1] = select16(ordered[1], values[1], zero);
    peak = max_lanes(max16(__builtin_elementwise_abs(values[0]), __builtin_elementwise_abs(values[1])));
  }
  v16i large[2] = {__builtin_elementwise_abs(values[0]) > outlier, __builtin_elementwise_abs(values[1]) > outlier};
  v16 small = max16(
      __builtin_elementwise_abs(select16(large[0], zero, values[0])),
      __builtin_elementwise_abs(select16(large[1], zero, values[1])));
  float within = max_lanes(max16(small, zero)) / 127.0f, reach = peak / 16256.0f, scale = within > reach ? within : reach;
  float inverse = scale > IK_SMALLEST_SCALE ? 1.0f / scale : 0.0f;
  int32_t total = 0;
  for (int half = 0; half < 2; half++) {
    v16 scaled = values[half] * inverse;
    ordered[half] &= scaled == scaled;
    if (__builtin_reduce_and(ordered[half]) == 0) scale = NAN;
    v16i q = __builtin_convertvector(__builtin_elementwise_roundeven(select16(ordered[half], scaled, zero)), v16i);
    v16i top = ((q + 64) >> 7) & large[half];
    q -= top << 7;
    v16b bytes = __builtin_convertvector(q, v16b), top_bytes = __builtin_convertvector(top, v16b);
    memcpy(group->values + 16 * half, &bytes, 16);
    memcpy(high + 16 * half, &top_bytes, 16);
    group->sums[half] = __builtin_reduce_add(q);
    total += group->sums[half] + 128 * __builtin_reduce_add(top);
  }
  group->scale = scale;
  group->scaled_sum = scale * (float)total;
}

// Quantizes a group of finite values without outliers.
INLINE void quantize_group(const float *x, float peak, ik_int8_group *group) {
  float scale = peak / 127.0f, inverse = scale > IK_SMALLEST_SCALE ? 1.0f / scale : 0.0f;
#pragma unroll
  for (int half = 0; half < 2; half++) {
    // Adding 1.5 * 2^23 rounds to an integer, to nearest even, and leaves it in the low bits.
    v16 shifted = load(x + 16 * half) * inverse + 12582912.0f;
    v16i q = (v16i)shifted - 0x4b400000;
    v16b bytes = __builtin_convertvector(q, v16b);
    memcpy(group->values + 16 * half, &bytes, 16);
    group->sums[half] = __builtin_reduce_add(q);
  }
  group->scale = scale;
  group->scaled_sum = scale * (float)(group->sums[0] + group->sums[1]);
}

static void quantize_row(const float *x, int32_t columns, const ik_int8_rows *out, int32_t row) {
  int32_t groups = columns / IK_GROUP;
  v16 squares = splat(0.0f);
  for (int32_t i = 0; i < columns; i += 16) squares = fma16(load(x + i), load(x + i), squares);
  float sum = sum_lanes(squares), outlier = IK_OUTLIER * sqrtf(sum / (float)columns);
  bool finite = sum < INFINITY;
  for (int32_t g = 0; g < groups; g += 16) {
    int32_t count = groups - g < 16 ? groups - g : 16;
    float peaks[16];
    if (count == 16) {
      v16 largest[16];
#pragma unroll
      for (int32_t i = 0; i < 16; i++) largest[i] = absolute_maximum(x + (size_t)(g + i) * IK_GROUP);
      store(peaks, maxima(largest));
    } else {
      for (int32_t i = 0; i < count; i++) peaks[i] = max_lanes(absolute_maximum(x + (size_t)(g + i) * IK_GROUP));
    }
    for (int32_t i = 0; i < count; i++) {
      const float *values = x + (size_t)(g + i) * IK_GROUP;
      int32_t chunk = (g + i) / IK_CHUNK, of_chunk = (g + i) % IK_CHUNK;
      size_t place = ik_chunk_index(out, row, chunk);
      ik_int8_group *group = out->groups + place * IK_CHUNK + of_chunk;
      if (of_chunk == 0) out->outlier_counts[place] = 0;
      if (peaks[i] <= outlier && finite) {
        quantize_group(values, peaks[i], group);
      } else {
        int8_t high[IK_GROUP];
        quantize_with_outliers(values, peaks[i], finite, outlier, group, high);
        ik_list_outliers(out, place, of_chunk, high);
      }
    }
  }
}

static void TIER(quantize)(const void *arguments, int32_t begin, int32_t end) {
  const ik_quantize *q = arguments;
  for (int32_t row = begin; row < end; row++) {
    quantize_row(q->x + (size_t)row * q->columns, q->columns, q->int8, row);
  }
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

static void TIER(rms_norm)(const void *arguments, int32_t begin, int32_t end) {
  const ik_rms_norm *n = arguments;
  for (int32_t row = begin; row < end; row++) {
    const float *x = n->x + (size_t)row * n->columns;
    float *out = n->out + (size_t)row * n->columns;
    v16 squares = splat(0.0f);
    for (int32_t i = 0; i < n->columns; i += 16) {
      v16 v = load_some(x + i, n->columns - i);
      squares = fma16(v, v, squares);
    }
    float inverse = 1.0f / sqrtf(sum_lanes(squares) / (float)n->columns + n->epsilon);
    for (int32_t i = 0; i < n->columns; i += 16) {
      v16 v = load_some(x + i, n->columns - i) * inverse * load_some(n->weight + i, n->columns - i);
      store_some(out + i, v, n->columns - i);
    }
    if (n->int8) quantize_row(out, n->columns, n->int8, row);
  }
}

static void TIER(silu_gate)(const void *arguments, int32_t begin, int32_t end) {
  const ik_silu_gate *s = arguments;
  for (int32_t row = begin; row < end; row++) {
    const float *gate = s->x + (size_t)row * 2 * s->columns, *up = gate + s->columns;
    float *out = s->out + (size_t)row * s->columns;
    for (int32_t i = 0; i < s->columns; i += 16) {
      v16 g = load_some(gate + i, s->columns - i), u = load_some(up + i, s->columns - i);
      store_some(out + i, g / (exp16(-g) + 1.0f) * u, s->columns - i);
    }
    if (s->int8) quantize_row(out, s->columns, s->int8, row);
  }
}

INLINE void rotate_head(float *head, int32_t rotated, const float *cosines, const float *sines) {
  int32_t half = rotated / 2;
  for (int32_t i = 0; i < half; i += 16) {
    int32_t count = half - i;
    v16 c = load_some(cosines + i, count), s = load_some(sines + i, count);
    v16 a = load_some(head + i, count), b = load_some(head + half + i, count);
    v16 rotated_a = fma16(a, c, -(b * s)), rotated_b = fma16(b, c, a * s);
    store_some(head + i, rotated_a, count);
    store_some(head + half + i, rotated_b, count);
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

static void TIER(rotate)(const void *arguments, int32_t begin, int32_t end) {
  const ik_rotate *r = arguments;
  const ik_cache *cache = &r->cache;
  int32_t dimension = cache->head_dimension;
  size_t width = (size_t)(r->heads + 2 * cache->kv_heads) * dimension;
  for (int32_t token = begin; token < end; token++) {
    float *qkv = r->qkv + (size_t)token * width;
    const float *cosines = r->cosines + (size_t)token * (r->rotated / 2);
    const float *sines = r->sines + (size_t)token * (r->rotated / 2);
    for (int32_t head = 0; head < r->heads + cache->kv_heads; head++) {
      rotate_head(qkv + (size_t)head * dimension, r->rotated, cosines, sines);
    }
    int32_t slot = r->tokens[token].position % cache->block_size;
    uint8_t *block = cache->blocks + (size_t)r->tokens[token].block * cache->block_stride;
    for (int32_t head = 0; head < cache->kv_heads; head++) {
      const float *key = qkv + (size_t)(r->heads + head) * dimension;
      const float *value = key + (size_t)cache->kv_heads * dimension;
      uint8_t *p = block + (size_t)head * cache->head_stride;
      float *scales = (float *)(void *)(p + cache->scales_offset) + slot;
      store_vector(cache, key, p, (size_t)slot, (size_t)cache->block_size, dimension, scales);
      store_vector(
          cache, value, p + cache->values_offset, (size_t)slot * cache->padded_dimension, 1, cache->padded_dimension,
          scales + cache->block_size);
    }
  }
}
