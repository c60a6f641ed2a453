// The CPU kernels of Inflight: plain C, chosen at run time by what the processor can do.
//
// Conventions. Matrices are row-major. "Row" means one token; "column" means one output of a product. Every kernel
// computes one output element by a sequence of float32 operations that depends on the shapes of the weights and on
// absolute positions only, never on the number of rows, and every tier performs the same sequence. So a result has
// the same bits alone and in a batch, and on every tier.
#ifndef INFLIGHT_CKERNELS_H
#define INFLIGHT_CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---------------------------------------------------------------------------------------------------------------
// Stored element types (the layouts of GGUF).

typedef enum ik_type {
  IK_F32,
  IK_F16,
  IK_BF16,
  IK_Q8_0,
  IK_Q4_0,
  IK_Q4_1,
  IK_Q5_0,
  IK_Q5_1,
  IK_Q4_K,
  IK_Q5_K,
  IK_Q6_K,
} ik_type;

// Dequantizes one stored row of `columns` weights. `columns` is a whole number of the type's blocks.
void ik_dequantize_row(ik_type type, const uint8_t *row, int32_t columns, float *out);

// ---------------------------------------------------------------------------------------------------------------
// Packed weights.
//
// A packed matrix is a sequence of tiles of IK_TILE output columns. A tile of an integer format is a sequence of
// groups of IK_GROUP inputs; a group holds the scales of its 32 columns and then its weights, interleaved so that one
// 64-byte vector holds four consecutive inputs of sixteen columns. A tile of a float format is [inputs][32].

enum { IK_TILE = 32, IK_GROUP = 32 };

// Bytes of one tile for `columns` inputs, or 0 if `columns` does not fit the type.
size_t ik_tile_bytes(ik_type type, int32_t columns);

// Packs up to 32 stored rows into one tile. rows[i] == NULL stands for a row of zeros.
void ik_pack_tile(ik_type type, const uint8_t *const rows[IK_TILE], int32_t columns, uint8_t *tile);

// ---------------------------------------------------------------------------------------------------------------
// Activations.

// Rows of activations in groups of 32 integers with a scale: x[i] is about scale[g] * q[i], q = 128 * values + low.
//
// Most groups are narrow: low is 0, and q has the 8 bits of values. A group that holds an outlier (a value of more than
// IK_OUTLIER times the row's root mean square) would lose its other values to one coarse scale; it is wide and has 15
// bits. Products take twice the multiplications for wide groups only. Which groups are wide depends on the row alone.
#define IK_OUTLIER 3.0f

// A group of smaller values than this becomes zeros, since the inverse of its scale would not be finite.
#define IK_SMALLEST_PEAK 1e-34f

typedef struct ik_int8_rows {
  int8_t *values;       // [rows][groups * 32], -127 to 127
  int8_t *low;          // [rows][groups * 32], -64 to 63; 0 in narrow groups
  uint8_t *wide;        // [rows][groups]: 1 if the group is wide
  float *scales;        // [rows][groups]
  float *scaled_sums;   // [rows][groups]: scale * sum of the group's q
  int32_t *half_sums;   // [rows][groups][2]: sums of the q of the two halves of a group
  int32_t groups;
} ik_int8_rows;

// ---------------------------------------------------------------------------------------------------------------
// Tasks. A task is a kernel over a range of work items, run by the worker pool: function(arguments, begin, end).
// Each item writes memory that no other item of the task touches.

typedef void (*ik_task)(const void *arguments, int32_t begin, int32_t end);

// out[row][column] (= or +=) sum over inputs of x[row][input] * weight[column][input] (+ bias[column]).
// Items: tiles. All rows are computed by the item that owns the tile.
typedef struct ik_matmul {
  ik_type type;
  const uint8_t *tiles;
  size_t tile_bytes;
  int32_t inputs;
  int32_t outputs;            // valid columns of all tiles together
  int32_t rows;
  const ik_int8_rows *int8;   // for integer formats
  const float *floats;        // for float formats: [rows][inputs]
  float *out;                 // first row, first column of this matrix
  size_t out_stride;          // floats between rows
  const float *bias;          // [outputs] or NULL
  bool accumulate;            // add to what `out` holds
} ik_matmul;

// out[row] = x[row] / sqrt(mean(x[row]^2) + epsilon) * weight, and its integer form if asked for. Items: rows.
typedef struct ik_rms_norm {
  const float *x;             // [rows][columns]
  const float *weight;        // [columns]
  float epsilon;
  int32_t columns;
  float *out;                 // [rows][columns]
  const ik_int8_rows *int8;   // or NULL
} ik_rms_norm;

