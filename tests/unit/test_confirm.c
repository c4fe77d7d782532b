/*
 * Sets that mix literals, literals too long for the kernels and expressions, on random text, cut
 * and merged anyhow, against PCRE2 asked line by line.
 */
#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/match/lines.h"
#include "sluice/scan/join.h"
#include "support/oracle.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define MOST_TEXTS 90
#define MOST_BYTES 6000
#define LARGE_BYTES (4 * SL_BLOCK_SLICE + 5000)

/* A set of patterns, and the same for the oracle: an expression each. */
struct set {
	char texts[MOST_TEXTS][300];
	struct sl_span spans[MOST_TEXTS];
	pcre2_code *codes[MOST_TEXTS];
	size_t count;
	bool fixed, ignore_case, inverts;
	enum sl_bounds bounds;
};

static struct set set;
static struct sl_pattern *pattern;
static struct sl_matcher *matcher;
static pcre2_match_data *found;

static const char letters[] = "abcAB ";

static size_t
put_word(struct sl_random *random, char *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = letters[sl_random_below(random, sizeof(letters) - 1)];
	to[len] = '\0';
	return len;
}

static void
put(char *to, const char *text)
{
	memcpy(to, text, strlen(text) + 1);
}

/* Longer than the kernels take; rows of one letter, so that the text has some. */
static void
put_long(struct sl_random *random, char *to)
{
	size_t len = SL_MATCH_LITERAL_LEN + sl_random_below(random, 40) - 2;
	memset(to, 'a', len);
	to[len - 1] = "abc\r"[sl_random_below(random, 4)];
	to[len] = '\0';
}

static const char *const expressions[] = { "^b+c", "[Aa]b$", "a{3}b", "(?<=c)b", "b.c", "^$",
	"\\bcab\\b", "c\r?$", "(?!a)a", "A[bB] | cc", "ab+", "\\w+cc", "c\\s+", ".*ab c?",
	"ab\\Kc*", "b *\\Kc" };

static void
choose_set(struct sl_random *random)
{
	bool many = sl_random_below(random, 4) == 0;
	set.count = 1 + sl_random_below(random, many ? MOST_TEXTS : 5);
	set.fixed = sl_random_below(random, 3) == 0;
	set.ignore_case = sl_random_below(random, 3) == 0;
	set.inverts = sl_random_below(random, 3) == 0;
	set.bounds = sl_random_below(random, 2) ? SL_BOUNDS_NONE
						: (enum sl_bounds)(1 + sl_random_below(random, 2));
	for (size_t i = 0; i < set.count; i++) {
		uint64_t kind = sl_random_below(random, 20);
		if (kind < 2)
			put_long(random, set.texts[i]);
		else if (kind == 2 && !set.fixed)
			put(set.texts[i],
				expressions[sl_random_below(random, SL_COUNT_OF(expressions))]);
		else if (kind == 3)
			put(set.texts[i], "ca\r");
		else
			put_word(random, set.texts[i],
				set.bounds ? sl_random_below(random, 4)
					   : 3 + sl_random_below(random, 6));
		set.spans[i] = sl_span_str(set.texts[i]);
	}
}

/* The same with what has to surround it. */
static struct sl_span
surround(const char *text, char *to, size_t size)
{
	const char *quote = set.fixed ? "\\Q" : "", *unquote = set.fixed ? "\\E" : "";
	const char *const *around = (const char *const[][2]){ { "", "" },
		{ "(?<!\\w)(?:", ")(?!\\w)" }, { "\\A(?:", ")\\z" } }[set.bounds];
	snprintf(to, size, "%s%s%s%s%s", around[0], quote, text, unquote, around[1]);
	return sl_span_str(to);
}

