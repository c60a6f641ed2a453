// Matrix products of the vector tiers. Included by vector_kernels.h.

// ROWS rows are computed together with weights that are unpacked already, FEW_ROWS with weights that are not; from
// MANY_ROWS on unpacking them first is worth it.
#define FEW_ROWS 4
#define MANY_ROWS 8

INLINE v16i splat_int(int32_t x) { return (v16i){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }
INLINE v64u splat_byte(uint8_t x) { return (v64u)splat_int((int32_t)(x * 0x01010101u)); }

INLINE v64u load_bytes(const uint8_t *p) {
  v64u v;
  memcpy(&v, p, 64);
  return v;
}

// Sixteen columns of quad `quad` of a group.
INLINE v64u load_quad(const uint8_t *weights, int planes, int quad, int half) {
  if (planes < 0) return load_bytes(weights + quad * 128 + half * 64);
  v64u packed = load_bytes(weights + ik_plane_bytes(planes) + quad / 2 * 128 + half * 64);
  v64u nibbles = quad % 2 == 0 ? packed & 15 : packed >> 4;
  if (planes == 0) return nibbles;
  // Which bits of a byte of the plane belong to the quad, and where they go. Shifting 16 bits at a time is what processors
  // do; what crosses from one byte to the other is not looked at.
  typedef uint16_t v32w __attribute__((vector_size(64)));
  int per_byte = 8 / planes, shift = 4 - quad % per_byte * planes;
  v32w plane = (v32w)load_bytes(weights + (half * planes + quad / per_byte) * 64);
  v64u moved = (v64u)(shift > 0 ? plane << (shift > 0 ? shift : 0) : plane >> (shift > 0 ? 0 : -shift));
  return nibbles | (moved & splat_byte((uint8_t)(((1 << planes) - 1) << 4)));
}

// The same of a quad that is not known when this is compiled.
INLINE v64u load_any_quad(const uint8_t *weights, int planes, int quad, int half) {
  if (planes < 0) return load_bytes(weights + quad * 128 + half * 64);
  typedef uint16_t v32w __attribute__((vector_size(64)));
  v32w packed = (v32w)load_bytes(weights + ik_plane_bytes(planes) + quad / 2 * 128 + half * 64);
  v64u nibbles = (v64u)(packed >> (uint16_t)(quad % 2 * 4)) & 15;
  if (planes == 0) return nibbles;
  int per_byte = 8 / planes;
  v32w plane = (v32w)load_bytes(weights + (half * planes + quad / per_byte) * 64);
  v64u bits = (v64u)(plane >> (uint16_t)(quad % per_byte * planes)) & splat_byte((uint8_t)((1 << planes) - 1));
  return nibbles | (v64u)((v32w)bits << 4);
}

typedef uint8_t v16u __attribute__((vector_size(16)));

INLINE v16u load_sixteen(const uint8_t *p) {
  v16u bytes;
  memcpy(&bytes, p, 16);
  return bytes;
}

INLINE v16 signed_bytes_to_float(const uint8_t *p) {
  typedef int8_t v16b __attribute__((vector_size(16)));
  v16b bytes;
  memcpy(&bytes, p, 16);
  return __builtin_convertvector(bytes, v16);
}

// dot4 for the weights of a format, or for its offset: only bytes, whose offset is 128, reach 128.
INLINE v16i dot4_of_format(int offset, v16i sums, v64u weights, int32_t activations) {
  return offset == 128 ? dot4(sums, weights, activations) : dot4_small(sums, weights, activations);
}

INLINE int32_t load_quad_of_activations(const int8_t *p) {
  int32_t quad;
  memcpy(&quad, p, 4);
  return quad;
}

// What a group's scales become in float32: w = scales * (q - offset) + minimums.
typedef struct group_scales {
  v16 scales[2][2];   // [half of the group][half of the columns]; one half if the format has one scale for 32 inputs
  v16 minimums[2];
} group_scales;

// The scales of 256 inputs, of formats that have them.
typedef struct super_scales {
  v16 scales[2], minimums[2];
} super_scales;

INLINE void load_super(ik_scaling scaling, const uint8_t *header, super_scales *super) {
  if (scaling < IK_SCALE_SUPER) return;
  for (int c = 0; c < 2; c++) {
    super->scales[c] = load_half(header + 32 * c);
    if (scaling == IK_SCALE_SUPER) super->minimums[c] = load_half(header + 64 + 32 * c);
  }
}

// Reads the scales of a group, the `of_eight`th behind `header`; `p` is where its own begin, if it has any.
INLINE void load_scales(
    ik_scaling scaling, const uint8_t *header, int of_eight, const uint8_t *p, const super_scales *super, group_scales *out
) {
  const uint8_t *six_bits = header + ik_super_scales(of_eight);
#pragma unroll
  for (int c = 0; c < 2; c++) {
    switch (scaling) {
    case IK_SCALE_OFFSET: out->scales[0][c] = load_half(p + 32 * c); break;
    case IK_SCALE_MINIMUM:
      out->scales[0][c] = load_half(p + 32 * c);
      out->minimums[c] = load_half(p + 64 + 32 * c);
      break;
    case IK_SCALE_SUPER: {
      v16u lower = load_sixteen(six_bits + 16 * c), upper = load_sixteen(six_bits + 32) >> 4 * c;
      v16u scales = (lower & 15) | (upper & 3) << 4, minimums = lower >> 4 | (upper >> 2 & 3) << 4;
      out->scales[0][c] = super->scales[c] * __builtin_convertvector(scales, v16);
      out->minimums[c] = -(super->minimums[c] * __builtin_convertvector(minimums, v16));
      break;
    }
    case IK_SCALE_SUPER_HALF:
      out->scales[0][c] = super->scales[c] * signed_bytes_to_float(p + 16 * c);
      out->scales[1][c] = super->scales[c] * signed_bytes_to_float(p + 32 + 16 * c);
      break;
    }
  }
}

INLINE int halves_of(ik_scaling scaling) { return scaling == IK_SCALE_SUPER_HALF ? 2 : 1; }
INLINE bool has_minimum(ik_scaling scaling) { return scaling == IK_SCALE_MINIMUM || scaling == IK_SCALE_SUPER; }

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

// Sums start from what the row gets besides the product.
INLINE void start_row(const ik_matmul *m, int32_t row, int32_t first, int32_t columns, v16 out[2]) {
  float values[IK_TILE] = {0};
  out[0] = out[1] = splat(0.0f);
  if (m->bias) {
    memcpy(values, m->bias + first, (size_t)columns * 4);
    out[0] = load(values);
    out[1] = load(values + 16);
  }
  const float *old = m->out + (size_t)row * m->out_stride + first;
  if (!m->accumulate) {
    // They will be written when the sums are finished, and they may be far away.
    __builtin_prefetch(old, 1);
    __builtin_prefetch(old + 16, 1);
    return;
  }
  if (columns < IK_TILE) {
    memcpy(values, old, (size_t)columns * 4);
    old = values;
  }
  out[0] += load(old);
  out[1] += load(old + 16);
}

// Writes one row of a tile, of which `columns` are valid.
INLINE void finish_row(const ik_matmul *m, int32_t row, int32_t first, int32_t columns, const v16 sums[2]) {
  float *out = m->out + (size_t)row * m->out_stride + first;
  if (columns == IK_TILE) {
    store(out, sums[0]);
    store(out + 16, sums[1]);
  } else {
    float values[IK_TILE];
    store(values, sums[0]);
    store(values + 16, sums[1]);
    memcpy(out, values, (size_t)columns * 4);
  }
}

// `rows` rows of one tile, its weights unpacked on the way: for few rows.
INLINE void integer_rows(const ik_matmul *m, ik_format format, int rows, int32_t tile, int32_t row) {
  const ik_int8_rows *x = m->int8;
  int32_t first = tile * IK_TILE, columns = m->outputs - first < IK_TILE ? m->outputs - first : IK_TILE;
  const uint8_t *cursor = m->tiles + (size_t)tile * m->tile_bytes;
  v16 out[FEW_ROWS][2];
#pragma unroll
  for (int r = 0; r < rows; r++) start_row(m, row + r, first, columns, out[r]);
  for (int32_t chunk = 0; chunk < ik_chunks(x->group_count); chunk++) {
    int32_t left = x->group_count - chunk * IK_CHUNK, count = left < IK_CHUNK ? left : IK_CHUNK;
    size_t place = ik_chunk_index(x, row, chunk);
    const ik_int8_group *activations = x->groups + place * IK_CHUNK;
    super_scales super;
    load_super(format.scaling, cursor, &super);
    const uint8_t *header = cursor, *groups = cursor + ik_header_bytes(format.scaling);
    cursor = groups;
    for (int32_t g = 0; g < count; g++) {
      const uint8_t *weights = cursor + ik_scale_bytes(format.scaling);
      group_scales scales;
      load_scales(format.scaling, header, g, cursor, &super, &scales);
      cursor += ik_group_bytes(format);
      add_group(format.scaling, format.planes, format.offset, rows, weights, NULL, &scales, activations + g, out);
    }
#pragma unroll
    for (int r = 0; r < rows; r++) {
      add_outliers(
          format.scaling, format.planes, format.offset, groups + ik_scale_bytes(format.scaling), ik_group_bytes(format),
          NULL, header, &super, x->outliers + (place + r) * IK_LIST, x->outlier_counts[place + r], activations + r * IK_CHUNK,
          out[r]);
    }
  }
#pragma unroll
  for (int r = 0; r < rows; r++) finish_row(m, row + r, first, columns, out[r]);
}

// Eight groups of a tile, unpacked for many rows.
typedef struct panel {
  uint8_t weights[IK_CHUNK][1024];
  uint8_t raised[IK_CHUNK][1024];   // of formats with a scale for each half of a group: the weights times 4
  group_scales scales[IK_CHUNK];
} panel;

INLINE bool has_raised(ik_scaling scaling) { return scaling == IK_SCALE_SUPER_HALF; }

INLINE void unpack(ik_format format, const uint8_t *cursor, int32_t count, panel *out) {
  super_scales super;
  const uint8_t *header = cursor;
  load_super(format.scaling, header, &super);
  cursor += ik_header_bytes(format.scaling);
  for (int32_t g = 0; g < count; g++) {
    load_scales(format.scaling, header, g, cursor, &super, &out->scales[g]);
    const uint8_t *weights = cursor + ik_scale_bytes(format.scaling);
#pragma unroll
    for (int quad = 0; quad < 8; quad++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        v64u w = load_quad(weights, format.planes, quad, half);
        memcpy(out->weights[g] + quad * 128 + half * 64, &w, 64);
        if (has_raised(format.scaling)) {
          // They have six bits, so that nothing goes from one byte to the next.
          w = (v64u)((v16i)w << 2);
          memcpy(out->raised[g] + quad * 128 + half * 64, &w, 64);
        }
      }
    }
    cursor += ik_group_bytes(format);
  }
}

