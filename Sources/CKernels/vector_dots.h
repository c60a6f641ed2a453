// Sums of products of a group's integers, of tiers with dot products of four bytes. Included by vector_groups.h.

// The weights times what is missing in `top`, or in `raised`, so that the upper bits take one product of each group and nothing else.
// They fit a byte, so that nothing goes from one to the next.
enum { PREPARED_BYTES = 1024 };
INLINE bool has_prepared(ik_format f) { return f.bits < 8; }
INLINE void prepare(ik_format f, v64u weights, int quad, int half, uint8_t *group) {
  weights = (v64u)((v16i)weights << (f.bits < 6 ? 3 : 2));
  memcpy(group + quad * 128 + half * 64, &weights, 64);
}

// The products of the upper bits of a group's top quad with sixteen columns, and `bias`, a multiple of 8 as all offsets are.
INLINE v16i top_products(ik_format f, int32_t bias, const uint8_t *weights, const ik_int8_group *group, int columns) {
  int32_t top = load_quad_of_activations(group->top);
  v16i start = splat_int(bias >> 3);
  return dot4_of_format(f, start, load_any_quad(weights, f.planes, group->top_quad, columns), top) << 3;
}

INLINE void add_quads(
    ik_format f, int rows, const uint8_t *weights, const ik_int8_group *x, int first, int last, v16i (*sums)[2]
) {
  add_quads_of_four(f, rows, weights, x, first, last, sums);
}

INLINE void multiply_group(
    ik_format f, int rows, const uint8_t *weights, const uint8_t *prepared, const ik_int8_group *x, v16i (*sums)[2]
) {
#pragma unroll
  for (int r = 0; r < rows; r++) {
    const ik_int8_group *group = x + r * IK_CHUNK;
    int32_t total = group->sums[0] + group->sums[1], top = load_quad_of_activations(group->top);
#pragma unroll
    for (int c = 0; c < 2; c++) {
      if (prepared) {
        v64u w = load_bytes(prepared + group->top_quad * 128 + c * 64);
        sums[r][c] = dot4(start_sum(f, IK_BIAS_BITS, total), w, top);
      } else {
        sums[r][c] = top_products(f, IK_BIAS_BITS - f.offset * total, weights, group, c);
      }
    }
  }
  add_quads(f, rows, weights, x, 0, 8, sums);
}

// Where the sums of the halves of a group start. If the upper bits are not wide, prepared weights take one product for each half.
INLINE void start_halves(
    ik_format f, int rows, const uint8_t *weights, const uint8_t *prepared, const ik_int8_group *x, v16i (*first)[2],
    v16i (*second)[2]
) {
  int32_t wide = prepared ? 0 : 1;
#pragma unroll
  for (int r = 0; r < rows; r++) wide |= x[r * IK_CHUNK].is_wide;
#pragma unroll
  for (int r = 0; r < rows; r++) {
    const ik_int8_group *group = x + r * IK_CHUNK;
    first[r][0] = first[r][1] = start_sum(f, IK_BIAS_BITS, group->sums[0]);
    second[r][0] = second[r][1] = start_sum(f, 0, group->sums[1]);
  }
  if (wide) {
#pragma unroll
    for (int r = 0; r < rows; r++) {
      const ik_int8_group *group = x + r * IK_CHUNK;
      v16i is_first = splat_int(-(group->top_quad < 4));
#pragma unroll
      for (int c = 0; c < 2; c++) {
        v16i top = top_products(f, 0, weights, group, c);
        first[r][c] += top & is_first;
        second[r][c] += top & ~is_first;
      }
    }
  } else {
#pragma unroll
    for (int r = 0; r < rows; r++) {
      const ik_int8_group *group = x + r * IK_CHUNK;
      int32_t of_first = load_quad_of_activations(group->raised[0]), of_second = load_quad_of_activations(group->raised[1]);
#pragma unroll
      for (int c = 0; c < 2; c++) {
        v64u w = load_bytes(prepared + group->top_quad * 128 + c * 64);
        first[r][c] = dot4(first[r][c], w, of_first);
        second[r][c] = dot4(second[r][c], w, of_second);
      }
    }
  }
}

INLINE void finish_half(ik_format f, int rows, const uint8_t *weights, const ik_int8_group *x, int half, v16i (*sums)[2]) {
  (void)f, (void)rows, (void)weights, (void)x, (void)half, (void)sums;
}
