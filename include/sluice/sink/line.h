/*
 * line.h - a matching line for the sinks that print it: the part of it that is shown, its text in
 * pieces, and where its matches are.
 */
#ifndef SLUICE_SINK_LINE_H
#define SLUICE_SINK_LINE_H

#include "sluice/base/bytes.h"
#include "sluice/scan/event.h"

/* What is shown of a line: all of it, or of a long one [begin, end) of its text. */
struct sl_line_shown {
	size_t begin, end;
	uint64_t before, after; /* bytes of the line that are left out */
};

/* A part begins and ends with whole characters. */
struct sl_line_shown sl_line_shown(const struct sl_scan_line *line);

/*
 * Of what is shown stay at most `most` bytes, some of them fewer to keep characters whole: those
 * around the first match, or the first ones if it has none. Returns 0 or a negative code.
 */
SL_SUSPENDS
int sl_line_narrow(
	const struct sl_scan_line *line, size_t most, struct sl_line_shown *shown) SL_MUST_CHECK;

/* Bytes of a line that are added at once; escaping makes them up to six times as many. A multiple
 * of 3 for base64. */
#define SL_LINE_PIECE (6 * SL_KIB)

/* Removes and returns the first SL_LINE_PIECE bytes, up to three fewer to keep a character
 * whole. */
struct sl_span sl_line_take_piece(struct sl_span *text);

/* Matches of a line that are located at a time. */
#define SL_LINE_MATCHES 64u

/* Iterates over the matches of a line. They are located some at a time: a line may have a million,
 * and finding one may take as long as the limits allow. */
struct sl_line_matches {
	const struct sl_scan_line *line;
	size_t from; /* where the next search begins */
	bool is_quick;
	struct sl_engine *engine; /* for its clock; set before a worker locates them */
	enum sl_verdict verdict; /* of the last search: not YES after the last match */
	struct sl_match_range found[SL_LINE_MATCHES];
	size_t count, next;
};

void sl_line_matches_begin(struct sl_line_matches *matches, const struct sl_scan_line *line);

/* The next match, in the line's text. Returns 1, 0 after the last, or a negative code. */
SL_SUSPENDS
int sl_line_matches_next(
	struct sl_line_matches *matches, struct sl_match_range *range) SL_MUST_CHECK;

#endif
