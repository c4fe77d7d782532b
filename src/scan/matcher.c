/*
 * matcher.c - whether a candidate line matches, and where a line does.
 *
 * One expression on one line (search):
 *
 *     slice = positions where a match may begin, few if the line is long
 *     limit = steps of PCRE2 at each position, few if the line is long
 *     at each slice, from left to right:
 *         ask PCRE2 for a match that begins in the slice     (pcre2_set_offset_limit)
 *         found:            yes
 *         step limit:       once more with ten times the limit, up to SL_PATTERN_MATCH_LIMIT
 *         other limits:     undecided
 *         time is up:       undecided
 *     no
 *
 * Why: PCRE2's step limit starts again at each position, and a step may cost as much as the line is
 * long, since a repeat of one character is one step. Two lookaheads on 700,000 letters cost the
 * square of that and never reach it. Between two looks at the clock there is at most one slice,
 * some 4 million steps of the cheap kind; lines up to 4 KiB, which are nearly all, are one slice
 * and cost no look. Slices grow while they are quick, since each call has its fixed costs, and
 * never far: what is quick at one end of a line may not be so at the other. Automatic callouts
 * would count exactly, but are called at each item of the pattern: measured on 6 MB of logs, 2.3
 * times the CPU time for \bsshd\b.*fail, 3.5 for [Ee]rror|[Ff]ailed, 13 for (\w+) error.
 *
 * A verb such as (*SKIP) decides where the search goes on, so that a slice would find what the
 * whole does not. Expressions with one begin with a callout instead, which is called at each
 * position and looks at the clock once in as many of them as a slice has.
 *
 * The clock is the thread's CPU time: how busy the machine is must not decide about a line.
 */
#include "pattern_int.h"

#include "sluice/base/clock.h"
#include "sluice/base/text.h"

#include <errno.h>
#include <stdlib.h>

/* Enough for a pattern without deep recursion; the stack grows to SL_PATTERN_JIT_STACK from
 * here. */
#define JIT_STACK_START (32u * 1024u)

/* A first slice has so many positions times bytes of the line: some milliseconds of a scan from
 * each position to the end. */
#define SLICE_COST (16u * 1024u * 1024u)
#define SLICE_MIN 64u
#define SLICE_GROWTH 16u          /* times its first size, at most */
#define SLICE_QUICK_NS 1000000ull /* slices that take less grow */

/* A line that is one slice. */
#define SHORT_LINE 4096u

/* Of a first attempt: steps at one position, times bytes of the line beyond SHORT_LINE. */
#define FIRST_LIMIT 10000u
#define FIRST_LIMIT_MIN 100u
#define LIMIT_GROWTH 10u

/* The time that one line may take, and has taken. */
struct budget {
	uint64_t begun_ns; /* 0: not looked yet */
	uint64_t spent_ns; /* before */
	bool is_quick;     /* nothing but one slice */
	bool took_long;    /* it was more than one slice */
};

/* Where a plan or check matches next in the line that is being looked through. */
struct next_match {
	bool is_known;
	enum sl_verdict verdict;
	struct sl_match_range range; /* if YES */
	uint32_t rank;               /* in the user's order */
};

struct sl_matcher {
	const struct sl_pattern *pattern;
	pcre2_match_data *found;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	uint32_t limit;    /* that the context has */
	size_t last_begin; /* likewise */
	uint64_t (*cpu_ns)(void);

	/* Of a search that callouts watch: NULL if it needs none, or is not one. */
	struct budget *watched;
	size_t calls, calls_a_look;

	/* The line that matches are looked for in. */
	struct next_match
		*next; /* of each plan that decides, then of each check: what lies ahead */
	struct sl_subject line;
	struct sl_subject kept; /* what checks see of it */
	size_t from;
	uint64_t spent_ns;
	uint64_t searched;  /* bytes looked through for literals, of all lines */
	uint64_t *selected; /* a bit for each check, if the pattern selects them */
	bool is_utf8, is_utf8_known;
	bool is_incomplete; /* an expression was undecided */

	uint64_t unlevelled; /* lines without a level */
};

static uint64_t
spent(const struct sl_matcher *matcher, const struct budget *budget)
{
	return budget->spent_ns + (budget->begun_ns ? matcher->cpu_ns() - budget->begun_ns : 0);
}

