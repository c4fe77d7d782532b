/*
 * Lines for each pattern, against PCRE2 asked for each pattern and line.
 */
#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/match/tally.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define MOST_PATTERNS 70 /* more than a word of bits */

static char texts[MOST_PATTERNS][32];
static struct sl_span spans[MOST_PATTERNS];
static pcre2_code *codes[MOST_PATTERNS];
static uint64_t want[MOST_PATTERNS];
static struct sl_pattern_spec spec;
static struct sl_tally *tally;

static const char *const expressions[] = { "a+b", "[ab]c", "^b", "c$", "a|bc", "", "a.?c",
	"[a-c]{4}", "\\bab" };
static const char *const strings[] = { "a", "ab", "bca", "c", "", "AB", "aaa", "b c" };

static void
begin(struct sl_random *random)
{
	static const char *const around[][2] = { { "", "" }, { "(?<!\\w)(?:", ")(?!\\w)" },
		{ "\\A(?:", ")\\z" } };
	struct sl_error err = { 0 };
	size_t count = 1 + sl_random_below(random, sl_random_below(random, 4) ? 5 : MOST_PATTERNS);
	spec = (struct sl_pattern_spec){ .texts = spans,
		.count = count,
		.fixed = sl_random_below(random, 3) == 0,
		.ignore_case = sl_random_below(random, 2),
		.bounds = (enum sl_bounds)sl_random_below(random, 3) };
	for (size_t i = 0; i < count; i++) {
		bool is_string = spec.fixed || sl_random_below(random, 2);
		snprintf(texts[i], sizeof(texts[i]), "%s",
			is_string ? strings[sl_random_below(random, SL_COUNT_OF(strings))]
				  : expressions[sl_random_below(random, SL_COUNT_OF(expressions))]);
		spans[i] = sl_span_str(texts[i]);
		char whole[80];
		int code;
		size_t off;
		snprintf(whole, sizeof(whole), "%s%s%s", around[spec.bounds][0], texts[i],
			around[spec.bounds][1]);
		codes[i] = pcre2_compile((PCRE2_SPTR)whole, PCRE2_ZERO_TERMINATED,
			spec.ignore_case ? PCRE2_CASELESS : 0, &code, &off, NULL);
		cr_assert_not_null(codes[i]);
		want[i] = 0;
	}
	cr_assert_eq(sl_tally_new(&tally, &spec, sl_match_choose(sl_cpu_features()), &err), 0, "%s",
		err.text);
}

static void
check(void)
{
	size_t count;
	const struct sl_tally_row *rows = sl_tally_rows(tally, &count);
	cr_assert_eq(count, spec.count);
	for (size_t i = 0; i < count; i++) {
		cr_assert_eq(rows[i].lines, want[i], "'%s': %zu lines, not %zu", texts[i],
			(size_t)rows[i].lines, (size_t)want[i]);
		cr_assert_eq(rows[i].undecided, 0);
		cr_assert(sl_span_equal(rows[i].text, spans[i]));
		pcre2_code_free(codes[i]);
	}
	sl_tally_free(tally);
}

Test(tally, each_pattern_counts_the_lines_that_it_matches)
{
	struct sl_random random;
	pcre2_match_data *found = pcre2_match_data_create(1, NULL);
	sl_random_init(&random, 5);
	for (int round = 0; round < 400; round++) {
		begin(&random);
		for (int lines = 0; lines < 20; lines++) {
			char line[12];
			size_t len = sl_random_below(&random, sizeof(line));
			for (size_t i = 0; i < len; i++)
				line[i] = "abcAB _"[sl_random_below(&random, 7)];
			struct sl_subject subject = { (unsigned char *)line, len, false };
			cr_assert(
				sl_tally_add(tally, &subject, false, sl_random_below(&random, 2)));
			for (size_t i = 0; i < spec.count; i++)
				want[i] += pcre2_match(codes[i], (PCRE2_SPTR)line, len, 0, 0, found,
						   NULL) >= 0;
		}
		check();
	}
	pcre2_match_data_free(found);
}

