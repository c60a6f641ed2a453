// Checks of the kernels over rows: quantization, norm, gate, sums of exponentials, rotation.
#include "harness.h"
#include <math.h>

static int32_t random_row_count(void) { return one_in(8) ? random_in(0, 70) : random_in(0, 9); }

static int32_t random_columns(int32_t size) {
  return one_in(2) ? IK_GROUP * random_in(1, 20 * size) : random_in(1, 200 * size);
}

// The forms of a case's rows; `int8` has no groups, or `bfloat` no values, if it is not wanted.
typedef struct forms {
  ik_int8_rows int8;
  ik_bfloat_rows bfloat;
} forms;

static forms random_forms(int32_t rows, int32_t columns) {
  forms f = {0};
  int32_t wanted = columns % IK_GROUP != 0 ? 2 : random_in(1, 3);
  if (wanted & 1) f.int8 = new_int8_rows(rows, columns / IK_GROUP);
  if (wanted & 2) f.bfloat = new_bfloat_rows(rows, columns);
  return f;
}

static forms copy_of_forms(const forms *from) {
  forms f = {0};
  if (from->int8.groups) f.int8 = copy_of_int8_rows(&from->int8);
  if (from->bfloat.values) f.bfloat = copy_of_bfloat_rows(&from->bfloat);
  return f;
}

static const ik_int8_rows *int8_of(const forms *f) { return f->int8.groups ? &f->int8 : NULL; }
static const ik_bfloat_rows *bfloat_of(const forms *f) { return f->bfloat.values ? &f->bfloat : NULL; }

static const char *name_of(const forms *f) {
  return !int8_of(f) ? bfloat_of(f) ? ", bfloat16" : "" : bfloat_of(f) ? ", integers and bfloat16" : ", integers";
}

static void compare_forms(const forms *expected, const forms *got, const plan *rows) {
  if (int8_of(expected)) compare_int8_rows(&expected->int8, &got->int8, rows);
  if (bfloat_of(expected)) compare_bfloat_rows(&expected->bfloat, &got->bfloat, rows);
}

void check_quantize(int32_t size) {
  int32_t rows = random_row_count(), columns = random_columns(size);
  float *x = buffer((size_t)(rows * columns) * 4);
  random_rows(x, rows, columns, false);
  forms initial = random_forms(rows, columns), expected = copy_of_forms(&initial);
  describe("%d rows of %d columns%s", rows, columns, name_of(&initial));
  ik_quantize arguments = quantize_arguments(x, columns, int8_of(&expected), bfloat_of(&expected));
  plan plan = random_plan(rows);
  run_whole(tiers[0]->quantize, &arguments, &plan);
  for (int32_t t = 1; t < tier_count; t++) {
    forms got = copy_of_forms(&initial);
    arguments = quantize_arguments(x, columns, int8_of(&got), bfloat_of(&got));
    set_tier(tiers[t]);
    run_split(tiers[t]->quantize, &arguments, &plan);
    compare_forms(&expected, &got, &plan);
  }
}

void check_rms_norm(int32_t size) {
  int32_t rows = random_row_count(), columns = random_columns(size);
  float *x = buffer((size_t)(rows * columns) * 4), *weight = buffer((size_t)columns * 4);
  random_rows(x, rows, columns, false);
  random_rows(weight, 1, columns, true);
  float epsilon = one_in(4) ? 0 : one_in(2) ? 1e-6f : 1e-5f;
  bool has_forms = !one_in(4), is_scratch = has_forms && one_in(2);
  float *initial = buffer((size_t)(rows * columns) * 4), *expected = copy_of(initial, (size_t)(rows * columns) * 4);
  forms initial_forms = {0}, expected_forms = {0};
  if (has_forms) {
    initial_forms = random_forms(rows, columns);
    expected_forms = copy_of_forms(&initial_forms);
  }
  describe(
      "%d rows of %d columns, epsilon %g%s%s", rows, columns, (double)epsilon, name_of(&initial_forms),
      is_scratch ? " only" : "");
  plan plan = random_plan(rows);
  for (int32_t t = 0; t < tier_count; t++) {
    float *out = t == 0 ? expected : copy_of(initial, (size_t)(rows * columns) * 4);
    forms f = t == 0 ? expected_forms : copy_of_forms(&initial_forms);
    // The twin keeps its floats, which the other forms do not depend on.
    ik_rms_norm arguments =
        norm_arguments(x, weight, epsilon, columns, out, is_scratch && t > 0, int8_of(&f), bfloat_of(&f));
    set_tier(tiers[t]);
    (t == 0 ? run_whole : run_split)(tiers[t]->rms_norm, &arguments, &plan);
    if (!is_scratch) compare_floats("out", expected, out, (size_t)(rows * columns));
    compare_forms(&expected_forms, &f, &plan);
  }
}

