/*
 * partial.h - what scanning one run of bytes of an input has found, with the text that its
 * neighbours need; and how neighbours become one. Pure.
 *
 * As results of blocks (block.h) do, partials form a monoid: an input may be cut anywhere, its runs
 * scanned and merged in any order, and the totals and the matching lines are those of one pass over
 * the whole. The line that two neighbours share is complete when both its ends are known: a
 * newline, or where the input begins or ends. Then it is decided, a candidate by being confirmed,
 * and given to the caller if it matches. Lines that begin and end in one run are the caller's:
 * their marks say which match (lines.h).
 *
 * A partial has the text of its first and of its last partial line, bounded as fragment.h says.
 *
 * If a period of time is wanted, lines outside it neither match nor are they counted; of those
 * before the first stamp of a partial it is known once the partial before it is merged (period.h).
 */
#ifndef SLUICE_SCAN_PARTIAL_H
#define SLUICE_SCAN_PARTIAL_H

#include "sluice/scan/block.h"
#include "sluice/scan/fragment.h"
#include "sluice/scan/record_counts.h"
#include "sluice/scan/wide.h"

#define SL_PARTIAL_KEEP SL_PATTERN_LINE_MAX /* bytes kept of a long line */

/* How the partials of an input are merged; constant. The matcher is used by one thread at a
 * time. */
struct sl_partial_spec {
	struct sl_fragment_rule text;
	struct sl_matcher *matcher; /* confirms candidates */
	bool inverts;   /* a line that does not match is what is called a matching line below */
	bool gives_all; /* lines at cuts that do not match as well, marked as context */
	const struct sl_period *period; /* or NULL = all lines */
	enum sl_period_side first_side; /* of lines before the first stamp of the input */
};

/* A run of bytes, and the result of scanning it. */
struct sl_partial_run {
	const unsigned char *data; /* NULL: zeros */
	size_t len;
	struct sl_block_result block;
	const struct sl_match_hits *hits; /* of the block, or NULL */
	/* Of a period: of the lines that end before it the side is decided by what comes before. */
	size_t unknown_end;
};

/* A line that a cut has split. It matches, or is_context. */
struct sl_partial_line {
	const unsigned char *text;
	size_t len;         /* at most SL_PARTIAL_KEEP */
	uint64_t skipped;   /* bytes of the line before `text` */
	uint64_t whole_len; /* of the line without its newline */
	uint64_t off;       /* in the input */
	uint64_t index;  /* newlines before it: of the input, if the partial begins where that does,
	                       else of the partial */
	bool is_closed;  /* it ends with a newline, not with the input */
	bool is_context; /* it does not match */
	enum sl_period_side side; /* if a period is wanted; of lines at cuts */
	bool begins_group;        /* of lines that are given: set by context.h and records.h */
	bool begins_record;
	uint64_t record; /* index of the line that its record begins with: set by records.h */
};

/* In its owner's memory; {.off = N} is the partial of no bytes. */
struct sl_partial {
	uint64_t off;                    /* in the input */
	struct sl_block_result result;   /* of [off, off + result.len) */
	struct sl_fragment head;         /* before the first newline, if its line is not complete */
	struct sl_fragment open;         /* after the last newline, or all if there is none */
	struct sl_wide wide;             /* of the same bytes, if its owner searches them */
	struct sl_record_counts records; /* of the lines between; only used by partials.h */

	/* If a period is wanted, of the line at the last cut, until it is merged. */
	bool has_line; /* it is complete */
	enum sl_period_side line_side;
	struct sl_period_order line_order;
	enum sl_period_side next_side; /* of a line that follows it and has no stamp */
};

/* In the input, behind its last byte. */
static inline uint64_t
sl_partial_end_off(const struct sl_partial *partial)
{
	return partial->off + partial->result.len;
}

/* The totals of a result that these partials were merged from. */
struct sl_block_totals sl_partial_totals(
	const struct sl_partial_spec *spec, const struct sl_block_result *result);

