// Matrix products of the vector tiers. Included by vector_kernels.h.

// How many rows share one unpacking of the weights.
#define ROWS 4

INLINE v64u load_bytes(const uint8_t *p) {
  v64u v;
  memcpy(&v, p, 64);
  return v;
}

INLINE v64u with_planes(v64u nibbles, const uint8_t *weights, int planes, int quad, int half) {
  for (int plane = 0; plane < planes; plane++) {
    uint64_t mask;
    memcpy(&mask, weights + 512 + plane * 128 + quad * 16 + half * 8, 8);
    nibbles = add_plane(nibbles, mask, (uint8_t)(16 << plane));
  }
  return nibbles;
}

// Sixteen columns of quad `quad` of a group.
INLINE v64u load_quad(const uint8_t *weights, int planes, int quad, int half) {
  if (planes < 0) return load_bytes(weights + quad * 128 + half * 64);
  v64u packed = load_bytes(weights + quad / 2 * 128 + half * 64);
  v64u nibbles = quad % 2 == 0 ? packed & 15 : packed >> 4;
  return with_planes(nibbles, weights, planes, quad, half);
}

INLINE v16 bytes_to_float(const uint8_t *p) {
  typedef uint8_t v16b __attribute__((vector_size(16)));
  v16b bytes;
  memcpy(&bytes, p, 16);
  return __builtin_convertvector(bytes, v16);
}

INLINE v16 signed_bytes_to_float(const uint8_t *p) {
  typedef int8_t v16b __attribute__((vector_size(16)));
  v16b bytes;
  memcpy(&bytes, p, 16);
  return __builtin_convertvector(bytes, v16);
}

INLINE int32_t load_quad_of_activations(const int8_t *p) {
  int32_t quad;
  memcpy(&quad, p, 4);
  return quad;
}

// Adds one group of `rows` rows and 32 columns to `sums`. `first` and `last` name the quads.
INLINE void dot_group(
    v16i sums[ROWS][2], const uint8_t *weights, int planes, int rows, const int8_t *const values[ROWS], int first, int last
) {
#pragma unroll
  for (int quad = first; quad < last; quad++) {
    v64u w0 = load_quad(weights, planes, quad, 0), w1 = load_quad(weights, planes, quad, 1);
#pragma unroll
    for (int r = 0; r < rows; r++) {
      int32_t a = load_quad_of_activations(values[r] + quad * 4);
      sums[r][0] = dot4(sums[r][0], w0, a);
      sums[r][1] = dot4(sums[r][1], w1, a);
    }
  }
}

// The same for wide groups: the sums of both parts side by side, so that weights are unpacked once.
INLINE void dot_wide_group(
    v16i high[ROWS][2], v16i low[ROWS][2], const uint8_t *weights, int planes, int rows, const int8_t *const values[ROWS],
    ptrdiff_t to_low, int first, int last
) {
#pragma unroll
  for (int quad = first; quad < last; quad++) {
    v64u w0 = load_quad(weights, planes, quad, 0), w1 = load_quad(weights, planes, quad, 1);
#pragma unroll
    for (int r = 0; r < rows; r++) {
      int32_t a = load_quad_of_activations(values[r] + quad * 4);
      int32_t b = load_quad_of_activations(values[r] + to_low + quad * 4);
      high[r][0] = dot4(high[r][0], w0, a);
      high[r][1] = dot4(high[r][1], w1, a);
      low[r][0] = dot4(low[r][0], w0, b);
      low[r][1] = dot4(low[r][1], w1, b);
    }
  }
}

