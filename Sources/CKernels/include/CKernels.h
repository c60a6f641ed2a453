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
#include <string.h>

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
// groups of IK_GROUP inputs; a group holds the scales of its 32 columns (K-quants have some before every eighth group) and
// then its weights, interleaved so that one 64-byte vector holds four consecutive inputs of sixteen columns. It has no
// more bits than the rows that it is made of. A tile of IK_F32 and IK_F16 is [inputs][32].
//
// A tile of IK_BF16 is [inputs / 2][32][2], so that one 64-byte vector holds two consecutive inputs of sixteen columns; an
// odd last input has a zero beside it. Weights below IK_BFLOAT_LEAST_WEIGHT are 0 there. Float16 and float32 weights have
// more bits than bfloat16 can hold, and so they are multiplied as float32 numbers.

enum { IK_TILE = 32, IK_GROUP = 32 };

// Bytes of one tile for `columns` inputs, or 0 if `columns` does not fit the type.
size_t ik_tile_bytes(ik_type type, int32_t columns);

// Packs up to 32 stored rows into one tile. rows[i] == NULL stands for a row of zeros.
void ik_pack_tile(ik_type type, const uint8_t *const rows[IK_TILE], int32_t columns, uint8_t *tile);

// ---------------------------------------------------------------------------------------------------------------
// Activations.

// Rows of activations in groups of 32 integers with a scale: x[i] is about scale * (values[i] + 128 * the upper bits).
//
// A coarse scale for a large value would lose the small ones beside it. So of each group one quad (four values that a dot
// product takes together), the one with the largest value, has up to 15 bits. The scale is that of the largest value of the
// others. An outlier among these, a quad with a value of more than IK_OUTLIER times the root mean square of its row, does not
// count for the scale and has 15 bits too. Of the top quad products take four upper bits in a second visit of every group; where it
// has more of them, and of outliers, the upper bits are listed, and products visit the listed quads once more. All of that depends
// on the row alone.
#define IK_OUTLIER 3.0f

typedef struct ik_int8_group {
  int8_t values[32];      // -127 to 127; -64 to 63 where there are upper bits
  int8_t top[4];          // 16 times the upper bits of quad `top_quad`, -8 to 7; zeros if they are listed
  int8_t raised[2][4];    // 2 * top in the half of the group that the quad is in, zeros in the other; wrong if top is wide
  int32_t sums[2];        // of values + 8 * top, of the two halves
  float scale;
  float scaled_sum;       // scale * sum of (values + 8 * top + 128 * high)
  int16_t top_quad;       // 0 ..< 8
  int8_t is_wide;         // 1 if one of the upper bits in top is not among -4 ... 3, else 0
  int8_t fits;            // 4 or 5: sums of products with weights of so many bits fit 16 bits, see IK_FITS_4; 0: not known
} ik_int8_group;

// Tiers that multiply bytes in pairs add up in 16 bits, of each quad the products of the first two values apart from those of the
// last two. So they note of a group how many bits weights may have: the magnitudes of all its first two values, the upper bits in top
// included, come to at most IK_FITS_4, and those of all its last two; for five bits also those of its second half, with the upper
// bits in top whichever half they belong to, to at most IK_FITS_5. In the models that were tried the first holds for all groups but
// one in 10,000 at most, the second for 98 of 100.
enum { IK_FITS_4 = INT16_MAX / 15, IK_FITS_5 = INT16_MAX / 31 };

// The upper bits of an outlier, or of a top quad that has more than four of them.
typedef struct ik_outliers {
  int8_t high[4];
  uint16_t quad;          // of the chunk: 8 * group + quad of the group
} ik_outliers;

// Eight groups of a row lie together: the inputs that a product takes at a time. Behind them lie those of the next row.
enum { IK_CHUNK = 8, IK_LIST = 8 * IK_CHUNK };

typedef struct ik_int8_rows {
  ik_int8_group *groups;     // [chunks][pitch][IK_CHUNK]
  ik_outliers *outliers;     // [chunks][pitch][IK_LIST], by ascending quad
  uint8_t *outlier_counts;   // [chunks][pitch]
  int32_t group_count;
  int32_t pitch;             // at least the number of rows
} ik_int8_rows;

