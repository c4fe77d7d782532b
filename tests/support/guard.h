/*
 * guard.h - bytes flush against a page that cannot be touched: a parser that reads one byte too far
 * dies of it, also without a sanitizer.
 */
#ifndef TESTS_SUPPORT_GUARD_H
#define TESTS_SUPPORT_GUARD_H

#include <stddef.h>

struct guard {
	char *map;
	size_t map_len;
	size_t cap; /* bytes in front of the page that cannot be touched */
};

/* Room for `max` bytes; ends the test if memory ends. */
void guard_init(struct guard *guard, size_t max);
void guard_release(struct guard *guard);

/* A copy of the bytes (at most `max`) whose last one is the last readable byte. Valid until the
 * next call. */
char *guard_place(struct guard *guard, const void *data, size_t len);

#endif
