// The kernels' argument structs, and the memory that they point to.
#include "harness.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------------------------------------------------------
// Integer activations.

// Places of chunks of rows.
static size_t places(const ik_int8_rows *x) { return (size_t)ik_chunks(x->group_count) * (size_t)x->pitch; }

ik_int8_rows new_int8_rows(int32_t rows, int32_t groups) {
  ik_int8_rows x = {.group_count = groups, .pitch = rows + (one_in(2) ? 0 : random_in(1, 5))};
  x.groups = buffer(places(&x) * IK_CHUNK * sizeof(ik_int8_group));
  x.outliers = buffer(places(&x) * IK_LIST * sizeof(ik_outliers));
  x.outlier_counts = buffer(places(&x));
  return x;
}

ik_int8_rows copy_of_int8_rows(const ik_int8_rows *x) {
  ik_int8_rows copy = *x;
  copy.groups = copy_of(x->groups, places(x) * IK_CHUNK * sizeof(ik_int8_group));
  copy.outliers = copy_of(x->outliers, places(x) * IK_LIST * sizeof(ik_outliers));
  copy.outlier_counts = copy_of(x->outlier_counts, places(x));
  return copy;
}

ik_int8_rows quantized(const float *x, int32_t rows, int32_t columns) {
  ik_int8_rows result = new_int8_rows(rows, columns / IK_GROUP);
  ik_quantize arguments = quantize_arguments(x, columns, &result, NULL);
  tiers[0]->quantize(&arguments, 0, rows);
  return result;
}

// The integers of a group.
typedef struct integers {
  int8_t values[IK_GROUP], high[IK_GROUP], top[4];   // top: upper bits, -8 to 7
  int32_t top_quad;
} integers;

// How many bits weights may have so that the sums of their products fit, see IK_FITS_4.
static int8_t bits_that_fit(const ik_int8_group *group) {
  int32_t all[2] = {0}, second[2] = {0};
  for (int32_t i = 0; i < IK_GROUP; i++) {
    all[i % 4 / 2] += abs(group->values[i]);
    if (i >= IK_GROUP / 2) second[i % 4 / 2] += abs(group->values[i]);
  }
  for (int32_t i = 0; i < 4; i++) {
    all[i / 2] += 8 * abs(group->top[i]);
    second[i / 2] += 8 * abs(group->top[i]);
  }
  if (all[0] > 32767 / 15 || all[1] > 32767 / 15) return 0;
  return second[0] > 32767 / 31 || second[1] > 32767 / 31 ? 4 : 5;
}

// Writes group `g` of a row, after the groups before it: the sums and the list follow from the integers.
static void set_group(const ik_int8_rows *x, int32_t row, int32_t g, const integers *from, float scale) {
  size_t place = ik_chunk_index(x, row, g / IK_CHUNK);
  ik_int8_group *group = x->groups + place * IK_CHUNK + g % IK_CHUNK;
  uint8_t *count = x->outlier_counts + place;
  int32_t total = 0;
  memset(group, 0, sizeof *group);
  memcpy(group->values, from->values, IK_GROUP);
  group->top_quad = (int16_t)from->top_quad;
  for (int32_t i = 0; i < 4; i++) {
    group->top[i] = (int8_t)(16 * from->top[i]);
    group->raised[from->top_quad / 4][i] = (int8_t)(32 * from->top[i]);
    if (from->top[i] < -4 || from->top[i] > 3) group->is_wide = 1;
  }
  for (int32_t i = 0; i < IK_GROUP; i++) {
    int32_t low = from->values[i] + 128 * (i / 4 == from->top_quad ? from->top[i % 4] : 0);
    group->sums[i / 16] += low;
    total += low + 128 * from->high[i];
  }
  group->fits = one_in(20) ? 0 : bits_that_fit(group);
  group->scale = scale;
  group->scaled_sum = scale * (float)total;
  if (g % IK_CHUNK == 0) *count = 0;
  for (int32_t quad = 0; quad < 8; quad++) {
    const int8_t *h = from->high + 4 * quad;
    if (!h[0] && !h[1] && !h[2] && !h[3]) continue;
    ik_outliers *entry = x->outliers + place * IK_LIST + (*count)++;
    memcpy(entry->high, h, 4);
    entry->quad = (uint16_t)(8 * (g % IK_CHUNK) + quad);
  }
}

