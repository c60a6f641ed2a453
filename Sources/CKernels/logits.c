// The product that makes logits: besides the product itself it notes, for each row and each tile of columns, the largest
// logit, while the tile is still near the processor, and that of some tiles together. Greedy decoding then reads little more than a
// 256th of what it would read otherwise. And what a mask of tokens leaves of a row, with the largest logits of that.
#include "CKernels.h"
#include <math.h>
#include <string.h>

// An integer that is ordered as the floats are. Both zeros get the same key; NaN lies outside of the infinities.
static inline int32_t ordered_key(float value) {
  float normalized = value + 0.0f;  // Turns negative zero into zero and changes nothing else.
  int32_t bits;
  memcpy(&bits, &normalized, 4);
  return bits ^ ((bits >> 31) & INT32_MAX);
}

// The largest key of `count` logits, INT32_MAX if one is not a number. Inlined so that whole tiles become vectors.
static inline __attribute__((always_inline)) int32_t largest_key(const float *logits, int32_t count) {
  const int32_t infinity = 0x7F800000, negative_infinity = INT32_MIN + 0x7FFFFF;
  int32_t largest = INT32_MIN, smallest = INT32_MAX;
  for (int32_t i = 0; i < count; i++) {
    int32_t key = ordered_key(logits[i]);
    largest = key > largest ? key : largest;
    smallest = key < smallest ? key : smallest;
  }
  return smallest < negative_infinity || largest > infinity ? INT32_MAX : largest;
}

// Notes the largest logit of a tile of a row of `columns` logits. The tiles of a group come one after another.
static inline __attribute__((always_inline)) void note_tile(const float *logits, int32_t columns, int32_t tile, int32_t *keys) {
  int32_t first = tile * IK_TILE, left = columns - first;
  int32_t key = left >= IK_TILE ? largest_key(logits + first, IK_TILE) : largest_key(logits + first, left);
  int32_t *of_group = keys + (columns + IK_TILE - 1) / IK_TILE + tile / IK_KEY_TILES;
  keys[tile] = key;
  if (tile % IK_KEY_TILES == 0 || key > *of_group) *of_group = key;
}

// Notes the largest logits of an item of the product.
static inline __attribute__((always_inline)) void note_largest(const ik_logits *l, int32_t item) {
  const ik_matmul *m = &l->matmul;
  ik_matmul_part part = ik_matmul_part_of(m, item);
  size_t key_count = (size_t)ik_key_count((m->outputs + IK_TILE - 1) / IK_TILE);
  for (int32_t row = part.first_row; row < part.first_row + part.rows; row++) {
    note_tile(m->out + (size_t)row * m->out_stride, m->outputs, part.tile, l->keys + (size_t)row * key_count);
  }
}

void ik_note_logits(const float *logits, int32_t columns, int32_t *keys) {
  for (int32_t tile = 0; tile * IK_TILE < columns; tile++) note_tile(logits, columns, tile, keys);
}

// The lowest place of the largest of `count` keys. In pieces, so that the place is looked for in one of them only.
static inline __attribute__((always_inline)) int32_t place_of_largest(const int32_t *keys, int32_t count) {
  enum { PIECE = 64 };
  int32_t best = INT32_MIN, place = 0, start = 0;
  for (; start + PIECE <= count; start += PIECE) {
    int32_t largest = INT32_MIN;
    for (int32_t i = 0; i < PIECE; i++) largest = keys[start + i] > largest ? keys[start + i] : largest;
    if (largest > best) best = largest, place = start;
  }
  for (; start < count; start++) {
    if (keys[start] > best) best = keys[start], place = start;
  }
  while (keys[place] != best) place++;
  return place;
}

// The keys of a row that is asked for.
static inline const int32_t *keys_of_item(const ik_largest_logits *l, int32_t item) {
  return l->keys + (size_t)l->rows[item] * (size_t)ik_key_count(l->tiles);
}

// The groups of tiles with the largest logits, -1 where there is none. Asks for their keys and logits, which are far away, so that they
// come while the keys of other rows are looked at.
static inline __attribute__((always_inline)) void find_groups(const ik_largest_logits *l, int32_t begin, int32_t end) {
  const int32_t infinity = 0x7F800000, negative_infinity = INT32_MIN + 0x7FFFFF;
  for (int32_t item = begin; item < end; item++) {
    const int32_t *keys = keys_of_item(l, item), *of_groups = keys + l->tiles;
    int32_t group = place_of_largest(of_groups, ik_key_groups(l->tiles));
    bool is_finite = of_groups[group] > negative_infinity && of_groups[group] < infinity;
    l->places[item] = is_finite ? group : -1;
    __builtin_prefetch(keys + group * IK_KEY_TILES);
    __builtin_prefetch(keys + group * IK_KEY_TILES + IK_KEY_TILES - 1);
  }
}

