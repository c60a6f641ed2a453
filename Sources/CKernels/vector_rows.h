// Kernels over whole rows of the vector tiers: norm, quantization, gate, rotation. Included by vector_kernels.h.

INLINE void quantize_group(const float *group, float outlier, const ik_int8_rows *out, size_t index) {
  v16 low = load(group), high = load(group + 16);
  float peak = max_lanes(max16(__builtin_elementwise_abs(low), __builtin_elementwise_abs(high)));
  bool wide = peak > outlier;
  float steps = wide ? 16256.0f : 127.0f, inverse = peak > IK_SMALLEST_PEAK ? steps / peak : 0.0f, scale = peak / 16256.0f;
  v16 scaled[2] = {low * inverse, high * inverse};
  // A NaN becomes 0 here and makes the group's scale a NaN, so that it is not lost.
  v16i ordered[2] = {scaled[0] == scaled[0], scaled[1] == scaled[1]};
  if (__builtin_reduce_and(ordered[0] & ordered[1]) == 0) scale = NAN;
  int32_t *sums = out->half_sums + 2 * index;
  typedef int8_t v16b __attribute__((vector_size(16)));
  for (int half = 0; half < 2; half++) {
    v16 rounded = __builtin_elementwise_roundeven(select16(ordered[half], scaled[half], splat(0.0f)));
    v16i q = __builtin_convertvector(rounded, v16i);
    if (!wide) q <<= 7;
    v16i whole = (q + 64) >> 7;
    v16b bytes = __builtin_convertvector(whole, v16b), rest = __builtin_convertvector(q - (whole << 7), v16b);
    memcpy(out->values + index * IK_GROUP + 16 * half, &bytes, 16);
    memcpy(out->low + index * IK_GROUP + 16 * half, &rest, 16);
    sums[half] = __builtin_reduce_add(q);
  }
  out->wide[index] = wide;
  out->scales[index] = scale;
  out->scaled_sums[index] = scale * (float)(sums[0] + sums[1]);
}

INLINE void quantize_row(const float *x, int32_t columns, const ik_int8_rows *out, int32_t row) {
  v16 squares = splat(0.0f);
  for (int32_t i = 0; i < columns; i += 16) squares = fma16(load(x + i), load(x + i), squares);
  float outlier = IK_OUTLIER * sqrtf(sum_lanes(squares) / (float)columns);
  for (int32_t g = 0; g < columns / IK_GROUP; g++) {
    quantize_group(x + (size_t)g * IK_GROUP, outlier, out, (size_t)row * out->groups + g);
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

INLINE void store_some(float *p, v16 v, int32_t count) { memcpy(p, &v, (size_t)(count >= 16 ? 16 : count) * 4); }

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
    uint16_t *block = cache->blocks + (size_t)r->tokens[token].block * cache->block_stride;
    for (int32_t head = 0; head < cache->kv_heads; head++) {
      const float *key = qkv + (size_t)(r->heads + head) * dimension;
      const float *value = key + (size_t)cache->kv_heads * dimension;
      uint16_t *keys = block + (size_t)head * cache->head_stride;
      uint16_t *values = keys + cache->values_offset + (size_t)slot * cache->padded_dimension;
      for (int32_t i = 0; i < dimension; i += 16) {
        uint16_t halves[16];
        store_half(halves, load_some(key + i, dimension - i));
        for (int32_t j = 0; j < 16 && i + j < dimension; j++) keys[(size_t)(i + j) * cache->block_size + slot] = halves[j];
        store_half(halves, load_some(value + i, dimension - i));
        memcpy(values + i, halves, 32);
      }
    }
  }
}
