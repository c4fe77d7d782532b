/*
 * match_pass.h - counts the newlines of a block and finds the lines that hold one of the literals
 * of a plan, in one pass.
 *
 * A kernel is the pass for one instruction set; all kernels give the same answers. Pure: no I/O, no
 * allocation; no byte outside [data, data + len) is read.
 *
 * A line is what ends with '\n' or with the input; a carriage return or NUL is a byte like any
 * other.
 */
#ifndef SLUICE_MATCH_MATCH_PASS_H
#define SLUICE_MATCH_MATCH_PASS_H

#include "sluice/match/match_plan.h"

/* What one pass over a block finds. A line is closed if it begins after and ends with a newline of
 * the block. */
struct sl_match_counts {
	uint64_t newlines;
	uint64_t hits; /* closed lines that hold a literal */
	bool head_hit; /* a literal lies before the first newline, or anywhere if there is none */
	bool tail_hit; /* a literal lies after the last newline, or anywhere if there is none */

	/* The same of literals in another case, if the plan counts them. A closed line that also
	 * matches is not among `other_case`; the two others may be true where a literal lies
	 * too. */
	uint64_t other_case;
	bool head_other_case, tail_other_case;
};

/* Words of a bitmap that has one bit for each byte of a block. */
#define SL_MATCH_MARK_WORDS(len) (((len) + 63) / 64)

/* Where a closed line with a literal ends, and how many newlines of the block come before it. */
struct sl_match_hit {
	uint32_t end, index;
};

/* So many for each pass: of a block of half a MiB, one line in five. */
#define SL_MATCH_HITS 1024u

/* Lines in order, with their number, for which newlines would have to be counted once more; if
 * there are at most as many. Then no line is marked. */
struct sl_match_hits {
	bool is_complete; /* else all lines are marked */
	size_t count;
	struct sl_match_hit items[SL_MATCH_HITS];
};

/*
 * Of this plan alone, not of those joined to it. `marks` is NULL, or a bitmap of
 * SL_MATCH_MARK_WORDS(len) words, in which the bit of the newline that ends each closed line with a
 * literal is set; other bits stay. `hits` is NULL, or gets the lines instead, if there are marks.
 * With SL_MATCH_EVERY, head_hit is true if the block has a byte, and tail_hit if there are bytes
 * after the last newline.
 */
typedef void sl_match_scan_fn(const struct sl_match_plan *plan, const unsigned char *data,
	size_t len, uint64_t *marks, struct sl_match_hits *hits, struct sl_match_counts *counts);

struct sl_match_kernel {
	const char *name;  /* "avx512", "avx2", "neon", "scalar" */
	unsigned features; /* set of enum sl_cpu_feature that it needs */
	sl_match_scan_fn *scan;
	uint64_t (*newlines)(const unsigned char *data, size_t len);

	/* The same, and sets the bit of each in a bitmap as above. */
	uint64_t (*mark_newlines)(const unsigned char *data, size_t len, uint64_t *marks);

	/* Set a bitmap as above to the places where the classes of a plan, which has some, match;
	 * NULL: this instruction set has no quick way to do that. */
	void (*places)(const struct sl_match_plan *plan, const unsigned char *data, size_t len,
		uint64_t *places);
};

/*
 * The leftmost occurrence in [from, len), the first literal in the user's order if several begin
 * there: [*begin, *end). False if there is none. A byte at a time: for single lines, not for
 * blocks. Each of joined plans is searched up to its first occurrence: to find all, ask one by
 * one, and keep what lies ahead.
 */
bool sl_match_find(const struct sl_match_plan *plan, const unsigned char *data, size_t len,
	size_t from, size_t *begin, size_t *end);

/* Of this plan alone; *rank is the place of the literal in the user's order. */
bool sl_match_find_one(const struct sl_match_plan *plan, const unsigned char *data, size_t len,
	size_t from, size_t *begin, size_t *end, uint32_t *rank);

/* Set the bit of each rank of which the text holds a literal of this plan alone. For single
 * lines. */
void sl_match_ranks(
	const struct sl_match_plan *plan, const unsigned char *data, size_t len, uint64_t *ranks);

/* True if a literal of this plan alone begins before `cut` and ends after it. For the few bytes on
 * both sides of a cut. */
bool sl_match_spans(
	const struct sl_match_plan *plan, const unsigned char *data, size_t len, size_t cut);

/* The same for a literal in any case, if the plan counts those. */
bool sl_match_spans_other_case(
	const struct sl_match_plan *plan, const unsigned char *data, size_t len, size_t cut);

#endif
