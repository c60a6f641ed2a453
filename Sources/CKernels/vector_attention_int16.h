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

#include "vector_attention_int16_products.h"

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

// Asks once more for the keys, or the values, of 32 positions at `p`. Some processors drop requests while all their places for
// misses are taken, which those that come with the products soon do; some are free again when these are done.
INLINE void ask_again(const ik_cache *cache, const uint8_t *p) {
#pragma clang loop unroll_count(8)
  for (int32_t line = 0; line < cache->head_dimension; line++, p += 64) ask(ASKS_NEAR, p);
}

// The keys of one split, as far as the rows see them. The rows' states are cleared first. Of many rows, which go through a block
// several times, only the first ones ask for the next block.
INLINE void attend_int16_asking(
    asking where, bool is_few, const ik_attention *a, const ik_run *run, int32_t kv_head, const attention_rows *rows, int32_t split
) {
  const ik_cache *cache = &a->cache;
  const asking later = is_few ? where : ASKS_NOT;
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
    const uint8_t *next = ask_for_next(a, run, kv_head, rows, start, end), *next_values = next + cache->values_offset;
    see_positions(a, rows, start, begins, ends);
    int32_t first = is_few ? 0 : ATTENTION_GROUP;
    if (!is_few) score_integers(ATTENTION_GROUP, where, cache, &positions, rows->pairs, products, next);
    for (int32_t r = first; r < rows->count; r += ATTENTION_GROUP) {
      switch (rows->count - r) {
#define CASE(count)                                                                                                   \
  case count: score_integers(count, later, cache, &positions, rows->pairs + r, products + r, next); break;
        CASES_OF_ROWS(CASE)
#undef CASE
      default: score_integers(ATTENTION_GROUP, later, cache, &positions, rows->pairs + r, products + r, next);
      }
    }
    if (where == ASKS_NEAR) ask_again(cache, next);
    for (int32_t r = 0; r < rows->count; r += 16) {
      int32_t count = rows->count - r < 16 ? rows->count - r : 16;
      soften_integers(
          a, &scales, count, (const int32_t (*)[32])products + r, rows->factors + r, begins + r, ends + r, rows->states + r,
          weights + r, decays + r);
    }
    const int16_t (*w)[32] = (const int16_t (*)[32])weights;
    if (!is_few) add_all_integer_values(ATTENTION_GROUP, where, cache, &positions, w, ends, decays, rows->states, next_values);
    for (int32_t r = first; r < rows->count; r += ATTENTION_GROUP) {
      switch (rows->count - r) {
#define CASE(count)                                                                                                   \
  case count:                                                                                                         \
    add_all_integer_values(count, later, cache, &positions, w + r, ends + r, decays + r, rows->states + r, next_values); \
    break;
        CASES_OF_ROWS(CASE)
#undef CASE
      default:
        add_all_integer_values(
            ATTENTION_GROUP, later, cache, &positions, w + r, ends + r, decays + r, rows->states + r, next_values);
      }
    }
    if (where == ASKS_NEAR) ask_again(cache, next_values);
  }
}

// An instance for each place and number of rows.
#define ATTEND_INT16(name, where, is_few)                                                                             \
  static __attribute__((noinline)) void name(                                                                         \
      const ik_attention *a, const ik_run *run, int32_t kv_head, const attention_rows *rows, int32_t split            \
  ) {                                                                                                                 \
    attend_int16_asking(where, is_few, a, run, kv_head, rows, split);                                                 \
  }
ATTEND_INT16(attend_int16_few_near, ASKS_NEAR, true)
ATTEND_INT16(attend_int16_few_far, ASKS_FAR, true)
ATTEND_INT16(attend_int16_many_near, ASKS_NEAR, false)
ATTEND_INT16(attend_int16_many_far, ASKS_FAR, false)
#undef ATTEND_INT16

static void attend_int16(
    const ik_attention *a, const ik_run *run, int32_t kv_head, const attention_rows *rows, int32_t split
) {
  bool near = a->cache.asks_near;
  if (rows->count <= ATTENTION_GROUP) {
    (near ? attend_int16_few_near : attend_int16_few_far)(a, run, kv_head, rows, split);
  } else {
    (near ? attend_int16_many_near : attend_int16_many_far)(a, run, kv_head, rows, split);
  }
}
