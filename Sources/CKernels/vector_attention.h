// Paged attention of the vector tiers. Included by vector_kernels.h.
//
// One row is one query head of one token. For every row the keys are visited in blocks of 32 at absolute positions, with
// an online softmax (Milakov and Gimelshein, 2018) inside a split of IK_SPLIT positions, and the splits are folded
// together in order. All of it depends on the row's own position only.

enum { ATTENTION_ROWS = 64, ATTENTION_BLOCK = 32, ATTENTION_DIMENSION = 256 };

typedef struct attention_state {
  float maximum[ATTENTION_ROWS], sum[ATTENTION_ROWS];
  float out[ATTENTION_ROWS][ATTENTION_DIMENSION];
} attention_state;

// Scores of `rows` (at most 4) queries against 32 keys, `keys` as [dimension][32].
INLINE void score_rows(const float *keys, int32_t dimension, const float *const *queries, int rows, float scale, float (*scores)[32]) {
  v16 sums[4][2];
#pragma unroll
  for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = splat(0.0f);
  for (int32_t d = 0; d < dimension; d++) {
    v16 k0 = load(keys + (size_t)d * 32), k1 = load(keys + (size_t)d * 32 + 16);
#pragma unroll
    for (int r = 0; r < rows; r++) {
      v16 q = splat(queries[r][d]);
      sums[r][0] = fma16(q, k0, sums[r][0]);
      sums[r][1] = fma16(q, k1, sums[r][1]);
    }
  }
#pragma unroll
  for (int r = 0; r < rows; r++) {
    store(scores[r], sums[r][0] * scale);
    store(scores[r] + 16, sums[r][1] * scale);
  }
}

// out[r] += sum over keys begin ..< end of weights[r][key] * values[key], for `rows` (at most 4) rows.
INLINE void add_values(
    const float *values, int32_t padded, const float (*weights)[32], int rows, int32_t begin, int32_t end,
    float (*out)[ATTENTION_DIMENSION]
) {
  for (int32_t d = 0; d < padded; d += 16) {
    v16 sums[4];
#pragma unroll
    for (int r = 0; r < rows; r++) sums[r] = load(out[r] + d);
    for (int32_t key = begin; key < end; key++) {
      v16 v = load(values + (size_t)key * padded + d);
#pragma unroll
      for (int r = 0; r < rows; r++) sums[r] = fma16(splat(weights[r][key]), v, sums[r]);
    }
#pragma unroll
    for (int r = 0; r < rows; r++) store(out[r] + d, sums[r]);
  }
}

// Turns the scores of one row into weights and rescales what was summed before. Keys outside begin ..< end get 0.
INLINE void soften(float *scores, int32_t begin, int32_t end, float *maximum, float *sum, float *out, int32_t padded) {
  for (int32_t key = 0; key < begin; key++) scores[key] = -INFINITY;
  for (int32_t key = end; key < 32; key++) scores[key] = -INFINITY;
  v16 s0 = load(scores), s1 = load(scores + 16);
  float highest = max_lanes(max16(s0, s1));
  if (highest < *maximum) highest = *maximum;
  float decay = *maximum == -INFINITY ? 0.0f : exp16(splat(*maximum - highest))[0];
  v16 w0 = exp16(s0 - highest), w1 = exp16(s1 - highest);
  store(scores, w0);
  store(scores + 16, w1);
  *sum = fmaf(*sum, decay, sum_lanes(w0 + w1));
  *maximum = highest;
  if (decay != 1.0f) {
    for (int32_t d = 0; d < padded; d += 16) store(out + d, load(out + d) * decay);
  }
}

INLINE void clear_state(attention_state *state, int32_t rows, int32_t padded) {
  for (int32_t r = 0; r < rows; r++) {
    state->maximum[r] = -INFINITY;
    state->sum[r] = 0;
    memset(state->out[r], 0, (size_t)padded * 4);
  }
}

// Folds a finished split into the total and clears it. A split in which a row saw no key leaves the row as it is: its sum
// is 0, since any key but a broken one adds to it, and a broken one makes it a NaN.
INLINE void fold(attention_state *total, attention_state *split, int32_t rows, int32_t padded) {
  for (int32_t r = 0; r < rows; r++) {
    if (split->sum[r] == 0) continue;
    if (total->sum[r] == 0) {
      total->maximum[r] = split->maximum[r];
      total->sum[r] = split->sum[r];
      memcpy(total->out[r], split->out[r], (size_t)padded * 4);
      continue;
    }
    float highest = total->maximum[r] > split->maximum[r] ? total->maximum[r] : split->maximum[r];
    float a = exp16(splat(total->maximum[r] - highest))[0], b = exp16(splat(split->maximum[r] - highest))[0];
    total->sum[r] = fmaf(total->sum[r], a, split->sum[r] * b);
    for (int32_t d = 0; d < padded; d += 16) {
      store(total->out[r] + d, fma16(load(total->out[r] + d), splat(a), load(split->out[r] + d) * b));
    }
    total->maximum[r] = highest;
  }
  clear_state(split, rows, padded);
}

