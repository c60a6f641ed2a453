// What is done with a block of keys where they are float16, bfloat16 or 8-bit integers. Included by vector_attention.h.

// 32 keys and values in float32, and what their products are multiplied with if they are kept as integers.
typedef struct attention_block {
  _Alignas(64) float keys[IK_MAXIMUM_HEAD_DIMENSION][32];
  _Alignas(64) float values[32 * IK_MAXIMUM_HEAD_DIMENSION];
  float key_scales[32], value_scales[32];
} attention_block;

INLINE v16 load_cached(ik_cache_type type, const uint8_t *p, size_t index) {
  switch (type) {
  case IK_CACHE_F16: return load_half(p + 2 * index);
  case IK_CACHE_BF16: return load_bfloat(p + 2 * index);
  default: return signed_bytes_to_float(p + index);
  }
}

// Sixteen of the 32 keys' numbers of dimension `d`.
INLINE v16 load_keys(const ik_cache *cache, ik_cache_type type, const cached_positions *from, int32_t d, int half) {
  return load_cached(type, from->heads[half], (size_t)d * cache->block_size + from->slots[half]);
}

// Sixteen dimensions, from `d` on, of value `key` of 32.
INLINE v16 load_value(const ik_cache *cache, ik_cache_type type, const cached_positions *from, int32_t key, int32_t d) {
  int half = key / 16;
  size_t row = (size_t)(from->slots[half] + key % 16) * cache->padded_dimension;
  return load_cached(type, from->heads[half] + cache->values_offset, row + d);
}

// Reads keys and values of one KV head, values of the first `present` positions only.
INLINE void load_block(
    const ik_cache *cache, ik_cache_type type, const cached_positions *from, int32_t present, attention_block *out
) {
  int32_t padded = cache->padded_dimension;
  for (int32_t d = 0; d < cache->head_dimension; d++) {
    store(out->keys[d], load_keys(cache, type, from, d, 0));
    store(out->keys[d] + 16, load_keys(cache, type, from, d, 1));
  }
  for (int32_t key = 0; key < present; key++) {
    for (int32_t d = 0; d < padded; d += 16) {
      store(out->values + (size_t)key * padded + d, load_value(cache, type, from, key, d));
    }
  }
}

// Reads what the products are multiplied with.
INLINE void load_block_scales(const ik_cache *cache, const cached_positions *from, attention_block *out) {
  for (int half = 0; half < 2; half++) {
    const float *scales =
        (const float *)(const void *)(from->heads[half] + cache->scales_offset) + from->slots[half];
    store(out->key_scales + 16 * half, load(scales));
    store(out->value_scales + 16 * half, load(scales + cache->block_size));
  }
}

// Where keys and values are read: in the cache itself, where few rows use them, or in a block that was loaded for many.
typedef struct attention_source {
  bool is_cache;
  const attention_block *block;
  const ik_cache *cache;
  ik_cache_type type;
  cached_positions positions;
} attention_source;

// Products of `rows` queries with 32 keys. Meanwhile it asks for the keys at `next`, a line for each dimension, so that the
// requests of a block are spread over the work on the one before it: decoding, that takes a third of attention's time away.
INLINE void score_rows(
    int rows, const attention_source *from, int32_t dimension, const float *const *queries, float (*scores)[32],
    const uint8_t *next
) {
  v16 sums[ATTENTION_GROUP][2];
#pragma unroll
  for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = splat(0.0f);
  for (int32_t d = 0; d < dimension; d++) {
    __builtin_prefetch(next + (size_t)d * 64, 0, 2);
    v16 k0 = from->is_cache ? load_keys(from->cache, from->type, &from->positions, d, 0) : load(from->block->keys[d]);
    v16 k1 = from->is_cache ? load_keys(from->cache, from->type, &from->positions, d, 1) : load(from->block->keys[d] + 16);
#pragma unroll
    for (int r = 0; r < rows; r++) {
      v16 q = splat(queries[r][d]);
      sums[r][0] = fma16(q, k0, sums[r][0]);
      sums[r][1] = fma16(q, k1, sums[r][1]);
    }
  }
#pragma unroll
  for (int r = 0; r < rows; r++) {
    store(scores[r], sums[r][0]);
    store(scores[r] + 16, sums[r][1]);
  }
}

