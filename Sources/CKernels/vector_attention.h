// Paged attention of the vector tiers. Included by vector_kernels.h.
//
// Keys are visited 32 at a time with an online softmax (Milakov and Gimelshein, 2018) inside a split, and the splits are
// folded together in order. The steps of a row depend on its own position only. Many rows go through a block of keys
// together: those of the query heads that share a KV head, for all tokens of a tile. What is done with a block is in
// vector_attention_float.h and, for caches of 16-bit integers, in vector_attention_int16.h.

enum { ATTENTION_ROWS = 64 };

typedef struct attention_rows {
  int32_t count;
  const float *queries[ATTENTION_ROWS];
  int32_t positions[ATTENTION_ROWS];
  ik_partial *states[ATTENTION_ROWS];
  const uint8_t *after;      // one KV head's part of the block that is read after the last one of a split
  // For a cache of 16-bit integers: the queries as such, two in each, and what makes their products scores.
  int32_t pairs[ATTENTION_ROWS][IK_MAXIMUM_HEAD_DIMENSION / 2];
  float factors[ATTENTION_ROWS];
} attention_rows;

// Where the 32 positions from a multiple of 32 on are: sixteen in each of two places, the first of them at `slots`.
typedef struct cached_positions {
  const uint8_t *heads[2];   // one KV head's part of the blocks
  int32_t slots[2];
} cached_positions;

INLINE v16 soft_capped(v16 scores, float cap) {
  return cap * (1.0f - 2.0f / (exp16(scores * (2.0f / cap)) + 1.0f));
}

// Which lanes of a vector whose first lane is key `first` are among begin ..< end.
INLINE v16i lanes_among(int32_t first, int32_t begin, int32_t end) {
  const v16i lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  v16i keys = lanes + first;
  return (keys >= begin) & (keys < end);
}

// Keeps these lanes; the others become -infinity.
INLINE v16 visible(v16 scores, int32_t first, int32_t begin, int32_t end) {
  return select16(lanes_among(first, begin, end), scores, splat(-INFINITY));
}

// What is subtracted from scores: their maximum, and something finite if there is none.
INLINE v16 finite_maximum(v16 maximum) { return select16(maximum == -INFINITY, splat(0.0f), maximum); }

INLINE void clear_state(ik_partial *state, int32_t padded) {
  state->maximum = -INFINITY;
  store(state->sums, splat(0.0f));
  for (int32_t d = 0; d < padded; d += 16) store(state->out + d, splat(0.0f));
}

// Folds a split into the total. A split of which a row saw no key leaves the row as it is; one in which all scores were
// NaN has no maximum either, but a sum. Maxima of caches of 16-bit integers are logarithms to the base 2.
INLINE void fold(ik_cache_type type, ik_partial *total, const ik_partial *split, int32_t padded) {
  if (split->maximum == -INFINITY && sum_lanes(load(split->sums)) == 0) return;
  v16 both = finite_maximum(splat(total->maximum > split->maximum ? total->maximum : split->maximum));
  bool binary = type == IK_CACHE_INT16;
  v16 a = binary ? exp2_16(total->maximum - both, 0) : exp16(total->maximum - both);
  v16 b = binary ? exp2_16(split->maximum - both, 0) : exp16(split->maximum - both);
  store(total->sums, fma16(load(total->sums), a, load(split->sums) * b));
  for (int32_t d = 0; d < padded; d += 16) {
    store(total->out + d, fma16(load(total->out + d), a, load(split->out + d) * b));
  }
  total->maximum = both[0];
}

INLINE void finish(const ik_partial *total, int32_t dimension, float *result) {
  float inverse = 1.0f / sum_lanes(load(total->sums));
  for (int32_t d = 0; d < dimension; d += 16) store_some(result + d, load(total->out + d) * inverse, dimension - d);
}

// CASE of each number of rows below ATTENTION_GROUP.
#if ATTENTION_GROUP == 8
#define CASES_OF_ROWS(CASE) CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
#elif ATTENTION_GROUP == 2
#define CASES_OF_ROWS(CASE) CASE(1)
#else
#error "attention has no cases for groups of this many rows"
#endif

// One KV head's part of the block that holds `position`.
INLINE const uint8_t *cached_head(const ik_attention *a, const ik_run *run, int32_t kv_head, int32_t position) {
  int32_t number = a->block_table[run->block_start + position / a->cache.block_size];
  return a->cache.blocks + (size_t)number * a->cache.block_stride + (size_t)kv_head * a->cache.head_stride;
}

// The 32 positions from `start` on. Where blocks have sixteen, one that has none of begin ..< end may not be there any more,
// or not yet: the other one stands for it.
INLINE cached_positions positions_at(
    const ik_attention *a, const ik_run *run, int32_t kv_head, int32_t start, int32_t begin, int32_t end
) {
  int32_t size = a->cache.block_size, first = size == 16 && begin >= start + 16 ? start + 16 : start;
  int32_t second = size == 16 && end <= start + 16 ? start : start + 16;
  return (cached_positions){
      {cached_head(a, run, kv_head, first), cached_head(a, run, kv_head, second)}, {first % size, second % size}};
}