INLINE v16i splat_int(int32_t x) { return (v16i){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }

// `rows` rows of one tile of an integer format; sums[r][half] in float32.
INLINE void integer_tile(
    ik_scaling scaling, int planes, int offset, int rows, const uint8_t *tile, const ik_int8_rows *x, int32_t row,
    v16 out[ROWS][2]
) {
  int32_t groups = x->groups;
  const int8_t *values[ROWS];
  const float *scales[ROWS], *scaled_sums[ROWS];
  const int32_t *half_sums[ROWS];
  const uint8_t *is_wide[ROWS];
#pragma unroll
  for (int r = 0; r < rows; r++) {
    values[r] = x->values + (size_t)(row + r) * groups * IK_GROUP;
    scales[r] = x->scales + (size_t)(row + r) * groups;
    scaled_sums[r] = x->scaled_sums + (size_t)(row + r) * groups;
    is_wide[r] = x->wide + (size_t)(row + r) * groups;
    half_sums[r] = x->half_sums + (size_t)(row + r) * groups * 2;
    out[r][0] = out[r][1] = splat(0.0f);
  }
  const uint8_t *cursor = tile;
  v16 super[2], super_minimum[2];
  super[0] = super[1] = super_minimum[0] = super_minimum[1] = splat(0.0f);
  for (int32_t g = 0; g < groups; g++) {
    if (scaling >= IK_SCALE_SUPER && g % 8 == 0) {
      super[0] = load_half(cursor);
      super[1] = load_half(cursor + 32);
      if (scaling == IK_SCALE_SUPER) {
        super_minimum[0] = load_half(cursor + 64);
        super_minimum[1] = load_half(cursor + 96);
      }
      cursor += ik_header_bytes(scaling);
    }
    const uint8_t *group_scales = cursor, *weights = cursor + ik_scale_bytes(scaling);
    cursor = weights + ik_weight_bytes(planes);
    __builtin_prefetch(cursor + 2560);
    __builtin_prefetch(cursor + 2560 + 64);
    int halves = scaling == IK_SCALE_SUPER_HALF ? 2 : 1;
#pragma unroll
    for (int half = 0; half < halves; half++) {
      const int8_t *group_values[ROWS];
      bool wide = false;
#pragma unroll
      for (int r = 0; r < rows; r++) {
        group_values[r] = values[r] + (size_t)g * IK_GROUP;
        wide |= is_wide[r][g] != 0;
      }
      int first = halves == 2 ? 4 * half : 0, last = halves == 2 ? 4 * half + 4 : 8;
      v16i sums[ROWS][2], low[ROWS][2];
#pragma unroll
      for (int r = 0; r < rows; r++) {
        sums[r][0] = sums[r][1] = splat_int(0);
        // The offset of the weights enters as the start value of the sums that are not shifted.
        int32_t total = halves == 2 ? half_sums[r][2 * g + half] : half_sums[r][2 * g] + half_sums[r][2 * g + 1];
        low[r][0] = low[r][1] = splat_int(offset == 0 ? 0 : -offset * total);
      }
      if (wide) {
        dot_wide_group(sums, low, weights, planes, rows, group_values, x->low - x->values, first, last);
      } else {
        dot_group(sums, weights, planes, rows, group_values, first, last);
      }
#pragma unroll
      for (int r = 0; r < rows; r++) {
        sums[r][0] = (sums[r][0] << 7) + low[r][0];
        sums[r][1] = (sums[r][1] << 7) + low[r][1];
      }
      v16 d[2], m[2];
#pragma unroll
      for (int c = 0; c < 2; c++) {
        m[c] = splat(0.0f);
        if (scaling == IK_SCALE_OFFSET) {
          d[c] = load_half(group_scales + 32 * c);
        } else if (scaling == IK_SCALE_MINIMUM) {
          d[c] = load_half(group_scales + 32 * c);
          m[c] = load_half(group_scales + 64 + 32 * c);
        } else if (scaling == IK_SCALE_SUPER) {
          d[c] = super[c] * bytes_to_float(group_scales + 16 * c);
          m[c] = -(super_minimum[c] * bytes_to_float(group_scales + 32 + 16 * c));
        } else {
          d[c] = super[c] * signed_bytes_to_float(group_scales + 32 * half + 16 * c);
        }
      }
#pragma unroll
      for (int r = 0; r < rows; r++) {
        v16 scale = splat(scales[r][g]);
#pragma unroll
        for (int c = 0; c < 2; c++) {
          out[r][c] = fma16(to_float(sums[r][c]) * scale, d[c], out[r][c]);
          if (scaling == IK_SCALE_MINIMUM || scaling == IK_SCALE_SUPER) {
            out[r][c] = fma16(splat(scaled_sums[r][g]), m[c], out[r][c]);
          }
        }
      }
    }
  }
}

INLINE v16 load_weight(ik_type type, const uint8_t *p, size_t index) {
  if (type == IK_F32) return load((const float *)(const void *)p + index);
  if (type == IK_F16) return load_half(p + 2 * index);
  typedef uint16_t v16h __attribute__((vector_size(32)));
  v16h bits;
  memcpy(&bits, p + 2 * index, 32);
  return (v16)(__builtin_convertvector(bits, v16i) << 16);
}

INLINE void float_tile(
    ik_type type, int rows, const uint8_t *tile, const float *x, int32_t inputs, v16 out[ROWS][2]
) {
#pragma unroll
  for (int r = 0; r < rows; r++) out[r][0] = out[r][1] = splat(0.0f);
  for (int32_t k = 0; k < inputs; k++) {
    v16 w0 = load_weight(type, tile, (size_t)k * IK_TILE), w1 = load_weight(type, tile, (size_t)k * IK_TILE + 16);
#pragma unroll
    for (int r = 0; r < rows; r++) {
      v16 a = splat(x[(size_t)r * inputs + k]);
      out[r][0] = fma16(a, w0, out[r][0]);
      out[r][1] = fma16(a, w1, out[r][1]);
    }
  }
}

// Writes one row of a tile, of which `columns` are valid.
INLINE void finish_row(const ik_matmul *m, int32_t row, int32_t first, int32_t columns, v16 low, v16 high) {
  float *out = m->out + (size_t)row * m->out_stride + first;
  float values[IK_TILE];
  float *target = columns == IK_TILE ? out : values;
  if (columns < IK_TILE && (m->accumulate)) memcpy(values, out, (size_t)columns * 4);
  if (m->bias) {
    float bias[IK_TILE] = {0};
    memcpy(bias, m->bias + first, (size_t)columns * 4);
    low += load(bias);
    high += load(bias + 16);
  }
  if (m->accumulate) {
    low += load(target);
    high += load(target + 16);
  }
  store(target, low);
  store(target + 16, high);
  if (columns < IK_TILE) memcpy(out, values, (size_t)columns * 4);
}

INLINE void matmul_rows(
    const ik_matmul *m, ik_format format, bool integer, ik_type type, int rows, int32_t tile, int32_t row
) {
  v16 out[ROWS][2];
  const uint8_t *data = m->tiles + (size_t)tile * m->tile_bytes;
  if (integer) {
    integer_tile(format.scaling, format.planes, format.offset, rows, data, m->int8, row, out);
  } else {
    float_tile(type, rows, data, m->floats + (size_t)row * m->inputs, m->inputs, out);
  }
  int32_t first = tile * IK_TILE, columns = m->outputs - first < IK_TILE ? m->outputs - first : IK_TILE;
#pragma unroll
  for (int r = 0; r < rows; r++) finish_row(m, row + r, first, columns, out[r][0], out[r][1]);
}

INLINE void matmul_tiles(
    const ik_matmul *m, ik_format format, bool integer, ik_type type, int32_t begin, int32_t end
) {
  for (int32_t tile = begin; tile < end; tile++) {
    int32_t row = 0;
    for (; row + ROWS <= m->rows; row += ROWS) matmul_rows(m, format, integer, type, ROWS, tile, row);
    for (; row < m->rows; row++) matmul_rows(m, format, integer, type, 1, tile, row);
  }
}

// One instance for each stored type, so that each is compiled with its format as constants.
#define MATMUL_OF(type, scaling, planes, offset)                                                                      \
  static __attribute__((noinline)) void matmul_##type(const ik_matmul *m, int32_t begin, int32_t end) {               \
    matmul_tiles(m, (ik_format){scaling, planes, offset}, ik_is_integer(type), type, begin, end);                     \
  }
