#include "sluice/logline/moment.h"

#include <criterion/criterion.h>

#define NS_PER_S INT64_C(1000000000)
#define NOW_S INT64_C(1445191307) /* 2015-10-18 18:01:47 UTC, 20:01:47 here */
#define HERE_S 7200

static int32_t
zone_s(int64_t utc_s)
{
	(void)utc_s;
	return HERE_S;
}

static const struct sl_moment_clock test_clock = { NOW_S * NS_PER_S, zone_s };

Test(moment, is_parsed_in_every_form)
{
	static const struct {
		const char *text;
		int64_t local_s; /* as a clock here shows it, in seconds since 1970 */
		bool is_instant;
	} cases[] = {
		{ "now", NOW_S + HERE_S, true },
		{ "1h", NOW_S + HERE_S - 3600, true },
		{ "-1h", NOW_S + HERE_S - 3600, true },
		{ "30m ago", NOW_S + HERE_S - 1800, true },
		{ "1d 12hours", NOW_S + HERE_S - 129600, true },
		{ "1d12h30s", NOW_S + HERE_S - 129630, true },
		{ "2 weeks ago", NOW_S + HERE_S - 1209600, true },
		{ "@1445191300", NOW_S + HERE_S - 7, true },
		{ "@0", HERE_S, true },
		{ "1445191300", NOW_S + HERE_S - 7, true },
		{ "2015-10-18T18:01:40Z", NOW_S + HERE_S - 7, true },
		{ "2015-10-18 20:01:40 +0200", NOW_S + HERE_S - 7, true },
		{ "2015-10-18 18:01:40", NOW_S - 7, false },
		{ "2015-10-18 18:01", NOW_S - 47, false },
		{ "18/Oct/2015:18:01:40", NOW_S - 7, false },
		{ "Oct 18 18:01:40", NOW_S - 7, false },
		{ "2015-10-18", 1445126400, false },
		{ "2015/10/18", 1445126400, false },
		{ "today", 1445126400, false },
		{ "yesterday", 1445040000, false },
		{ "18:01:40", NOW_S - 7, false },
		{ "18:01", NOW_S - 47, false },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_moment moment;
		cr_assert(
			sl_moment_parse(cases[i].text, &test_clock, &moment), "%s", cases[i].text);
		cr_expect_eq(moment.local_ns, cases[i].local_s * NS_PER_S, "%s: %lld",
			cases[i].text, (long long)(moment.local_ns / NS_PER_S));
		cr_expect_eq(moment.is_instant, cases[i].is_instant, "%s", cases[i].text);
		if (moment.is_instant)
			cr_expect_eq(moment.ns, moment.local_ns - HERE_S * NS_PER_S);
	}
}

Test(moment, has_a_fraction_of_a_second)
{
	struct sl_moment moment;
	cr_assert(sl_moment_parse("@1.5", &test_clock, &moment));
	cr_expect_eq(moment.ns, 1500000000);
	cr_assert(sl_moment_parse("00:00:01.0000000019", &test_clock, &moment));
	cr_expect_eq(moment.local_ns, 1445126401 * NS_PER_S + 1);
}

Test(moment, is_refused_if_it_is_anything_else)
{
	static const char *const bad[] = { "", " ", "-", "h", "1", "1y", "1h ago ago", "-1h ago",
		"ago", "1hx", "@", "@x", "@-1", "@1.", "@99999999999", "25:00", "12:60",
		"1:2:", "12:00x", "2015-13-01", "2015-02-29", "1969-12-31", "2200-01-01",
		"2015-10-18x", "x2015-10-18 18:01:47", "2015-10-18 18:01:47 and more", "10/11/2015",
		"9999999999w", "99999d", "tomorrow", "12345678901s",
		("1h                                                                              "
		 "                     ") };
	struct sl_moment moment;
	for (size_t i = 0; i < SL_COUNT_OF(bad); i++)
		cr_expect_not(sl_moment_parse(bad[i], &test_clock, &moment), "'%s'", bad[i]);
}

static int
compare(const char *line, const char *text)
{
	struct sl_timestamp stamp;
	struct sl_moment moment;
	cr_assert(sl_timestamp_find(sl_span_str(line), &stamp));
	cr_assert(sl_moment_parse(text, &test_clock, &moment));
	return sl_moment_compare(&stamp, &moment);
}

/* The zone here is +02:00. */
Test(moment, without_a_zone_is_compared_as_it_is_written_and_with_one_as_an_instant)
{
	cr_expect_eq(compare("2015-10-18 18:00:00 x", "2015-10-18 18:00"), 0);
	cr_expect_eq(compare("2015-10-18T18:00:00Z x", "2015-10-18 18:00"), 0);
	cr_expect_eq(compare("2015-10-18T18:00:00+05:00 x", "2015-10-18 18:00"), 0);
	cr_expect_lt(compare("2015-10-18T17:59:59+05:00 x", "2015-10-18 18:00"), 0);
	cr_expect_eq(compare("2015-10-18T18:00:00+05:00 x", "2015-10-18T13:00:00Z"), 0);
	cr_expect_eq(compare("2015-10-18 15:00:00 x", "2015-10-18T13:00:00Z"), 0);
	cr_expect_gt(compare("2015-10-18 15:00:01 x", "2015-10-18T13:00:00Z"), 0);
	cr_expect_eq(compare("2015-10-18T17:01:47Z x", "1h"), 0);
	cr_expect_eq(compare("2015-10-18 19:01:47 x", "1h"), 0);
	cr_expect_eq(compare("1445187707 x", "1h"), 0);
}