ik_int8_rows random_int8_rows(int32_t rows, int32_t groups) {
  static const int32_t rarities[] = {1, 2, 8, 100, 1000};
  ik_int8_rows x = new_int8_rows(rows, groups);
  int32_t rarity = rarities[random_in(0, 4)];
  bool narrow = one_in(2);
  for (int32_t row = 0; row < rows; row++) {
    for (int32_t g = 0; g < groups; g++) {
      integers group = {.top_quad = random_in(0, 7)};
      int32_t extreme = random_in(0, 5);
      for (int32_t i = 0; i < IK_GROUP; i++) {
        bool outlier = one_in(rarity), negative = extreme == 1 || (extreme == 2 && one_in(2));
        if (extreme <= 2) {
          group.values[i] = outlier ? (negative ? -64 : 63) : negative ? -127 : 127;
          group.high[i] = !outlier ? 0 : negative ? -127 : 127;
        } else {
          group.values[i] = (int8_t)(outlier ? random_in(-64, 63) : random_in(-127, 127));
          group.high[i] = (int8_t)(outlier ? random_in(-127, 127) : 0);
        }
      }
      for (int32_t i = 0; i < 4; i++) {
        group.top[i] = (int8_t)(extreme == 0 ? 7 : extreme == 1 ? -8 : extreme == 2 ? 0 : narrow && !one_in(50) ? random_in(-4, 3) : random_in(-8, 7));
      }
      set_group(&x, row, g, &group, one_in(200) ? INFINITY : random_float(0, 0.01f));
    }
  }
  return x;
}

ik_int8_rows one_hot_int8_rows(int32_t rows, int32_t groups, const int32_t *inputs, bool outliers) {
  bool tops = outliers && one_in(2);
  ik_int8_rows x = new_int8_rows(rows, groups);
  for (int32_t row = 0; row < rows; row++) {
    for (int32_t g = 0; g < groups; g++) {
      integers group = {.top_quad = random_in(0, 7)};
      int32_t input = inputs[row] % IK_GROUP;
      if (inputs[row] / IK_GROUP == g) {
        if (tops) group.top_quad = input / 4;
        (tops ? group.top + input % 4 : outliers ? group.high + input : group.values + input)[0] = 1;
      }
      set_group(&x, row, g, &group, outliers ? 0x1p-7f : 1);
    }
  }
  return x;
}

// The integers of a group whose scale is a NaN do not matter: every product with them is a NaN.
static bool matters(const ik_int8_group *group) { return group->scale == group->scale; }

// Skips the entries of a list that do not matter.
static int32_t next_entry(const ik_outliers *list, int32_t index, int32_t count, const ik_int8_group *groups) {
  while (index < count && !matters(groups + list[index].quad / 8)) index++;
  return index;
}

static void compare_lists(const ik_int8_rows *expected, const ik_int8_rows *got, size_t place) {
  const ik_int8_group *groups = expected->groups + place * IK_CHUNK;
  const ik_outliers *a = expected->outliers + place * IK_LIST, *b = got->outliers + place * IK_LIST;
  int32_t a_count = expected->outlier_counts[place], b_count = got->outlier_counts[place];
  int32_t i = 0, j = 0;
  if (a_count > IK_LIST || b_count > IK_LIST) {
    report("outlier_counts", place, (uint32_t)a_count, (uint32_t)b_count);
    return;
  }
  for (;; i++, j++) {
    i = next_entry(a, i, a_count, groups);
    j = next_entry(b, j, b_count, groups);
    if (i == a_count || j == b_count) break;
    compare_bytes("high", a[i].high, b[j].high, 4);
    if (a[i].quad != b[j].quad) report("quad", place, a[i].quad, b[j].quad);
  }
  if (i != a_count || j != b_count) report("outlier_counts", place, (uint32_t)a_count, (uint32_t)b_count);
}