/* Parts may be merged in any order, and used again. */
Test(tally, lines_that_are_counted_in_parts_are_counted_as_at_once)
{
	struct sl_random random;
	pcre2_match_data *found = pcre2_match_data_create(1, NULL);
	sl_random_init(&random, 6);
	for (int round = 0; round < 200; round++) {
		struct sl_tally_counter *counters[2];
		struct sl_tally_part *parts[3];
		begin(&random);
		for (int i = 0; i < 2; i++)
			cr_assert_eq(sl_tally_counter_new(&counters[i], tally, NULL), 0);
		for (int i = 0; i < 3; i++)
			cr_assert_not_null(parts[i] = sl_tally_part_new(tally));
		for (int lines = 0; lines < 40; lines++) {
			char line[12];
			size_t len = sl_random_below(&random, sizeof(line));
			for (size_t i = 0; i < len; i++)
				line[i] = "abcAB _"[sl_random_below(&random, 7)];
			struct sl_subject subject = { (unsigned char *)line, len, false };
			struct sl_tally_part *part = parts[sl_random_below(&random, 3)];
			cr_assert(sl_tally_count(counters[sl_random_below(&random, 2)], part,
				&subject, false, false));
			for (size_t i = 0; i < spec.count; i++)
				want[i] += pcre2_match(codes[i], (PCRE2_SPTR)line, len, 0, 0, found,
						   NULL) >= 0;
			if (sl_random_below(&random, 8) == 0) {
				sl_tally_merge(tally, part);
				sl_tally_part_clear(part);
			}
		}
		for (int i = 3; i-- > 0;) {
			sl_tally_merge(tally, parts[i]);
			sl_tally_part_free(parts[i]);
		}
		for (int i = 0; i < 2; i++)
			sl_tally_counter_free(counters[i]);
		check();
	}
	pcre2_match_data_free(found);
}

/* What may stand in the part that is not there is open. */
Test(tally, of_a_part_of_a_line_only_what_is_found_is_decided)
{
	struct sl_error err = { 0 };
	struct sl_span two[] = { { "here", 4 }, { "x+y", 3 }, { "e\nf", 3 } };
	const struct sl_pattern_spec some = { .texts = two, .count = 3 };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	struct sl_subject line = { (const unsigned char *)"it is here", 10, true };
	size_t count;
	cr_assert_eq(sl_tally_new(&tally, &some, kernel, &err), 0);
	cr_assert(sl_tally_add(tally, &line, true, false));
	const struct sl_tally_row *rows = sl_tally_rows(tally, &count);
	cr_assert_eq(count, 4); /* a newline divides */
	cr_expect(rows[0].lines == 1 && rows[0].undecided == 0);
	cr_expect(rows[1].lines == 0 && rows[1].undecided == 1);
	cr_expect(rows[2].lines == 1 && rows[2].undecided == 0);
	cr_expect(rows[3].lines == 0 && rows[3].undecided == 1);
	sl_tally_free(tally);
}

Test(tally, a_limit_leaves_a_line_undecided_for_its_pattern_alone)
{
	struct sl_error err = { 0 };
	struct sl_span two[] = { { "a", 1 }, { "^(a+)+$", 7 } };
	const struct sl_pattern_spec some = { .texts = two, .count = 2 };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";
	struct sl_subject line = { (const unsigned char *)text, sizeof(text) - 1, false };
	size_t count;
	cr_assert_eq(sl_tally_new(&tally, &some, kernel, &err), 0);
	cr_assert_not(sl_tally_add(tally, &line, false, true));
	cr_assert(sl_tally_add(tally, &line, false, false));
	const struct sl_tally_row *rows = sl_tally_rows(tally, &count);
	cr_expect(rows[0].lines == 1 && rows[0].undecided == 0);
	cr_expect(rows[1].lines == 0 && rows[1].undecided == 1);
	sl_tally_free(tally);
}

Test(tally, expressions_that_take_more_memory_than_there_may_be_are_refused)
{
	struct sl_error err = { 0 };
	struct sl_span some[40];
	struct sl_pattern_spec limited = { .texts = some, .count = 40, .memory_max = 1 << 20 };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	for (size_t i = 0; i < SL_COUNT_OF(some); i++)
		some[i] = sl_span_str("(a{1,200}b?){1,9}c+");
	cr_assert_eq(sl_tally_new(&tally, &limited, kernel, &err), SL_E_LIMIT, "%s", err.text);
	limited.memory_max = 0;
	cr_assert_eq(sl_tally_new(&tally, &limited, kernel, &err), 0, "%s", err.text);
	sl_tally_free(tally);
}

Test(tally, more_expressions_than_can_be_counted_are_refused)
{
	struct sl_error err = { 0 };
	static struct sl_span many[SL_TALLY_EXPRESSIONS_MAX + 1];
	const struct sl_pattern_spec some = { .texts = many, .count = SL_COUNT_OF(many) };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	for (size_t i = 0; i < SL_COUNT_OF(many); i++)
		many[i] = sl_span_str("a+$");
	cr_assert_eq(sl_tally_new(&tally, &some, kernel, &err), SL_E_USAGE);
	cr_assert_null(tally);
	cr_assert(strstr(err.text, "at most 1000"), "%s", err.text);
}
