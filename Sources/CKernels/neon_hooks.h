// The hooks of the NEON tiers: all of them but dot4. `arm_neon.h` and vector_types.h come first.
HOOK v64u add_plane(v64u weights, uint64_t mask, uint8_t bit) {
  union { v64u whole; uint8x16_t quarters[4]; } chosen;
  const uint8x16_t select = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201ull));
  const uint8x16_t spread = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
  uint8x16_t bytes = vreinterpretq_u8_u64(vdupq_n_u64(mask));
  for (int i = 0; i < 4; i++) {
    uint8x16_t bits = vqtbl1q_u8(bytes, vaddq_u8(spread, vdupq_n_u8((uint8_t)(2 * i))));
    chosen.quarters[i] = vtstq_u8(bits, select);
  }
  return weights | (chosen.whole & bit);
}

HOOK v16 load_half(const void *p) {
  union { v16 whole; float32x4_t quarters[4]; } v;
  const uint8_t *bytes = p;
  for (int i = 0; i < 4; i++) v.quarters[i] = vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(bytes + 8 * i)));
  return v.whole;
}

HOOK void store_half(void *p, v16 v) {
  union { v16 whole; float32x4_t quarters[4]; } u = {v};
  uint8_t *bytes = p;
  for (int i = 0; i < 4; i++) vst1_u8(bytes + 8 * i, vreinterpret_u8_f16(vcvt_f16_f32(u.quarters[i])));
}
