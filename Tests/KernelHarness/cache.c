// Caches of keys and values: memory, contents, comparison.
#include "harness.h"
#include <math.h>
#include <string.h>

static size_t element_bytes(const ik_cache *cache) { return cache->type == IK_CACHE_INT8 ? 1 : 2; }

static bool has_scales(const ik_cache *cache) { return cache->type == IK_CACHE_INT8 || cache->type == IK_CACHE_INT16; }

// Dimensions that keys have places for, and where a number of a key or of a value is among them.
static int32_t key_dimensions(const ik_cache *cache) {
  return cache->type == IK_CACHE_INT16 ? ik_even(cache->head_dimension) : cache->head_dimension;
}
static size_t key_index(const ik_cache *cache, int32_t slot, int32_t d) {
  if (cache->type == IK_CACHE_INT16) return (size_t)((d / 2 * cache->block_size + slot) * 2 + d % 2);
  return (size_t)(d * cache->block_size + slot);
}
static size_t value_index(const ik_cache *cache, int32_t slot, int32_t d) {
  if (cache->type == IK_CACHE_INT16) return (size_t)((slot / 2 * cache->padded_dimension + d) * 2 + slot % 2);
  return (size_t)(slot * cache->padded_dimension + d);
}

// What is stored in place of the number `value`, of which integers are a fifth.
static uint16_t stored(ik_cache_type type, float limit, float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  switch (type) {
  case IK_CACHE_F16: return random_half(1);
  case IK_CACHE_BF16: return (uint16_t)(bits >> 16);
  case IK_CACHE_INT16: return (uint16_t)(int16_t)(limit * value);
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
      .asks_near = one_in(2),
  };
  size_t size = element_bytes(&cache), key_count = (size_t)(block_size * key_dimensions(&cache));
  cache.values_offset = size * key_count;
  cache.scales_offset = cache.values_offset + size * (size_t)(block_size * padded);
  cache.head_stride = cache.scales_offset + (has_scales(&cache) ? (size_t)block_size * 8 : 0);
  // The last head of a block ends where the next block begins, or somewhat before.
  if (one_in(4)) cache.head_stride += 4 * (size_t)random_in(1, 20);
  cache.block_stride = cache.head_stride * (size_t)kv_heads + (one_in(4) ? 4 * (size_t)random_in(1, 20) : 0);
  cache.blocks = buffer(cache.block_stride * (size_t)blocks);
  static const uint16_t broken_halves[2][4] = {{0x7e00, 0x7c00, 0xfc00, 0x7bff}, {0x7fc0, 0x7f80, 0xff80, 0x7f7f}};
  static const float broken_scales[] = {NAN, INFINITY, -INFINITY, 3e38f};
  static const int32_t rarities[] = {3000, 300, 30, 3};
  int32_t rarity = rarities[random_in(0, 3)];
  size_t elements = key_count + (size_t)(block_size * padded);
  for (int32_t i = 0; i < blocks * kv_heads; i++) {
    uint8_t *part = part_of(&cache, i / kv_heads, i % kv_heads);
    for (size_t j = 0; j < elements; j++) {
      bool is_broken = broken && !has_scales(&cache) && one_in(rarity);
      // Such integers as the cache promises: keys of a norm, values of a size.
      float limit = j < key_count ? IK_NORM_LIMIT / sqrtf((float)dimension) : IK_VALUE_LIMIT;
      set_element(
          &cache, part, j,
          is_broken ? broken_halves[type == IK_CACHE_BF16][random_in(0, 3)] : stored(type, limit, random_float(-1, 1)));
    }
    for (int32_t j = 0; has_scales(&cache) && j < 2 * block_size; j++) {
      float scale = one_in(30) ? 0 : random_float(0, 0.02f), inverse;
      if (type == IK_CACHE_INT16 && j >= block_size) scale = ik_value_scale(one_in(30) ? random_float(0, 1e9f) : scale, &inverse);
      if (broken && one_in(rarity)) scale = type == IK_CACHE_INT16 ? NAN : broken_scales[random_in(0, 3)];
      scales_of(&cache, i / kv_heads, i % kv_heads)[j] = scale;
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
        set_element(cache, values, value_index(cache, slot, d), junk(cache));
        if (d < key_dimensions(cache)) set_element(cache, keys, key_index(cache, slot, d), junk(cache));
      }
      if (slot < used || !has_scales(cache)) continue;
      scales_of(cache, block, head)[slot] = one_in(2) ? NAN : random_float(-9, 9);
      scales_of(cache, block, head)[cache->block_size + slot] = one_in(2) ? NAN : random_float(-9, 9);
    }
  }
}

static void compare_elements(const char *what, const ik_cache *cache, const uint8_t *expected, const uint8_t *got, size_t count) {
  if (has_scales(cache)) {
    compare_bytes(what, expected, got, count * element_bytes(cache));
  } else {
    compare_halves(what, cache->type == IK_CACHE_F16 ? 0x7c00 : 0x7f80, expected, got, count);
  }
}

void compare_caches(const ik_cache *expected, const ik_cache *got, int32_t blocks) {
  size_t row_bytes = element_bytes(expected) * (size_t)expected->padded_dimension;
  for (int32_t index = 0; index < blocks * expected->kv_heads; index++) {
    int32_t block = index / expected->kv_heads, head = index % expected->kv_heads;
    const uint8_t *a = part_of(expected, block, head), *b = part_of(got, block, head);
    compare_elements("keys", expected, a, b, (size_t)(expected->block_size * key_dimensions(expected)));
    // Where two positions stand together, what is behind the last dimension is written too.
    for (int32_t slot = 0; slot < expected->block_size; slot++) {
      size_t row = expected->values_offset + (size_t)slot * row_bytes;
      int32_t count = expected->type == IK_CACHE_INT16 ? expected->padded_dimension : expected->head_dimension;
      compare_elements("values", expected, a + row, b + row, (size_t)count);
    }
    if (has_scales(expected)) {
      compare_floats(
          "scales", scales_of(expected, block, head), scales_of(got, block, head), 2 * (size_t)expected->block_size);
    }
  }
}
