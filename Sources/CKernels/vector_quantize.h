// Quantization of rows of activations of the vector tiers: sixteen groups at a time, one to a lane. Included by
// vector_rows.h.

typedef int8_t v16b __attribute__((vector_size(16)));

// Sum of the squares of a row: number i belongs to running sum i % 64.
INLINE float sum_of_squares(const float *x, int32_t columns) {
  v16 sums[4] = {splat(0.0f), splat(0.0f), splat(0.0f), splat(0.0f)};
  int32_t i = 0;
  for (; i + 64 <= columns; i += 64) {
#pragma unroll
    for (int j = 0; j < 4; j++) sums[j] = fma16(load(x + i + 16 * j), load(x + i + 16 * j), sums[j]);
  }
#pragma unroll
  for (int j = 0; j < 4; j++) {
    if (i + 16 * j >= columns) break;
    v16 v = load_some(x + i + 16 * j, columns - i - 16 * j);
    sums[j] = fma16(v, v, sums[j]);
  }
  return sum_lanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

#include "vector_group_plans.h"

// To the nearest integer, ties to even: adding 1.5 * 2^23 leaves it in the low bits.
INLINE v16i rounded(v16 v) { return (v16i)(v + 12582912.0f) - 0x4b400000; }

// Sets all lanes of the quads that have a set one.
INLINE v16i whole_quads(v16i mask) {
  mask |= __builtin_shufflevector(mask, mask, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
  return mask | __builtin_shufflevector(mask, mask, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}

// What is written of each group besides its values: eight fields of four bytes, in the order of ik_int8_group.
_Static_assert(sizeof(ik_int8_group) == 64 && offsetof(ik_int8_group, top) == 32, "the fields stand behind the values");
typedef struct group_ends {
  v16i fields[8];
} group_ends;

// Writes it: number i of field f belongs to group i.
INLINE void store_ends(const group_ends *ends, const group_block *block) {
  _Alignas(64) int32_t halves[2][4][16];   // [fields][group % 4][group / 4][field % 4]
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const v16i *f = ends->fields + 4 * half;
    v16i a = FIRST_PAIRS(f[0], f[1]), b = FIRST_PAIRS(f[2], f[3]), c = LAST_PAIRS(f[0], f[1]), d = LAST_PAIRS(f[2], f[3]);
    v16i rows[4] = {LOWER_HALVES(a, b), UPPER_HALVES(a, b), LOWER_HALVES(c, d), UPPER_HALVES(c, d)};
    memcpy(halves[half], rows, sizeof rows);
  }
  for (int32_t i = 0; i < 16; i++) {
    char *fields = (char *)block->groups[i] + offsetof(ik_int8_group, top);
    memcpy(fields, &halves[0][i % 4][i / 4 * 4], 16);
    memcpy(fields + 16, &halves[1][i % 4][i / 4 * 4], 16);
  }
}

// What is known of sixteen groups when their values are written.
typedef struct group_sums {
  int32_t halves[2][16];      // sums of the integers, of the halves, without the upper bits of outliers
  int32_t outliers[16];       // sum of these
} group_sums;

// Takes the upper bits of outliers off the integers of group `i` and writes them to `high`.
static __attribute__((noinline)) void take_upper_bits(
    const group_block *block, int32_t i, float inverse, int32_t quad, int8_t *high, group_sums *sums
) {
  const v16i quads = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
  for (int half = 0; half < 2; half++) {
    v16 x = load(block->x + i * IK_GROUP + 16 * half);
    v16i q = rounded(x * inverse);
    v16i large = whole_quads(__builtin_elementwise_abs(x) > block->outliers[i]) & (quads + 4 * half != quad);
    v16i upper = ((q + 64) >> 7) & large;
    v16b bytes = __builtin_convertvector(upper, v16b), lower = __builtin_convertvector(q - (upper << 7), v16b);
    memcpy(high + 16 * half, &bytes, 16);
    memcpy(block->groups[i]->values + 16 * half, &lower, 16);
    int32_t sum = 128 * __builtin_reduce_add(upper);
    sums->halves[half][i] -= sum;
    sums->outliers[i] += sum;
  }
}

// Whether one of the four bytes of each lane does not have as few bits as `bits`, with their sign.
INLINE v16i is_beyond(v16i bytes, int bits) {
  int32_t half = (1 << (bits - 1)) * 0x01010101, rest = (int32_t)((0xffu << bits & 0xff) * 0x01010101u);
  v16i moved = ((bytes & 0x7f7f7f7f) + half) ^ (bytes & (int32_t)0x80808080);
  return (moved & rest) != 0;
}

// Moves the upper bits `upper` of the top quad of group `i` to its list.
static __attribute__((noinline)) void list_top(int32_t i, int32_t quad, int32_t upper, int32_t *listed, int8_t *high, group_sums *sums) {
  if (!*listed) memset(high, 0, IK_GROUP);
  *listed = -1;
  memcpy(high + 4 * quad, &upper, 4);
  int32_t sum = 0;
  for (int32_t j = 0; j < 4; j++) sum += 128 * high[4 * quad + j];
  sums->halves[quad / 4][i] -= sum;
  sums->outliers[i] += sum;
}

// Writes the integers of sixteen groups as bytes, and their sums.
INLINE void store_values(const group_block *block, const float inverses[16], group_sums *sums) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    v16i fours[4];   // [four groups]: number j of lane i is the sum of quad i of group j
#pragma unroll
    for (int four = 0; four < 4; four++) {
      v16i q[4];
#pragma unroll
      for (int j = 0; j < 4; j++) {
        int group = 4 * four + j;
        q[j] = rounded(load(block->x + group * IK_GROUP + 16 * half) * inverses[group]);
        v16b bytes = __builtin_convertvector(q[j], v16b);
        memcpy(block->groups[group]->values + 16 * half, &bytes, 16);
      }
      v16i ab = EVENS(q[0], q[1]) + ODDS(q[0], q[1]), cd = EVENS(q[2], q[3]) + ODDS(q[2], q[3]);
      fours[four] = EVENS(ab, cd) + ODDS(ab, cd);
    }
    v16i ab = EVEN_LANES(fours[0], fours[1]) + ODD_LANES(fours[0], fours[1]);
    v16i cd = EVEN_LANES(fours[2], fours[3]) + ODD_LANES(fours[2], fours[3]);
    v16i all = EVEN_LANES(ab, cd) + ODD_LANES(ab, cd);
    memcpy(sums->halves[half], &all, sizeof all);
  }
}

