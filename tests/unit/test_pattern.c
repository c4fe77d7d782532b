#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/scan/pattern.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { REGEX = 0, FIXED = 1, NOCASE = 2 };

static struct sl_pattern *pattern;
static struct sl_matcher *matcher;

#define MANY 200u /* patterns at most */

static int
compile(const char *const *texts, unsigned flags, struct sl_error *err)
{
	struct sl_span spans[MANY];
	struct sl_pattern_spec spec = {
		.texts = spans, .fixed = (flags & FIXED) != 0, .ignore_case = (flags & NOCASE) != 0
	};
	for (; texts && texts[spec.count]; spec.count++)
		spans[spec.count] = sl_span_str(texts[spec.count]);
	return sl_pattern_new(&pattern, &spec, sl_match_choose(sl_cpu_features()), err);
}

static void
begin(const char *const *texts, unsigned flags)
{
	struct sl_error err = { 0 };
	cr_assert_eq(compile(texts, flags, &err), 0, "%s", err.text);
	cr_assert_eq(sl_matcher_new(&matcher, pattern), 0);
}

static void
end(void)
{
	sl_matcher_free(matcher);
	sl_pattern_free(pattern);
}

static int
line(const char *text)
{
	return sl_matcher_line(matcher, (const unsigned char *)text, strlen(text));
}

Test(pattern, lines_match_as_in_grep)
{
	static const struct {
		const char *pattern;
		unsigned flags;
		bool has_plan;
		const char *text;
		int want;
	} cases[] = {
		{ "ERROR|error", REGEX, true, "an error", 1 },
		{ "ERROR|error", REGEX, true, "an Error", 0 },
		{ "error", NOCASE, true, "an ErRor", 1 },
		{ "\\[warn\\]", REGEX, true, "a [warn] b", 1 },
		{ "\\[warn\\]", REGEX, true, "warn", 0 },
		{ "a.b", FIXED, true, "axb", 0 },
		{ "a.b", FIXED, true, "-a.b-", 1 },
		{ "a.b", REGEX, false, "axb", 1 },
		{ "a\\.b", REGEX, true, "axb", 0 },
		{ "(a|b)c", REGEX, false, "bc", 1 },
		{ "", REGEX, true, "", 1 },
		{ "", FIXED, true, "x", 1 },
		{ "a|", REGEX, true, "x", 1 },
		{ "^$", REGEX, false, "", 1 },
		{ "^$", REGEX, false, "x", 0 },
		{ "error$", REGEX, false, "an error\r", 0 },
		{ "error.$", REGEX, false, "an error\r", 1 },
		{ "^b", REGEX, false, "a\rb", 0 },
		{ "\\d{3}", REGEX, false, "a 500 b", 1 },
		{ "\\berror\\b", NOCASE, false, "ERROR: x", 1 },
		{ "x{2}", FIXED, true, "xx", 0 },
		{ "\xc3\xa9", REGEX, true, "caf\xc3\xa9", 1 },
		{ "caf..$", REGEX, false, "caf\xc3\xa9", 1 },
		{ "\\xff", REGEX, false, "\xff", 1 },
		{ "a\nb", FIXED, true, "xxb", 1 },
		{ "a\nb+c", REGEX, false, "bbc", 1 },
		{ "a\nb+c", REGEX, false, "a", 1 },
		{ "(?<=x)y", REGEX, false, "xy", 1 },
		{ "\\Qa.b\\E", REGEX, false, "a.b", 1 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		const char *const texts[] = { cases[i].pattern, NULL };
		begin(texts, cases[i].flags);
		cr_assert_eq(sl_pattern_plan(pattern) != NULL, cases[i].has_plan, "plan of '%s'",
			cases[i].pattern);
		cr_assert_eq(line(cases[i].text), cases[i].want, "'%s' in '%s'", cases[i].pattern,
			cases[i].text);
		end();
	}
}

Test(pattern, none_means_the_default_pair)
{
	begin(NULL, 0);
	cr_assert_eq(line("x ERROR"), 1);
	cr_assert_eq(line("terrors"), 1);
	cr_assert_eq(line("Error"), 0);
	end();
}

Test(pattern, any_of_several_is_enough)
{
	const char *const texts[] = { "foo", "b[ae]r", NULL };
	begin(texts, 0);
	cr_assert_null(sl_pattern_plan(pattern));
	cr_assert_eq(line("a foo"), 1);
	cr_assert_eq(line("ber"), 1);
	cr_assert_eq(line("fo bor"), 0);
	end();
	const char *const plain[] = { "foo", "bar|baz", NULL };
	begin(plain, 0);
	cr_assert_not_null(sl_pattern_plan(pattern));
	cr_assert_eq(line("x baz"), 1);
	end();
}

Test(pattern, bad_ones_are_refused_with_their_place)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "a(b", "missing closing parenthesis at offset 3" },
		{ "[z", "missing terminating ]" },
		{ "*a", "at offset 0" },
		{ "(*UTF)a", "UTF" },
		{ "a\\", "at offset 2" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		const char *const texts[] = { cases[i].text, NULL };
		struct sl_error err = { 0 };
		cr_assert_eq(compile(texts, REGEX, &err), SL_E_USAGE, "'%s'", cases[i].text);
		cr_assert_not_null(strstr(err.text, cases[i].words), "'%s' lacks '%s'", err.text,
			cases[i].words);
		cr_assert_null(pattern);
	}
}

