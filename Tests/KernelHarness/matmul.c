// Checks of products, of every stored type, of gated ones, and of the largest logits of tiles.
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
  // Some have more inputs than a span, so that tiles take turns.
  bool is_long = one_in(10);
  int32_t block = block_inputs(type), budget = is_long ? 20000000 : one_in(8) ? 3000000 : 500000;
  int32_t most = budget * size / (outputs * (rows > 0 ? rows : 1)) / block, cap = (is_long ? 4000 : 1000) * size / block + 1;
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
  // Gated products may have weights of both kinds.
  ik_bfloat_rows bfloat = synthetic ? random_bfloat_rows(rows, inputs, finite) : rounded(x, rows, inputs);
  c.bfloat = copy_of(&bfloat, sizeof bfloat);
  describe(
      "%s, %d rows, %d inputs, %d outputs, stride %zu%s%s%s%s", type_names[type], rows, inputs, outputs, c.out_stride,
      c.bias ? ", bias" : "", c.accumulate ? ", accumulated" : "", finite ? "" : ", broken input",
      type >= IK_BF16 && synthetic ? ", random activations" : "");
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
  ik_matmul whole = matmul_arguments(&c, expected);
  plan plan = random_plan(ik_matmul_items(&whole));
  for (int32_t t = 0; t < tier_count; t++) {
    float *out = t == 0 ? expected : copy_of(initial, count * 4);
    ik_matmul arguments = matmul_arguments(&c, out);
    set_tier(tiers[t]);
    (t == 0 ? run_whole : run_split)(tiers[t]->matmul, &arguments, &plan);
    compare_floats("out", expected, out, count);
  }
}

