/*
 * block.h - the result of scanning a piece of an input, and how results of neighbours become one.
 *
 * Results form a monoid: merging is associative and the empty result changes nothing. So an input
 * may be cut anywhere, its blocks scanned in any order by any thread, and the totals are those of
 * one pass over the whole. What makes it work is what a result remembers of its edges: whether its
 * first and last partial lines hold a literal, and the few bytes in which a literal may begin or
 * end that a cut has split. Pure.
 */
#ifndef SLUICE_SCAN_BLOCK_H
#define SLUICE_SCAN_BLOCK_H

#include "sluice/scan/match.h"

#define SL_BLOCK_EDGE (SL_MATCH_LITERAL_LEN - 1)

/* {0} is the result of no bytes. */
struct sl_block_result {
	uint64_t len; /* bytes */
	uint64_t newlines;
	uint64_t hits;  /* matching lines that begin and end inside */
	bool head_hit;  /* a literal before the first newline, or anywhere if there is none */
	bool tail_hit;  /* a literal after the last newline, or anywhere if there is none */
	bool tail_open; /* the last byte is not a newline */

	/* As in match.h. */
	uint64_t other_case;
	bool head_other_case, tail_other_case;

	unsigned char head_len, tail_len;
	unsigned char head[SL_BLOCK_EDGE],
		tail[SL_BLOCK_EDGE]; /* first and last bytes, one less than the longest literal */
};

/* `marks` as in match.h, or NULL. */
void sl_block_scan(const struct sl_match_kernel *kernel, const struct sl_match_plan *plan,
	const unsigned char *data, size_t len, uint64_t *marks, struct sl_block_result *result);

/*
 * The same in steps, for a caller that must not be away for long: joined plans may take seconds for
 * a block in which every byte begins one of their literals. In its owner's memory; `result` is the
 * result of data[0, at).
 */
struct sl_block_steps {
	const struct sl_match_kernel *kernel;
	const struct sl_match_plan *plan;
	const unsigned char *data;
	size_t len;
	uint64_t *marks;
	size_t at;
	struct sl_block_result *result;
};

/* One step: the whole block with one plan, a few KiB with joined ones. True if there is more. */
bool sl_block_step(struct sl_block_steps *steps);

/* *left becomes the result of its bytes followed by those of *right. Both were scanned with
 * `plan`. */
void sl_block_merge(const struct sl_match_plan *plan, struct sl_block_result *left,
	const struct sl_block_result *right);

/* True if the line that the last bytes of *left and the first of *right belong to matches, as far
 * as these two results show. */
bool sl_block_joint_hit(const struct sl_match_plan *plan, const struct sl_block_result *left,
	const struct sl_block_result *right);

struct sl_block_totals {
	uint64_t bytes;
	uint64_t lines;      /* a last line without newline counts */
	uint64_t hits;       /* lines that match */
	uint64_t other_case; /* lines that do not match, but would if case were ignored */
};

/* Totals of a whole input. */
struct sl_block_totals sl_block_finish(const struct sl_block_result *result);

#endif
