// Sums of exponentials over rows, of the vector tiers. Included by vector_kernels.h.
typedef double v8d __attribute__((vector_size(64)));
typedef float v8f __attribute__((vector_size(32)));

// Adds the exponentials of sixteen values to sixteen sums.
INLINE void add_exponentials(v16 x, float maximum, float temperature, v8d *low, v8d *high) {
  v16 difference = x - maximum;
  // To divide by 1 changes nothing but the time it takes.
  v16 e = exp16(temperature == 1.0f ? difference : difference / temperature);
  v8f first = __builtin_shufflevector(e, e, 0, 1, 2, 3, 4, 5, 6, 7);
  v8f second = __builtin_shufflevector(e, e, 8, 9, 10, 11, 12, 13, 14, 15);
  *low += __builtin_convertvector(first, v8d);
  *high += __builtin_convertvector(second, v8d);
}

static void TIER(exponential_sums)(const void *arguments, int32_t begin, int32_t end) {
  const ik_exponential_sums *s = arguments;
  float maximum = s->maximum, temperature = s->temperature;
  for (int32_t block = begin; block < end; block++) {
    const float *x = s->x + (size_t)block * IK_SUM_BLOCK;
    int32_t left = s->count - block * IK_SUM_BLOCK, count = left < IK_SUM_BLOCK ? left : IK_SUM_BLOCK, i = 0;
    v8d low = {0}, high = {0};
    for (; i + 16 <= count; i += 16) add_exponentials(load(x + i), maximum, temperature, &low, &high);
    if (i < count) {
      // The exponential of negative infinity is zero, and to add that changes nothing.
      v16 last = splat(-INFINITY);
      memcpy(&last, x + i, (size_t)(count - i) * 4);
      add_exponentials(last, maximum, temperature, &low, &high);
    }
    low += high;
    double lanes[8];
    memcpy(lanes, &low, 64);
    for (int step = 4; step > 0; step /= 2) {
      for (int j = 0; j < step; j++) lanes[j] += lanes[j + step];
    }
    s->sums[block] = lanes[0];
  }
}