#ifdef HAS_PAIRS
#include "vector_fits.h"
#endif

// Quantizes the groups of a block; what becomes of those of rows that are not finite is not said. `high` gets the upper bits of
// outliers of the groups for which `listed` says that there are some. Returns whether there are any.
static bool quantize_block(const group_block *block, int32_t listed[16], int8_t high[16][IK_GROUP]) {
  group_plans plans = plan_groups(block);
  _Alignas(64) float inverses[16], tops[64];
  int32_t quads[16];
  group_sums sums = {0};
  store(inverses, plans.inverses);
  memcpy(quads, &plans.quads, sizeof quads);
  memcpy(listed, &plans.listed, sizeof plans.listed);
  for (int32_t i = 0; i < 16; i++) memcpy(tops + 4 * i, block->x + i * IK_GROUP + 4 * quads[i], 16);
  store_values(block, inverses, &sums);
  bool any_listed = __builtin_reduce_or(plans.listed) != 0;
  if (any_listed) {
    for (int32_t i = 0; i < 16; i++) {
      if (listed[i]) take_upper_bits(block, i, inverses[i], quads[i], high[i], &sums);
    }
  }
  // The quad with the largest value of each group: its values have the lower bits.
  v16 inverse[4] = {
      FOUR_TIMES(plans.inverses, 0), FOUR_TIMES(plans.inverses, 4), FOUR_TIMES(plans.inverses, 8), FOUR_TIMES(plans.inverses, 12)};
  v16b lower[4], upper[4];
#pragma unroll
  for (int four = 0; four < 4; four++) {
    v16i q = rounded(load(tops + 16 * four) * inverse[four]), top = (q + 64) >> 7;
    lower[four] = __builtin_convertvector(q - (top << 7), v16b);
    upper[four] = __builtin_convertvector(top, v16b);
  }
  for (int32_t i = 0; i < 16; i++) memcpy(block->groups[i]->values + 4 * quads[i], (const int8_t *)lower + 4 * i, 4);

  v16i halves[2], outliers, uppers;
  memcpy(&uppers, upper, sizeof upper);
  v16i far = is_beyond(uppers, 4);
  if (__builtin_reduce_or(far) != 0) {
    for (int32_t i = 0; i < 16; i++) {
      if (far[i]) list_top(i, quads[i], uppers[i], &listed[i], high[i], &sums);
    }
    uppers &= ~far;
    any_listed = true;
  }
  memcpy(halves, sums.halves, sizeof halves);
  memcpy(&outliers, sums.outliers, sizeof outliers);
#ifdef HAS_PAIRS
  v16i fits = bits_that_fit(block->groups, uppers) << 24;
#else
  v16i fits = splat_int(0);
#endif
  // Four bytes at a time.
  v16i top = (uppers & 0x0f0f0f0f) << 4, raised = (uppers & 0x07070707) << 5, wide = is_beyond(uppers, 3) & (1 << 16);
  group_ends ends = {
      .fields = {
          top, raised & (plans.quads < 4), raised & (plans.quads >= 4), halves[0], halves[1], (v16i)plans.scales,
          (v16i)(plans.scales * to_float(outliers + halves[0] + halves[1])), plans.quads | wide | fits}};
  store_ends(&ends, block);
  return any_listed;
}

