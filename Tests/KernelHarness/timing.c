// Times one kernel on one thread, for those who change it: GOPS of a product, and what attention takes (scripts/check-kernels.sh
// --time). Each tier is run for about a second. The number at the end of a line is a hash of the results: it must not change when
// the kernel becomes faster, and is the same for all tiers.
#include "harness.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// The shortest and the middle one of many runs of a task.
typedef struct durations {
  double least, median;
} durations;

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static durations time_task(ik_task task, const void *arguments, int32_t items) {
  enum { MOST = 10000 };
  static double taken[MOST];
  int32_t count = 0;
  double end = seconds() + 1;
  while (count < 3 || (count < MOST && seconds() < end)) {
    double start = seconds();
    task(arguments, 0, items);
    taken[count++] = seconds() - start;
  }
  qsort(taken, (size_t)count, sizeof *taken, ascending);
  return (durations){taken[0], taken[count / 2]};
}

static uint32_t hash_of(const float *values, size_t count) {
  uint32_t hash = 2166136261u, bits;
  for (size_t i = 0; i < count; i++) {
    memcpy(&bits, values + i, 4);
    hash = (hash ^ bits) * 16777619u;
  }
  return hash;
}

// About normally distributed.
static float *normal_rows(int32_t rows, int32_t columns) {
  size_t count = (size_t)rows * (size_t)columns;
  float *x = buffer(count * 4);
  for (size_t i = 0; i < count; i++) {
    x[i] = 0;
    for (int32_t j = 0; j < 6; j++) x[i] += random_float(-1, 1);
  }
  return x;
}

// Tiles for `outputs` rows, all of them alike.
static uint8_t *equal_tiles(ik_type type, int32_t inputs, int32_t outputs) {
  size_t size = ik_tile_bytes(type, inputs), count = (size_t)(outputs + IK_TILE - 1) / IK_TILE;
  uint8_t *tile = random_tiles(type, inputs, IK_TILE, true), *tiles = buffer(size * count);
  for (size_t i = 0; i < count; i++) memcpy(tiles + i * size, tile, size);
  return tiles;
}

static int time_product(const char *type_name, int32_t inputs, int32_t outputs, int32_t rows) {
  int32_t type = 0;
  while (type < 11 && strcmp(type_names[type], type_name) != 0) type++;
  if (type == 11 || inputs < 1 || inputs % block_inputs((ik_type)type) != 0 || outputs < 1 || rows < 1) {
    fprintf(
        stderr, "kernel-harness: no product of %d rows with %d inputs and %d outputs of %s: INPUTS is a multiple of the type's block, "
                "TYPE one of",
        rows, inputs, outputs, type_name);
    for (int32_t i = 0; i < 11; i++) fprintf(stderr, " %s", type_names[i]);
    fprintf(stderr, "\n");
    return 2;
  }
  float *x = normal_rows(rows, inputs);
  matmul_case c = {.type = (ik_type)type, .inputs = inputs, .outputs = outputs, .rows = rows, .floats = x};
  ik_int8_rows int8;
  ik_bfloat_rows bfloat;
  if (type >= IK_Q8_0) int8 = quantized(x, rows, inputs), c.int8 = &int8;
  if (type == IK_BF16) bfloat = rounded(x, rows, inputs), c.bfloat = &bfloat;
  c.tiles = equal_tiles(c.type, inputs, outputs);
  c.out_stride = (size_t)outputs;
  float *out = buffer((size_t)rows * c.out_stride * 4);
  ik_matmul arguments = matmul_arguments(&c, out);
  double operations = 2.0 * rows * inputs * outputs, bytes = (double)arguments.tile_bytes * ((outputs + IK_TILE - 1) / IK_TILE);
  for (int32_t t = 1; t < tier_count; t++) {
    durations d = time_task(tiers[t]->matmul, &arguments, ik_matmul_items(&arguments));
    printf(
        "%-12s %7.1f GOPS, median %7.1f; weights at %5.1f GB/s; %08x\n", tiers[t]->name, operations / d.least * 1e-9,
        operations / d.median * 1e-9, bytes / d.median * 1e-9, hash_of(out, (size_t)rows * c.out_stride));
  }
  return 0;
}

static int time_attention(int32_t heads, int32_t kv_heads, int32_t dimension, int32_t past, int32_t tokens, int32_t sequences) {
  if (kv_heads < 1 || heads < kv_heads || heads % kv_heads != 0 || dimension < 1 || dimension > IK_MAXIMUM_HEAD_DIMENSION ||
      past < 0 || tokens < 1 || sequences < 1) {
    fprintf(
        stderr, "kernel-harness: attention needs HEADS that are a multiple of KV_HEADS, a DIMENSION from 1 to %d, PAST from 0 on, and "
                "TOKENS and SEQUENCES from 1 on\n",
        IK_MAXIMUM_HEAD_DIMENSION);
    return 2;
  }
  enum { BLOCK = 32 };
  int32_t of_sequence = (past + tokens + BLOCK - 1) / BLOCK, items = 0;
  ik_cache cache = new_cache(IK_CACHE_INT16, BLOCK, of_sequence * sequences, kv_heads, dimension, false);
  cache.asks_near = ik_asks_near();
  ik_run *runs = buffer((size_t)sequences * sizeof *runs);
  int32_t *table = buffer((size_t)(of_sequence * sequences) * 4);
  for (int32_t i = 0; i < of_sequence * sequences; i++) table[i] = i;
  for (int32_t s = 0; s < sequences; s++) {
    runs[s] = (ik_run){
        .token_start = s * tokens, .token_count = tokens, .first_position = past, .block_start = s * of_sequence,
        .item_start = items, .partial_start = -1};
    items += ik_attention_items(tokens, past, false, kv_heads);
  }
  attention_case c = {
      .qkv = normal_rows(sequences * tokens, (heads + 2 * kv_heads) * dimension),
      .heads = heads,
      .scale = 1 / sqrtf((float)dimension),
      .runs = runs,
      .run_count = sequences,
      .block_table = table,
  };
  size_t out_count = (size_t)(sequences * tokens) * (size_t)(heads * dimension);
  float *out = buffer(out_count * 4);
  ik_attention arguments = attention_arguments(&c, &cache, NULL, out);
  double bytes = (double)cache.block_stride * of_sequence * sequences;
  for (int32_t t = 1; t < tier_count; t++) {
    durations d = time_task(tiers[t]->attention, &arguments, items);
    printf(
        "%-12s %9.1f us, median %9.1f; the cache once in that time is %5.1f GB/s; %08x\n", tiers[t]->name, d.least * 1e6,
        d.median * 1e6, bytes / d.median * 1e-9, hash_of(out, out_count));
  }
  return 0;
}

int time_kernel(int count, char **words) {
  int32_t numbers[6] = {0};
  if (count == 5 && strcmp(words[0], "product") == 0) {
    for (int i = 0; i < 3; i++) numbers[i] = atoi(words[2 + i]);
    return time_product(words[1], numbers[0], numbers[1], numbers[2]);
  }
  if (count == 7 && strcmp(words[0], "attention") == 0) {
    for (int i = 0; i < 6; i++) numbers[i] = atoi(words[1 + i]);
    return time_attention(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]);
  }
  fprintf(
      stderr, "kernel-harness: --time product TYPE INPUTS OUTPUTS ROWS, or\n"
              "                --time attention HEADS KV_HEADS DIMENSION PAST TOKENS SEQUENCES\n");
  return 2;
}
