// Sums of products of a group's integers, of tiers that multiply bytes in pairs. Included by vector_groups.h.
//
// The sum of two products, of weights below 64 and signed bytes, is less than half of what 16 bits hold. So these sums are added
// up in 16 bits for as many quads as fit, and widened to 32 bits then: one multiplication for four inputs instead of two. Weights
// of eight bits are multiplied with two inputs at a time.

// Weights of eight bits less their offset as 16-bit integers, so that they are widened once for many rows: of each quad inputs 0 and 2
// of all columns, then inputs 1 and 3. Of four and five bits eight times the weights, for the upper bits.
enum { PREPARED_BYTES = 2048 };
INLINE bool has_prepared(ik_format f) { return f.bits != 6; }
INLINE void prepare(ik_format f, v64u weights, int quad, int half, uint8_t *group) {
  if (f.bits < 6) {
    weights = (v64u)((v16i)weights << 3);
    memcpy(group + quad * 128 + half * 64, &weights, 64);
    return;
  }
  typedef uint16_t v32w __attribute__((vector_size(64)));
  v32w even = ((v32w)weights & 255) - (uint16_t)f.offset, odd = ((v32w)weights >> 8) - (uint16_t)f.offset;
  memcpy(group + quad * 256 + half * 64, &even, 64);
  memcpy(group + quad * 256 + 128 + half * 64, &odd, 64);
}

// How many quads' products fit 16 bits: those of the largest weight with -128, twice for each quad.
INLINE int quads_together(int bits) { return bits == 4 ? 8 : bits == 5 ? 4 : 2; }
_Static_assert(8 * 2 * 15 * 128 < 32768 && 4 * 2 * 31 * 128 < 32768 && 2 * 2 * 63 * 128 < 32768, "sums of pairs fit");

// dot_pairs in the order of the source, where more than two come together.
INLINE v32s dot_more_pairs(ik_format f, v32s sums, v64u weights, int32_t activations) {
  sums = dot_pairs(sums, weights, activations);
  return quads_together(f.bits) > 2 ? in_order(sums) : sums;
}

// Adds `factor` times `top` of a group, multiplied with sixteen columns.
INLINE v16i add_top_times(
    ik_format f, v16i sums, const uint8_t *weights, const ik_int8_group *group, int columns, int32_t factor
) {
  int32_t top = load_quad_of_activations(group->top);
  v64u w = load_any_quad(weights, f.planes, group->top_quad, columns);
  if (f.bits == 8) return sums + dot4(splat_int(0), w, top) * factor;
  return add_pairs(sums, dot_more_pairs(f, (v32s){0}, w, top), factor);
}

// Where the sums of the halves of a group start.
INLINE void start_halves(
    ik_format f, int rows, const uint8_t *weights, const uint8_t *prepared, const ik_int8_group *x, v16i (*first)[2],
    v16i (*second)[2]
) {
  (void)weights, (void)prepared;
#pragma unroll
  for (int r = 0; r < rows; r++) {
    first[r][0] = first[r][1] = start_sum(f, IK_BIAS_BITS, x[r * IK_CHUNK].sums[0]);
    second[r][0] = second[r][1] = start_sum(f, 0, x[r * IK_CHUNK].sums[1]);
  }
}

// The upper bits come last: the products that are added up in 16 bits need all registers.
INLINE void finish_half(ik_format f, int rows, const uint8_t *weights, const ik_int8_group *x, int half, v16i (*sums)[2]) {
#pragma unroll
  for (int r = 0; r < rows; r++) {
    const ik_int8_group *group = x + r * IK_CHUNK;
    int32_t factor = group->top_quad / 4 == half ? 8 : 0;
    sums[r][0] = add_top_times(f, sums[r][0], weights, group, 0, factor);
    sums[r][1] = add_top_times(f, sums[r][1], weights, group, 1, factor);
  }
}

// Adds the products of the upper bits of a group, which fit, to those of its last quads. `prepared` has eight times the weights.
INLINE void add_top_pairs(ik_format f, const uint8_t *prepared, const ik_int8_group *group, v32s pairs[2]) {
  int32_t top = load_quad_of_activations(group->top);
  const uint8_t *quad = prepared + group->top_quad * 128;
  pairs[0] = dot_more_pairs(f, pairs[0], load_bytes(quad), top);
  pairs[1] = dot_more_pairs(f, pairs[1], load_bytes(quad + 64), top);
}

