// Attention of a step in which every sequence has one token.
#include "CKernels.h"

void ik_decode_task(const void *arguments, int32_t begin, int32_t end) {
  const ik_decode *d = arguments;
  int32_t kv_heads = d->attention.cache.kv_heads;
  d->rotate(&d->rotation, begin, end);
  d->attend(&d->attention, begin * kv_heads, end * kv_heads);
  d->quantize(&d->quantization, begin, end);
}
