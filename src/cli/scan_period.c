#include "sluice/cli/scan_period.h"

#include <time.h>

static int32_t
zone_s(int64_t utc_s)
{
	time_t at = (time_t)utc_s;
	struct tm local;
	return localtime_r(&at, &local) ? (int32_t)local.tm_gmtoff : 0;
}

static struct sl_moment_clock
read_clock(void)
{
	struct timespec now;
	tzset();
	clock_gettime(CLOCK_REALTIME, &now);
	return (struct sl_moment_clock){ .now_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec,
		.zone_s = zone_s };
}

static int
parse(const char *name, const char *text, const struct sl_moment_clock *clock, bool *has,
	struct sl_moment *moment, struct sl_error *err)
{
	*has = text != NULL;
	if (!text || sl_moment_parse(text, clock, moment))
		return 0;
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
		"option '--%s': '%s' is not a time (write it as 2015-10-18, '2015-10-18 18:01:47', "
		"18:01, 1h, '2d ago', yesterday or @1445191307)",
		name, text);
}

int
sl_scan_period_init(
	struct sl_period *period, const struct sl_scan_options *options, struct sl_error *err)
{
	struct sl_moment_clock clock = read_clock();
	bool is_sorted = options->sorted_slack_ns != SL_OPTION_NOT_SORTED;
	*period = (struct sl_period){ .latest_ns = sl_moment_now(&clock).local_ns,
		.is_sorted = is_sorted,
		.slack_ns = is_sorted ? (int64_t)options->sorted_slack_ns : 0 };
	int code = parse("since", options->since, &clock, &period->has_since, &period->since, err);
	if (!code)
		code = parse(
			"until", options->until, &clock, &period->has_until, &period->until, err);
	bool has_both = period->has_since && period->has_until;
	if (code || !has_both || period->since.local_ns <= period->until.local_ns)
		return code;
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE, "--until '%s' is before --since '%s'",
		options->until, options->since);
}
