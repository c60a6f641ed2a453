// What is done with a block of keys where they are 16-bit integers (IK_CACHE_INT16). Included by vector_attention.h.
//
// Products of queries and keys, and of weights and values, are exact in 32 bits, so their order does not matter. The
// scale of a value is a power of two: its logarithm is added to the score of its key, so that what the value's integers are
// multiplied with is never more than 2^IK_WEIGHT_BITS, and the sum of the softmax has it taken off again.

// What products of 32 positions are multiplied with, or what is added to them.
typedef struct position_scales {
  v16 keys[2];       // scales of the keys
  v16 logarithms[2]; // to the base 2, of the scales of the values; NaN of a value that is broken
  v16 inverses[2];   // of the scales of the values
} position_scales;

INLINE void load_position_scales(const ik_cache *cache, const cached_positions *from, position_scales *out) {
  for (int half = 0; half < 2; half++) {
    const float *scales = (const float *)(const void *)(from->heads[half] + cache->scales_offset) + from->slots[half];
    v16 values = load(scales + cache->block_size);
    v16i bits = (v16i)values;
    out->keys[half] = load(scales);
    out->logarithms[half] = to_float((bits >> 23) - 127) + (values - values);
    out->inverses[half] = (v16)((254 << 23) - bits);
  }
}

// The queries as integers, for products with keys, which then are at most 2^30.
static void quantize_queries(const ik_attention *a, attention_rows *rows) {
  int32_t dimension = a->cache.head_dimension;
  float factor = a->soft_cap > 0 ? a->scale : a->scale * IK_LOG2_E;
  for (int32_t r = 0; r < rows->count; r++) {
    // Queries of one token lie side by side, those of the next one are far away.
    for (int32_t d = 0; d < dimension && r + 8 < rows->count; d += 16) __builtin_prefetch(rows->queries[r + 8] + d);
    rows->factors[r] = quantize_by_norm(rows->queries[r], dimension, (int16_t *)rows->pairs[r]) * factor;
  }
}

// Asks for the cache line at `p`, in the first-level cache or in the second-level one.
INLINE void ask(bool near, const uint8_t *p) {
  if (near) {
    __builtin_prefetch(p);
  } else {
    __builtin_prefetch(p, 0, 2);
  }
}

// Products of `rows` queries with 32 keys. Meanwhile it asks for the keys at `next`, so that the requests of a block are
// spread over the work on the one before it.
INLINE void score_integers(
    int rows, bool near, const ik_cache *cache, const cached_positions *from, const int32_t (*pairs)[IK_MAXIMUM_HEAD_DIMENSION / 2],
    int32_t (*scores)[32], const uint8_t *next
) {
  v16i sums[ATTENTION_GROUP][2];
  size_t stride = (size_t)cache->block_size * 4;
  const uint8_t *k0 = from->heads[0] + 4 * (size_t)from->slots[0], *k1 = from->heads[1] + 4 * (size_t)from->slots[1];
#pragma unroll
  for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = splat_int(0);
  for (int32_t pair = 0; pair < ik_even(cache->head_dimension) / 2; pair++, k0 += stride, k1 += stride, next += 128) {
    ask(near, next);
    ask(near, next + 64);
    v16i a = load_ints(k0), b = load_ints(k1);
#pragma unroll
    for (int r = 0; r < rows; r++) {
      sums[r][0] = dot2(sums[r][0], a, pairs[r][pair]);
      sums[r][1] = dot2(sums[r][1], b, pairs[r][pair]);
    }
  }
#pragma unroll
  for (int r = 0; r < rows; r++) {
    memcpy(scores[r], &sums[r][0], 64);
    memcpy(scores[r] + 16, &sums[r][1], 64);
  }
}

