/*
 * Lines of a period of time, compared with a naive walk over the whole text: whatever the cuts, and
 * in whatever order the parts are merged.
 */
#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/scan/partials.h"
#include "sluice/scan/period.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX 6000u
#define BASE_S 1445169600 /* 2015-10-18 12:00 */
#define NS_PER_S INT64_C(1000000000)

static const char *const texts[] = { "error", "info", "", "an error x", "  at foo", "ERROR",
	"err" };

struct expected {
	uint64_t lines, hits;
	int64_t back_ns; /* the most by which a stamp goes back */
};

/* Stamps go forward and back; some lines have none. */
static struct sl_span
make_text(struct sl_random *random, char *text)
{
	size_t len = 0;
	int64_t at_s = BASE_S;
	unsigned stamped = (unsigned)sl_random_below(random, 5);
	unsigned count = (unsigned)sl_random_below(random, 60);
	for (unsigned i = 0; i < count; i++) {
		at_s += (int64_t)sl_random_below(random, 20) - 6;
		if (sl_random_below(random, 5) < stamped)
			len += (size_t)snprintf(
				text + len, TEXT_MAX - len, "%lld ", (long long)at_s);
		const char *word = texts[sl_random_below(random, SL_COUNT_OF(texts))];
		len += (size_t)snprintf(text + len, TEXT_MAX - len, "%s%s", word,
			i + 1 < count || sl_random_below(random, 2) ? "\n" : "");
	}
	return sl_span(text, len);
}

static struct sl_period
make_period(struct sl_random *random)
{
	struct sl_period period = { .has_since = sl_random_below(random, 2) };
	int64_t since_s = BASE_S - 20 + (int64_t)sl_random_below(random, 300);
	int64_t until_s = since_s + (int64_t)sl_random_below(random, 200);
	period.has_until = !period.has_since || sl_random_below(random, 2);
	period.since = (struct sl_moment){
		.ns = since_s * NS_PER_S, .local_ns = since_s * NS_PER_S, .is_instant = true
	};
	period.until = (struct sl_moment){
		.ns = until_s * NS_PER_S, .local_ns = until_s * NS_PER_S, .is_instant = true
	};
	period.is_sorted = sl_random_below(random, 2);
	return period;
}

/* Without any of the functions under test: a stamp is ten digits at the beginning. */
static struct expected
expect(struct sl_span text, const struct sl_period *period, bool inverts)
{
	struct expected out = { 0, 0, 0 };
	bool is_inside = !period->has_since;
	int64_t latest_ns = 0;
	for (size_t at = 0; at < text.len;) {
		const char *line = text.data + at;
		const char *newline = memchr(line, '\n', text.len - at);
		size_t len = newline ? (size_t)(newline - line) : text.len - at;
		if (len > 10 && line[0] == '1' && line[10] == ' ') {
			int64_t ns = strtoll(line, NULL, 10) * NS_PER_S;
			is_inside = (!period->has_since || ns >= period->since.ns) &&
				    (!period->has_until || ns <= period->until.ns);
			latest_ns = SL_MAX(latest_ns, ns);
			out.back_ns = SL_MAX(out.back_ns, latest_ns - ns);
		}
		bool is_hit = memmem(line, len, "error", 5) || memmem(line, len, "ERROR", 5);
		out.lines += is_inside;
		out.hits += is_inside && is_hit != inverts;
		at += len + (newline != NULL);
	}
	return out;
}

/* ---- the same by partials ---- */

static struct sl_pattern *
make_pattern(bool confirms, bool inverts)
{
	static const struct sl_span expression = { "[eE](rr|RR)(?i)or", 17 };
	static const struct sl_span words[] = { { "error", 5 }, { "ERROR", 5 } };
	struct sl_pattern *pattern = NULL;
	struct sl_error err = { 0 };
	struct sl_pattern_spec spec = { .texts = confirms ? &expression : words,
		.count = confirms ? 1 : 2,
		.fixed = !confirms,
		.inverts = inverts };
	cr_assert_eq(sl_pattern_new(&pattern, &spec, sl_match_choose(sl_cpu_features()), &err), 0,
		"%s", err.text);
	return pattern;
}

struct scanner {
	struct sl_pattern *pattern;
	struct sl_matcher *matcher;
	struct sl_partials partials;
	uint64_t marks[SL_MATCH_MARK_WORDS(TEXT_MAX)], within[SL_MATCH_MARK_WORDS(TEXT_MAX)];
	uint64_t given; /* lines inside, of which there was no doubt */
	uint64_t doubtful;
};

