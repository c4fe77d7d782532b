/*
 * context_oracle.h - the lines of a text that are given with their context, chosen by a walk over
 * the whole. The lines that match are those with "ab".
 */
#ifndef TESTS_SUPPORT_CONTEXT_ORACLE_H
#define TESTS_SUPPORT_CONTEXT_ORACLE_H

#include "sluice/scan/context.h"

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

/* True if the line is the one that was chosen, with all of its text. */
bool context_oracle_is_line(
	const struct context_line *chosen, const char *text, const struct sl_partial_line *line);

#endif
