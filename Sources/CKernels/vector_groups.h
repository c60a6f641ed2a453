// Products of groups of 32 inputs of the vector tiers: integers, scales, and the upper bits that groups and lists have. Included by
// vector_matmul.h.

// Rows that are computed together with weights that are not unpacked yet; with those that are, it is ROWS.
#define FEW_ROWS 4

// Where the sums of a row start, so that the offset of the weights is taken off `total`, the sum of its integers.
INLINE v16i start_sum(int offset, int32_t total) { return offset == 0 ? splat_int(0) : -(splat_int(total) * offset); }

// Products of the upper bits of a group's top quad with sixteen columns.
INLINE v16i top_products(int planes, int offset, const uint8_t *weights, const ik_int8_group *group, int columns) {
  int32_t top = load_quad_of_activations(group->top);
  return dot4_of_format(offset, splat_int(0), load_any_quad(weights, planes, group->top_quad, columns), top) << 7;
}

// Adds the products of quads first ..< last of a group to the sums of `rows` rows.
INLINE void add_quads(
    int planes, int offset, int rows, const uint8_t *weights, const ik_int8_group *x, int first, int last, v16i (*sums)[2]
) {
#pragma unroll
  for (int quad = first; quad < last; quad++) {
    v64u w0 = load_quad(weights, planes, quad, 0), w1 = load_quad(weights, planes, quad, 1);
#pragma unroll
    for (int r = 0; r < rows; r++) {
      int32_t a = load_quad_of_activations(x[r * IK_CHUNK].values + quad * 4);
      sums[r][0] = dot4_of_format(offset, sums[r][0], w0, a);
      sums[r][1] = dot4_of_format(offset, sums[r][1], w1, a);
    }
  }
}

// Where the sums of the halves of a group start: the offset, and the products of the upper bits of the top quad. With `raised`,
// the weights times 4, these take one product for each half and nothing else.
INLINE void start_halves(
    int planes, int offset, int rows, const uint8_t *weights, const uint8_t *raised, const ik_int8_group *x, v16i (*first)[2],
    v16i (*second)[2]
) {
  int32_t wide = raised ? 0 : 1;
#pragma unroll
  for (int r = 0; r < rows; r++) wide |= x[r * IK_CHUNK].is_wide;
#pragma unroll
  for (int r = 0; r < rows; r++) {
    const ik_int8_group *group = x + r * IK_CHUNK;
    first[r][0] = first[r][1] = start_sum(offset, group->sums[0]);
    second[r][0] = second[r][1] = start_sum(offset, group->sums[1]);
  }
  if (wide) {
#pragma unroll
    for (int r = 0; r < rows; r++) {
      const ik_int8_group *group = x + r * IK_CHUNK;
      v16i is_first = splat_int(-(group->top_quad < 4));
#pragma unroll
      for (int c = 0; c < 2; c++) {
        v16i top = top_products(planes, offset, weights, group, c);
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
        v64u w = load_bytes(raised + group->top_quad * 128 + c * 64);
        first[r][c] = dot4(first[r][c], w, of_first);
        second[r][c] = dot4(second[r][c], w, of_second);
      }
    }
  }
}

// A group whose halves have scales of their own: out += (first * its scale + second * its scale) * that of the activations.
INLINE void add_halves(
    int planes, int offset, int rows, const uint8_t *weights, const uint8_t *raised, const group_scales *scales,
    const ik_int8_group *x, v16 (*out)[2]
) {
  v16i sums[2][ROWS > FEW_ROWS ? ROWS : FEW_ROWS][2];
  v16 products[ROWS > FEW_ROWS ? ROWS : FEW_ROWS][2];
  start_halves(planes, offset, rows, weights, raised, x, sums[0], sums[1]);
  add_quads(planes, offset, rows, weights, x, 0, 4, sums[0]);
#pragma unroll
  for (int r = 0; r < rows; r++) {
#pragma unroll
    for (int c = 0; c < 2; c++) products[r][c] = to_float(sums[0][r][c]) * scales->scales[0][c];
  }
  add_quads(planes, offset, rows, weights, x, 4, 8, sums[1]);
#pragma unroll
  for (int r = 0; r < rows; r++) {
    v16 scale = splat(x[r * IK_CHUNK].scale);
#pragma unroll
    for (int c = 0; c < 2; c++) {
      v16 both = fma16(to_float(sums[1][r][c]), scales->scales[1][c], products[r][c]);
      out[r][c] = fma16(both, scale, out[r][c]);
    }
  }
}