// Adds keys begin ..< end to `width` vectors, from dimension `d` on, of `rows` rows, and asks for values at `next`, a line each.
INLINE void add_some_values(
    int rows, int width, const attention_source *from, int32_t d, const float (*weights)[32], int32_t begin, int32_t end,
    v16 (*sums)[2], const uint8_t *next
) {
  int32_t padded = from->cache->padded_dimension;
  for (int32_t key = begin; key < end; key++) {
    __builtin_prefetch(next + (size_t)key * 64, 0, 2);
    v16 v[2];
#pragma unroll
    for (int i = 0; i < width; i++) {
      v[i] = from->is_cache ? load_value(from->cache, from->type, &from->positions, key, d + 16 * i)
                            : load(from->block->values + (size_t)key * padded + d + 16 * i);
    }
#pragma unroll
    for (int r = 0; r < rows; r++) {
      v16 w = splat(weights[r][key]);
#pragma unroll
      for (int i = 0; i < width; i++) sums[r][i] = fma16(w, v[i], sums[r][i]);
    }
  }
}

// out[r] = out[r] * decays[r] + sum over keys begins[r] ..< ends[r] of weights[r][key] * values[key], for `rows` rows.
INLINE void add_values(
    int rows, const attention_source *from, const float (*weights)[32], const int32_t *begins, const int32_t *ends,
    const float *decays, ik_partial *const *states, const uint8_t *next
) {
  int32_t begin = 0, end = 32, padded = from->cache->padded_dimension;
#pragma unroll
  for (int r = 0; r < rows; r++) {
    begin = begins[r] > begin ? begins[r] : begin;
    end = ends[r] < end ? ends[r] : end;
  }
  if (begin > end) begin = end;
  for (int32_t d = 0; d < padded; d += 32) {
    int width = padded - d < 32 ? 1 : 2;
    v16 sums[ATTENTION_GROUP][2];
#pragma unroll
    for (int r = 0; r < rows; r++) {
      sums[r][0] = load(states[r]->out + d) * decays[r];
      if (width == 2) sums[r][1] = load(states[r]->out + d + 16) * decays[r];
    }
    // Most keys are seen by all rows; what only some of them see comes before and after.
#pragma unroll
    for (int r = 0; r < rows; r++) {
      if (begins[r] >= begin) continue;
      int32_t last = ends[r] < begin ? ends[r] : begin;
      if (width == 2) {
        add_some_values(1, 2, from, d, weights + r, begins[r], last, sums + r, next + (size_t)d * 64);
      } else {
        add_some_values(1, 1, from, d, weights + r, begins[r], last, sums + r, next + (size_t)d * 64);
      }
    }
    if (width == 2) {
      add_some_values(rows, 2, from, d, weights, begin, end, sums, next + (size_t)d * 64);
    } else {
      add_some_values(rows, 1, from, d, weights, begin, end, sums, next + (size_t)d * 64);
    }
#pragma unroll
    for (int r = 0; r < rows; r++) {
      int32_t first = begins[r] > end ? begins[r] : end;
      if (ends[r] <= first) continue;
      if (width == 2) {
        add_some_values(1, 2, from, d, weights + r, first, ends[r], sums + r, next + (size_t)d * 64);
      } else {
        add_some_values(1, 1, from, d, weights + r, first, ends[r], sums + r, next + (size_t)d * 64);
      }
    }
#pragma unroll
    for (int r = 0; r < rows; r++) {
      store(states[r]->out + d, sums[r][0]);
      if (width == 2) store(states[r]->out + d + 16, sums[r][1]);
    }
  }
}

// Turns the scores of up to 16 rows into weights, and says by how much what was summed before decays.
INLINE void soften(
    const ik_attention *a, const attention_block *block, ik_cache_type type, int32_t rows, float (*scores)[32],
    const int32_t *begins, const int32_t *ends, ik_partial *const *states, float decays[16]
) {
  _Alignas(64) float old[16], peaks[16], subtracted[16];
  v16 highest[16];
  for (int32_t r = 0; r < rows; r++) {
    for (int half = 0; half < 2; half++) {
      v16 s = load(scores[r] + 16 * half);
      if (type == IK_CACHE_INT8) s *= load(block->key_scales + 16 * half);
      s *= a->scale;
      if (a->soft_cap > 0) s = soft_capped(s, a->soft_cap);
      if (begins[r] > 0 || ends[r] < 32) s = visible(s, 16 * half, begins[r], ends[r]);
      store(scores[r] + 16 * half, s);
      highest[r] = half == 0 ? s : max16(highest[r], s);
    }
    old[r] = states[r]->maximum;
  }
  for (int32_t r = rows; r < 16; r++) {
    highest[r] = splat(-INFINITY);
    old[r] = -INFINITY;
  }
  v16 maximum = max16(load(old), maxima(highest)), bounded = finite_maximum(maximum);
  store(peaks, maximum);
  store(subtracted, bounded);
  store(decays, exp16(load(old) - bounded));
  for (int32_t r = 0; r < rows; r++) {
    v16 w0 = exp16(load(scores[r]) - subtracted[r]), w1 = exp16(load(scores[r] + 16) - subtracted[r]);
    states[r]->maximum = peaks[r];
    store(states[r]->sums, fma16(load(states[r]->sums), splat(decays[r]), w0 + w1));
    if (type == IK_CACHE_INT8) {
      w0 *= load(block->value_scales);
      w1 *= load(block->value_scales + 16);
    }
    store(scores[r], w0);
    store(scores[r] + 16, w1);
  }
}