// The gated product against the same done in three steps by the scalar twin: two products and the gate.
void check_gated(int32_t size) {
  int32_t rows = random_row_count(), columns = random_in(1, rows > 70 ? 40 : 100);
  matmul_case gate = random_case(size, rows, columns), up = random_case(size, rows, columns);
  // Both take the same rows; their types may differ.
  while (up.inputs != gate.inputs || (up.int8 != NULL) != (gate.int8 != NULL)) {
    up = gate;
    up.tiles = random_tiles(up.type, up.inputs, columns, true);
  }
  up.int8 = gate.int8;
  up.bfloat = gate.bfloat;
  up.floats = gate.floats;
  gate.accumulate = up.accumulate = false;
  size_t out_stride = (size_t)(columns + (one_in(2) ? 0 : random_in(1, 40))), both_stride = 2 * (size_t)columns;
  size_t count = rows > 0 ? (size_t)(rows - 1) * out_stride + (size_t)columns : 0;
  float *initial = buffer(count * 4), *expected = copy_of(initial, count * 4), *both = buffer((size_t)rows * both_stride * 4);
  gate.out_stride = up.out_stride = both_stride;
  ik_matmul products[] = {matmul_arguments(&gate, both), matmul_arguments(&up, both + columns)};
  plan plan = random_plan(ik_matmul_items(&products[0]));
  for (int32_t t = 0; t < tier_count; t++) {
    float *got = copy_of(initial, count * 4);
    set_tier(tiers[t]);
    if (t == 0) {
      for (int i = 0; i < 2; i++) tiers[0]->matmul(&products[i], 0, ik_matmul_items(&products[i]));
      ik_silu_gate activation = gate_arguments(both, columns, got, out_stride);
      tiers[0]->silu_gate(&activation, 0, rows);
      // Only what the plan's items make.
      for (int32_t item = plan.begin; item < plan.end; item++) {
        ik_matmul_part part = ik_matmul_part_of(&products[0], item);
        int32_t first = part.tile * IK_TILE, left = columns - first;
        for (int32_t row = part.first_row; row < part.first_row + part.rows; row++) {
          size_t place = (size_t)row * out_stride + (size_t)first;
          memcpy(expected + place, got + place, (size_t)(left < IK_TILE ? left : IK_TILE) * 4);
        }
      }
      got = copy_of(initial, count * 4);
    }
    ik_gated arguments = gated_arguments(&gate, &up, tiers[t]->matmul, tiers[t]->silu_gate, got, out_stride);
    run_split(ik_gated_task, &arguments, &plan);
    compare_floats("out", expected, got, count);
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

// What ik_logits notes of tile `tile` of a row. Returns the row's largest logit so far: `largest`, or one of the tile's.
static int64_t note_tile(const float *logits, int32_t columns, int32_t tile, int32_t *keys, int64_t largest) {
  int32_t first = tile * IK_TILE, left = columns - first, count = left < IK_TILE ? left : IK_TILE, place = 0;
  keys[tile] = key_of_largest(logits + first, count);
  if (keys[tile] == INT32_MAX) {
    // Which of them it is that is not a number is not said.
    return INT64_MAX;
  }
  while (key_of_largest(logits + first + place, 1) != keys[tile]) place++;
  int64_t noted = (int64_t)keys[tile] * 0x100000000 + (0xffffffff - (int64_t)(first + place));
  return noted > largest ? noted : largest;
}

void check_logits(int32_t size) {
  static const float special[] = {0.0f, -0.0f, __builtin_nanf(""), -__builtin_nanf(""), __builtin_inff(), -__builtin_inff()};
  bool many = one_in(6);
  matmul_case c = random_case(size, many ? random_row_count() : random_in(0, 12), random_in(1, many ? 80 : 700));
  int32_t tiles = (c.outputs + IK_TILE - 1) / IK_TILE;
  size_t count = out_count(&c), key_count = (size_t)c.rows * (size_t)tiles;
  float *initial = buffer(count * 4);
  random_rows(initial, 1, (int32_t)count, true);
  // Whole rows of the same number come about only if that is what the product is added to.
  float number = special[random_in(0, 5)];
  if (c.accumulate && one_in(2)) {
    for (size_t i = 0; i < count; i++) initial[i] = one_in(9) ? special[random_in(0, 5)] : number;
  }
  int32_t *keys = buffer(key_count * 4);
  int64_t *none = buffer((size_t)c.rows * 8);
  for (int32_t row = 0; row < c.rows; row++) none[row] = IK_NO_LARGEST;
  ik_matmul whole = matmul_arguments(&c, initial);
  plan plan = random_plan(ik_matmul_items(&whole));
  for (int32_t t = 0; t < tier_count; t++) {
    float *out = copy_of(initial, count * 4);
    int32_t *got = copy_of(keys, key_count * 4), *expected = copy_of(keys, key_count * 4);
    int64_t *largest = copy_of(none, (size_t)c.rows * 8), *expected_largest = copy_of(none, (size_t)c.rows * 8);
    ik_logits arguments = logits_arguments(&c, out, tiers[t]->matmul, got, largest);
    set_tier(tiers[t]);
    run_split(ik_logits_task, &arguments, &plan);
    for (int32_t item = plan.begin; item < plan.end; item++) {
      ik_matmul_part part = ik_matmul_part_of(&whole, item);
      for (int32_t row = part.first_row; row < part.first_row + part.rows; row++) {
        expected_largest[row] = note_tile(
            out + (size_t)row * c.out_stride, c.outputs, part.tile, expected + (size_t)row * (size_t)tiles, expected_largest[row]);
      }
    }
    for (int32_t row = 0; row < c.rows; row++) {
      if (expected_largest[row] == INT64_MAX) largest[row] = largest[row] >> 32 == INT32_MAX ? INT64_MAX : 0;
    }
    compare_bytes("keys", expected, got, key_count * 4);
    compare_bytes("largest logits", expected_largest, largest, (size_t)c.rows * 8);
  }
}

// Logits with many equal ones, and in some rows numbers that are none.
static void random_logits(float *logits, int32_t count) {
  static const float special[] = {__builtin_nanf(""), __builtin_inff(), -__builtin_inff(), 0.0f, -0.0f};
  float step = one_in(2) ? 0.25f : 0.0001f;
  bool broken = one_in(4);
  for (int32_t i = 0; i < count; i++) logits[i] = step * (float)random_in(-40000, 40000);
  for (int32_t i = random_in(0, 3); broken && i > 0; i--) logits[random_in(0, count - 1)] = special[random_in(0, 4)];
  if (one_in(20)) {
    for (int32_t i = 0; i < count; i++) logits[i] = special[2];
  }
}

// Rows that something else than a product made.
void check_noted_logits(int32_t size) {
  int32_t columns = one_in(2) ? random_in(1, 200) : random_in(1, 8000 * size), tiles = (columns + IK_TILE - 1) / IK_TILE;
  float *logits = buffer((size_t)columns * 4);
  int32_t *got = buffer((size_t)tiles * 4), *expected = buffer((size_t)tiles * 4);
  describe("%d logits", columns);
  set_tier(tiers[0]);
  random_logits(logits, columns);
  for (int32_t tile = 0; tile < tiles; tile++) note_tile(logits, columns, tile, expected, 0);
  int32_t place = 0, found = ik_largest_place(ik_note_logits(logits, columns, got));
  bool is_number = true;
  for (int32_t j = 0; j < columns; j++) {
    if (logits[j] != logits[j]) is_number = false;
    if (logits[j] > logits[place]) place = j;
  }
  if (!is_number || logits[place] - logits[place] != 0) place = -1;
  compare_bytes("keys", expected, got, (size_t)tiles * 4);
  compare_bytes("place", &place, &found, 4);
}
