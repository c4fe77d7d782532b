/*
 * pattern_literals.h - literals of which one must stand in every line that a regular expression
 * matches, read from its text.
 *
 * Pure.
 */
#ifndef SLUICE_MATCH_PATTERN_LITERALS_H
#define SLUICE_MATCH_PATTERN_LITERALS_H

#include "sluice/match/literal_set.h"

enum sl_pattern_need {
	SL_PATTERN_NEEDS_NONE,    /* none are known */
	SL_PATTERN_NEEDS_LITERAL, /* a line that matches holds one of the set */
	SL_PATTERN_IS_LITERALS    /* and a line that holds one matches: the first in the set, if
				     several begin at one place */
};

/*
 * Of a valid expression, `is_utf` if it is matched by characters. *set is {0} before, and to be
 * released afterwards. Where the syntax leaves a doubt, or memory runs out, none are known.
 */
enum sl_pattern_need sl_pattern_read_literals(
	struct sl_span text, bool ignore_case, bool is_utf, struct sl_literal_set *set);

/*
 * Likewise: true if the lines that match are those that hold a literal of the set, or, where these
 * would be too many, what a sequence of classes matches (classes->len is not 0 then; *classes is
 * {0} before). Where in them a match begins and ends is not told: \d+ matches the lines that hold
 * a digit. No literal ends with a carriage return, which may not belong to a line.
 */
bool sl_pattern_read_deciding(struct sl_span text, bool ignore_case, bool is_utf,
	struct sl_literal_set *set, struct sl_match_classes *classes);

#endif