static void
note(struct scanner *scanner, const struct sl_partial_line *line)
{
	cr_assert_neq(line->side, SL_PERIOD_OUTSIDE);
	scanner->given += line->side == SL_PERIOD_INSIDE;
	scanner->doubtful += line->side == SL_PERIOD_UNKNOWN;
}

static void
add(struct scanner *scanner, struct sl_span text, size_t off, size_t len)
{
	const struct sl_partial_spec *spec = &scanner->partials.spec;
	struct sl_partial_run run = { .data = (const unsigned char *)text.data + off, .len = len };
	struct sl_block_steps steps = { .kernel = sl_pattern_kernel(scanner->pattern),
		.plan = sl_pattern_plan(scanner->pattern),
		.matcher = scanner->matcher,
		.data = run.data,
		.len = len,
		.marks = scanner->marks,
		.inverts = spec->inverts,
		.period = spec->period,
		.within = scanner->within,
		.result = &run.block };
	struct sl_partial *partial = sl_partials_new_partial(off);
	struct sl_partial_line line;
	memset(scanner->marks, 0, sizeof(scanner->marks));
	(void)sl_block_step(&steps, UINT64_MAX);
	for (size_t i = 0; i < len; i++) {
		bool is_marked = scanner->marks[i / 64] >> (i % 64) & 1;
		cr_assert(!is_marked || (scanner->within[i / 64] >> (i % 64) & 1));
		scanner->given += is_marked && i >= steps.unknown_end;
		scanner->doubtful += is_marked && i < steps.unknown_end;
	}
	int code = sl_partial_set(spec, partial, &run, &line);
	cr_assert_geq(code, 0);
	if (code == 1)
		note(scanner, &line);
	cr_assert_eq(sl_partials_insert(&scanner->partials, partial), 0);
	while (sl_partials_has_neighbours(&scanner->partials))
		if (sl_partials_merge(&scanner->partials, &line) == 1)
			note(scanner, &line);
}

/* Ranges of random sizes, in random order. */
static void
add_all(struct scanner *scanner, struct sl_random *random, struct sl_span text)
{
	size_t begins[TEXT_MAX + 1], count = 0;
	size_t most = 1 + (size_t)sl_random_below(random, 1 + sl_random_below(random, 400));
	for (size_t at = 0; at < text.len; at += 1 + (size_t)sl_random_below(random, most))
		begins[count++] = at;
	size_t ends[TEXT_MAX + 1];
	for (size_t i = 0; i < count; i++)
		ends[i] = i + 1 < count ? begins[i + 1] : text.len;
	for (size_t left = count; left > 0; left--) {
		size_t pick = (size_t)sl_random_below(random, left);
		add(scanner, text, begins[pick], ends[pick] - begins[pick]);
		begins[pick] = begins[left - 1];
		ends[pick] = ends[left - 1];
	}
}

static void
check_order(struct scanner *scanner, const struct sl_period *period, struct sl_span text,
	const struct expected *want)
{
	struct sl_period_order order = { 0 };
	int64_t back_ns = period->is_sorted ? want->back_ns : 0;
	if (text.len)
		order = sl_partials_prefix(&scanner->partials)->period.order;
	cr_assert_eq(order.since.back_ns, period->has_since ? back_ns : 0);
	cr_assert_eq(order.until.back_ns, period->has_until ? back_ns : 0);
}

static void
try_one(struct sl_random *random, bool confirms, bool inverts)
{
	static struct scanner scanner;
	char *buffer = malloc(TEXT_MAX);
	struct sl_period period = make_period(random);
	struct sl_span text = make_text(random, buffer);
	struct expected want = expect(text, &period, inverts);
	struct sl_block_totals got = { 0 };
	struct sl_partial_line line;
	scanner = (struct scanner){ .pattern = make_pattern(confirms, inverts) };
	cr_assert_eq(sl_matcher_new(&scanner.matcher, scanner.pattern), 0);
	scanner.partials.spec = sl_partial_spec_of(scanner.pattern, scanner.matcher, true);
	sl_partial_spec_set_period(&scanner.partials.spec, &period);
	add_all(&scanner, random, text);
	enum sl_partials_end end = sl_partials_finish(&scanner.partials, text.len, &line);
	cr_assert_neq(end, SL_PARTIALS_INCOMPLETE);
	if (end == SL_PARTIALS_LINE)
		note(&scanner, &line);
	if (text.len)
		got = sl_partial_totals(
			&scanner.partials.spec, sl_partials_prefix(&scanner.partials));
	cr_assert_eq(got.lines, want.lines, "%llu lines, not %llu, of\n%.*s",
		(unsigned long long)got.lines, (unsigned long long)want.lines, (int)text.len,
		text.data);
	cr_assert_eq(got.hits, want.hits, "%llu, not %llu, of\n%.*s", (unsigned long long)got.hits,
		(unsigned long long)want.hits, (int)text.len, text.data);
	check_order(&scanner, &period, text, &want);
	cr_assert_leq(scanner.given, want.hits);
	cr_assert_geq(scanner.given + scanner.doubtful, want.hits);
	sl_partials_release(&scanner.partials);
	sl_matcher_free(scanner.matcher);
	sl_pattern_free(scanner.pattern);
	free(buffer);
}

