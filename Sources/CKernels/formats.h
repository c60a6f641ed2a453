// What is inside the stored blocks and the packed tiles. Private to this target.
#ifndef INFLIGHT_FORMATS_H
#define INFLIGHT_FORMATS_H

#include "CKernels.h"
#include <string.h>

// How the weights of a group relate to its integers q, for one column.
typedef enum ik_scaling {
  IK_SCALE_OFFSET,      // w = d * (q - offset)
  IK_SCALE_MINIMUM,     // w = d * q + m
  IK_SCALE_SUPER,       // w = d * s * q - dmin * m, with d and dmin per 256 inputs, s and m bytes per group
  IK_SCALE_SUPER_HALF,  // w = d * s * (q - offset), with d per 256 inputs, s a signed byte per half group
} ik_scaling;

// A packed integer format: nibbles, a plane of `planes` bits above them, or whole bytes.
typedef struct ik_format {
  ik_scaling scaling;
  int planes;   // 0, 1 or 2 beside nibbles; -1: bytes
  int offset;
  int bits;     // of an integer; bytes may have fewer
} ik_format;

static inline ik_format ik_format_of(ik_type type) {
  switch (type) {
  case IK_Q8_0: return (ik_format){IK_SCALE_OFFSET, -1, 128, 8};
  case IK_Q4_0: return (ik_format){IK_SCALE_OFFSET, 0, 8, 4};
  case IK_Q5_0: return (ik_format){IK_SCALE_OFFSET, 1, 16, 5};
  case IK_Q4_1: return (ik_format){IK_SCALE_MINIMUM, 0, 0, 4};
  case IK_Q5_1: return (ik_format){IK_SCALE_MINIMUM, 1, 0, 5};
  case IK_Q4_K: return (ik_format){IK_SCALE_SUPER, 0, 0, 4};
  case IK_Q5_K: return (ik_format){IK_SCALE_SUPER, 1, 0, 5};
  case IK_Q6_K: return (ik_format){IK_SCALE_SUPER_HALF, 2, 32, 6};
  default: return (ik_format){IK_SCALE_OFFSET, -1, 0, 8};
  }
}

static inline bool ik_is_integer(ik_type type) { return type >= IK_Q8_0; }

// Bytes of the scales that stand before each group, and of the header that stands before every eighth, in a packed tile.
static inline size_t ik_scale_bytes(ik_scaling scaling) {
  switch (scaling) {
  case IK_SCALE_MINIMUM: return 128;
  case IK_SCALE_SUPER: return 0;
  default: return 64;
  }
}
static inline size_t ik_header_bytes(ik_scaling scaling) {
  return scaling == IK_SCALE_SUPER ? 128 + 8 * 48 : scaling == IK_SCALE_SUPER_HALF ? 64 : 0;
}
// Where the scales of a group are, the `of_eight`th behind its header. Those of IK_SCALE_SUPER have six bits and stand in
// the header, so that weights stay aligned: for each column a byte with the lower four bits of scale (below) and minimum,
// then for columns j (below) and j + 16 a byte with the upper two bits of scale and minimum.
static inline size_t ik_super_scales(int of_eight) { return 128 + 48 * (size_t)of_eight; }

// Bytes of a group's weights: 32 columns x 32 inputs. The plane, if there is one, stands before the nibbles.
static inline size_t ik_plane_bytes(int planes) { return planes < 0 ? 0 : 128 * (size_t)planes; }
static inline size_t ik_weight_bytes(int planes) { return planes < 0 ? 1024 : 512 + ik_plane_bytes(planes); }

static inline size_t ik_group_bytes(ik_format format) {
  return ik_scale_bytes(format.scaling) + ik_weight_bytes(format.planes);
}

// Bytes from the start of a tile to group `group` (past the header that may stand before it).
static inline size_t ik_group_offset(ik_format format, int32_t group) {
  return (size_t)group * ik_group_bytes(format) + (size_t)(group / 8 + 1) * ik_header_bytes(format.scaling);
}

