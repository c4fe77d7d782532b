#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/scan/block.h"

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

/* Whether a line matches: by its literals, or as a candidate that is confirmed. */
static enum sl_verdict
match(const void *text, size_t len)
{
	struct sl_subject subject = { text, len, false };
	struct sl_block_result result;
	bool took_long = false;
	unsigned char *block = malloc(len + 1);
	memcpy(block, text, len);
	block[len] = '\n';
	sl_block_scan(sl_pattern_kernel(pattern), sl_pattern_plan(pattern), matcher, block, len + 1,
		NULL, &result);
	free(block);
	if (result.head_line == SL_BLOCK_LINE_CANDIDATE)
		return sl_matcher_confirm(matcher, &subject, &took_long);
	return result.head_line == SL_BLOCK_LINE_HIT ? SL_VERDICT_YES : SL_VERDICT_NO;
}

static enum sl_verdict
line(const char *text)
{
	return match(text, strlen(text));
}

/* The first match at `from` or later. */
static bool
find(const char *text, bool goes_on, size_t from, struct sl_match_range *place)
{
	struct sl_subject subject = { (const unsigned char *)text, strlen(text), goes_on };
	return sl_matcher_find(matcher, &subject, from, false, place) == SL_VERDICT_YES;
}

Test(pattern, lines_match_as_in_grep)
{
	static const struct {
		const char *pattern;
		unsigned flags;
		bool decides; /* by literals, without confirming */
		const char *text;
		enum sl_verdict want;
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
		{ "(a|b)c", REGEX, true, "bc", 1 },
		{ "[Ee]rror|[Ff]ail(ed|ure)", REGEX, true, "a failure", 1 },
		{ "[Ee]rror|[Ff]ail(ed|ure)", REGEX, true, "a fail", 0 },
		{ "[Ee]rr\\d", REGEX, true, "Err7", 1 },
		{ "(?i)error", REGEX, false, "ERROR", 1 },
		{ "", REGEX, true, "", 1 },
		{ "", FIXED, true, "x", 1 },
		{ "a|", REGEX, true, "x", 1 },
		{ "^$", REGEX, false, "", 1 },
		{ "^$", REGEX, false, "x", 0 },
		{ "error$", REGEX, false, "an error\r", 0 },
		{ "^b", REGEX, false, "a\rb", 0 },
		{ "\\d{3}", REGEX, true, "a 500 b", 1 },
		{ "\\b\\d{3}", REGEX, false, "a 500 b", 1 },
		{ "\\berror\\b", NOCASE, false, "ERROR: x", 1 },
		{ "x{2}", FIXED, true, "xx", 0 },
		{ "\xc3\xa9", REGEX, true, "caf\xc3\xa9", 1 },
		{ "caf..$", REGEX, false, "caf\xc3\xa9", 1 },
		{ "\\xff", REGEX, true, "\xff", 1 },
		{ "a\nb", FIXED, true, "xxb", 1 },
		{ "a\nb+c", REGEX, true, "bbc", 1 },
		{ "a\nb+c", REGEX, true, "a", 1 },
		{ "a\nb+c$", REGEX, false, "bbc", 1 },
		{ "a\nb+c$", REGEX, false, "a", 1 },
		{ "(?<=x)y", REGEX, false, "xy", 1 },
		{ "\\Qa.b\\E", REGEX, true, "a.b", 1 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		const char *const texts[] = { cases[i].pattern, NULL };
		begin(texts, cases[i].flags);
		cr_assert_eq(
			sl_pattern_confirms(pattern), !cases[i].decides, "'%s'", cases[i].pattern);
		cr_assert_eq(line(cases[i].text), cases[i].want, "'%s' in '%s'", cases[i].pattern,
			cases[i].text);
		end();
	}
}

Test(pattern, characters_beyond_ascii_are_characters_not_bytes)
{
	static const struct {
		const char *pattern;
		unsigned flags;
		const char *text;
		enum sl_verdict want;
	} cases[] = {
		{ "[\xc3\xa9\xc3\xaf]", REGEX, "\xc3\xbc", SL_VERDICT_NO }, /* [éï] ü */
		{ "[\xc3\xa9\xc3\xaf]", REGEX, "\xc3\xaf", SL_VERDICT_YES },
		{ "^.\xc3\xa9$", REGEX, "\xc3\xbc\xc3\xa9", SL_VERDICT_YES },
		{ "\\b\xd1\x88\xd0\xb8\\b", REGEX, "a \xd1\x88\xd0\xb8: b", SL_VERDICT_YES },
		{ "\\b\xd1\x88\xd0\xb8\\b", REGEX, "\xd1\x88\xd1\x88\xd0\xb8", SL_VERDICT_NO },
		{ "\xd1\x88", NOCASE, "\xd0\xa8", SL_VERDICT_YES }, /* ш Ш */
		{ "\xd1\x88", FIXED | NOCASE, "\xd0\xa8", SL_VERDICT_YES },
		{ "\xd1\x88.", FIXED | NOCASE, "\xd0\xa8.", SL_VERDICT_YES },
		{ "\xd1\x88.", FIXED | NOCASE, "\xd0\xa8x", SL_VERDICT_NO },
		{ "\xd1\x88", REGEX, "\xd0\xa8", SL_VERDICT_NO },
		{ "^\\p{Lu}$", REGEX, "\xd0\xa8", SL_VERDICT_YES },
		{ "^\\p{Lu}$", REGEX, "\xd1\x88", SL_VERDICT_NO },
		{ "^\\X$", REGEX, "e\xcc\x81", SL_VERDICT_YES },
		{ "^\\x{448}$", REGEX, "\xd1\x88", SL_VERDICT_YES },
		{ "^\\N{U+448}$", REGEX, "\xd1\x88", SL_VERDICT_YES },
		{ "(*UTF)^.$", REGEX, "\xd1\x88", SL_VERDICT_YES },
		{ "(*UCP)^\\w$", REGEX, "\xd1\x88", SL_VERDICT_YES },
		/* Bytes that are not UTF-8 are not characters, and hide no others. */
		{ "\xd1\x88$", NOCASE, "\xff\xfe\xd0 \xd0\xa8", SL_VERDICT_YES },
		{ "[^a]\xd1\x88?$", REGEX, "\xff", SL_VERDICT_NO },
		{ "\\D\xd1\x88?$", REGEX, "\xe0\xab\xaa", SL_VERDICT_NO }, /* a digit of Gujarati */
		{ "\\W\xd1\x88?$", REGEX, "\xff \xe2\x86\x92", SL_VERDICT_YES },
		/* A pattern that is not UTF-8 itself means its bytes, as an ASCII one does. */
		{ "[\xe9\xef]$", REGEX, "caf\xe9", SL_VERDICT_YES },
		{ "[\xe9\xef]$", NOCASE, "CAF\xef", SL_VERDICT_YES },
		{ "\xe9", FIXED | NOCASE, "\xe9", SL_VERDICT_YES },
		{ "^..$", REGEX, "\xc3\xa9", SL_VERDICT_YES },
		{ "^\\xc3", REGEX, "\xc3\xa9", SL_VERDICT_YES },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		const char *const texts[] = { cases[i].pattern, NULL };
		begin(texts, cases[i].flags);
		cr_expect_eq(line(cases[i].text), cases[i].want, "'%s' in '%s'", cases[i].pattern,
			cases[i].text);
		end();
	}
}

Test(pattern, places_of_characters_are_found_from_anywhere)
{
	const char *const texts[] = { "\xd1\x88|()", NULL }; /* an empty match in between */
	begin(texts, NOCASE);
	struct sl_match_range place = { 0 };
	const char *text = "\xd0\xa8\xd0\xb0\xd1\x88";
	cr_assert(find(text, false, 0, &place) && place.begin == 0 && place.end == 2);
	cr_assert(find(text, false, 2, &place) && place.begin == 2 && place.end == 2);
	cr_assert(find(text, false, 3, &place) && place.begin == 4 && place.end == 6);
	end();
}

/* Also of a long line, and behind another verb. */
Test(pattern, options_in_a_pattern_hold)
{
	static const struct {
		const char *pattern, *line;
		enum sl_verdict want;
	} cases[] = {
		{ "(*NOTEMPTY)x*", "abc", SL_VERDICT_NO },
		{ "(*NOTEMPTY)x*", "abcx", SL_VERDICT_YES },
		{ "(*NO_AUTO_POSSESS)(*NOTEMPTY)x*", "abc", SL_VERDICT_NO },
		{ "(*NOTEMPTY_ATSTART)x*$", "", SL_VERDICT_NO },
		{ "(*NOTEMPTY_ATSTART)x*$", "abc", SL_VERDICT_YES },
		{ "(*NO_JIT)x+$", "abcx", SL_VERDICT_YES },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		const char *const texts[] = { cases[i].pattern, NULL };
		char longer[6000];
		begin(texts, 0);
		cr_expect_eq(line(cases[i].line), cases[i].want, "'%s' in '%s'", cases[i].pattern,
			cases[i].line);
		(void)snprintf(longer, sizeof(longer), "%5000s%s", "", cases[i].line);
		enum sl_verdict want = cases[i].line[0] ? cases[i].want : SL_VERDICT_YES;
		cr_expect_eq(line(longer), want, "'%s'", cases[i].pattern);
		end();
	}
}

Test(pattern, what_needs_a_newline_is_refused)
{
	static const struct {
		const char *text;
		bool refused;
	} cases[] = {
		{ "a\\nb", true },
		{ "error\\r\\n", true },
		{ "\\A..\\n", true },
		{ "\\R", true },
		{ "\\Rx|error", true },
		{ "a\\x0ab", true },
		{ "a\\x{000a}b", true },
		{ "a\\o{12}b", true },
		{ "a\\N{U+0A}b", true },
		{ "a\\N{U+0AA}?b", false },
		{ "a\\012b", true },
		{ "a\\cJb", true },
		{ "a[\\n]b", true },
		{ "a\\n+", true },
		{ "a\\n{1,3}", true },
		{ "(a\\n|b\\n)", true },
		{ "(?:(?<x>a\\n))b", true },
		{ "\\n|x", true },
		{ "a|b\\n", true }, /* as two patterns, one of which is in vain */
		{ "a(?=\\n)", true },
		{ "(?<*a)b\\n|x(?>y)", true },
		{ "\\Q\\n\\E", false },
		{ "\\\\n", false },
		{ "a\\n?", false },
		{ "a\\n*b", false },
		{ "a\\n{0,1}", false },
		{ "(a\\n)?b", false },
		{ "a(?:\\n|$)", false },
		{ "a(?!\\n)", false },
		{ "(?<!\\n)a", false },
		{ "[^\\n]", false },
		{ "[\\r\\n]", false },
		{ "[]\\n]", false },
		{ "a\\s*b", false },
		{ "(?x)a # \\n", false },
		{ "(?#\\n)a", false },
		{ "a\\x0b", false },
		{ "(a)\\1", false },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		const char *const texts[] = { cases[i].text, NULL };
		struct sl_error err = { 0 };
		int code = compile(texts, REGEX, &err);
		cr_expect_eq(code, cases[i].refused ? SL_E_USAGE : 0, "'%s': %s", cases[i].text,
			err.text);
		cr_expect(!cases[i].refused || strstr(err.text, "use $"), "%s", err.text);
		bool is_break = strncmp(cases[i].text, "\\R", 2) == 0;
		cr_expect_eq(is_break, strstr(err.text, "\\f for a break within one") != NULL,
			"'%s': %s", cases[i].text, err.text);
		bool is_choice =
			strcmp(cases[i].text, "a|b\\n") == 0 || strcmp(cases[i].text, "\\n|x") == 0;
		cr_expect(!is_choice || strstr(err.text, "one of its alternatives needs"), "%s",
			err.text);
		if (code == 0)
			sl_pattern_free(pattern);
	}
}

/* A clock by which each look takes a twentieth of what a line may. */
static uint64_t looks;

static uint64_t
ticking(void *clock)
{
	(void)clock;
	return ++looks * (SL_PATTERN_LINE_NS / 20);
}

static char *
letters(size_t len)
{
	char *text = malloc(len + 1);
	memset(text, 'a', len);
	text[len] = '\0';
	return text;
}

/* Each would take the square of the line, or worse. */
static const char *const costly[] = { "(?=.*foo)(?=.*bar)", "(?=.*foo)[a-z]+\\d",
	"a*a*a*b|^(a+)+$|c", "^(?:.*,)*(.*;)*z" };

Test(pattern, the_clock_ends_a_search_however_long_the_line)
{
	static const size_t lengths[] = { 20000, 100000, 700000, SL_PATTERN_LINE_MAX };
	static const char *const patterns[] = { "(?=.*foo)(?=.*bar)",
		"(?=.*foo)(?=.*bar)|q(*SKIP)x" };
	for (size_t i = 0; i < 2 * SL_COUNT_OF(lengths); i++) {
		const char *const texts[] = { patterns[i % 2], NULL };
		size_t len = lengths[i / 2];
		char *text = letters(len);
		struct sl_subject subject = { (unsigned char *)text, len, false };
		struct sl_match_range place;
		begin(texts, 0);
		sl_matcher_set_clock(matcher, ticking, NULL);
		looks = 0;
		bool took_long = false;
		cr_assert_eq(
			sl_matcher_confirm(matcher, &subject, &took_long), SL_VERDICT_UNDECIDED);
		cr_assert(took_long);
		cr_assert_leq(looks, 25);
		looks = 0;
		cr_assert_eq(
			sl_matcher_find(matcher, &subject, 0, true, &place), SL_VERDICT_UNDECIDED);
		cr_assert_leq(looks, 3);
		cr_assert_eq(
			sl_matcher_find(matcher, &subject, 0, false, &place), SL_VERDICT_UNDECIDED);
		cr_assert_leq(looks, 30);
		end();
		free(text);
	}
}

/* A search that (*SKIP) or (*COMMIT) moves is not divided. */
Test(pattern, verbs_that_move_a_search_hold_for_all_of_a_long_line)
{
	static const struct {
		const char *pattern;
		enum sl_verdict inside, outside; /* of the quotation marks that "error" stands in */
	} cases[] = {
		{ "\"[^\"]*\"(*SKIP)(*FAIL)|error", SL_VERDICT_NO, SL_VERDICT_YES },
		{ "\"[^\"]*(*MARK:x)\"(*SKIP:x)(*FAIL)|(?i)ERROR", SL_VERDICT_NO, SL_VERDICT_YES },
		{ "\"(*COMMIT)(*FAIL)|error", SL_VERDICT_NO, SL_VERDICT_NO },
		{ "\"(*PRUNE)(*FAIL)|error", SL_VERDICT_YES, SL_VERDICT_YES },
	};
	static const size_t lengths[] = { 3000, 30000, 600000 };
	for (size_t i = 0; i < SL_COUNT_OF(cases) * SL_COUNT_OF(lengths); i++) {
		const char *const texts[] = { cases[i / SL_COUNT_OF(lengths)].pattern, NULL };
		size_t len = lengths[i % SL_COUNT_OF(lengths)];
		char *text = letters(len);
		memcpy(text + len - 10, "error", 5);
		text[1] = text[len - 1] = '"';
		begin(texts, 0);
		cr_expect_eq(line(text), cases[i / SL_COUNT_OF(lengths)].inside, "'%s' %zu",
			texts[0], len);
		text[len - 20] = '"';
		text[len - 1] = 'x';
		cr_expect_eq(line(text), cases[i / SL_COUNT_OF(lengths)].outside, "'%s' %zu",
			texts[0], len);
		end();
		free(text);
	}
}

/* Many matches, each of which is found at once, add up. */
Test(pattern, locating_all_matches_of_a_line_takes_no_longer_than_a_line_may)
{
	const char *const texts[] = { "(?!.*foo)a", NULL };
	const size_t len = 100000;
	char *text = letters(len);
	struct sl_subject subject = { (unsigned char *)text, len, false };
	struct sl_match_range place = { 0 };
	enum sl_verdict verdict = SL_VERDICT_YES;
	begin(texts, 0);
	sl_matcher_set_clock(matcher, ticking, NULL);
	looks = 0;
	size_t count = 0;
	for (; verdict == SL_VERDICT_YES; count++)
		verdict = sl_matcher_find(matcher, &subject, place.end, false, &place);
	cr_assert_eq(verdict, SL_VERDICT_UNDECIDED);
	cr_assert(count > 2 && count < 30 && looks < 60);
	end();
	free(text);
}

Test(pattern, a_costly_search_of_a_line_that_matches_at_last_is_decided)
{
	for (size_t i = 0; i < SL_COUNT_OF(costly); i++) {
		const char *const texts[] = { costly[i], "b$", NULL };
		char *text = letters(3000);
		text[2999] = 'b';
		begin(texts, 0);
		cr_assert_eq(line(text), SL_VERDICT_YES, "%s", costly[i]);
		end();
		free(text);
	}
}

Test(pattern, slices_of_a_long_line_find_what_one_search_does)
{
	static const char *const patterns[] = { "(?<=a)b", "\\Gab", "^a", "b$", "a.b", ".*b",
		"ab|ba", "\xd1\x88", "(?=.*b)a" };
	const size_t len = 300000;
	char *text = letters(len);
	static const size_t places[] = { 1, 4095, 4096, 4097, 70000, 299998 };
	for (size_t i = 0; i < SL_COUNT_OF(patterns); i++) {
		const char *const texts[] = { patterns[i], NULL };
		begin(texts, NOCASE);
		for (size_t p = 0; p < SL_COUNT_OF(places); p++) {
			char *at = text + places[p];
			bool is_wide = patterns[i][0] == '\xd1';
			memcpy(at, is_wide ? "\xd0\xa8" : "ba", 2);
			bool want = strcmp(patterns[i], "\\Gab") ? true : places[p] == 1;
			want = strcmp(patterns[i], "b$") ? want : false;
			want = strcmp(patterns[i], "a.b") ? want : places[p] > 1;
			cr_expect_eq(line(text), want, "'%s' at %zu", patterns[i], places[p]);
			memcpy(at, "aa", 2);
		}
		end();
	}
	free(text);
}

/* The first plan has no match in the line: it must not be searched for again each time. */
Test(pattern, locating_literals_of_several_plans_is_linear_in_the_line)
{
	char words[74][8];
	const char *texts[75] = { NULL };
	for (size_t i = 0; i < SL_COUNT_OF(words); i++) {
		snprintf(words[i], sizeof(words[i]), "w%03zuz ", i);
		texts[i] = words[i];
	}
	for (size_t count = 1000; count <= 16000; count *= 4) {
		char *text = malloc(count * 6 + 1);
		for (size_t i = 0; i < count; i++)
			memcpy(text + i * 6, words[64 + i % 10], 6);
		text[count * 6] = '\0';
		struct sl_match_range place = { 0 };
		begin(texts, FIXED);
		for (size_t i = 0; i < count; i++)
			cr_assert(find(text, false, place.end, &place) && place.begin == i * 6);
		cr_assert_not(find(text, false, place.end, &place));
		cr_assert_leq(sl_matcher_searched(matcher), 2 * 6 * count);
		end();
		free(text);
	}
}

Test(pattern, patterns_that_take_more_memory_than_they_may_are_refused)
{
	static char bytes[3000][24];
	static struct sl_span spans[3000];
	for (int fixed = 0; fixed < 2; fixed++) {
		for (size_t i = 0; i < SL_COUNT_OF(spans); i++) {
			int len = snprintf(
				bytes[i], sizeof(bytes[i]), fixed ? "%zu id" : "%zu \\w+x", i);
			spans[i] = sl_span(bytes[i], (size_t)len);
		}
		struct sl_pattern_spec spec = { .texts = spans,
			.count = SL_COUNT_OF(spans),
			.fixed = fixed,
			.memory_max = fixed ? 500000 : 1000000 };
		struct sl_error err = { 0 };
		const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
		cr_assert_eq(sl_pattern_new(&pattern, &spec, kernel, &err), SL_E_LIMIT);
		cr_assert(strstr(err.text, "--max-memory"), "%s", err.text);
		spec.memory_max = 0;
		err = (struct sl_error){ 0 };
		cr_assert_eq(sl_pattern_new(&pattern, &spec, kernel, &err), 0, "%s", err.text);
		cr_assert_gt(sl_pattern_memory(pattern), fixed ? 50000 : 1000000);
		sl_pattern_free(pattern);
	}
}

Test(pattern, without_patterns_the_default_pair_is_searched)
{
	begin(NULL, 0);
	cr_assert_eq(line("x ERROR"), 1);
	cr_assert_eq(line("terrors"), 1);
	cr_assert_eq(line("Error"), 0);
	end();
}

Test(pattern, any_of_several_is_enough)
{
	const char *const texts[] = { "foo", "b[ae]+r", NULL };
	begin(texts, 0);
	cr_assert(sl_pattern_confirms(pattern));
	cr_assert_eq(line("a foo"), 1);
	cr_assert_eq(line("ber"), 1);
	cr_assert_eq(line("fo bor"), 0);
	end();
	const char *const plain[] = { "foo", "bar|baz", NULL };
	begin(plain, 0);
	cr_assert_not(sl_pattern_confirms(pattern));
	cr_assert_eq(line("x baz"), 1);
	end();
}

/* Expressions that need no literal are joined, if they mean the same then: each alone says what a
 * line has to be. */
Test(pattern, several_match_what_each_alone_does)
{
	static const char *const texts[] = { "[a-z]\\d", "^\\w\\d$", "(.)(.)\\2\\1", "(.)\\1{2}",
		"(?<x>[b-z])\\k<x>", "(?i)[A-M]{3}z", "(?:\\d|x)y|[0-4][5-9]", "\\Q[z", "[(?#]\\s",
		"(?x)[y] [z] # (", "(?=[a-f])\\w\\s\\w", "(?<!\\w)[xyz]+(?!\\w)",
		"(?|([x])|(y))z\\1", "([x-z])?(?(1)\\d|\\s\\d)", "(?>[a-c]+)[c-e]", "\\A\\s|\\d\\z",
		"[]x]\\W", "([a-c](?1)?[x-z])", "(*NOTEMPTY)[0-3]*", "\\b\\w\\b\\s\\b\\w\\b",
		"[a-c]*+[c-z]\\d" };
	static const char letters[] = "abcxyzABZ0159 [(.";
	struct sl_random random;
	sl_random_init(&random, 3);
	for (int round = 0; round < 300; round++) {
		const char *some[9] = { NULL };
		char lines[40][8];
		bool matches[40] = { false };
		size_t count = 2 + sl_random_below(&random, 7);
		for (size_t i = 0; i < SL_COUNT_OF(lines); i++) {
			size_t len = sl_random_below(&random, sizeof(lines[i]));
			for (size_t at = 0; at < len; at++)
				lines[i][at] =
					letters[sl_random_below(&random, sizeof(letters) - 1)];
			lines[i][len] = '\0';
		}
		for (size_t i = 0; i < count; i++) {
			const char *alone[] = { NULL, NULL };
			alone[0] = some[i] = texts[sl_random_below(&random, SL_COUNT_OF(texts))];
			begin(alone, 0);
			for (size_t k = 0; k < SL_COUNT_OF(lines); k++)
				matches[k] = matches[k] || line(lines[k]) == SL_VERDICT_YES;
			end();
		}
		begin(some, 0);
		for (size_t k = 0; k < SL_COUNT_OF(lines); k++)
			cr_assert_eq(line(lines[k]), matches[k] ? SL_VERDICT_YES : SL_VERDICT_NO,
				"'%s', round %d", lines[k], round);
		end();
	}
}

Test(pattern, bad_ones_are_refused_with_their_place)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "a(b", "missing closing parenthesis at offset 3" },
		{ "[z", "missing terminating ]" },
		{ "*a", "at offset 0" },
		{ "(?<=\\X)a\\p{Foo}", "\\p" },
		{ "a\\", "at offset" },
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
	cr_assert_eq(line(text), SL_VERDICT_UNDECIDED);
	cr_assert_eq(line("abc"), 1);
	cr_assert_eq(line("abd"), 0);
	end();
}