void compare_int8_rows(const ik_int8_rows *expected, const ik_int8_rows *got, const plan *rows) {
  for (int32_t row = rows->begin; row < rows->end; row++) {
    for (int32_t g = 0; g < expected->group_count; g++) {
      size_t place = ik_chunk_index(expected, row, g / IK_CHUNK), index = place * IK_CHUNK + (size_t)(g % IK_CHUNK);
      const ik_int8_group *a = expected->groups + index, *b = got->groups + index;
      compare_floats("scale", &a->scale, &b->scale, 1);
      compare_floats("scaled_sum", &a->scaled_sum, &b->scaled_sum, 1);
      if (matters(a)) {
        compare_bytes("values", a->values, b->values, IK_GROUP);
        compare_bytes("top", a->top, b->top, 4);
        compare_bytes("raised", a->raised, b->raised, sizeof a->raised);
        compare_bytes("sums", a->sums, b->sums, sizeof a->sums);
        if (a->top_quad != b->top_quad) report("top_quad", index, (uint32_t)a->top_quad, (uint32_t)b->top_quad);
        if (a->is_wide != b->is_wide) report("is_wide", index, (uint32_t)a->is_wide, (uint32_t)b->is_wide);
        bool says = b->fits != 0 || tier_says_what_fits();
        if (says && a->fits != b->fits) report("fits", index, (uint32_t)a->fits, (uint32_t)b->fits);
        if (a->fits != bits_that_fit(a)) report("fits of the scalar twin", index, (uint32_t)bits_that_fit(a), (uint32_t)a->fits);
      }
      if (g % IK_CHUNK == 0) compare_lists(expected, got, place);
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------
// Activations in bfloat16.

static size_t bfloat_bytes(const ik_bfloat_rows *x) { return ik_bfloat_index(x, 0, ik_bfloat_chunks(x->inputs)) * 2; }

ik_bfloat_rows new_bfloat_rows(int32_t rows, int32_t inputs) {
  ik_bfloat_rows x = {.inputs = inputs, .pitch = rows + (one_in(2) ? 0 : random_in(1, 5))};
  x.values = buffer(bfloat_bytes(&x));
  return x;
}

ik_bfloat_rows copy_of_bfloat_rows(const ik_bfloat_rows *x) {
  ik_bfloat_rows copy = *x;
  copy.values = copy_of(x->values, bfloat_bytes(x));
  return copy;
}

ik_bfloat_rows rounded(const float *x, int32_t rows, int32_t columns) {
  ik_bfloat_rows result = new_bfloat_rows(rows, columns);
  ik_quantize arguments = quantize_arguments(x, columns, NULL, &result);
  tiers[0]->quantize(&arguments, 0, rows);
  return result;
}

static uint16_t *bfloat_at(const ik_bfloat_rows *x, int32_t row, int32_t i) {
  return x->values + ik_bfloat_index(x, row, i / IK_BFLOAT_CHUNK) + i % IK_BFLOAT_CHUNK;
}

ik_bfloat_rows random_bfloat_rows(int32_t rows, int32_t inputs, bool finite) {
  ik_bfloat_rows x = new_bfloat_rows(rows, inputs);
  for (int32_t row = 0; row < rows; row++) {
    int32_t low = one_in(3) ? -48 : one_in(2) ? 40 : -10, high = low == 40 ? 127 : low + random_in(0, 60);
    for (int32_t i = 0; i < inputs; i++) {
      uint16_t value = one_in(20) ? 0 : random_bfloat(low, high);
      if (!finite && one_in(200)) value = (uint16_t)((random_bits() & 0x807f) | 0x7f80);
      *bfloat_at(&x, row, i) = value;
    }
    if (inputs % 2 == 1) *bfloat_at(&x, row, inputs) = 0;
  }
  return x;
}

void compare_bfloat_rows(const ik_bfloat_rows *expected, const ik_bfloat_rows *got, const plan *rows) {
  for (int32_t row = rows->begin; row < rows->end; row++) {
    for (int32_t i = 0; i < expected->inputs + expected->inputs % 2; i++) {
      compare_halves(
          "bfloat", 0x7f80, (const uint8_t *)bfloat_at(expected, row, i), (const uint8_t *)bfloat_at(got, row, i), 1);
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------
// Products and rows.

ik_matmul matmul_arguments(const matmul_case *c, float *out) {
  return (ik_matmul){
      .type = c->type,
      .tiles = c->tiles,
      .tile_bytes = ik_tile_bytes(c->type, c->inputs),
      .inputs = c->inputs,
      .outputs = c->outputs,
      .rows = c->rows,
      .int8 = c->int8,
      .bfloat = c->bfloat,
      .floats = c->floats,
      .out = out,
      .out_stride = c->out_stride,
      .bias = c->bias,
      .accumulate = c->accumulate,
  };
}

ik_gated gated_arguments(
    const matmul_case *gate, const matmul_case *up, ik_task multiply, ik_task activate, float *out, size_t out_stride
) {
  return (ik_gated){
      .gate = matmul_arguments(gate, NULL),
      .up = matmul_arguments(up, NULL),
      .multiply = multiply,
      .activate = activate,
      .out = out,
      .out_stride = out_stride,
  };
}

ik_logits logits_arguments(const matmul_case *c, float *out, ik_task multiply, int32_t *keys, int64_t *largest) {
  return (ik_logits){.matmul = matmul_arguments(c, out), .multiply = multiply, .keys = keys, .largest = largest};
}

ik_rms_norm norm_arguments(
    const float *x, const float *weight, float epsilon, int32_t columns, float *out, bool is_scratch, const ik_int8_rows *int8,
    const ik_bfloat_rows *bfloat
) {
  return (ik_rms_norm){
      .x = x,
      .weight = weight,
      .epsilon = epsilon,
      .columns = columns,
      .out = out,
      .is_scratch = is_scratch,
      .int8 = int8,
      .bfloat = bfloat,
  };
}

ik_quantize quantize_arguments(const float *x, int32_t columns, const ik_int8_rows *int8, const ik_bfloat_rows *bfloat) {
  return (ik_quantize){.x = x, .columns = columns, .int8 = int8, .bfloat = bfloat};
}

ik_silu_gate gate_arguments(const float *x, int32_t columns, float *out, size_t out_stride) {
  return (ik_silu_gate){.x = x, .columns = columns, .out = out, .out_stride = out_stride};
}

ik_exponential_sums sums_arguments(const float *x, int32_t count, float maximum, float temperature, double *sums) {
  return (ik_exponential_sums){.x = x, .count = count, .maximum = maximum, .temperature = temperature, .sums = sums};
}

// ---------------------------------------------------------------------------------------------------------------

ik_rotate rotate_arguments(
    float *qkv, int32_t heads, int32_t rotated, const float *cosines, const float *sines, const ik_token *tokens,
    const ik_cache *cache
) {
  return (ik_rotate){
      .qkv = qkv,
      .heads = heads,
      .rotated = rotated,
      .cosines = cosines,
      .sines = sines,
      .tokens = tokens,
      .cache = *cache,
  };
}

ik_attention attention_arguments(const attention_case *c, const ik_cache *cache, ik_partial *partials, float *out) {
  return (ik_attention){
      .qkv = c->qkv,
      .out = out,
      .heads = c->heads,
      .scale = c->scale,
      .soft_cap = c->soft_cap,
      .window = c->window,
      .runs = c->runs,
      .run_count = c->run_count,
      .block_table = c->block_table,
      .partials = partials,
      .cache = *cache,
  };
}

ik_decode decode_arguments(ik_rotate rotation, ik_attention attention, ik_quantize quantization, const ik_kernels *tier) {
  return (ik_decode){
      .rotation = rotation,
      .attention = attention,
      .quantization = quantization,
      .rotate = tier->rotate,
      .attend = tier->attention,
      .quantize = tier->quantize,
  };
}
