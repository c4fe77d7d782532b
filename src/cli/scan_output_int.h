/*
 * scan_output_int.h - shared by scan_output.c (the sink, and what people read), scan_json.c, and
 * scan_line.c, on which both rest.
 */
#ifndef SLUICE_CLI_SCAN_OUTPUT_INT_H
#define SLUICE_CLI_SCAN_OUTPUT_INT_H

#include "sluice/cli/scan_output.h"

/* ---- scan_line.c ---- */

struct sl_span sl_scan_output_name(const struct sl_input *input);

/* Send what is pending. Returns as sl_output_send does. */
SL_SUSPENDS
int sl_scan_output_send(struct sl_scan_output *output) SL_MUST_CHECK;

/* The same if it fills a buffer: before a line is complete, since a line may be long, and longer
 * when it is escaped. */
SL_SUSPENDS
int sl_scan_output_make_room(struct sl_scan_output *output) SL_MUST_CHECK;

/* Bytes of a line that are added at once; escaping makes them up to six times as many. A multiple
 * of 3 for base64. */
#define SL_SCAN_TEXT_PIECE (6 * SL_KIB)

/* Removes and returns the first SL_SCAN_TEXT_PIECE bytes, up to three fewer to keep a character
 * whole. */
struct sl_span sl_scan_output_take_piece(struct sl_span *text);

/* What is shown of a line: all of it, or of a long one [begin, end) of its text. */
struct sl_scan_shown {
	size_t begin, end;
	uint64_t before, after; /* bytes of the line that are left out */
};

/* A part begins and ends with whole characters. */
struct sl_scan_shown sl_scan_output_shown(const struct sl_scan_line *line);

/* Matches of a line that are located at a time. */
#define SL_SCAN_MATCHES_LOCATED 64u

/* Iterates over the matches of a line. They are located some at a time: a line may have a million,
 * and finding one may take as long as the limits allow. */
struct sl_scan_matches {
	const struct sl_scan_line *line;
	size_t from; /* where the next search begins */
	bool is_quick;
	enum sl_verdict verdict; /* of the last search: not YES after the last match */
	struct sl_match_range found[SL_SCAN_MATCHES_LOCATED];
	size_t count, next;
};

void sl_scan_matches_begin(struct sl_scan_matches *matches, const struct sl_scan_line *line);

/* The next match, in the line's text. Returns 1, 0 after the last, or a negative code. */
SL_SUSPENDS
int sl_scan_matches_next(
	struct sl_scan_matches *matches, struct sl_match_range *range) SL_MUST_CHECK;

/* ---- scan_json.c ---- */

void sl_scan_json_begin(struct sl_scan_output *output, const struct sl_input *input);

/* Returns 0 or as sl_output_send does. */
SL_SUSPENDS
int sl_scan_json_match(struct sl_scan_output *output, const struct sl_input *input,
	const struct sl_scan_line *line) SL_MUST_CHECK;

void sl_scan_json_end(struct sl_scan_output *output, const struct sl_input *input,
	const struct sl_scan_result *result);

void sl_scan_json_summary(
	struct sl_scan_output *output, const struct sl_scan_summary *summary, uint64_t elapsed_ns);

#endif