// Sums of `width` vectors of values, from dimension `d` on, weighted for `rows` rows; of the first `count` of 32 positions.
INLINE void add_integer_values(
    int rows, int width, bool near, const ik_cache *cache, const cached_positions *from, int32_t d, const int16_t (*weights)[32],
    int32_t count, const float *decays, ik_partial *const *states, const uint8_t *next
) {
  size_t stride = (size_t)cache->padded_dimension * 4;
  v16i sums[ATTENTION_GROUP][2];
#pragma unroll
  for (int r = 0; r < rows; r++) {
#pragma unroll
    for (int i = 0; i < width; i++) sums[r][i] = splat_int(0);
  }
  for (int half = 0; half < 2; half++) {
    const uint8_t *values = from->heads[half] + cache->values_offset + (size_t)(from->slots[half] / 2) * stride + 4 * (size_t)d;
    int32_t of_half = count - 16 * half < 16 ? count - 16 * half : 16;
    for (int32_t key = 0; key < of_half; key += 2, values += stride, next += 128) {
      ask(near, next);
      ask(near, next + 64);
      v16i v[2];
#pragma unroll
      for (int i = 0; i < width; i++) v[i] = load_ints(values + 64 * i);
#pragma unroll
      for (int r = 0; r < rows; r++) {
        int32_t pair;
        memcpy(&pair, weights[r] + 16 * half + key, 4);
#pragma unroll
        for (int i = 0; i < width; i++) sums[r][i] = dot2(sums[r][i], v[i], pair);
      }
    }
  }
#pragma unroll
  for (int r = 0; r < rows; r++) {
#pragma unroll
    for (int i = 0; i < width; i++) {
      float *out = states[r]->out + d + 16 * i;
      store(out, fma16(load(out), splat(decays[r]), to_float(sums[r][i])));
    }
  }
}

// out[r] = out[r] * decays[r] + the weighted values, for `rows` rows, of which none sees a position from `ends` on.
INLINE void add_all_integer_values(
    int rows, bool near, const ik_cache *cache, const cached_positions *from, const int16_t (*weights)[32], const int32_t *ends,
    const float *decays, ik_partial *const *states, const uint8_t *next
) {
  int32_t count = 0, d = 0;
#pragma unroll
  for (int r = 0; r < rows; r++) count = ends[r] > count ? ends[r] : count;
  for (; d + 32 <= cache->padded_dimension; d += 32) {
    add_integer_values(rows, 2, near, cache, from, d, weights, count, decays, states, next + (size_t)d * 64);
  }
  if (d < cache->padded_dimension) add_integer_values(rows, 1, near, cache, from, d, weights, count, decays, states, next);
}