/* Called by PCRE2 at each position where a match may begin, and by callouts in the pattern. */
static int
look_at_clock(pcre2_callout_block *block, void *arg)
{
	struct sl_matcher *matcher = arg;
	struct budget *budget = matcher->watched;
	(void)block;
	if (!budget || ++matcher->calls < matcher->calls_a_look)
		return 0;
	matcher->calls = 0;
	if (budget->is_quick)
		return PCRE2_ERROR_CALLOUT;
	if (!budget->begun_ns)
		budget->begun_ns = matcher->cpu_ns();
	budget->took_long = true;
	return spent(matcher, budget) > SL_PATTERN_LINE_NS ? PCRE2_ERROR_CALLOUT : 0;
}

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
	matcher->cpu_ns = sl_clock_thread_cpu_ns;
	size_t count = pattern->deciding_count + pattern->check_count;
	matcher->next = calloc(SL_MAX(count, (size_t)1), sizeof(*matcher->next));
	matcher->selected = calloc(selected_words(pattern), sizeof(*matcher->selected));
	bool is_whole = matcher->next && matcher->selected;
	if (is_whole && pattern->has_expressions) {
		matcher->found = pcre2_match_data_create(1, NULL);
		matcher->context = pcre2_match_context_create(NULL);
		matcher->stack =
			pcre2_jit_stack_create(JIT_STACK_START, SL_PATTERN_JIT_STACK, NULL);
		is_whole =
			matcher->found && matcher->context && (matcher->stack || !pattern->has_jit);
	}
	if (!is_whole) {
		sl_matcher_free(matcher);
		return -ENOMEM;
	}
	if (matcher->context) {
		pcre2_set_depth_limit(matcher->context, SL_PATTERN_MATCH_LIMIT);
		matcher->last_begin = PCRE2_UNSET;
		pcre2_set_heap_limit(matcher->context, SL_PATTERN_HEAP_LIMIT_KIB);
		pcre2_jit_stack_assign(matcher->context, NULL, matcher->stack);
		(void)pcre2_set_callout(matcher->context, look_at_clock, matcher);
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
	pcre2_match_data_free(matcher->found);
	pcre2_match_context_free(matcher->context);
	pcre2_jit_stack_free(matcher->stack);
	free(matcher);
}

void
sl_matcher_share_stack(struct sl_matcher *matcher, const struct sl_matcher *owner)
{
	if (!matcher->stack || !owner->stack)
		return;
	pcre2_jit_stack_free(matcher->stack);
	matcher->stack = NULL;
	pcre2_jit_stack_assign(matcher->context, NULL, owner->stack);
}

