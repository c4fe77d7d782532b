/*
 * matcher.c - whether a candidate line matches: asks the checks of a pattern about it, only those
 * whose literals stand in the line if there are several.
 */
#include "matcher_int.h"

#include "plain_check_int.h"

#include <errno.h>
#include <stdlib.h>

static size_t
selected_words(const struct sl_pattern *pattern)
{
	return pattern->check_count / 64 + 1;
}

int
sl_matcher_new(struct sl_matcher **out, const struct sl_pattern *pattern)
{
	*out = NULL;
	struct sl_matcher *matcher = calloc(1, sizeof(*matcher));
	if (!matcher)
		return -ENOMEM;
	matcher->pattern = pattern;
	matcher->next = calloc(sl_pattern_places(pattern) + 1, sizeof(*matcher->next));
	matcher->selected = calloc(selected_words(pattern), sizeof(*matcher->selected));
	bool is_whole = matcher->next && matcher->selected;
	if (!is_whole || sl_searcher_init(&matcher->searcher, pattern)) {
		sl_matcher_free(matcher);
		return -ENOMEM;
	}
	*out = matcher;
	return 0;
}

void
sl_matcher_free(struct sl_matcher *matcher)
{
	if (!matcher)
		return;
	free(matcher->next);
	free(matcher->selected);
	sl_searcher_release(&matcher->searcher);
	free(matcher);
}

void
sl_matcher_share_stack(struct sl_matcher *matcher, const struct sl_matcher *owner)
{
	sl_searcher_share_stack(&matcher->searcher, &owner->searcher);
}

void
sl_matcher_set_clock(struct sl_matcher *matcher, uint64_t (*clock_ns)(void *), void *clock)
{
	matcher->searcher.clock_ns = clock_ns;
	matcher->searcher.clock = clock;
}

uint64_t
sl_matcher_take_unlevelled(struct sl_matcher *matcher)
{
	uint64_t count = matcher->unlevelled;
	matcher->unlevelled = 0;
	return count;
}

uint64_t
sl_matcher_searched(const struct sl_matcher *matcher)
{
	return matcher->searched;
}

void
sl_matcher_select(struct sl_matcher *matcher, const struct sl_subject *line)
{
	const struct sl_pattern *pattern = matcher->pattern;
	if (!pattern->selects)
		return;
	memset(matcher->selected, 0, selected_words(pattern) * sizeof(*matcher->selected));
	for (size_t i = pattern->deciding_count; i < pattern->plans.count; i++)
		sl_match_ranks(&pattern->plans.items[i], line->text, line->len, matcher->selected);
}

bool
sl_matcher_has_selected(const struct sl_matcher *matcher, size_t check)
{
	return !matcher->pattern->selects || matcher->selected[check / 64] >> (check % 64) & 1;
}

struct sl_subject
sl_subject_kept(const struct sl_subject *line)
{
	struct sl_subject kept = *line;
	if (kept.len > SL_PATTERN_LINE_MAX) {
		kept.len = SL_PATTERN_LINE_MAX;
		kept.goes_on = true;
	}
	/* A character that is cut off is not invalid UTF-8. */
	for (size_t back = 1; kept.goes_on && back <= 3 && back <= kept.len; back++) {
		unsigned char c = kept.text[kept.len - back];
		size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
		if ((c & 0xc0) == 0x80)
			continue;
		if (need > back)
			kept.len -= back;
		break;
	}
	return kept;
}

/* Nearly all lines are short and decided by one call of PCRE2, and there are millions of them.
 * False if it takes more than that. */
static bool
check_short_line(
	struct sl_matcher *matcher, const struct sl_subject *line, enum sl_verdict *verdict)
{
	const struct sl_pattern *pattern = matcher->pattern;
	if (line->len > SL_SEARCHER_SHORT || line->goes_on)
		return false;
	sl_searcher_begin_short(&matcher->searcher);
	*verdict = SL_VERDICT_YES;
	if (pattern->joined) {
		int found = sl_searcher_match_joined(&matcher->searcher, pattern->joined, line);
		if (found >= 0)
			return true;
		if (found != PCRE2_ERROR_NOMATCH)
			return false;
	}
	sl_matcher_select(matcher, line);
	for (size_t i = 0; i < pattern->check_count; i++) {
		const struct sl_pattern_check *check = &pattern->checks[i];
		if (check->is_joined || !sl_matcher_has_selected(matcher, i))
			continue;
		if (!check->code) {
			struct sl_lexicon_place place;
			if (sl_plain_check_find(check, line, 0, &place) == SL_VERDICT_YES)
				return true;
			continue;
		}
		if (check->any)
			return false;
		int found = sl_searcher_match_short(&matcher->searcher, check, line);
		if (found >= 0)
			return true;
		if (found != PCRE2_ERROR_NOMATCH)
			return false;
	}
	*verdict = SL_VERDICT_NO;
	return true;
}

static enum sl_verdict
check_line(struct sl_matcher *matcher, const struct sl_pattern_check *check,
	const struct sl_subject *line, struct sl_search_budget *budget)
{
	struct sl_lexicon_place place;
	if (!check->code)
		return sl_plain_check_find(check, line, 0, &place);
	return sl_searcher_confirm(&matcher->searcher, check, line, budget);
}

/* Whatever follows behind a cut: a level is in the first bytes. */
static enum sl_verdict
confirm_level(struct sl_matcher *matcher, const struct sl_subject *line)
{
	enum sl_level level = sl_level_find(sl_span((const char *)line->text, line->len)).level;
	matcher->unlevelled += level == SL_LEVEL_NONE;
	return level >= matcher->pattern->level ? SL_VERDICT_YES : SL_VERDICT_NO;
}

enum sl_verdict
sl_matcher_confirm(struct sl_matcher *matcher, const struct sl_subject *line, bool *took_long)
{
	const struct sl_pattern *pattern = matcher->pattern;
	struct sl_search_budget budget = { 0 };
	enum sl_verdict verdict;
	matcher->from = SIZE_MAX; /* what is remembered for locating is of another line */
	if (pattern->level)
		return confirm_level(matcher, line);
	if (check_short_line(matcher, line, &verdict))
		return verdict;
	struct sl_subject kept = sl_subject_kept(line);
	verdict = SL_VERDICT_NO;
	sl_searcher_begin_line(&matcher->searcher);
	sl_matcher_select(matcher, &kept);
	for (size_t i = 0; i < pattern->check_count && verdict != SL_VERDICT_YES; i++) {
		enum sl_verdict one = kept.goes_on ? SL_VERDICT_UNDECIDED : SL_VERDICT_NO;
		if (sl_matcher_has_selected(matcher, i))
			one = check_line(matcher, &pattern->checks[i], &kept, &budget);
		verdict = one == SL_VERDICT_NO ? verdict : one;
	}
	*took_long = *took_long || budget.took_long;
	return verdict;
}