static void
begin(struct sl_random *random)
{
	struct sl_error err = { 0 };
	choose_set(random);
	struct sl_pattern_spec spec = { .texts = set.spans,
		.count = set.count,
		.fixed = set.fixed,
		.ignore_case = set.ignore_case,
		.bounds = set.bounds,
		.inverts = set.inverts };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	cr_assert_eq(sl_pattern_new(&pattern, &spec, kernel, &err), 0, "%s", err.text);
	cr_assert_eq(sl_matcher_new(&matcher, pattern), 0);
	uint32_t options = set.ignore_case ? PCRE2_CASELESS : 0;
	for (size_t i = 0; i < set.count; i++) {
		int code;
		size_t off;
		char whole[400];
		struct sl_span text = surround(set.texts[i], whole, sizeof(whole));
		set.codes[i] =
			pcre2_compile((PCRE2_SPTR)text.data, text.len, options, &code, &off, NULL);
		cr_assert_not_null(set.codes[i]);
	}
	found = pcre2_match_data_create(1, NULL);
}

static void
end(void)
{
	for (size_t i = 0; i < set.count; i++)
		pcre2_code_free(set.codes[i]);
	pcre2_match_data_free(found);
	sl_matcher_free(matcher);
	sl_pattern_free(pattern);
}

/* The leftmost match at `from` or later, the first pattern's if several start there. */
static bool
oracle_find(const struct sl_subject *line, size_t from, struct sl_match_range *range)
{
	bool any = false;
	for (size_t i = 0; i < set.count; i++) {
		if (pcre2_match(set.codes[i], line->text, line->len, from, 0, found, NULL) < 0)
			continue;
		const size_t *pair = pcre2_get_ovector_pointer(found);
		size_t start = pcre2_get_startchar(found);
		if (!any || start < range->start)
			*range = (struct sl_match_range){ pair[0], pair[1], start };
		any = true;
	}
	return any;
}

static struct sl_subject
subject_of(struct sl_span text, struct sl_span line)
{
	bool is_closed = line.data + line.len < text.data + text.len;
	return sl_subject_of((const unsigned char *)line.data, line.len, line.data == text.data,
		is_closed, false);
}

static bool
oracle_selects(struct sl_span text, struct sl_span line)
{
	struct sl_subject subject = subject_of(text, line);
	struct sl_match_range range;
	return oracle_find(&subject, 0, &range) != set.inverts;
}

static struct oracle_totals
oracle(struct sl_span text)
{
	struct oracle_totals totals = { 0 };
	struct sl_span rest = text, line;
	while (oracle_next_line(&rest, &line)) {
		totals.lines++;
		totals.hits += oracle_selects(text, line);
	}
	return totals;
}

/* Words, long rows, and now and then a pattern's own text. */
static size_t
fill(struct sl_random *random, char *text, size_t most)
{
	size_t len = 0;
	/* Lines of a few words, or longer than a slice. */
	uint64_t newlines = 1 + sl_random_below(random, sl_random_below(random, 4) ? 12 : 2000);
	while (len + 400 < most) {
		uint64_t kind = sl_random_below(random, 8);
		if (kind == 0) {
			size_t row = sl_random_below(random, 170);
			memset(text + len, 'a', row);
			len += row;
		} else if (kind == 1) {
			struct sl_span own = set.spans[sl_random_below(random, set.count)];
			memcpy(text + len, own.data, own.len);
			len += own.len;
		} else {
			len += put_word(random, text + len, sl_random_below(random, 12));
		}
		if (sl_random_below(random, newlines) == 0) {
			if (sl_random_below(random, 3) == 0)
				text[len++] = '\r';
			text[len++] = '\n';
		}
	}
	return len;
}

static uint64_t ticks;

/* A step ends at its first look at the clock. */
static uint64_t
ticking(void *clock)
{
	(void)clock;
	return ++ticks * 100;
}

static uint64_t marks[SL_MATCH_MARK_WORDS(LARGE_BYTES)];

