/*
 * context_oracle.h - the lines of a text that are given with their context, chosen by a walk over
 * the whole; and a walk over the text in pieces, to be compared with it. The lines that match are
 * those with "ab".
 */
#ifndef TESTS_SUPPORT_CONTEXT_ORACLE_H
#define TESTS_SUPPORT_CONTEXT_ORACLE_H

#include "sluice/scan/context.h"
#include "support/ab_pattern.h"

struct context_line {
	size_t off, len;
	uint64_t index;
	bool is_closed, is_context, begins_group;
};

struct context_oracle {
	struct sl_context_rule rule;
	bool inverts;       /* those that do not match are selected */
	uint64_t most_hits; /* of those that are selected the first are, at most */
};

/* Returns their number. `lines` has room for each line of the text. */
size_t context_oracle_choose(const struct context_oracle *oracle, const char *text, size_t len,
	struct context_line *lines);

/* The same by context.h, of pieces of `sizes`, which take turns; without sizes, of one. Does not
 * return if anything fails, a text is wrong, or the lines before a match take too much memory. */
size_t context_walk(const struct context_oracle *oracle, const struct ab_pattern *ab,
	const char *text, size_t len, const size_t *sizes, size_t size_count,
	struct context_line *lines);

bool context_is_same(
	const struct context_line *a, size_t a_count, const struct context_line *b, size_t b_count);

#endif
