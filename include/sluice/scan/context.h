/*
 * context.h - chooses the lines of an input that are given: those that match, and the ones around
 * them. Pure.
 *
 * An input is walked over in order: the lines that begin and end in a piece by its marks
 * (sl_context_begin), and between two pieces the line that the cut has split
 * (sl_context_begin_line); after each, sl_context_next until there is no more. A line is given
 * once, and all are given in order, wherever the input was cut.
 *
 * Lines before a match are looked back at in its piece; those of earlier pieces are in a history
 * (history.h). How many they are is bounded in bytes as well, counted back from the match, so that
 * the bound does not depend on the cuts either. Of a context line longer than SL_PARTIAL_KEEP the
 * first bytes are given.
 *
 * Where only lines of a period are wanted, a line outside it ends the context on both sides.
 */
#ifndef SLUICE_SCAN_CONTEXT_H
#define SLUICE_SCAN_CONTEXT_H

#include "sluice/scan/history.h"
#include "sluice/match/lines.h"

struct sl_context_rule {
	uint64_t before, after; /* lines before and after each that matches */
	size_t before_bytes;    /* bound of the lines before, by sl_history_cost */
};

/* The lines that begin and end in a piece. It must stay until they are given. */
struct sl_context_run {
	const struct sl_partial_run *piece;
	const uint64_t *marks;                /* of the lines that match */
	const uint64_t *within;               /* likewise, of those that may be given; NULL = all */
	uint64_t off;                         /* of the piece, in the input */
	uint64_t newlines;                    /* before the piece */
	const struct sl_match_kernel *kernel; /* to number lines; NULL: they are not */
};

/* In its owner's memory; fields are the module's. */
struct sl_context {
	struct sl_context_rule rule;
	struct sl_history history; /* lines right before the next one, none of which was given */
	uint64_t after_left;       /* lines to be given because one before them matches */
	uint64_t given_end;        /* behind the last line that was given */
	bool is_over;              /* no line matches any more */

	struct sl_partial_line single; /* the line of sl_context_begin_line, if has_single */
	bool has_single;

	/* The run, if has_run. */
	bool has_run;
	struct sl_context_run run;
	struct sl_lines lines;
	struct sl_line match; /* the next that matches, if has_match */
	bool has_match;
	bool is_looked_back; /* the lines before it are chosen: history, and from `at` on */
	size_t at;           /* in the piece: behind the last line that was given */
	size_t end;          /* in the piece: behind its last newline */
	uint64_t index;      /* of the line at `at`; only known while that is given */
};

void sl_context_init(struct sl_context *context, const struct sl_context_rule *rule);
void sl_context_release(struct sl_context *context);

/* The lines that follow are those of a piece that begin and end in it. */
void sl_context_begin(struct sl_context *context, const struct sl_context_run *run);

/* The line that follows, whose text must stay until there is no more. */
void sl_context_begin_line(struct sl_context *context, const struct sl_partial_line *line);

/* The next line that is given: with is_context if it does not match, and begins_group if lines
 * were left out before it, or it is the first of the input. Returns 1; 0 if no more is given
 * before the next begin; -ENOMEM. */
int sl_context_next(struct sl_context *context, struct sl_partial_line *line) SL_MUST_CHECK;

/* No line behind the one that was given last counts as a match: only those are given that are
 * context of it. */
void sl_context_stop(struct sl_context *context);

/* After sl_context_stop: more lines will be given, if there are any. */
static inline bool
sl_context_wants_more(const struct sl_context *context)
{
	return context->after_left > 0;
}

#endif
