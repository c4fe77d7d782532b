/*
 * plain_check_int.h - checks that need no PCRE2: a literal, literals with what has to surround
 * them, the level of a line.
 */
#ifndef SLUICE_SCAN_PLAIN_CHECK_INT_H
#define SLUICE_SCAN_PLAIN_CHECK_INT_H

#include "pattern_int.h"

#include "sluice/match/matcher.h"

/* The leftmost match that begins at `from` or later; UNDECIDED if there is none, and what follows a
 * line that goes on may be one. Takes time linear in the line. */
enum sl_verdict sl_plain_check_find(const struct sl_pattern_check *check,
	const struct sl_subject *line, size_t from, struct sl_lexicon_place *place);

#endif