// Adds one group to `rows` rows: all but the high bits of outliers. `x` is the group of the first row, and `raised` the weights
// times 4 or NULL.
INLINE void add_group(
    ik_scaling scaling, int planes, int offset, int rows, const uint8_t *weights, const uint8_t *raised,
    const group_scales *scales, const ik_int8_group *x, v16 (*out)[2]
) {
  if (scaling == IK_SCALE_SUPER_HALF) {
    add_halves(planes, offset, rows, weights, raised, scales, x, out);
    return;
  }
  v16i sums[ROWS > FEW_ROWS ? ROWS : FEW_ROWS][2];
#pragma unroll
  for (int r = 0; r < rows; r++) {
    const ik_int8_group *group = x + r * IK_CHUNK;
    v16i start = start_sum(offset, group->sums[0] + group->sums[1]);
    sums[r][0] = start + top_products(planes, offset, weights, group, 0);
    sums[r][1] = start + top_products(planes, offset, weights, group, 1);
  }
  add_quads(planes, offset, rows, weights, x, 0, 8, sums);
#pragma unroll
  for (int r = 0; r < rows; r++) {
    v16 scale = splat(x[r * IK_CHUNK].scale);
#pragma unroll
    for (int c = 0; c < 2; c++) out[r][c] = fma16(to_float(sums[r][c]) * scale, scales->scales[0][c], out[r][c]);
  }
  if (has_minimum(scaling)) {
#pragma unroll
    for (int r = 0; r < rows; r++) {
      v16 sum = splat(x[r * IK_CHUNK].scaled_sum);
      out[r][0] = fma16(sum, scales->minimums[0], out[r][0]);
      out[r][1] = fma16(sum, scales->minimums[1], out[r][1]);
    }
  }
}

// Adds the high bits of a row's outliers of one chunk. The groups of the chunk have their weights at `weights`, `stride`
// bytes apart. Their scales are `panel_scales` or, if that is NULL, stored before them and in their header.
INLINE void add_outliers(
    ik_scaling scaling, int planes, int offset, const uint8_t *weights, size_t stride, const group_scales *panel_scales,
    const uint8_t *header, const super_scales *super, const ik_outliers *entries, int32_t count, const ik_int8_group *x, v16 out[2]
) {
  for (int32_t i = 0; i < count; i++) {
    int g = entries[i].quad / 8, quad = entries[i].quad % 8, half = quad / (8 / halves_of(scaling));
    int32_t high = load_quad_of_activations(entries[i].high);
    const uint8_t *group = weights + (size_t)g * stride;
    v16i start = splat_int(0);
    if (offset != 0) start -= dot4_of_format(offset, start, splat_byte((uint8_t)offset), high);
    v16 scale = splat(x[g].scale * 128.0f);
    group_scales scales;
    if (!panel_scales) load_scales(scaling, header, g, group - ik_scale_bytes(scaling), super, &scales);
    const group_scales *s = panel_scales ? panel_scales + g : &scales;
#pragma unroll
    for (int c = 0; c < 2; c++) {
      v16i sums = dot4_of_format(offset, start, load_any_quad(group, planes, quad, c), high);
      out[c] = fma16(to_float(sums) * scale, s->scales[half][c], out[c]);
    }
  }
}
