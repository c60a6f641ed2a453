// Compares every kernel of every tier with the scalar twin, bit for bit, over random shapes. See main.c.
//
// A check (check_*) draws one case from the seeded generator, computes it with the scalar twin, and then with each tier
// on copies of the same buffers. Argument structs are built in arguments.c and nowhere else.
#ifndef INFLIGHT_KERNEL_HARNESS_H
#define INFLIGHT_KERNEL_HARNESS_H

#include "CKernels.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---------------------------------------------------------------------------------------------------------------
// Random numbers (SplitMix64). Seeded anew for every case, so that a case can be repeated alone.

void seed_random(uint64_t seed);
uint64_t random_bits(void);
int32_t random_in(int32_t low, int32_t high);  // both included
bool one_in(int32_t count);
float random_float(float low, float high);
uint16_t random_half(int32_t exponent);        // float16 bits of a number below 2^exponent, and not below a hundredth of it
uint16_t random_bfloat(int32_t low, int32_t high);  // bfloat16 bits of a number from 2^low to below 2^(high + 1)

// Activations of many kinds: `count` values in each of `rows` rows, a kind for each row. Some rows have outliers, zeros,
// subnormal numbers, or, unless `finite`, NaNs and infinities.
void random_rows(float *x, int32_t rows, int32_t count, bool finite);

// ---------------------------------------------------------------------------------------------------------------
// Memory. Every buffer has exactly the bytes asked for: with AddressSanitizer one byte more is an error; without it the
// buffer ends where a page begins that cannot be touched. No kernel needs more than that, or an alignment of more than
// that of its elements. All buffers of a case are freed together.

void *buffer(size_t bytes);            // of random bytes
void *copy_of(const void *bytes, size_t count);
void free_buffers(void);

// ---------------------------------------------------------------------------------------------------------------
// Running. A plan is a part of a task's items, the same for every tier, and its split into ranges, some of them empty.

typedef struct plan {
  int32_t begin, end;
  int32_t cuts[8];
  int32_t cut_count;
  bool backwards;
} plan;

plan random_plan(int32_t items);
void run_whole(ik_task task, const void *arguments, const plan *plan);
void run_split(ik_task task, const void *arguments, const plan *plan);

// The tiers to compare, the scalar twin first.
extern const ik_kernels *tiers[8];
extern int32_t tier_count;

// ---------------------------------------------------------------------------------------------------------------
// Comparing. All NaNs are one. A difference is reported with the case's description and counted.

// What the case is, for reports: tier, kernel, shapes.
void describe(const char *format, ...) __attribute__((format(printf, 1, 2)));
void set_tier(const ik_kernels *tier);
// Whether the tier is one that notes which groups fit 16 bits.
bool tier_says_what_fits(void);

void compare_floats(const char *what, const float *expected, const float *got, size_t count);
// Sixteen-bit numbers whose infinity is `infinity`.
void compare_halves(const char *what, uint16_t infinity, const uint8_t *expected, const uint8_t *got, size_t count);
void compare_bytes(const char *what, const void *expected, const void *got, size_t count);
// Calls `name` and says what the case is when a kernel touches memory that is not its own.
void on_crash(void (*name)(void));
void report(const char *what, size_t index, uint32_t expected, uint32_t got);

// ---------------------------------------------------------------------------------------------------------------
// Arguments: everything that knows the fields of the kernels' structs.

// Rows of integer activations: junk, what the scalar twin makes of `x`, random numbers with few to very many outliers, or
// rows that are 1 at inputs[row] and else 0, as an outlier's upper bits, as a plain integer or as what is beyond one.
ik_int8_rows new_int8_rows(int32_t rows, int32_t groups);
ik_int8_rows copy_of_int8_rows(const ik_int8_rows *x);
ik_int8_rows quantized(const float *x, int32_t rows, int32_t columns);
ik_int8_rows random_int8_rows(int32_t rows, int32_t groups);
ik_int8_rows one_hot_int8_rows(int32_t rows, int32_t groups, const int32_t *inputs, bool outliers);
// Compares the rows of a plan: all of their groups, and the outliers that are listed.
void compare_int8_rows(const ik_int8_rows *expected, const ik_int8_rows *got, const plan *rows);