/* With a clock that runs out at each look, or all at once. */
static void
scan(struct sl_span text, bool in_steps, bool marked, struct sl_block_result *result)
{
	struct sl_block_steps steps = { .kernel = sl_pattern_kernel(pattern),
		.plan = sl_pattern_plan(pattern),
		.matcher = matcher,
		.data = (const unsigned char *)text.data,
		.len = text.len,
		.marks = marked ? marks : NULL,
		.inverts = sl_pattern_inverts(pattern),
		.clock_ns = ticking,
		.result = result };
	memset(marks, 0, sizeof(marks));
	while (sl_block_step(&steps, in_steps ? 1 : UINT64_MAX))
		;
}

/* Closed lines of a block that are selected. */
static uint64_t
selected(const struct sl_block_result *result)
{
	uint64_t closed = result->newlines ? result->newlines - 1 : 0;
	return set.inverts ? closed - result->hits - result->undecided : result->hits;
}

/* The marked lines are those that match and are neither the first nor open. */
static void
check_marks(struct sl_span text, uint64_t hits)
{
	struct sl_span rest = text, want;
	struct sl_lines lines;
	struct sl_line line;
	uint64_t count = 0;
	sl_lines_init(&lines, NULL, (const unsigned char *)text.data, text.len, marks);
	while (oracle_next_line(&rest, &want)) {
		bool is_closed = want.data + want.len < text.data + text.len;
		if (want.data == text.data || !is_closed || !oracle_selects(text, want))
			continue;
		cr_assert(sl_lines_next(&lines, &line), "'%.*s' is not marked", (int)want.len,
			want.data);
		cr_assert(line.text == (const unsigned char *)want.data && line.len == want.len);
		count++;
	}
	cr_assert_not(sl_lines_next(&lines, &line));
	cr_assert_eq(hits, count);
}

Test(confirm, closed_lines_of_a_block_match_as_line_by_line)
{
	static char text[LARGE_BYTES];
	struct sl_random random;
	sl_random_init(&random, 71);
	for (int round = 0; round < 1200; round++) {
		struct sl_block_result result;
		size_t most = round % 8 ? MOST_BYTES : LARGE_BYTES;
		begin(&random);
		size_t len = fill(&random, text, 500 + sl_random_below(&random, most - 500));
		struct sl_span all = sl_span(text, len);
		scan(all, round % 2, true, &result);
		check_marks(all, selected(&result));
		cr_assert_eq(result.undecided, 0);
		uint64_t hits = result.hits;
		scan(all, round % 3 == 0, false, &result);
		cr_assert_eq(result.hits, hits);
		end();
	}
}

/* Joined in order, in pieces of any size. */
static void
check_cuts(struct sl_random *random, struct sl_span text, struct sl_join *join)
{
	struct oracle_totals want = oracle(text);
	uint64_t longest = 1 + sl_random_below(random, 400), emitted = 0;
	struct sl_partial_line found_line;
	for (struct sl_span rest = text; rest.len > 0;) {
		size_t some = 1 + sl_random_below(random, SL_MIN(rest.len, longest));
		struct sl_partial_run piece = { .data = (const unsigned char *)rest.data,
			.len = some };
		scan(sl_span(rest.data, some), some % 2, some % 3, &piece.block);
		int hit = sl_join_head(join, &piece, &found_line);
		cr_assert_geq(hit, 0);
		emitted += (uint64_t)hit + selected(&piece.block);
		cr_assert_eq(sl_join_tail(join, &piece), 0);
		rest = sl_span(rest.data + some, rest.len - some);
	}
	emitted += (uint64_t)sl_join_end(join, &found_line);
	struct sl_block_totals got = sl_join_totals(join);
	cr_assert_eq(got.lines, want.lines);
	cr_assert_eq(got.undecided, 0);
	cr_assert_eq(got.hits, want.hits, "%zu hits, not %zu", (size_t)got.hits, (size_t)want.hits);
	cr_assert_eq(emitted, want.hits);
}