// The work on one tile for many rows: sums[i] belongs to row first_row + i.
typedef struct tile_sums {
  const ik_matmul *m;
  int32_t first_column, columns, first_row;
  float sums[IK_ROW_BLOCK][IK_TILE];
} tile_sums;

// Adds chunk `chunk`, of which `p` has `count` groups of the weights, to rows r ..< r + rows of the sums.
INLINE void add_panel(ik_format format, int rows, const panel *p, int32_t chunk, int32_t count, tile_sums *t, int32_t r0) {
  const ik_int8_rows *x = t->m->int8;
  size_t place = ik_chunk_index(x, t->first_row + r0, chunk);
  const ik_int8_group *activations = x->groups + place * IK_CHUNK;
  v16 sums[ROWS][2];
#pragma unroll
  for (int r = 0; r < rows; r++) {
    if (chunk == 0) {
      start_row(t->m, t->first_row + r0 + r, t->first_column, t->columns, sums[r]);
    } else {
      sums[r][0] = load(t->sums[r0 + r]);
      sums[r][1] = load(t->sums[r0 + r] + 16);
    }
  }
  for (int32_t g = 0; g < count; g++) {
    const uint8_t *raised = has_raised(format.scaling) ? p->raised[g] : NULL;
    add_group(format.scaling, -1, format.offset, rows, p->weights[g], raised, &p->scales[g], activations + g, sums);
  }
#pragma unroll
  for (int r = 0; r < rows; r++) {
    add_outliers(
        format.scaling, -1, format.offset, p->weights[0], sizeof p->weights[0], p->scales, NULL, NULL,
        x->outliers + (place + r) * IK_LIST, x->outlier_counts[place + r], activations + r * IK_CHUNK, sums[r]);
    if (chunk + 1 == ik_chunks(x->group_count)) {
      finish_row(t->m, t->first_row + r0 + r, t->first_column, t->columns, sums[r]);
    } else {
      store(t->sums[r0 + r], sums[r][0]);
      store(t->sums[r0 + r] + 16, sums[r][1]);
    }
  }
}

