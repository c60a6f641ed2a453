// Reading stored blocks, packing tiles, dequantizing rows.
#include "formats.h"

#pragma STDC FP_CONTRACT OFF

static void read_nibbles(const uint8_t *qs, uint8_t *q) {
  for (int j = 0; j < 16; j++) {
    q[j] = qs[j] & 15;
    q[j + 16] = qs[j] >> 4;
  }
}

static void add_fifth_bits(const uint8_t *qh, uint8_t *q) {
  uint32_t bits;
  memcpy(&bits, qh, 4);
  for (int j = 0; j < 32; j++) q[j] |= (bits >> j & 1) << 4;
}

// The 6-bit scale and minimum of group `group` of a K-quant's twelve packed bytes.
static void read_k_scales(const uint8_t *packed, int group, ik_group *out) {
  if (group < 4) {
    out->scale = packed[group] & 63;
    out->minimum = packed[group + 4] & 63;
  } else {
    out->scale = (packed[group + 4] & 15) | (packed[group - 4] >> 6) << 4;
    out->minimum = packed[group + 4] >> 4 | (packed[group] >> 6) << 4;
  }
}

static void read_super_nibbles(const uint8_t *qs, int group, uint8_t *q) {
  const uint8_t *bytes = qs + group / 2 * 32;
  if (group % 2 == 0) {
    for (int j = 0; j < 32; j++) q[j] = bytes[j] & 15;
  } else {
    for (int j = 0; j < 32; j++) q[j] = bytes[j] >> 4;
  }
}

static void read_q6_k(const uint8_t *block, int group, ik_group *out) {
  int half = group / 4, quarter = group % 4;  // 128 inputs each; 32 inputs each
  const uint8_t *ql = block + half * 64 + quarter % 2 * 32, *qh = block + 128 + half * 32;
  const uint8_t *scales = block + 192 + 2 * group;
  int nibble = quarter / 2 * 4, pair = quarter * 2;
  for (int j = 0; j < 32; j++) out->q[j] = (ql[j] >> nibble & 15) | (qh[j] >> pair & 3) << 4;
  out->half_scale[0] = (int8_t)scales[0];
  out->half_scale[1] = (int8_t)scales[1];
  out->d = ik_load16(block + 208);
}

// Inlined, so that a caller whose type is a constant gets the code of that type alone.
static inline __attribute__((always_inline)) void read_group(
    ik_type type, const uint8_t *row, int32_t group, ik_group *out
) {
  switch (type) {
  case IK_Q8_0: {
    const uint8_t *block = row + (size_t)group * 34;
    out->d = ik_load16(block);
    for (int j = 0; j < 32; j++) out->q[j] = block[2 + j] ^ 0x80;
    break;
  }
  case IK_Q4_0: {
    const uint8_t *block = row + (size_t)group * 18;
    out->d = ik_load16(block);
    read_nibbles(block + 2, out->q);
    break;
  }
  case IK_Q4_1: {
    const uint8_t *block = row + (size_t)group * 20;
    out->d = ik_load16(block);
    out->m = ik_load16(block + 2);
    read_nibbles(block + 4, out->q);
    break;
  }
  case IK_Q5_0: {
    const uint8_t *block = row + (size_t)group * 22;
    out->d = ik_load16(block);
    read_nibbles(block + 6, out->q);
    add_fifth_bits(block + 2, out->q);
    break;
  }
  case IK_Q5_1: {
    const uint8_t *block = row + (size_t)group * 24;
    out->d = ik_load16(block);
    out->m = ik_load16(block + 2);
    read_nibbles(block + 8, out->q);
    add_fifth_bits(block + 4, out->q);
    break;
  }
  case IK_Q4_K: {
    const uint8_t *block = row + (size_t)(group / 8) * 144;
    out->d = ik_load16(block);
    out->m = ik_load16(block + 2);
    read_k_scales(block + 4, group % 8, out);
    read_super_nibbles(block + 16, group % 8, out->q);
    break;
  }
  case IK_Q5_K: {
    const uint8_t *block = row + (size_t)(group / 8) * 176;
    out->d = ik_load16(block);
    out->m = ik_load16(block + 2);
    read_k_scales(block + 4, group % 8, out);
    read_super_nibbles(block + 48, group % 8, out->q);
    for (int j = 0; j < 32; j++) out->q[j] |= (block[16 + j] >> group % 8 & 1) << 4;
    break;
  }
  case IK_Q6_K: read_q6_k(row + (size_t)(group / 8) * 210, group % 8, out); break;
  default: memset(out, 0, sizeof *out);
  }
}

