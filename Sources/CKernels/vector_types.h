// The compiler's 64-byte vectors, for the hooks of a tier.
#include <stdint.h>
typedef float v16 __attribute__((vector_size(64)));
typedef int32_t v16i __attribute__((vector_size(64)));
typedef int16_t v16s __attribute__((vector_size(32)));
typedef int32_t v8i __attribute__((vector_size(32)));
typedef int16_t v32s __attribute__((vector_size(64)));
typedef uint8_t v64u __attribute__((vector_size(64)));
// Every function that passes vectors is inlined, so how wide vectors would be passed between functions does not matter.
#pragma clang diagnostic ignored "-Wpsabi"
#define HOOK static inline __attribute__((always_inline))
