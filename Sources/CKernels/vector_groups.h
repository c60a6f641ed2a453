// Products of groups of 32 inputs of the vector tiers: integers, scales, and the upper bits that groups and lists have. Included by
// vector_matmul.h.

// Rows that are computed together with weights that are not unpacked yet; with those that are, it is ROWS.
#define FEW_ROWS 4
enum { MOST_ROWS = ROWS > FEW_ROWS ? ROWS : FEW_ROWS };

// Where the sums of a row start, so that the offset of the weights is taken off `total`, the sum of its integers. With IK_BIAS_BITS
// as `bias` the sums need no conversion to floats.
INLINE v16i start_sum(ik_format f, int32_t bias, int32_t total) { return splat_int(bias - f.offset * total); }

// Adds the products of quads first ..< last of a group to the sums of `rows` rows, four inputs at a time.
INLINE void add_quads_of_four(
    ik_format f, int rows, const uint8_t *weights, const ik_int8_group *x, int first, int last, v16i (*sums)[2]
) {
#pragma unroll
  for (int quad = first; quad < last; quad++) {
    v64u w0 = load_quad(weights, f.planes, quad, 0), w1 = load_quad(weights, f.planes, quad, 1);
#pragma unroll
    for (int r = 0; r < rows; r++) {
      int32_t a = load_quad_of_activations(x[r * IK_CHUNK].values + quad * 4);
      sums[r][0] = dot4_of_format(f, sums[r][0], w0, a);
      sums[r][1] = dot4_of_format(f, sums[r][1], w1, a);
    }
  }
}

// These define the same functions: add_quads, which does what add_quads_of_four does in the way that is best for the tier;
// multiply_group, which makes the sums of a group, beginning with IK_BIAS_BITS; start_halves and finish_half, what comes before and
// behind the quads of its halves, one of them with the upper bits; and has_prepared, prepare and PREPARED_BYTES for a second form of
// the weights of a group that are multiplied with many rows.
#ifdef HAS_PAIRS
#include "vector_dots_in_pairs.h"
#else
#include "vector_dots.h"
#endif

// Sums that began with IK_BIAS_BITS, times the first scales of sixteen columns.
INLINE v16 scaled(v16i sums, const group_scales *scales, int c) {
  return fma16((v16)sums, scales->scales[0][c], scales->biases[c]);
}

// A group whose halves have scales of their own: out += (first * its scale + second * its scale) * that of the activations.
INLINE void add_halves(
    ik_format f, int rows, const uint8_t *weights, const uint8_t *prepared, const group_scales *scales, const ik_int8_group *x,
    v16 (*out)[2]
) {
  v16i sums[2][MOST_ROWS][2];
  v16 products[MOST_ROWS][2];
  start_halves(f, rows, weights, prepared, x, sums[0], sums[1]);
  add_quads(f, rows, weights, x, 0, 4, sums[0]);
  finish_half(f, rows, weights, x, 0, sums[0]);
#pragma unroll
  for (int r = 0; r < rows; r++) {
#pragma unroll
    for (int c = 0; c < 2; c++) products[r][c] = scaled(sums[0][r][c], scales, c);
  }
  add_quads(f, rows, weights, x, 4, 8, sums[1]);
  finish_half(f, rows, weights, x, 1, sums[1]);
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

// Adds one group to `rows` rows: all but the high bits of outliers. `x` is the group of the first row, and `prepared` the second form
// of the weights, or NULL.
INLINE void add_group(
    ik_format f, int rows, const uint8_t *weights, const uint8_t *prepared, const group_scales *scales, const ik_int8_group *x,
    v16 (*out)[2]
) {
  if (f.scaling == IK_SCALE_SUPER_HALF) {
    add_halves(f, rows, weights, prepared, scales, x, out);
    return;
  }
  v16i sums[MOST_ROWS][2];
  multiply_group(f, rows, weights, prepared, x, sums);
#pragma unroll
  for (int r = 0; r < rows; r++) {
    v16 scale = splat(x[r * IK_CHUNK].scale);
#pragma unroll
    for (int c = 0; c < 2; c++) out[r][c] = fma16(scaled(sums[r][c], scales, c), scale, out[r][c]);
  }
  if (has_minimum(f.scaling)) {
#pragma unroll
    for (int r = 0; r < rows; r++) {
      v16 sum = splat(x[r * IK_CHUNK].scaled_sum);
      out[r][0] = fma16(sum, scales->minimums[0], out[r][0]);
      out[r][1] = fma16(sum, scales->minimums[1], out[r][1]);
    }
  }
}

// Adds the high bits of an outlier to its row. `weights` are those of its group, which has the scales `scales`; `x` is the row's
// first group of the chunk.
INLINE void add_outlier(
    ik_format f, const uint8_t *weights, const group_scales *scales, const ik_outliers *entry, const ik_int8_group *x, v16 out[2]
) {
  int quad = entry->quad % 8, half = quad / (8 / halves_of(f.scaling));
  int32_t high = load_quad_of_activations(entry->high);
  v16i start = splat_int(0);
  if (f.offset != 0) start -= dot4_of_format(f, start, splat_byte((uint8_t)f.offset), high);
  v16 scale = splat(x[entry->quad / 8].scale * 128.0f);
#pragma unroll
  for (int c = 0; c < 2; c++) {
    v16i sums = dot4_of_format(f, start, load_any_quad(weights, f.planes, quad, c), high);
    out[c] = fma16(to_float(sums) * scale, scales->scales[half][c], out[c]);
  }
}
