// Check of attention.
#include "harness.h"
#include <math.h>

// The first position of a run of `count` tokens: often near the borders of blocks and splits.
static int32_t random_first_position(int32_t size, int32_t limit) {
  int32_t position = 0;
  switch (random_in(0, 5)) {
  case 0: position = 0; break;
  case 1: position = random_in(0, 40); break;
  case 2: position = IK_SPLIT * random_in(1, 1 + size) + random_in(-12, 3); break;
  case 3: position = 32 * random_in(1, 10 * size) + random_in(-3, 3); break;
  default: position = random_in(0, one_in(2) ? 400 : 1200 + 400 * size); break;
  }
  return position < limit ? position : random_in(0, limit);
}

// Runs that together take about `budget` products of a query's and a key's element; `heads` and `dimension` are those of
// the queries. A run's blocks come after those of the run before it.
static void fill_runs(ik_run *runs, int32_t count, int32_t size, int32_t heads, int32_t dimension, int64_t budget, int32_t block_size) {
  int32_t tokens = 0, blocks = 0;
  for (int32_t r = 0; r < count; r++) {
    int32_t length = one_in(3) ? 1 : one_in(6) ? random_in(1, 70) : random_in(1, 36);
    int32_t limit = (int32_t)(budget / count / (heads * dimension) / length);
    int32_t first = random_first_position(size, limit < 2100 ? limit : 2100);
    runs[r] = (ik_run){.token_start = tokens, .token_count = length, .first_position = first, .block_start = blocks};
    tokens += length;
    blocks += (first + length + block_size - 1) / block_size;
  }
}

// Lets some runs of one token have partial results, or none. Returns the number of work items.
static int32_t divide_runs(ik_run *runs, int32_t count, int32_t heads, int32_t kv_heads, bool partial, size_t *partial_count) {
  int32_t items = 0;
  *partial_count = 0;
  for (int32_t r = 0; r < count; r++) {
    bool divided = partial && runs[r].token_count == 1 && !one_in(4);
    runs[r].partial_start = divided ? (int32_t)*partial_count : -1;
    runs[r].item_start = items;
    items += ik_attention_items(runs[r].token_count, runs[r].first_position, divided, kv_heads);
    if (divided) *partial_count += (size_t)(ik_splits(runs[r].first_position + 1) * heads);
  }
  return items;
}

static int32_t *shuffled(int32_t count) {
  int32_t *table = buffer((size_t)count * 4);
  for (int32_t i = 0; i < count; i++) table[i] = i;
  for (int32_t i = count - 1; i > 0; i--) {
    int32_t j = random_in(0, i), other = table[i];
    table[i] = table[j];
    table[j] = other;
  }
  return table;
}

// Nothing that no query sees may matter: positions past a run's last and before the windows, and padding.
static void spoil_unseen(const attention_case *c, const ik_cache *cache, bool broken) {
  for (int32_t r = 0; r < c->run_count; r++) {
    const ik_run *run = &c->runs[r];
    int32_t end = run->first_position + run->token_count;
    int32_t seen = c->window > 0 ? run->first_position - c->window + 1 : 0;
    // Broken keys from the border of a split on.
    int32_t broken_from = broken && one_in(2) ? IK_SPLIT * random_in(0, end / IK_SPLIT) : end;
    for (int32_t start = 0; start < end; start += cache->block_size) {
      int32_t block = c->block_table[run->block_start + start / cache->block_size];
      bool whole = start + cache->block_size <= seen || start >= broken_from;
      spoil_block(cache, block, whole ? 0 : end - start < cache->block_size ? end - start : cache->block_size);
    }
  }
}

// Of a row that is not a number only that is compared: nothing else of it reaches the result.
static void compare_partials(const ik_partial *expected, const ik_partial *got, size_t count, int32_t dimension) {
  for (size_t i = 0; i < count; i++) {
    float sums[2] = {0, 0};
    for (int32_t j = 0; j < 16; j++) {
      sums[0] += expected[i].sums[j];
      sums[1] += got[i].sums[j];
    }
    if (sums[0] != sums[0] && sums[1] != sums[1]) continue;
    compare_floats("maximum", &expected[i].maximum, &got[i].maximum, 1);
    compare_floats("sums", expected[i].sums, got[i].sums, 16);
    compare_floats("partial out", expected[i].out, got[i].out, (size_t)dimension);
  }
}