// Up to IK_ROW_BLOCK rows of one tile, a chunk of the inputs at a time: for many rows.
INLINE void integer_panels(const ik_matmul *m, ik_format format, int32_t tile, int32_t row, int32_t rows) {
  const uint8_t *data = m->tiles + (size_t)tile * m->tile_bytes;
  int32_t groups = m->int8->group_count;
  panel p;
  tile_sums t;
  t.m = m;
  t.first_column = tile * IK_TILE;
  t.columns = m->outputs - t.first_column < IK_TILE ? m->outputs - t.first_column : IK_TILE;
  t.first_row = row;
  for (int32_t chunk = 0; chunk < ik_chunks(groups); chunk++) {
    int32_t left = groups - chunk * IK_CHUNK, count = left < IK_CHUNK ? left : IK_CHUNK;
    unpack(format, data + ik_group_offset(format, chunk * IK_CHUNK) - ik_header_bytes(format.scaling), count, &p);
    // The next chunk's weights are asked for a few lines at a time.
    const uint8_t *next = data + ik_group_offset(format, (chunk + 1) * IK_CHUNK);
    int32_t lines = (int32_t)(IK_CHUNK * ik_group_bytes(format) / 64) / (rows / ROWS) + 1;
    int32_t r = 0;
    for (; r + ROWS <= rows; r += ROWS) {
      for (int32_t i = 0; i < lines; i++, next += 64) __builtin_prefetch(next, 0, 2);
      add_panel(format, ROWS, &p, chunk, count, &t, r);
    }
    for (; r < rows; r++) add_panel(format, 1, &p, chunk, count, &t, r);
  }
}

