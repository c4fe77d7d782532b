/*
 * fuzz.h - what fuzz targets share. A property that does not hold aborts; libFuzzer keeps the
 * input.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define must(cond) ((cond) ? (void)0 : must_failed(#cond, __FILE__, __LINE__))

static inline void
must_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s does not hold\n", file, line, cond);
	abort();
}

/* Bytes of the input that decide what a target does. */
struct input {
	const uint8_t *at;
	size_t len;
};

/* The next one; zeros behind the last. */
static inline uint8_t
take(struct input *in)
{
	if (in->len == 0)
		return 0;
	in->len--;
	return *in->at++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#endif
