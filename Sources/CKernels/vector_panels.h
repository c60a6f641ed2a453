// Products of many rows of the vector tiers, whose weights are unpacked first. Included by vector_matmul.h.

#ifndef HALVES_ROWS
#define HALVES_ROWS (ROWS > 4 ? 4 : ROWS)
#endif
_Static_assert(HALVES_ROWS == ROWS || HALVES_ROWS == 1 || (ROWS > 4 && HALVES_ROWS == 4), "add_span has a case for so many rows");

// Eight groups of a tile, unpacked for many rows. Weights that are stored as bytes are used where they are, or prepared.
typedef struct panel {
  _Alignas(64) uint8_t weights[IK_CHUNK][1024];             // of formats that are not stored as bytes
  _Alignas(64) uint8_t prepared[IK_CHUNK][PREPARED_BYTES];  // of formats with has_prepared
  group_scales scales[IK_CHUNK];
  const uint8_t *stored;                                    // the weights of the first group, as they are stored
} panel;

// The weights of a group.
INLINE const uint8_t *panel_weights(ik_format format, const panel *p, int32_t group) {
  return format.planes < 0 ? p->stored + (size_t)group * ik_group_bytes(format) : p->weights[group];
}

INLINE void unpack(ik_format format, const uint8_t *cursor, int32_t count, panel *out) {
  super_scales super;
  const uint8_t *header = cursor;
  load_super(format.scaling, header, &super);
  cursor += ik_header_bytes(format.scaling);
  out->stored = cursor + ik_scale_bytes(format.scaling);
  for (int32_t g = 0; g < count; g++) {
    load_scales(format.scaling, header, g, cursor, &super, &out->scales[g]);
    const uint8_t *weights = cursor + ik_scale_bytes(format.scaling);
    cursor += ik_group_bytes(format);
    if (format.planes < 0 && !has_prepared(format)) continue;
#pragma unroll
    for (int quad = 0; quad < 8; quad++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        v64u w = load_quad(weights, format.planes, quad, half);
        if (format.planes >= 0) memcpy(out->weights[g] + quad * 128 + half * 64, &w, 64);
        if (has_prepared(format)) prepare(format, w, quad, half, out->prepared[g]);
      }
    }
  }
}

// The work on one tile for many rows: sums[i] belongs to row first_row + i.
typedef struct tile_sums {
  const ik_matmul *m;
  int32_t first_column, columns, first_row;
  _Alignas(64) float sums[IK_ROW_BLOCK][IK_TILE];
} tile_sums;

// Adds chunk `chunk`, of which `p` has `count` groups of the weights, to rows r ..< r + rows of the sums.
INLINE void add_panel(ik_format format, int rows, const panel *p, int32_t chunk, int32_t count, tile_sums *t, int32_t r0) {
  const ik_int8_rows *x = t->m->int8;
  ik_format unpacked = {format.scaling, -1, format.offset, format.bits};
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
    const uint8_t *prepared = has_prepared(format) ? p->prepared[g] : NULL;
    add_group(unpacked, rows, panel_weights(format, p, g), prepared, &p->scales[g], activations + g, sums);
  }
#pragma unroll
  for (int r = 0; r < rows; r++) {
    store(t->sums[r0 + r], sums[r][0]);
    store(t->sums[r0 + r] + 16, sums[r][1]);
  }
}

// Which of 64 rows have more than `taken` outliers: a bit for each.
INLINE uint64_t rows_with_more(const uint8_t *counts, int32_t rows, int32_t taken) {
  typedef bool b64 __attribute__((ext_vector_type(64)));
  uint8_t bytes[64] = {0};
  v64u loaded;
  if (rows >= 64) {
    loaded = load_bytes(counts);
  } else {
    memcpy(bytes, counts, (size_t)rows);
    loaded = load_bytes(bytes);
  }
  b64 more = __builtin_convertvector(loaded > (uint8_t)taken, b64);
  uint64_t bits;
  memcpy(&bits, &more, 8);
  return bits;
}

// Adds the high bits of the outliers of a chunk to the sums of all rows: first those of the first one that each row has, then those
// of the second one. One after another for each row, a processor would guess wrong for most of them how many there are.
INLINE void add_outliers(ik_format format, const panel *p, int32_t chunk, int32_t rows, tile_sums *t) {
  const ik_int8_rows *x = t->m->int8;
  ik_format unpacked = {format.scaling, -1, format.offset, format.bits};
  for (int32_t first = 0; first < rows; first += 64) {
    size_t place = ik_chunk_index(x, t->first_row + first, chunk);
    for (int32_t taken = 0;; taken++) {
      uint64_t left = rows_with_more(x->outlier_counts + place, rows - first, taken);
      if (left == 0) break;
      for (; left != 0; left &= left - 1) {
        int32_t r = __builtin_ctzll(left);
        const ik_outliers *entry = x->outliers + (place + (size_t)r) * IK_LIST + taken;
        int32_t g = entry->quad / 8;
        float *sums = t->sums[first + r];
        v16 out[2] = {load(sums), load(sums + 16)};
        add_outlier(unpacked, panel_weights(format, p, g), &p->scales[g], entry, x->groups + (place + (size_t)r) * IK_CHUNK, out);
        store(sums, out[0]);
        store(sums + 16, out[1]);
      }
    }
  }
}