void check_silu_gate(int32_t size) {
  int32_t rows = random_row_count(), columns = random_columns(size), stride = columns + (one_in(2) ? 0 : random_in(1, 40));
  float *x = buffer((size_t)(rows * columns) * 8);
  random_rows(x, rows, 2 * columns, false);
  size_t count = rows > 0 ? (size_t)((rows - 1) * stride + columns) : 0;
  float *initial = buffer(count * 4), *expected = copy_of(initial, count * 4);
  describe("%d rows of %d columns, stride %d", rows, columns, stride);
  plan plan = random_plan(rows);
  for (int32_t t = 0; t < tier_count; t++) {
    float *out = t == 0 ? expected : copy_of(initial, count * 4);
    ik_silu_gate arguments = gate_arguments(x, columns, out, (size_t)stride);
    set_tier(tiers[t]);
    (t == 0 ? run_whole : run_split)(tiers[t]->silu_gate, &arguments, &plan);
    compare_floats("out", expected, out, count);
  }
}

void check_sums(int32_t size) {
  int32_t count = one_in(3) ? random_in(1, 40) : random_in(1, 4000 * size);
  int32_t blocks = (count + IK_SUM_BLOCK - 1) / IK_SUM_BLOCK;
  float *x = buffer((size_t)count * 4), maximum = -3.0e38f;
  random_rows(x, 1, count, true);
  if (one_in(2)) {
    for (int32_t n = random_in(0, count); n > 0; n--) x[random_in(0, count - 1)] = -INFINITY;
  }
  for (int32_t i = 0; i < count; i++) maximum = x[i] > maximum ? x[i] : maximum;
  float temperature = one_in(3) ? 1.0f : one_in(8) ? 1e-40f : random_float(0.01f, 4);
  describe("%d values, temperature %g", count, (double)temperature);
  double *initial = buffer((size_t)blocks * 8), *expected = copy_of(initial, (size_t)blocks * 8);
  plan plan = random_plan(blocks);
  for (int32_t t = 0; t < tier_count; t++) {
    double *got = t == 0 ? expected : copy_of(initial, (size_t)blocks * 8);
    ik_exponential_sums arguments = sums_arguments(x, count, maximum, temperature, got);
    set_tier(tiers[t]);
    (t == 0 ? run_whole : run_split)(tiers[t]->exponential_sums, &arguments, &plan);
    compare_bytes("sums", expected, got, (size_t)blocks * 8);
  }
}

void check_rotate(int32_t size) {
  static const int32_t dimensions[] = {2, 16, 17, 32, 40, 64, 80, 96, 100, 128, 256};
  int32_t dimension = one_in(4) ? random_in(1, 256) : dimensions[random_in(0, 10)];
  int32_t rotated = one_in(2) ? dimension / 2 * 2 : random_in(0, dimension / 2) * 2;
  int32_t kv_heads = random_in(1, 4), heads = kv_heads * random_in(1, 1 + 3 * size), tokens = random_in(0, 12);
  int32_t width = (heads + 2 * kv_heads) * dimension, half = rotated / 2, blocks = 6;
  int32_t block_size = one_in(2) ? 32 : 64;
  ik_cache_type type = (ik_cache_type)random_in(IK_CACHE_INT16, IK_CACHE_INT8);
  describe(
      "%d tokens, heads %d/%d, %d of %d dimensions rotated, cache %d with blocks of %d", tokens, heads, kv_heads, rotated,
      dimension, type, block_size);

  float *qkv = buffer((size_t)(tokens * width) * 4);
  random_rows(qkv, tokens, width, false);
  float *cosines = buffer((size_t)(tokens * half) * 4), *sines = buffer((size_t)(tokens * half) * 4);
  for (int32_t i = 0; i < tokens * half; i++) {
    cosines[i] = random_float(-1, 1);
    sines[i] = random_float(-1, 1);
  }
  // Consecutive positions of one or two sequences, so that no two tokens share a slot.
  ik_token *places = buffer((size_t)tokens * sizeof(ik_token));
  int32_t first = random_in(0, 2000), second = random_in(0, tokens), shift = random_in(0, 2000);
  for (int32_t t = 0; t < tokens; t++) {
    int32_t start = t < second ? first : shift;
    places[t].position = start + t;
    places[t].block = (t < second ? 0 : 3) + (places[t].position / block_size - start / block_size);
  }
  ik_cache initial = new_cache(type, block_size, blocks, kv_heads, dimension, true), expected = copy_of_cache(&initial, blocks);
  float *expected_qkv = copy_of(qkv, (size_t)(tokens * width) * 4);
  plan plan = random_plan(tokens);
  ik_rotate arguments = rotate_arguments(expected_qkv, heads, rotated, cosines, sines, places, &expected);
  run_whole(tiers[0]->rotate, &arguments, &plan);
  for (int32_t t = 1; t < tier_count; t++) {
    ik_cache cache = copy_of_cache(&initial, blocks);
    float *got = copy_of(qkv, (size_t)(tokens * width) * 4);
    arguments = rotate_arguments(got, heads, rotated, cosines, sines, places, &cache);
    set_tier(tiers[t]);
    run_split(tiers[t]->rotate, &arguments, &plan);
    compare_floats("qkv", expected_qkv, got, (size_t)(tokens * width));
    compare_caches(&expected, &cache, blocks);
  }
}
