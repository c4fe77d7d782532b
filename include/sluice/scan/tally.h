/*
 * tally.h - how many lines each of the patterns matches. Pure.
 *
 * A line counts for each pattern that matches it. Lines are added one by one, those that match any
 * of the patterns: for each, it takes time that grows with its length and with the number of
 * expressions.
 */
#ifndef SLUICE_SCAN_TALLY_H
#define SLUICE_SCAN_TALLY_H

#include "sluice/scan/matcher.h"

/* Patterns that are more than strings; each has a matcher. */
#define SL_TALLY_EXPRESSIONS_MAX 1000u

struct sl_tally;

struct sl_tally_row {
	struct sl_span text; /* as it was given */
	uint64_t lines;
	uint64_t undecided; /* lines that it may match: a limit was reached, or only a part of the
			       line was there */
};

/*
 * The patterns of `spec`, whose texts must stay, or the default ones; a text with newlines is
 * several. Returns 0; SL_E_USAGE as sl_pattern_new does, or if there are more than
 * SL_TALLY_EXPRESSIONS_MAX expressions; SL_E_LIMIT if they take more than spec->memory_max;
 * -ENOMEM.
 */
int sl_tally_new(struct sl_tally **out, const struct sl_pattern_spec *spec,
	const struct sl_match_kernel *kernel, struct sl_error *err) SL_MUST_CHECK;

/* Bytes. */
uint64_t sl_tally_memory(const struct sl_tally *tally);

/* NULL is fine. */
void sl_tally_free(struct sl_tally *tally);

/* A row for each pattern, in the order in which they were given. */
const struct sl_tally_row *sl_tally_rows(const struct sl_tally *tally, size_t *count);

/*
 * Count a line. `is_part`: not all of it is there, so that a pattern that is not found is
 * undecided. With `is_quick`, false if it would take longer than some milliseconds: then nothing
 * was counted.
 */
bool sl_tally_add(
	struct sl_tally *tally, const struct sl_subject *line, bool is_part, bool is_quick);

#endif
