/*
 * pattern_parts.h - what the user's patterns consist of: literals that decide about a line, and
 * expressions with the literals that they need.
 *
 * Pure. Texts are the user's, or in the parts' own memory.
 */
#ifndef SLUICE_MATCH_PATTERN_PARTS_H
#define SLUICE_MATCH_PATTERN_PARTS_H

#include "sluice/match/pattern.h"

/* Expressions whose lines literals tell, at most: each has a plan of its own. */
#define SL_PATTERN_PLACING_MAX 4u

/* Patterns, or literals of them: their texts are the user's, or in parts.bytes. */
struct sl_pattern_list {
	struct sl_match_literal *items;
	size_t count, cap;
};

/* Literals that an expression needs: their ranks are the expression's place in its list. */
struct sl_pattern_needs {
	struct sl_pattern_list list;
	struct sl_buf bytes; /* of the literals, one after the other */
};

struct sl_pattern_parts {
	struct sl_pattern_list literals, expressions;
	struct sl_pattern_list verified; /* expressions that are literals only, if they are valid */

	/* Expressions of which a few literals, or a sequence of classes, tell which lines match,
	 * but not where; and those. */
	struct sl_pattern_list placing;
	struct sl_pattern_needs lines;
	struct sl_match_classes sequences[SL_PATTERN_PLACING_MAX];
	size_t sequence_count;

	struct sl_buf bytes;            /* of the literals, one after the other */
	uint32_t count;                 /* of literals and expressions */
	struct sl_pattern_needs needs;  /* with the user's case, which may be ignored */
	struct sl_pattern_needs folded; /* in any case */
	bool needs_nothing; /* an expression needs no literal: every line is a candidate */
};

/* Append to a list, which is {0} at first. False if memory ran out. */
bool sl_pattern_list_add(struct sl_pattern_list *list, struct sl_span text, uint32_t rank);

/* As grep: each line of a pattern is a pattern. False if memory ran out. */
bool sl_pattern_split(struct sl_pattern_list *texts, struct sl_span text);

/* *parts is {0} before, and to be released afterwards. Returns 0 or -ENOMEM. */
int sl_pattern_take_apart(struct sl_pattern_parts *parts, const struct sl_pattern_list *texts,
	const struct sl_pattern_spec *spec) SL_MUST_CHECK;

void sl_pattern_parts_release(struct sl_pattern_parts *parts);

#endif
