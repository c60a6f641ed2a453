// Random numbers, memory, ranges of items, comparison.
#include "harness.h"
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#include <sanitizer/common_interface_defs.h>
#endif
#endif

// ---------------------------------------------------------------------------------------------------------------

static uint64_t state;

void seed_random(uint64_t seed) { state = seed; }

uint64_t random_bits(void) {
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

int32_t random_in(int32_t low, int32_t high) {
  return low + (int32_t)((random_bits() >> 32) * (uint64_t)(high - low + 1) >> 32);
}

bool one_in(int32_t count) { return random_in(1, count) == 1; }

float random_float(float low, float high) {
  return low + (high - low) * ((float)(random_bits() >> 40) * 0x1p-24f);
}

uint16_t random_half(int32_t exponent) {
  return (uint16_t)((random_bits() & 0x8000) | (uint64_t)random_in(exponent + 8, exponent + 14) << 10 | (random_bits() & 1023));
}

uint16_t random_bfloat(int32_t low, int32_t high) {
  return (uint16_t)((random_bits() & 0x807f) | (uint64_t)(random_in(low, high) + 127) << 7);
}

static float float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

void random_rows(float *x, int32_t rows, int32_t count, bool finite) {
  static const float magnitudes[] = {1, 1, 1, 8, 100, 1e-3f, 1e-20f, 1e-22f, 1e-34f, 1e4f, 1e15f};
  for (int32_t row = 0; row < rows; row++) {
    float *values = x + (size_t)row * (size_t)count, magnitude = magnitudes[random_in(0, 10)];
    int32_t kind = random_in(0, 9);
    for (int32_t i = 0; i < count; i++) {
      // The sum of two is more often small, as activations are.
      values[i] = magnitude * 0.5f * (random_float(-1, 1) + random_float(-1, 1));
      if (kind == 0) values[i] = 0;
      if (kind == 1 && one_in(2)) values[i] = one_in(2) ? 0.0f : -0.0f;
      if (kind == 2) values[i] = one_in(2) ? magnitude : -magnitude;
    }
    if (count == 0) continue;
    if (kind >= 5) {
      for (int32_t n = random_in(0, 1 + count / 40); n > 0; n--) values[random_in(0, count - 1)] *= random_float(2, 60);
    }
    if (!finite && one_in(6)) {
      static const float broken[] = {NAN, INFINITY, -INFINITY, -NAN};
      for (int32_t n = random_in(1, 3); n > 0; n--) values[random_in(0, count - 1)] = broken[random_in(0, 3)];
    }
    if (!finite && one_in(12)) {
      // A stretch of numbers so small that the reciprocals of their scales are no numbers, or just are.
      int32_t first = random_in(0, count - 1), largest = random_in(0, 0x08ffffff);
      for (int32_t i = first; i < count && i < first + 64; i++) {
        values[i] = float_of_bits((uint32_t)random_in(0, largest)) * (one_in(2) ? 1.0f : -1.0f);
      }
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------

// Of one case: every stored row of a matrix is one.
enum { MOST_ALLOCATIONS = 1024 };

static struct allocation {
  void *base;
  size_t mapped;
} allocations[MOST_ALLOCATIONS];
static int32_t allocation_count;

static void *allocate(size_t bytes) {
  if (allocation_count == MOST_ALLOCATIONS) abort();
  struct allocation *a = &allocations[allocation_count++];
#ifdef SANITIZED
  a->base = malloc(bytes);
  if (!a->base) abort();
  return a->base;
#else
  size_t page = (size_t)sysconf(_SC_PAGESIZE), used = (bytes + page - 1) / page * page;
  a->mapped = used + page;
  a->base = mmap(NULL, a->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (a->base == MAP_FAILED || mprotect((uint8_t *)a->base + used, page, PROT_NONE) != 0) abort();
#ifdef MADV_HUGEPAGE
  madvise(a->base, used, MADV_HUGEPAGE);  // as the engine's cache has
#endif
  return (uint8_t *)a->base + used - bytes;
#endif
}

void *buffer(size_t bytes) {
  uint8_t *result = allocate(bytes);
  for (size_t i = 0; i < bytes; i += 8) {
    uint64_t bits = random_bits();
    memcpy(result + i, &bits, bytes - i < 8 ? bytes - i : 8);
  }
  return result;
}

void *copy_of(const void *bytes, size_t count) { return memcpy(allocate(count), bytes, count); }

void free_buffers(void) {
  while (allocation_count > 0) {
    struct allocation *a = &allocations[--allocation_count];
#ifdef SANITIZED
    free(a->base);
#else
    munmap(a->base, a->mapped);
#endif
  }
}

// ---------------------------------------------------------------------------------------------------------------

plan random_plan(int32_t items) {
  plan p = {0, items, {0}, random_in(0, 7), one_in(2)};
  if (one_in(4)) {
    p.begin = random_in(0, items);
    p.end = random_in(p.begin, items);
  }
  for (int32_t i = 0; i < p.cut_count; i++) {
    int32_t cut = random_in(p.begin, p.end), at = i;
    for (; at > 0 && p.cuts[at - 1] > cut; at--) p.cuts[at] = p.cuts[at - 1];
    p.cuts[at] = cut;
  }
  return p;
}

void run_whole(ik_task task, const void *arguments, const plan *p) { task(arguments, p->begin, p->end); }

void run_split(ik_task task, const void *arguments, const plan *p) {
  for (int32_t i = 0; i <= p->cut_count; i++) {
    int32_t part = p->backwards ? p->cut_count - i : i;
    task(arguments, part == 0 ? p->begin : p->cuts[part - 1], part == p->cut_count ? p->end : p->cuts[part]);
  }
}

// ---------------------------------------------------------------------------------------------------------------

static char description[512];
static const char *tier_name = "";
int32_t difference_count;

void describe(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(description, sizeof description, format, arguments);
  va_end(arguments);
}

void set_tier(const ik_kernels *tier) { tier_name = tier->name; }

bool tier_says_what_fits(void) {
  return strcmp(tier_name, "scalar") == 0 || strcmp(tier_name, "avx2") == 0 || strcmp(tier_name, "avx512") == 0;
}

void report(const char *what, size_t index, uint32_t expected, uint32_t got) {
  difference_count++;
  printf("DIFFERENT %s: %s[%zu] is %08x, scalar %08x: %s\n", tier_name, what, index, got, expected, description);
}

static void (*name_case)(void);

static void say_crash(void) {
  printf("CRASHED %s: %s\n", tier_name, description);
  name_case();
}

#ifdef SANITIZED
void on_crash(void (*name)(void)) {
  name_case = name;
  __sanitizer_set_death_callback(say_crash);
}
#else
static void crashed(int signal) {
  (void)signal;
  say_crash();
  _exit(1);
}

void on_crash(void (*name)(void)) {
  name_case = name;
  signal(SIGSEGV, crashed);
  signal(SIGBUS, crashed);
  signal(SIGILL, crashed);
}
#endif

static uint32_t float_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return value != value ? 0x7fc00000 : bits;
}

void compare_floats(const char *what, const float *expected, const float *got, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t a = float_bits(expected[i]), b = float_bits(got[i]);
    if (a != b) {
      report(what, i, a, b);
      return;
    }
  }
}

void compare_halves(const char *what, uint16_t infinity, const uint8_t *expected, const uint8_t *got, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint16_t a, b;
    memcpy(&a, expected + 2 * i, 2);
    memcpy(&b, got + 2 * i, 2);
    if (a != b && ((a & 0x7fff) <= infinity || (b & 0x7fff) <= infinity)) {
      report(what, i, a, b);
      return;
    }
  }
}

void compare_bytes(const char *what, const void *expected, const void *got, size_t count) {
  const uint8_t *a = expected, *b = got;
  for (size_t i = 0; i < count; i++) {
    if (a[i] != b[i]) {
      report(what, i, a[i], b[i]);
      return;
    }
  }
}