static inline int32_t ik_chunks(int32_t group_count) { return (group_count + IK_CHUNK - 1) / IK_CHUNK; }

// Place of a chunk of a row in `outlier_counts`; times IK_CHUNK in `groups`, times IK_LIST in `outliers`.
static inline size_t ik_chunk_index(const ik_int8_rows *x, int32_t row, int32_t chunk) {
  return (size_t)chunk * x->pitch + row;
}

// Rows of activations in bfloat16, rounded to nearest even; those below IK_BFLOAT_LEAST_ACTIVATION are 0. They are the
// left side of products with weights in bfloat16. IK_BFLOAT_CHUNK inputs of a row, which a product takes at a time, lie
// together, and behind them those of the next row. A zero follows the last of an odd number of inputs.
//
// Why there are least numbers: dot products of bfloat16 take subnormal numbers as zero, and processors do not agree
// about what else they do with them. Here none can occur. With these limits every product of two numbers is a multiple of
// 2^-126, and so is every sum of products, rounded or not, that starts from 0.
#define IK_BFLOAT_LEAST_WEIGHT 0x1p-64f
#define IK_BFLOAT_LEAST_ACTIVATION 0x1p-48f
enum { IK_BFLOAT_CHUNK = 256 };

typedef struct ik_bfloat_rows {
  uint16_t *values;          // [chunks][pitch][IK_BFLOAT_CHUNK]
  int32_t inputs;
  int32_t pitch;             // at least the number of rows
} ik_bfloat_rows;

static inline int32_t ik_bfloat_chunks(int32_t inputs) { return (inputs + IK_BFLOAT_CHUNK - 1) / IK_BFLOAT_CHUNK; }

// Where in `values` a chunk of a row begins.
static inline size_t ik_bfloat_index(const ik_bfloat_rows *x, int32_t row, int32_t chunk) {
  return ((size_t)chunk * x->pitch + row) * IK_BFLOAT_CHUNK;
}

// ---------------------------------------------------------------------------------------------------------------
// Tasks. A task is a kernel over a range of work items, run by the worker pool: function(arguments, begin, end).
// Each item writes memory that no other item of the task touches.

typedef void (*ik_task)(const void *arguments, int32_t begin, int32_t end);

// out[row][column] (= or +=) sum over inputs of x[row][input] * weight[column][input] (+ bias[column]).
// Items: for each block of IK_ROW_BLOCK rows, the tiles. So the activations of a block stay in a second-level cache while
// the tiles pass by.
typedef struct ik_matmul {
  ik_type type;
  const uint8_t *tiles;
  size_t tile_bytes;
  int32_t inputs;
  int32_t outputs;            // valid columns of all tiles together
  int32_t rows;
  const ik_int8_rows *int8;   // for integer formats
  const ik_bfloat_rows *bfloat;  // for IK_BF16
  const float *floats;        // for IK_F32 and IK_F16: [rows][inputs]
  float *out;                 // first row, first column of this matrix
  size_t out_stride;          // floats between rows
  const float *bias;          // [outputs] or NULL
  bool accumulate;            // add to what `out` holds
} ik_matmul;

// Rows of an item. With more inputs than those of IK_SPAN chunks of groups their integers do not fit a second-level cache of a
// megabyte beside the rest, and up to IK_TILES_TOGETHER items that follow each other, and have the same rows, take turns with
// IK_SPAN chunks at a time.
enum { IK_ROW_BLOCK = 128, IK_SPAN = 6, IK_TILES_TOGETHER = 4 };

// Items that are best done by one thread, one after the other, of a product of many rows.
static inline int32_t ik_matmul_grain(int32_t rows, int32_t inputs) {
  bool is_long = rows >= IK_ROW_BLOCK && inputs > IK_SPAN * IK_CHUNK * IK_GROUP;
  return is_long ? IK_TILES_TOGETHER : 1;
}