// `rows` queries of one KV head, of positions first .. last.
static void attend_rows(
    const ik_attention *a, const ik_run *run, int32_t kv_head, int32_t rows, const float *const *queries,
    const int32_t *positions, float *const *results
) {
  const ik_cache *cache = &a->cache;
  int32_t dimension = cache->head_dimension, padded = cache->padded_dimension;
  attention_state total, split;
  float keys[ATTENTION_DIMENSION * 32], values[32 * ATTENTION_DIMENSION], scores[ATTENTION_ROWS][32];
  clear_state(&total, rows, padded);
  clear_state(&split, rows, padded);
  int32_t lowest = positions[0], highest = positions[0];
  for (int32_t r = 1; r < rows; r++) {
    lowest = positions[r] < lowest ? positions[r] : lowest;
    highest = positions[r] > highest ? positions[r] : highest;
  }
  int32_t first = a->window > 0 && lowest - a->window + 1 > 0 ? lowest - a->window + 1 : 0;
  for (int32_t start = first / 32 * 32; start <= highest; start += 32) {
    if (start % IK_SPLIT == 0) fold(&total, &split, rows, padded);
    int32_t block = a->block_table[run->block_start + start / cache->block_size];
    const uint16_t *stored = cache->blocks + (size_t)block * cache->block_stride + (size_t)kv_head * cache->head_stride;
    int32_t present = highest - start + 1 < 32 ? highest - start + 1 : 32;
    for (int32_t i = 0; i < dimension * 32; i += 16) store(keys + i, load_half(stored + i));
    for (int32_t i = 0; i < present * padded; i += 16) store(values + i, load_half(stored + cache->values_offset + i));
    for (int32_t r = 0; r < rows; r += 4) {
      int32_t count = rows - r < 4 ? rows - r : 4;
      if (count == 4) {
        score_rows(keys, dimension, queries + r, 4, a->scale, scores + r);
      } else {
        for (int32_t i = 0; i < count; i++) score_rows(keys, dimension, queries + r + i, 1, a->scale, scores + r + i);
      }
      int32_t begins[4], ends[4];
      bool whole = count == 4;
      for (int32_t i = 0; i < count; i++) {
        int32_t position = positions[r + i];
        begins[i] = a->window > 0 && position - a->window + 1 > start ? position - a->window + 1 - start : 0;
        ends[i] = position - start + 1 < 32 ? position - start + 1 : 32;
        if (begins[i] != 0 || ends[i] != 32) whole = false;
        if (begins[i] < ends[i]) {
          soften(scores[r + i], begins[i], ends[i], &split.maximum[r + i], &split.sum[r + i], split.out[r + i], padded);
        }
      }
      if (whole) {
        add_values(values, padded, (const float(*)[32])scores + r, 4, 0, 32, split.out + r);
      } else {
        for (int32_t i = 0; i < count; i++) {
          add_values(values, padded, (const float(*)[32])scores + r + i, 1, begins[i], ends[i], split.out + r + i);
        }
      }
    }
  }
  fold(&total, &split, rows, padded);
  for (int32_t r = 0; r < rows; r++) {
    float inverse = 1.0f / total.sum[r];
    for (int32_t d = 0; d < dimension; d += 16) store_some(results[r] + d, load(total.out[r] + d) * inverse, dimension - d);
  }
}

static void TIER(attention)(const void *arguments, int32_t begin, int32_t end) {
  const ik_attention *a = arguments;
  const ik_cache *cache = &a->cache;
  int32_t dimension = cache->head_dimension, group = a->heads / cache->kv_heads;
  size_t width = (size_t)(a->heads + 2 * cache->kv_heads) * dimension, out_width = (size_t)a->heads * dimension;
  int32_t index = 0;
  for (int32_t item = begin; item < end; item++) {
    while (index + 1 < a->run_count && a->runs[index + 1].item_start <= item) index++;
    const ik_run *run = &a->runs[index];
    int32_t kv_head = (item - run->item_start) % cache->kv_heads;
    int32_t tile = (item - run->item_start) / cache->kv_heads * IK_QUERY_TILE;
    int32_t tokens = run->token_count - tile < IK_QUERY_TILE ? run->token_count - tile : IK_QUERY_TILE;
    const float *queries[ATTENTION_ROWS];
    float *results[ATTENTION_ROWS];
    int32_t positions[ATTENTION_ROWS], rows = 0;
    for (int32_t member = 0; member < group; member++) {
      int32_t head = kv_head * group + member;
      for (int32_t t = 0; t < tokens; t++) {
        size_t token = (size_t)(run->token_start + tile + t);
        queries[rows] = a->qkv + token * width + (size_t)head * dimension;
        results[rows] = a->out + token * out_width + (size_t)head * dimension;
        positions[rows] = run->first_position + tile + t;
        rows++;
      }
      if (rows + tokens > ATTENTION_ROWS || member + 1 == group) {
        attend_rows(a, run, kv_head, rows, queries, positions, results);
        rows = 0;
      }
    }
  }
}
