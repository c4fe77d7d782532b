/*
 * searcher.c - matches one expression with one line, within limits of steps, memory and time.
 *
 * How (run_search):
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
 * The clock is the thread's CPU time, or the time of a simulator: how busy the machine is must not
 * decide about a line.
 */
#include "searcher_int.h"

#include "sluice/base/clock.h"
#include "sluice/base/text.h"

#include <errno.h>

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
#define SHORT_LINE SL_SEARCHER_SHORT

/* Of a first attempt: steps at one position, times bytes of the line beyond SHORT_LINE. */
#define FIRST_LIMIT 10000u
#define FIRST_LIMIT_MIN 100u
#define LIMIT_GROWTH 10u

static uint64_t
thread_ns(void *clock)
{
	(void)clock;
	return sl_clock_thread_cpu_ns();
}

uint64_t
sl_searcher_now(const struct sl_searcher *searcher)
{
	return searcher->clock_ns(searcher->clock);
}

uint64_t
sl_searcher_spent(const struct sl_searcher *searcher, const struct sl_search_budget *budget)
{
	uint64_t more_ns = budget->begun_ns ? sl_searcher_now(searcher) - budget->begun_ns : 0;
	return budget->spent_ns + more_ns;
}

/* Called by PCRE2 at each position where a match may begin, and by callouts in the pattern. */
static int
look_at_clock(pcre2_callout_block *block, void *arg)
{
	struct sl_searcher *searcher = arg;
	struct sl_search_budget *budget = searcher->watched;
	(void)block;
	if (!budget || ++searcher->calls < searcher->calls_a_look)
		return 0;
	searcher->calls = 0;
	if (budget->is_quick)
		return PCRE2_ERROR_CALLOUT;
	if (!budget->begun_ns)
		budget->begun_ns = sl_searcher_now(searcher);
	budget->took_long = true;
	return sl_searcher_spent(searcher, budget) > SL_PATTERN_LINE_NS ? PCRE2_ERROR_CALLOUT : 0;
}

int
sl_searcher_init(struct sl_searcher *searcher, const struct sl_pattern *pattern)
{
	*searcher = (struct sl_searcher){ .clock_ns = thread_ns };
	if (!pattern->has_expressions)
		return 0;
	searcher->found = pcre2_match_data_create(1, NULL);
	searcher->context = pcre2_match_context_create(NULL);
	searcher->stack = pcre2_jit_stack_create(JIT_STACK_START, SL_PATTERN_JIT_STACK, NULL);
	bool has_stack = searcher->stack || !pattern->has_jit;
	if (!searcher->found || !searcher->context || !has_stack) {
		sl_searcher_release(searcher);
		return -ENOMEM;
	}
	pcre2_set_depth_limit(searcher->context, SL_PATTERN_MATCH_LIMIT);
	searcher->last_begin = PCRE2_UNSET;
	pcre2_set_heap_limit(searcher->context, SL_PATTERN_HEAP_LIMIT_KIB);
	pcre2_jit_stack_assign(searcher->context, NULL, searcher->stack);
	(void)pcre2_set_callout(searcher->context, look_at_clock, searcher);
	return 0;
}

void
sl_searcher_release(struct sl_searcher *searcher)
{
	pcre2_match_data_free(searcher->found);
	pcre2_match_context_free(searcher->context);
	pcre2_jit_stack_free(searcher->stack);
	*searcher = (struct sl_searcher){ 0 };
}

void
sl_searcher_share_stack(struct sl_searcher *searcher, const struct sl_searcher *owner)
{
	searcher->clock_ns = owner->clock_ns;
	searcher->clock = owner->clock;
	if (!searcher->stack || !owner->stack)
		return;
	pcre2_jit_stack_free(searcher->stack);
	searcher->stack = NULL;
	pcre2_jit_stack_assign(searcher->context, NULL, owner->stack);
}

void
sl_searcher_begin_line(struct sl_searcher *searcher)
{
	searcher->is_utf8_known = false;
}

static bool
begins_character(const struct sl_subject *line, size_t at)
{
	return at >= line->len || (line->text[at] & 0xc0) != 0x80;
}

/* The compiled form for this line. */
static const pcre2_code *
code_for(struct sl_searcher *searcher, const struct sl_pattern_check *check,
	const struct sl_subject *line)
{
	if (!check->any)
		return check->code;
	if (!searcher->is_utf8_known) {
		searcher->is_utf8 = sl_text_is_utf8(sl_span((const char *)line->text, line->len));
		searcher->is_utf8_known = true;
	}
	return searcher->is_utf8 ? check->code : check->any;
}

static void
set_limits(struct sl_searcher *searcher, uint32_t steps, size_t last_begin)
{
	if (searcher->limit != steps)
		pcre2_set_match_limit(searcher->context, steps);
	if (searcher->last_begin != last_begin)
		pcre2_set_offset_limit(searcher->context, last_begin);
	searcher->limit = steps;
	searcher->last_begin = last_begin;
}

