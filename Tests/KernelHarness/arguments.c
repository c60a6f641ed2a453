// The kernels' argument structs, and the memory that they point to.
#include "harness.h"
#include <math.h>
#include <string.h>

// ---------------------------------------------------------------------------------------------------------------
// Integer activations.

ik_int8_rows new_int8_rows(int32_t rows, int32_t groups) {
  size_t count = (size_t)rows * (size_t)groups;
  return (ik_int8_rows){
      .values = buffer(count * IK_GROUP),
      .low = buffer(count * IK_GROUP),
      .wide = buffer(count),
      .scales = buffer(count * 4),
      .scaled_sums = buffer(count * 4),
      .half_sums = buffer(count * 8),
      .groups = groups,
  };
}

ik_int8_rows copy_of_int8_rows(const ik_int8_rows *x, int32_t rows) {
  size_t count = (size_t)rows * (size_t)x->groups;
  return (ik_int8_rows){
      .values = copy_of(x->values, count * IK_GROUP),
      .low = copy_of(x->low, count * IK_GROUP),
      .wide = copy_of(x->wide, count),
      .scales = copy_of(x->scales, count * 4),
      .scaled_sums = copy_of(x->scaled_sums, count * 4),
      .half_sums = copy_of(x->half_sums, count * 8),
      .groups = x->groups,
  };
}

ik_int8_rows quantized(const float *x, int32_t rows, int32_t columns) {
  ik_int8_rows result = new_int8_rows(rows, columns / IK_GROUP);
  ik_quantize arguments = quantize_arguments(x, columns, &result);
  tiers[0]->quantize(&arguments, 0, rows);
  return result;
}

// Fills in what follows from a group's integers `q`.
static void set_group(const ik_int8_rows *x, size_t index, const int32_t q[IK_GROUP], bool wide, float scale) {
  int32_t sums[2] = {0, 0};
  for (int32_t i = 0; i < IK_GROUP; i++) {
    int32_t high = (q[i] + 64) >> 7;
    x->values[index * IK_GROUP + (size_t)i] = (int8_t)high;
    x->low[index * IK_GROUP + (size_t)i] = (int8_t)(q[i] - 128 * high);
    sums[i / 16] += q[i];
  }
  x->wide[index] = wide;
  x->scales[index] = scale;
  x->half_sums[2 * index] = sums[0];
  x->half_sums[2 * index + 1] = sums[1];
  x->scaled_sums[index] = scale * (float)(sums[0] + sums[1]);
}

ik_int8_rows random_int8_rows(int32_t rows, int32_t groups) {
  ik_int8_rows x = new_int8_rows(rows, groups);
  int32_t wide_one_in = random_in(1, 12);
  for (size_t index = 0; index < (size_t)rows * (size_t)groups; index++) {
    bool wide = one_in(wide_one_in);
    int32_t q[IK_GROUP], extreme = random_in(0, 5);
    for (int32_t i = 0; i < IK_GROUP; i++) {
      q[i] = wide ? random_in(-16256, 16256) : 128 * random_in(-127, 127);
      if (extreme == 0) q[i] = 16256;
      if (extreme == 1) q[i] = -16256;
      if (extreme == 2) q[i] = one_in(2) ? 16256 : -16256;
    }
    set_group(&x, index, q, wide, one_in(200) ? INFINITY : random_float(0, 0.01f));
  }
  return x;
}

ik_int8_rows one_hot_int8_rows(int32_t rows, int32_t groups, const int32_t *inputs) {
  ik_int8_rows x = new_int8_rows(rows, groups);
  for (int32_t row = 0; row < rows; row++) {
    for (int32_t g = 0; g < groups; g++) {
      int32_t q[IK_GROUP] = {0};
      if (inputs[row] / IK_GROUP == g) q[inputs[row] % IK_GROUP] = 128;
      set_group(&x, (size_t)row * (size_t)groups + (size_t)g, q, false, 0x1p-7f);
    }
  }
  return x;
}

void compare_int8_rows(const ik_int8_rows *expected, const ik_int8_rows *got, int32_t rows) {
  size_t count = (size_t)rows * (size_t)expected->groups;
  compare_floats("scales", expected->scales, got->scales, count);
  compare_floats("scaled_sums", expected->scaled_sums, got->scaled_sums, count);
  for (size_t index = 0; index < count; index++) {
    // The integers of a group whose scale is a NaN do not matter: every product with them is a NaN.
    if (expected->scales[index] != expected->scales[index]) continue;
    compare_bytes("values", expected->values + index * IK_GROUP, got->values + index * IK_GROUP, IK_GROUP);
    compare_bytes("low", expected->low + index * IK_GROUP, got->low + index * IK_GROUP, IK_GROUP);
    compare_bytes("wide", expected->wide + index, got->wide + index, 1);
    compare_bytes("half_sums", expected->half_sums + 2 * index, got->half_sums + 2 * index, 8);
  }
}

// ---------------------------------------------------------------------------------------------------------------
// Products and rows.