Test(period, any_cuts_and_any_order_count_the_lines_of_one_pass)
{
	struct sl_random random;
	sl_random_init(&random, 1);
	for (unsigned i = 0; i < 1500; i++)
		try_one(&random, i % 2, i / 2 % 2);
}

Test(period, lines_before_the_first_stamp_are_inside_if_there_is_no_beginning)
{
	struct sl_period period = { .has_until = true };
	cr_expect_eq(sl_period_first_side(&period), SL_PERIOD_INSIDE);
	period.has_since = true;
	cr_expect_eq(sl_period_first_side(&period), SL_PERIOD_OUTSIDE);
}

Test(period, both_limits_are_included)
{
	struct sl_period period = { .has_since = true, .has_until = true };
	period.since = (struct sl_moment){ .local_ns = BASE_S * NS_PER_S };
	period.until = (struct sl_moment){ .local_ns = (BASE_S + 1) * NS_PER_S };
	static const struct {
		const char *line;
		enum sl_period_side side;
	} cases[] = {
		{ "2015-10-18 11:59:59.999 a", SL_PERIOD_OUTSIDE },
		{ "2015-10-18 12:00:00 a", SL_PERIOD_INSIDE },
		{ "2015-10-18 12:00:01.000 a", SL_PERIOD_INSIDE },
		{ "2015-10-18 12:00:01.001 a", SL_PERIOD_OUTSIDE },
		{ "no stamp", SL_PERIOD_UNKNOWN },
		{ "", SL_PERIOD_UNKNOWN },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		cr_expect_eq(sl_period_side_of(&period, sl_span_str(cases[i].line)), cases[i].side,
			"%s", cases[i].line);
}

Test(period, a_stamp_without_a_year_is_of_the_last_such_day)
{
	struct sl_period period = { .has_since = true, .latest_ns = BASE_S * NS_PER_S };
	period.since = (struct sl_moment){ .local_ns = (BASE_S - 10 * 86400) * NS_PER_S };
	cr_expect_eq(sl_period_side_of(&period, sl_span_str("Oct 17 10:00:00 host x")),
		SL_PERIOD_INSIDE);
	cr_expect_eq(sl_period_side_of(&period, sl_span_str("Dec 17 10:00:00 host x")),
		SL_PERIOD_OUTSIDE);
}

/* Else what a line that is cut keeps, and one that is not, would decide differently. */
Test(period, a_stamp_behind_the_bound_does_not_count)
{
	struct sl_period period = { .has_since = true };
	struct sl_buf line = { 0 };
	sl_buf_add_str(&line, "{\"a\":\"");
	for (size_t i = 0; i < SL_PERIOD_LINE_MAX; i++)
		sl_buf_add_char(&line, 'x');
	sl_buf_add_str(&line, "\",\"time\":\"2015-10-18 12:00:00\"}");
	cr_expect_eq(sl_period_side_of(&period, sl_buf_span(&line)), SL_PERIOD_UNKNOWN);
	sl_buf_release(&line);
}

/* When summer time ends, a log goes back in its own time, but not in that of UTC. */
Test(period, stamps_are_ordered_as_they_are_compared)
{
	static const char *const lines[] = { "2015-10-25T02:30:00+02:00 a",
		"2015-10-25T02:10:00+01:00 b" };
	const int64_t hour_ns = 3600 * NS_PER_S;
	for (int is_instant = 0; is_instant < 2; is_instant++) {
		struct sl_period period = { .has_since = true, .is_sorted = true };
		struct sl_period_order order, next;
		period.since = (struct sl_moment){ .is_instant = is_instant };
		cr_expect_eq(
			sl_period_look(&period, sl_span_str(lines[0]), &order), SL_PERIOD_INSIDE);
		cr_expect_eq(
			sl_period_look(&period, sl_span_str(lines[1]), &next), SL_PERIOD_INSIDE);
		sl_period_order_join(&order, &next);
		cr_expect_eq(order.since.back_ns, is_instant ? 0 : hour_ns / 3);
		cr_expect_eq(sl_period_is_broken(&period, &order), !is_instant);
		period.slack_ns = hour_ns / 3;
		cr_expect(!sl_period_is_broken(&period, &order));
	}
}