void
sl_matcher_set_clock(struct sl_matcher *matcher, uint64_t (*cpu_ns)(void))
{
	matcher->cpu_ns = cpu_ns;
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

/* ---- one expression ---- */

static bool
begins_character(const struct sl_subject *line, size_t at)
{
	return at >= line->len || (line->text[at] & 0xc0) != 0x80;
}

/* The compiled form for this line. */
static const pcre2_code *
code_for(struct sl_matcher *matcher, const struct sl_pattern_check *check,
	const struct sl_subject *line)
{
	if (!check->any)
		return check->code;
	if (!matcher->is_utf8_known) {
		matcher->is_utf8 = sl_text_is_utf8(sl_span((const char *)line->text, line->len));
		matcher->is_utf8_known = true;
	}
	return matcher->is_utf8 ? check->code : check->any;
}

static void
set_limits(struct sl_matcher *matcher, uint32_t steps, size_t last_begin)
{
	if (matcher->limit != steps)
		pcre2_set_match_limit(matcher->context, steps);
	if (matcher->last_begin != last_begin)
		pcre2_set_offset_limit(matcher->context, last_begin);
	matcher->limit = steps;
	matcher->last_begin = last_begin;
}

/* One expression; see the head of this file. Matches found are in matcher->found. */
struct search {
	const pcre2_code *code;
	const struct sl_subject *line;
	uint32_t options;
	size_t at, slice, slice_max;
	uint32_t limit;
	uint64_t last_clock_ns; /* spent at the last look */
	bool is_one_slice, is_watched;
	bool is_utf;
};

static struct search
begin_search(struct sl_matcher *matcher, const struct sl_pattern_check *check,
	const struct sl_subject *line, size_t from, uint32_t options)
{
	struct search search = { .line = line, .options = options, .at = from };
	search.code = code_for(matcher, check, line);
	search.is_utf = check->any != NULL;
	while (search.is_utf && search.at && !begins_character(line, search.at))
		search.at++;
	if (search.code == check->code)
		search.options |= PCRE2_NO_UTF_CHECK;
	size_t rest = line->len - search.at;
	/* \G is where the search begins: it must not move. */
	search.is_one_slice = rest <= SHORT_LINE || check->has_anchor_g || check->moves_search;
	search.is_watched = rest > SHORT_LINE && check->moves_search;
	search.limit = FIRST_LIMIT;
	if (rest <= SHORT_LINE)
		return search;
	search.slice = SL_MAX(SLICE_COST / SL_MAX(rest, (size_t)1), (size_t)SLICE_MIN);
	search.slice_max = search.slice * SLICE_GROWTH;
	size_t share = SL_MAX(rest / SHORT_LINE, (size_t)1);
	search.limit = (uint32_t)SL_MAX(FIRST_LIMIT / share, (size_t)FIRST_LIMIT_MIN);
	return search;
}

/* One call of PCRE2. */
static int
match_slice(struct sl_matcher *matcher, const struct search *search, struct budget *budget)
{
	size_t rest = search->line->len - search->at;
	bool is_last = search->is_one_slice || search->slice > rest;
	set_limits(matcher, search->limit, is_last ? PCRE2_UNSET : search->at + search->slice - 1);
	matcher->watched = search->is_watched ? budget : NULL;
	matcher->calls = 0;
	matcher->calls_a_look = search->slice;
	int code = pcre2_match(search->code, search->line->text, search->line->len, search->at,
		search->options, matcher->found, matcher->context);
	matcher->watched = NULL;
	return code;
}

/* The next slice; false after the last. */
static bool
next_slice(struct sl_matcher *matcher, struct search *search, const struct budget *budget)
{
	if (search->is_one_slice || search->slice > search->line->len - search->at)
		return false;
	search->at += search->slice;
	while (search->is_utf && !begins_character(search->line, search->at))
		search->at++;
	uint64_t now_ns = spent(matcher, budget);
	bool is_quick = now_ns - search->last_clock_ns < SLICE_QUICK_NS;
	search->last_clock_ns = now_ns;
	search->slice = is_quick ? SL_MIN(search->slice * 2, search->slice_max)
				 : SL_MAX(search->slice / 2, (size_t)SLICE_MIN);
	return true;
}

/* After the limit of steps: more of them, if there is time for what ten times as many may take. */
static bool
raise_limit(struct sl_matcher *matcher, struct search *search, const struct budget *budget)
{
	if (search->limit >= SL_PATTERN_MATCH_LIMIT)
		return false;
	uint64_t now_ns = spent(matcher, budget), last_ns = now_ns - search->last_clock_ns;
	if (now_ns + LIMIT_GROWTH * last_ns > SL_PATTERN_LINE_NS && search->last_clock_ns)
		return false;
	search->last_clock_ns = now_ns;
	search->limit = SL_MIN(search->limit * LIMIT_GROWTH, SL_PATTERN_MATCH_LIMIT);
	return true;
}

static enum sl_verdict
run_search(struct sl_matcher *matcher, struct search *search, struct budget *budget)
{
	for (;;) {
		int code = match_slice(matcher, search, budget);
		if (code >= 0)
			return SL_VERDICT_YES;
		if (code != PCRE2_ERROR_NOMATCH && code != PCRE2_ERROR_MATCHLIMIT)
			return SL_VERDICT_UNDECIDED;
		bool is_limit = code == PCRE2_ERROR_MATCHLIMIT;
		bool is_last =
			search->is_one_slice || search->slice > search->line->len - search->at;
		if (!is_limit && is_last)
			return SL_VERDICT_NO;
		if (budget->is_quick)
			return SL_VERDICT_UNDECIDED;
		if (!budget->begun_ns)
			budget->begun_ns = matcher->cpu_ns();
		budget->took_long = true;
		if (is_limit ? !raise_limit(matcher, search, budget)
			     : !next_slice(matcher, search, budget))
			return SL_VERDICT_UNDECIDED;
		if (spent(matcher, budget) > SL_PATTERN_LINE_NS)
			return SL_VERDICT_UNDECIDED;
	}
}

/* ---- lines ---- */

/*
 * Is a match in the known part of a line a match whatever follows? It was found without reading
 * text behind its end, unless the expression has a lookahead; and an assertion about the end of the
 * text was true only if the text ended there. Where that is not enough, PCRE2 decides: a hard
 * partial match needs text past the end, and a match without it is certain.
 */
static enum sl_verdict
search_begin(struct sl_matcher *matcher, const struct sl_pattern_check *check,
	const struct sl_subject *line, struct budget *budget)
{
	if (!check->has_lookahead) {
		struct search first = begin_search(matcher, check, line, 0, 0);
		if (run_search(matcher, &first, budget) != SL_VERDICT_YES)
			return SL_VERDICT_UNDECIDED;
		size_t end = pcre2_get_ovector_pointer(matcher->found)[1];
		if (!check->depends_on_end || end < line->len)
			return SL_VERDICT_YES;
	}
	struct search sure = begin_search(matcher, check, line, 0, PCRE2_PARTIAL_HARD);
	bool is_sure = run_search(matcher, &sure, budget) == SL_VERDICT_YES;
	return is_sure ? SL_VERDICT_YES : SL_VERDICT_UNDECIDED;
}

/* What checks see of a line. */
static struct sl_subject
kept_of(const struct sl_subject *line)
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

static struct sl_span
span_of(const struct sl_subject *line)
{
	return sl_span((const char *)line->text, line->len);
}

/* The word that makes the level. */
static enum sl_verdict
find_level(const struct sl_pattern_check *check, const struct sl_subject *line, size_t from,
	struct sl_lexicon_place *place)
{
	struct sl_level_found found = sl_level_find(span_of(line));
	if (found.level < check->level || found.begin < from)
		return SL_VERDICT_NO;
	*place = (struct sl_lexicon_place){ found.begin, found.end, check->rank };
	return SL_VERDICT_YES;
}

/* A check without PCRE2: where a literal stands. Linear in the line. */
static enum sl_verdict
find_plain(const struct sl_pattern_check *check, const struct sl_subject *line, size_t from,
	struct sl_lexicon_place *place)
{
	bool is_open = false;
	if (from > line->len)
		return SL_VERDICT_NO;
	if (check->level)
		return find_level(check, line, from, place);
	if (check->lexicon) {
		if (sl_lexicon_find(check->lexicon, line->text, line->len, line->goes_on, from,
			    place, &is_open))
			return SL_VERDICT_YES;
		bool is_bound = check->lexicon->bounds == SL_BOUNDS_LINE;
		bool may_follow = is_bound ? is_open : line->goes_on;
		return may_follow ? SL_VERDICT_UNDECIDED : SL_VERDICT_NO;
	}
	const struct sl_span *literal = &check->literal;
	const unsigned char *at =
		memmem(line->text + from, line->len - from, literal->data, literal->len);
	if (!at)
		return line->goes_on ? SL_VERDICT_UNDECIDED : SL_VERDICT_NO;
	size_t begin = (size_t)(at - line->text);
	*place = (struct sl_lexicon_place){ begin, begin + literal->len, check->rank };
	return SL_VERDICT_YES;
}

/* pcre2_match() would do the same after its own checks, which are half as much work as a short line
 * takes. */
static inline int
match_short(struct sl_matcher *matcher, const struct sl_pattern_check *check,
	const struct sl_subject *line)
{
	return check->has_jit ? pcre2_jit_match(check->code, line->text, line->len, 0, 0,
					matcher->found, matcher->context)
			      : pcre2_match(check->code, line->text, line->len, 0, 0,
					matcher->found, matcher->context);
}

/* The checks whose literals stand in the line. */
static void
select_checks(struct sl_matcher *matcher, const struct sl_subject *line)
{
	const struct sl_pattern *pattern = matcher->pattern;
	if (!pattern->selects)
		return;
	memset(matcher->selected, 0, selected_words(pattern) * sizeof(*matcher->selected));
	for (size_t i = pattern->deciding_count; i < pattern->plans.count; i++)
		sl_match_ranks(&pattern->plans.items[i], line->text, line->len, matcher->selected);
}

static bool
is_selected(const struct sl_matcher *matcher, size_t check)
{
	return !matcher->pattern->selects || matcher->selected[check / 64] >> (check % 64) & 1;
}

/* Nearly all lines are short and decided by one call of PCRE2, and there are millions of them.
 * False if it takes more than that. */
static bool
check_short_line(
	struct sl_matcher *matcher, const struct sl_subject *line, enum sl_verdict *verdict)
{
	const struct sl_pattern *pattern = matcher->pattern;
	if (line->len > SHORT_LINE || line->goes_on)
		return false;
	if (pattern->has_expressions)
		set_limits(matcher, FIRST_LIMIT, PCRE2_UNSET);
	*verdict = SL_VERDICT_YES;
	select_checks(matcher, line);
	for (size_t i = 0; i < pattern->check_count; i++) {
		const struct sl_pattern_check *check = &pattern->checks[i];
		if (!is_selected(matcher, i))
			continue;
		if (!check->code) {
			struct sl_lexicon_place place;
			if (find_plain(check, line, 0, &place) == SL_VERDICT_YES)
				return true;
			continue;
		}
		if (check->any)
			return false;
		int found = match_short(matcher, check, line);
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
	const struct sl_subject *line, struct budget *budget)
{
	struct sl_lexicon_place place;
	if (!check->code)
		return find_plain(check, line, 0, &place);
	if (line->goes_on)
		return search_begin(matcher, check, line, budget);
	struct search whole = begin_search(matcher, check, line, 0, 0);
	return run_search(matcher, &whole, budget);
}

/* Whatever follows behind a cut: a level is in the first bytes. */
static enum sl_verdict
confirm_level(struct sl_matcher *matcher, const struct sl_subject *line)
{
	enum sl_level level = sl_level_find(span_of(line)).level;
	matcher->unlevelled += level == SL_LEVEL_NONE;
	return level >= matcher->pattern->level ? SL_VERDICT_YES : SL_VERDICT_NO;
}

enum sl_verdict
sl_matcher_confirm(struct sl_matcher *matcher, const struct sl_subject *line, bool *took_long)
{
	const struct sl_pattern *pattern = matcher->pattern;
	struct budget budget = { 0 };
	enum sl_verdict verdict;
	matcher->from = SIZE_MAX; /* what is remembered for locating is of another line */
	if (pattern->level)
		return confirm_level(matcher, line);
	if (check_short_line(matcher, line, &verdict))
		return verdict;
	struct sl_subject kept = kept_of(line);
	verdict = SL_VERDICT_NO;
	matcher->is_utf8_known = false;
	select_checks(matcher, &kept);
	for (size_t i = 0; i < pattern->check_count && verdict != SL_VERDICT_YES; i++) {
		enum sl_verdict one = kept.goes_on ? SL_VERDICT_UNDECIDED : SL_VERDICT_NO;
		if (is_selected(matcher, i))
			one = check_line(matcher, &pattern->checks[i], &kept, &budget);
		verdict = one == SL_VERDICT_NO ? verdict : one;
	}
	*took_long = *took_long || budget.took_long;
	return verdict;
}

/* ---- matches in a line ---- */

/* Checks whose literals do not stand in the line have no match in it. If it goes on, PCRE2 says
 * whether there may be one. */
static void
skip_unselected(struct sl_matcher *matcher)
{
	const struct sl_pattern *pattern = matcher->pattern;
	if (!pattern->selects || matcher->kept.goes_on)
		return;
	select_checks(matcher, &matcher->kept);
	for (size_t i = 0; i < pattern->check_count; i++) {
		if (!is_selected(matcher, i))
			matcher->next[pattern->deciding_count + i] =
				(struct next_match){ .is_known = true, .verdict = SL_VERDICT_NO };
	}
}

/* What was found before `from` is dropped, what was found behind it is kept: otherwise two
 * expressions, or two plans, would cost the square of the line. */
static void
drop_passed(struct sl_matcher *matcher, const struct sl_subject *line, size_t from)
{
	const struct sl_pattern *pattern = matcher->pattern;
	size_t plans = pattern->deciding_count;
	bool is_other = from == 0 || line->text != matcher->line.text ||
			line->len != matcher->line.len || line->goes_on != matcher->line.goes_on ||
			from < matcher->from;
	for (size_t i = 0; i < plans + pattern->check_count; i++) {
		struct next_match *next = &matcher->next[i];
		bool has_passed = next->verdict == SL_VERDICT_YES && next->range.begin < from;
		bool moves = i >= plans && pattern->checks[i - plans].has_anchor_g;
		if (is_other || has_passed || moves)
			next->is_known = false;
	}
	if (is_other) {
		matcher->spent_ns = 0;
		matcher->is_utf8_known = matcher->is_incomplete = false;
		matcher->kept = kept_of(line);
		skip_unselected(matcher);
	}
	matcher->line = *line;
	matcher->from = from;
}

static void
find_expression(struct sl_matcher *matcher, const struct sl_pattern_check *check, size_t from,
	struct next_match *next, struct budget *budget)
{
	const struct sl_subject *line = &matcher->kept;
	const PCRE2_SIZE *pair = pcre2_get_ovector_pointer(matcher->found);
	struct search some =
		begin_search(matcher, check, line, from, line->goes_on ? PCRE2_PARTIAL_HARD : 0);
	next->verdict = run_search(matcher, &some, budget);
	next->is_known = next->verdict != SL_VERDICT_UNDECIDED || !budget->is_quick;
	if (next->verdict != SL_VERDICT_YES)
		return;
	next->range = (struct sl_match_range){ pair[0], pair[1] };
	if (pair[0] > pair[1]) { /* \K in a lookahead can put the end before the begin */
		next->verdict = SL_VERDICT_NO;
		next->is_known = false;
	}
}

static void
find_check(struct sl_matcher *matcher, const struct sl_pattern_check *check, size_t from,
	struct next_match *next, struct budget *budget)
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
	if (find_plain(check, line, from, &place) != SL_VERDICT_YES)
		return;
	next->verdict = SL_VERDICT_YES;
	next->rank = place.rank;
	next->range = (struct sl_match_range){ place.begin, place.end };
}

static void
find_literal(struct sl_matcher *matcher, const struct sl_match_plan *plan, size_t from,
	struct next_match *next)
{
	const struct sl_subject *line = &matcher->line;
	bool found = sl_match_find_one(plan, line->text, line->len, from, &next->range.begin,
		&next->range.end, &next->rank);
	next->verdict = found ? SL_VERDICT_YES : SL_VERDICT_NO;
	next->is_known = true;
	matcher->searched += (found ? next->range.begin + 1 : line->len) - from;
}

static bool
is_before(const struct next_match *a, const struct next_match *b)
{
	if (a->range.begin != b->range.begin)
		return a->range.begin < b->range.begin;
	return a->rank < b->rank;
}

enum sl_verdict
sl_matcher_find(struct sl_matcher *matcher, const struct sl_subject *line, size_t from,
	bool is_quick, struct sl_match_range *range)
{
	const struct sl_pattern *pattern = matcher->pattern;
	size_t plans = pattern->deciding_count;
	const struct next_match *best = NULL;
	if (from > line->len)
		return matcher->is_incomplete ? SL_VERDICT_UNDECIDED : SL_VERDICT_NO;
	drop_passed(matcher, line, from);
	struct budget budget = { .spent_ns = matcher->spent_ns, .is_quick = is_quick };
	bool is_timed = pattern->has_expressions && line->len > SHORT_LINE;
	if (is_timed && matcher->spent_ns > SL_PATTERN_LINE_NS)
		return SL_VERDICT_UNDECIDED;
	if (is_timed)
		budget.begun_ns = matcher->cpu_ns();
	for (size_t i = 0; i < plans + pattern->check_count; i++) {
		struct next_match *next = &matcher->next[i];
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
	matcher->spent_ns = spent(matcher, &budget);
	if (!best)
		return matcher->is_incomplete ? SL_VERDICT_UNDECIDED : SL_VERDICT_NO;
	*range = best->range;
	return SL_VERDICT_YES;
}