// Turns the products of up to 16 rows into weights, and says by how much what was summed before decays.
INLINE void soften_integers(
    const ik_attention *a, const position_scales *scales, int32_t rows, const int32_t (*products)[32], const float *factors,
    const int32_t *begins, const int32_t *ends, ik_partial *const *states, int16_t (*weights)[32], float decays[16]
) {
  _Alignas(64) float scores[16][32];
  _Alignas(64) float old[16], peaks[16], subtracted[16];
  v16 highest[16];
  for (int32_t r = 0; r < rows; r++) {
    for (int half = 0; half < 2; half++) {
      v16 s = to_float(load_ints(products[r] + 16 * half)) * scales->keys[half];
      if (a->soft_cap > 0) {
        s = fma16(soft_capped(s * factors[r], a->soft_cap), splat(IK_LOG2_E), scales->logarithms[half]);
      } else {
        s = fma16(s, splat(factors[r]), scales->logarithms[half]);
      }
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
  store(decays, exp2_16(load(old) - bounded, 0));
  for (int32_t r = 0; r < rows; r++) {
    v16 sums = splat(0.0f);
    for (int half = 0; half < 2; half++) {
      v16 s = load(scores[r] + 16 * half), w = exp2_16(s - subtracted[r], IK_WEIGHT_BITS), inverses = scales->inverses[half];
      if (begins[r] > 0 || ends[r] < 32) {
        v16i seen = lanes_among(16 * half, begins[r], ends[r]);
        w = select16(seen, w, splat(0.0f));
        inverses = select16(seen, inverses, splat(0.0f));
      }
      sums = fma16(w, inverses, sums);
      // Added to 1.5 * 2^23, they are rounded to integers in the low bits.
      v16s integers = __builtin_convertvector((v16i)(w + 12582912.0f), v16s);
      memcpy(weights[r] + 16 * half, &integers, 32);
    }
    states[r]->maximum = peaks[r];
    store(states[r]->sums, fma16(load(states[r]->sums), splat(decays[r]), sums));
  }
}

// Asks once more for the keys, or the values, of 32 positions at `p`. Processors drop requests while all their places for misses
// are taken, which those that come with the products soon do; some are free again when these are done.
INLINE void ask_again(bool near, const ik_cache *cache, const uint8_t *p) {
#pragma clang loop unroll_count(8)
  for (int32_t line = 0; line < cache->head_dimension; line++, p += 64) ask(near, p);
}

// The keys of one split, as far as the rows see them. The rows' states are cleared first.
INLINE void attend_int16_asking(
    bool near, const ik_attention *a, const ik_run *run, int32_t kv_head, const attention_rows *rows, int32_t split
) {
  const ik_cache *cache = &a->cache;
  int32_t begin, end;
  begin_split(a, rows, split, &begin, &end);
  _Alignas(64) int32_t products[ATTENTION_ROWS][32];
  _Alignas(64) int16_t weights[ATTENTION_ROWS][32];
  _Alignas(64) float decays[ATTENTION_ROWS];
  int32_t begins[ATTENTION_ROWS], ends[ATTENTION_ROWS];
  for (int32_t start = begin / 32 * 32; start < end; start += 32) {
    cached_positions positions = positions_at(a, run, kv_head, start, begin, end);
    position_scales scales;
    load_position_scales(cache, &positions, &scales);
    const uint8_t *next = ask_for_next(a, run, kv_head, rows, start, end);
    see_positions(a, rows, start, begins, ends);
    for (int32_t r = 0; r < rows->count; r += ATTENTION_GROUP) {
      switch (rows->count - r) {
#define CASE(count)                                                                                                   \
  case count: score_integers(count, near, cache, &positions, rows->pairs + r, products + r, next); break;
        CASES_OF_ROWS(CASE)
#undef CASE
      default: score_integers(ATTENTION_GROUP, near, cache, &positions, rows->pairs + r, products + r, next);
      }
    }
    ask_again(near, cache, next);
    for (int32_t r = 0; r < rows->count; r += 16) {
      int32_t count = rows->count - r < 16 ? rows->count - r : 16;
      soften_integers(
          a, &scales, count, (const int32_t (*)[32])products + r, rows->factors + r, begins + r, ends + r, rows->states + r,
          weights + r, decays + r);
    }
    const uint8_t *next_values = next + cache->values_offset;
    for (int32_t r = 0; r < rows->count; r += ATTENTION_GROUP) {
      const int16_t (*w)[32] = (const int16_t (*)[32])weights + r;
      switch (rows->count - r) {
#define CASE(count)                                                                                                   \
  case count: add_all_integer_values(count, near, cache, &positions, w, ends + r, decays + r, rows->states + r, next_values); break;
        CASES_OF_ROWS(CASE)
#undef CASE
      default:
        add_all_integer_values(ATTENTION_GROUP, near, cache, &positions, w, ends + r, decays + r, rows->states + r, next_values);
      }
    }
    ask_again(near, cache, next_values);
  }
}

static __attribute__((noinline)) void attend_int16_near(
    const ik_attention *a, const ik_run *run, int32_t kv_head, const attention_rows *rows, int32_t split
) {
  attend_int16_asking(true, a, run, kv_head, rows, split);
}

static __attribute__((noinline)) void attend_int16_far(
    const ik_attention *a, const ik_run *run, int32_t kv_head, const attention_rows *rows, int32_t split
) {
  attend_int16_asking(false, a, run, kv_head, rows, split);
}

static void attend_int16(
    const ik_attention *a, const ik_run *run, int32_t kv_head, const attention_rows *rows, int32_t split
) {
  if (a->cache.asks_near) {
    attend_int16_near(a, run, kv_head, rows, split);
  } else {
    attend_int16_far(a, run, kv_head, rows, split);
  }
}