// Quantizes rows. Items: rows.
typedef struct ik_quantize {
  const float *x;             // [rows][columns]
  int32_t columns;
  const ik_int8_rows *int8;
} ik_quantize;

// out[row][i] = silu(x[row][i]) * x[row][columns + i]. Items: rows. `out` may be `x` itself only if strides agree.
typedef struct ik_silu_gate {
  const float *x;             // [rows][2 * columns]
  int32_t columns;
  float *out;                 // [rows][columns]
  const ik_int8_rows *int8;   // or NULL
} ik_silu_gate;

// The paged cache of one layer. A block holds `block_size` positions; of each KV head first the keys as
// [dimension][position], then the values as [position][padded dimension], in float16.
typedef struct ik_cache {
  uint16_t *blocks;
  size_t block_stride;        // elements between blocks
  size_t head_stride;         // elements between KV heads of a block
  size_t values_offset;       // elements from a head's keys to its values
  int32_t block_size;         // 32
  int32_t head_dimension;
  int32_t padded_dimension;   // head_dimension rounded up to a multiple of 16
  int32_t kv_heads;
} ik_cache;

// Where one token stands.
typedef struct ik_token {
  int32_t position;           // absolute
  int32_t block;              // block that holds the position
} ik_token;

// Rotates queries in place and writes rotated keys and the values to the cache. Items: tokens.
// The rotation is of the half-split kind: pairs (i, i + rotated / 2) of the first `rotated` dimensions of a head.
typedef struct ik_rotate {
  float *qkv;                 // [tokens][(heads + 2 * kv_heads) * head_dimension]
  int32_t heads;
  int32_t rotated;
  const float *cosines;       // [tokens][rotated / 2]
  const float *sines;
  const ik_token *tokens;
  ik_cache cache;
} ik_rotate;

// One run of consecutive positions of a sequence.
typedef struct ik_run {
  int32_t token_start;
  int32_t token_count;
  int32_t first_position;
  int32_t block_start;        // index in block_table
  int32_t item_start;         // index of the run's first work item
} ik_run;

enum { IK_QUERY_TILE = 8, IK_SPLIT = 512 };

// Causal attention over the cache. Items: for each run, for each KV head, for each tile of IK_QUERY_TILE tokens.
// A query sees the positions up to its own, and with window > 0 only the last `window` of them.
typedef struct ik_attention {
  const float *qkv;           // [tokens][(heads + 2 * kv_heads) * head_dimension], queries rotated
  float *out;                 // [tokens][heads * head_dimension]
  int32_t heads;
  float scale;
  int32_t window;             // 0: none
  const ik_run *runs;
  int32_t run_count;
  const int32_t *block_table;
  ik_cache cache;
} ik_attention;

// Number of work items of one run.
static inline int32_t ik_attention_items(int32_t token_count, int32_t kv_heads) {
  return (token_count + IK_QUERY_TILE - 1) / IK_QUERY_TILE * kv_heads;
}

// ---------------------------------------------------------------------------------------------------------------
// Tiers.

typedef struct ik_kernels {
  const char *name;
  ik_task matmul;
  ik_task rms_norm;
  ik_task quantize;
  ik_task silu_gate;
  ik_task rotate;
  ik_task attention;
} ik_kernels;

// The tiers that this processor can run, best first; NULL past the last. The last one is the scalar twin, which is
// plain C and runs everywhere.
const ik_kernels *ik_kernels_at(int32_t index);

// Tells the processor that this is a spin loop.
static inline void ik_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// ---------------------------------------------------------------------------------------------------------------
// The machine's limits, one thread's part each.

// Reads `count` bytes (a multiple of 256, aligned to 64) once. Returns their sum, so that nothing is optimized away.
uint64_t ik_limit_read(const uint8_t *bytes, size_t count);

// Performs dot products of bytes (of bfloat16 or else float32 numbers) as fast as the processor can. Returns the number
// of operations done, a multiplication and an addition counting as two.
int64_t ik_limit_int8(int64_t rounds);
int64_t ik_limit_bfloat(int64_t rounds);

// ---------------------------------------------------------------------------------------------------------------
// The system.

// Number of processors that this process may run on.
int32_t ik_allowed_processors(void);

// The most memory that this process has held at any time, in bytes.
int64_t ik_peak_resident_bytes(void);

// Names the calling thread, where the system can.
void ik_set_thread_name(const char *name);

#ifdef __cplusplus
}
#endif
#endif