Test(pattern, what_grep_takes_for_the_end_of_a_word_is_refused)
{
	static const struct {
		const char *text;
		bool refused;
	} cases[] = {
		{ "\\<error\\>", true },
		{ "a\\>", true },
		{ "\\`a", true },
		{ "a\\'", true },
		{ "[a]\\<", true },
		{ "[[:alpha:]]\\<", true },
		{ "[[:]\\<", true },
		{ "[\\]]\\<", true },
		{ "\\Q\\<\\E\\<", true },
		{ "\\\\\\<", true },
		{ "\\\\<", false },
		{ "<a>", false },
		{ "[\\<]", false },
		{ "[]\\<]", false },
		{ "[^]\\<]", false },
		{ "[[:alpha:]\\<]", false },
		{ "[[:\\<]", false },
		{ "\\Q\\<\\E", false },
		{ "\\berror\\b", false },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		const char *const texts[] = { cases[i].text, NULL };
		struct sl_error err = { 0 };
		int code = compile(texts, REGEX, &err);
		cr_expect_eq(code, cases[i].refused ? SL_E_USAGE : 0, "'%s': %s", cases[i].text,
			err.text);
		cr_expect(!cases[i].refused || strstr(err.text, "use \\b"), "%s", err.text);
		if (code == 0)
			sl_pattern_free(pattern);
	}
}

Test(pattern, a_line_that_costs_too_much_is_undecided)
{
	const char *const texts[] = { "(a+)+(b+)+(c+)+$", NULL };
	begin(texts, 0);
	char text[64];
	memset(text, 'a', sizeof(text));
	text[63] = '\0';
	memcpy(text + 40, "bbbbbbbbbbbccccccccccc", 22);
	cr_assert_eq(line(text), SL_E_UNDECIDED);
	cr_assert_eq(line("abc"), 1);
	cr_assert_eq(line("abd"), 0);
	end();
}

static void
expect_found(const char *text, size_t want_begin, size_t want_end)
{
	size_t from, to, len = strlen(text);
	cr_assert(sl_matcher_find(matcher, (const unsigned char *)text, len, false, 0, &from, &to));
	cr_assert(from == want_begin && to == want_end, "'%s': %zu to %zu", text, from, to);
}

Test(pattern, more_literals_than_one_plan_takes_are_found_by_several)
{
	char words[MANY][8];
	const char *texts[MANY + 1];
	for (size_t i = 0; i < MANY; i++) {
		snprintf(words[i], sizeof(words[i]), "w%zu;", i);
		texts[i] = words[i];
	}
	texts[MANY] = NULL;
	for (int fixed = 0; fixed < 2; fixed++) {
		begin(texts, fixed ? FIXED : 0);
		const struct sl_match_plan *plan = sl_pattern_plan(pattern);
		cr_assert(plan && plan->next && plan->next->next);
		for (size_t i = 0; i < MANY; i++) {
			cr_assert_eq(line(words[i]), 1);
			cr_assert_eq(line(words[i] + 1), 0);
		}
		expect_found("a w3 w199; w2;", 5, 10);
		expect_found("a w3 w2;w199;", 5, 8);
		end();
	}
	/* Of two that begin together the first counts; an empty one is in every line. */
	texts[0] = "w199;x";
	texts[MANY - 2] = "w19";
	begin(texts, FIXED);
	expect_found("w199;x", 0, 6);
	expect_found("w199;", 0, 3);
	end();
	texts[MANY - 1] = "";
	begin(texts, FIXED);
	cr_assert_eq(line(""), 1);
	cr_assert_eq(line("nothing"), 1);
	expect_found("a w5;", 0, 0);
	expect_found("w5;", 0, 3);
	end();
}

