// The products of a gated feed-forward layer, some tiles of both at a time.
#include "CKernels.h"

// The integer and bfloat16 rows of a part.
typedef struct part_rows {
  ik_int8_rows int8;
  ik_bfloat_rows bfloat;
} part_rows;

// The product of one part of `m` and the tiles behind it, `outputs` columns, as a product of its own that writes to `out`.
// `rows` are those of the part.
static ik_matmul product_of_part(
    const ik_matmul *m, ik_matmul_part part, int32_t outputs, const part_rows *rows, float *out, size_t stride
) {
  ik_matmul product = *m;
  product.tiles += (size_t)part.tile * m->tile_bytes;
  product.outputs = outputs;
  product.rows = part.rows;
  if (m->int8) product.int8 = &rows->int8;
  if (m->bfloat) product.bfloat = &rows->bfloat;
  if (m->floats) product.floats += (size_t)part.first_row * m->inputs;
  if (m->bias) product.bias += part.tile * IK_TILE;
  product.out = out;
  product.out_stride = stride;
  product.accumulate = false;
  return product;
}

// The rows from `first` on. Rows of a chunk lie behind each other, so that only the beginning moves.
static part_rows rows_from(const ik_matmul *m, int32_t first) {
  part_rows rows = {0};
  if (m->int8) {
    rows.int8 = *m->int8;
    rows.int8.groups += (size_t)first * IK_CHUNK;
    rows.int8.outliers += (size_t)first * IK_LIST;
    rows.int8.outlier_counts += first;
  }
  if (m->bfloat) {
    rows.bfloat = *m->bfloat;
    rows.bfloat.values += (size_t)first * IK_BFLOAT_CHUNK;
  }
  return rows;
}

void ik_gated_task(const void *arguments, int32_t begin, int32_t end) {
  const ik_gated *g = arguments;
  int32_t tiles = (g->gate.outputs + IK_TILE - 1) / IK_TILE;
  _Alignas(64) float both[IK_ROW_BLOCK * 2 * IK_TILE];
  for (int32_t item = begin; item < end;) {
    ik_matmul_part part = ik_matmul_part_of(&g->gate, item);
    part_rows rows = rows_from(&g->gate, part.first_row);
    // As many tiles as there is room for. Few rows need nothing but the weights, and to go from one matrix to the other for
    // every tile takes them a third of the bandwidth.
    int32_t count = IK_ROW_BLOCK / part.rows;
    if (count > end - item) count = end - item;
    if (count > tiles - part.tile) count = tiles - part.tile;
    int32_t first = part.tile * IK_TILE, left = g->gate.outputs - first, columns = left < count * IK_TILE ? left : count * IK_TILE;
    ik_matmul gate = product_of_part(&g->gate, part, columns, &rows, both, 2 * (size_t)columns);
    ik_matmul up = product_of_part(&g->up, part, columns, &rows, both + columns, 2 * (size_t)columns);
    g->multiply(&gate, 0, count);
    g->multiply(&up, 0, count);
    ik_silu_gate activation = {
        .x = both,
        .columns = columns,
        .out = g->out + (size_t)part.first_row * g->out_stride + first,
        .out_stride = g->out_stride,
    };
    g->activate(&activation, 0, part.rows);
    item += count;
  }
}
