/*
 * Scans of files that are said to be sorted, on the simulator: what is reported is what a scan of
 * the whole file reports, whatever fails; or it is said that it may not be.
 */
#include "sluice/scan/scan.h"

#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "support/compress.h"
#include "support/run.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#define BASE_S INT64_C(1445169600) /* 2015-10-18 12:00 */
#define NS_PER_S INT64_C(1000000000)
#define SLACK_S 20
#define WANTS(kind) SL_SCAN_WANTS(SL_SCAN_EVENT_##kind)

struct fixture {
	struct sl_random random;
	struct sl_buf log;
	int64_t end_s; /* behind its stamps */
	struct sl_pattern *pattern;
	struct sl_period period;
	struct sl_scan_sink sink;
	struct sl_scan_setup setup;
	struct sl_error err;

	/* Of one run. */
	struct sim *sim;
	struct sl_scan_progress progress;
	struct sl_buf report;
	struct sl_scan_result result; /* of the log */
	struct sl_error why;
	uint64_t cut_to; /* when it begins; 0 = it stays */
};

/* ---- what is reported ---- */

static void
add_line(struct fixture *f, const struct sl_scan_event *event)
{
	const struct sl_scan_line *line = event->line;
	sl_buf_printf(&f->report, "%s %s %llu %llu %llu %d: ", event->input->path,
		event->kind == SL_SCAN_EVENT_LINE ? "match" : "context",
		(unsigned long long)line->off, (unsigned long long)line->number,
		(unsigned long long)line->record, line->begins_group);
	sl_buf_add(&f->report, line->text, line->len);
	sl_buf_add_char(&f->report, '\n');
}

static void
add_end(struct fixture *f, const struct sl_scan_event *event)
{
	const struct sl_scan_result *result = event->result;
	sl_buf_printf(&f->report, "%s ends: %s, %llu of %llu\n", event->input->path,
		sl_scan_state_name(result->state), (unsigned long long)result->hits,
		(unsigned long long)result->lines);
	if (strcmp(event->input->path, "log") == 0) {
		f->result = *result;
		f->why = *result->err;
	}
}

SL_SUSPENDS
static int
on_event(void *ctx, const struct sl_scan_event *event)
{
	struct fixture *f = ctx;
	if (event->kind == SL_SCAN_EVENT_END)
		add_end(f, event);
	else if (event->kind != SL_SCAN_EVENT_BEGIN)
		add_line(f, event);
	else if (f->cut_to && strcmp(event->input->path, "log") == 0)
		sim_cut(f->sim, "log", (size_t)f->cut_to);
	return 0;
}

/* ---- the log ---- */

static void
add_stamped(struct fixture *f, int64_t at_s, bool is_error)
{
	sl_buf_printf(&f->log, "%lld %s of something that happens often\n", (long long)at_s,
		is_error ? "an error" : "a report");
}

/* Some MiB, in order but for the slack. */
static void
make_log(struct fixture *f, bool is_long)
{
	size_t len = SL_MIB + (size_t)sl_random_below(&f->random, 2 * SL_MIB);
	len += is_long ? 3 * SL_MIB : 0;
	int64_t latest_s = BASE_S;
	while (f->log.len < len) {
		latest_s += sl_random_below(&f->random, 4) == 0;
		add_stamped(f, latest_s - (int64_t)sl_random_below(&f->random, SLACK_S + 1),
			sl_random_below(&f->random, 20) == 0);
		if (sl_random_below(&f->random, 8) == 0)
			sl_buf_add_str(&f->log, "  at some.place\n\n");
		if (sl_random_below(&f->random, 3000) == 0)
			for (uint64_t n = sl_random_below(&f->random, 9000); n > 0; n--)
				sl_buf_add_str(&f->log, "a long line; ");
	}
	f->end_s = latest_s + 1;
	f->log.len -= (size_t)sl_random_below(&f->random, 2); /* with or without a last newline */
}

static struct sl_moment
random_moment(struct fixture *f)
{
	int64_t first_s = BASE_S - 4 * SLACK_S, last_s = f->end_s + 4 * SLACK_S;
	uint64_t width_s = (uint64_t)(last_s - first_s);
	if (sl_random_below(&f->random, 8) == 0)
		width_s = 4 * SLACK_S;
	int64_t ns = (first_s + (int64_t)sl_random_below(&f->random, width_s)) * NS_PER_S;
	return (struct sl_moment){ .ns = ns, .local_ns = ns, .is_instant = true };
}

static void
choose_period(struct fixture *f)
{
	uint64_t which = sl_random_below(&f->random, 4);
	f->period = (struct sl_period){ .has_since = which != 0,
		.has_until = which != 1,
		.since = random_moment(f),
		.until = random_moment(f),
		.slack_ns = SLACK_S * NS_PER_S };
	if (f->period.since.ns > f->period.until.ns) {
		struct sl_moment since = f->period.since;
		f->period.since = f->period.until;
		f->period.until = since;
	}
}

