/*
 * Random texts, cuts and numbers of lines: the lines that are given are those that a walk over the
 * whole text chooses.
 */
#include "sluice/base/random.h"
#include "sluice/scan/context.h"
#include "sluice/scan/join.h"
#include "support/context_oracle.h"
#include "support/cuts.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST 900
#define LINES (MOST + 1)

static uint64_t
some_lines(struct sl_random *random)
{
	static const uint64_t counts[] = { 0, 1, 2, 3, 7, 50, UINT64_MAX - 1 };
	return counts[sl_random_below(random, SL_COUNT_OF(counts))];
}

static void
check_random(bool inverts, bool confirms, uint64_t seed)
{
	static const char alphabet[] = "aacd\n\n";
	static struct context_line want[LINES], got[LINES];
	struct sl_random random;
	struct ab_pattern ab;
	char text[MOST];
	size_t sizes[CUTS];
	sl_random_init(&random, seed);
	ab_pattern_init(&ab, inverts, confirms);
	for (int round = 0; round < 1500; round++) {
		size_t len = sl_random_below(&random, sizeof(text) + 1);
		for (size_t i = 0; i < len; i++)
			text[i] = alphabet[sl_random_below(&random, sizeof(alphabet) - 1)];
		uint64_t gap = 1 + sl_random_below(&random, 200);
		for (size_t i = sl_random_below(&random, 30); i + 2 < len;
			i += 1 + sl_random_below(&random, gap))
			memcpy(text + i, "ab", 2);
		struct context_oracle oracle = {
			{ some_lines(&random), some_lines(&random), SIZE_MAX }, inverts, UINT64_MAX
		};
		if (sl_random_below(&random, 4) == 0)
			oracle.rule.before_bytes = sl_random_below(&random, 8 * sl_history_cost(6));
		if (sl_random_below(&random, 4) == 0)
			oracle.most_hits = 1 + sl_random_below(&random, 3);
		cuts_make(&random, len, sizes);
		size_t wanted = context_oracle_choose(&oracle, text, len, want);
		size_t count = context_walk(&oracle, &ab, text, len, sizes, CUTS, got);
		cr_assert(context_is_same(want, wanted, got, count), "round %d: %zu lines, not %zu",
			round, count, wanted);
	}
	ab_pattern_release(&ab);
}

Test(context, lines_around_matches_do_not_depend_on_the_cuts)
{
	check_random(false, false, 51);
}

Test(context, nor_where_lines_have_to_be_confirmed)
{
	check_random(false, true, 52);
}

Test(context, nor_where_lines_that_do_not_match_are_selected)
{
	check_random(true, false, 53);
	check_random(true, true, 54);
}