// Lists the outliers of a block, and quantizes in plain C what belongs to rows that are not finite.
static __attribute__((noinline)) void finish_block(
    const group_block *block, int32_t count, const int32_t listed[16], int8_t high[16][IK_GROUP], const ik_int8_rows *out
) {
  for (int32_t i = 0; i < count; i++) {
    if (!block->finite[i]) ik_quantize_group(block->x + i * IK_GROUP, block->outliers[i], block->groups[i], high[i]);
    if (!block->finite[i] || listed[i]) {
      size_t index = (size_t)(block->groups[i] - out->groups);
      ik_list_outliers(out, index / IK_CHUNK, index % IK_CHUNK, high[i]);
    }
  }
}

// Rows begin ..< end of which `x` has the floats, [end - begin][columns].
static void quantize_rows(const float *x, int32_t columns, const ik_int8_rows *out, int32_t begin, int32_t end) {
  int32_t groups = columns / IK_GROUP, group = 0, row = begin;
  float sum = 0, outlier = 0;
  while (row < end) {
    group_block block = {.x = x};
    bool finite = true;
    int32_t count = 0, listed[16];
    _Alignas(64) int8_t high[16][IK_GROUP];
    // What is left of a chunk, or of the block.
    for (int32_t run; count < 16 && row < end; count += run) {
      int32_t of_chunk = group % IK_CHUNK;
      size_t place = ik_chunk_index(out, row, group / IK_CHUNK);
      if (group == 0) {
        sum = sum_of_squares(x, columns);
        outlier = IK_OUTLIER * sqrtf(sum / (float)columns);
      }
      if (of_chunk == 0) out->outlier_counts[place] = 0;
      run = IK_CHUNK - of_chunk;
      if (run > groups - group) run = groups - group;
      if (run > 16 - count) run = 16 - count;
      for (int32_t i = 0; i < run; i++) {
        block.outliers[count + i] = outlier;
        block.finite[count + i] = -(sum < INFINITY);
        block.groups[count + i] = out->groups + place * IK_CHUNK + of_chunk + i;
        // Of the next row: what belongs to this one would come too late.
        if (row + 1 < end) __builtin_prefetch(block.groups[count + i] + IK_CHUNK, 1);
      }
      finite = finite && sum < INFINITY;
      x += run * IK_GROUP;
      group += run;
      if (group == groups) {
        group = 0;
        row++;
      }
    }
    _Alignas(64) float padded[16 * IK_GROUP];
    ik_int8_group nowhere;
    if (count < 16) {
      memcpy(padded, block.x, (size_t)count * IK_GROUP * 4);
      memset(padded + count * IK_GROUP, 0, (size_t)(16 - count) * IK_GROUP * 4);
      block.x = padded;
      for (int32_t i = count; i < 16; i++) block.groups[i] = &nowhere;
    }
    if (quantize_block(&block, listed, high) || !finite) finish_block(&block, count, listed, high, out);
  }
}
#undef LARGER
#undef FOUR_TIMES
#undef ODD_LANES
#undef EVEN_LANES
#undef UPPER_HALVES
#undef LOWER_HALVES
#undef LAST_PAIRS
#undef FIRST_PAIRS
#undef ODDS
#undef EVENS
