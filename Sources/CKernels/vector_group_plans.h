// How groups of activations are quantized: their scales, and the quad of each that has the largest value. Included by vector_quantize.h,
// which uses the same shuffles and undefines their macros.

// Vectors are four lanes of 128 bits. The even, and the odd, ones of the four numbers of each lane of `a`, then of `b`.
#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 17, 19, 5, 7, 21, 23, 9, 11, 25, 27, 13, 15, 29, 31)
// The first two, and the last two, of each lane of `a` and `b` in turns.
#define FIRST_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define LAST_PAIRS(a, b) __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
// The lower, and the upper, half of each lane of `a`, then of `b`.
#define LOWER_HALVES(a, b) __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define UPPER_HALVES(a, b) __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
// Lanes 0 and 2, and 1 and 3, of `a`, then of `b`.
#define EVEN_LANES(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
#define ODD_LANES(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)
// Numbers i ..< i + 4, each four times.
#define FOUR_TIMES(v, i) \
  __builtin_shufflevector(v, v, i, i, i, i, i + 1, i + 1, i + 1, i + 1, i + 2, i + 2, i + 2, i + 2, i + 3, i + 3, i + 3, i + 3)
#define LARGER(a, b) __builtin_elementwise_max(a, b)

// Sixteen groups that lie behind each other, maybe of several rows. There is something to be read and written for each, also
// where there are fewer groups.
typedef struct group_block {
  const float *x;
  float outliers[16];         // from where on values of their row are outliers
  int32_t finite[16];         // all bits set where the sum of squares of their row is finite
  ik_int8_group *groups[16];
} group_block;

// How sixteen groups are quantized: their scales, see ik_int8_rows, and what to multiply with to divide by them; the quad that
// has the largest value; all bits set where another one is an outlier, in a finite row.
typedef struct group_plans {
  v16 scales, inverses;
  v16i quads, listed;
} group_plans;

INLINE group_plans plan_groups(const group_block *block) {
  // The largest magnitude of each quad of the sixteen groups. The bits of floats that are not negative are ordered as the
  // floats are.
  v16i quads[8];
#pragma unroll
  for (int half = 0; half < 2; half++) {
    v16i fours[4];   // [four groups]: number j of lane i is that of quad i of group j
#pragma unroll
    for (int four = 0; four < 4; four++) {
      v16i v[4];
#pragma unroll
      for (int j = 0; j < 4; j++) v[j] = (v16i)load(block->x + (4 * four + j) * IK_GROUP + 16 * half) & 0x7fffffff;
      v16i ab = LARGER(EVENS(v[0], v[1]), ODDS(v[0], v[1])), cd = LARGER(EVENS(v[2], v[3]), ODDS(v[2], v[3]));
      fours[four] = LARGER(EVENS(ab, cd), ODDS(ab, cd));
    }
    v16i a = EVEN_LANES(fours[0], fours[1]), b = EVEN_LANES(fours[2], fours[3]);
    v16i c = ODD_LANES(fours[0], fours[1]), d = ODD_LANES(fours[2], fours[3]);
    quads[4 * half] = EVEN_LANES(a, b);
    quads[4 * half + 1] = EVEN_LANES(c, d);
    quads[4 * half + 2] = ODD_LANES(a, b);
    quads[4 * half + 3] = ODD_LANES(c, d);
  }
  v16i key = splat_int(0), peak = splat_int(0), ordinary = splat_int(0), beyond = splat_int(0);
#pragma unroll
  for (int quad = 0; quad < 8; quad++) {
    // Of quads with the same leading bits the first one counts as the largest.
    key = LARGER(key, (quads[quad] & ~7) | (7 - quad));
    peak = LARGER(peak, quads[quad]);
  }
  group_plans plans = {.quads = 7 - (key & 7)};
  v16i limit = (v16i)load(block->outliers);
#pragma unroll
  for (int quad = 0; quad < 8; quad++) {
    v16i others = quads[quad] & (plans.quads != quad), within = others & (others <= limit);
    ordinary = LARGER(ordinary, within);
    beyond |= others ^ within;
  }
  memcpy(&plans.listed, block->finite, sizeof plans.listed);
  plans.listed &= beyond != 0;
  plans.scales = max16((v16)ordinary / 127.0f, (v16)peak / 16256.0f);
  plans.inverses = select16(plans.scales > IK_SMALLEST_SCALE, 1.0f / plans.scales, splat(0.0f));
  return plans;
}