static void
expect_found(const char *text, size_t want_begin, size_t want_end)
{
	struct sl_match_range place;
	cr_assert(find(text, false, 0, &place));
	cr_assert(place.begin == want_begin && place.end == want_end, "'%s': %zu to %zu", text,
		place.begin, place.end);
}

Test(pattern, more_literals_than_a_word_has_bits_are_found_in_their_order)
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
	cr_assert(sl_pattern_confirms(pattern) && !sl_pattern_has_expressions(pattern));
	cr_assert_eq(line(text), 1);
	cr_assert_eq(line(text + 101), 0);
	end();
}

Test(pattern, of_a_very_long_line_only_a_sure_match_counts)
{
	static const struct {
		const char *pattern;
		enum sl_verdict
			want; /* for a line of x that begins with "error " and ends with "end" */
	} cases[] = {
		{ "err[o]r", 1 },
		{ "^err[o]r x", 1 },
		{ "en[d]", SL_VERDICT_YES }, /* as the literal that it is */
		{ "en[d]\\b", SL_VERDICT_UNDECIDED },
		{ "missin[g]\\b", SL_VERDICT_NO }, /* its literal is nowhere in the line */
		{ "x$", SL_VERDICT_UNDECIDED },
		{ "x\\z", SL_VERDICT_UNDECIDED },
		{ "xx(?!x)", SL_VERDICT_UNDECIDED },
		{ "^err[o]r (?!.*end)", SL_VERDICT_UNDECIDED },
		/* A way to match in what is known stays one, however far the expression could go
		   on. */
		{ "err[o]r.*", SL_VERDICT_YES },
		{ "^err[o]r.*x", SL_VERDICT_YES },
		{ "\\berr[o]r.*x", SL_VERDICT_YES },
		{ "er+[o]r( x+)?", SL_VERDICT_YES },
		{ "q.*z|^err[o]r", SL_VERDICT_YES },
		{ "^.*q|\\berr[o]r\\b", SL_VERDICT_YES },
		/* Nothing is given up for what more there may be, and nothing that may be given up
		   for it is sure. */
		{ "^err[o]r x*+$", SL_VERDICT_UNDECIDED },
		{ "(?>err[o]r|error x*)(?<!d)$", SL_VERDICT_UNDECIDED },
		{ "(?=.*end)err[o]r", SL_VERDICT_UNDECIDED },
		{ "^err[o]r (?*x*$)", SL_VERDICT_UNDECIDED },
	};
	size_t len = SL_PATTERN_LINE_MAX + 1000;
	unsigned char *text = malloc(len);
	memset(text, 'x', len);
	memcpy(text, "error ", 6);
	memcpy(text + len - 3, "end", 3);
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		const char *const texts[] = { cases[i].pattern, NULL };
		begin(texts, 0);
		cr_assert_eq(match(text, len), cases[i].want, "'%s'", cases[i].pattern);
		end();
	}
	const char *const plain[] = { "xend", NULL };
	begin(plain, 0);
	cr_assert_eq(match(text, len), SL_VERDICT_YES);
	end();
	free(text);
}

