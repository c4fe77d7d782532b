/*
 * failing_alloc.h - allocations of the program itself that fail on demand, and are counted.
 *
 * Only programs called test_alloc_* have it. They are linked with a copy of libsluice.a in which
 * malloc, calloc, realloc, strdup and free have names of their own, and with a copy of the tests'
 * library that has buffers and heaps of its own (see the Makefile). So what tests, the simulated
 * world and libraries allocate neither fails nor counts. One thread.
 */
#ifndef SLUICE_TESTS_SUPPORT_FAILING_ALLOC_H
#define SLUICE_TESTS_SUPPORT_FAILING_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From now on count; the nth allocation (from 1) fails, or the nth and all after it. 0 = none. */
void alloc_fail_nth(uint64_t nth, bool and_all_after);

/* Nothing fails any more. Returns how many allocations there were since alloc_fail_nth. */
uint64_t alloc_end(void);

/* The most bytes allocated at once from alloc_fail_nth to alloc_end, without those from before. */
size_t alloc_peak(void);

#endif
