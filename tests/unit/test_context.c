/*
 * Random texts, cuts and numbers of lines: the lines that are given are those that a walk over the
 * whole text chooses.
 */
#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/scan/context.h"
#include "sluice/scan/join.h"
#include "support/context_oracle.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST 900
#define LINES (MOST + 1)

static struct sl_pattern *pattern;
static struct sl_matcher *matcher;
static struct sl_join join;
static struct sl_context context;

static void
begin(const char *text, bool inverts)
{
	struct sl_span span = sl_span_str(text);
	struct sl_pattern_spec spec = { .texts = &span, .count = 1, .inverts = inverts };
	struct sl_error err = { 0 };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	cr_assert_eq(sl_pattern_new(&pattern, &spec, kernel, &err), 0, "%s", err.text);
	cr_assert_eq(sl_matcher_new(&matcher, pattern), 0);
}

static void
end(void)
{
	sl_matcher_free(matcher);
	sl_pattern_free(pattern);
}

static void
begin_input(const struct sl_context_rule *rule)
{
	sl_join_init(&join, pattern, matcher, true);
	sl_partial_spec_give_all(&join.spec);
	sl_context_init(&context, rule);
}

static void
end_input(void)
{
	sl_join_release(&join);
	sl_context_release(&context);
}

/* ---- what should come ---- */

struct plan {
	struct context_line lines[LINES];
	size_t count, next;
	uint64_t most_hits;
};

/* ---- what comes ---- */

static void
take(struct plan *plan, const char *text)
{
	struct sl_partial_line got;
	int code;
	while ((code = sl_context_next(&context, &got)) == 1) {
		cr_assert_lt(plan->next, plan->count, "more lines than wanted");
		const struct context_line *want = &plan->lines[plan->next++];
		cr_assert(context_oracle_is_line(want, text, &got), "at %zu, not %zu",
			(size_t)got.off, want->off);
		if (!got.is_context && --plan->most_hits == 0)
			sl_context_stop(&context);
	}
	cr_assert_eq(code, 0);
}

static void
add_piece(struct plan *plan, const char *text, size_t at, size_t len)
{
	uint64_t marks[SL_MATCH_MARK_WORDS(MOST) + 1] = { 0 };
	struct sl_partial_run piece = { .data = (const unsigned char *)text + at, .len = len };
	struct sl_partial_line line;
	struct sl_block_steps steps = { .kernel = sl_pattern_kernel(pattern),
		.plan = sl_pattern_plan(pattern),
		.matcher = matcher,
		.data = piece.data,
		.len = len,
		.marks = marks,
		.inverts = sl_pattern_inverts(pattern),
		.result = &piece.block };
	(void)sl_block_step(&steps, UINT64_MAX);
	int code = sl_join_head(&join, &piece, &line);
	cr_assert_geq(code, 0);
	if (code == 1) {
		sl_context_begin_line(&context, &line);
		take(plan, text);
	}
	struct sl_context_run run = { &piece, marks, NULL, sl_join_bytes(&join),
		sl_join_newlines(&join), sl_pattern_kernel(pattern) };
	sl_context_begin(&context, &run);
	take(plan, text);
	cr_assert_eq(sl_join_tail(&join, &piece), 0);
}

static void
check_cuts(struct sl_random *random, const char *text, size_t len, struct plan *plan,
	const struct sl_context_rule *rule)
{
	struct sl_partial_line line;
	uint64_t longest = 1 + sl_random_below(random, len < 400 ? 20 : len);
	const struct context_oracle oracle = { *rule, sl_pattern_inverts(pattern),
		plan->most_hits };
	plan->count = context_oracle_choose(&oracle, text, len, plan->lines);
	plan->next = 0;
	begin_input(rule);
	for (size_t at = 0, some; at < len; at += some) {
		some = 1 + sl_random_below(random, SL_MIN(len - at, longest));
		add_piece(plan, text, at, some);
	}
	if (sl_join_end(&join, &line) == 1) {
		sl_context_begin_line(&context, &line);
		take(plan, text);
	}
	cr_assert_eq(plan->next, plan->count, "%zu lines, not %zu", plan->next, plan->count);
	size_t most = SL_MIN(rule->before_bytes, (size_t)MOST * sl_history_cost(0));
	cr_assert_leq(context.history.text_cap, 2 * most + 4096);
	cr_assert_leq(context.history.cap, 2 * most / sl_history_cost(0) + 16);
	end_input();
}

static uint64_t
some_lines(struct sl_random *random)
{
	static const uint64_t counts[] = { 0, 1, 2, 3, 7, 50, UINT64_MAX - 1 };
	return counts[sl_random_below(random, SL_COUNT_OF(counts))];
}

/* `ab` is looked for, by a literal and by an expression that has to confirm. */
static void
check_random(const char *looked_for, bool inverts, uint64_t seed)
{
	static const char alphabet[] = "aacd\n\n";
	static struct plan plan;
	struct sl_random random;
	char text[MOST];
	sl_random_init(&random, seed);
	begin(looked_for, inverts);
	for (int round = 0; round < 1500; round++) {
		size_t len = sl_random_below(&random, sizeof(text) + 1);
		for (size_t i = 0; i < len; i++)
			text[i] = alphabet[sl_random_below(&random, sizeof(alphabet) - 1)];
		uint64_t gap = 1 + sl_random_below(&random, 200);
		for (size_t i = sl_random_below(&random, 30); i + 2 < len;
			i += 1 + sl_random_below(&random, gap))
			memcpy(text + i, "ab", 2);
		struct sl_context_rule rule = { some_lines(&random), some_lines(&random),
			SIZE_MAX };
		if (sl_random_below(&random, 4) == 0)
			rule.before_bytes = sl_random_below(&random, 8 * sl_history_cost(6));
		plan.most_hits = UINT64_MAX;
		if (sl_random_below(&random, 4) == 0)
			plan.most_hits = 1 + sl_random_below(&random, 3);
		check_cuts(&random, text, len, &plan, &rule);
	}
	end();
}

Test(context, lines_around_matches_do_not_depend_on_the_cuts)
{
	check_random("ab", false, 51);
}

Test(context, nor_where_lines_have_to_be_confirmed)
{
	check_random("a[b]", false, 52);
}

Test(context, nor_where_lines_that_do_not_match_are_selected)
{
	check_random("ab", true, 53);
	check_random("a[b]", true, 54);
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
	begin("ab", false);
	for (size_t s = 0; s < SL_COUNT_OF(steps); s++) {
		uint64_t *marks = malloc(SL_MATCH_MARK_WORDS(steps[s]) * sizeof(*marks));
		struct sl_partial_line line;
		unsigned count = 0;
		begin_input(&rule);
		for (size_t at = 0; at <= 2 * len + 5; at += steps[s]) {
			struct sl_partial_run piece = { .data = (unsigned char *)text + at,
				.len = SL_MIN(steps[s], 2 * len + 5 - at) };
			memset(marks, 0, SL_MATCH_MARK_WORDS(piece.len) * sizeof(*marks));
			sl_block_scan(sl_pattern_kernel(pattern), sl_pattern_plan(pattern), matcher,
				piece.data, piece.len, marks, &piece.block);
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
		end_input();
	}
	free(text);
	end();
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
