/*
 * sequence.h - the lines that are given of an input whose runs come in order: those that match,
 * records, or either of a period. Pure.
 *
 * What needs the lines before it cannot be given of runs that come in any order: whether a line
 * without a stamp is in a period, and whether a record is selected, which a line far behind its
 * beginning may decide. Lines, records and totals are those of a scan of the whole, wherever it was
 * cut.
 *
 * For each run sl_sequence_head, sl_sequence_begin and sl_sequence_tail, the first two followed by
 * sl_sequence_next until there is no more; at last sl_sequence_end, followed likewise.
 */
#ifndef SLUICE_SCAN_SEQUENCE_H
#define SLUICE_SCAN_SEQUENCE_H

#include "sluice/scan/join.h"
#include "sluice/scan/records.h"

struct sl_sequence_rule {
	const struct sl_pattern *pattern;
	struct sl_matcher *matcher;     /* used by one thread at a time */
	const struct sl_period *period; /* NULL = all lines */
	bool wants_lines;               /* else they are only counted */
	bool records;                   /* are selected, not lines */
	size_t held_bytes; /* of lines of records that were not selected yet, if lines are wanted */
};

/* In its owner's memory; `hits`, `given_end` and `wide` are others' to read. */
struct sl_sequence {
	struct sl_sequence_rule rule;
	struct sl_join join;
	struct sl_context context;
	struct sl_records records;
	uint64_t given_end;  /* behind the last line that was given */
	struct sl_wide wide; /* of all runs */
	bool is_ending;      /* the last line has come */
	uint64_t hits; /* lines or records that were selected; with a rule that gives either */
};

/* The run of bytes that comes next. */
struct sl_sequence_run {
	struct sl_partial_run piece; /* with unknown_end */
	uint64_t *marks, *within;    /* `within` if a period is wanted; some may be cleared */
	struct sl_wide wide;
};

void sl_sequence_init(struct sl_sequence *sequence, const struct sl_sequence_rule *rule);
void sl_sequence_release(struct sl_sequence *sequence);

/* Its next call of sl_sequence_head, _tail and _end (run = NULL) may take as long as scanning a
 * run: on a worker, then. */
bool sl_sequence_head_is_costly(
	const struct sl_sequence *sequence, const struct sl_sequence_run *run);
bool sl_sequence_tail_is_costly(
	const struct sl_sequence *sequence, const struct sl_sequence_run *run);

/* The line that ends in the run and begins before it. Returns 0 or -ENOMEM, as the others. */
int sl_sequence_head(struct sl_sequence *sequence, struct sl_sequence_run *run) SL_MUST_CHECK;

/* The lines that begin and end in the run. */
void sl_sequence_begin(struct sl_sequence *sequence, struct sl_sequence_run *run);

/* The line that ends behind the run. */
int sl_sequence_tail(struct sl_sequence *sequence, const struct sl_sequence_run *run) SL_MUST_CHECK;

/* The input is over: its last line. */
int sl_sequence_end(struct sl_sequence *sequence) SL_MUST_CHECK;

/* The next line that is given; with is_context one of a selected record that does not match.
 * Returns 1; 0 if there is none before the next of the calls above; -ENOMEM. */
int sl_sequence_next(struct sl_sequence *sequence, struct sl_partial_line *line) SL_MUST_CHECK;

/* After sl_sequence_end, when no line is left. */
struct sl_block_totals sl_sequence_totals(const struct sl_sequence *sequence);

/* Lines of selected records that were not given: there were too many before the first match. */
uint64_t sl_sequence_left_out(const struct sl_sequence *sequence);

/* Bytes of memory for text. */
uint64_t sl_sequence_text(const struct sl_sequence *sequence);

#endif