// ---------------------------------------------------------------------------------------------------------------

static void dequantize_group(ik_format format, const ik_group *group, float *out) {
  float d = ik_float_from_half(group->d);
  switch (format.scaling) {
  case IK_SCALE_OFFSET:
    for (int j = 0; j < 32; j++) out[j] = d * (float)((int)group->q[j] - format.offset);
    break;
  case IK_SCALE_MINIMUM: {
    float m = ik_float_from_half(group->m);
    for (int j = 0; j < 32; j++) out[j] = d * (float)group->q[j] + m;
    break;
  }
  case IK_SCALE_SUPER: {
    float scale = d * (float)group->scale, minimum = ik_float_from_half(group->m) * (float)group->minimum;
    for (int j = 0; j < 32; j++) out[j] = scale * (float)group->q[j] - minimum;
    break;
  }
  case IK_SCALE_SUPER_HALF:
    for (int j = 0; j < 32; j++) {
      float scale = d * (float)group->half_scale[j / 16];
      out[j] = scale * (float)((int)group->q[j] - format.offset);
    }
    break;
  }
}

void ik_dequantize_row(ik_type type, const uint8_t *row, int32_t columns, float *out) {
  switch (type) {
  case IK_F32: memcpy(out, row, (size_t)columns * 4); return;
  case IK_F16:
    for (int32_t i = 0; i < columns; i++) out[i] = ik_float_from_half(ik_load16(row + 2 * (size_t)i));
    return;
  case IK_BF16:
    for (int32_t i = 0; i < columns; i++) out[i] = ik_float_from_bfloat(ik_load16(row + 2 * (size_t)i));
    return;
  default: break;
  }
  ik_format format = ik_format_of(type);
  for (int32_t g = 0; g < columns / IK_GROUP; g++) {
    ik_group group;
    read_group(type, row, g, &group);
    dequantize_group(format, &group, out + (size_t)g * IK_GROUP);
  }
}

// ---------------------------------------------------------------------------------------------------------------

size_t ik_tile_bytes(ik_type type, int32_t columns) {
  if (columns <= 0) return 0;
  if (type == IK_BF16) return ((size_t)columns + 1) / 2 * IK_TILE * 4;
  if (!ik_is_integer(type)) return (size_t)columns * IK_TILE * (type == IK_F32 ? 4 : 2);
  ik_format format = ik_format_of(type);
  int32_t block = ik_header_bytes(format.scaling) > 0 ? 256 : 32;
  if (columns % block != 0) return 0;
  int32_t groups = columns / IK_GROUP;
  return (size_t)groups * ik_group_bytes(format) + (size_t)(groups / 8) * ik_header_bytes(format.scaling);
}

// Writes column `column` of a group. Word p of the nibbles holds inputs 8p ..< 8p+4 in its low and 8p+4 ..< 8p+8 in its
// high nibbles; a byte of the plane holds the upper bits of one nibble of each of eight quads, or of four if there are two.
static inline __attribute__((always_inline)) void pack_weights(int planes, const uint8_t q[32], int column, uint8_t *weights) {
  int half = column / 16, lane = column % 16;
  uint32_t words[8];
  memcpy(words, q, 32);
  if (planes < 0) {
    for (int quad = 0; quad < 8; quad++) memcpy(weights + quad * 128 + half * 64 + lane * 4, &words[quad], 4);
    return;
  }
  for (int p = 0; p < 4; p++) {
    uint32_t word = (words[2 * p] & 0x0f0f0f0f) | (words[2 * p + 1] & 0x0f0f0f0f) << 4;
    memcpy(weights + ik_plane_bytes(planes) + p * 128 + half * 64 + lane * 4, &word, 4);
  }
  for (int part = 0; part < planes; part++) {
    int quads = 8 / planes;
    uint32_t word = 0;
    for (int i = 0; i < quads; i++) {
      word |= (words[part * quads + i] >> 4 & (planes == 1 ? 0x01010101u : 0x03030303u)) << planes * i;
    }
    memcpy(weights + (half * planes + part) * 64 + lane * 4, &word, 4);
  }
}