Test(confirm, totals_of_mixed_sets_do_not_depend_on_the_cuts)
{
	static char text[MOST_BYTES];
	struct sl_random random;
	sl_random_init(&random, 72);
	for (int round = 0; round < 300; round++) {
		begin(&random);
		for (int again = 0; again < 3; again++) {
			struct sl_join join;
			size_t len = fill(&random, text, 420 + sl_random_below(&random, 3000));
			sl_join_init(&join, pattern, matcher, round % 2);
			check_cuts(&random, sl_span(text, len), &join);
			sl_join_release(&join);
		}
		end();
	}
}

Test(confirm, every_cut_of_a_small_text_gives_the_same_totals)
{
	static char text[600];
	struct sl_random random;
	sl_random_init(&random, 73);
	for (int round = 0; round < 60; round++) {
		begin(&random);
		size_t len = fill(&random, text, sizeof(text));
		struct oracle_totals want = oracle(sl_span(text, len));
		for (size_t cut = 0; cut <= len; cut++) {
			struct sl_partial_line line;
			struct sl_join join;
			sl_join_init(&join, pattern, matcher, false);
			for (int i = 0; i < 2; i++) {
				size_t some = i ? len - cut : cut;
				struct sl_partial_run piece = {
					.data = (const unsigned char *)text + (i ? cut : 0),
					.len = some
				};
				scan(sl_span((const char *)piece.data, some), cut % 2, false,
					&piece.block);
				if (some == 0)
					continue;
				cr_assert_geq(sl_join_head(&join, &piece, &line), 0);
				cr_assert_eq(sl_join_tail(&join, &piece), 0);
			}
			cr_assert_geq(sl_join_end(&join, &line), 0);
			struct sl_block_totals got = sl_join_totals(&join);
			cr_assert(got.hits == want.hits && got.lines == want.lines,
				"cut at %zu: %zu hits, not %zu", cut, (size_t)got.hits,
				(size_t)want.hits);
			sl_join_release(&join);
		}
		end();
	}
}

Test(confirm, matches_in_a_line_are_leftmost_in_the_users_order)
{
	static char text[1200];
	struct sl_random random;
	sl_random_init(&random, 74);
	for (int round = 0; round < 600; round++) {
		begin(&random);
		size_t len = fill(&random, text, sizeof(text));
		struct sl_span all = sl_span(text, len), rest = all, line;
		while (oracle_next_line(&rest, &line)) {
			struct sl_subject subject = subject_of(all, line);
			struct sl_match_range want, got;
			size_t from = 0;
			while (oracle_find(&subject, from, &want)) {
				cr_assert_eq(sl_matcher_find(matcher, &subject, from, false, &got),
					SL_VERDICT_YES);
				cr_assert(got.begin == want.begin && got.end == want.end,
					"%zu to %zu, not %zu to %zu", got.begin, got.end,
					want.begin, want.end);
				from = sl_match_range_next(&want);
				if (from > subject.len)
					break;
			}
			if (from <= subject.len)
				cr_assert_eq(sl_matcher_find(matcher, &subject, from, false, &got),
					SL_VERDICT_NO);
		}
		end();
	}
}

static void
begin_with(const char *const *texts, size_t count)
{
	struct sl_error err = { 0 };
	struct sl_span spans[8];
	for (size_t i = 0; i < count; i++)
		spans[i] = sl_span_str(texts[i]);
	struct sl_pattern_spec spec = { .texts = spans, .count = count };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	cr_assert_eq(sl_pattern_new(&pattern, &spec, kernel, &err), 0, "%s", err.text);
	cr_assert_eq(sl_matcher_new(&matcher, pattern), 0);
}

static const char *const costly[] = { "(a+)+(b+)+(c+)+$", "needle" };

/* The expression takes too many steps on each line. */
static const char costly_text[] =
	"\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbccccccccccc!\n"
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbccccccccccc! needle\n"
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbccccccccccc!\n";

Test(confirm, a_line_that_a_literal_decides_is_never_undecided)
{
	struct sl_block_result result;
	begin_with(costly, 2);
	scan(sl_span_str(costly_text), false, true, &result);
	cr_assert(result.newlines == 4 && result.hits == 1 && result.undecided == 2);
	sl_matcher_free(matcher);
	sl_pattern_free(pattern);
}

