// Which tiers this processor has, and the few system calls that Swift cannot make.
#include "CKernels.h"
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include "arm_features.h"
#endif
#if defined(__linux__) || defined(__APPLE__)
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

extern const ik_kernels ik_scalar_kernels;

#if defined(__x86_64__)
extern const ik_kernels ik_avx512bf16_kernels, ik_avx512_kernels, ik_avx2vnni_kernels, ik_avx512bw_kernels, ik_avx2_kernels;

// The processor is asked directly, since runtime libraries of some age do not know this bit.
static bool has_avx_vnni(void) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1) != 0;
}

static int32_t vector_tiers(const ik_kernels **tiers) {
  int32_t count = 0;
  __builtin_cpu_init();
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  bool avx512vnni = avx512 && __builtin_cpu_supports("avx512vnni");
  if (avx512vnni && __builtin_cpu_supports("avx512bf16")) tiers[count++] = &ik_avx512bf16_kernels;
  if (avx512vnni) tiers[count++] = &ik_avx512_kernels;
  if (avx2 && has_avx_vnni()) tiers[count++] = &ik_avx2vnni_kernels;
  if (avx512) tiers[count++] = &ik_avx512bw_kernels;
  if (avx2) tiers[count++] = &ik_avx2_kernels;
  return count;
}
#elif defined(__aarch64__)
extern const ik_kernels ik_neon_kernels, ik_neon_i8mm_kernels;

static int32_t vector_tiers(const ik_kernels **tiers) {
  int32_t count = 0;
  if (has_dot_products() && has_mixed_products()) tiers[count++] = &ik_neon_i8mm_kernels;
  if (has_dot_products()) tiers[count++] = &ik_neon_kernels;
  return count;
}
#else
static int32_t vector_tiers(const ik_kernels **tiers) {
  (void)tiers;
  return 0;
}
#endif

const ik_kernels *ik_kernels_at(int32_t index) {
  const ik_kernels *tiers[6];
  int32_t count = vector_tiers(tiers);
  tiers[count++] = &ik_scalar_kernels;
  return index >= 0 && index < count ? tiers[index] : NULL;
}

bool ik_asks_near(void) {
#if defined(__x86_64__)
  // AMD's processors (Zen 5) then read up to a quarter faster, Intel's (Sapphire Rapids) a tenth slower.
  __builtin_cpu_init();
  return __builtin_cpu_is("amd");
#else
  return false;
#endif
}

int32_t ik_allowed_processors(void) {
#if defined(__linux__)
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) return CPU_COUNT(&mask);
#endif
  return (int32_t)sysconf(_SC_NPROCESSORS_ONLN);
}

int64_t ik_peak_resident_bytes(void) {
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
#if defined(__APPLE__)
  return usage.ru_maxrss;
#else
  return (int64_t)usage.ru_maxrss * 1024;
#endif
}

void ik_set_thread_name(const char *name) {
#if defined(__APPLE__)
  pthread_setname_np(name);
#elif defined(__linux__)
  pthread_setname_np(pthread_self(), name);
#else
  (void)name;
#endif
}