INLINE v16 load_weight(ik_type type, const uint8_t *p, size_t index) {
  if (type == IK_F32) return load((const float *)(const void *)p + index);
  return load_half(p + 2 * index);
}

INLINE void float_tile(
    ik_type type, int rows, const uint8_t *tile, const float *x, int32_t inputs, v16 out[ROWS][2]
) {
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

INLINE void float_rows(const ik_matmul *m, ik_type type, int rows, int32_t tile, int32_t row) {
  v16 out[ROWS][2];
  int32_t first = tile * IK_TILE, columns = m->outputs - first < IK_TILE ? m->outputs - first : IK_TILE;
#pragma unroll
  for (int r = 0; r < rows; r++) start_row(m, row + r, first, columns, out[r]);
  float_tile(type, rows, m->tiles + (size_t)tile * m->tile_bytes, m->floats + (size_t)row * m->inputs, m->inputs, out);
#pragma unroll
  for (int r = 0; r < rows; r++) finish_row(m, row + r, first, columns, out[r]);
}

INLINE void matmul_items(
    const ik_matmul *m, ik_format format, bool integer, ik_type type, int32_t begin, int32_t end
) {
  for (int32_t item = begin; item < end; item++) {
    ik_matmul_part part = ik_matmul_part_of(m, item);
    int32_t row = part.first_row, last = row + part.rows;
    if (!integer) {
      for (; row + ROWS <= last; row += ROWS) float_rows(m, type, ROWS, part.tile, row);
      for (; row < last; row++) float_rows(m, type, 1, part.tile, row);
    } else if (part.rows >= MANY_ROWS) {
      integer_panels(m, format, part.tile, row, part.rows);
    } else {
      for (; row < last; row += FEW_ROWS) {
        switch (last - row) {
        case 1: integer_rows(m, format, 1, part.tile, row); break;
        case 2: integer_rows(m, format, 2, part.tile, row); break;
        case 3: integer_rows(m, format, 3, part.tile, row); break;
        default: integer_rows(m, format, FEW_ROWS, part.tile, row);
        }
      }
    }
  }
}

// vector_bfloat.h has this one.
static void matmul_IK_BF16(const ik_matmul *m, int32_t begin, int32_t end);

// One instance for each other stored type, so that each is compiled with its format as constants.
#define MATMUL_OF(type, scaling, planes, offset)                                                                      \
  static __attribute__((noinline)) void matmul_##type(const ik_matmul *m, int32_t begin, int32_t end) {               \
    matmul_items(m, (ik_format){scaling, planes, offset}, ik_is_integer(type), type, begin, end);                     \
  }
MATMUL_OF(IK_F32, IK_SCALE_OFFSET, 0, 0)
MATMUL_OF(IK_F16, IK_SCALE_OFFSET, 0, 0)
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