// What an item computes: rows first_row ..< first_row + rows of tile `tile`.
typedef struct ik_matmul_part {
  int32_t tile, first_row, rows;
} ik_matmul_part;

static inline int32_t ik_matmul_items(const ik_matmul *m) {
  return (m->outputs + IK_TILE - 1) / IK_TILE * ((m->rows + IK_ROW_BLOCK - 1) / IK_ROW_BLOCK);
}

static inline ik_matmul_part ik_matmul_part_of(const ik_matmul *m, int32_t item) {
  int32_t tiles = (m->outputs + IK_TILE - 1) / IK_TILE, first_row = item / tiles * IK_ROW_BLOCK;
  int32_t rows = m->rows - first_row < IK_ROW_BLOCK ? m->rows - first_row : IK_ROW_BLOCK;
  return (ik_matmul_part){item % tiles, first_row, rows};
}

// The same product for logits. Also notes, for each row and each tile, the key of the largest of the tile's logits: an
// integer that is ordered as the floats are (their bits, those but the sign flipped if it is set), INT32_MAX if one of
// them is not a number; and for each row the largest logit with its place, see ik_largest. Items: those of `matmul`.
typedef struct ik_logits {
  ik_matmul matmul;
  ik_task multiply;           // the tier's product
  int32_t *keys;              // [rows][tiles]
  int64_t *largest;           // [rows], raised by each item; IK_NO_LARGEST in the beginning
} ik_logits;
void ik_logits_task(const void *arguments, int32_t begin, int32_t end);

// A logit and its place in one number, which is larger for a larger logit, and among equals for a lower place.
static inline int64_t ik_largest(int32_t key, int32_t place) {
  return (int64_t)((uint64_t)(uint32_t)key << 32 | (uint32_t)~place);
}
#define IK_NO_LARGEST INT64_MIN

// The place of the largest logit of a row, -1 if the row has a value that is not a number, or no finite maximum.
static inline int32_t ik_largest_place(int64_t largest) {
  const int32_t infinity = 0x7f800000;
  int32_t key = (int32_t)(largest >> 32);
  return key < infinity && key > ~infinity ? (int32_t)~(uint32_t)largest : -1;
}

// Notes the same of one row that something else made: `keys` is [tiles]. Returns its largest logit.
int64_t ik_note_logits(const float *logits, int32_t columns, int32_t *keys);

// y[i] = x[i] where bit i % 64 of mask[i / 64] is 1, else negative infinity, for the logits of block b, 32 b ..< 32 b + 32 of
// `count`. keys[b] is that of the largest of them in x on entry and in y on return; what is wholly allowed is not looked at for it.
void ik_mask_logits(const uint64_t *mask, const float *x, float *y, int32_t *keys, int32_t count, int32_t block);

// The products of a gated feed-forward layer: out[row][i] = silu(gate[row][i]) * up[row][i]. The two products are never
// written as a whole, which would take several times the memory of the result: an item computes one tile of both and puts
// them together while they are near the processor. Items: those of `gate`.
typedef struct ik_gated {
  ik_matmul gate, up;         // of the same input; their `out` and `out_stride` are not used, and they do not accumulate
  ik_task multiply;           // the tier's product
  ik_task activate;           // the tier's silu_gate
  float *out;                 // [rows][out_stride]
  size_t out_stride;
} ik_gated;
void ik_gated_task(const void *arguments, int32_t begin, int32_t end);

// out[row] = x[row] / sqrt(mean(x[row]^2) + epsilon) * weight, and its integer and bfloat16 forms if asked for. Items: rows.
typedef struct ik_rms_norm {
  const float *x;             // [rows][columns]
  const float *weight;        // [columns]
  float epsilon;
  int32_t columns;
  float *out;                 // [rows][columns]
  bool is_scratch;            // only the other forms are wanted: rows of `out` that belong to the items are work space
  const ik_int8_rows *int8;   // or NULL
  const ik_bfloat_rows *bfloat;  // or NULL
} ik_rms_norm;