/* Everything that lines go through in a way of their own. */
static void
choose_setup(struct fixture *f)
{
	uint64_t which = sl_random_below(&f->random, 6);
	if (which > 0)
		f->sink.wants |= WANTS(LINE);
	if (which > 1)
		f->sink.wants |= WANTS(CONTEXT);
	f->setup.before = which == 2 ? 2 : 0;
	f->setup.after = which == 3 ? 3 : 0;
	f->setup.records = which > 3;
	if (sl_random_below(&f->random, 6) == 0)
		f->setup.max_hits = 1 + sl_random_below(&f->random, 30);
}

static void
begin(struct fixture *f, uint64_t seed)
{
	static const struct sl_span expression = { "[e]r(?=ror)", 11 };
	*f = (struct fixture){ 0 };
	sl_random_init(&f->random, seed + 4711);
	bool confirms = sl_random_below(&f->random, 3) == 0;
	struct sl_pattern_spec spec = {
		.texts = confirms ? &expression : NULL,
		.count = confirms,
		.inverts = sl_random_below(&f->random, 5) == 0,
	};
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	cr_assert_eq(sl_pattern_new(&f->pattern, &spec, kernel, &f->err), 0, "%s", f->err.text);
	f->sink = (struct sl_scan_sink){ f, WANTS(BEGIN) | WANTS(END), on_event };
	bool is_long = seed % 4 == 1; /* enough for direct I/O */
	make_log(f, is_long);
	choose_period(f);
	static const char *const paths[] = { "log", "small", "log.gz" };
	f->setup = (struct sl_scan_setup){ .paths = paths,
		.count = SL_COUNT_OF(paths),
		.pattern = f->pattern,
		.sinks = &f->sink,
		.sink_count = 1,
		.period = &f->period,
		.max_hits = UINT64_MAX,
		.chunk = 64 * SL_KIB,
		.queue = 1 + (unsigned)sl_random_below(&f->random, 5),
		.max_memory = SL_SCAN_MEMORY_MIN,
		.max_cached = !is_long && sl_random_below(&f->random, 2) ? UINT64_MAX : 0 };
	choose_setup(f);
}

static void
end(struct fixture *f)
{
	sl_buf_release(&f->log);
	sl_buf_release(&f->report);
	sl_pattern_free(f->pattern);
}

/* ---- runs ---- */

SL_SUSPENDS
static int
scan_task(void *arg)
{
	struct fixture *f = arg;
	return sl_scan_run(&f->setup, &f->progress, &f->err);
}

static void
begin_world(struct fixture *f, uint64_t seed, bool is_sorted)
{
	struct sl_buf packed = { 0 };
	size_t few = SL_MIN(f->log.len, (size_t)100000);
	f->sim = sim_plain(seed);
	sl_buf_clear(&f->report);
	f->progress = (struct sl_scan_progress){ 0 };
	f->period.is_sorted = is_sorted;
	sim_put_file(f->sim, "log", f->log.data, f->log.len, 0644);
	sim_put_file(f->sim, "small", f->log.data, few, 0644);
	compress_add(&packed, SL_CODEC_GZIP, f->log.data, few);
	sim_put_file(f->sim, "log.gz", packed.data, packed.len, 0644);
	sl_buf_release(&packed);
}

static void
run(struct fixture *f, uint64_t seed, bool is_sorted)
{
	begin_world(f, seed, is_sorted);
	sim_check(f->sim, sim_run(f->sim, scan_task, f) == 0, "%s", f->err.text);
}

/* What a scan of the whole file reports. */
static struct sl_buf
run_whole(struct fixture *f, uint64_t seed)
{
	run(f, seed, false);
	sim_free(f->sim);
	struct sl_buf whole = f->report;
	f->report = (struct sl_buf){ 0 };
	return whole;
}

static void
check_report(const struct fixture *f, const struct sl_buf *whole)
{
	bool is_same = sl_span_equal(sl_buf_span(&f->report), sl_buf_span(whole));
	size_t same = 0, len = SL_MIN(f->report.len, whole->len);
	while (same < len && f->report.data[same] == whole->data[same])
		same++;
	sim_check(f->sim, is_same, "skipped %llu; another report:\n%.200s\nnot:\n%.200s",
		(unsigned long long)f->result.skipped, f->report.data + same, whole->data + same);
}

/* ---- tests ---- */

