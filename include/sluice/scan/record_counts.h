/*
 * record_counts.h - the number of records that match in a part of an input, and how those of
 * neighbours become one. Pure.
 *
 * Counts form a monoid, as results of blocks do. Which lines of a part belong to a record before it
 * depends on the lines before, but only by the state of record.h: so there is a count for each
 * state, until lines have come after which all states are the same. Most lines are like that.
 */
#ifndef SLUICE_SCAN_RECORD_COUNTS_H
#define SLUICE_SCAN_RECORD_COUNTS_H

#include "sluice/logline/record.h"

#define SL_RECORD_STATES (SL_RECORD_IN_PANIC + 1u)

/* What lines are after those that left a state. */
struct sl_record_count {
	uint64_t hits;              /* records that begin and end inside, and match */
	enum sl_record_state state; /* after the last line */
	bool begins;                /* a record does, inside */
	bool head_hit;              /* of the lines before that, one matches */
	bool tail_hit;              /* of those of the last record, likewise, if one begins */
};

/* Call sl_record_counts_init first. */
struct sl_record_counts {
	struct sl_record_count after[SL_RECORD_STATES];
	bool is_same;                  /* what came last was the same for all states: */
	struct sl_record_count common; /* follows each of them */
};

/* Of no lines. */
void sl_record_counts_init(struct sl_record_counts *counts);

/* A line of `len` bytes follows; `text` is what is kept of it. */
void sl_record_counts_add(
	struct sl_record_counts *counts, struct sl_span text, uint64_t len, bool matches);

/* The lines that begin and end in the bytes follow. `marks`: a bit for each byte, set at the end of
 * those that match. */
void sl_record_counts_add_run(struct sl_record_counts *counts, const unsigned char *data,
	size_t len, const uint64_t *marks);

/* The lines of *right follow. */
void sl_record_counts_merge(struct sl_record_counts *left, const struct sl_record_counts *right);

/* Records that match, whatever the lines before and behind: those before it that are not known yet
 * are not counted. */
uint64_t sl_record_counts_sure(const struct sl_record_counts *counts);

/* Of a whole input: records that match. Its first line begins one. */
uint64_t sl_record_counts_finish(const struct sl_record_counts *counts);

#endif