// Quantizes rows, or rounds them to bfloat16, or both. Items: rows.
typedef struct ik_quantize {
  const float *x;             // [rows][columns]
  int32_t columns;
  const ik_int8_rows *int8;   // or NULL
  const ik_bfloat_rows *bfloat;  // or NULL
} ik_quantize;

// out[row][i] = silu(x[row][i]) * x[row][columns + i]. Items: rows.
typedef struct ik_silu_gate {
  const float *x;             // [rows][2 * columns]
  int32_t columns;
  float *out;                 // [rows][out_stride]
  size_t out_stride;
} ik_silu_gate;

// sums[block] = sum of exp((x[i] - maximum) / temperature) over block `block` of IK_SUM_BLOCK values of a row, the last of
// which may be shorter. Value i of a block goes to running sum i % 16, and the sixteen are added in the order of sum_lanes,
// in double precision; the exponential is that of exponential.h. Items: blocks.
enum { IK_SUM_BLOCK = 1024 };

typedef struct ik_exponential_sums {
  const float *x;             // [count]
  int32_t count;
  float maximum;              // of x; finite
  float temperature;          // more than 0
  double *sums;               // [blocks]
} ik_exponential_sums;

// How the cache keeps keys and values.
typedef enum ik_cache_type {
  IK_CACHE_INT16, // value = scale * integer, with a float32 scale for each position and head of keys and of values, see below
  IK_CACHE_F16,
  IK_CACHE_BF16,
  IK_CACHE_INT8,  // value = scale * integer, with a float32 scale for each position and head of keys and of values
} ik_cache_type;

// The integers of IK_CACHE_INT16 are such that products of vectors fit 32 bits, whatever is multiplied: a key's, and a query's,
// have a Euclidean norm of about IK_NORM_LIMIT, so that a sum of products of both is below 2^31 (Cauchy and Schwarz); a
// value's are at most 2^13 - 1 and the weights of 32 positions at most 2^13 each. The scale of a value is a power of two.
//
// A vector with a norm below IK_LEAST_NORM becomes zeros: its squares are subnormal, and their sum is too coarse to say that no
// integer is beyond the limit.
#define IK_NORM_LIMIT 32700.0f
#define IK_LEAST_NORM 0x1p-60f
#define IK_VALUE_LIMIT 8191.0f
#define IK_WEIGHT_BITS 13

// The paged cache of one layer. A block holds `block_size` positions; of each KV head first the keys as
// [dimension][position], then the values as [position][padded dimension], then for integers the scales of the keys
// and those of the values, each [position]. Strides and offsets are in bytes. With IK_CACHE_INT16 two dimensions of a key, and
// two positions of a value, stand together: [dimension / 2][position][2], where an odd number of dimensions has one more, and
// [position / 2][padded dimension][2].
typedef struct ik_cache {
  uint8_t *blocks;
  ik_cache_type type;
  size_t block_stride;        // between blocks
  size_t head_stride;         // between KV heads of a block
  size_t values_offset;       // from a head's keys to its values
  size_t scales_offset;       // from a head's keys to its scales
  int32_t block_size;         // 16, or a multiple of 32
  int32_t head_dimension;
  int32_t padded_dimension;   // head_dimension rounded up to a multiple of 16
  int32_t kv_heads;
  bool asks_near;             // attention over IK_CACHE_INT16 asks ahead in the first-level cache, else in the second-level one
} ik_cache;

static inline int32_t ik_even(int32_t dimension) { return (dimension + 1) / 2 * 2; }

// The scale of integers up to IK_VALUE_LIMIT for values up to `peak`, and its inverse. From 2^-60 on, so that neither is
// subnormal.
static inline float ik_value_scale(float peak, float *inverse) {
  uint32_t bits, exponent;
  memcpy(&bits, &peak, 4);
  exponent = bits >> 23 < 79 ? 79 : bits >> 23;
  float scale;
  bits = (exponent - 12) << 23;
  memcpy(&scale, &bits, 4);
  bits = (254u << 23) - bits;
  memcpy(inverse, &bits, 4);
  return scale;
}

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
  int32_t partial_start;      // index of the run's first partial result, or -1: an item visits all keys
} ik_run;

