/*
 * The literals that are read from expressions, as a user sees them: random expressions decide about
 * random lines as PCRE2 does when it is asked about every line, and the literals that people rely
 * on for speed are found.
 */
#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/scan/block.h"

#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct subject {
	struct sl_pattern *pattern;
	struct sl_matcher *matcher;
};

static struct sl_random rng;

static int
compile(struct subject *subject, struct sl_span text, bool ignore_case)
{
	struct sl_error err = { 0 };
	struct sl_pattern_spec spec = { .texts = &text, .count = 1, .ignore_case = ignore_case };
	int code =
		sl_pattern_new(&subject->pattern, &spec, sl_match_choose(sl_cpu_features()), &err);
	cr_assert(code == 0 || code == SL_E_USAGE, "%.*s: %s", (int)text.len, text.data, err.text);
	if (code == 0)
		cr_assert_eq(sl_matcher_new(&subject->matcher, subject->pattern), 0);
	return code;
}

static void
release(struct subject *subject)
{
	sl_matcher_free(subject->matcher);
	sl_pattern_free(subject->pattern);
	*subject = (struct subject){ 0 };
}

/* Of a block that is this line. */
static enum sl_block_line
line_of(const struct subject *subject, struct sl_span text)
{
	struct sl_block_result result;
	unsigned char block[256];
	memcpy(block, text.data, text.len);
	block[text.len] = '\n';
	sl_block_scan(sl_pattern_kernel(subject->pattern), sl_pattern_plan(subject->pattern),
		subject->matcher, block, text.len + 1, NULL, &result);
	return result.head_line;
}

static enum sl_verdict
decide(const struct subject *subject, struct sl_span text)
{
	struct sl_subject line = { (const unsigned char *)text.data, text.len, false };
	enum sl_block_line found = line_of(subject, text);
	bool took_long = false;
	if (found == SL_BLOCK_LINE_CANDIDATE)
		return sl_matcher_confirm(subject->matcher, &line, &took_long);
	return found == SL_BLOCK_LINE_HIT ? SL_VERDICT_YES : SL_VERDICT_NO;
}

/* Of a line that ends with a newline: a CR before that is not part of it. */
static enum sl_verdict
decide_closed(const struct subject *subject, const char *text)
{
	size_t len = strlen(text);
	struct sl_subject line =
		sl_subject_of((const unsigned char *)text, len, false, true, false);
	enum sl_block_line found = line_of(subject, sl_span(text, len));
	bool took_long = false;
	if (found == SL_BLOCK_LINE_CANDIDATE)
		return sl_matcher_confirm(subject->matcher, &line, &took_long);
	return found == SL_BLOCK_LINE_HIT ? SL_VERDICT_YES : SL_VERDICT_NO;
}

/* ---- random expressions ---- */

static const char *
one_of(const char *const *choices, size_t count)
{
	return choices[sl_random_below(&rng, count)];
}

#define ONE_OF(...) \
	one_of((const char *const[]){ __VA_ARGS__ }, \
		SL_COUNT_OF(((const char *const[]){ __VA_ARGS__ })))

static void add_choice(struct sl_buf *text, unsigned depth, bool is_wide);

static void
add_group(struct sl_buf *text, unsigned depth, bool is_wide)
{
	sl_buf_add_str(text, ONE_OF("(", "(?:", "(?i:", "(?-i:", "(?>", "(?=", "(?!", "(?<=", "(?|",
				     "(?<n>", "(?s-i:", "(?'m'", "(?P<p>"));
	add_choice(text, depth + 1, is_wide);
	sl_buf_add_str(text, ")");
}

