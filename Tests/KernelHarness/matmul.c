// Checks of products, of every stored type, and of the largest logits of tiles.
#include "harness.h"
#include <string.h>

// Few rows, and around the sizes of blocks of rows.
static int32_t random_row_count(void) {
  static const int32_t counts[] = {31, 32, 33, 63, 64, 65, 127, 128, 129, 130, 131, 132, 133, 134, 135, 260};
  return one_in(3) ? counts[random_in(0, 15)] : one_in(4) ? random_in(10, 70) : random_in(0, 9);
}

static matmul_case random_case(int32_t size, int32_t rows, int32_t outputs) {
  ik_type type = (ik_type)random_in(IK_F32, IK_Q6_K);
  bool integer = type >= IK_Q8_0, finite = !one_in(8), synthetic = one_in(2);
  int32_t block = block_inputs(type), budget = one_in(8) ? 3000000 : 500000;
  int32_t most = budget * size / (outputs * (rows > 0 ? rows : 1)) / block, cap = 1000 * size / block + 1;
  int32_t inputs = block * random_in(1, most < 1 ? 1 : most > cap ? cap : most);
  matmul_case c = {
      .type = type,
      .inputs = inputs,
      .outputs = outputs,
      .rows = rows,
      .tiles = random_tiles(type, inputs, outputs, finite),
      .out_stride = (size_t)(outputs + (one_in(2) ? 0 : random_in(1, 40))),
      .accumulate = one_in(2),
  };
  float *bias = buffer((size_t)outputs * 4);
  random_rows(bias, 1, outputs, true);
  if (one_in(2)) c.bias = bias;
  float *x = buffer((size_t)(rows * inputs) * 4);
  random_rows(x, rows, inputs, finite);
  c.floats = x;
  if (integer) {
    ik_int8_rows int8 = synthetic ? random_int8_rows(rows, inputs / IK_GROUP) : quantized(x, rows, inputs);
    c.int8 = copy_of(&int8, sizeof int8);
  }
  describe(
      "%s, %d rows, %d inputs, %d outputs, stride %zu%s%s%s%s", type_names[type], rows, inputs, outputs, c.out_stride,
      c.bias ? ", bias" : "", c.accumulate ? ", accumulated" : "", finite ? "" : ", broken input",
      integer && synthetic ? ", random integers" : "");
  return c;
}

static size_t out_count(const matmul_case *c) {
  return c->rows > 0 ? (size_t)(c->rows - 1) * c->out_stride + (size_t)c->outputs : 0;
}

void check_matmul(int32_t size) {
  int32_t rows = random_row_count();
  matmul_case c = random_case(size, rows, random_in(1, rows > 70 ? 40 : 100));
  size_t count = out_count(&c);
  float *initial = buffer(count * 4);
  random_rows(initial, 1, (int32_t)count, true);
  float *expected = copy_of(initial, count * 4);
  plan plan = random_plan((c.outputs + IK_TILE - 1) / IK_TILE);
  for (int32_t t = 0; t < tier_count; t++) {
    float *out = t == 0 ? expected : copy_of(initial, count * 4);
    ik_matmul arguments = matmul_arguments(&c, out);
    set_tier(tiers[t]);
    (t == 0 ? run_whole : run_split)(tiers[t]->matmul, &arguments, &plan);
    compare_floats("out", expected, out, count);
  }
}

// The key of the largest of some logits.
static int32_t key_of_largest(const float *logits, int32_t count) {
  float largest = logits[0];
  for (int32_t i = 0; i < count; i++) {
    if (logits[i] != logits[i]) return INT32_MAX;
    if (logits[i] > largest) largest = logits[i];
  }
  int32_t bits;
  memcpy(&bits, &largest, 4);
  return largest == 0 ? 0 : largest < 0 ? (int32_t)((uint32_t)bits ^ 0x7fffffffu) : bits;
}

void check_logits(int32_t size) {
  static const float special[] = {0.0f, -0.0f, __builtin_nanf(""), -__builtin_nanf(""), __builtin_inff(), -__builtin_inff()};
  matmul_case c = random_case(size, random_in(0, 12), random_in(1, 300));
  int32_t tile_count = (c.outputs + IK_TILE - 1) / IK_TILE;
  size_t count = out_count(&c), key_stride = (size_t)(tile_count + random_in(0, 3));
  size_t key_count = c.rows > 0 ? (size_t)(c.rows - 1) * key_stride + (size_t)tile_count : 0;
  float *initial = buffer(count * 4);
  random_rows(initial, 1, (int32_t)count, true);
  // Whole rows of the same number come about only if that is what the product is added to.
  float number = special[random_in(0, 5)];
  if (c.accumulate && one_in(2)) {
    for (size_t i = 0; i < count; i++) initial[i] = one_in(9) ? special[random_in(0, 5)] : number;
  }
  int32_t *keys = buffer(key_count * 4);
  plan plan = random_plan(tile_count);
  for (int32_t t = 0; t < tier_count; t++) {
    float *out = copy_of(initial, count * 4);
    int32_t *got = copy_of(keys, key_count * 4), *expected = copy_of(keys, key_count * 4);
    ik_logits arguments = logits_arguments(&c, out, tiers[t]->matmul, got, key_stride);
    set_tier(tiers[t]);
    run_split(ik_logits_task, &arguments, &plan);
    for (int32_t row = 0; row < c.rows; row++) {
      for (int32_t tile = plan.begin; tile < plan.end; tile++) {
        int32_t first = tile * IK_TILE, left = c.outputs - first;
        expected[(size_t)row * key_stride + (size_t)tile] =
            key_of_largest(out + (size_t)row * c.out_stride + first, left < IK_TILE ? left : IK_TILE);
      }
    }
    compare_bytes("keys", expected, got, key_count * 4);
  }
}