// Rows in bfloat16: junk, what the scalar twin makes of `x`, or random numbers, all over the range or close to its ends,
// and unless `finite` any bits.
ik_bfloat_rows new_bfloat_rows(int32_t rows, int32_t inputs);
ik_bfloat_rows copy_of_bfloat_rows(const ik_bfloat_rows *x);
ik_bfloat_rows rounded(const float *x, int32_t rows, int32_t columns);
ik_bfloat_rows random_bfloat_rows(int32_t rows, int32_t inputs, bool finite);
void compare_bfloat_rows(const ik_bfloat_rows *expected, const ik_bfloat_rows *got, const plan *rows);

typedef struct matmul_case {
  ik_type type;
  int32_t inputs, outputs, rows;
  const uint8_t *tiles;
  const ik_int8_rows *int8;
  const ik_bfloat_rows *bfloat;
  const float *floats;
  size_t out_stride;
  const float *bias;
  bool accumulate;
} matmul_case;

ik_matmul matmul_arguments(const matmul_case *c, float *out);
ik_gated gated_arguments(
    const matmul_case *gate, const matmul_case *up, ik_task multiply, ik_task activate, float *out, size_t out_stride);
ik_logits logits_arguments(const matmul_case *c, float *out, ik_task multiply, int32_t *keys, int64_t *largest);
ik_rms_norm norm_arguments(
    const float *x, const float *weight, float epsilon, int32_t columns, float *out, bool is_scratch, const ik_int8_rows *int8,
    const ik_bfloat_rows *bfloat);
ik_quantize quantize_arguments(const float *x, int32_t columns, const ik_int8_rows *int8, const ik_bfloat_rows *bfloat);
ik_silu_gate gate_arguments(const float *x, int32_t columns, float *out, size_t out_stride);
ik_exponential_sums sums_arguments(const float *x, int32_t count, float maximum, float temperature, double *sums);

// A cache of `blocks` blocks with random contents, of which `broken` says whether they may be NaNs and infinities.
ik_cache new_cache(
    ik_cache_type type, int32_t block_size, int32_t blocks, int32_t kv_heads, int32_t dimension, bool broken);
ik_cache copy_of_cache(const ik_cache *cache, int32_t blocks);
// Makes everything of a block but positions 0 ..< `used` junk, and the padding of the used ones.
void spoil_block(const ik_cache *cache, int32_t block, int32_t used);
// Compares all but the padding.
void compare_caches(const ik_cache *expected, const ik_cache *got, int32_t blocks);

ik_rotate rotate_arguments(
    float *qkv, int32_t heads, int32_t rotated, const float *cosines, const float *sines, const ik_token *tokens,
    const ik_cache *cache);

typedef struct attention_case {
  const float *qkv;
  int32_t heads;
  float scale, soft_cap;
  int32_t window;
  const ik_run *runs;
  int32_t run_count;
  const int32_t *block_table;
} attention_case;

ik_attention attention_arguments(const attention_case *c, const ik_cache *cache, ik_partial *partials, float *out);
ik_decode decode_arguments(ik_rotate rotation, ik_attention attention, ik_quantize quantization, const ik_kernels *tier);

// ---------------------------------------------------------------------------------------------------------------
// Weights.

extern const char *const type_names[11];
// Inputs that a row of this type has a whole number of.
int32_t block_inputs(ik_type type);
// A stored row with random weights; unless `finite`, scales may be anything.
uint8_t *random_stored_row(ik_type type, int32_t inputs, bool finite);
// Tiles for `outputs` rows.
uint8_t *random_tiles(ik_type type, int32_t inputs, int32_t outputs, bool finite);

// ---------------------------------------------------------------------------------------------------------------
// Checks, one case each. `size` is 1 for small shapes and more for larger ones.

void check_matmul(int32_t size);
void check_logits(int32_t size);
void check_noted_logits(int32_t size);
void check_gated(int32_t size);
void check_rms_norm(int32_t size);
void check_quantize(int32_t size);
void check_silu_gate(int32_t size);
void check_sums(int32_t size);
void check_rotate(int32_t size);
void check_attention(int32_t size);
void check_decode(int32_t size);
void check_formats(int32_t size);

// ---------------------------------------------------------------------------------------------------------------
// Times the kernel and the shape that `words` name, on every tier. Returns the exit code.

int time_kernel(int count, char **words);

#endif
