// Stored weights; check of dequantization and packing, which have no tiers.
//
// Each format is read a second time here, one weight at a time, from the description of the blocks. Packed tiles are
// read by the scalar twin's product with rows that are 1 at one input.
#include "harness.h"
#include <math.h>
#include <string.h>

const char *const type_names[11] = {"f32",  "f16",  "bf16", "q8_0", "q4_0", "q4_1",
                                    "q5_0", "q5_1", "q4_K", "q5_K", "q6_K"};

typedef struct layout {
  int32_t inputs, bytes;
  int32_t half_counts;     // float16 numbers of a block
  int32_t half_offset;     // where they are
  int32_t exponent;        // modest scales are below 2 to this power
} layout;

static const layout layouts[11] = {
    {1, 4, 0, 0, 0},       {1, 2, 1, 0, 0},       {1, 2, 0, 0, 0},       {32, 34, 1, 0, -4},   {32, 18, 1, 0, -3},
    {32, 20, 2, 0, -3},    {32, 22, 1, 0, -3},    {32, 24, 2, 0, -3},    {256, 144, 2, 0, -6}, {256, 176, 2, 0, -6},
    {256, 210, 1, 208, -8},
};

int32_t block_inputs(ik_type type) { return layouts[type].inputs; }

static size_t row_bytes(ik_type type, int32_t inputs) {
  return (size_t)(inputs / layouts[type].inputs) * (size_t)layouts[type].bytes;
}

uint8_t *random_stored_row(ik_type type, int32_t inputs, bool finite) {
  const layout *l = &layouts[type];
  uint8_t *row = buffer(row_bytes(type, inputs));
  for (int32_t b = 0; b < inputs / l->inputs; b++) {
    uint8_t *block = row + b * l->bytes;
    if (!finite && one_in(50)) continue;
    // The largest integers, whose sums need the most bits.
    if (type >= IK_Q8_0 && one_in(4)) memset(block, type == IK_Q8_0 ? 0x7f : 0xff, (size_t)l->bytes);
    for (int32_t i = 0; i < l->half_counts; i++) {
      uint16_t half = one_in(40) ? 0 : random_half(l->exponent);
      memcpy(block + l->half_offset + 2 * i, &half, 2);
    }
    float value = random_float(-1, 1);
    if (type == IK_F32) memcpy(block, &value, 4);
    if (type == IK_BF16) memcpy(block, (uint8_t *)&value + 2, 2);
    // About the least weight that is kept, and below it.
    uint16_t small = random_bfloat(-67, -60);
    if (type == IK_BF16 && one_in(4)) memcpy(block, &small, 2);
  }
  return row;
}

uint8_t *random_tiles(ik_type type, int32_t inputs, int32_t outputs, bool finite) {
  size_t tile_bytes = ik_tile_bytes(type, inputs);
  int32_t tile_count = (outputs + IK_TILE - 1) / IK_TILE;
  uint8_t *tiles = buffer((size_t)tile_count * tile_bytes);
  for (int32_t tile = 0; tile < tile_count; tile++) {
    const uint8_t *rows[IK_TILE];
    for (int32_t i = 0; i < IK_TILE; i++) {
      rows[i] = tile * IK_TILE + i < outputs ? random_stored_row(type, inputs, finite) : NULL;
    }
    ik_pack_tile(type, rows, inputs, tiles + (size_t)tile * tile_bytes);
  }
  return tiles;
}

// ---------------------------------------------------------------------------------------------------------------

static float half_at(const uint8_t *bytes) {
  uint32_t half = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8, exponent = half >> 10 & 31, mantissa = half & 1023;
  float magnitude = exponent == 0 ? (float)mantissa * 0x1p-24f : (float)(mantissa + 1024) * 0x1p-25f;
  for (uint32_t e = 1; e <= exponent && exponent < 31; e++) magnitude *= 2;
  if (exponent == 31) magnitude = mantissa ? __builtin_nanf("") : __builtin_inff();
  return half & 0x8000 ? -magnitude : magnitude;
}

// Six bits of scale (`which` 0) or minimum (1) of group `group` of the twelve bytes of a K-quant.
static float six_bits(const uint8_t *bytes, int32_t group, int32_t which) {
  if (group < 4) return (float)(bytes[4 * which + group] % 64);
  uint8_t low = bytes[group + 4];
  return (float)((which ? low / 16 : low % 16) + bytes[4 * which + group - 4] / 64 * 16);
}

static int32_t bit_of(const uint8_t *bytes, int32_t index) { return bytes[index / 8] >> index % 8 & 1; }

