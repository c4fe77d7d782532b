#include "match_int.h"

/* Eight bytes at a time: a byte of `word ^ newlines` is zero where a newline stands. */
uint64_t
sl_match_scalar_newlines(const unsigned char *data, size_t len)
{
	const uint64_t ones = 0x0101010101010101ull, low7 = 0x7f7f7f7f7f7f7f7full;
	uint64_t count = 0;
	size_t i = 0;
	for (; len - i >= 8; i += 8) {
		uint64_t word;
		memcpy(&word, data + i, 8);
		word ^= ones * '\n';
		/* The top bit of each byte that is not zero; no carry crosses a byte. */
		uint64_t other = ((word & low7) + low7) | word;
		count += (((~other & ~low7) >> 7) * ones) >> 56; /* their sum */
	}
	for (; i < len; i++)
		count += data[i] == '\n';
	return count;
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
	struct sl_match_counts *counts)
{
	struct sl_match_pass pass;
	sl_match_pass_begin(&pass, plan, data, len, marks, counts);
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
