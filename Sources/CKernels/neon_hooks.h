// The hooks of the NEON tiers: all of them but dot4. `arm_neon.h` and vector_types.h come first.
HOOK v16i dot2(v16i sums, v16i integers, int32_t pair) {
  union { v16i whole; int32x4_t quarters[4]; } s = {sums};
  union { v16i whole; int16x8_t quarters[4]; } w = {integers};
  int16x8_t a = vreinterpretq_s16_s32(vdupq_n_s32(pair));
  for (int i = 0; i < 4; i++) {
    int32x4_t low = vmull_s16(vget_low_s16(w.quarters[i]), vget_low_s16(a)), high = vmull_high_s16(w.quarters[i], a);
    s.quarters[i] = vaddq_s32(s.quarters[i], vpaddq_s32(low, high));
  }
  return s.whole;
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