static void
add_atom(struct sl_buf *text, unsigned depth, bool is_wide)
{
	uint64_t kind = sl_random_below(&rng, 24);
	if (kind >= 20)
		sl_buf_add_str(text, ONE_OF("a", "b"));
	else if (kind < 10 && sl_random_below(&rng, 2))
		sl_buf_add_str(text, ONE_OF("a", "b", "A", "aa"));
	else if (kind < 10)
		sl_buf_add_str(text, ONE_OF("a", "b", "A", "k", "s", "S", "1", " ", "-", "{", "}",
					     "]", "ab", "ks"));
	else if (kind == 10)
		sl_buf_add_str(text, ONE_OF("\\d", "\\w", "\\s", "\\b", "\\B", "\\x61", "\\t",
					     "\\.", "\\D", "\\\\", "\\n?", "\\h", "\\K", "\\ ",
					     "\\1", "\\A", "\\z", "\\R?", "\\e", "\\-", "\\N"));
	else if (kind < 13)
		sl_buf_add_str(text, ONE_OF("[ab]", "[^a]", "[a-k]", "[kK]", "[sx]", "[]a]", "[^]]",
					     "[a\\n]", "[\\d]", "[[:digit:]]", "[\\x61-c]", "[a-]",
					     "[\\w-]", "[A-B1]", "[\\]a]", "[a\\-b]", "[\\s]"));
	else if (kind == 13)
		sl_buf_add_str(text, ONE_OF("\\Qa.\\E", "\\Q\\E", "\\E", "\\Qab\\E\\Q1\\E", "(?i)",
					     "(?-i)", "(?s)", "(?#x)", "(?im)"));
	else if (kind == 14)
		sl_buf_add_str(text, ONE_OF("^", "$", "."));
	else if (kind == 15 && is_wide)
		sl_buf_add_str(text, ONE_OF("\xc3\xa9", "[\xc3\251a]", "\\p{L}", "\\x{e9}", "\\pL",
					     "[\\p{Lu}a]"));
	else if (depth < 3)
		add_group(text, depth, is_wide);
	else
		sl_buf_add_str(text, "b");
}

static void
add_choice(struct sl_buf *text, unsigned depth, bool is_wide)
{
	for (uint64_t choices = 1 + sl_random_below(&rng, 3) / 2; choices; choices--) {
		for (uint64_t atoms = sl_random_below(&rng, 5); atoms; atoms--) {
			add_atom(text, depth, is_wide);
			if (sl_random_below(&rng, 5) == 0)
				sl_buf_add_str(text,
					ONE_OF("?", "*", "+", "{2}", "{0,1}", "{1,}", "{0}",
						"{2,3}", "??", "+?", "*+", "{2}{2}", "{1}{0}",
						"{,2}", "{1}?", "++", "{ 1 }", "\\E+", "{17}"));
		}
		sl_buf_add_str(text, choices > 1 ? "|" : "");
	}
}

/* Half of the lines are such that short expressions match them. */
static struct sl_span
random_line(char line[200])
{
	size_t len = 0;
	bool is_simple = sl_random_below(&rng, 2);
	for (uint64_t parts = sl_random_below(&rng, 12); parts; parts--) {
		const char *part =
			is_simple ? ONE_OF("a", "b", "A", "B", "aa")
				  : ONE_OF("a", "b", "A", "B", "k", "K", "s", "S", "1", " ", "-",
					    "{", "}", "]", ".", "\\", "\t", "ab", "ks", "\xc3\xa9",
					    "\xe2\x84\xaa", "\xc5\xbf", "\xc3\x89", "{2}",
					    "aaaaaaaaaaaaaaaaa", "\xff");
		memcpy(line + len, part, strlen(part));
		len += strlen(part);
	}
	return sl_span(line, len);
}

/* Where the line matches is what the expression says, whatever decided that it does. */
static void
check_place(const struct subject *subject, const struct subject *every, struct sl_span text,
	struct sl_span found)
{
	struct sl_subject line = { (const unsigned char *)found.data, found.len, false };
	struct sl_match_range got = { 0 }, want = { 0 };
	enum sl_verdict verdict = sl_matcher_find(every->matcher, &line, 0, false, &want);
	cr_assert_eq(sl_matcher_find(subject->matcher, &line, 0, false, &got), verdict);
	cr_assert(got.begin == want.begin && got.end == want.end,
		"'%.*s' in '%.*s': %zu to %zu, not %zu to %zu", (int)text.len, text.data,
		(int)found.len, found.data, got.begin, got.end, want.begin, want.end);
}

