// The scalar twin of the sums of exponentials.
#include "scalar.h"

void ik_scalar_exponential_sums(const void *arguments, int32_t begin, int32_t end) {
  const ik_exponential_sums *s = arguments;
  for (int32_t block = begin; block < end; block++) {
    int32_t first = block * IK_SUM_BLOCK, left = s->count - first, count = left < IK_SUM_BLOCK ? left : IK_SUM_BLOCK;
    double lanes[16] = {0};
    for (int32_t i = 0; i < count; i++) {
      lanes[i % 16] += (double)exponential((s->x[first + i] - s->maximum) / s->temperature);
    }
    for (int step = 8; step > 0; step /= 2) {
      for (int j = 0; j < step; j++) lanes[j] += lanes[j + step];
    }
    s->sums[block] = lanes[0];
  }
}
