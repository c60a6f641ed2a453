// Check of products, of every stored type.
#include "harness.h"

void check_matmul(int32_t size) {
  static const int32_t row_counts[] = {0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 70};
  ik_type type = (ik_type)random_in(IK_F32, IK_Q6_K);
  bool integer = type >= IK_Q8_0, finite = !one_in(8);
  int32_t rows = row_counts[random_in(0, 22)], outputs = random_in(1, 100), block = block_inputs(type);
  int32_t most = 400000 * size / (outputs * (rows > 0 ? rows : 1)) / block;
  int32_t inputs = block * random_in(1, most < 1 ? 1 : most > 800 * size / block + 1 ? 800 * size / block + 1 : most);
  size_t stride = (size_t)(outputs + (one_in(2) ? 0 : random_in(1, 40)));
  size_t out_count = rows > 0 ? (size_t)(rows - 1) * stride + (size_t)outputs : 0;

  matmul_case c = {
      .type = type,
      .inputs = inputs,
      .outputs = outputs,
      .rows = rows,
      .tiles = random_tiles(type, inputs, outputs, finite),
      .out_stride = stride,
      .accumulate = one_in(2),
  };
  float *bias = buffer((size_t)outputs * 4);
  random_rows(bias, 1, outputs, true);
  if (one_in(2)) c.bias = bias;
  float *x = buffer((size_t)(rows * inputs) * 4);
  random_rows(x, rows, inputs, finite);
  c.floats = x;
  ik_int8_rows int8 = {0};
  bool synthetic = one_in(2);
  if (integer) {
    int8 = synthetic ? random_int8_rows(rows, inputs / IK_GROUP) : quantized(x, rows, inputs);
    c.int8 = &int8;
  }
  describe(
      "%s, %d rows, %d inputs, %d outputs, stride %zu%s%s%s%s", type_names[type], rows, inputs, outputs, stride,
      c.bias ? ", bias" : "", c.accumulate ? ", accumulated" : "", finite ? "" : ", broken input",
      integer && synthetic ? ", random integers" : "");

  float *initial = buffer(out_count * 4);
  random_rows(initial, 1, (int32_t)out_count, true);
  float *expected = copy_of(initial, out_count * 4);
  plan plan = random_plan((outputs + IK_TILE - 1) / IK_TILE);
  for (int32_t t = 0; t < tier_count; t++) {
    float *out = t == 0 ? expected : copy_of(initial, out_count * 4);
    ik_matmul arguments = matmul_arguments(&c, out);
    set_tier(tiers[t]);
    (t == 0 ? run_whole : run_split)(tiers[t]->matmul, &arguments, &plan);
    compare_floats("out", expected, out, out_count);
  }
}