// Adds the products of quads first ..< last of a group, of weights of less than eight bits, to the sums of `rows` rows; with `prepared`
// those of the upper bits too, which must fit.
INLINE void add_quads_and_top(
    ik_format f, int rows, const uint8_t *weights, const uint8_t *prepared, const ik_int8_group *x, int first, int last, v16i (*sums)[2]
) {
  int together = quads_together(f.bits) < last - first ? quads_together(f.bits) : last - first;
#pragma unroll
  for (int from = first; from < last; from += together) {
    v32s pairs[MOST_ROWS][2];
#pragma unroll
    for (int r = 0; r < rows; r++) pairs[r][0] = pairs[r][1] = (v32s){0};
#pragma unroll
    for (int quad = from; quad < from + together; quad++) {
      v64u w0 = load_quad(weights, f.planes, quad, 0), w1 = load_quad(weights, f.planes, quad, 1);
#pragma unroll
      for (int r = 0; r < rows; r++) {
        int32_t a = load_quad_of_activations(x[r * IK_CHUNK].values + quad * 4);
        pairs[r][0] = dot_more_pairs(f, pairs[r][0], w0, a);
        pairs[r][1] = dot_more_pairs(f, pairs[r][1], w1, a);
      }
    }
    if (prepared && from + together == last) {
#pragma unroll
      for (int r = 0; r < rows; r++) add_top_pairs(f, prepared, x + r * IK_CHUNK, pairs[r]);
    }
#pragma unroll
    for (int r = 0; r < rows; r++) {
      sums[r][0] = add_pairs(sums[r][0], pairs[r][0], 1);
      sums[r][1] = add_pairs(sums[r][1], pairs[r][1], 1);
    }
  }
}

// Adds the products of quads first ..< last of a group to the sums of `rows` rows.
INLINE void add_quads(
    ik_format f, int rows, const uint8_t *weights, const ik_int8_group *x, int first, int last, v16i (*sums)[2]
) {
  if (f.bits == 8) {
    add_quads_of_four(f, rows, weights, x, first, last, sums);
  } else {
    add_quads_and_top(f, rows, weights, NULL, x, first, last, sums);
  }
}

// The activations of a group as 16-bit integers, with the upper bits of the top quad: of each quad inputs 0 and 2, then inputs 1 and 3.
// They are at most 8 * 128 + 127, so that 32 of them times weights of eight bits fit 32 bits.
typedef struct widened {
  _Alignas(32) int32_t pairs[2][8];
} widened;

INLINE void widen(const ik_int8_group *group, widened *out) {
  v16s bytes;
  memcpy(&bytes, group->values, 32);
  int32_t top = load_quad_of_activations(group->top);
  v16s tops = (v16s)(v8i){top, top, top, top, top, top, top, top};
  v8i is_top = (v8i){0, 1, 2, 3, 4, 5, 6, 7} == group->top_quad;
  v16s even = ((bytes << 8) >> 8) + ((v16s)is_top & (tops << 8 >> 5)), odd = (bytes >> 8) + ((v16s)is_top & (tops >> 8 << 3));
  memcpy(out->pairs[0], &even, 32);
  memcpy(out->pairs[1], &odd, 32);
}

// The sums of a group of prepared weights.
INLINE void multiply_widened(int rows, const uint8_t *prepared, const ik_int8_group *x, v16i (*sums)[2]) {
  widened activations[MOST_ROWS];
#pragma unroll
  for (int r = 0; r < rows; r++) widen(x + r * IK_CHUNK, &activations[r]);
  // They are loaded one by one, not shuffled out of registers.
  __asm__ volatile("" : "+m"(activations));
#pragma unroll
  for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = splat_int(IK_BIAS_BITS);
#pragma unroll
  for (int i = 0; i < 16; i++) {
    v16i w0 = (v16i)load_bytes(prepared + i * 128), w1 = (v16i)load_bytes(prepared + i * 128 + 64);
#pragma unroll
    for (int r = 0; r < rows; r++) {
      int32_t pair = activations[r].pairs[i % 2][i / 2];
      sums[r][0] = (v16i)in_order((v32s)dot2(sums[r][0], w0, pair));
      sums[r][1] = (v16i)in_order((v32s)dot2(sums[r][1], w1, pair));
    }
  }
}

// Whether the sums of products of the groups of `rows` rows with weights of `bits` bits fit 16 bits, upper bits included.
INLINE bool fit(int rows, int bits, const ik_int8_group *x) {
  bool all = true;
#pragma unroll
  for (int r = 0; r < rows; r++) all &= x[r * IK_CHUNK].fits >= bits;
  return all;
}

INLINE void multiply_group(
    ik_format f, int rows, const uint8_t *weights, const uint8_t *prepared, const ik_int8_group *x, v16i (*sums)[2]
) {
  if (f.bits == 8 && prepared) {
    multiply_widened(rows, prepared, x, sums);
    return;
  }
#pragma unroll
  for (int r = 0; r < rows; r++) {
    sums[r][0] = sums[r][1] = start_sum(f, IK_BIAS_BITS, x[r * IK_CHUNK].sums[0] + x[r * IK_CHUNK].sums[1]);
  }
  // Not for few rows: eight times the weights would have to be made for each, and the sums wait for them.
  if (f.bits < 6 && prepared && fit(rows, f.bits, x)) {
    add_quads_and_top(f, rows, weights, prepared, x, 0, 8, sums);
    return;
  }
  add_quads(f, rows, weights, x, 0, 8, sums);
#pragma unroll
  for (int r = 0; r < rows; r++) {
    sums[r][0] = add_top_times(f, sums[r][0], weights, x + r * IK_CHUNK, 0, 8);
    sums[r][1] = add_top_times(f, sums[r][1], weights, x + r * IK_CHUNK, 1, 8);
  }
}
