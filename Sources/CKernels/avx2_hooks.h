// The hooks of the tiers with AVX2's 32-byte vectors: all of them but the products of eight columns,
//
//   __m256i dot4_of_eight(__m256i sums, __m256i weights, __m256i activations)
//   __m256i dot2_of_eight(__m256i sums, __m256i integers, __m256i pairs)
//
// which the including file defines first, from what vector_types.h declares.
HOOK v16i dot4(v16i sums, v64u weights, int32_t activations) {
  union { v16i whole; __m256i halves[2]; } s = {sums};
  union { v64u whole; __m256i halves[2]; } w = {weights};
  __m256i a = _mm256_set1_epi32(activations);
  s.halves[0] = dot4_of_eight(s.halves[0], w.halves[0], a);
  s.halves[1] = dot4_of_eight(s.halves[1], w.halves[1], a);
  return s.whole;
}

HOOK v16i dot2(v16i sums, v16i integers, int32_t pair) {
  union { v16i whole; __m256i halves[2]; } s = {sums}, w = {integers};
  __m256i pairs = _mm256_set1_epi32(pair);
  s.halves[0] = dot2_of_eight(s.halves[0], w.halves[0], pairs);
  s.halves[1] = dot2_of_eight(s.halves[1], w.halves[1], pairs);
  return s.whole;
}

HOOK v16 load_half(const void *p) {
  union { v16 whole; __m256 halves[2]; } v;
  v.halves[0] = _mm256_cvtph_ps(_mm_loadu_si128(p));
  v.halves[1] = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p + 1));
  return v.whole;
}

HOOK void store_half(void *p, v16 v) {
  union { v16 whole; __m256 halves[2]; } u = {v};
  _mm_storeu_si128(p, _mm256_cvtps_ph(u.halves[0], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  _mm_storeu_si128((__m128i *)p + 1, _mm256_cvtps_ph(u.halves[1], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
