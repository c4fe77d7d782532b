/*
 * join.h - joins the pieces of one input in order: exact totals, and the lines that a cut has
 * split.
 *
 * Each piece goes through sl_join_head, the caller's walk over its marked lines, and sl_join_tail;
 * the input ends with sl_join_end. A line that was joined and is only a candidate is confirmed
 * here. Where lines are only counted, and literals decide, sl_join_count does all at once. Of a
 * line longer than SL_JOIN_KEEP so many bytes are kept, which bounds the memory: those around its
 * first literal, or its first ones if the pattern confirms candidates, since checks see no others.
 * Which ones does not depend on how the input was cut. No I/O; one heap buffer.
 */
#ifndef SLUICE_SCAN_JOIN_H
#define SLUICE_SCAN_JOIN_H

#include "sluice/scan/block.h"

#define SL_JOIN_KEEP SL_PATTERN_LINE_MAX
#define SL_JOIN_BEFORE (SL_JOIN_KEEP / 2) /* of what is kept, before the first literal at most */

/* A piece and the result of scanning it. */
struct sl_join_piece {
	const unsigned char *data; /* NULL: zeros */
	size_t len;
	struct sl_block_result block;
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
	struct sl_matcher *matcher; /* confirms candidates */
	const struct sl_match_plan *plan;
	bool confirms; /* the plans have a prefilter */
	bool keeps_text;

	/* The line that is open at the end of the last piece. */
	struct sl_buf kept;
	uint64_t open_len, open_off;
	uint64_t skipped;   /* bytes of it before what is kept */
	size_t searched;    /* no literal begins before this byte of what is kept */
	bool is_window;     /* its first literal was found: what is kept grows at its end only */
	unsigned char last; /* its last byte */

	struct sl_block_result total; /* its edges are confirmed when their lines are complete */
	uint64_t bytes;
	uint64_t undecided;           /* joined lines */
	enum sl_block_line completed; /* the line that the current piece completes: HIT or NO */
};

/* `keeps_text`: matching lines are wanted, not only their number. matcher and pattern must stay. */
void sl_join_init(struct sl_join *join, const struct sl_pattern *pattern,
	struct sl_matcher *matcher, bool keeps_text);
void sl_join_release(struct sl_join *join);

/* Ready for the next input; the buffer is kept. */
void sl_join_clear(struct sl_join *join);

/* The whole piece, where no text is wanted and nothing is to be confirmed. */
void sl_join_count(struct sl_join *join, const struct sl_join_piece *piece);

/*
 * Of a line that lies in a piece, make what is kept of it. For one longer than SL_JOIN_KEEP its
 * first literal is looked for: that may take as long as scanning a piece.
 */
void sl_join_shorten(const struct sl_join *join, struct sl_join_line *line);

/* What of a matching line is searched for matches. */
struct sl_subject sl_join_subject(const struct sl_join_line *line);

/* Whether completing the open line with this piece, or with NULL by the end of the input, may take
 * as long as scanning a piece: on a worker, then. Either it is to be confirmed, or it has grown
 * long. */
bool sl_join_is_costly(const struct sl_join *join, const struct sl_join_piece *piece);

/*
 * The piece's bytes up to its first newline complete the open line: 1 and *line if that line is
 * complete and matches, else 0; -ENOMEM.
 */
int sl_join_head(struct sl_join *join, const struct sl_join_piece *piece,
	struct sl_join_line *line) SL_MUST_CHECK;

/* The bytes after the last newline open a line; the piece is accounted for. Returns 0 or
 * -ENOMEM. */
int sl_join_tail(struct sl_join *join, const struct sl_join_piece *piece) SL_MUST_CHECK;

/* The input is over: the open line, if it has a byte, is its last. Returns as sl_join_head. */
int sl_join_end(struct sl_join *join, struct sl_join_line *line) SL_MUST_CHECK;

/* After sl_join_end, or at any time for what was joined so far: an open line counts as a line. */
struct sl_block_totals sl_join_totals(const struct sl_join *join);

/* Undecided lines of the pieces before, and the one that the current piece completes. */
uint64_t sl_join_undecided(const struct sl_join *join);

/* Newlines before the piece that comes next. */
uint64_t sl_join_newlines(const struct sl_join *join);

#endif