// The first tile of each group that has its largest logit, instead of the group. Asks for the logits.
static void find_tiles(const ik_largest_logits *l, int32_t begin, int32_t end) {
  for (int32_t item = begin; item < end; item++) {
    int32_t group = l->places[item];
    if (group < 0) continue;
    const int32_t *keys = keys_of_item(l, item);
    int32_t largest = keys[l->tiles + group], tile = group * IK_KEY_TILES, last = tile + IK_KEY_TILES;
    while (tile + 1 < last && tile + 1 < l->tiles && keys[tile] != largest) tile++;
    l->places[item] = tile;
    const float *logits = l->logits + (size_t)l->rows[item] * (size_t)l->columns + (size_t)tile * IK_TILE;
    __builtin_prefetch(logits);
    __builtin_prefetch(logits + IK_TILE / 2);
  }
}

#if defined(__x86_64__)
// The least that this architecture has knows no largest of two integers. The results are the same.
static __attribute__((target("avx2"))) void note_largest_avx2(const ik_logits *l, int32_t item) { note_largest(l, item); }
static __attribute__((target("avx2"))) void find_groups_avx2(const ik_largest_logits *l, int32_t begin, int32_t end) {
  find_groups(l, begin, end);
}
static bool has_avx2(void) { return __builtin_cpu_supports("avx2"); }
#else
static void note_largest_avx2(const ik_logits *l, int32_t item) { note_largest(l, item); }
static void find_groups_avx2(const ik_largest_logits *l, int32_t begin, int32_t end) { find_groups(l, begin, end); }
static bool has_avx2(void) { return false; }
#endif

void ik_logits_task(const void *arguments, int32_t begin, int32_t end) {
  const ik_logits *l = arguments;
  bool avx2 = has_avx2();
  int32_t tiles = (l->matmul.outputs + IK_TILE - 1) / IK_TILE, groups = ik_key_groups(tiles);
  for (int32_t item = begin; item < end; item++) {
    int32_t of_block = item / groups * tiles, first = item % groups * IK_KEY_TILES;
    int32_t last = first + IK_KEY_TILES < tiles ? first + IK_KEY_TILES : tiles;
    for (int32_t tile = of_block + first; tile < of_block + last; tile++) {
      l->multiply(&l->matmul, tile, tile + 1);
      if (avx2) {
        note_largest_avx2(l, tile);
      } else {
        note_largest(l, tile);
      }
    }
  }
}

void ik_largest_logits_task(const void *arguments, int32_t begin, int32_t end) {
  const ik_largest_logits *l = arguments;
  if (has_avx2()) {
    find_groups_avx2(l, begin, end);
  } else {
    find_groups(l, begin, end);
  }
  find_tiles(l, begin, end);
  for (int32_t item = begin; item < end; item++) {
    int32_t tile = l->places[item];
    if (tile < 0) continue;
    int32_t largest = keys_of_item(l, item)[tile];
    const float *logits = l->logits + (size_t)l->rows[item] * (size_t)l->columns;
    int32_t place = tile * IK_TILE, last = place + IK_TILE < l->columns ? place + IK_TILE : l->columns;
    while (place < last && ordered_key(logits[place]) != largest) place++;
    // Logits that were written to since do not have the noted one.
    l->places[item] = place < last ? place : -1;
  }
}

static const uint32_t bit_of[IK_TILE] = {
    1u << 0,  1u << 1,  1u << 2,  1u << 3,  1u << 4,  1u << 5,  1u << 6,  1u << 7,  1u << 8,  1u << 9,  1u << 10,
    1u << 11, 1u << 12, 1u << 13, 1u << 14, 1u << 15, 1u << 16, 1u << 17, 1u << 18, 1u << 19, 1u << 20, 1u << 21,
    1u << 22, 1u << 23, 1u << 24, 1u << 25, 1u << 26, 1u << 27, 1u << 28, 1u << 29, 1u << 30, 1u << 31,
};

// What `bits` leave of `count` logits; returns the largest key. Inlined so that whole blocks become vectors.
static inline __attribute__((always_inline)) int32_t mask_block(
    uint32_t bits, const float *restrict x, float *restrict y, int32_t count) {
  int32_t largest = INT32_MIN;
  for (int32_t i = 0; i < count; i++) {
    float value = bits & bit_of[i] ? x[i] : -INFINITY;
    y[i] = value;
    int32_t key = ordered_key(value);
    largest = key > largest ? key : largest;
  }
  return largest;
}

void ik_mask_logits(
    const uint64_t *restrict mask, const float *restrict x, float *restrict y, int32_t *restrict keys, int32_t count,
    int32_t block) {
  int32_t first = block * IK_TILE;
  uint32_t bits = (uint32_t)(mask[first >> 6] >> (first & 63));
  int32_t length = count - first < IK_TILE ? count - first : IK_TILE;
  if (bits == UINT32_MAX) {
    memcpy(y + first, x + first, sizeof(float) * (size_t)length);
  } else if (length == IK_TILE) {
    keys[block] = mask_block(bits, x + first, y + first, IK_TILE);
  } else {
    keys[block] = mask_block(bits, x + first, y + first, length);
  }
}
