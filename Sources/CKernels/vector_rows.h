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

typedef int8_t v16b __attribute__((vector_size(16)));

// Sums of the lanes of two vectors, as the first two of sixteen.
INLINE v16i sum_both(v16i a, v16i b) {
  v16i sums = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
              __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  sums += __builtin_shufflevector(sums, sums, 4, 5, 6, 7, 4, 5, 6, 7, 12, 13, 14, 15, 12, 13, 14, 15);
  sums += __builtin_shufflevector(sums, sums, 2, 3, 2, 3, 4, 5, 6, 7, 10, 11, 10, 11, 12, 13, 14, 15);
  sums += __builtin_shufflevector(sums, sums, 1, 1, 2, 3, 4, 5, 6, 7, 9, 9, 10, 11, 12, 13, 14, 15);
  return __builtin_shufflevector(sums, sums, 0, 8, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

// Sets all lanes of the quads that have a set one.
INLINE v16i whole_quads(v16i mask) {
  mask |= __builtin_shufflevector(mask, mask, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
  return mask | __builtin_shufflevector(mask, mask, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}

// Quantizes a group of finite values, of which `quad` has the largest. `high` is where the upper bits of outliers go, or
// NULL if there are none.
INLINE void quantize_group(
    const float *x, float scale, float inverse, int32_t quad, float outlier, ik_int8_group *group, int8_t *high
) {
  const v16i quads[2] = {{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3}, {4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7}};
  v16i q[2];
#pragma unroll
  for (int half = 0; half < 2; half++) {
    // Adding 1.5 * 2^23 rounds to an integer, to nearest even, and leaves it in the low bits.
    q[half] = (v16i)(load(x + 16 * half) * inverse + 12582912.0f) - 0x4b400000;
  }
  int32_t total = 0;
  if (high) {
    v16i upper[2];
#pragma unroll
    for (int half = 0; half < 2; half++) {
      v16i large = whole_quads(__builtin_elementwise_abs(load(x + 16 * half)) > outlier) & (quads[half] != quad);
      upper[half] = ((q[half] + 64) >> 7) & large;
      q[half] -= upper[half] << 7;
      v16b bytes = __builtin_convertvector(upper[half], v16b);
      memcpy(high + 16 * half, &bytes, 16);
    }
    v16i uppers = sum_both(upper[0], upper[1]);
    total = 128 * (uppers[0] + uppers[1]);
  }
  int8_t tops[IK_GROUP];
#pragma unroll
  for (int half = 0; half < 2; half++) {
    v16i top = ((q[half] + 64) >> 7) & (quads[half] == quad);
    v16b low = __builtin_convertvector(q[half] - (top << 7), v16b), upper = __builtin_convertvector(top, v16b);
    memcpy(group->values + 16 * half, &low, 16);
    memcpy(tops + 16 * half, &upper, 16);
  }
  memcpy(group->top, tops + 4 * quad, 4);
  group->top_halves[0] = -(quad < 4);
  group->top_halves[1] = -(quad >= 4);
  group->top_quad = quad;
  v16i sums = sum_both(q[0], q[1]);
  memcpy(group->sums, &sums, 8);
  group->scale = scale;
  group->scaled_sum = scale * (float)(total + sums[0] + sums[1]);
}

// Of up to 16 groups: the scale, see ik_int8_rows, and what to multiply with to divide by it; the quad that has the largest
// value, and whether another one is an outlier.
typedef struct group_plans {
  float scales[16], inverses[16];
  int32_t quads[16];
  bool listed[16];
} group_plans;

#define SHUFFLE(v, ...) __builtin_shufflevector(v, v, __VA_ARGS__)
#define EVERY_EIGHT(a, b, c, d, e, f, g, h) a, b, c, d, e, f, g, h, 8 + a, 8 + b, 8 + c, 8 + d, 8 + e, 8 + f, 8 + g, 8 + h
#define MAXIMUM(a, b) __builtin_elementwise_max(a, b)

// The largest lane of each half, in all lanes of the half; `v` has no NaN.
#define LARGEST_OF_EIGHT(v)                                                                                           \
  v = MAXIMUM(v, SHUFFLE(v, EVERY_EIGHT(1, 0, 3, 2, 5, 4, 7, 6)));                                                    \
  v = MAXIMUM(v, SHUFFLE(v, EVERY_EIGHT(2, 3, 0, 1, 6, 7, 4, 5)));                                                    \
  v = MAXIMUM(v, SHUFFLE(v, EVERY_EIGHT(4, 5, 6, 7, 0, 1, 2, 3)));

static void plan_groups(const float *x, int32_t count, float outlier, group_plans *plans) {
  const v16i quads = {0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7};
  v16i pairs[16], limit = (v16i)splat(outlier);
  float peaks[16], ordinaries[16];
  memset(pairs, 0, sizeof pairs);
  for (int32_t i = 0; i < count; i++) {
    v16i a = (v16i)__builtin_elementwise_abs(load(x + (size_t)i * IK_GROUP));
    v16i b = (v16i)__builtin_elementwise_abs(load(x + (size_t)i * IK_GROUP + 16));
    pairs[i] = MAXIMUM(
        __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
        __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31));
  }
  for (int32_t i = 0; i < count; i += 2) {
    // The bits of floats that are not negative are ordered as the floats are.
    v16i a = pairs[i], b = pairs[i + 1], largest = MAXIMUM(
        __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
        __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31));
    v16i key = (largest & ~7) | (7 - quads), peak = largest;
    LARGEST_OF_EIGHT(key)
    LARGEST_OF_EIGHT(peak)
    v16i others = largest & (quads != 7 - (key & 7)), ordinary = others & (others <= limit);
    v16i beyond = others - ordinary;
    LARGEST_OF_EIGHT(ordinary)
    LARGEST_OF_EIGHT(beyond)
    for (int of_two = 0; of_two < 2; of_two++) {
      int lane = 8 * of_two;
      plans->quads[i + of_two] = 7 - (key[lane] & 7);
      plans->listed[i + of_two] = beyond[lane] > 0;
      peaks[i + of_two] = ((v16)peak)[lane];
      ordinaries[i + of_two] = ((v16)ordinary)[lane];
    }
  }
  for (int32_t i = (count + 1) / 2 * 2; i < 16; i++) peaks[i] = ordinaries[i] = 0;
  v16 scale = max16(load(ordinaries) / 127.0f, load(peaks) / 16256.0f);
  store(plans->scales, scale);
  store(plans->inverses, select16(scale > IK_SMALLEST_SCALE, 1.0f / scale, splat(0.0f)));
}
#undef LARGEST_OF_EIGHT
#undef MAXIMUM
#undef EVERY_EIGHT
#undef SHUFFLE

static void quantize_row(const float *x, int32_t columns, const ik_int8_rows *out, int32_t row) {
  int32_t groups = columns / IK_GROUP;
  v16 squares = splat(0.0f);
  for (int32_t i = 0; i < columns; i += 16) squares = fma16(load(x + i), load(x + i), squares);
  float sum = sum_lanes(squares), outlier = IK_OUTLIER * sqrtf(sum / (float)columns);
  bool finite = sum < INFINITY;
  for (int32_t first = 0; first < groups; first += 16) {
    int32_t count = groups - first < 16 ? groups - first : 16;
    group_plans plans;
    plan_groups(x + (size_t)first * IK_GROUP, count, outlier, &plans);
    for (int32_t i = 0; i < count; i++) {
      const float *values = x + (size_t)(first + i) * IK_GROUP;
      int32_t of_chunk = (first + i) % IK_CHUNK;
      size_t place = ik_chunk_index(out, row, (first + i) / IK_CHUNK);
      ik_int8_group *group = out->groups + place * IK_CHUNK + of_chunk;
      if (of_chunk == 0) out->outlier_counts[place] = 0;
      int8_t high[IK_GROUP];
      if (!finite) {
        ik_quantize_group(values, outlier, group, high);
        ik_list_outliers(out, place, of_chunk, high);
      } else if (plans.listed[i]) {
        quantize_group(values, plans.scales[i], plans.inverses[i], plans.quads[i], outlier, group, high);
        ik_list_outliers(out, place, of_chunk, high);
      } else {
        quantize_group(values, plans.scales[i], plans.inverses[i], plans.quads[i], outlier, group, NULL);
      }
    }
  }
}

static void TIER(quantize)(const void *arguments, int32_t begin, int32_t end) {
  const ik_quantize *q = arguments;
  for (int32_t row = begin; row < end; row++) {
    const float *x = q->x + (size_t)row * q->columns;
    if (q->int8) quantize_row(x, q->columns, q->int8, row);
    if (q->bfloat) round_row(x, q->columns, q->bfloat, row);
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
    float *out = n->out + (size_t)(n->is_scratch ? begin : row) * n->columns;
    int32_t whole = n->columns / 16 * 16, left = n->columns - whole;
    v16 squares = splat(0.0f);
    for (int32_t i = 0; i < whole; i += 16) squares = fma16(load(x + i), load(x + i), squares);
    if (left > 0) {
      v16 last = load_some(x + whole, left);
      squares = fma16(last, last, squares);
    }
    float inverse = 1.0f / sqrtf(sum_lanes(squares) / (float)n->columns + n->epsilon);
    for (int32_t i = 0; i < whole; i += 16) store(out + i, load(x + i) * inverse * load(n->weight + i));
    if (left > 0) {
      v16 last = load_some(x + whole, left) * inverse * load_some(n->weight + whole, left);
      store_some(out + whole, last, left);
    }
    if (n->int8) quantize_row(out, n->columns, n->int8, row);
    if (n->bfloat) round_row(out, n->columns, n->bfloat, row);
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
  float inverse = broken || scale <= IK_SMALLEST_SCALE ? 0.0f : 1.0f / scale;
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