// A row of attention is one query head of one token. Its keys are visited in splits of IK_SPLIT absolute positions, and
// the results of the splits are folded together in ascending order.
enum { IK_QUERY_TILE = 16, IK_SPLIT = 256, IK_MAXIMUM_HEAD_DIMENSION = 256 };

// What a split makes of one row: sum of exp(score - maximum) in 16 lanes, and the sum of the values with these weights; with
// IK_CACHE_INT16 the maximum is that of score * log2(e) + log2(scale of the value).
typedef struct ik_partial {
  float maximum;              // -infinity if the row sees no key of the split; with IK_CACHE_INT16 a logarithm to the base 2
  float unused[15];           // so that vectors do not lie across cache lines
  float sums[16];
  float out[IK_MAXIMUM_HEAD_DIMENSION];
} ik_partial;

// Causal attention over the cache. Items: for each run, for each tile of IK_QUERY_TILE tokens, the last one first, which sees
// the most keys (so that threads end with small items), for each KV head; or, for a
// run of one token with partial results, for each split, for each KV head.
// A query sees the positions up to its own, and with window > 0 only the last `window` of them.
typedef struct ik_attention {
  const float *qkv;           // [tokens][(heads + 2 * kv_heads) * head_dimension], queries rotated
  float *out;                 // [tokens][heads * head_dimension]
  int32_t heads;
  float scale;                // of the products of queries and keys
  float soft_cap;             // 0: none; else scores s become soft_cap * tanh(s / soft_cap)
  int32_t window;             // 0: none
  const ik_run *runs;
  int32_t run_count;
  const int32_t *block_table;
  ik_partial *partials;       // of a run: [splits][heads]
  ik_cache cache;
} ik_attention;

// The first token of the `part`th tile of a run.
static inline int32_t ik_query_tile(const ik_run *run, int32_t part) {
  return ((run->token_count - 1) / IK_QUERY_TILE - part) * IK_QUERY_TILE;
}

static inline int32_t ik_splits(int32_t positions) { return (positions + IK_SPLIT - 1) / IK_SPLIT; }

// Number of work items of one run.
static inline int32_t ik_attention_items(int32_t token_count, int32_t first_position, bool partial, int32_t kv_heads) {
  int32_t parts = partial ? ik_splits(first_position + 1) : (token_count + IK_QUERY_TILE - 1) / IK_QUERY_TILE;
  return parts * kv_heads;
}

// Rotation, attention and the other forms of its result, for rows of which each is a token of a sequence of its own. No row waits for
// another one, and what the cache gets of a row is written by the thread that reads it next. Items: rows.
typedef struct ik_decode {
  ik_rotate rotation;
  ik_attention attention;     // of runs of one token each, without partial results
  ik_quantize quantization;   // of `attention.out`, of which no form may be asked for
  ik_task rotate, attend, quantize;  // the tier's
} ik_decode;
void ik_decode_task(const void *arguments, int32_t begin, int32_t end);

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
  ik_task exponential_sums;
  ik_task fold_partials;      // of an ik_attention; items: runs. To be called when all items of attention are done.
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

// Tells the processor that the cache line at `address` will be written, or read, soon. Any address will do.
static inline void ik_prefetch(const void *address) { __builtin_prefetch(address, 1); }

// ---------------------------------------------------------------------------------------------------------------
// The machine's limits, one thread's part each.

// Reads `count` bytes (a multiple of 256, aligned to 64) once, and asks for them ahead or not: which is faster depends on the
// processor. Returns their sum, so that nothing is optimized away.
uint64_t ik_limit_read(const uint8_t *bytes, size_t count, bool asks);

// Performs dot products of bytes (of bfloat16 or else float32 numbers) as fast as the processor can. Returns the number
// of operations done, a multiplication and an addition counting as two.
int64_t ik_limit_int8(int64_t rounds);
int64_t ik_limit_bfloat(int64_t rounds);

// ---------------------------------------------------------------------------------------------------------------
// The system.

// Whether attention had better ask for keys and values ahead in the first-level cache.
bool ik_asks_near(void);

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
