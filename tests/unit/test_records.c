/*
 * Random logs, cuts and rules: the records that are selected, and the lines that are given, are
 * those that a walk over the whole text chooses.
 */
#include "sluice/base/random.h"
#include "support/ab_pattern.h"
#include "support/cuts.h"
#include "support/records_oracle.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define MOST 1500
#define LINES (MOST + 1)

static struct ab_pattern ab;

/* One text in three is of lines that begin a record for certain, so that many are not looked at. */
static size_t
make_text(struct sl_random *random, char *text)
{
	static const char *const lines[] = { "x", "2024 y", "7 ab", "~ab", " i", "\tab", "", "\r",
		"Caused by: ab", "aError", "abException: x",
		"Traceback (most recent call last):", "Name: y", "ab: z",
		"goroutine 1 [running]:", "f(ab)", "g.h(1, 2)", "thread 'a' panicked at b:", "#1 f",
		"#x", "... 3 more", "ab" };
	size_t len = 0, most = sl_random_below(random, MOST - 64);
	size_t kinds = sl_random_below(random, 3) ? SL_COUNT_OF(lines) : 4;
	while (len < most) {
		const char *line = lines[sl_random_below(random, kinds)];
		if (sl_random_below(random, 3) == 0)
			line = lines[sl_random_below(random, 2)];
		len += (size_t)snprintf(text + len, MOST - len, "%s\n", line);
	}
	if (len && sl_random_below(random, 2))
		len--;
	text[len] = '\0';
	return len;
}

static uint64_t
some_records(struct sl_random *random)
{
	static const uint64_t counts[] = { 0, 0, 0, 1, 2, 5, UINT64_MAX - 1 };
	return counts[sl_random_below(random, SL_COUNT_OF(counts))];
}

static void
check_random(bool inverts, bool confirms, uint64_t seed)
{
	static struct records_line want_lines[LINES], got_lines[LINES];
	struct records_choice want = { .lines = want_lines }, got = { .lines = got_lines };
	struct sl_random random;
	char text[MOST];
	size_t sizes[CUTS];
	sl_random_init(&random, seed);
	ab_pattern_init(&ab, inverts, confirms);
	for (int round = 0; round < 2000; round++) {
		size_t len = make_text(&random, text);
		struct records_oracle oracle = { .rule = { some_records(&random),
							 some_records(&random), SIZE_MAX, inverts,
							 sl_random_below(&random, 3) == 0 },
			.most = UINT64_MAX };
		if (sl_random_below(&random, 4) == 0)
			oracle.most = 1 + sl_random_below(&random, 3);
		cuts_make(&random, len, sizes);
		records_oracle_choose(&oracle, text, len, &want);
		uint64_t lost =
			records_walk(&oracle, ab.pattern, ab.matcher, text, len, sizes, CUTS, &got);
		cr_assert_eq(lost, 0);
		cr_assert(records_is_same(&want, &got), "round %d: %zu lines of %zu records", round,
			got.count, (size_t)got.selected);
	}
	ab_pattern_release(&ab);
}

Test(records, do_not_depend_on_the_cuts)
{
	check_random(false, false, 61);
}

Test(records, nor_where_lines_have_to_be_confirmed)
{
	check_random(false, true, 62);
}

Test(records, nor_where_those_without_a_match_are_selected)
{
	check_random(true, false, 63);
	check_random(true, true, 64);
}

/* The lines that come before a match need memory: what is left out, and how many records are
 * selected, does not depend on the cuts. */
static void
check_limited(bool inverts, uint64_t seed)
{
	static struct records_line want_lines[LINES], got_lines[LINES];
	struct records_choice want = { .lines = want_lines }, got = { .lines = got_lines };
	struct sl_random random;
	char text[MOST];
	size_t sizes[CUTS];
	uint64_t lost = 0;
	sl_random_init(&random, seed);
	ab_pattern_init(&ab, inverts, false);
	for (int round = 0; round < 1000; round++) {
		size_t len = make_text(&random, text);
		size_t most = sl_random_below(&random, 6 * sl_history_cost(9));
		struct records_oracle oracle = { .rule = { some_records(&random),
							 some_records(&random), most, inverts,
							 false },
			.most = UINT64_MAX };
		cuts_make(&random, len, sizes);
		uint64_t some =
			records_walk(&oracle, ab.pattern, ab.matcher, text, len, NULL, 0, &want);
		cr_assert_eq(some, records_walk(&oracle, ab.pattern, ab.matcher, text, len, sizes,
					   CUTS, &got));
		cr_assert(records_is_same(&want, &got));
		records_oracle_choose(&oracle, text, len, &want);
		cr_assert_eq(want.selected, got.selected);
		lost += some;
	}
	cr_assert_gt(lost, 0);
	ab_pattern_release(&ab);
}

Test(records, lines_that_do_not_fit_are_counted_wherever_the_cuts_are)
{
	check_limited(false, 71);
	check_limited(true, 72);
}

Test(records, lines_behind_the_match_need_no_memory)
{
	static struct records_line lines[LINES];
	struct records_choice got = { .lines = lines };
	const struct records_oracle oracle = { .rule = { .held_bytes = sl_history_cost(8) },
		.most = 1 };
	char text[MOST] = "head\n ab\n";
	size_t len = strlen(text), size = 1;
	while (len < MOST - 8)
		len += (size_t)snprintf(text + len, MOST - len, "  more\n");
	ab_pattern_init(&ab, false, false);
	cr_assert_eq(records_walk(&oracle, ab.pattern, ab.matcher, text, len, &size, 1, &got), 0);
	cr_assert(got.selected == 1 && got.count == 2 + (len - 9) / 7);
	ab_pattern_release(&ab);
}

/* Its beginning may not be among the bytes that are kept of it. */
Test(records, a_line_of_more_than_a_mebibyte_begins_a_record)
{
	const struct sl_records_rule rule = { .held_bytes = 4 * SL_PARTIAL_KEEP };
	struct sl_records records;
	struct sl_partial_line line;
	sl_records_init(&records, &rule);
	for (uint64_t i = 0; i < 3; i++) {
		line = (struct sl_partial_line){ .text = (const unsigned char *)" x",
			.len = 2,
			.whole_len = SL_PARTIAL_KEEP + (i == 1),
			.index = i };
		sl_records_begin_line(&records, &line);
		while (sl_records_next(&records, &line) != SL_RECORDS_NONE)
			cr_assert_eq(line.index, i);
		cr_assert_eq(records.selected, i == 0 ? 1 : 2);
	}
	sl_records_release(&records);
}
