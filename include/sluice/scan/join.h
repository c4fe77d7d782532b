/*
 * join.h - joins the pieces of one input in order: exact totals, and the lines that a cut has
 * split.
 *
 * Each piece goes through sl_join_head, the caller's walk over its marked lines, and sl_join_tail;
 * the input ends with sl_join_end. Where lines are only counted, and by literals, sl_join_count
 * does all at once. Of a line longer than SL_JOIN_KEEP so many bytes are kept, which bounds the
 * memory: those around its first literal, or its first ones where a regular expression decides,
 * since that sees no others. Which ones does not depend on how the input was cut. No I/O; one heap
 * buffer.
 */
#ifndef SLUICE_SCAN_JOIN_H
#define SLUICE_SCAN_JOIN_H

#include "sluice/scan/block.h"
#include "sluice/scan/pattern.h"

#define SL_JOIN_KEEP SL_PATTERN_LINE_MAX
#define SL_JOIN_BEFORE (SL_JOIN_KEEP / 2) /* of what is kept, before the first literal at most */

/* The result of scanning a piece: `block` if the pattern has a plan, else `lines`. */
struct sl_join_piece {
	const unsigned char *data; /* NULL: zeros */
	size_t len;
	struct sl_block_result block;
	struct sl_matcher_counts lines;
};

/* A matching line that was joined. */
struct sl_join_line {
	const unsigned char *text; /* valid until the next call */
	size_t len;                /* at most SL_JOIN_KEEP */
	uint64_t skipped;          /* bytes of the line before `text` */
	uint64_t whole_len;        /* of the line without its newline */
	uint64_t off;              /* in the input */
	uint64_t index;            /* newlines of the input before it */
	bool is_closed;            /* it ends with a newline, not with the input */
};

struct sl_join {
	struct sl_matcher *matcher; /* for regular expressions */
	const struct sl_match_plan *plan;
	bool keeps_text;

	/* The line that is open at the end of the last piece. */
	struct sl_buf kept;
	uint64_t open_len, open_off;
	uint64_t skipped;   /* bytes of it before what is kept */
	size_t searched;    /* no literal begins before this byte of what is kept */
	bool is_window;     /* its first literal was found: what is kept grows at its end only */
	unsigned char last; /* its last byte */

	struct sl_block_result total;              /* with a plan */
	uint64_t bytes, newlines, hits, undecided; /* without one; bytes always */
};

/* `keeps_text`: matching lines are wanted, not only their number. matcher and pattern must stay. */
void sl_join_init(struct sl_join *join, const struct sl_pattern *pattern,
	struct sl_matcher *matcher, bool keeps_text);
void sl_join_release(struct sl_join *join);

/* Ready for the next input; the buffer is kept. */
void sl_join_clear(struct sl_join *join);

/* The whole piece, where there is a plan and no text is wanted. */
void sl_join_count(struct sl_join *join, const struct sl_join_piece *piece);

/*
 * Of a line that lies in a piece, make what is kept of it. For one longer than SL_JOIN_KEEP its
 * first literal is looked for: that may take as long as scanning a piece.
 */
void sl_join_shorten(const struct sl_join *join, struct sl_join_line *line);

/* What of a matching line is searched for matches. */
struct sl_subject sl_join_subject(const struct sl_join_line *line);

/* Whether the open line has grown so long that joining the next piece may take as long as scanning
 * one: on a worker, then. */
bool sl_join_is_costly(const struct sl_join *join, const struct sl_join_piece *piece);

/*
 * The piece's bytes up to its first newline complete the open line: 1 and *line if that line is
 * complete and matches, else 0; -ENOMEM. May run a regular expression: on a worker, then.
 */
int sl_join_head(struct sl_join *join, const struct sl_join_piece *piece,
	struct sl_join_line *line) SL_MUST_CHECK;

/* The bytes after the last newline open a line; the piece is accounted for. Returns 0 or
 * -ENOMEM. */
int sl_join_tail(struct sl_join *join, const struct sl_join_piece *piece) SL_MUST_CHECK;

/* The input is over: the open line, if it has a byte, is its last. Returns as sl_join_head. */
int sl_join_end(struct sl_join *join, struct sl_join_line *line) SL_MUST_CHECK;

struct sl_join_totals {
	uint64_t bytes, lines, hits, undecided;
	uint64_t other_case; /* as in block.h */
};

/* After sl_join_end, or at any time for what was joined so far: an open line counts as a line. */
struct sl_join_totals sl_join_totals(const struct sl_join *join);

/* Newlines before the piece that comes next. */
uint64_t sl_join_newlines(const struct sl_join *join);

#endif
