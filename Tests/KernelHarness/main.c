// Compares every kernel of every tier that this processor has with the scalar twin, bit for bit, over random shapes.
//
// kernel-harness [--seed N] [--cases N] [--size N] [--only KERNEL [--case N]] [--list]
// kernel-harness --time KERNEL SHAPE...     see timing.c
//
// Built and run by scripts/check-kernels.sh. Exits with 1 if anything is different.
#include "harness.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const ik_kernels *tiers[8];
int32_t tier_count;
extern int32_t difference_count;

typedef struct check {
  const char *name;
  void (*run)(int32_t size);
  int32_t weight;  // cases for each one asked for
} check;

// The loops that measure the machine: that the processor can run them, and that they count what they do.
static void check_limits(int32_t size) {
  int64_t (*const loops[])(int64_t) = {ik_limit_int8, ik_limit_bfloat};
  int32_t rounds = random_in(1, 5 * size);
  describe("%d rounds", rounds);
  for (int32_t i = 0; i < 2; i++) {
    int64_t once = loops[i](1), all = loops[i](rounds);
    if (once <= 0 || all != rounds * once) report("operations", (size_t)i, (uint32_t)(rounds * once), (uint32_t)all);
  }
}

static const check checks[] = {
    {"limits", check_limits, 1},
    {"formats", check_formats, 1},     {"quantize", check_quantize, 1}, {"rms_norm", check_rms_norm, 1},
    {"silu_gate", check_silu_gate, 1}, {"rotate", check_rotate, 1},     {"matmul", check_matmul, 4},
    {"gated", check_gated, 2},
    {"logits", check_logits, 1},       {"attention", check_attention, 2}, {"sums", check_sums, 1},
    {"noted_logits", check_noted_logits, 1}, {"decode", check_decode, 1},
};
enum { CHECKS = sizeof checks / sizeof checks[0] };

static void find_tiers(void) {
  while (ik_kernels_at(tier_count)) tier_count++;
  for (int32_t i = 0; i < tier_count; i++) tiers[i] = ik_kernels_at(i == 0 ? tier_count - 1 : i - 1);
#if defined(IK_AVX2VNNI_BY_AVX512)
  extern const ik_kernels ik_avx2vnni_kernels;
  tiers[tier_count++] = &ik_avx2vnni_kernels;
#endif
}

// The case that runs now, for reports.
static struct {
  const char *check;
  long seed, size, number;
} current;

static void name_current_case(void) {
  printf("  repeat with --seed %ld --size %ld --only %s --case %ld\n", current.seed, current.size, current.check, current.number);
  fflush(stdout);
}

int main(int argc, char **argv) {
  long seed = 1, cases = 100, size = 1, single = -1;
  const char *only = NULL;
  bool list = false;
  int words = 0;  // where those behind --time begin
  for (int i = 1; i < argc; i++) {
    long *number = strcmp(argv[i], "--seed") == 0    ? &seed
                   : strcmp(argv[i], "--cases") == 0 ? &cases
                   : strcmp(argv[i], "--size") == 0  ? &size
                   : strcmp(argv[i], "--case") == 0  ? &single
                                                     : NULL;
    if (strcmp(argv[i], "--list") == 0) {
      list = true;
    } else if (strcmp(argv[i], "--time") == 0) {
      words = i + 1;
      break;
    } else if (number && i + 1 < argc) {
      *number = atol(argv[++i]);
    } else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
      only = argv[++i];
    } else {
      fprintf(stderr, "kernel-harness: %s is no option\n", argv[i]);
      return 2;
    }
  }
  find_tiers();
  if (words) return time_kernel(argc - words, argv + words);
  for (int32_t i = 1; i < tier_count; i++) printf("%s%s", tiers[i]->name, i + 1 < tier_count ? " " : "\n");
  if (tier_count == 1) printf("no tier but the scalar twin\n");
  if (list) return 0;

  on_crash(name_current_case);
  for (int32_t k = 0; k < CHECKS; k++) {
    if (only && strcmp(only, checks[k].name) != 0) continue;
    long count = cases * checks[k].weight;
    for (long n = single >= 0 ? single : 0; n < (single >= 0 ? single + 1 : count); n++) {
      seed_random((uint64_t)seed << 40 ^ (uint64_t)k << 32 ^ (uint64_t)n);
      current.check = checks[k].name;
      current.seed = seed;
      current.size = size;
      current.number = n;
      int32_t before = difference_count;
      checks[k].run((int32_t)size);
      free_buffers();
      if (difference_count > before) name_current_case();
      if (difference_count >= 20) {
        printf("%d differences: stopped\n", difference_count);
        return 1;
      }
    }
    printf("%s: %ld cases\n", checks[k].name, single >= 0 ? 1 : count);
    fflush(stdout);
  }
  if (difference_count > 0) printf("%d differences\n", difference_count);
  return difference_count > 0 ? 1 : 0;
}