// IEEE binary16 and bfloat16, exact in both directions up to one rounding to nearest even.
static inline float ik_float_from_half(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = (half >> 10) & 31, mantissa = half & 1023, bits;
  if (exponent == 31) {
    bits = sign | 0x7f800000u | mantissa << 13;
  } else if (exponent != 0) {
    bits = sign | (exponent + 112) << 23 | mantissa << 13;
  } else {
    float magnitude = (float)mantissa * 0x1p-24f;
    memcpy(&bits, &magnitude, 4);
    bits |= sign;
  }
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

static inline uint16_t ik_half_from_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x1ff));
  if (magnitude >= 0x477ff000) return (uint16_t)(sign | 0x7c00);
  if (magnitude < 0x38800000) {
    float absolute;
    memcpy(&absolute, &magnitude, 4);
    // Adding 0.5 leaves the subnormal's integer, rounded to nearest even, in the low bits.
    float shifted = absolute + 0.5f;
    uint32_t shifted_bits;
    memcpy(&shifted_bits, &shifted, 4);
    return (uint16_t)(sign | (shifted_bits - 0x3f000000));
  }
  uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return (uint16_t)(sign | ((rounded - 0x38000000) >> 13));
}

static inline float ik_float_from_bfloat(uint16_t value) {
  uint32_t bits = (uint32_t)value << 16;
  float result;
  memcpy(&result, &bits, 4);
  return result;
}

static inline uint16_t ik_bfloat_from_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  if (value != value) return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// What products in bfloat16 take of a weight and of an activation, see ik_bfloat_rows.
static inline uint16_t ik_bounded_bfloat_weight(uint16_t weight) {
  uint16_t least = (127 - 64) << 7;  // IK_BFLOAT_LEAST_WEIGHT
  return (weight & 0x7fff) < least ? 0 : weight;
}
static inline uint16_t ik_bounded_bfloat_activation(float activation) {
  bool small = activation > -IK_BFLOAT_LEAST_ACTIVATION && activation < IK_BFLOAT_LEAST_ACTIVATION;
  return small ? 0 : ik_bfloat_from_float(activation);
}

static inline uint16_t ik_load16(const uint8_t *bytes) {
  uint16_t value;
  memcpy(&value, bytes, 2);
  return value;
}

// One group of 32 inputs of one stored row, taken apart.
typedef struct ik_group {
  uint8_t q[32];          // unsigned integers, 0 ..< 16, 32, 64 or 256
  uint16_t d, m;          // float16 bits: scale, and minimum or scale of the minimums
  uint8_t scale, minimum; // of IK_SCALE_SUPER
  int8_t half_scale[2];   // of IK_SCALE_SUPER_HALF
} ik_group;

// The sum of a group's products has a magnitude below 2^22 (at most 32 * 128 * 128 and, of the upper bits, 4 * 128 * 8 * 128). Added to
// the bits of IK_BIAS, which is 1.5 * 2^23, it is added to the number, and `scale` times the sum is one fused multiplication:
// fma(number, scale, -(IK_BIAS * scale)), in which nothing is rounded but the result.
#define IK_BIAS 12582912.0f
#define IK_BIAS_BITS 0x4b400000

// ---------------------------------------------------------------------------------------------------------------
// Lists of outliers.

// Scales up to this count as 0 when values are divided by them: their inverse would not be finite.
#define IK_SMALLEST_SCALE 1e-36f

// Quantizes one group, in plain C: what the scalar twin does, and the vector tiers with rows that are not finite or whose
// squares are not.
void ik_quantize_group(const float *x, float outlier, ik_int8_group *group, int8_t high[IK_GROUP]);

// Lists the quads of group `group` of the chunk at `place` whose `high` is not 0. Groups come in ascending order.
static inline void ik_list_outliers(const ik_int8_rows *x, size_t place, int32_t group, const int8_t high[IK_GROUP]) {
  ik_outliers *list = x->outliers + place * IK_LIST;
  int32_t count = x->outlier_counts[place];
  for (int quad = 0; quad < 8; quad++) {
    // Never past the list: when a place is written, at most as many are taken as quads came before this one.
    uint32_t word;
    memcpy(&word, high + 4 * quad, 4);
    memcpy(list[count].high, &word, 4);
    list[count].quad = (uint16_t)(8 * group + quad);
    count += word != 0;
  }
  x->outlier_counts[place] = (uint8_t)count;
}

#endif
