/*
 * records_oracle.h - the lines of a text that are given where records are selected, chosen by a
 * walk over the whole; and a walk over the text in pieces, to be compared with it. The lines that
 * match are those with "ab"; those with a '~' are outside a period.
 */
#ifndef TESTS_SUPPORT_RECORDS_ORACLE_H
#define TESTS_SUPPORT_RECORDS_ORACLE_H

#include "sluice/scan/join.h"
#include "sluice/scan/records.h"

struct records_line {
	size_t off, len;
	uint64_t index, record;
	bool is_closed, is_context, begins_group, begins_record, is_outside;
};

struct records_oracle {
	struct sl_records_rule rule;
	uint64_t most; /* records that are selected */
};

/* What is chosen. `lines` has room for each line of the text. */
struct records_choice {
	struct records_line *lines;
	size_t count;
	uint64_t selected; /* records */
};

/* Without regard to held_bytes. */
void records_oracle_choose(const struct records_oracle *oracle, const char *text, size_t len,
	struct records_choice *choice);

/* The same by records.h, of pieces of `sizes`, which take turns. Returns the number of lines that
 * were left out. Does not return if anything fails, or a text is wrong. */
uint64_t records_walk(const struct records_oracle *oracle, const struct sl_pattern *pattern,
	struct sl_matcher *matcher, const char *text, size_t len, const size_t *sizes,
	size_t size_count, struct records_choice *choice);

bool records_is_same(const struct records_choice *a, const struct records_choice *b);

#endif