// Clears the rows' states, and finds which positions of a split any of them sees.
INLINE void begin_split(const ik_attention *a, const attention_rows *rows, int32_t split, int32_t *begin, int32_t *end) {
  int32_t lowest = INT32_MAX, highest = 0;
  for (int32_t r = 0; r < rows->count; r++) {
    clear_state(rows->states[r], a->cache.padded_dimension);
    int32_t position = rows->positions[r];
    lowest = position < lowest ? position : lowest;
    highest = position > highest ? position : highest;
  }
  *begin = split * IK_SPLIT;
  *end = highest + 1 < *begin + IK_SPLIT ? highest + 1 : *begin + IK_SPLIT;
  if (a->window > 0 && lowest - a->window + 1 > *begin) *begin = lowest - a->window + 1;
}

// Which of the 32 positions from `start` on each row sees: begins[r] ..< ends[r].
INLINE void see_positions(const ik_attention *a, const attention_rows *rows, int32_t start, int32_t *begins, int32_t *ends) {
  for (int32_t r = 0; r < rows->count; r++) {
    int32_t from = a->window > 0 ? rows->positions[r] - a->window + 1 - start : 0, to = rows->positions[r] + 1 - start;
    begins[r] = from < 0 ? 0 : from > 32 ? 32 : from;
    ends[r] = to < 0 ? 0 : to > 32 ? 32 : to;
  }
}

// One KV head's part of the block with the 32 positions that are read after those from `start` on. It may come from far away:
// here its scales are asked for, and while products are computed its keys and values.
INLINE const uint8_t *ask_for_next(
    const ik_attention *a, const ik_run *run, int32_t kv_head, const attention_rows *rows, int32_t start, int32_t end
) {
  const uint8_t *next = start + 32 < end ? cached_head(a, run, kv_head, start + 32) : rows->after;
  const uint8_t *keys = next + a->cache.scales_offset, *values = keys + 4 * (size_t)a->cache.block_size;
  if (a->cache.type == IK_CACHE_INT16 || a->cache.type == IK_CACHE_INT8) {
    __builtin_prefetch(keys, 0, 2);
    __builtin_prefetch(keys + 64, 0, 2);
    __builtin_prefetch(values, 0, 2);
    __builtin_prefetch(values + 64, 0, 2);
  }
  return next;
}

#include "vector_attention_float.h"
#include "vector_attention_int16.h"

static void attend(
    const ik_attention *a, const ik_run *run, int32_t kv_head, const attention_rows *rows, int32_t split
) {
  switch (a->cache.type) {
  case IK_CACHE_INT16: attend_int16(a, run, kv_head, rows, split); break;
  case IK_CACHE_F16: attend_f16(a, run, kv_head, rows, split); break;
  case IK_CACHE_BF16: attend_bf16(a, run, kv_head, rows, split); break;
  case IK_CACHE_INT8: attend_int8(a, run, kv_head, rows, split); break;
  }
}

// All splits of a set of rows, one after another; the results go to `results`. `after` is what is read next.
static void attend_all(
    const ik_attention *a, const ik_run *run, int32_t kv_head, attention_rows *rows, float *const *results, const uint8_t *after
) {
  int32_t padded = a->cache.padded_dimension, lowest = rows->positions[0], highest = rows->positions[0];
  _Alignas(64) ik_partial totals[ATTENTION_ROWS], splits[ATTENTION_ROWS];
  for (int32_t r = 0; r < rows->count; r++) {
    lowest = rows->positions[r] < lowest ? rows->positions[r] : lowest;
    highest = rows->positions[r] > highest ? rows->positions[r] : highest;
    clear_state(&totals[r], padded);
  }
  int32_t first = a->window > 0 && lowest - a->window + 1 > 0 ? (lowest - a->window + 1) / IK_SPLIT : 0;
  if (a->cache.type == IK_CACHE_INT16) quantize_queries(a, rows);
  for (int32_t split = first, last = ik_splits(highest + 1) - 1; split <= last; split++) {
    rows->after = split < last ? cached_head(a, run, kv_head, (split + 1) * IK_SPLIT) : after;
    // Of 16-bit integers the first split is the total: to fold it into an empty one changes nothing. In the others a zero may
    // have a sign, which is lost by that.
    bool is_total = split == first && a->cache.type == IK_CACHE_INT16;
    for (int32_t r = 0; r < rows->count; r++) rows->states[r] = is_total ? &totals[r] : &splits[r];
    attend(a, run, kv_head, rows, split);
    for (int32_t r = 0; r < rows->count && !is_total; r++) fold(a->cache.type, &totals[r], &splits[r], padded);
  }
  for (int32_t r = 0; r < rows->count; r++) finish(&totals[r], a->cache.head_dimension, results[r]);
}