/* With a verb in it an expression is asked about every line. */
static void
check_expression(struct sl_span text, bool ignore_case, size_t *candidates)
{
	struct subject subject = { 0 }, every = { 0 };
	struct sl_buf verb = { 0 };
	char line[200];
	sl_buf_printf(&verb, "(?:%.*s)|(*FAIL)", (int)text.len, text.data);
	if (compile(&subject, text, ignore_case) != 0 ||
		compile(&every, sl_buf_span(&verb), ignore_case) != 0) {
		sl_buf_release(&verb);
		release(&subject);
		return;
	}
	cr_assert_eq(line_of(&every, sl_span("", 0)), SL_BLOCK_LINE_CANDIDATE);
	*candidates += line_of(&subject, sl_span("", 0)) == SL_BLOCK_LINE_CANDIDATE;
	for (unsigned i = 0; i < 40; i++) {
		struct sl_span found = random_line(line);
		enum sl_verdict got = decide(&subject, found), want = decide(&every, found);
		cr_assert(got == want || want == SL_VERDICT_UNDECIDED,
			"'%.*s'%s in '%.*s': %d, not %d", (int)text.len, text.data,
			ignore_case ? " -i" : "", (int)found.len, found.data, got, want);
		if (want == SL_VERDICT_YES)
			check_place(&subject, &every, text, found);
	}
	release(&subject);
	release(&every);
	sl_buf_release(&verb);
}

Test(pattern_literals, random_expressions_find_the_lines_that_they_match_without_literals)
{
	size_t candidates = 0;
	const size_t rounds = 3000;
	sl_random_init(&rng, 71);
	for (size_t round = 0; round < rounds; round++) {
		struct sl_buf text = { 0 };
		add_choice(&text, 0, round % 3 == 0);
		if (text.len)
			check_expression(sl_buf_span(&text), round % 2, &candidates);
		sl_buf_release(&text);
	}
	/* Else the test would test nothing. */
	cr_assert(candidates > rounds / 10 && candidates < rounds / 2, "%zu", candidates);
}

/* ---- what is found ---- */

/* A line that holds none of the literals is not even a candidate; one that does is, or matches. */
Test(pattern_literals, lines_without_the_literals_of_an_expression_are_no_candidates)
{
	static const struct {
		const char *text, *without, *with;
		bool ignore_case;
	} cases[] = {
		{ "timeout after [0-9]+ ms", "timeout after", "timeout after 5 ms", false },
		{ "\\berror\\b.*(disk|net)", "disk net err", "error on disk", false },
		{ "^\\[?(warn|fail)ing", "warn fail", "[failing", false },
		{ "fo+bar", "fooo ba", "fooobar", false },
		{ "(?i)fatal: \\d+", "fatal", "FATAL: 7", false },
		{ "fatal: \\d+", "fatal", "FATAL: 7", true },
		{ "=\\d+", "a=b 7", "a=7", false },
		{ "(abc|abd){2,}x*", "ab abx", "abcabd", false },
		{ "user=\\w+ (?=denied)", "user denied", "user=x denied", false },
		{ "caf\xc3\xa9 \\w+", "cafe x", "caf\xc3\xa9 x", false },
		{ "\\Qa.b\\E+\\s", "axb ", "a.b ", false },
		{ "(?<level>ERROR|FATAL)\\s", "error fatal", "FATAL ", false },
		{ "[Ee]x(ception)? at \\S", "Ex", "ex at x", false },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct subject subject = { 0 };
		cr_assert_eq(
			compile(&subject, sl_span_str(cases[i].text), cases[i].ignore_case), 0);
		cr_expect_eq(line_of(&subject, sl_span_str(cases[i].without)), SL_BLOCK_LINE_NO,
			"'%s'", cases[i].text);
		cr_expect_eq(decide(&subject, sl_span_str(cases[i].with)), SL_VERDICT_YES, "'%s'",
			cases[i].text);
		release(&subject);
	}
}

