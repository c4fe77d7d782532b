#include "sluice/base/calendar.h"
#include "sluice/base/random.h"
#include "sluice/logline/timeline.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void
add(struct sl_timeline *timeline, const char *line)
{
	cr_assert_eq(sl_timeline_add(timeline, sl_span_str(line)), 0);
}

static void
add_second(struct sl_timeline *timeline, int64_t second)
{
	time_t time = (time_t)second;
	struct tm tm;
	char line[64];
	cr_assert(gmtime_r(&time, &tm));
	strftime(line, sizeof(line), "%Y-%m-%d %H:%M:%S error", &tm);
	add(timeline, line);
}

static void
expect(struct sl_timeline *timeline, size_t max_rows, const char *want)
{
	char text[1024] = "";
	size_t len = 0;
	struct sl_timeline_view view = sl_timeline_arrange(timeline, max_rows);
	len = (size_t)snprintf(
		text, sizeof(text), "%s:", sl_timeline_interval(view.interval_s).text);
	for (size_t i = 0; i < view.count && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, " %s=%llu;",
			sl_timeline_label(&view, view.buckets[i].index).text,
			(unsigned long long)view.buckets[i].count);
	if (view.undated || view.without_year)
		snprintf(text + len, sizeof(text) - len, " undated %llu, yearless %llu",
			(unsigned long long)view.undated, (unsigned long long)view.without_year);
	cr_expect_str_eq(text, want, "%s", text);
	sl_timeline_release(timeline);
}

Test(timeline, counts_lines_by_their_time)
{
	struct sl_timeline timeline;
	sl_timeline_init(&timeline, 600);
	add(&timeline, "2015-10-18 18:01:47,978 ERROR x");
	add(&timeline, "2015-10-18 18:09:59 ERROR x");
	add(&timeline, "no time");
	add(&timeline, "2015-10-18 17:50:00 ERROR x");
	add(&timeline, "2015-10-19T00:00:00Z error");
	add(&timeline, "Oct 18 18:01:47 host x");
	expect(&timeline, 3,
		"10m: 2015-10-18 17:50=1; 2015-10-18 18:00=2; 2015-10-19 00:00=1; undated 1, "
		"yearless 1");
}

Test(timeline, times_are_those_of_the_log)
{
	struct sl_timeline timeline;
	sl_timeline_init(&timeline, 86400);
	add(&timeline, "2015-10-18T23:59:59+02:00 x");
	add(&timeline, "2015-10-19T00:00:00-07:00 x");
	expect(&timeline, 9, "1d: 2015-10-18=1; 2015-10-19=1;");
}

Test(timeline, weeks_begin_on_monday)
{
	struct sl_timeline timeline;
	sl_timeline_init(&timeline, 7 * 86400);
	add(&timeline, "2015-10-18 23:59:59 Sunday");
	add(&timeline, "2015-10-19 00:00:00 Monday");
	expect(&timeline, 9, "1w: 2015-10-12=1; 2015-10-19=1;");
}

