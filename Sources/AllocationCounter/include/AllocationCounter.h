// Counts the heap allocations of a thread, for tests only: a program that links this target calls the C library's
// allocator through it.
#ifndef INFLIGHT_ALLOCATION_COUNTER_H
#define INFLIGHT_ALLOCATION_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

// Number of allocations and reallocations that the calling thread has made so far.
uint64_t allocation_count(void);

// Whether allocations are counted on this system: with glibc and without a sanitizer, which needs the allocator itself.
bool allocation_count_is_available(void);

#endif