ik_matmul matmul_arguments(const matmul_case *c, float *out) {
  return (ik_matmul){
      .type = c->type,
      .tiles = c->tiles,
      .tile_bytes = ik_tile_bytes(c->type, c->inputs),
      .inputs = c->inputs,
      .outputs = c->outputs,
      .rows = c->rows,
      .int8 = c->int8,
      .floats = c->floats,
      .out = out,
      .out_stride = c->out_stride,
      .bias = c->bias,
      .accumulate = c->accumulate,
  };
}

ik_rms_norm norm_arguments(
    const float *x, const float *weight, float epsilon, int32_t columns, float *out, const ik_int8_rows *int8
) {
  return (ik_rms_norm){.x = x, .weight = weight, .epsilon = epsilon, .columns = columns, .out = out, .int8 = int8};
}

ik_quantize quantize_arguments(const float *x, int32_t columns, const ik_int8_rows *int8) {
  return (ik_quantize){.x = x, .columns = columns, .int8 = int8};
}

ik_silu_gate gate_arguments(const float *x, int32_t columns, float *out, const ik_int8_rows *int8) {
  return (ik_silu_gate){.x = x, .columns = columns, .out = out, .int8 = int8};
}

// ---------------------------------------------------------------------------------------------------------------
// The cache.

enum { BLOCK = 32 };

static size_t cache_elements(const ik_cache *cache, int32_t blocks) { return cache->block_stride * (size_t)blocks; }

ik_cache new_cache(int32_t blocks, int32_t kv_heads, int32_t dimension, bool broken) {
  int32_t padded = (dimension + 15) / 16 * 16;
  ik_cache cache = {
      .head_stride = (size_t)(BLOCK * (dimension + padded)),
      .values_offset = (size_t)(BLOCK * dimension),
      .block_size = BLOCK,
      .head_dimension = dimension,
      .padded_dimension = padded,
      .kv_heads = kv_heads,
  };
  cache.block_stride = cache.head_stride * (size_t)kv_heads;
  cache.blocks = buffer(cache_elements(&cache, blocks) * 2);
  static const uint16_t broken_halves[] = {0x7e00, 0x7c00, 0xfc00, 0x7bff};
  static const int32_t rarities[] = {3000, 300, 30, 3};
  int32_t rarity = rarities[random_in(0, 3)];
  for (size_t i = 0; i < cache_elements(&cache, blocks); i++) {
    cache.blocks[i] = broken && one_in(rarity) ? broken_halves[random_in(0, 3)] : random_half(1);
  }
  return cache;
}

ik_cache copy_of_cache(const ik_cache *cache, int32_t blocks) {
  ik_cache copy = *cache;
  copy.blocks = copy_of(cache->blocks, cache_elements(cache, blocks) * 2);
  return copy;
}

static uint16_t junk(void) { return one_in(2) ? 0x7e00 : (uint16_t)random_bits(); }

void spoil_block(const ik_cache *cache, int32_t block, int32_t used) {
  for (int32_t head = 0; head < cache->kv_heads; head++) {
    uint16_t *keys = cache->blocks + (size_t)block * cache->block_stride + (size_t)head * cache->head_stride;
    uint16_t *values = keys + cache->values_offset;
    for (int32_t slot = 0; slot < BLOCK; slot++) {
      for (int32_t d = 0; d < cache->padded_dimension; d++) {
        if (slot < used && d < cache->head_dimension) continue;
        values[slot * cache->padded_dimension + d] = junk();
        if (d < cache->head_dimension) keys[d * BLOCK + slot] = junk();
      }
    }
  }
}

void compare_caches(const ik_cache *expected, const ik_cache *got, int32_t blocks) {
  for (int32_t index = 0; index < blocks * expected->kv_heads; index++) {
    size_t start = (size_t)index * expected->head_stride;
    compare_halves("keys", expected->blocks + start, got->blocks + start, expected->values_offset);
    for (size_t slot = 0; slot < BLOCK; slot++) {
      size_t row = start + expected->values_offset + slot * (size_t)expected->padded_dimension;
      compare_halves("values", expected->blocks + row, got->blocks + row, (size_t)expected->head_dimension);
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------

ik_rotate rotate_arguments(
    float *qkv, int32_t heads, int32_t rotated, const float *cosines, const float *sines, const ik_token *tokens,
    const ik_cache *cache
) {
  return (ik_rotate){
      .qkv = qkv,
      .heads = heads,
      .rotated = rotated,
      .cosines = cosines,
      .sines = sines,
      .tokens = tokens,
      .cache = *cache,
  };
}

ik_attention attention_arguments(const attention_case *c, const ik_cache *cache, float *out) {
  return (ik_attention){
      .qkv = c->qkv,
      .out = out,
      .heads = c->heads,
      .scale = c->scale,
      .window = c->window,
      .runs = c->runs,
      .run_count = c->run_count,
      .block_table = c->block_table,
      .cache = *cache,
  };
}