Test(timeline, an_interval_that_is_not_given_fits_the_rows)
{
	static const struct {
		int64_t span_s;
		const char *want;
	} cases[] = {
		{ 0, "1s: 2015-10-18 00:00:00=2;" },
		{ 9, "1s: 2015-10-18 00:00:00=1; 2015-10-18 00:00:09=1;" },
		{ 10, "5s: 2015-10-18 00:00:00=1; 2015-10-18 00:00:10=1;" },
		{ 299, "30s: 2015-10-18 00:00:00=1; 2015-10-18 00:04:30=1;" },
		{ 86399, "6h: 2015-10-18 00:00=1; 2015-10-18 18:00=1;" },
		{ 86400 * 9, "1d: 2015-10-18=1; 2015-10-27=1;" },
		{ 86400 * 100, "4w: 2015-10-12=1; 2016-01-04=1;" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_timeline timeline;
		sl_timeline_init(&timeline, 0);
		add_second(&timeline, 1445126400);
		add_second(&timeline, 1445126400 + cases[i].span_s);
		expect(&timeline, 10, cases[i].want);
	}
}

Test(timeline, a_year_that_is_not_known_begins_behind_the_longest_gap)
{
	struct sl_timeline timeline;
	sl_timeline_init(&timeline, 86400);
	add(&timeline, "Jan  1 00:00:01 host x");
	add(&timeline, "Dec 31 23:59:59 host x");
	add(&timeline, "Nov  7 00:00:00 host x");
	add(&timeline, "Jan  9 00:00:00 host x");
	expect(&timeline, 400, "1d: 11-07=1; 12-31=1; 01-01=1; 01-09=1;");
	sl_timeline_init(&timeline, 86400);
	add(&timeline, "Jun 14 15:16:01 combo x");
	add(&timeline, "Jul 27 15:16:01 combo x");
	expect(&timeline, 400, "1d: 06-14=1; 07-27=1;");
}

/* However lines are divided among timelines, and in whatever order these merge. */
Test(timeline, merges_in_any_order_to_the_same)
{
	struct sl_random random;
	sl_random_init(&random, 3);
	for (unsigned round = 0; round < 60; round++) {
		struct sl_timeline one, parts[5];
		uint64_t interval_s = round % 3 ? 0 : 1 + sl_random_below(&random, 100);
		int64_t span_s = (int64_t)1 << sl_random_below(&random, 30);
		sl_timeline_init(&one, interval_s);
		for (size_t i = 0; i < SL_COUNT_OF(parts); i++)
			sl_timeline_init(&parts[i], interval_s);
		for (unsigned i = 0; i < 3000; i++) {
			int64_t second =
				1000000000 + (int64_t)sl_random_below(&random, (uint64_t)span_s);
			add_second(&one, second);
			add_second(&parts[sl_random_below(&random, SL_COUNT_OF(parts))], second);
		}
		for (size_t left = SL_COUNT_OF(parts); left > 1; left--) {
			size_t from = sl_random_below(&random, left - 1) + 1;
			cr_assert_eq(sl_timeline_merge(&parts[0], &parts[from]), 0);
			struct sl_timeline merged = parts[from];
			parts[from] = parts[left - 1];
			sl_timeline_release(&merged);
		}
		struct sl_timeline_view want = sl_timeline_arrange(&one, 40);
		struct sl_timeline_view got = sl_timeline_arrange(&parts[0], 40);
		cr_assert_eq(got.interval_s, want.interval_s);
		cr_assert_eq(got.count, want.count);
		cr_assert_leq(got.count, SL_TIMELINE_BUCKETS);
		cr_assert_eq(
			memcmp(got.buckets, want.buckets, got.count * sizeof(*got.buckets)), 0);
		uint64_t lines = 0;
		for (size_t i = 0; i < got.count; i++)
			lines += got.buckets[i].count;
		cr_assert_eq(lines, 3000);
		sl_timeline_release(&one);
		sl_timeline_release(&parts[0]);
	}
}

Test(timeline, intervals_are_read_as_they_are_written)
{
	static const struct {
		const char *text;
		uint64_t seconds;
	} cases[] = { { "1s", 1 }, { "90s", 90 }, { "10m", 600 }, { "1h", 3600 }, { "2d", 172800 },
		{ "1w", 604800 }, { "52w", 31449600 }, { "366d", 31622400 } };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		uint64_t seconds = 0;
		cr_expect(sl_timeline_parse_interval(cases[i].text, &seconds), "%s", cases[i].text);
		cr_expect_eq(seconds, cases[i].seconds, "%s", cases[i].text);
		cr_expect_str_eq(sl_timeline_interval(seconds).text, cases[i].text);
	}
	static const char *const bad[] = { "", "0s", "10", "m", "1.5h", "1 h", "1ms", "53w", "367d",
		"-1h", "10000000000s", "1H", "1y" };
	for (size_t i = 0; i < SL_COUNT_OF(bad); i++) {
		uint64_t seconds = 0;
		cr_expect(!sl_timeline_parse_interval(bad[i], &seconds), "%s", bad[i]);
	}
}