/* In pieces of `step` bytes: a long line, and one that matches; the long one is context. */
Test(context, of_a_long_line_the_first_bytes_are_given_wherever_it_was_cut)
{
	const size_t keep = SL_PARTIAL_KEEP, len = 3 * keep;
	static const size_t steps[] = { 64 * 1024, SL_PARTIAL_KEEP - 1, 4 * SL_PARTIAL_KEEP };
	const struct sl_context_rule rule = { 1, 1, 2 * SL_PARTIAL_KEEP };
	char *text = malloc(2 * len + 5);
	memset(text, 'x', 2 * len + 5);
	text[0] = text[len + 4] = 'y';
	memcpy(text + len, "\nab\n", 4);
	struct ab_pattern ab;
	struct sl_join join;
	struct sl_context context;
	ab_pattern_init(&ab, false, false);
	for (size_t s = 0; s < SL_COUNT_OF(steps); s++) {
		uint64_t *marks = malloc(SL_MATCH_MARK_WORDS(steps[s]) * sizeof(*marks));
		struct sl_partial_line line;
		unsigned count = 0;
		sl_join_init(&join, ab.pattern, ab.matcher, true);
		sl_partial_spec_give_all(&join.spec);
		sl_context_init(&context, &rule);
		for (size_t at = 0; at <= 2 * len + 5; at += steps[s]) {
			struct sl_partial_run piece = { .data = (unsigned char *)text + at,
				.len = SL_MIN(steps[s], 2 * len + 5 - at) };
			memset(marks, 0, SL_MATCH_MARK_WORDS(piece.len) * sizeof(*marks));
			sl_block_scan(sl_pattern_kernel(ab.pattern), sl_pattern_plan(ab.pattern),
				ab.matcher, piece.data, piece.len, marks, &piece.block);
			for (int part = 0; part < 2; part++) {
				struct sl_context_run run = { &piece, marks, NULL, at, 0, NULL };
				if (part == 1)
					sl_context_begin(&context, &run);
				else if (sl_join_head(&join, &piece, &line) == 1)
					sl_context_begin_line(&context, &line);
				while (sl_context_next(&context, &line) == 1) {
					count++;
					cr_assert_eq(line.is_context, count == 1);
					cr_assert_eq(line.whole_len, count == 1 ? len : 2);
					cr_assert_eq(line.len, count == 1 ? keep : 2);
					cr_assert(line.skipped == 0 &&
						  line.text[0] == (count == 1 ? 'y' : 'a'));
				}
			}
			cr_assert_eq(sl_join_tail(&join, &piece), 0);
		}
		cr_assert_eq(sl_join_end(&join, &line), 1);
		cr_assert(line.is_context && line.len == keep && line.text[0] == 'y');
		cr_assert_eq(count, 2);
		cr_assert_leq(context.history.text_cap, 2 * rule.before_bytes);
		cr_assert_leq(join.total.open.text.cap, 4 * keep + 64);
		free(marks);
		sl_join_release(&join);
		sl_context_release(&context);
	}
	free(text);
	ab_pattern_release(&ab);
}

/* ---- the history alone ---- */

static struct sl_partial_line
line_of(const char *text, uint64_t index)
{
	return (struct sl_partial_line){ .text = (const unsigned char *)text,
		.len = strlen(text),
		.whole_len = strlen(text),
		.index = index };
}

Test(history, keeps_the_last_lines_within_both_bounds)
{
	struct sl_history history = { .most_lines = 3, .most_bytes = 3 * sl_history_cost(4) };
	struct sl_partial_line line;
	for (uint64_t i = 0; i < 1000; i++) {
		char text[8];
		snprintf(text, sizeof(text), "%u", (unsigned)i);
		line = line_of(text, i);
		cr_assert_eq(sl_history_add(&history, &line), 0);
	}
	for (uint64_t i = 997; i < 1000; i++) {
		cr_assert(sl_history_take(&history, &line));
		cr_assert(line.index == i && line.len == 3 && line.text[2] == '0' + i % 10);
	}
	cr_assert_not(sl_history_take(&history, &line));
	static const char *const texts[] = { "a", "", "12345", "1234567" };
	for (uint64_t i = 0; i < 4; i++) {
		line = line_of(texts[i], i);
		cr_assert_eq(sl_history_add(&history, &line), 0);
	}
	cr_assert(sl_history_take(&history, &line) && line.index == 1 && line.len == 0);
	cr_assert(sl_history_take(&history, &line) && line.index == 2);
	cr_assert(sl_history_take(&history, &line) && line.index == 3);
	sl_history_release(&history);
}

Test(history, a_line_that_is_too_large_leaves_none_before_it)
{
	struct sl_history history = { .most_lines = 9, .most_bytes = sl_history_cost(5) };
	struct sl_partial_line line = line_of("small", 1);
	cr_assert_eq(sl_history_add(&history, &line), 0);
	line = line_of("larger", 2);
	cr_assert_eq(sl_history_add(&history, &line), 0);
	cr_assert_not(sl_history_take(&history, &line));
	sl_history_release(&history);
}
