// What 64-bit ARM processors can do besides what all of them can. Private to this target.
#ifndef INFLIGHT_ARM_FEATURES_H
#define INFLIGHT_ARM_FEATURES_H

#include <stdbool.h>

#if defined(__APPLE__)
#include <stddef.h>
#include <stdint.h>
#include <sys/sysctl.h>

static inline bool has_feature(const char *feature) {
  int32_t value = 0;
  size_t size = sizeof value;
  return sysctlbyname(feature, &value, &size, NULL, 0) == 0 && value != 0;
}
static inline bool has_dot_products(void) { return has_feature("hw.optional.arm.FEAT_DotProd"); }
static inline bool has_mixed_products(void) { return has_feature("hw.optional.arm.FEAT_I8MM"); }
static inline bool has_bfloat_products(void) { return has_feature("hw.optional.arm.FEAT_BF16"); }
#elif defined(__linux__)
#include <sys/auxv.h>

// Bits of the kernel's interface: ASIMDDP of the first, I8MM and BF16 of the second word of capabilities.
static inline bool has_dot_products(void) { return (getauxval(AT_HWCAP) >> 20 & 1) != 0; }
static inline bool has_mixed_products(void) { return (getauxval(AT_HWCAP2) >> 13 & 1) != 0; }
static inline bool has_bfloat_products(void) { return (getauxval(AT_HWCAP2) >> 14 & 1) != 0; }
#else
static inline bool has_dot_products(void) { return false; }
static inline bool has_mixed_products(void) { return false; }
static inline bool has_bfloat_products(void) { return false; }
#endif

#endif
