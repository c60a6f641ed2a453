// The product that makes logits: besides the product itself it notes the largest logit of each row, which is all that greedy
// decoding asks for, and of each tile of columns of a row, while the tile is still near the processor. And what a mask of tokens leaves of
// a row, with the largest logits of that.
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

// Notes the largest logit of a tile of a row of `columns` logits, and raises `largest` to it. Tiles of a row come in their order; one
// is looked through for the place only if its largest logit is above those of the tiles before it.
static inline __attribute__((always_inline)) void note_tile(
    const float *logits, int32_t columns, int32_t tile, int32_t *keys, int64_t *largest
) {
  int32_t first = tile * IK_TILE, left = columns - first, count = left < IK_TILE ? left : IK_TILE;
  int32_t key = count == IK_TILE ? largest_key(logits + first, IK_TILE) : largest_key(logits + first, count);
  keys[tile] = key;
  // No key is as low as that of IK_NO_LARGEST.
  if (key <= (int32_t)(*largest >> 32)) return;
  int32_t place = 0;
  while (place + 1 < count && ordered_key(logits[first + place]) != key) place++;
  *largest = ik_largest(key, first + place);
}

// Notes the largest logits of an item of the product. `largest` are those of the rows of its block.
static inline __attribute__((always_inline)) void note_largest(const ik_logits *l, ik_matmul_part part, int64_t *largest) {
  const ik_matmul *m = &l->matmul;
  size_t tiles = (size_t)(m->outputs + IK_TILE - 1) / IK_TILE;
  for (int32_t r = 0; r < part.rows; r++) {
    size_t row = (size_t)(part.first_row + r);
    note_tile(m->out + row * m->out_stride, m->outputs, part.tile, l->keys + row * tiles, largest + r);
  }
}

int64_t ik_note_logits(const float *logits, int32_t columns, int32_t *keys) {
  int64_t largest = IK_NO_LARGEST;
  for (int32_t tile = 0; tile * IK_TILE < columns; tile++) note_tile(logits, columns, tile, keys, &largest);
  return largest;
}

#if defined(__x86_64__)
// The least that this architecture has knows no largest of two integers. The results are the same.
static __attribute__((target("avx2"))) void note_largest_avx2(const ik_logits *l, ik_matmul_part part, int64_t *largest) {
  note_largest(l, part, largest);
}
static bool has_avx2(void) { return __builtin_cpu_supports("avx2"); }
#else
static void note_largest_avx2(const ik_logits *l, ik_matmul_part part, int64_t *largest) { note_largest(l, part, largest); }
static bool has_avx2(void) { return false; }
#endif

// Raises what other threads raise at the same time. Whoever comes last, the result is the largest.
static void raise_largest(int64_t *largest, int64_t to) {
  int64_t seen = __atomic_load_n(largest, __ATOMIC_RELAXED);
  while (to > seen && !__atomic_compare_exchange_n(largest, &seen, to, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) continue;
}

void ik_logits_task(const void *arguments, int32_t begin, int32_t end) {
  const ik_logits *l = arguments;
  bool avx2 = has_avx2();
  int32_t tiles = (l->matmul.outputs + IK_TILE - 1) / IK_TILE;
  for (int32_t item = begin; item < end;) {
    ik_matmul_part part = ik_matmul_part_of(&l->matmul, item);
    int64_t largest[IK_ROW_BLOCK];
    for (int32_t r = 0; r < part.rows; r++) largest[r] = IK_NO_LARGEST;
    for (; item < end && part.tile < tiles; item++, part.tile++) {
      l->multiply(&l->matmul, item, item + 1);
      if (avx2) {
        note_largest_avx2(l, part, largest);
      } else {
        note_largest(l, part, largest);
      }
    }
    for (int32_t r = 0; r < part.rows; r++) raise_largest(l->largest + part.first_row + r, largest[r]);
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