Test(scan_sorted, a_part_of_a_file_has_the_results_of_the_whole)
{
	struct sim_seeds seeds = sim_seeds(60);
	uint64_t skipped = 0;
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		begin(&f, seed);
		f.setup.numbers = sl_random_below(&f.random, 6) == 0;
		struct sl_buf whole = run_whole(&f, seed);
		run(&f, seed, true);
		check_report(&f, &whole);
		uint64_t all = f.result.skipped + f.result.bytes;
		sim_check(f.sim, f.result.state == SL_SCAN_LIMITED || all == f.log.len,
			"%llu bytes", (unsigned long long)all);
		sim_check(f.sim, !f.setup.numbers || !f.result.is_unnumbered, "numbers");
		sim_check(f.sim, f.progress.summary.skipped == f.result.skipped, "others skipped");
		skipped += f.result.skipped;
		sim_free(f.sim);
		sl_buf_release(&whole);
		end(&f);
	}
	cr_assert(sim_seeds_are_chosen() || skipped > 0);
}

/* What is read does not begin at a page, but for the first range the next ones do. */
Test(scan_sorted, a_part_of_a_large_cold_file_is_read_past_the_page_cache)
{
	struct sim_seeds seeds = sim_seeds(16);
	uint64_t direct = 0;
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		begin(&f, 4 * seed + 1);
		f.setup.max_hits = UINT64_MAX;
		f.period.has_since = true;
		f.period.since.ns = f.period.since.local_ns = (BASE_S + f.end_s) / 2 * NS_PER_S;
		f.period.has_until = false;
		struct sl_buf whole = run_whole(&f, seed);
		run(&f, seed, true);
		check_report(&f, &whole);
		sim_check(f.sim, f.result.is_unnumbered, "all is read");
		direct += f.progress.direct_bytes;
		sim_free(f.sim);
		sl_buf_release(&whole);
		end(&f);
	}
	cr_assert(sim_seeds_are_chosen() || direct > SL_MIB);
}

/* A line within the period that is far too early: lines before the part may be inside, too. */
Test(scan_sorted, what_is_not_sorted_is_named_or_read_as_a_whole)
{
	struct sim_seeds seeds = sim_seeds(40);
	unsigned named = 0;
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		begin(&f, seed);
		f.setup.max_hits = UINT64_MAX;
		int64_t middle_s = f.end_s;
		add_stamped(&f, middle_s, false);
		add_stamped(&f, BASE_S, true);
		add_stamped(&f, middle_s, true);
		f.period.has_since = true;
		f.period.since.ns = f.period.since.local_ns = (middle_s - 1) * NS_PER_S;
		f.period.has_until = false;
		struct sl_buf whole = run_whole(&f, seed);
		run(&f, seed, true);
		if (f.result.skipped) {
			sim_check(f.sim, f.result.state == SL_SCAN_UNSORTED, "state %s",
				sl_scan_state_name(f.result.state));
			sim_check(
				f.sim, strstr(f.why.text, "'log' is not sorted"), "%s", f.why.text);
			sim_check(f.sim, sl_scan_summary_troubles(&f.progress.summary) == 1,
				"troubles");
		} else {
			check_report(&f, &whole);
		}
		named += f.result.state == SL_SCAN_UNSORTED;
		sim_free(f.sim);
		sl_buf_release(&whole);
		end(&f);
	}
	cr_assert(sim_seeds_are_chosen() || named > 0);
}

Test(scan_sorted, an_operation_that_fails_changes_nothing_or_is_named)
{
	struct sim_seeds seeds = sim_seeds(4);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		begin(&f, seed);
		struct sl_buf whole = run_whole(&f, seed);
		bool was_last = false;
		for (uint64_t nth = 1; !was_last; nth += sim_stride(7)) {
			begin_world(&f, seed, true);
			sim_fail_nth(f.sim, nth, 0, 0);
			int code = sim_run(f.sim, scan_task, &f);
			sim_check(f.sim, code == 0, "%d %s after %s", code, f.err.text,
				sim_last_fault(f.sim));
			if (sl_scan_summary_troubles(&f.progress.summary) == 0)
				check_report(&f, &whole);
			was_last = sim_faults(f.sim) == 0;
			sim_free(f.sim);
		}
		sl_buf_release(&whole);
		end(&f);
	}
}

Test(scan_sorted, a_file_that_becomes_shorter_is_named)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		begin(&f, seed);
		f.sink.wants |= WANTS(LINE) | (f.setup.records ? WANTS(CONTEXT) : 0);
		struct sl_buf whole = run_whole(&f, seed);
		f.cut_to = 1 + sl_random_below(&f.random, f.log.len);
		run(&f, seed, true);
		bool is_named =
			f.result.state == SL_SCAN_TRUNCATED && strstr(f.why.text, "shorter");
		if (!is_named)
			check_report(&f, &whole);
		sim_free(f.sim);
		sl_buf_release(&whole);
		end(&f);
	}
}

Test(scan_sorted, cancelling_at_any_time_leaves_nothing_behind)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		begin(&f, seed);
		begin_world(&f, seed, true);
		uint64_t after_ns = seed % 61 * 300 * SL_NS_PER_US;
		int code = sim_run_cancelled(f.sim, scan_task, &f, after_ns);
		sim_check(f.sim, code == 0 || code == -ECANCELED, "code %d", code);
		sim_free(f.sim);
		end(&f);
	}
}