Test(pattern, a_literal_longer_than_the_kernels_take_still_matches)
{
	char text[400];
	memset(text, '.', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	const char *const texts[] = { text + 100, NULL };
	begin(texts, FIXED);
	cr_assert_null(sl_pattern_plan(pattern));
	cr_assert_eq(line(text), 1);
	cr_assert_eq(line(text + 101), 0);
	end();
}

Test(pattern, of_a_very_long_line_only_a_sure_match_counts)
{
	static const struct {
		const char *pattern;
		int want; /* for a line of x that begins with "error " and ends with "end" */
	} cases[] = {
		{ "err[o]r", 1 },
		{ "^err[o]r x", 1 },
		{ "en[d]", SL_E_UNDECIDED },
		{ "x$", SL_E_UNDECIDED },
		{ "x\\z", SL_E_UNDECIDED },
		{ "xx(?!x)", SL_E_UNDECIDED },
		{ "^err[o]r (?!.*end)", SL_E_UNDECIDED },
	};
	size_t len = SL_PATTERN_LINE_MAX + 1000;
	unsigned char *text = malloc(len);
	memset(text, 'x', len);
	memcpy(text, "error ", 6);
	memcpy(text + len - 3, "end", 3);
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		const char *const texts[] = { cases[i].pattern, NULL };
		begin(texts, 0);
		cr_assert_eq(sl_matcher_line(matcher, text, len), cases[i].want, "'%s'",
			cases[i].pattern);
		end();
	}
	const char *const plain[] = { "xend", NULL };
	begin(plain, 0);
	cr_assert_eq(sl_matcher_line(matcher, text, len), 1);
	end();
	free(text);
}

Test(pattern, matches_in_a_line_are_leftmost)
{
	const char *const texts[] = { "b+", "a?bc", NULL };
	begin(texts, 0);
	const unsigned char *text = (const unsigned char *)"xxabcbb";
	size_t from, to;
	cr_assert(sl_matcher_find(matcher, text, 7, false, 0, &from, &to));
	cr_assert(from == 2 && to == 5);
	cr_assert(sl_matcher_find(matcher, text, 7, false, to, &from, &to));
	cr_assert(from == 5 && to == 7);
	cr_assert(!sl_matcher_find(matcher, text, 7, false, to, &from, &to));
	end();
}

Test(pattern, matches_at_a_cut_are_those_that_do_not_depend_on_what_follows)
{
	static const struct {
		const char *pattern;
		unsigned whole, cut; /* matches in "ab ab" if it ends there, and if it goes on */
	} cases[] = {
		{ "a[b]", 2, 2 },
		{ "a[b]$", 1, 0 },
		{ "a[b]\\b", 2, 1 },
		{ "a[b](?!c)", 2, 1 },
		{ "a[b]+", 2, 1 },
	};
	const unsigned char *text = (const unsigned char *)"ab ab";
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		const char *const texts[] = { cases[i].pattern, NULL };
		begin(texts, 0);
		for (unsigned goes_on = 0; goes_on < 2; goes_on++) {
			size_t at = 0, from;
			unsigned count = 0;
			while (sl_matcher_find(matcher, text, 5, goes_on, at, &from, &at))
				count++;
			cr_assert_eq(count, goes_on ? cases[i].cut : cases[i].whole, "'%s' %u",
				cases[i].pattern, goes_on);
		}
		end();
	}
}

/* Every closed line of a block, against one call for each. */
Test(pattern, blocks_are_matched_line_by_line)
{
	static const char alphabet[] = "abb1\n";
	const char *const texts[] = { "^a+1?b", "b1$", NULL };
	begin(texts, 0);
	struct sl_random random;
	sl_random_init(&random, 31);
	unsigned char data[600];
	for (int round = 0; round < 500; round++) {
		size_t len = sl_random_below(&random, sizeof(data) + 1);
		for (size_t i = 0; i < len; i++)
			data[i] = (unsigned char)
				alphabet[sl_random_below(&random, sizeof(alphabet) - 1)];
		uint64_t marks[SL_MATCH_MARK_WORDS(sizeof(data))] = { 0 }, hits = 0, newlines = 0;
		struct sl_matcher_counts counts;
		sl_matcher_scan(matcher, data, len, marks, &counts);
		size_t from = 0;
		for (size_t i = 0; i < len; i++) {
			if (data[i] != '\n')
				continue;
			bool hit = newlines > 0 &&
				   sl_matcher_line(matcher, data + from, i - from) == 1;
			if (newlines == 0)
				cr_assert_eq(counts.head_len, i + 1);
			hits += hit;
			cr_assert_eq(marks[i / 64] >> (i % 64) & 1, hit);
			newlines++;
			from = i + 1;
		}
		cr_assert(counts.newlines == newlines && counts.hits == hits &&
			  counts.undecided == 0);
		cr_assert_eq(counts.tail_off, newlines ? from : 0);
		cr_assert(newlines || counts.head_len == len);
	}
	end();
}
