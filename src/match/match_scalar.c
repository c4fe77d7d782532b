#include "match_int.h"

uint64_t
sl_match_scalar_newlines(const unsigned char *data, size_t len)
{
	return sl_match_count_newlines(data, len);
}

/* memchr() is the fastest way to look for single bytes that the C library has. */
uint64_t
sl_match_scalar_mark_newlines(const unsigned char *data, size_t len, uint64_t *marks)
{
	uint64_t count = 0;
	const unsigned char *at = data, *end = data + len;
	while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		size_t off = (size_t)(at++ - data);
		marks[off / 64] |= 1ull << (off % 64);
		count++;
	}
	return count;
}

static const struct sl_match_kernel kernel;

static void
scan(const struct sl_match_plan *plan, const unsigned char *data, size_t len, uint64_t *marks,
	struct sl_match_hits *hits, struct sl_match_counts *counts)
{
	struct sl_match_pass pass;
	sl_match_pass_begin(&pass, plan, data, len, marks, hits, counts);
	if (!sl_match_pass_scalar(&pass, &kernel))
		sl_match_pass_rest(&pass, data);
}

static const struct sl_match_kernel kernel = { "scalar", 0, scan, sl_match_scalar_newlines,
	sl_match_scalar_mark_newlines, NULL };

const struct sl_match_kernel *
sl_match_kernel_scalar(void)
{
	return &kernel;
}
