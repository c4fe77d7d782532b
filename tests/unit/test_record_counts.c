/*
 * Random logs, cuts and orders: the records that are counted are those of a walk over the whole.
 */
#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/scan/partials.h"
#include "support/records_oracle.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define MOST 1200
#define LINES (MOST + 1)

static struct sl_pattern *pattern;
static struct sl_matcher *matcher;

static void
begin(const char *text)
{
	struct sl_span span = sl_span_str(text);
	struct sl_pattern_spec spec = { .texts = &span, .count = 1 };
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

static size_t
make_text(struct sl_random *random, char *text)
{
	static const char *const lines[] = { "x", "7 ab", " i", "\tab", "", "Caused by: ab",
		"aError", "abException: x", "Traceback (most recent call last):", "Name: y",
		"ab: z", "goroutine 1 [running]:", "f(ab)", "thread 'a' panicked at b:", "ab" };
	size_t len = 0, most = sl_random_below(random, MOST - 64);
	while (len < most) {
		const char *line = lines[sl_random_below(random, SL_COUNT_OF(lines))];
		len += (size_t)snprintf(text + len, MOST - len, "%s\n", line);
	}
	return len - (len > 0 && sl_random_below(random, 2));
}

/* As feed.c adds a run. */
static void
add(struct sl_partials *partials, const char *text, size_t off, size_t len)
{
	uint64_t marks[SL_MATCH_MARK_WORDS(MOST) + 1] = { 0 };
	struct sl_partial_run run = { .data = (const unsigned char *)text + off, .len = len };
	struct sl_partial *partial = sl_partials_new_partial(off);
	struct sl_partial_line line;
	cr_assert(partial);
	sl_block_scan(sl_pattern_kernel(pattern), sl_pattern_plan(pattern), matcher, run.data, len,
		marks, &run.block);
	int code = sl_partial_set(&partials->spec, partial, &run, &line);
	cr_assert_geq(code, 0);
	if (code == 1)
		sl_record_counts_add(&partial->records, sl_span((const char *)line.text, line.len),
			line.whole_len, !line.is_context);
	sl_record_counts_add_run(&partial->records, run.data, len, marks);
	cr_assert_eq(sl_partials_insert(partials, partial), 0);
	while (sl_partials_has_neighbours(partials))
		cr_assert_geq(sl_partials_merge(partials, &line), 0);
}

/* In pieces [cuts[i], cuts[i + 1]), of which each comes once. What is known to match never
 * decreases, nor exceeds what does. */
static uint64_t
count_in_pieces(
	struct sl_random *random, const char *text, size_t *cuts, size_t count, uint64_t want)
{
	struct sl_partials partials = { .spec = sl_partial_spec_of(pattern, matcher, false),
		.counts_records = true };
	struct sl_partial_line line;
	size_t order[64];
	uint64_t sure = 0;
	sl_partial_spec_give_all(&partials.spec);
	for (size_t i = 0; i < count; i++)
		order[i] = i;
	for (size_t i = 0; i < count; i++) {
		size_t other = i + sl_random_below(random, count - i), piece = order[other];
		order[other] = order[i];
		add(&partials, text, cuts[piece], cuts[piece + 1] - cuts[piece]);
		cr_assert(partials.hits >= sure && partials.hits <= want);
		sure = partials.hits;
	}
	cr_assert_neq(sl_partials_finish(&partials, cuts[count], &line), SL_PARTIALS_INCOMPLETE);
	uint64_t records = sl_partials_records(&partials);
	sl_partials_release(&partials);
	return records;
}

static size_t
make_cuts(struct sl_random *random, size_t len, size_t *cuts)
{
	size_t count = 0, longest = 1 + sl_random_below(random, 4) * len / 8 + len / 40;
	for (size_t at = 0; at < len && count < 62;) {
		cuts[count++] = at;
		at += 1 + sl_random_below(random, longest);
	}
	cuts[count] = len;
	return count;
}

static void
check_random(const char *looked_for, uint64_t seed)
{
	static struct records_line lines[LINES];
	const struct records_oracle oracle = { .most = UINT64_MAX };
	struct records_choice want = { .lines = lines };
	struct sl_random random;
	char text[MOST];
	size_t cuts[64];
	sl_random_init(&random, seed);
	begin(looked_for);
	for (int round = 0; round < 3000; round++) {
		size_t len = make_text(&random, text);
		size_t count = make_cuts(&random, len, cuts);
		records_oracle_choose(&oracle, text, len, &want);
		uint64_t got = count_in_pieces(&random, text, cuts, count, want.selected);
		cr_assert_eq(got, want.selected, "round %d: %zu records, not %zu", round,
			(size_t)got, (size_t)want.selected);
	}
	end();
}

Test(record_counts, do_not_depend_on_the_cuts_and_the_order_of_pieces)
{
	check_random("ab", 81);
}

Test(record_counts, nor_where_lines_have_to_be_confirmed)
{
	check_random("a[b]", 82);
}
