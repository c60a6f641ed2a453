// The hooks of the tiers with AVX-512's vectors: all of them but dot4.
HOOK v64u add_plane(v64u weights, uint64_t mask, uint8_t bit) {
  return (v64u)_mm512_mask_add_epi8((__m512i)weights, mask, (__m512i)weights, _mm512_set1_epi8((char)bit));
}
HOOK v16 load_half(const void *p) { return (v16)_mm512_cvtph_ps(_mm256_loadu_si256(p)); }
HOOK void store_half(void *p, v16 v) {
  _mm256_storeu_si256(p, _mm512_cvtps_ph((__m512)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
