// The products of a gated feed-forward layer, a tile of both at a time.
#include "CKernels.h"

// The integer and bfloat16 rows of a part.
typedef struct part_rows {
  ik_int8_rows int8;
  ik_bfloat_rows bfloat;
} part_rows;

// The product of one part of `m`, as a product of its own that writes to `out`. `rows` are those of the part.
static ik_matmul product_of_part(const ik_matmul *m, ik_matmul_part part, const part_rows *rows, float *out, size_t stride) {
  ik_matmul product = *m;
  int32_t first = part.tile * IK_TILE, left = m->outputs - first;
  product.tiles += (size_t)part.tile * m->tile_bytes;
  product.outputs = left < IK_TILE ? left : IK_TILE;
  product.rows = part.rows;
  if (m->int8) product.int8 = &rows->int8;
  if (m->bfloat) product.bfloat = &rows->bfloat;
  if (m->floats) product.floats += (size_t)part.first_row * m->inputs;
  if (m->bias) product.bias += first;
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
  float both[IK_ROW_BLOCK * 2 * IK_TILE];
  for (int32_t item = begin; item < end; item++) {
    ik_matmul_part part = ik_matmul_part_of(&g->gate, item);
    part_rows rows = rows_from(&g->gate, part.first_row);
    int32_t first = part.tile * IK_TILE, left = g->gate.outputs - first, columns = left < IK_TILE ? left : IK_TILE;
    ik_matmul gate = product_of_part(&g->gate, part, &rows, both, 2 * (size_t)columns);
    ik_matmul up = product_of_part(&g->up, part, &rows, both + columns, 2 * (size_t)columns);
    g->multiply(&gate, 0, 1);
    g->multiply(&up, 0, 1);
    ik_silu_gate activation = {
        .x = both,
        .columns = columns,
        .out = g->out + (size_t)part.first_row * g->out_stride + first,
        .out_stride = g->out_stride,
    };
    g->activate(&activation, 0, part.rows);
  }
}
