// Reading packed weights of the vector tiers: quads of integers, and the scales of groups. Included by vector_matmul.h.

INLINE v16i splat_int(int32_t x) { return (v16i){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }
INLINE v64u splat_byte(uint8_t x) { return (v64u)splat_int((int32_t)(x * 0x01010101u)); }

INLINE v64u load_bytes(const uint8_t *p) {
  v64u v;
  memcpy(&v, p, 64);
  return v;
}

// Sixteen columns of quad `quad` of a group.
INLINE v64u load_quad(const uint8_t *weights, int planes, int quad, int half) {
  if (planes < 0) return load_bytes(weights + quad * 128 + half * 64);
  v64u packed = load_bytes(weights + ik_plane_bytes(planes) + quad / 2 * 128 + half * 64);
  v64u nibbles = quad % 2 == 0 ? packed & 15 : packed >> 4;
  if (planes == 0) return nibbles;
  // Which bits of a byte of the plane belong to the quad, and where they go. Shifting 16 bits at a time is what processors
  // do; what crosses from one byte to the other is not looked at.
  typedef uint16_t v32w __attribute__((vector_size(64)));
  int per_byte = 8 / planes, shift = 4 - quad % per_byte * planes;
  v32w plane = (v32w)load_bytes(weights + (half * planes + quad / per_byte) * 64);
  v64u moved = (v64u)(shift > 0 ? plane << (shift > 0 ? shift : 0) : plane >> (shift > 0 ? 0 : -shift));
  return nibbles | (moved & splat_byte((uint8_t)(((1 << planes) - 1) << 4)));
}

// The same of a quad that is not known when this is compiled.
INLINE v64u load_any_quad(const uint8_t *weights, int planes, int quad, int half) {
  if (planes < 0) return load_bytes(weights + quad * 128 + half * 64);
  typedef uint16_t v32w __attribute__((vector_size(64)));
  v32w packed = (v32w)load_bytes(weights + ik_plane_bytes(planes) + quad / 2 * 128 + half * 64);
  v64u nibbles = (v64u)(packed >> (uint16_t)(quad % 2 * 4)) & 15;
  if (planes == 0) return nibbles;
  int per_byte = 8 / planes;
  v32w plane = (v32w)load_bytes(weights + (half * planes + quad / per_byte) * 64);
  v64u bits = (v64u)(plane >> (uint16_t)(quad % per_byte * planes)) & splat_byte((uint8_t)((1 << planes) - 1));
  return nibbles | (v64u)((v32w)bits << 4);
}

typedef uint8_t v16u __attribute__((vector_size(16)));

INLINE v16u load_sixteen(const uint8_t *p) {
  v16u bytes;
  memcpy(&bytes, p, 16);
  return bytes;
}

INLINE v16 signed_bytes_to_float(const uint8_t *p) {
  typedef int8_t v16b __attribute__((vector_size(16)));
  v16b bytes;
  memcpy(&bytes, p, 16);
  return __builtin_convertvector(bytes, v16);
}

// dot4 for the weights of a format, or for its offset.
INLINE v16i dot4_of_format(ik_format f, v16i sums, v64u weights, int32_t activations) {
  return f.bits == 8 ? dot4(sums, weights, activations) : dot4_small(sums, weights, activations);
}

INLINE int32_t load_quad_of_activations(const int8_t *p) {
  int32_t quad;
  memcpy(&quad, p, 4);
  return quad;
}

// What a group's scales become in float32: w = scales * (q - offset) + minimums.
typedef struct group_scales {
  v16 scales[2][2];   // [half of the group][half of the columns]; one half if the format has one scale for 32 inputs
  v16 biases[2];      // -IK_BIAS times those of the first half
  v16 minimums[2];
} group_scales;

// The scales of 256 inputs, of formats that have them.
typedef struct super_scales {
  v16 scales[2], minimums[2];
} super_scales;

INLINE void load_super(ik_scaling scaling, const uint8_t *header, super_scales *super) {
  if (scaling < IK_SCALE_SUPER) return;
  for (int c = 0; c < 2; c++) {
    super->scales[c] = load_half(header + 32 * c);
    if (scaling == IK_SCALE_SUPER) super->minimums[c] = load_half(header + 64 + 32 * c);
  }
}

// Reads the scales of a group, the `of_eight`th behind `header`; `p` is where its own begin, if it has any.
INLINE void load_scales(
    ik_scaling scaling, const uint8_t *header, int of_eight, const uint8_t *p, const super_scales *super, group_scales *out
) {
  const uint8_t *six_bits = header + ik_super_scales(of_eight);
#pragma unroll
  for (int c = 0; c < 2; c++) {
    switch (scaling) {
    case IK_SCALE_OFFSET: out->scales[0][c] = load_half(p + 32 * c); break;
    case IK_SCALE_MINIMUM:
      out->scales[0][c] = load_half(p + 32 * c);
      out->minimums[c] = load_half(p + 64 + 32 * c);
      break;
    case IK_SCALE_SUPER: {
      v16u lower = load_sixteen(six_bits + 16 * c), upper = load_sixteen(six_bits + 32) >> 4 * c;
      v16u scales = (lower & 15) | (upper & 3) << 4, minimums = lower >> 4 | (upper >> 2 & 3) << 4;
      out->scales[0][c] = super->scales[c] * __builtin_convertvector(scales, v16);
      out->minimums[c] = -(super->minimums[c] * __builtin_convertvector(minimums, v16));
      break;
    }
    case IK_SCALE_SUPER_HALF:
      out->scales[0][c] = super->scales[c] * signed_bytes_to_float(p + 16 * c);
      out->scales[1][c] = super->scales[c] * signed_bytes_to_float(p + 32 + 16 * c);
      break;
    }
    out->biases[c] = out->scales[0][c] * -IK_BIAS;
  }
}

INLINE int halves_of(ik_scaling scaling) { return scaling == IK_SCALE_SUPER_HALF ? 2 : 1; }
INLINE bool has_minimum(ik_scaling scaling) { return scaling == IK_SCALE_MINIMUM || scaling == IK_SCALE_SUPER; }
