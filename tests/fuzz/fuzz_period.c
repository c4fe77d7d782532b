/*
 * The first line is a time as users type it: it is parsed to one in the years of stamps, or
 * refused. The rest is a log, of which the lines since that time are the same, whether it is
 * scanned as a whole or in two or three parts, in any order.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/cpu.h"
#include "sluice/scan/partials.h"
#include "sluice/scan/period.h"

#include <string.h>

#define TEXT_MAX 4096u
#define NS_PER_S INT64_C(1000000000)

static struct sl_pattern *pattern;
static struct sl_matcher *matcher;
static struct sl_period period;
static uint64_t marks[SL_MATCH_MARK_WORDS(TEXT_MAX)], within[SL_MATCH_MARK_WORDS(TEXT_MAX)];

static int32_t
zone_s(int64_t utc_s)
{
	return utc_s % 2 ? 7200 : -3600;
}

static void
init(void)
{
	struct sl_error err = { 0 };
	struct sl_pattern_spec spec = { .texts = NULL };
	if (pattern)
		return;
	must(sl_pattern_new(&pattern, &spec, sl_match_choose(sl_cpu_features()), &err) == 0);
	must(sl_matcher_new(&matcher, pattern) == 0);
}

static void
parse(const char *text)
{
	static const struct sl_moment_clock test_clock = { 1445191307 * NS_PER_S, zone_s };
	struct sl_moment moment;
	if (!sl_moment_parse(text, &test_clock, &moment)) {
		must(sl_moment_parse("2015-10-18 12:00:00", &test_clock, &moment));
	} else {
		must(moment.local_ns >= -86400 * NS_PER_S);
		must(moment.local_ns < 7258204800 * NS_PER_S);
	}
	period.since = moment;
}

static void
add(struct sl_partials *partials, const unsigned char *text, size_t off, size_t len)
{
	struct sl_partial_run run = { .data = text + off, .len = len };
	struct sl_block_steps steps = { .kernel = sl_pattern_kernel(pattern),
		.plan = sl_pattern_plan(pattern),
		.matcher = matcher,
		.data = run.data,
		.len = len,
		.marks = marks,
		.period = &period,
		.within = within,
		.result = &run.block };
	struct sl_partial_line line;
	if (len == 0)
		return;
	struct sl_partial *partial = sl_partials_new_partial(off);
	memset(marks, 0, sizeof(marks));
	(void)sl_block_step(&steps, UINT64_MAX);
	must(sl_partial_set(&partials->spec, partial, &run, &line) >= 0);
	must(sl_partials_insert(partials, partial) == 0);
	while (sl_partials_has_neighbours(partials))
		must(sl_partials_merge(partials, &line) >= 0);
}

/* The parts end at these places, and come in the order of the digits. */
static struct sl_block_totals
scan(const unsigned char *text, size_t len, const size_t *ends, const char *order)
{
	struct sl_partials partials = { .spec = sl_partial_spec_of(pattern, matcher, true) };
	struct sl_block_totals totals = { 0 };
	struct sl_partial_line line;
	sl_partial_spec_set_period(&partials.spec, &period);
	for (; *order; order++) {
		size_t part = (size_t)(*order - '0'), begin = part ? ends[part - 1] : 0;
		add(&partials, text, begin, ends[part] - begin);
	}
	must(sl_partials_finish(&partials, len, &line) != SL_PARTIALS_INCOMPLETE);
	if (len)
		totals = sl_partial_totals(&partials.spec, sl_partials_prefix(&partials));
	must(totals.hits <= totals.lines);
	sl_partials_release(&partials);
	return totals;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const orders[] = { "012", "021", "102", "120", "201", "210" };
	const uint8_t *newline = len ? memchr(data, '\n', SL_MIN(len, (size_t)256)) : NULL;
	char time[256];
	if (!newline)
		return 0;
	size_t time_len = (size_t)(newline - data);
	memcpy(time, data, time_len);
	time[time_len] = '\0';
	init();
	period.has_since = true;
	parse(time);
	const uint8_t *text = newline + 1;
	size_t text_len = SL_MIN(len - time_len - 1, (size_t)TEXT_MAX);
	size_t cut = text_len ? (len * 31 + time_len * 7) % text_len : 0;
	size_t ends[] = { SL_MIN(cut, text_len / 2), SL_MAX(cut, text_len / 2), text_len };
	struct sl_block_totals whole = scan(text, text_len, &text_len, "0");
	for (size_t i = 0; i < SL_COUNT_OF(orders); i++) {
		struct sl_block_totals got = scan(text, text_len, ends, orders[i]);
		must(got.lines == whole.lines && got.hits == whole.hits);
	}
	return 0;
}
