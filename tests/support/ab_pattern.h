/*
 * ab_pattern.h - the pattern of tests of lines around matches and of records: `ab`, as a literal,
 * or as an expression that has to confirm each line.
 */
#ifndef TESTS_SUPPORT_AB_PATTERN_H
#define TESTS_SUPPORT_AB_PATTERN_H

#include "sluice/match/matcher.h"
#include "sluice/match/pattern.h"

struct ab_pattern {
	struct sl_pattern *pattern;
	struct sl_matcher *matcher;
};

/* `inverts`: lines without a match are selected. Does not return if that fails. */
void ab_pattern_init(struct ab_pattern *ab, bool inverts, bool confirms);
void ab_pattern_release(struct ab_pattern *ab);

#endif