// The keys of one split, as far as the rows see them. The rows' states are cleared first.
INLINE void attend_split(
    const ik_attention *a, ik_cache_type type, bool is_cache, const ik_run *run, int32_t kv_head, const attention_rows *rows,
    int32_t split
) {
  const ik_cache *cache = &a->cache;
  int32_t begin, end;
  begin_split(a, rows, split, &begin, &end);
  attention_block block;
  attention_source source = {is_cache, &block, cache, type, {{NULL, NULL}, {0, 0}}};
  _Alignas(64) float scores[ATTENTION_ROWS][32], decays[ATTENTION_ROWS];
  int32_t begins[ATTENTION_ROWS], ends[ATTENTION_ROWS];
  for (int32_t start = begin / 32 * 32; start < end; start += 32) {
    cached_positions positions = positions_at(a, run, kv_head, start, begin, end);
    source.positions = positions;
    if (!is_cache) load_block(cache, type, &positions, end - start < 32 ? end - start : 32, &block);
    if (type == IK_CACHE_INT8) load_block_scales(cache, &positions, &block);
    const uint8_t *next = ask_for_next(a, run, kv_head, rows, start, end);
    const uint8_t *next_values = next + cache->values_offset;
    see_positions(a, rows, start, begins, ends);
    for (int32_t r = 0; r < rows->count; r += ATTENTION_GROUP) {
      switch (rows->count - r) {
#define CASE(count)                                                                                                   \
  case count: score_rows(count, &source, cache->head_dimension, rows->queries + r, scores + r, next); break;
        CASES_OF_ROWS(CASE)
#undef CASE
      default: score_rows(ATTENTION_GROUP, &source, cache->head_dimension, rows->queries + r, scores + r, next);
      }
    }
    for (int32_t r = 0; r < rows->count; r += 16) {
      int32_t count = rows->count - r < 16 ? rows->count - r : 16;
      soften(a, &block, type, count, scores + r, begins + r, ends + r, rows->states + r, decays + r);
    }
    for (int32_t r = 0; r < rows->count; r += ATTENTION_GROUP) {
      const float (*weights)[32] = (const float (*)[32])scores + r;
      switch (rows->count - r) {
#define CASE(count)                                                                                                   \
  case count: add_values(count, &source, weights, begins + r, ends + r, decays + r, rows->states + r, next_values); break;
        CASES_OF_ROWS(CASE)
#undef CASE
      default:
        add_values(ATTENTION_GROUP, &source, weights, begins + r, ends + r, decays + r, rows->states + r, next_values);
      }
    }
  }
}

// One instance for each type of cache, and for few and many rows.
#define ATTEND(name, type)                                                                                            \
  static __attribute__((noinline)) void name##_few(                                                                   \
      const ik_attention *a, const ik_run *run, int32_t kv_head, const attention_rows *rows, int32_t split            \
  ) {                                                                                                                 \
    attend_split(a, type, true, run, kv_head, rows, split);                                                           \
  }                                                                                                                   \
  static __attribute__((noinline)) void name(                                                                         \
      const ik_attention *a, const ik_run *run, int32_t kv_head, const attention_rows *rows, int32_t split            \
  ) {                                                                                                                 \
    if (rows->count <= ATTENTION_GROUP) {                                                                             \
      name##_few(a, run, kv_head, rows, split);                                                                       \
    } else {                                                                                                          \
      attend_split(a, type, false, run, kv_head, rows, split);                                                        \
    }                                                                                                                 \
  }
ATTEND(attend_f16, IK_CACHE_F16)
ATTEND(attend_bf16, IK_CACHE_BF16)
ATTEND(attend_int8, IK_CACHE_INT8)
#undef ATTEND