/* One expression; see the head of this file. Matches found are in searcher->found. */
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
begin_search(struct sl_searcher *searcher, const struct sl_pattern_check *check,
	const struct sl_subject *line, size_t from, uint32_t options)
{
	struct search search = { .line = line, .options = options, .at = from };
	search.code = code_for(searcher, check, line);
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
match_slice(
	struct sl_searcher *searcher, const struct search *search, struct sl_search_budget *budget)
{
	size_t rest = search->line->len - search->at;
	bool is_last = search->is_one_slice || search->slice > rest;
	set_limits(searcher, search->limit, is_last ? PCRE2_UNSET : search->at + search->slice - 1);
	searcher->watched = search->is_watched ? budget : NULL;
	searcher->calls = 0;
	searcher->calls_a_look = search->slice;
	int code = pcre2_match(search->code, search->line->text, search->line->len, search->at,
		search->options, searcher->found, searcher->context);
	searcher->watched = NULL;
	return code;
}

/* The next slice; false after the last. */
static bool
next_slice(
	struct sl_searcher *searcher, struct search *search, const struct sl_search_budget *budget)
{
	if (search->is_one_slice || search->slice > search->line->len - search->at)
		return false;
	search->at += search->slice;
	while (search->is_utf && !begins_character(search->line, search->at))
		search->at++;
	uint64_t now_ns = sl_searcher_spent(searcher, budget);
	bool is_quick = now_ns - search->last_clock_ns < SLICE_QUICK_NS;
	search->last_clock_ns = now_ns;
	search->slice = is_quick ? SL_MIN(search->slice * 2, search->slice_max)
				 : SL_MAX(search->slice / 2, (size_t)SLICE_MIN);
	return true;
}

/* After the limit of steps: more of them, if there is time for what ten times as many may take. */
static bool
raise_limit(
	struct sl_searcher *searcher, struct search *search, const struct sl_search_budget *budget)
{
	if (search->limit >= SL_PATTERN_MATCH_LIMIT)
		return false;
	uint64_t now_ns = sl_searcher_spent(searcher, budget),
		 last_ns = now_ns - search->last_clock_ns;
	if (now_ns + LIMIT_GROWTH * last_ns > SL_PATTERN_LINE_NS && search->last_clock_ns)
		return false;
	search->last_clock_ns = now_ns;
	search->limit = SL_MIN(search->limit * LIMIT_GROWTH, SL_PATTERN_MATCH_LIMIT);
	return true;
}

static enum sl_verdict
run_search(struct sl_searcher *searcher, struct search *search, struct sl_search_budget *budget)
{
	for (;;) {
		int code = match_slice(searcher, search, budget);
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
			budget->begun_ns = sl_searcher_now(searcher);
		budget->took_long = true;
		if (is_limit ? !raise_limit(searcher, search, budget)
			     : !next_slice(searcher, search, budget))
			return SL_VERDICT_UNDECIDED;
		if (sl_searcher_spent(searcher, budget) > SL_PATTERN_LINE_NS)
			return SL_VERDICT_UNDECIDED;
	}
}

/*
 * Is a match in the known part of a line a match whatever follows? It was found without reading
 * text behind its end, unless the expression has a lookahead; and an assertion about the end of the
 * text was true only if the text ended there. Where that is not enough, PCRE2 decides: a hard
 * partial match needs text past the end, and a match without it is certain.
 */
static enum sl_verdict
search_begin(struct sl_searcher *searcher, const struct sl_pattern_check *check,
	const struct sl_subject *line, struct sl_search_budget *budget)
{
	if (!check->has_lookahead) {
		struct search first = begin_search(searcher, check, line, 0, 0);
		if (run_search(searcher, &first, budget) != SL_VERDICT_YES)
			return SL_VERDICT_UNDECIDED;
		size_t end = pcre2_get_ovector_pointer(searcher->found)[1];
		if (!check->depends_on_end || end < line->len)
			return SL_VERDICT_YES;
	}
	struct search sure = begin_search(searcher, check, line, 0, PCRE2_PARTIAL_HARD);
	bool is_sure = run_search(searcher, &sure, budget) == SL_VERDICT_YES;
	return is_sure ? SL_VERDICT_YES : SL_VERDICT_UNDECIDED;
}

enum sl_verdict
sl_searcher_confirm(struct sl_searcher *searcher, const struct sl_pattern_check *check,
	const struct sl_subject *line, struct sl_search_budget *budget)
{
	if (line->goes_on)
		return search_begin(searcher, check, line, budget);
	struct search whole = begin_search(searcher, check, line, 0, 0);
	return run_search(searcher, &whole, budget);
}

enum sl_verdict
sl_searcher_find(struct sl_searcher *searcher, const struct sl_pattern_check *check,
	const struct sl_subject *line, size_t from, struct sl_search_budget *budget,
	struct sl_match_range *range)
{
	const PCRE2_SIZE *pair = pcre2_get_ovector_pointer(searcher->found);
	uint32_t options = line->goes_on ? PCRE2_PARTIAL_HARD : 0;
	struct search some = begin_search(searcher, check, line, from, options);
	enum sl_verdict verdict = run_search(searcher, &some, budget);
	if (verdict == SL_VERDICT_YES)
		*range = (struct sl_match_range){ pair[0], pair[1],
			pcre2_get_startchar(searcher->found) };
	return verdict;
}

void
sl_searcher_begin_short(struct sl_searcher *searcher)
{
	if (searcher->context)
		set_limits(searcher, FIRST_LIMIT, PCRE2_UNSET);
}

/* pcre2_match() would do the same after its own checks, which are half as much work as a short line
 * takes. */
int
sl_searcher_match_short(struct sl_searcher *searcher, const struct sl_pattern_check *check,
	const struct sl_subject *line)
{
	return check->has_jit ? pcre2_jit_match(check->code, line->text, line->len, 0, 0,
					searcher->found, searcher->context)
			      : pcre2_match(check->code, line->text, line->len, 0, 0,
					searcher->found, searcher->context);
}

int
sl_searcher_match_joined(
	struct sl_searcher *searcher, const pcre2_code *joined, const struct sl_subject *line)
{
	return pcre2_jit_match(
		joined, line->text, line->len, 0, 0, searcher->found, searcher->context);
}