Test(confirm, a_step_ends_after_a_line_that_took_long)
{
	struct sl_block_result result = { 0 };
	unsigned count = 1;
	begin_with(costly, 2);
	struct sl_span text = sl_span_str(costly_text);
	struct sl_block_steps steps = { .kernel = sl_pattern_kernel(pattern),
		.plan = sl_pattern_plan(pattern),
		.matcher = matcher,
		.data = (const unsigned char *)text.data,
		.len = text.len,
		.clock_ns = ticking,
		.result = &result };
	while (sl_block_step(&steps, 1))
		count++;
	cr_assert_eq(count, 3, "%u steps", count);
	cr_assert(result.hits == 1 && result.undecided == 2);
	sl_matcher_free(matcher);
	sl_pattern_free(pattern);
}

/* One line of a and "needle" at `at` in it, in pieces of `step` bytes. */
static struct sl_block_totals
join_long_line(const char *needle, size_t at, size_t step)
{
	size_t len = 3 * SL_PARTIAL_KEEP;
	char *text = malloc(len);
	struct sl_join join;
	struct sl_partial_line line;
	memset(text, 'a', len);
	text[len - 1] = '\n';
	memcpy(text + at, needle, strlen(needle));
	sl_join_init(&join, pattern, matcher, false);
	for (size_t from = 0; from < len; from += step) {
		size_t some = SL_MIN(len - from, step);
		struct sl_partial_run piece = { .data = (unsigned char *)text + from, .len = some };
		sl_block_scan(sl_pattern_kernel(pattern), sl_pattern_plan(pattern), matcher,
			piece.data, some, NULL, &piece.block);
		cr_assert_geq(sl_join_head(&join, &piece, &line), 0);
		cr_assert_eq(sl_join_tail(&join, &piece), 0);
	}
	struct sl_block_totals totals = sl_join_totals(&join);
	sl_join_release(&join);
	free(text);
	return totals;
}

/* Literals are seen in all of a line, checks see its first bytes, wherever it is cut. */
Test(confirm, of_a_long_line_all_is_searched_for_literals_and_the_first_bytes_are_confirmed)
{
	char longer[200] = "";
	memset(longer, 'y', SL_MATCH_LITERAL_LEN + 1);
	const char *const mixed[] = { "b[x]+a", "needle" }, *const literal[] = { longer };
	static const size_t steps[] = { 100000, SL_PARTIAL_KEEP, 4 * SL_PARTIAL_KEEP };
	char *cut = longer + 1; /* what the kernels find of it */
	const struct {
		const char *const *texts;
		size_t count;
		const char *needle;
		size_t at;
		uint64_t hits, undecided;
	} cases[] = {
		{ mixed, 2, "needle", 10, 1, 0 },
		{ mixed, 2, "needle", 2 * SL_PARTIAL_KEEP, 1, 0 },
		{ mixed, 2, "bx", 10, 1, 0 },
		{ mixed, 2, "bx", 2 * SL_PARTIAL_KEEP, 0, 1 },
		{ literal, 1, longer, 10, 1, 0 },
		{ literal, 1, longer, 2 * SL_PARTIAL_KEEP, 0, 1 },
		{ literal, 1, cut, 10, 0, 1 },
		{ literal, 1, "needle", 10, 0, 0 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		begin_with(cases[i].texts, cases[i].count);
		for (size_t s = 0; s < SL_COUNT_OF(steps); s++) {
			struct sl_block_totals got =
				join_long_line(cases[i].needle, cases[i].at, steps[s]);
			cr_assert(got.hits == cases[i].hits && got.undecided == cases[i].undecided,
				"case %zu in pieces of %zu: %zu hits, %zu undecided", i, steps[s],
				(size_t)got.hits, (size_t)got.undecided);
		}
		sl_matcher_free(matcher);
		sl_pattern_free(pattern);
	}
}