Test(pattern, matches_in_a_line_are_leftmost)
{
	const char *const texts[] = { "b+", "a?bc", NULL };
	begin(texts, 0);
	struct sl_match_range place;
	cr_assert(find("xxabcbb", false, 0, &place));
	cr_assert(place.begin == 2 && place.end == 5);
	cr_assert(find("xxabcbb", false, place.end, &place));
	cr_assert(place.begin == 5 && place.end == 7);
	cr_assert_not(find("xxabcbb", false, place.end, &place));
	end();
}

/* As alternatives of one expression are. */
Test(pattern, a_match_is_where_it_is_found_not_where_it_is_kept_from)
{
	static const struct {
		const char *texts[3], *line;
		size_t begins[3], count;
	} cases[] = {
		{ { "ab\\Kc", "b" }, "abcb", { 2, 3 }, 2 },
		{ { "b", "ab\\Kc" }, "abc", { 2 }, 1 },
		{ { "a\\Kb", "a" }, "aba", { 1, 2 }, 2 },
		{ { "[a]b\\Kc", "\\w{2}" }, "abc", { 2 }, 1 },
		{ { "fo+\\Kx?" }, "foofoox", { 3, 6 }, 2 },
		{ { "\\Kx*" }, "axx", { 0, 1, 3 }, 3 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_match_range place;
		size_t from = 0, count = 0;
		begin(cases[i].texts, 0);
		for (; find(cases[i].line, false, from, &place); count++) {
			cr_assert(count < cases[i].count && place.begin == cases[i].begins[count],
				"%zu: %zu", i, place.begin);
			from = sl_match_range_next(&place);
		}
		cr_assert_eq(count, cases[i].count, "%zu", i);
		end();
	}
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
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		const char *const texts[] = { cases[i].pattern, NULL };
		begin(texts, 0);
		for (unsigned goes_on = 0; goes_on < 2; goes_on++) {
			struct sl_match_range place = { 0 };
			unsigned count = 0;
			while (find("ab ab", goes_on, place.end, &place))
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
		struct sl_block_result result;
		sl_block_scan(sl_pattern_kernel(pattern), sl_pattern_plan(pattern), matcher, data,
			len, marks, &result);
		size_t from = 0;
		for (size_t i = 0; i < len; i++) {
			if (data[i] != '\n')
				continue;
			bool hit = newlines > 0 && match(data + from, i - from) == SL_VERDICT_YES;
			hits += hit;
			cr_assert_eq(marks[i / 64] >> (i % 64) & 1, hit);
			newlines++;
			from = i + 1;
		}
		cr_assert(result.newlines == newlines && result.hits == hits &&
			  result.undecided == 0);
	}
	end();
}
