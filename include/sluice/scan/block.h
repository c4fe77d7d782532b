/*
 * block.h - the result of scanning a piece of an input, and how results of neighbours become one.
 *
 * Results form a monoid: merging is associative and the empty result changes nothing. So an input
 * may be cut anywhere, its blocks scanned in any order by any thread, and the totals are those of
 * one pass over the whole. What makes it work is what a result remembers of its edges: what its
 * first and last partial lines hold, and the few bytes in which a literal may begin or end that a
 * cut has split. Pure.
 *
 * A line matches if it holds a literal that decides, or if it is a candidate, because it holds a
 * literal of a prefilter, and is confirmed (pattern.h). The scan confirms the lines that begin and
 * end in the block. A line that a cut has split can only be confirmed by the caller, who has its
 * text: its edges say so.
 *
 * Where the lines that do not match are selected, results still count those that do, and are merged
 * alike: only marks and totals are inverted. So it does not matter what a line that is cut may
 * still become.
 *
 * If a period of time is wanted, only its lines are counted as hits, undecided or without a level;
 * `period` has their number, and the counts of those before the first stamp, of which it is not
 * known yet.
 */
#ifndef SLUICE_SCAN_BLOCK_H
#define SLUICE_SCAN_BLOCK_H

#include "sluice/match/matcher.h"
#include "sluice/scan/period.h"

#define SL_BLOCK_EDGE (SL_MATCH_LITERAL_LEN - 1)

/* What is known of a line by a part of it. In this order: the highest of all parts counts. */
enum sl_block_line {
	SL_BLOCK_LINE_NO,        /* no literal */
	SL_BLOCK_LINE_CANDIDATE, /* to be confirmed */
	SL_BLOCK_LINE_HIT
};

/* {0} is the result of no bytes. */
struct sl_block_result {
	uint64_t len; /* bytes */
	uint64_t newlines;
	uint64_t hits;                /* matching lines that begin and end inside */
	uint64_t undecided;           /* of such lines: a limit was reached */
	uint64_t unlevelled;          /* likewise: without a level, if the pattern is one */
	uint64_t undecided_line;      /* newlines before the first of them, if there are some */
	enum sl_block_line head_line; /* before the first newline, or all if there is none */
	enum sl_block_line tail_line; /* after the last newline, or all if there is none */
	bool tail_open;               /* the last byte is not a newline */

	/* As in match_pass.h. */
	uint64_t other_case;
	bool head_other_case, tail_other_case;

	struct sl_period_part period; /* if one is wanted; merged by the caller (partial.c) */

	unsigned char head_len, tail_len;
	unsigned char head[SL_BLOCK_EDGE],
		tail[SL_BLOCK_EDGE]; /* first and last bytes, one less than the longest literal */
};

/* Bytes that are scanned at a time where there is more than one pass over them: half of a small L1
 * cache. A multiple of 64, the bits of a word of marks. */
#define SL_BLOCK_SLICE 16384u

/*
 * A scan in steps, for a caller that must not be away for long: joined plans, and confirming, may
 * take seconds for a block. In its owner's memory. The caller sets the first group, the rest is 0.
 */
struct sl_block_steps {
	const struct sl_match_kernel *kernel;
	const struct sl_match_plan *plan;
	struct sl_matcher *matcher; /* confirms candidates; NULL if the plans have no prefilter */
	const unsigned char *data;
	size_t len;
	uint64_t *marks; /* zero; as in match_pass.h, of the lines that are selected; or NULL */
	struct sl_match_hits *hits; /* or NULL: instead, as in match_pass.h */
	bool inverts;               /* lines that do not match are, and are decided */
	uint64_t (*clock_ns)(void *clock);
	void *clock;
	struct sl_block_result *result; /* of data[0, at) */

	/* The period that is wanted, or NULL; then `marks` must be there, and `within` have as many
	 * bits, which are set as sl_period_walk says. */
	const struct sl_period *period;
	uint64_t *within;
	size_t unknown_end; /* the first lines, whose side is not known, end here */

	size_t at;          /* where the slice begins that is being scanned */
	bool is_confirming; /* its plans are through, its candidates are not */
	bool is_every;      /* every line is a candidate */
	size_t word;        /* of the candidates: the next to confirm is in it or behind it */
	size_t after;       /* where the line behind the last candidate begins; 0: not known */
	struct sl_block_result slice;
	uint64_t own_marks[SL_MATCH_MARK_WORDS(SL_BLOCK_SLICE)]; /* if the caller has none */
	uint64_t candidates[SL_MATCH_MARK_WORDS(SL_BLOCK_SLICE)];
	uint64_t undecided[SL_MATCH_MARK_WORDS(SL_BLOCK_SLICE)]; /* if `inverts` */
	struct sl_period_part part;
};

/*
 * One step: until it has taken more than `ns`, looked at once in a slice and after each line that
 * took long to confirm; with a single plan that decides, the whole block. True if there is more.
 */
bool sl_block_step(struct sl_block_steps *steps, uint64_t ns);

/* All of it. `marks` are zero, or NULL. */
void sl_block_scan(const struct sl_match_kernel *kernel, const struct sl_match_plan *plan,
	struct sl_matcher *matcher, const unsigned char *data, size_t len, uint64_t *marks,
	struct sl_block_result *result);

/* What is known of the line that the last bytes of *left and the first of *right belong to. Both
 * were scanned with `plan`. */
enum sl_block_line sl_block_joint(const struct sl_match_plan *plan,
	const struct sl_block_result *left, const struct sl_block_result *right);

/* *left becomes the result of its bytes followed by those of *right. Both were scanned with `plan`,
 * which has no prefilter. */
void sl_block_merge(const struct sl_match_plan *plan, struct sl_block_result *left,
	const struct sl_block_result *right);

/*
 * The same with any plan; `joint` is what is known of the line that they share. If both have a
 * newline, that line is closed now: it is counted if it is a HIT, and a CANDIDATE must have been
 * confirmed.
 */
void sl_block_merge_line(const struct sl_match_plan *plan, struct sl_block_result *left,
	const struct sl_block_result *right, enum sl_block_line joint);

struct sl_block_totals {
	uint64_t bytes;
	uint64_t lines; /* a last line without newline counts */
	uint64_t hits;  /* lines that match */
	uint64_t undecided;
	uint64_t undecided_line; /* lines before the first of them, if there are some */
	uint64_t unlevelled;     /* without a level, if the pattern is one */
	uint64_t other_case;     /* lines that do not match, but would if case were ignored */
	uint64_t all_lines;      /* `lines`, and those outside a period */
};

/* Totals of a whole input. Its first and last lines count if they are a HIT. */
struct sl_block_totals sl_block_finish(const struct sl_block_result *result);

/* The same if the lines that do not match are selected: `hits` counts those. */
struct sl_block_totals sl_block_finish_inverted(const struct sl_block_result *result);

/* Of a part that begins where its input does: lines that end with a newline and do not match. What
 * follows does not change that. */
uint64_t sl_block_closed_others(const struct sl_block_result *result);

#endif