// Writes the scales of column `column` of a group, the `of_eight`th behind its header.
static inline __attribute__((always_inline)) void pack_scales(
    ik_format format, const ik_group *group, int of_eight, int column, uint8_t *header, uint8_t *scales
) {
  switch (format.scaling) {
  case IK_SCALE_OFFSET: memcpy(scales + 2 * column, &group->d, 2); break;
  case IK_SCALE_MINIMUM:
    memcpy(scales + 2 * column, &group->d, 2);
    memcpy(scales + 64 + 2 * column, &group->m, 2);
    break;
  case IK_SCALE_SUPER: {
    memcpy(header + 2 * column, &group->d, 2);
    memcpy(header + 64 + 2 * column, &group->m, 2);
    uint8_t *six_bits = header + ik_super_scales(of_eight);
    six_bits[column] = (uint8_t)((group->scale & 15) | (group->minimum & 15) << 4);
    six_bits[32 + column % 16] |= (uint8_t)((group->scale >> 4 | group->minimum >> 4 << 2) << column / 16 * 4);
    break;
  }
  case IK_SCALE_SUPER_HALF:
    memcpy(header + 2 * column, &group->d, 2);
    scales[column] = (uint8_t)group->half_scale[0];
    scales[32 + column] = (uint8_t)group->half_scale[1];
    break;
  }
}

static void pack_float_tile(ik_type type, const uint8_t *const rows[IK_TILE], int32_t columns, uint8_t *tile) {
  size_t size = type == IK_F32 ? 4 : 2;
  for (int column = 0; column < IK_TILE; column++) {
    if (!rows[column]) continue;
    for (int32_t k = 0; k < columns; k++) {
      memcpy(tile + ((size_t)k * IK_TILE + column) * size, rows[column] + (size_t)k * size, size);
    }
  }
}

// Packs the inputs from `k` on of all columns: two of them, or the last one and a zero.
static inline __attribute__((always_inline)) void pack_bfloat_pairs(
    const uint8_t *const rows[IK_TILE], int32_t k, int count, uint8_t *tile
) {
  uint16_t pairs[2 * IK_TILE] = {0};
  for (int column = 0; column < IK_TILE; column++) {
    if (rows[column]) memcpy(pairs + 2 * column, rows[column] + 2 * (size_t)k, 2 * (size_t)count);
  }
  for (int i = 0; i < 2 * IK_TILE; i++) pairs[i] = ik_bounded_bfloat_weight(pairs[i]);
  memcpy(tile + (size_t)k * IK_TILE * 2, pairs, sizeof pairs);
}

static void pack_bfloat_tile(const uint8_t *const rows[IK_TILE], int32_t columns, uint8_t *tile) {
  for (int32_t k = 0; k + 1 < columns; k += 2) pack_bfloat_pairs(rows, k, 2, tile);
  if (columns % 2 == 1) pack_bfloat_pairs(rows, columns - 1, 1, tile);
}

static inline __attribute__((always_inline)) void pack_integer_tile(
    ik_type type, ik_format format, const uint8_t *const rows[IK_TILE], int32_t columns, uint8_t *tile
) {
  size_t header_bytes = ik_header_bytes(format.scaling), scale_bytes = ik_scale_bytes(format.scaling);
  for (int32_t g = 0; g < columns / IK_GROUP; g++) {
    uint8_t *scales = tile + ik_group_offset(format, g);
    uint8_t *header = tile + ik_group_offset(format, g / 8 * 8) - header_bytes;
    if (header_bytes > 0 && g % 8 == 0) memset(header, 0, header_bytes);
    memset(scales, 0, ik_group_bytes(format));
    for (int column = 0; column < IK_TILE; column++) {
      if (!rows[column]) continue;
      ik_group group;
      read_group(type, rows[column], g, &group);
      pack_scales(format, &group, g % 8, column, header, scales);
      pack_weights(format.planes, group.q, column, scales + scale_bytes);
    }
  }
}

void ik_pack_tile(ik_type type, const uint8_t *const rows[IK_TILE], int32_t columns, uint8_t *tile) {
// One case for each type, so that each is compiled with its format as constants.
#define PACK(type)                                                                                                    \
  case type: pack_integer_tile(type, ik_format_of(type), rows, columns, tile); return
  switch (type) {
    PACK(IK_Q8_0);
    PACK(IK_Q4_0);
    PACK(IK_Q5_0);
    PACK(IK_Q4_1);
    PACK(IK_Q5_1);
    PACK(IK_Q4_K);
    PACK(IK_Q5_K);
    PACK(IK_Q6_K);
  case IK_BF16: pack_bfloat_tile(rows, columns, tile); return;
  default:
    memset(tile, 0, ik_tile_bytes(type, columns));
    pack_float_tile(type, rows, columns, tile);
  }
#undef PACK
}
