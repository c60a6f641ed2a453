// What the machine can do at most: loops that do nothing but read, or nothing but one kind of multiplication. They are
// the denominators of the benchmark's shares. Each function is one thread's part; the caller runs it on all threads.
#include "CKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include "arm_features.h"
#include <arm_neon.h>
#endif

// Accumulators per loop: enough to hide the latency of any multiplication, and not more than there are registers.
#if defined(__aarch64__)
enum { CHAINS = 24 };
#else
enum { CHAINS = 12 };
#endif

typedef float v16 __attribute__((vector_size(64)));
typedef uint64_t v8u __attribute__((vector_size(64)));

// Asks for what comes `ahead` bytes later, or leaves that to the processor if it is 0.
static inline __attribute__((always_inline)) uint64_t read_all(const uint8_t *bytes, size_t count, size_t ahead) {
  v8u sums[4] = {{0}};
  const v8u *vectors = (const v8u *)(const void *)bytes;
  for (size_t i = 0; i + 4 <= count / 64; i += 4) {
    for (int j = 0; j < 4; j++) {
      if (ahead > 0) __builtin_prefetch(bytes + (i + j) * 64 + ahead);
      sums[j] += vectors[i + j];
    }
  }
  v8u sum = sums[0] + sums[1] + sums[2] + sums[3];
  return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
}

uint64_t ik_limit_read(const uint8_t *bytes, size_t count, bool asks) {
  // 4 KiB ahead also gets past the end of a page, where the processor's own guesses stop.
  return asks ? read_all(bytes, count, 4096) : read_all(bytes, count, 0);
}

#if defined(__x86_64__)
__attribute__((target("avx512f,avx512vnni,avx512bw"))) static int64_t int8_avx512(int64_t rounds) {
  __m512i sums[CHAINS];
  for (int i = 0; i < CHAINS; i++) sums[i] = _mm512_set1_epi32(i);
  __m512i a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(1);
  for (int64_t round = 0; round < rounds; round++) {
#pragma unroll
    for (int i = 0; i < CHAINS; i++) {
      sums[i] = _mm512_dpbusd_epi32(sums[i], a, b);
      __asm__ volatile("" : "+v"(sums[i]));
    }
  }
  return rounds * CHAINS * 128;
}

__attribute__((target("avx512f,avx512bf16"))) static int64_t bfloat_avx512(int64_t rounds) {
  __m512 sums[CHAINS];
  for (int i = 0; i < CHAINS; i++) sums[i] = _mm512_set1_ps((float)i);
  __m512i bits = _mm512_set1_epi16(0x3f80);
  __m512bh a, b;
  __builtin_memcpy(&a, &bits, 64);
  b = a;
  for (int64_t round = 0; round < rounds; round++) {
#pragma unroll
    for (int i = 0; i < CHAINS; i++) {
      sums[i] = _mm512_dpbf16_ps(sums[i], a, b);
      __asm__ volatile("" : "+v"(sums[i]));
    }
  }
  return rounds * CHAINS * 64;
}

__attribute__((target("avx2"))) static int64_t int8_avx2(int64_t rounds) {
  __m256i sums[CHAINS];
  for (int i = 0; i < CHAINS; i++) sums[i] = _mm256_set1_epi32(i);
  __m256i a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(1), ones = _mm256_set1_epi16(1);
  for (int64_t round = 0; round < rounds; round++) {
#pragma unroll
    for (int i = 0; i < CHAINS; i++) {
      sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones));
      __asm__ volatile("" : "+x"(sums[i]), "+x"(a));
    }
  }
  return rounds * CHAINS * 64;
}

__attribute__((target("avx2,fma"))) static int64_t float_avx2(int64_t rounds) {
  __m256 sums[CHAINS];
  for (int i = 0; i < CHAINS; i++) sums[i] = _mm256_set1_ps((float)i);
  __m256 a = _mm256_set1_ps(1.0f);
  for (int64_t round = 0; round < rounds; round++) {
#pragma unroll
    for (int i = 0; i < CHAINS; i++) {
      sums[i] = _mm256_fmadd_ps(a, a, sums[i]);
      __asm__ volatile("" : "+x"(sums[i]));
    }
  }
  return rounds * CHAINS * 16;
}
#endif

#if defined(__aarch64__)
// A loop of one instruction: `step` is its next sum, `operations` how many operations it does.
#define ARM_LIMIT(name, features, vector, zero, step, operations)                                                     \
  __attribute__((target(features))) static int64_t name(int64_t rounds) {                                             \
    vector sums[CHAINS];                                                                                              \
    for (int i = 0; i < CHAINS; i++) sums[i] = zero;                                                                  \
    for (int64_t round = 0; round < rounds; round++) {                                                                \
      _Pragma("unroll") for (int i = 0; i < CHAINS; i++) {                                                            \
        sums[i] = step;                                                                                               \
        __asm__ volatile("" : "+w"(sums[i]));                                                                         \
      }                                                                                                               \
    }                                                                                                                 \
    return rounds * CHAINS * operations;                                                                              \
  }
ARM_LIMIT(int8_mixed, "dotprod,i8mm", int32x4_t, vdupq_n_s32(i), vusdotq_s32(sums[i], vdupq_n_u8(3), vdupq_n_s8(1)), 32)
ARM_LIMIT(int8_dot, "dotprod", int32x4_t, vdupq_n_s32(i), vdotq_s32(sums[i], vdupq_n_s8(3), vdupq_n_s8(1)), 32)
ARM_LIMIT(
    bfloat_dot, "bf16", float32x4_t, vdupq_n_f32(i),
    vbfdotq_f32(sums[i], vreinterpretq_bf16_u16(vdupq_n_u16(0x3f80)), vreinterpretq_bf16_u16(vdupq_n_u16(0x3f80))), 16)
ARM_LIMIT(float_neon, "neon", float32x4_t, vdupq_n_f32(i), vfmaq_f32(sums[i], vdupq_n_f32(1), vdupq_n_f32(1)), 8)
#undef ARM_LIMIT
#endif

static int64_t float_plain(int64_t rounds) {
  float sums[CHAINS] = {0}, a = 1;
  for (int64_t round = 0; round < rounds; round++) {
    for (int i = 0; i < CHAINS; i++) {
      sums[i] = sums[i] + a * a;
      __asm__ volatile("" : "+m"(sums[i]));
    }
  }
  return rounds * CHAINS * 2;
}

int64_t ik_limit_int8(int64_t rounds) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw")) return int8_avx512(rounds);
  if (__builtin_cpu_supports("avx2")) return int8_avx2(rounds);
#elif defined(__aarch64__)
  if (has_mixed_products()) return int8_mixed(rounds);
  return has_dot_products() ? int8_dot(rounds) : float_neon(rounds);
#endif
  return float_plain(rounds);
}

int64_t ik_limit_bfloat(int64_t rounds) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bf16")) return bfloat_avx512(rounds);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return float_avx2(rounds);
#elif defined(__aarch64__)
  return has_bfloat_products() ? bfloat_dot(rounds) : float_neon(rounds);
#endif
  return float_plain(rounds);
}