// Weight `index` of a stored row.
static float stored_weight(ik_type type, const uint8_t *row, int32_t index) {
  const uint8_t *b = row + (size_t)(index / layouts[type].inputs) * (size_t)layouts[type].bytes;
  int32_t i = index % layouts[type].inputs;
  int32_t high = i / 16 % 2;  // of 32 inputs the second half is in the high nibbles
  float value = 0;
  switch (type) {
  case IK_F32: memcpy(&value, b, 4); return value;
  case IK_F16: return half_at(b);
  case IK_BF16: memcpy((uint8_t *)&value + 2, b, 2); return value;
  case IK_Q8_0: return half_at(b) * (float)(int8_t)b[2 + i];
  case IK_Q4_0: return half_at(b) * (float)((b[2 + i % 16] >> 4 * high) % 16 - 8);
  case IK_Q4_1: {
    float product = half_at(b) * (float)((b[4 + i % 16] >> 4 * high) % 16);
    return product + half_at(b + 2);
  }
  case IK_Q5_0: return half_at(b) * (float)((b[6 + i % 16] >> 4 * high) % 16 + 16 * bit_of(b + 2, i) - 16);
  case IK_Q5_1: {
    float product = half_at(b) * (float)((b[8 + i % 16] >> 4 * high) % 16 + 16 * bit_of(b + 4, i));
    return product + half_at(b + 2);
  }
  case IK_Q4_K:
  case IK_Q5_K: {
    // 32 bytes of nibbles serve two groups of 32 inputs.
    int32_t group = i / 32, nibbles = type == IK_Q4_K ? 16 : 48;
    int32_t q = (b[nibbles + group / 2 * 32 + i % 32] >> 4 * (group % 2)) % 16;
    if (type == IK_Q5_K) q += 16 * (b[16 + i % 32] >> group & 1);
    float scale = half_at(b) * six_bits(b + 4, group, 0), minimum = half_at(b + 2) * six_bits(b + 4, group, 1);
    float product = scale * (float)q;
    return product - minimum;
  }
  case IK_Q6_K: {
    // 64 bytes of nibbles and 32 bytes of pairs of bits serve 128 inputs.
    int32_t part = i / 128, j = i % 128;
    int32_t q = (b[64 * part + j % 64] >> (j / 64 * 4)) % 16 + 16 * (b[128 + 32 * part + j % 32] >> (j / 32 * 2) & 3);
    float scale = half_at(b + 208) * (float)(int8_t)b[192 + i / 16];
    return scale * (float)(q - 32);
  }
  }
  return 0;
}

static void check_dequantization(ik_type type, int32_t inputs) {
  uint8_t *row = random_stored_row(type, inputs, !one_in(3));
  float *expected = buffer((size_t)inputs * 4), *got = buffer((size_t)inputs * 4);
  for (int32_t i = 0; i < inputs; i++) expected[i] = stored_weight(type, row, i);
  ik_dequantize_row(type, row, inputs, got);
  compare_floats("dequantized", expected, got, (size_t)inputs);
}

static void check_packing(ik_type type, int32_t inputs) {
  enum { PROBES = 12 };
  size_t tile_bytes = ik_tile_bytes(type, inputs);
  const uint8_t *rows[IK_TILE];
  int32_t outputs = random_in(1, IK_TILE);
  for (int32_t i = 0; i < IK_TILE; i++) {
    rows[i] = i < outputs && !one_in(10) ? random_stored_row(type, inputs, true) : NULL;
  }
  // What was in the memory before must not matter.
  uint8_t *tile = buffer(tile_bytes), *again = buffer(tile_bytes);
  ik_pack_tile(type, rows, inputs, tile);
  ik_pack_tile(type, rows, inputs, again);
  compare_bytes("packed twice", tile, again, tile_bytes);

  int32_t probes[PROBES];
  float *x = buffer((size_t)(PROBES * inputs) * 4);
  memset(x, 0, (size_t)(PROBES * inputs) * 4);
  for (int32_t p = 0; p < PROBES; p++) {
    probes[p] = p == 0 ? 0 : p == 1 ? inputs - 1 : random_in(0, inputs - 1);
    x[p * inputs + probes[p]] = 1;
  }
  ik_int8_rows int8 = {0};
  ik_bfloat_rows bfloat = rounded(x, PROBES, inputs);
  // Minimums are added before outliers, so that with these a sum of two numbers would be rounded once and not twice.
  bool has_minimums = type == IK_Q4_1 || type == IK_Q5_1 || type == IK_Q4_K || type == IK_Q5_K;
  if (type >= IK_Q8_0) int8 = one_hot_int8_rows(PROBES, inputs / IK_GROUP, probes, !has_minimums && one_in(2));
  matmul_case c = {
      .type = type,
      .inputs = inputs,
      .outputs = IK_TILE,
      .rows = PROBES,
      .tiles = tile,
      .int8 = &int8,
      .bfloat = &bfloat,
      .floats = x,
      .out_stride = IK_TILE,
  };
  float *got = buffer(PROBES * IK_TILE * 4), *expected = buffer(PROBES * IK_TILE * 4);
  ik_matmul arguments = matmul_arguments(&c, got);
  tiers[0]->matmul(&arguments, 0, 1);
  for (int32_t p = 0; p < PROBES; p++) {
    for (int32_t i = 0; i < IK_TILE; i++) {
      expected[p * IK_TILE + i] = rows[i] ? stored_weight(type, rows[i], probes[p]) : 0;
      if (type == IK_BF16 && fabsf(expected[p * IK_TILE + i]) < IK_BFLOAT_LEAST_WEIGHT) expected[p * IK_TILE + i] = 0;
      // The sign of a zero is lost in a sum.
      if (got[p * IK_TILE + i] == 0 && expected[p * IK_TILE + i] == 0) got[p * IK_TILE + i] = expected[p * IK_TILE + i];
    }
  }
  compare_floats("packed", expected, got, PROBES * IK_TILE);
}

void check_formats(int32_t size) {
  ik_type type = (ik_type)random_in(IK_F32, IK_Q6_K);
  int32_t inputs = block_inputs(type) * random_in(1, type <= IK_BF16 ? 100 * size : 600 * size / block_inputs(type) + 1);
  describe("%s, %d inputs", type_names[type], inputs);
  set_tier(tiers[0]);
  check_dequantization(type, inputs);
  check_packing(type, inputs);
  if (type == IK_BF16 && ik_tile_bytes(type, inputs) != (size_t)(inputs + inputs % 2) * 64) report("tile bytes", 0, 0, 1);
  if (block_inputs(type) > 1 && ik_tile_bytes(type, inputs + 1) != 0) report("tile bytes", 0, 0, 1);
}
