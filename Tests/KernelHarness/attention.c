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

void check_attention(int32_t size) {
  static const int32_t dimensions[] = {16, 17, 32, 40, 64, 64, 80, 96, 100, 128, 128, 256};
  int32_t dimension = one_in(6) ? random_in(1, 256) : dimensions[random_in(0, 11)];
  int32_t kv_heads = random_in(1, 4), heads = kv_heads * (one_in(2) ? random_in(1, 4) : random_in(1, 16));
  int32_t run_count = random_in(1, 5);
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
  int32_t tokens = 0, table_count = 0, items = 0;
  // Work left, in products of a query and a key's element.
  int64_t budget = (int64_t)3000000 * size;
  for (int32_t r = 0; r < run_count; r++) {
    int32_t count = one_in(3) ? 1 : one_in(6) ? random_in(1, 70) : random_in(1, 20);
    int32_t limit = (int32_t)(budget / run_count / (heads * dimension) / count);
    int32_t first = random_first_position(size, limit < 2100 ? limit : 2100);
    runs[r] = (ik_run){
        .token_start = tokens, .token_count = count, .first_position = first, .block_start = table_count, .item_start = items};
    tokens += count;
    table_count += (first + count + 31) / 32;
    items += ik_attention_items(count, kv_heads);
  }
  int32_t window = one_in(3) ? (one_in(2) ? random_in(1, 70) : random_in(1, 1200)) : 0;
  describe(
      "%d runs, %d tokens, first run at %d with %d tokens, heads %d/%d of %d, window %d%s", run_count, tokens,
      runs[0].first_position, runs[0].token_count, heads, kv_heads, dimension, window, broken ? ", broken input" : "");

  int32_t *table = buffer((size_t)table_count * 4);
  for (int32_t i = 0; i < table_count; i++) table[i] = i;
  for (int32_t i = table_count - 1; i > 0; i--) {
    int32_t j = random_in(0, i), block = table[i];
    table[i] = table[j];
    table[j] = block;
  }
  ik_cache cache = new_cache(table_count, kv_heads, dimension, broken && one_in(2));
  // Nothing that no query sees may matter: positions past a run's last and before the windows, and padding.
  for (int32_t r = 0; r < run_count; r++) {
    int32_t end = runs[r].first_position + runs[r].token_count;
    int32_t seen = window > 0 ? runs[r].first_position - window + 1 : 0;
    // Broken keys from the border of a split on.
    int32_t broken_from = broken && one_in(2) ? IK_SPLIT * random_in(0, end / IK_SPLIT) : end;
    for (int32_t start = 0; start < end; start += 32) {
      int32_t block = table[runs[r].block_start + start / 32];
      bool whole = start + 32 <= seen || start >= broken_from;
      spoil_block(&cache, block, whole ? 0 : end - start < 32 ? end - start : 32);
    }
  }
  float *qkv = buffer((size_t)(tokens * width) * 4);
  for (int32_t i = 0; i < tokens * width; i++) qkv[i] = random_float(-3, 3);
  if (broken && one_in(2)) random_rows(qkv, tokens, width, false);

  attention_case c = {
      .qkv = qkv,
      .heads = heads,
      .scale = one_in(2) ? 1 / sqrtf((float)dimension) : random_float(0.01f, 2),
      .window = window,
      .runs = runs,
      .run_count = run_count,
      .block_table = table,
  };
  size_t out_count = (size_t)(tokens * heads * dimension);
  float *initial = buffer(out_count * 4), *expected = copy_of(initial, out_count * 4);
  plan plan = random_plan(items);
  for (int32_t t = 0; t < tier_count; t++) {
    float *out = t == 0 ? expected : copy_of(initial, out_count * 4);
    ik_attention arguments = attention_arguments(&c, &cache, out);
    set_tier(tiers[t]);
    (t == 0 ? run_whole : run_split)(tiers[t]->attention, &arguments, &plan);
    compare_floats("out", expected, out, out_count);
  }
}
