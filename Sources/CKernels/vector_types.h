// The compiler's 64-byte vectors, for the hooks of a tier.
#include <stdint.h>
typedef float v16 __attribute__((vector_size(64)));
typedef int32_t v16i __attribute__((vector_size(64)));
typedef int16_t v16s __attribute__((vector_size(32)));
typedef uint8_t v64u __attribute__((vector_size(64)));
#define HOOK static inline __attribute__((always_inline))
