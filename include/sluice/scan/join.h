/*
 * join.h - joins the pieces of one input in order: exact totals, and the lines that a cut has
 * split.
 *
 * It is a partial (partial.h) that begins where the input does, and that pieces are added to. Each
 * piece goes through sl_join_head, the caller's walk over its marked lines, and sl_join_tail; the
 * input ends with sl_join_end. Where lines are only counted, and literals decide, sl_join_count
 * does all at once. Pure.
 */
#ifndef SLUICE_SCAN_JOIN_H
#define SLUICE_SCAN_JOIN_H

#include "sluice/scan/partial.h"

struct sl_join {
	struct sl_partial_spec spec;
	struct sl_partial total; /* of the pieces before */
	enum sl_block_line
		current; /* what is known of the line that the current piece goes on with */
};

/* `keeps_text`: matching lines are wanted, not only their number. matcher and pattern must stay. */
void sl_join_init(struct sl_join *join, const struct sl_pattern *pattern,
	struct sl_matcher *matcher, bool keeps_text);
void sl_join_release(struct sl_join *join);

/* The whole piece, where no text is wanted and nothing is to be confirmed. */
void sl_join_count(struct sl_join *join, const struct sl_partial_run *piece);

/* Whether completing the open line with this piece, or with NULL by the end of the input, may take
 * as long as scanning a piece: on a worker, then. */
bool sl_join_is_costly(const struct sl_join *join, const struct sl_partial_run *piece);

/* The same of sl_join_tail: confirming is over by then. */
bool sl_join_tail_is_costly(const struct sl_join *join, const struct sl_partial_run *piece);

/*
 * The piece's bytes up to its first newline complete the open line: 1 and *line if that line is
 * complete and matches, else 0; -ENOMEM. The line's text is valid until the next call.
 */
int sl_join_head(struct sl_join *join, const struct sl_partial_run *piece,
	struct sl_partial_line *line) SL_MUST_CHECK;

/* The bytes after the last newline open a line; the piece is accounted for. Returns 0 or
 * -ENOMEM. */
int sl_join_tail(struct sl_join *join, const struct sl_partial_run *piece) SL_MUST_CHECK;

/* The input is over: the open line, if it has a byte, is its last. Returns as sl_join_head. */
int sl_join_end(struct sl_join *join, struct sl_partial_line *line) SL_MUST_CHECK;

/* The open line is none, without which the input has `len` bytes so far. */
static inline void
sl_join_drop_open(struct sl_join *join, uint64_t len)
{
	sl_partial_drop_open(&join->total, len);
}

/* After sl_join_end, or at any time for what was joined so far: an open line counts as a line. */
static inline struct sl_block_totals
sl_join_totals(const struct sl_join *join)
{
	return sl_partial_totals(&join->spec, &join->total.result);
}

/* Selected lines of the pieces before; of the one that is open, only what is sure. */
static inline uint64_t
sl_join_hits(const struct sl_join *join)
{
	bool counts_others = join->spec.inverts && !join->spec.period;
	return counts_others ? sl_block_closed_others(&join->total.result)
			     : sl_join_totals(join).hits;
}

/* Undecided lines of the pieces before, and the one that the current piece completes. */
static inline uint64_t
sl_join_undecided(const struct sl_join *join)
{
	return join->total.result.undecided;
}

/* Likewise lines without a level. */
static inline uint64_t
sl_join_unlevelled(const struct sl_join *join)
{
	return join->total.result.unlevelled;
}

/* After sl_join_head: so many lines of the period are known, without those of the piece. */
static inline uint64_t
sl_join_period_lines(const struct sl_join *join)
{
	const struct sl_partial *total = &join->total;
	return total->result.period.lines +
	       (total->has_line && total->line_side == SL_PERIOD_INSIDE);
}

/* Of a line that follows the input and has no stamp. */
static inline enum sl_period_side
sl_join_next_side(const struct sl_join *join)
{
	return join->spec.period ? sl_partial_side_behind(&join->spec, &join->total)
				 : SL_PERIOD_UNKNOWN;
}

/* Newlines before the piece that comes next. */
static inline uint64_t
sl_join_newlines(const struct sl_join *join)
{
	return join->total.result.newlines;
}

/* Bytes before the piece that comes next. */
static inline uint64_t
sl_join_bytes(const struct sl_join *join)
{
	return join->total.result.len;
}

#endif
