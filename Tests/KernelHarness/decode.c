// Check of rotation, attention and quantization in one, where every sequence has one token.
#include "harness.h"
#include <math.h>

// What a step leaves behind.
typedef struct outcome {
  float *qkv, *out;
  ik_cache cache;
  ik_int8_rows int8;
  ik_bfloat_rows bfloat;
} outcome;

// The shapes and inputs of a step.
typedef struct step {
  int32_t rows, heads, kv_heads, dimension, rotated, blocks;
  const float *cosines, *sines;
  const ik_token *tokens;
  attention_case attention;
  bool has_int8, has_bfloat;
} step;

static int32_t qkv_width(const step *s) { return (s->heads + 2 * s->kv_heads) * s->dimension; }
static int32_t out_width(const step *s) { return s->heads * s->dimension; }

static outcome copy_of_outcome(const step *s, const outcome *from) {
  outcome copy = {
      .qkv = copy_of(from->qkv, (size_t)(s->rows * qkv_width(s)) * 4),
      .out = copy_of(from->out, (size_t)(s->rows * out_width(s)) * 4),
      .cache = copy_of_cache(&from->cache, s->blocks),
  };
  if (s->has_int8) copy.int8 = copy_of_int8_rows(&from->int8);
  if (s->has_bfloat) copy.bfloat = copy_of_bfloat_rows(&from->bfloat);
  return copy;
}

static ik_decode arguments_of(const step *s, outcome *o, const ik_kernels *tier) {
  attention_case attention = s->attention;
  attention.qkv = o->qkv;
  return decode_arguments(
      rotate_arguments(o->qkv, s->heads, s->rotated, s->cosines, s->sines, s->tokens, &o->cache),
      attention_arguments(&attention, &o->cache, NULL, o->out),
      quantize_arguments(o->out, out_width(s), s->has_int8 ? &o->int8 : NULL, s->has_bfloat ? &o->bfloat : NULL), tier);
}

// The same by three tasks of the scalar twin, one after another.
static void run_in_turns(const ik_decode *d, const plan *rows, int32_t kv_heads) {
  tiers[0]->rotate(&d->rotation, rows->begin, rows->end);
  tiers[0]->attention(&d->attention, rows->begin * kv_heads, rows->end * kv_heads);
  tiers[0]->quantize(&d->quantization, rows->begin, rows->end);
}

void check_decode(int32_t size) {
  static const int32_t dimensions[] = {16, 17, 32, 40, 64, 64, 80, 128};
  int32_t dimension = dimensions[random_in(0, 7)], kv_heads = random_in(1, 3), heads = kv_heads * random_in(1, 9);
  int32_t rows = random_in(1, 9), block_size = 16 << random_in(0, 2), half = random_in(0, dimension / 2);
  ik_cache_type type = (ik_cache_type)random_in(IK_CACHE_INT16, IK_CACHE_INT8);
  step s = {.rows = rows, .heads = heads, .kv_heads = kv_heads, .dimension = dimension, .rotated = 2 * half};
  s.has_int8 = out_width(&s) % IK_GROUP == 0 && !one_in(3);
  s.has_bfloat = !s.has_int8 || one_in(3);

  ik_run *runs = buffer((size_t)rows * sizeof(ik_run));
  ik_token *tokens = buffer((size_t)rows * sizeof(ik_token));
  for (int32_t r = 0; r < rows; r++) {
    int32_t position = one_in(4) ? random_in(0, 3) : one_in(6) ? random_in(0, 400 * size) : random_in(0, 70);
    runs[r] = (ik_run){
        .token_start = r, .token_count = 1, .first_position = position, .block_start = s.blocks, .item_start = r * kv_heads,
        .partial_start = -1};
    tokens[r] = (ik_token){.position = position, .block = s.blocks + position / block_size};
    s.blocks += position / block_size + 1;
  }
  int32_t *table = buffer((size_t)s.blocks * 4);
  for (int32_t i = 0; i < s.blocks; i++) table[i] = i;
  float *cosines = buffer((size_t)(rows * half) * 4), *sines = buffer((size_t)(rows * half) * 4);
  for (int32_t i = 0; i < rows * half; i++) {
    cosines[i] = random_float(-1, 1);
    sines[i] = random_float(-1, 1);
  }
  s.cosines = cosines;
  s.sines = sines;
  s.tokens = tokens;
  s.attention = (attention_case){
      .heads = heads,
      .scale = 1 / sqrtf((float)dimension),
      .soft_cap = one_in(4) ? random_float(0.5f, 60) : 0,
      .window = one_in(3) ? random_in(1, 100) : 0,
      .runs = runs,
      .run_count = rows,
      .block_table = table,
  };
  describe(
      "%d rows, heads %d/%d of %d, cache %d with blocks of %d, window %d%s%s", rows, heads, kv_heads, dimension, type, block_size,
      s.attention.window, s.has_int8 ? ", integers" : "", s.has_bfloat ? ", bfloat16" : "");

  outcome initial = {
      .qkv = buffer((size_t)(rows * qkv_width(&s)) * 4),
      .out = buffer((size_t)(rows * out_width(&s)) * 4),
      .cache = new_cache(type, block_size, s.blocks, kv_heads, dimension, false),
  };
  random_rows(initial.qkv, rows, qkv_width(&s), !one_in(4));
  if (s.has_int8) initial.int8 = new_int8_rows(rows, out_width(&s) / IK_GROUP);
  if (s.has_bfloat) initial.bfloat = new_bfloat_rows(rows, out_width(&s));
  // The step itself writes its position; what is behind it may be anything.
  for (int32_t r = 0; r < rows; r++) spoil_block(&initial.cache, tokens[r].block, tokens[r].position % block_size);

  plan plan = random_plan(rows);
  outcome expected = copy_of_outcome(&s, &initial);
  ik_decode arguments = arguments_of(&s, &expected, tiers[0]);
  run_in_turns(&arguments, &plan, kv_heads);
  for (int32_t t = 0; t < tier_count; t++) {
    outcome got = copy_of_outcome(&s, &initial);
    arguments = arguments_of(&s, &got, tiers[t]);
    set_tier(tiers[t]);
    run_split(ik_decode_task, &arguments, &plan);
    compare_floats("qkv", expected.qkv, got.qkv, (size_t)(rows * qkv_width(&s)));
    compare_floats("out", expected.out, got.out, (size_t)(rows * out_width(&s)));
    compare_caches(&expected.cache, &got.cache, s.blocks);
    if (s.has_int8) compare_int8_rows(&expected.int8, &got.int8, &plan);
    if (s.has_bfloat) compare_bfloat_rows(&expected.bfloat, &got.bfloat, &plan);
  }
}
