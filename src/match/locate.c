/*
 * locate.c - where a line matches (sl_matcher_find). What each plan and check finds ahead is
 * remembered until the caller has passed it, so that all matches of a line are found in one pass of
 * each.
 */
#include "matcher_int.h"

#include "plain_check_int.h"

/* Checks whose literals do not stand in the line have no match in it. If it goes on, PCRE2 says
 * whether there may be one. */
static void
skip_unselected(struct sl_matcher *matcher)
{
	const struct sl_pattern *pattern = matcher->pattern;
	if (!pattern->selects || matcher->kept.goes_on)
		return;
	sl_matcher_select(matcher, &matcher->kept);
	for (size_t i = 0; i < pattern->check_count; i++) {
		if (!sl_matcher_has_selected(matcher, i))
			matcher->next[pattern->placed_count + i] =
				(struct sl_matcher_next){ .is_known = true,
					.verdict = SL_VERDICT_NO };
	}
}

/* What was found before `from` is dropped, what was found behind it is kept: otherwise two
 * expressions, or two plans, would cost the square of the line. */
static void
drop_passed(struct sl_matcher *matcher, const struct sl_subject *line, size_t from)
{
	const struct sl_pattern *pattern = matcher->pattern;
	size_t plans = pattern->placed_count;
	bool is_other = from == 0 || line->text != matcher->line.text ||
			line->len != matcher->line.len || line->goes_on != matcher->line.goes_on ||
			from < matcher->from;
	for (size_t i = 0; i < sl_pattern_places(pattern); i++) {
		struct sl_matcher_next *next = &matcher->next[i];
		bool has_passed = next->verdict == SL_VERDICT_YES && next->range.start < from;
		bool moves = i >= plans && pattern->checks[i - plans].has_anchor_g;
		if (is_other || has_passed || moves)
			next->is_known = false;
	}
	if (is_other) {
		matcher->spent_ns = 0;
		matcher->is_incomplete = false;
		sl_searcher_begin_line(&matcher->searcher);
		matcher->kept = sl_subject_kept(line);
		skip_unselected(matcher);
	}
	matcher->line = *line;
	matcher->from = from;
}

static void
find_expression(struct sl_matcher *matcher, const struct sl_pattern_check *check, size_t from,
	struct sl_matcher_next *next, struct sl_search_budget *budget)
{
	next->verdict = sl_searcher_find(
		&matcher->searcher, check, &matcher->kept, from, budget, &next->range);
	next->is_known = next->verdict != SL_VERDICT_UNDECIDED || !budget->is_quick;
	/* \K in a lookahead can put the end before the begin. */
	if (next->verdict == SL_VERDICT_YES && next->range.begin > next->range.end) {
		next->verdict = SL_VERDICT_NO;
		next->is_known = false;
	}
}

static void
find_check(struct sl_matcher *matcher, const struct sl_pattern_check *check, size_t from,
	struct sl_matcher_next *next, struct sl_search_budget *budget)
{
	const struct sl_subject *line = &matcher->kept;
	next->rank = check->rank;
	next->is_known = true;
	next->verdict = SL_VERDICT_NO;
	if (check->code && from <= line->len)
		find_expression(matcher, check, from, next, budget);
	if (check->code)
		return;
	struct sl_lexicon_place place;
	if (sl_plain_check_find(check, line, from, &place) != SL_VERDICT_YES)
		return;
	next->verdict = SL_VERDICT_YES;
	next->rank = place.rank;
	next->range = (struct sl_match_range){ place.begin, place.end, place.begin };
}

static void
find_literal(struct sl_matcher *matcher, const struct sl_match_plan *plan, size_t from,
	struct sl_matcher_next *next)
{
	const struct sl_subject *line = &matcher->line;
	bool found = sl_match_find_one(plan, line->text, line->len, from, &next->range.begin,
		&next->range.end, &next->rank);
	next->verdict = found ? SL_VERDICT_YES : SL_VERDICT_NO;
	next->range.start = next->range.begin;
	next->is_known = true;
	matcher->searched += (found ? next->range.begin + 1 : line->len) - from;
}

/* As alternatives of one expression are: where a match is found decides, not where \K puts it. */
static bool
is_before(const struct sl_matcher_next *a, const struct sl_matcher_next *b)
{
	if (a->range.start != b->range.start)
		return a->range.start < b->range.start;
	return a->rank < b->rank;
}

/* Of a single plan nothing lies ahead that would have to be remembered: the next search begins
 * where the match ends. */
static enum sl_verdict
find_alone(struct sl_matcher *matcher, const struct sl_subject *line, size_t from,
	struct sl_match_range *range)
{
	struct sl_matcher_next next;
	matcher->line = *line;
	find_literal(matcher, &matcher->pattern->plans.items[0], from, &next);
	if (next.verdict == SL_VERDICT_YES)
		*range = next.range;
	return next.verdict;
}

enum sl_verdict
sl_matcher_find(struct sl_matcher *matcher, const struct sl_subject *line, size_t from,
	bool is_quick, struct sl_match_range *range)
{
	const struct sl_pattern *pattern = matcher->pattern;
	size_t plans = pattern->placed_count;
	const struct sl_matcher_next *best = NULL;
	if (from > line->len)
		return matcher->is_incomplete ? SL_VERDICT_UNDECIDED : SL_VERDICT_NO;
	if (plans == 1 && sl_pattern_places(pattern) == 1)
		return find_alone(matcher, line, from, range);
	drop_passed(matcher, line, from);
	struct sl_search_budget budget = { .spent_ns = matcher->spent_ns, .is_quick = is_quick };
	bool is_timed = pattern->has_expressions && line->len > SL_SEARCHER_SHORT;
	if (is_timed && matcher->spent_ns > SL_PATTERN_LINE_NS)
		return SL_VERDICT_UNDECIDED;
	if (is_timed)
		budget.begun_ns = sl_searcher_now(&matcher->searcher);
	for (size_t i = 0; i < sl_pattern_places(pattern); i++) {
		struct sl_matcher_next *next = &matcher->next[i];
		if (!next->is_known && i < plans)
			find_literal(matcher, &pattern->plans.items[i], from, next);
		else if (!next->is_known)
			find_check(matcher, &pattern->checks[i - plans], from, next, &budget);
		if (next->verdict == SL_VERDICT_UNDECIDED && is_quick)
			return SL_VERDICT_UNDECIDED;
		if (next->verdict == SL_VERDICT_UNDECIDED)
			matcher->is_incomplete = true;
		else if (next->verdict == SL_VERDICT_YES && (!best || is_before(next, best)))
			best = next;
	}
	matcher->spent_ns = sl_searcher_spent(&matcher->searcher, &budget);
	if (!best)
		return matcher->is_incomplete ? SL_VERDICT_UNDECIDED : SL_VERDICT_NO;
	*range = best->range;
	return SL_VERDICT_YES;
}