// What a tier makes of a case. Partial results are folded only if all are there.
static void run_attention(const ik_kernels *tier, bool split, ik_attention *arguments, const plan *items, const plan *runs) {
  set_tier(tier);
  (split ? run_split : run_whole)(tier->attention, arguments, items);
  if (runs) (split ? run_split : run_whole)(tier->fold_partials, arguments, runs);
}

void check_attention(int32_t size) {
  static const int32_t dimensions[] = {16, 17, 32, 40, 64, 64, 80, 96, 100, 128, 128, 256};
  int32_t dimension = one_in(6) ? random_in(1, 256) : dimensions[random_in(0, 11)];
  int32_t kv_heads = random_in(1, 4), heads = kv_heads * (one_in(2) ? random_in(1, 4) : random_in(1, 16));
  int32_t run_count = random_in(1, 5), block_size = 16 << random_in(0, 2);
  ik_cache_type type = (ik_cache_type)random_in(IK_CACHE_INT16, IK_CACHE_INT8);
  bool broken = one_in(3);
  if (one_in(2)) {
    // Little else, so that there may be many positions.
    kv_heads = 1;
    heads = random_in(1, 3);
    dimension = one_in(2) ? 16 : random_in(1, 40);
    run_count = random_in(1, 2);
  }
  int32_t width = (heads + 2 * kv_heads) * dimension;

  ik_run *runs = buffer((size_t)run_count * sizeof(ik_run));
  fill_runs(runs, run_count, size, heads, dimension, (int64_t)3000000 * size, block_size);
  size_t partial_count;
  int32_t items = divide_runs(runs, run_count, heads, kv_heads, one_in(2), &partial_count);
  const ik_run *last = &runs[run_count - 1];
  int32_t tokens = last->token_start + last->token_count;
  int32_t blocks = last->block_start + (last->first_position + last->token_count + block_size - 1) / block_size;
  float *qkv = buffer((size_t)(tokens * width) * 4);
  for (int32_t i = 0; i < tokens * width; i++) qkv[i] = random_float(-3, 3);
  if (broken && one_in(2)) random_rows(qkv, tokens, width, false);
  attention_case c = {
      .qkv = qkv,
      .heads = heads,
      .scale = one_in(2) ? 1 / sqrtf((float)dimension) : random_float(0.01f, 2),
      .soft_cap = one_in(3) ? random_float(0.5f, 60) : 0,
      .window = one_in(3) ? (one_in(2) ? random_in(1, 70) : random_in(1, 1200)) : 0,
      .runs = runs,
      .run_count = run_count,
      .block_table = shuffled(blocks),
  };
  describe(
      "%d runs, %d tokens, first run at %d with %d tokens, heads %d/%d of %d, cache %d with blocks of %d, window %d, "
      "soft cap %g, %zu partial results%s",
      run_count, tokens, runs[0].first_position, runs[0].token_count, heads, kv_heads, dimension, type, block_size,
      c.window, (double)c.soft_cap, partial_count, broken ? ", broken input" : "");
  ik_cache cache = new_cache(type, block_size, blocks, kv_heads, dimension, broken && one_in(2));
  spoil_unseen(&c, &cache, broken);

  size_t out_count = (size_t)(tokens * heads * dimension);
  float *initial = buffer(out_count * 4), *expected = copy_of(initial, out_count * 4);
  ik_partial *partials = buffer(partial_count * sizeof(ik_partial)), *expected_partials = NULL;
  plan plan = random_plan(items), fold_plan = random_plan(run_count);
  bool whole = partial_count > 0;
  if (whole) {
    plan.begin = fold_plan.begin = plan.cut_count = 0;
    plan.end = items;
    fold_plan.end = run_count;
  }
  for (int32_t t = 0; t < tier_count; t++) {
    float *out = t == 0 ? expected : copy_of(initial, out_count * 4);
    ik_partial *got = copy_of(partials, partial_count * sizeof(ik_partial));
    if (t == 0) expected_partials = got;
    ik_attention arguments = attention_arguments(&c, &cache, got, out);
    run_attention(tiers[t], t > 0, &arguments, &plan, whole ? &fold_plan : NULL);
    compare_floats("out", expected, out, out_count);
    compare_partials(expected_partials, got, partial_count, dimension);
  }
  if (!whole) return;
  // The same without partial results.
  float *out = copy_of(initial, out_count * 4);
  plan.end = divide_runs(runs, run_count, heads, kv_heads, false, &partial_count);
  ik_attention arguments = attention_arguments(&c, &cache, NULL, out);
  run_attention(tiers[0], false, &arguments, &plan, NULL);
  compare_floats("undivided", expected, out, out_count);
}