MATMUL_OF(IK_F32, IK_SCALE_OFFSET, 0, 0)
MATMUL_OF(IK_F16, IK_SCALE_OFFSET, 0, 0)
MATMUL_OF(IK_BF16, IK_SCALE_OFFSET, 0, 0)
MATMUL_OF(IK_Q8_0, IK_SCALE_OFFSET, -1, 128)
MATMUL_OF(IK_Q4_0, IK_SCALE_OFFSET, 0, 8)
MATMUL_OF(IK_Q5_0, IK_SCALE_OFFSET, 1, 16)
MATMUL_OF(IK_Q4_1, IK_SCALE_MINIMUM, 0, 0)
MATMUL_OF(IK_Q5_1, IK_SCALE_MINIMUM, 1, 0)
MATMUL_OF(IK_Q4_K, IK_SCALE_SUPER, 0, 0)
MATMUL_OF(IK_Q5_K, IK_SCALE_SUPER, 1, 0)
MATMUL_OF(IK_Q6_K, IK_SCALE_SUPER_HALF, 2, 32)
#undef MATMUL_OF

static void TIER(matmul)(const void *arguments, int32_t begin, int32_t end) {
  const ik_matmul *m = arguments;
  switch (m->type) {
  case IK_F32: matmul_IK_F32(m, begin, end); break;
  case IK_F16: matmul_IK_F16(m, begin, end); break;
  case IK_BF16: matmul_IK_BF16(m, begin, end); break;
  case IK_Q8_0: matmul_IK_Q8_0(m, begin, end); break;
  case IK_Q4_0: matmul_IK_Q4_0(m, begin, end); break;
  case IK_Q4_1: matmul_IK_Q4_1(m, begin, end); break;
  case IK_Q5_0: matmul_IK_Q5_0(m, begin, end); break;
  case IK_Q5_1: matmul_IK_Q5_1(m, begin, end); break;
  case IK_Q4_K: matmul_IK_Q4_K(m, begin, end); break;
  case IK_Q5_K: matmul_IK_Q5_K(m, begin, end); break;
  case IK_Q6_K: matmul_IK_Q6_K(m, begin, end); break;
  }
}
