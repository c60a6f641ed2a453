// Which tiers this processor has, and the few system calls that Swift cannot make.
#include "CKernels.h"
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
extern const ik_kernels ik_avx512_kernels, ik_avx2_kernels;
#endif

const ik_kernels *ik_kernels_at(int32_t index) {
  const ik_kernels *tiers[3];
  int32_t count = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni")) {
    tiers[count++] = &ik_avx512_kernels;
  }
  if (avx2) tiers[count++] = &ik_avx2_kernels;
#endif
  tiers[count++] = &ik_scalar_kernels;
  return index >= 0 && index < count ? tiers[index] : NULL;
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
