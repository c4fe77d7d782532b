/*
 * wide.h - where an input that is text goes on in UTF-16, such as a program that appends in another
 * encoding leaves behind; and up to which line the input can be counted. Pure.
 *
 * The first byte decides at which one of these is complete, in either byte order:
 *
 *     SL_WIDE_LINE ASCII characters and a newline, of which the low byte suffices
 *     SL_WIDE_RUN ASCII characters, newlines among them
 *
 * The line that this byte is in is not text, nor is anything behind it; lines that end before it
 * are. Results form a monoid: an input may be cut anywhere, its runs searched and merged in any
 * order, and the result is that of one search of the whole. For that, a result has the bytes at the
 * ends of its run.
 */
#ifndef SLUICE_SCAN_WIDE_H
#define SLUICE_SCAN_WIDE_H

#include "sluice/base/bytes.h"

/* Names that are separated by NULs have fewer, unless they are single letters; programs have tables
 * of numbers that look like shorter ones. */
#define SL_WIDE_LINE 4u
#define SL_WIDE_RUN 24u

/* What precedes the last byte of a run of characters. */
#define SL_WIDE_EDGE (2 * SL_WIDE_RUN - 1)

/* Of a run of bytes; {0} is that of none. */
struct sl_wide {
	uint64_t len;
	uint64_t open_len; /* bytes after the last newline; all of them if there is none */
	bool is_found;
	/* If is_found: the byte that decides; and the bytes before it that are lines, 0 also if the
	 * last newline lies before the run. The former fields are not valid then, but for `len`. */
	uint64_t at, text_len;
	unsigned char head_len, tail_len; /* SL_WIDE_EDGE, or all bytes of a shorter run */
	unsigned char head[SL_WIDE_EDGE], tail[SL_WIDE_EDGE];
};

void sl_wide_search(struct sl_wide *wide, const unsigned char *data, size_t len);

/* Of `len` NULs. */
void sl_wide_set_zeros(struct sl_wide *wide, uint64_t len);

/* The right run, which follows the left one, becomes a part of it. If it is found now, and not in
 * the left one, left->text_len is less than the length of that if its open line is no text. */
void sl_wide_merge(struct sl_wide *left, const struct sl_wide *right);

/* How many NULs the bytes begin with. */
size_t sl_wide_count_nuls(const unsigned char *data, size_t len);

/* Two bytes that are a printable ASCII character or white space; its low byte is pair[low]. */
static inline bool
sl_wide_is_ascii(const unsigned char *pair, size_t low)
{
	unsigned char c = pair[low];
	bool is_text = (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\n' || c == '\r';
	return is_text && pair[1 - low] == 0;
}

#endif
