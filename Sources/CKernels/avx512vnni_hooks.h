// The integer hooks of the tiers with AVX-512 and VNNI.
HOOK v16i dot4(v16i sums, v64u weights, int32_t activations) {
  return (v16i)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)weights, _mm512_set1_epi32(activations));
}

HOOK v16i dot2(v16i sums, v16i integers, int32_t pair) {
  return (v16i)_mm512_dpwssd_epi32((__m512i)sums, (__m512i)integers, _mm512_set1_epi32(pair));
}
