// Matrix products of the vector tiers. Included by vector_kernels.h.

#include "vector_weights.h"
#include "vector_groups.h"

// From so many rows on it is worth unpacking weights first.
#define MANY_ROWS 8

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

// How many of `left` rows to take together: `most`, which is ROWS or HALVES_ROWS; four if there are not so many, or if that leaves
// fewer of them alone; one.
INLINE int32_t rows_together(int32_t left, int32_t most) {
  bool is_better = most == 6 && (left == 8 || left == 9);
  return left >= most && !is_better ? most : most > 4 && left >= 4 ? 4 : 1;
}

#include "vector_panels.h"

// Asks for `bytes` bytes of the weights, BYTES_AHEAD behind `p`, where the processor's own guesses come late and end at headers.
INLINE void ask_ahead(const uint8_t *p, size_t bytes) {
#ifdef BYTES_AHEAD
  for (size_t line = 0; line < bytes; line += 64) __builtin_prefetch(p + BYTES_AHEAD + line);
#else
  (void)p, (void)bytes;
#endif
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
    ask_ahead(header, ik_header_bytes(format.scaling));
    cursor = groups;
    for (int32_t g = 0; g < count; g++) {
      const uint8_t *weights = cursor + ik_scale_bytes(format.scaling);
      group_scales scales;
      ask_ahead(cursor, ik_group_bytes(format));
      load_scales(format.scaling, header, g, cursor, &super, &scales);
      cursor += ik_group_bytes(format);
      add_group(format, rows, weights, NULL, &scales, activations + g, out);
    }
#pragma unroll
    for (int r = 0; r < rows; r++) {
      const ik_outliers *entries = x->outliers + (place + (size_t)r) * IK_LIST;
      for (int32_t i = 0; i < x->outlier_counts[place + (size_t)r]; i++) {
        int32_t g = entries[i].quad / 8;
        const uint8_t *group = groups + (size_t)g * ik_group_bytes(format);
        group_scales scales;
        load_scales(format.scaling, header, g, group, &super, &scales);
        add_outlier(format, group + ik_scale_bytes(format.scaling), &scales, entries + i, activations + r * IK_CHUNK, out[r]);
      }
    }
  }
#pragma unroll
  for (int r = 0; r < rows; r++) finish_row(m, row + r, first, columns, out[r]);
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
  for (int32_t item = begin, tiles; item < end; item += tiles) {
    ik_matmul_part part = ik_matmul_part_of(m, item);
    tiles = 1;
    int32_t row = part.first_row, last = row + part.rows;
    if (!integer) {
      for (int32_t taken; row < last; row += taken) {
        taken = rows_together(last - row, ROWS);
        switch (taken) {
        case ROWS: float_rows(m, type, ROWS, part.tile, row); break;
#if ROWS > 4
        case 4: float_rows(m, type, 4, part.tile, row); break;
#endif
        default: float_rows(m, type, 1, part.tile, row);
        }
      }
    } else if (part.rows >= MANY_ROWS) {
      int32_t most = ik_chunks(m->int8->group_count) > IK_SPAN ? IK_TILES_TOGETHER : 1;
      while (tiles < most && item + tiles < end && ik_matmul_part_of(m, item + tiles).first_row == row) tiles++;
      if (tiles == 1) {
        integer_panels(m, format, part.tile, row, part.rows);
      } else {
        panels_in_turns(m, format, part.tile, tiles, row, part.rows);
      }
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
#define MATMUL_OF(type)                                                                                               \
  static __attribute__((noinline)) void matmul_##type(const ik_matmul *m, int32_t begin, int32_t end) {               \
    matmul_items(m, ik_format_of(type), ik_is_integer(type), type, begin, end);                                       \
  }
MATMUL_OF(IK_F32)
MATMUL_OF(IK_F16)
MATMUL_OF(IK_Q8_0)
MATMUL_OF(IK_Q4_0)
MATMUL_OF(IK_Q5_0)
MATMUL_OF(IK_Q4_1)
MATMUL_OF(IK_Q5_1)
MATMUL_OF(IK_Q4_K)
MATMUL_OF(IK_Q5_K)
MATMUL_OF(IK_Q6_K)
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
