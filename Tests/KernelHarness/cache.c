// Caches of keys and values: memory, contents, comparison.
#include "harness.h"
#include <math.h>
#include <string.h>

static size_t element_bytes(const ik_cache *cache) { return cache->type == IK_CACHE_INT8 ? 1 : 2; }

// What is stored in place of the number `value`, of which integers are a fifth.
static uint16_t stored(ik_cache_type type, float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  switch (type) {
  case IK_CACHE_F16: return random_half(1);
  case IK_CACHE_BF16: return (uint16_t)(bits >> 16);
  default: return (uint8_t)(int8_t)(127 * value);
  }
}

static void set_element(const ik_cache *cache, uint8_t *p, size_t index, uint16_t element) {
  memcpy(p + element_bytes(cache) * index, &element, element_bytes(cache));
}

// A head's part of a block, and its scales: first those of the keys.
static uint8_t *part_of(const ik_cache *cache, int32_t block, int32_t head) {
  return cache->blocks + (size_t)block * cache->block_stride + (size_t)head * cache->head_stride;
}
static float *scales_of(const ik_cache *cache, int32_t block, int32_t head) {
  return (float *)(void *)(part_of(cache, block, head) + cache->scales_offset);
}

ik_cache new_cache(
    ik_cache_type type, int32_t block_size, int32_t blocks, int32_t kv_heads, int32_t dimension, bool broken
) {
  int32_t padded = (dimension + 15) / 16 * 16;
  ik_cache cache = {
      .type = type,
      .block_size = block_size,
      .head_dimension = dimension,
      .padded_dimension = padded,
      .kv_heads = kv_heads,
  };
  size_t size = element_bytes(&cache);
  cache.values_offset = size * (size_t)(block_size * dimension);
  cache.scales_offset = cache.values_offset + size * (size_t)(block_size * padded);
  cache.head_stride = cache.scales_offset + (type == IK_CACHE_INT8 ? (size_t)block_size * 8 : 0);
  // The last head of a block ends where the next block begins, or somewhat before.
  if (one_in(4)) cache.head_stride += 4 * (size_t)random_in(1, 20);
  cache.block_stride = cache.head_stride * (size_t)kv_heads + (one_in(4) ? 4 * (size_t)random_in(1, 20) : 0);
  cache.blocks = buffer(cache.block_stride * (size_t)blocks);
  static const uint16_t broken_halves[2][4] = {{0x7e00, 0x7c00, 0xfc00, 0x7bff}, {0x7fc0, 0x7f80, 0xff80, 0x7f7f}};
  static const float broken_scales[] = {NAN, INFINITY, -INFINITY, 3e38f};
  static const int32_t rarities[] = {3000, 300, 30, 3};
  int32_t rarity = rarities[random_in(0, 3)], elements = block_size * (dimension + padded);
  for (int32_t i = 0; i < blocks * kv_heads; i++) {
    uint8_t *part = part_of(&cache, i / kv_heads, i % kv_heads);
    for (int32_t j = 0; j < elements; j++) {
      bool is_broken = broken && type != IK_CACHE_INT8 && one_in(rarity);
      set_element(
          &cache, part, (size_t)j,
          is_broken ? broken_halves[type == IK_CACHE_BF16][random_in(0, 3)] : stored(type, random_float(-1, 1)));
    }
    for (int32_t j = 0; type == IK_CACHE_INT8 && j < 2 * block_size; j++) {
      scales_of(&cache, i / kv_heads, i % kv_heads)[j] =
          broken && one_in(rarity) ? broken_scales[random_in(0, 3)] : one_in(30) ? 0 : random_float(0, 0.02f);
    }
  }
  return cache;
}

ik_cache copy_of_cache(const ik_cache *cache, int32_t blocks) {
  ik_cache copy = *cache;
  copy.blocks = copy_of(cache->blocks, cache->block_stride * (size_t)blocks);
  return copy;
}

static uint16_t junk(const ik_cache *cache) {
  if (one_in(2)) return (uint16_t)random_bits();
  return cache->type == IK_CACHE_F16 ? 0x7e00 : 0x7fc0;
}

void spoil_block(const ik_cache *cache, int32_t block, int32_t used) {
  for (int32_t head = 0; head < cache->kv_heads; head++) {
    uint8_t *keys = part_of(cache, block, head), *values = keys + cache->values_offset;
    for (int32_t slot = 0; slot < cache->block_size; slot++) {
      for (int32_t d = 0; d < cache->padded_dimension; d++) {
        if (slot < used && d < cache->head_dimension) continue;
        set_element(cache, values, (size_t)(slot * cache->padded_dimension + d), junk(cache));
        if (d < cache->head_dimension) set_element(cache, keys, (size_t)(d * cache->block_size + slot), junk(cache));
      }
      if (slot < used || cache->type != IK_CACHE_INT8) continue;
      scales_of(cache, block, head)[slot] = one_in(2) ? NAN : random_float(-9, 9);
      scales_of(cache, block, head)[cache->block_size + slot] = one_in(2) ? NAN : random_float(-9, 9);
    }
  }
}

static void compare_elements(const char *what, const ik_cache *cache, const uint8_t *expected, const uint8_t *got, size_t count) {
  if (cache->type == IK_CACHE_INT8) {
    compare_bytes(what, expected, got, count);
  } else {
    compare_halves(what, cache->type == IK_CACHE_F16 ? 0x7c00 : 0x7f80, expected, got, count);
  }
}

void compare_caches(const ik_cache *expected, const ik_cache *got, int32_t blocks) {
  size_t row_bytes = element_bytes(expected) * (size_t)expected->padded_dimension;
  for (int32_t index = 0; index < blocks * expected->kv_heads; index++) {
    int32_t block = index / expected->kv_heads, head = index % expected->kv_heads;
    const uint8_t *a = part_of(expected, block, head), *b = part_of(got, block, head);
    compare_elements("keys", expected, a, b, (size_t)(expected->block_size * expected->head_dimension));
    for (int32_t slot = 0; slot < expected->block_size; slot++) {
      size_t row = expected->values_offset + (size_t)slot * row_bytes;
      compare_elements("values", expected, a + row, b + row, (size_t)expected->head_dimension);
    }
    if (expected->type == IK_CACHE_INT8) {
      compare_floats(
          "scales", scales_of(expected, block, head), scales_of(got, block, head), 2 * (size_t)expected->block_size);
    }
  }
}