/* An expression of which literals tell the lines is not asked about any; of others, lines that hold
 * what is needed are candidates. */
Test(pattern_literals, what_may_be_missing_or_repeated_at_the_ends_is_not_asked_for)
{
	static const struct {
		const char *text;
		bool decides, ignore_case;
		const char *with, *without;
	} cases[] = {
		{ "\\d+", true, false, "a 12", "ab" },
		{ "=\\d+", true, false, "a=12", "12= a" },
		{ "\\w+Exception", true, false, "IOException", "an Exception" },
		{ "\\w+exception", true, true, "IOException", "an Exception" },
		{ ".*error.*", true, false, "an error", "an err" },
		{ "errors?", true, false, "error", "err" },
		{ "(a|bc)+d", true, false, "bcd", "bd" },
		{ "x{2,4}y*", true, false, "xx", "x y" },
		{ "\\s*at\\s\\d+", true, false, "at 1", "at " },
		{ "[^:]*: \\d*|fo+", true, false, "fo", ":" },
		{ "\\d+|[a-x]+:", true, false, "x:", "x" },
		{ "(warn|fail)ed\\d{1,}", true, false, "failed12", "warned x1" },
		{ "\\d\\d", true, false, "a 12", "1 2" },
		{ "\\w{2,}:\\d+", true, false, "ab:1", "a:1 b:" },
		{ "[a-z]{5}", true, true, "a ABCDE", "abcd efgh" },
		{ "\\d\\d\\s", false, false, "12 ", "12\r" },
		{ "\\d\\d|[a-z]{3}", false, false, "abc", "ab 1" },
		{ "\\d\\d+\\d", false, false, "1234", "12" },
		{ "^\\d\\d", false, false, "12", "a12" },
		{ "[a-z]{9}", false, false, "abcdefghi", "abcdefgh" },
		{ "[\\w\\xe9]{3}", false, false, "caf\xe9", "ca" },
		{ "fo+bar", false, false, "foobar", "fobr" },
		{ "fooo?bar", false, false, "foobar", "fobar" },
		{ "error\\s+", false, false, "error ", "error" },
		{ "error\\s+", false, false, "error\t", "error\r" },
		{ "x+$", false, false, "ax", "xa" },
		{ "a*+a", false, false, "b", NULL },
		{ "(?i)error\\d+", false, false, "ERROR1", "ERROR" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct subject subject = { 0 };
		const char *text = cases[i].text;
		cr_assert_eq(compile(&subject, sl_span_str(text), cases[i].ignore_case), 0);
		cr_expect_eq(sl_pattern_confirms(subject.pattern), !cases[i].decides, "'%s'", text);
		if (cases[i].without) {
			cr_expect_eq(decide(&subject, sl_span_str(cases[i].with)), SL_VERDICT_YES,
				"'%s'", text);
			cr_expect_eq(decide_closed(&subject, cases[i].without), SL_VERDICT_NO,
				"'%s'", text);
		}
		release(&subject);
	}
}

/* What looks like the name of a group, but is not one, hides no alternative. */
Test(pattern_literals, assertions_that_are_not_atomic_are_not_names_of_groups)
{
	static const struct {
		const char *text, *line;
	} cases[] = {
		{ "(?<*foo)bar|x(?>error)", "foobar" },
		{ "(?<*foo)bar|x(?<n>error)", "foobar" },
		{ "(?*foo)\\w+bar|x(?>error)", "foobar" },
		{ "(?<*foo)bar|xerror", "xerror" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct subject subject = { 0 };
		cr_assert_eq(compile(&subject, sl_span_str(cases[i].text), false), 0);
		cr_expect_eq(decide(&subject, sl_span_str(cases[i].line)), SL_VERDICT_YES, "'%s'",
			cases[i].text);
		release(&subject);
	}
}

/* In UTF mode k and s are also U+212A and U+017F if case is ignored. */
Test(pattern_literals, letters_that_fold_to_others_than_ascii_are_no_literals)
{
	static const struct {
		const char *text, *line;
	} cases[] = {
		{ "task\xc3\xa9?\\d", "TA\xc5\xbf\xe2\x84\2527" },
		{ "ki\\w\xc3\xa9", "\xe2\x84\xaaIx\xc3\x89" },
		{ "[k]ey\xc3\xa9?\\d", "\xe2\x84\252ey1" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct subject subject = { 0 };
		cr_assert_eq(compile(&subject, sl_span_str(cases[i].text), true), 0);
		cr_expect_eq(decide(&subject, sl_span_str(cases[i].line)), SL_VERDICT_YES, "'%s'",
			cases[i].text);
		release(&subject);
	}
}

/* Each expression has literals of its own, some the same: only what can match is asked. */
Test(pattern_literals, many_expressions_are_told_apart_by_their_literals)
{
	struct sl_span texts[200];
	char bytes[200][32], line[64];
	struct subject subject = { 0 };
	struct sl_error err = { 0 };
	for (size_t i = 0; i < 200; i++) {
		int len = snprintf(
			bytes[i], sizeof(bytes[i]), "w%zux\\w+ %c$", i / 2, i % 2 ? 'a' : 'b');
		texts[i] = sl_span(bytes[i], (size_t)len);
	}
	struct sl_pattern_spec spec = { .texts = texts, .count = 200 };
	cr_assert_eq(
		sl_pattern_new(&subject.pattern, &spec, sl_match_choose(sl_cpu_features()), &err),
		0);
	cr_assert_eq(sl_matcher_new(&subject.matcher, subject.pattern), 0);
	for (size_t i = 0; i < 120; i++) {
		for (char end = 'a'; end <= 'c'; end++) {
			int len = snprintf(line, sizeof(line), "w5xx c w%zuxx %c", i, end);
			bool want = i < 100 && end != 'c';
			struct sl_subject whole = { (const unsigned char *)line, (size_t)len,
				false };
			struct sl_match_range place;
			cr_assert_eq(decide(&subject, sl_span(line, (size_t)len)),
				want ? SL_VERDICT_YES : SL_VERDICT_NO, "%s", line);
			cr_assert_eq(sl_matcher_find(subject.matcher, &whole, 0, false, &place),
				want ? SL_VERDICT_YES : SL_VERDICT_NO, "%s", line);
			cr_assert(!want || (place.begin == 7 && place.end == (size_t)len));
		}
	}
	release(&subject);
}

/* What is not complete, PCRE2 refuses; the reader must not look behind its end until then. */
Test(pattern_literals, an_expression_that_ends_anywhere_is_read_to_its_end)
{
	static const char *const texts[] = { "x[a-", "[^]a-\\d[:alpha:]-z]{2,3}?+", "\\Qa\\Eb\\x4",
		"(?<name>a|b)(?P<n>c)(?'n'd)(?i-s:e)(?<*f)(?|g)", "\\p{Lu}\\pL\\P{^Ll}+",
		"a{1,}b{2}c{3,4}d{", "(*UTF)(*SKIP)(?#c)\xc3\xa9\xf0\x9f" };
	struct guard guard;
	guard_init(&guard, 64);
	for (size_t i = 0; i < SL_COUNT_OF(texts); i++) {
		for (size_t len = 1; len <= strlen(texts[i]); len++) {
			struct subject subject = { 0 };
			char *text = guard_place(&guard, texts[i], len);
			(void)compile(&subject, sl_span(text, len), len % 2);
			release(&subject);
		}
	}
	guard_release(&guard);
}
