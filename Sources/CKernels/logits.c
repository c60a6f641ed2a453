// The product that makes logits: besides the product itself it notes, for each row and each tile of columns, the largest
// logit, while the tile is still near the processor. Greedy decoding then reads a 32nd of what it would read otherwise.
#include "CKernels.h"
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

void ik_logits_task(const void *arguments, int32_t begin, int32_t end) {
  const ik_logits *l = arguments;
  const ik_matmul *m = &l->matmul;
  for (int32_t tile = begin; tile < end; tile++) {
    l->multiply(m, tile, tile + 1);
    int32_t first = tile * IK_TILE, columns = m->outputs - first;
    for (int32_t row = 0; row < m->rows; row++) {
      const float *logits = m->out + (size_t)row * m->out_stride + first;
      l->keys[(size_t)row * l->key_stride + tile] =
          columns >= IK_TILE ? largest_key(logits, IK_TILE) : largest_key(logits, columns);
    }
  }
}