INLINE void finish_tile(const tile_sums *t, int32_t rows) {
  for (int32_t r = 0; r < rows; r++) {
    v16 sums[2] = {load(t->sums[r]), load(t->sums[r] + 16)};
    finish_row(t->m, t->first_row + r, t->first_column, t->columns, sums);
  }
}

// Adds chunks first ..< last of a tile, whose weights are at `data`, to `rows` rows of its sums. `behind` is what is read next.
INLINE void add_span(
    ik_format format, const uint8_t *data, int32_t first, int32_t last, const uint8_t *behind, int32_t rows, tile_sums *t
) {
  int32_t groups = t->m->int8->group_count;
  const int32_t most = halves_of(format.scaling) == 2 ? HALVES_ROWS : ROWS;
  panel p;
  for (int32_t chunk = first; chunk < last; chunk++) {
    int32_t left = groups - chunk * IK_CHUNK, count = left < IK_CHUNK ? left : IK_CHUNK;
    unpack(format, data + ik_group_offset(format, chunk * IK_CHUNK) - ik_header_bytes(format.scaling), count, &p);
    // The weights that come next are asked for a few lines at a time.
    const uint8_t *next = chunk + 1 < last ? data + ik_group_offset(format, (chunk + 1) * IK_CHUNK) : behind;
    int32_t lines = (int32_t)(IK_CHUNK * ik_group_bytes(format) / 64) / (rows / most) + 1;
    for (int32_t r = 0, taken; r < rows; r += taken) {
      for (int32_t i = 0; i < lines; i++, next += 64) __builtin_prefetch(next, 0, 2);
      taken = rows_together(rows - r, most);
      switch (taken) {
      case ROWS: add_panel(format, ROWS, &p, chunk, count, t, r); break;
#if ROWS > 4
      case 4: add_panel(format, 4, &p, chunk, count, t, r); break;
#endif
      default: add_panel(format, 1, &p, chunk, count, t, r);
      }
    }
    add_outliers(format, &p, chunk, rows, t);
  }
}

INLINE void start_tile(const ik_matmul *m, int32_t tile, int32_t row, tile_sums *t) {
  int32_t first = tile * IK_TILE;
  t->m = m;
  t->first_column = first;
  t->columns = m->outputs - first < IK_TILE ? m->outputs - first : IK_TILE;
  t->first_row = row;
}

// Up to IK_ROW_BLOCK rows of one tile, a chunk of the inputs at a time: for many rows.
INLINE void integer_panels(const ik_matmul *m, ik_format format, int32_t tile, int32_t row, int32_t rows) {
  const uint8_t *data = m->tiles + (size_t)tile * m->tile_bytes;
  int32_t chunks = ik_chunks(m->int8->group_count);
  tile_sums t;
  start_tile(m, tile, row, &t);
  add_span(format, data, 0, chunks, data + ik_group_offset(format, chunks * IK_CHUNK), rows, &t);
  finish_tile(&t, rows);
}

// The same of `tiles` tiles, at most IK_TILES_TOGETHER, which take turns with each span of the inputs: so the activations of the
// span come from the second-level cache to all of them but the first.
INLINE void panels_in_turns(const ik_matmul *m, ik_format format, int32_t tile, int32_t tiles, int32_t row, int32_t rows) {
  int32_t chunks = ik_chunks(m->int8->group_count);
  tile_sums t[IK_TILES_TOGETHER];
  for (int32_t i = 0; i < tiles; i++) start_tile(m, tile + i, row, &t[i]);
  for (int32_t first = 0; first < chunks; first += IK_SPAN) {
    int32_t last = first + IK_SPAN < chunks ? first + IK_SPAN : chunks;
    for (int32_t i = 0; i < tiles; i++) {
      const uint8_t *data = m->tiles + (size_t)(tile + i) * m->tile_bytes;
      const uint8_t *behind = i + 1 < tiles ? data + m->tile_bytes + ik_group_offset(format, first * IK_CHUNK)
                                            : data + ik_group_offset(format, last * IK_CHUNK);
      add_span(format, data, first, last, behind, rows, &t[i]);
    }
  }
  for (int32_t i = 0; i < tiles; i++) finish_tile(&t[i], rows);
}
