/*
 * matcher_int.h - what a matcher has, for confirming (matcher.c) and locating (locate.c).
 */
#ifndef SLUICE_SCAN_MATCHER_INT_H
#define SLUICE_SCAN_MATCHER_INT_H

#include "searcher_int.h"

/* Where a plan or check matches next in the line that is being looked through. */
struct sl_matcher_next {
	bool is_known;
	enum sl_verdict verdict;
	struct sl_match_range range; /* if YES */
	uint32_t rank;               /* in the user's order */
};

struct sl_matcher {
	const struct sl_pattern *pattern;
	struct sl_searcher searcher;
	uint64_t *selected;  /* a bit for each check, if the pattern selects them */
	uint64_t unlevelled; /* lines without a level */

	/* The line that matches are looked for in: locate.c. Of each plan that decides, then of
	 * each check, what lies ahead. */
	struct sl_matcher_next *next;
	struct sl_subject line;
	struct sl_subject kept; /* what checks see of it */
	size_t from;            /* SIZE_MAX: what is remembered is of another line */
	uint64_t spent_ns;
	uint64_t searched;  /* bytes looked through for literals, of all lines */
	bool is_incomplete; /* an expression was undecided */
};

/* Set `selected` to the checks whose literals stand in the line. */
void sl_matcher_select(struct sl_matcher *matcher, const struct sl_subject *line);
bool sl_matcher_has_selected(const struct sl_matcher *matcher, size_t check);

/* What checks see of a line. */
struct sl_subject sl_subject_kept(const struct sl_subject *line);

#endif
