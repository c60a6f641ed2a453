// The hooks of the tiers with AVX-512's vectors: all of them but dot4 and dot2.
HOOK v16 load_half(const void *p) { return (v16)_mm512_cvtph_ps(_mm256_loadu_si256(p)); }
HOOK void store_half(void *p, v16 v) {
  _mm256_storeu_si256(p, _mm512_cvtps_ph((__m512)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
