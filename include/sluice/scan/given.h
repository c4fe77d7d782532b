/*
 * given.h - which lines of an input were given, where they came in any order and not all of them
 * did: those that begin in its spans. Pure.
 */
#ifndef SLUICE_SCAN_GIVEN_H
#define SLUICE_SCAN_GIVEN_H

#include "sluice/base/def.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_given_span {
	uint64_t begin, end;
};

/* {0} has none. The array is on the heap. */
struct sl_given {
	struct sl_given_span *spans; /* by offset, without overlaps */
	size_t count, cap;
};

void sl_given_release(struct sl_given *given);

/* The span must not overlap another one; one of no bytes is left out. Returns 0 or -ENOMEM. */
int sl_given_add(struct sl_given *given, uint64_t begin, uint64_t end) SL_MUST_CHECK;

/* Whether a line that begins there was given, if it was to be. */
bool sl_given_has(const struct sl_given *given, uint64_t off);

#endif
