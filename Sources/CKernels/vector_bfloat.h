// Products with weights in bfloat16, of the vector tiers, and what rounds activations for them. Included by
// vector_kernels.h.
//
// The inputs of a sum are taken in pairs, and of a pair the odd one first:
//
//   sum = fma(x[2p], w[2p], fma(x[2p + 1], w[2p + 1], sum))
//
// That is what the x86 instruction for dot products of bfloat16 does but for subnormal numbers, of which there are none
// (see ik_bfloat_rows), and so two fused multiplications give the same bits where it is missing. The instruction of that
// name on ARM rounds in another way and is not used. Sums start from 0; bias and what is added to come last.

#ifndef dot_bfloats
INLINE v16 dot_bfloats(v16 sums, v16i weights, int32_t activations) {
  v16i a = splat_int(activations), upper = splat_int((int32_t)0xffff0000u);
  sums = fma16((v16)(a & upper), (v16)(weights & upper), sums);
  return fma16((v16)(a << 16), (v16)(weights << 16), sums);
}
#endif

INLINE v16i load_ints(const void *p) {
  v16i v;
  memcpy(&v, p, 64);
  return v;
}

// Adds a chunk of `pairs` pairs of inputs to the sums of `rows` rows, the first chunk to zeros.
INLINE void add_bfloats(
    int rows, const uint8_t *weights, const uint16_t *x, int32_t pairs, bool is_first, float (*totals)[IK_TILE]
) {
  v16 sums[BFLOAT_ROWS][2];
#pragma unroll
  for (int r = 0; r < rows; r++) {
    sums[r][0] = is_first ? splat(0.0f) : load(totals[r]);
    sums[r][1] = is_first ? splat(0.0f) : load(totals[r] + 16);
  }
  for (int32_t p = 0; p < pairs; p++) {
    v16i w0 = load_ints(weights + (size_t)p * 128), w1 = load_ints(weights + (size_t)p * 128 + 64);
#pragma unroll
    for (int r = 0; r < rows; r++) {
      int32_t a;
      memcpy(&a, x + r * IK_BFLOAT_CHUNK + 2 * p, 4);
      sums[r][0] = dot_bfloats(sums[r][0], w0, a);
      sums[r][1] = dot_bfloats(sums[r][1], w1, a);
    }
  }
#pragma unroll
  for (int r = 0; r < rows; r++) {
    store(totals[r], sums[r][0]);
    store(totals[r] + 16, sums[r][1]);
  }
}

// One item: a chunk of the weights, which stays in the first-level cache, for all of its rows, then the next one.
INLINE void bfloat_tile(const ik_matmul *m, ik_matmul_part part) {
  const ik_bfloat_rows *x = m->bfloat;
  const uint8_t *weights = m->tiles + (size_t)part.tile * m->tile_bytes;
  int32_t rows = part.rows, first = part.tile * IK_TILE;
  int32_t columns = m->outputs - first < IK_TILE ? m->outputs - first : IK_TILE;
  _Alignas(64) float totals[IK_ROW_BLOCK][IK_TILE];
  for (int32_t chunk = 0; chunk < ik_bfloat_chunks(m->inputs); chunk++) {
    const uint16_t *values = x->values + ik_bfloat_index(x, part.first_row, chunk);
    int32_t left = m->inputs - chunk * IK_BFLOAT_CHUNK, pairs = left < IK_BFLOAT_CHUNK ? (left + 1) / 2 : IK_BFLOAT_CHUNK / 2;
    bool is_first = chunk == 0;
    int32_t r = 0;
#define ADD_PAIRS(count)                                                                                              \
  add_bfloats(count, weights, values + (size_t)r * IK_BFLOAT_CHUNK, pairs, is_first, totals + r);                     \
  r += count;
    while (r + BFLOAT_ROWS <= rows) { ADD_PAIRS(BFLOAT_ROWS) }
    if (BFLOAT_ROWS > 4 && r + 4 <= rows) { ADD_PAIRS(4) }
    if (BFLOAT_ROWS > 2 && r + 2 <= rows) { ADD_PAIRS(2) }
    if (r < rows) { ADD_PAIRS(1) }
#undef ADD_PAIRS
    weights += IK_BFLOAT_CHUNK * IK_TILE * 2;
  }
  for (int32_t r = 0; r < rows; r++) {
    v16 sums[2];
    start_row(m, part.first_row + r, first, columns, sums);
    sums[0] += load(totals[r]);
    sums[1] += load(totals[r] + 16);
    finish_row(m, part.first_row + r, first, columns, sums);
  }
}

static __attribute__((noinline)) void matmul_IK_BF16(const ik_matmul *m, int32_t begin, int32_t end) {
  for (int32_t item = begin; item < end; item++) bfloat_tile(m, ik_matmul_part_of(m, item));
}

// Rounds a row of activations.
static void round_row(const float *x, int32_t columns, const ik_bfloat_rows *out, int32_t row) {
  for (int32_t chunk = 0; chunk < ik_bfloat_chunks(columns); chunk++, x += IK_BFLOAT_CHUNK) {
    uint16_t *values = out->values + ik_bfloat_index(out, row, chunk);
    int32_t left = columns - chunk * IK_BFLOAT_CHUNK, count = left < IK_BFLOAT_CHUNK ? left : IK_BFLOAT_CHUNK, i = 0;
    for (; i + 16 <= count; i += 16) {
      v16 v = load(x + i);
      v16i is_small = __builtin_elementwise_abs(v) < IK_BFLOAT_LEAST_ACTIVATION;
      store_bfloat(values + i, (v16)((v16i)v & ~is_small));
    }
    for (; i < count; i++) values[i] = ik_bounded_bfloat_activation(x[i]);
    if (count % 2 == 1) values[count] = 0;
  }
}