/* `keeps_text`: matching lines are wanted, not only their number. pattern and matcher must stay. */
struct sl_partial_spec sl_partial_spec_of(
	const struct sl_pattern *pattern, struct sl_matcher *matcher, bool keeps_text);

/* Lines at cuts that do not match are given as well: functions that return 1 for a line that
 * matches do so for each line. */
void sl_partial_spec_give_all(struct sl_partial_spec *spec);

/* Only lines of the period, which must stay; NULL = all. Lines at cuts that are outside it are
 * given only if all are, as context. */
void sl_partial_spec_set_period(struct sl_partial_spec *spec, const struct sl_period *period);

/* If a period is wanted: of a line that follows the partial and has no stamp. */
enum sl_period_side sl_partial_side_behind(
	const struct sl_partial_spec *spec, const struct sl_partial *partial);

void sl_partial_release(struct sl_partial *partial);

/*
 * Of no bytes becomes that of a piece. Returns 1 and *line if the piece begins the input and its
 * first line matches, whose text is in the piece; else 0; -ENOMEM: then the partial can only be
 * released.
 */
int sl_partial_set(const struct sl_partial_spec *spec, struct sl_partial *partial,
	const struct sl_partial_run *piece, struct sl_partial_line *line) SL_MUST_CHECK;

/*
 * The bytes of *right, which begin where those of *left end, become those of *left. Returns 1 and
 * *line if they share a line that is complete now and matches, else 0; -ENOMEM. Then *right can
 * only be released, and has the line's text until it is. Copies at most what is kept of
 * a line, twice.
 */
int sl_partial_merge(const struct sl_partial_spec *spec, struct sl_partial *left,
	struct sl_partial *right, struct sl_partial_line *line) SL_MUST_CHECK;

/* What follows the last newline is no line. Its bytes are not known where the text is not kept:
 * `len` is what the partial has without them. */
void sl_partial_drop_open(struct sl_partial *partial, uint64_t len);

/*
 * Its last byte is the input's: a line that is open is the last one. The partial must begin where
 * the input does. Returns 1 and *line if that line matches, else 0. No bytes may follow.
 */
int sl_partial_end(const struct sl_partial_spec *spec, struct sl_partial *partial,
	struct sl_partial_line *line) SL_MUST_CHECK;

/*
 * Whether adding such a result, or with NULL ending, may take as long as scanning it: on a worker,
 * then. A line is to be confirmed, or has grown long; `most` bytes may belong to the open line, at
 * most.
 */
bool sl_partial_is_costly(const struct sl_partial_spec *spec, const struct sl_partial *partial,
	const struct sl_block_result *more, uint64_t most);

/* Of a line that lies in a run, make what is kept of it. That searches a line longer than
 * SL_PARTIAL_KEEP for its first literal. */
void sl_partial_shorten(const struct sl_partial_spec *spec, struct sl_partial_line *line);

/* What of a matching line is searched for matches. */
struct sl_subject sl_partial_subject(const struct sl_partial_line *line);

/* ---- a piece that follows, in two steps: between them the caller looks at its own lines ---- */

/*
 * The bytes of the piece up to its first newline are added. Returns 1 and *line if they complete a
 * line that matches, whose text is in the piece or the partial until that changes; else 0; -ENOMEM.
 * *joint is what is known of the line that they belong to: HIT or NO if it is complete.
 */
int sl_partial_add_head(const struct sl_partial_spec *spec, struct sl_partial *partial,
	const struct sl_partial_run *piece, enum sl_block_line *joint,
	struct sl_partial_line *line) SL_MUST_CHECK;

/* After that: the first lines of the piece turn out to be outside the period, and none of them is
 * in the bitmaps any more. */
void sl_partial_drop_unknown(const struct sl_partial_run *piece, uint64_t *marks, uint64_t *within);

/* The others. Returns 0 or -ENOMEM. */
int sl_partial_add_rest(const struct sl_partial_spec *spec, struct sl_partial *partial,
	const struct sl_partial_run *piece, enum sl_block_line joint) SL_MUST_CHECK;

#endif
