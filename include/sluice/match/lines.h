/*
 * lines.h - walks over the matching lines of a block, from the marks or hits that its scan has
 * left. Pure.
 *
 * Only lines that begin and end in the block are marked; the first and last partial lines are the
 * caller's to join.
 */
#ifndef SLUICE_MATCH_LINES_H
#define SLUICE_MATCH_LINES_H

#include "sluice/match/match_pass.h"

struct sl_line {
	const unsigned char *text; /* in the block */
	size_t len;                /* without the newline */
	uint64_t index;            /* newlines of the block before this line; 0 if not asked for */
};

/* In its owner's memory; fields are the module's. */
struct sl_lines {
	const struct sl_match_kernel *kernel; /* NULL: lines are not numbered */
	const unsigned char *data;
	size_t len;
	const uint64_t *marks;
	size_t word; /* of marks, the one that `left` is of */
	uint64_t left;
	size_t begin;   /* no line that comes begins before here */
	size_t counted; /* newlines before here are in `newlines` */
	uint64_t newlines;
	const struct sl_match_hits *hits; /* NULL: the marks are used */
	size_t next_hit;
};

/* Block and marks must stay valid. `kernel` counts newlines for the lines' index; NULL if the index
 * is not used. */
void sl_lines_init(struct sl_lines *lines, const struct sl_match_kernel *kernel,
	const unsigned char *data, size_t len, const uint64_t *marks);

/* The same from hits, which must be complete and stay valid. */
void sl_lines_init_hits(
	struct sl_lines *lines, const unsigned char *data, const struct sl_match_hits *hits);

/* The next marked line, in order. False after the last. */
bool sl_lines_next(struct sl_lines *lines, struct sl_line *line);

/* Where the line begins that holds data[at], looking back no farther than `from`. */
size_t sl_lines_begin(const unsigned char *data, size_t from, size_t at);

#endif