static void attend_tile(const ik_attention *a, const ik_run *run, int32_t kv_head, int32_t tile, const uint8_t *after) {
  int32_t dimension = a->cache.head_dimension, group = a->heads / a->cache.kv_heads;
  size_t width = (size_t)(a->heads + 2 * a->cache.kv_heads) * dimension, out_width = (size_t)a->heads * dimension;
  int32_t end = tile + IK_QUERY_TILE < run->token_count ? tile + IK_QUERY_TILE : run->token_count;
  attention_rows rows;
  float *results[ATTENTION_ROWS];
  rows.count = 0;
  for (int32_t t = tile; t < end; t++) {
    size_t token = (size_t)(run->token_start + t);
    for (int32_t head = kv_head * group; head < (kv_head + 1) * group; head++) {
      rows.queries[rows.count] = a->qkv + token * width + (size_t)head * dimension;
      rows.positions[rows.count] = run->first_position + t;
      results[rows.count++] = a->out + token * out_width + (size_t)head * dimension;
      if (rows.count == ATTENTION_ROWS || (t + 1 == end && head + 1 == (kv_head + 1) * group)) {
        attend_all(a, run, kv_head, &rows, results, after);
        rows.count = 0;
      }
    }
  }
}

static void attend_partial(
    const ik_attention *a, const ik_run *run, int32_t kv_head, int32_t split, const uint8_t *after
) {
  int32_t dimension = a->cache.head_dimension, group = a->heads / a->cache.kv_heads;
  const float *queries = a->qkv + (size_t)run->token_start * (size_t)(a->heads + 2 * a->cache.kv_heads) * dimension;
  ik_partial *partials = a->partials + run->partial_start + (size_t)split * a->heads;
  attention_rows rows;
  rows.count = 0;
  rows.after = after;
  for (int32_t head = kv_head * group; head < (kv_head + 1) * group; head++) {
    rows.queries[rows.count] = queries + (size_t)head * dimension;
    rows.positions[rows.count] = run->first_position;
    rows.states[rows.count++] = partials + head;
    if (rows.count == ATTENTION_ROWS || head + 1 == (kv_head + 1) * group) {
      if (a->cache.type == IK_CACHE_INT16) quantize_queries(a, &rows);
      attend(a, run, kv_head, &rows, split);
      rows.count = 0;
    }
  }
}

// What an item computes.
typedef struct attention_part {
  const ik_run *run;
  int32_t kv_head, part;
} attention_part;

// The part of an item. `index` is that of the run of an item before it, or 0.
INLINE attention_part part_of(const ik_attention *a, int32_t item, int32_t index) {
  while (index + 1 < a->run_count && a->runs[index + 1].item_start <= item) index++;
  const ik_run *run = &a->runs[index];
  item -= run->item_start;
  return (attention_part){run, item % a->cache.kv_heads, item / a->cache.kv_heads};
}

// Where the keys begin that a part reads.
INLINE const uint8_t *first_head(const ik_attention *a, const attention_part *p) {
  bool partial = p->run->partial_start >= 0;
  int32_t lowest = p->run->first_position + (partial ? 0 : ik_query_tile(p->run, p->part));
  int32_t begin = partial ? p->part * IK_SPLIT : 0, seen = a->window > 0 ? lowest - a->window + 1 : 0;
  return cached_head(a, p->run, p->kv_head, seen > begin ? seen : begin);
}

static void TIER(attention)(const void *arguments, int32_t begin, int32_t end) {
  const ik_attention *a = arguments;
  attention_part part = part_of(a, begin, 0);
  for (int32_t item = begin; item < end; item++) {
    attention_part next = item + 1 < end ? part_of(a, item + 1, (int32_t)(part.run - a->runs)) : part;
    const uint8_t *after = first_head(a, &next);
    if (part.run->partial_start >= 0) {
      attend_partial(a, part.run, part.kv_head, part.part, after);
    } else {
      attend_tile(a, part.run, part.kv_head, ik_query_tile(part.run, part.part), after);
    }
    part = next;
  }
}

static void TIER(fold_partials)(const void *arguments, int32_t begin, int32_t end) {
  const ik_attention *a = arguments;
  int32_t dimension = a->cache.head_dimension, padded = a->cache.padded_dimension;
  for (int32_t index = begin; index < end; index++) {
    const ik_run *run = &a->runs[index];
    if (run->partial_start < 0) continue;
    for (int32_t head = 0; head < a->heads; head++) {
      ik_partial total;
      clear_state(&total, padded);
      for (int32_t split = 0; split < ik_splits(run->first_position + 1); split++) {
        fold(a->cache.type, &total, a->partials + run->partial_start + (size_t)split * a->heads + head, padded);
      }
      finish(&total, dimension, a->out + ((size_t)run->token_start * a->heads + head) * dimension);
    }
  }
}
