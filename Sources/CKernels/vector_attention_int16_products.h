// The products of attention over 16-bit integers: queries with a block of keys, and weights with its values. Included by
// vector_attention_int16.h.

// Where a loop asks for cache lines of the next block: nowhere, in the first-level cache or in the second-level one.
typedef enum asking { ASKS_NOT, ASKS_NEAR, ASKS_FAR } asking;

INLINE void ask(asking where, const uint8_t *p) {
  if (where == ASKS_NEAR) __builtin_prefetch(p);
  if (where == ASKS_FAR) __builtin_prefetch(p, 0, 2);
}

// In how many sums a few rows add up what many add up in one: so many additions in turns that none waits for the one before.
INLINE int sums_in_turns(int rows) { return ATTENTION_GROUP > 2 && rows <= 3 ? 2 : 1; }

// Products of `rows` queries with 32 keys. Meanwhile it asks for the keys at `next`, so that the requests of a block are
// spread over the work on the one before it.
INLINE void score_integers(
    int rows, asking where, const ik_cache *cache, const cached_positions *from,
    const int32_t (*pairs)[IK_MAXIMUM_HEAD_DIMENSION / 2], int32_t (*scores)[32], const uint8_t *next
) {
  const int turns = sums_in_turns(rows);
  v16i sums[2][ATTENTION_GROUP][2];
  size_t stride = (size_t)cache->block_size * 4;
  const uint8_t *k0 = from->heads[0] + 4 * (size_t)from->slots[0], *k1 = from->heads[1] + 4 * (size_t)from->slots[1];
  int32_t count = ik_even(cache->head_dimension) / 2, pair = 0;
#pragma unroll
  for (int r = 0; r < rows; r++) sums[0][r][0] = sums[0][r][1] = sums[1][r][0] = sums[1][r][1] = splat_int(0);
  for (; pair + turns <= count; pair += turns) {
#pragma unroll
    for (int t = 0; t < turns; t++, k0 += stride, k1 += stride, next += 128) {
      ask(where, next);
      ask(where, next + 64);
      v16i a = load_ints(k0), b = load_ints(k1);
#pragma unroll
      for (int r = 0; r < rows; r++) {
        sums[t][r][0] = dot2(sums[t][r][0], a, pairs[r][pair + t]);
        sums[t][r][1] = dot2(sums[t][r][1], b, pairs[r][pair + t]);
      }
    }
  }
  if (pair < count) {
    v16i a = load_ints(k0), b = load_ints(k1);
#pragma unroll
    for (int r = 0; r < rows; r++) {
      sums[0][r][0] = dot2(sums[0][r][0], a, pairs[r][pair]);
      sums[0][r][1] = dot2(sums[0][r][1], b, pairs[r][pair]);
    }
  }
#pragma unroll
  for (int r = 0; r < rows; r++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      v16i sum = turns == 1 ? sums[0][r][half] : sums[0][r][half] + sums[1][r][half];
      memcpy(scores[r] + 16 * half, &sum, 64);
    }
  }
}

// Sums of `width` vectors of values, from dimension `d` on, weighted for `rows` rows; of the first `count` of 32 positions.
INLINE void add_integer_values(
    int rows, int width, asking where, const ik_cache *cache, const cached_positions *from, int32_t d,
    const int16_t (*weights)[32], int32_t count, const float *decays, ik_partial *const *states, const uint8_t *next
) {
  size_t stride = (size_t)cache->padded_dimension * 4;
  v16i sums[ATTENTION_GROUP][4];
#pragma unroll
  for (int r = 0; r < rows; r++) {
#pragma unroll
    for (int i = 0; i < width; i++) sums[r][i] = splat_int(0);
  }
  for (int half = 0; half < 2; half++) {
    const uint8_t *values = from->heads[half] + cache->values_offset + (size_t)(from->slots[half] / 2) * stride + 4 * (size_t)d;
    int32_t of_half = count - 16 * half < 16 ? count - 16 * half : 16;
    for (int32_t key = 0; key < of_half; key += 2, values += stride, next += 64 * width) {
      v16i v[4];
#pragma unroll
      for (int i = 0; i < width; i++) {
        ask(where, next + 64 * i);
        v[i] = load_ints(values + 64 * i);
      }
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
    int rows, asking where, const ik_cache *cache, const cached_positions *from, const int16_t (*weights)[32],
    const int32_t *ends, const float *decays, ik_partial *const *states, const uint8_t *next
) {
  const int width = 2 * sums_in_turns(rows);
  int32_t count = 0, d = 0;
#pragma unroll
  for (int r = 0; r < rows; r++) count = ends[r] > count ? ends[r] : count;
  for (; d + 16 * width <= cache->padded_dimension; d += 16 * width) {
    add_integer_values(rows, width, where, cache, from, d, weights, count, decays, states, next + (size_t)d * 64);
  }
  for (; d < cache->padded_dimension; d += 16) {
    add_integer_values(rows, 1, where, cache, from, d, weights, count, decays, states, next + (size_t)d * 64);
  }
}
