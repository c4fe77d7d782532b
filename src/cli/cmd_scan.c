/*
 * cmd_scan.c - `sluice scan`: options, the scan, its progress and its exit status. scan_output.c
 * chooses the sinks; results are formatted in src/sink, messages made in scan_messages.c.
 */
#include "sluice/base/log.h"
#include "sluice/base/memory.h"
#include "sluice/cli/commands.h"
#include "sluice/cli/console.h"
#include "sluice/cli/exit_status.h"
#include "sluice/cli/options.h"
#include "sluice/cli/run.h"
#include "sluice/cli/scan_output.h"
#include "sluice/cli/scan_pattern.h"
#include "sluice/cli/scan_period.h"
#include "sluice/cli/scan_rounds.h"
#include "sluice/cli/scan_urls.h"
#include "sluice/cli/stats.h"
#include "sluice/rt/stats.h"
#include "sluice/scan/scan.h"
#include "sluice/ui/rate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* After a signal, a round is completed and its state saved: otherwise lines would be printed again
 * by the next run. A disk may be busy. */
#define ROUNDS_GRACE_NS (8 * SL_NS_PER_S)

struct scan {
	struct sl_config config; /* what the options may point into */
	struct sl_scan_options options;
	struct sl_proxies proxies;
	struct sl_scan_pattern match;
	struct sl_period period;
	struct sl_scan_urls urls;
	struct sl_scan_progress progress;
	struct sl_scan_output output;
	struct sl_scan_rounds rounds; /* with --state */
	struct sl_error error;        /* of the scan itself, not of an input */
	uint64_t available;           /* memory, when the run began */
	uint64_t started_ns;
	struct sl_rate rate; /* at which inputs are read, for the display */
};

/* ---- progress ---- */

static struct sl_progress_scan
snapshot(struct scan *scan)
{
	const struct sl_scan_progress *progress = &scan->progress;
	uint64_t rate = sl_rate_sample(&scan->rate, sl_now(), progress->read);
	bool sized = progress->all_listed && progress->summary.inputs > 0 &&
		     progress->size_opened > 0 && progress->read <= progress->size_opened;
	uint64_t left = sized ? progress->size_opened - progress->read : 0;
	return (struct sl_progress_scan){ .inputs_done = progress->summary.inputs,
		.inputs_total = progress->all_listed ? progress->listed : SL_PROGRESS_UNKNOWN,
		.bytes_done = progress->read,
		.bytes_total = sized ? progress->size_opened : SL_PROGRESS_UNKNOWN,
		.rate_bytes_s = rate,
		.left_ns = sized ? sl_rate_left_ns(left, rate) : SL_PROGRESS_UNKNOWN,
		.lines = progress->summary.lines,
		.error_lines = progress->hits };
}

static void
draw(void *ctx, struct sl_progress_screen *screen, const struct sl_progress_style *style,
	struct sl_span above, struct sl_buf *out)
{
	struct sl_progress_scan now = snapshot(ctx);
	sl_progress_draw_scan(screen, style, &now, above, out);
}

static void
plain(void *ctx, struct sl_buf *out)
{
	struct sl_progress_scan now = snapshot(ctx);
	sl_progress_plain_scan(&now, out);
}

/* ---- the run ---- */

/* Logs are often scanned several times, so inputs that fit well into free memory are left in the
 * page cache. More than that would only evict what other programs have there. */
static uint64_t
page_cache_limit(const struct scan *scan)
{
	if (scan->options.io == SL_IO_BUFFERED)
		return UINT64_MAX;
	return scan->options.io == SL_IO_DIRECT ? 0 : scan->available / 4;
}

/* As given by -A or -B, else by -C. */
static uint64_t
context_lines(const struct sl_scan_options *options, uint64_t own)
{
	if (own != SL_OPTION_NO_CONTEXT)
		return own;
	return options->context != SL_OPTION_NO_CONTEXT ? options->context : 0;
}

static void
report_unfinished(void *ctx, const char *shown)
{
	(void)ctx;
	sl_log_error("%s was not scanned to its end", shown);
}

/* Results that are cut short are shown after a deadline, and as JSON always, which ends with a
 * summary. */
static bool
is_cut(const struct scan *scan, int code)
{
	bool is_late = code == -ETIMEDOUT;
	return is_late || (code == -ECANCELED && scan->options.json);
}

static struct sl_scan_setup
setup_of(struct scan *scan)
{
	static const char *const standard_input[] = { "-" };
	const struct sl_scan_options *options = &scan->options;
	bool named = options->inputs.count > 0;
	const char *const *paths = scan->urls.names ? scan->urls.names : options->inputs.items;
	struct sl_tally *tally = scan->match.tally;
	uint64_t tally_memory = tally ? sl_tally_memory(tally) : 0;
	return (struct sl_scan_setup){ .paths = named ? paths : standard_input,
		.count = named ? options->inputs.count : 1,
		.remotes = scan->urls.remotes,
		.caller_memory = scan->urls.memory + tally_memory,
		.pattern = scan->match.pattern,
		.sinks = scan->output.sinks,
		.sink_count = scan->output.sink_count,
		.numbers = scan->output.with_numbers,
		.kinds = scan->output.kinds,
		.own_files = (const char *const *)scan->output.own_files,
		.own_count = SL_COUNT_OF(scan->output.own_files),
		.timeline = options->histogram ? &scan->output.timeline : NULL,
		.timeline_interval_s = options->histogram_interval_s,
		.tally = tally && sl_tally_has_parts(tally) ? tally : NULL,
		.no_follow = options->no_follow,
		.unfinished = report_unfinished,
		.rules = { options->rules.items, options->rules.count },
		.period = sl_scan_has_period(options) ? &scan->period : NULL,
		.samples_levels = scan->match.is_default && !sl_scan_has_period(options),
		.output_fd = options->quiet ? 0 : STDOUT_FILENO,
		.records = options->records,
		.by_head = options->level != SL_LEVEL_NONE,
		.before = context_lines(options, options->before),
		.after = context_lines(options, options->after),
		.max_hits = options->max_count,
		.stop_at_hit = options->quiet,
		.stop_input_at_hit = options->files_with_matches || options->files_without_match,
		.chunk = (size_t)options->chunk,
		.queue = options->queue,
		.max_memory = options->max_memory,
		.max_cached = page_cache_limit(scan) };
}

/* All sinks have begun. */
SL_SUSPENDS
static int
run_scan(struct scan *scan)
{
	struct sl_scan_setup setup = setup_of(scan);
	if (sl_scan_rounds_are_wanted(&scan->options))
		return sl_scan_rounds_run(&scan->rounds, &setup, &scan->progress, &scan->error);
	int code = sl_scan_urls_begin(&scan->urls, &scan->error);
	if (!code)
		code = sl_scan_run(&setup, &scan->progress, &scan->error);
	sl_scan_urls_end(&scan->urls);
	return code;
}

SL_SUSPENDS
static int
begin(struct scan *scan)
{
	const struct sl_scan_options *options = &scan->options;
	struct sl_scan_output_setup to = {
		.options = options, .tally = scan->match.tally, .fd = STDOUT_FILENO
	};
	int code = sl_scan_output_begin(&scan->output, &to, &scan->error);
	if (code == 0 && sl_scan_rounds_are_wanted(options))
		code = sl_scan_rounds_begin(&scan->rounds, options, &scan->output, &scan->error);
	return code;
}

/* What was printed is all that there is otherwise. */
static void
print_summary(const struct scan *scan)
{
	const struct sl_scan_summary *summary = &scan->progress.summary;
	struct sl_buf text = { 0 };
	if (!scan->options.follow || scan->options.json)
		return;
	sl_buf_printf(&text, "sluice: %llu error lines of %llu lines\n",
		(unsigned long long)summary->hits, (unsigned long long)summary->lines);
	sl_console_print(sl_buf_span(&text));
	sl_buf_release(&text);
}

/* The results are written, then how far they go is saved. */
SL_SUSPENDS
static int
end(struct scan *scan, int code)
{
	struct sl_shield shield;
	uint64_t grace_ns =
		sl_scan_rounds_are_wanted(&scan->options) ? ROUNDS_GRACE_NS : SL_RUN_GRACE_NS;
	sl_shield_begin(&shield, sl_task_cancelled() ? sl_deadline_in(grace_ns / 2) : SL_FOREVER);
	sl_console_end();
	struct sl_scan_outcome outcome = { .summary = &scan->progress.summary,
		.elapsed_ns = sl_now() - scan->started_ns,
		.is_cut = is_cut(scan, code) };
	if (code == -ETIMEDOUT)
		(void)sl_fail(&scan->error, SL_PHASE_NONE, code,
			"the time limit of the run was reached (--deadline)");
	int written = sl_scan_output_end(&scan->output, &outcome, code == 0, &scan->error);
	code = code ? code : written;
	if (code == 0)
		print_summary(scan);
	int saved = sl_scan_rounds_end(&scan->rounds, code == 0, &scan->error);
	sl_shield_end(&shield);
	code = code ? code : saved;
	/* A failure of the output has words of its own by now. */
	if (code && code != -ECANCELED && !scan->error.code)
		(void)sl_fail_code(&scan->error, SL_PHASE_NONE, code, "cannot scan");
	return code;
}

SL_SUSPENDS
static int
run_whole(struct scan *scan)
{
	struct sl_console_view view = { .ctx = scan, .draw = draw, .plain = plain };
	scan->started_ns = sl_now();
	sl_rate_begin(&scan->rate, scan->started_ns, 0);
	int code = begin(scan);
	if (code)
		(void)sl_fail_code(&scan->error, SL_PHASE_NONE, code, "cannot start");
	if (!code)
		code = sl_console_begin(&view);
	if (!code)
		code = run_scan(scan);
	return end(scan, code);
}

SL_SUSPENDS
static int
scan_task(void *arg)
{
	struct scan *scan = arg;
	struct sl_deadline deadline;
	sl_deadline_begin(&deadline, sl_deadline_in(scan->options.deadline_ns));
	int code = sl_scan_pattern_init(&scan->match, &scan->options, &scan->error);
	if (code)
		(void)sl_fail_code(&scan->error, SL_PHASE_NONE, code, "cannot start");
	else
		code = run_whole(scan);
	sl_deadline_end(&deadline);
	return code;
}

static void
at_end(void *arg, struct sl_rt *rt)
{
	struct scan *scan = arg;
	if (!scan->options.stats || !scan->match.pattern)
		return;
	const struct sl_scan_progress *progress = &scan->progress;
	struct sl_buf text = { 0 };
	const struct sl_stats_stage stages[] = { { "input", progress->meter.input_ns },
		{ "scan", progress->meter.scan_ns }, { "output", scan->output.waited_ns } };
	sl_stats_print(&text, rt, stages, SL_COUNT_OF(stages));
	sl_buf_printf(&text,
		"pattern: %s kernel%s; queue: at most %zu of %u chunks; chunks: %zu of %zu, %zu "
		"KiB each; "
		"%llu of %llu bytes past the page cache, %llu from it by workers, %llu in holes; "
		"%llu bytes looked at to find a period\n",
		sl_pattern_kernel(scan->match.pattern)->name,
		sl_pattern_has_expressions(scan->match.pattern) ? " and PCRE2" : "",
		progress->queue_high_water, scan->options.queue, progress->chunks_high_water,
		progress->chunks, progress->chunk_size / 1024,
		(unsigned long long)progress->direct_bytes, (unsigned long long)progress->read,
		(unsigned long long)progress->worker_bytes,
		(unsigned long long)progress->hole_bytes,
		(unsigned long long)progress->search_bytes);
	sl_console_print(sl_buf_span(&text));
	sl_buf_release(&text);
}

/* ---- before and after ---- */

static int
status_of(const struct scan *scan, int code)
{
	const struct sl_scan_summary *summary = &scan->progress.summary;
	bool found = summary->hits > 0 || scan->progress.hits > 0;
	if (scan->options.quiet && found)
		return SL_EXIT_SCAN_FOUND;
	/* A reader that closes the pipe, as head does, is not an error. */
	if ((code && code != -EPIPE) || sl_scan_summary_troubles(summary) > 0 ||
		sl_scan_output_is_incomplete(&scan->output))
		return SL_EXIT_SCAN_TROUBLE;
	if (found)
		return SL_EXIT_SCAN_FOUND;
	/* NONE means that everything was read. As with grep, inputs skipped in a directory do not
	 * make a scan fail that has found lines; if it has found none, they may be in those
	 * inputs. */
	return sl_scan_summary_skipped(summary) > 0 ? SL_EXIT_SCAN_TROUBLE : SL_EXIT_SCAN_NONE;
}

static void
release(struct scan *scan)
{
	sl_scan_output_release(&scan->output);
	sl_scan_pattern_release(&scan->match);
	sl_scan_urls_release(&scan->urls);
	sl_proxies_release(&scan->proxies);
	sl_scan_options_release(&scan->options);
	sl_config_release(&scan->config);
}

static int
parse_options(struct scan *scan, int argc, char **argv, struct sl_error *err)
{
	struct sl_config_choice choice;
	int code = sl_options_choose_config(&choice, "scan", argc, argv, err);
	if (!code)
		code = sl_config_read(&scan->config, &choice, getenv, err);
	return code ? code : sl_scan_options_parse(&scan->options, &scan->config, argc, argv, err);
}

static int
fail_usage(struct scan *scan, const struct sl_error *err)
{
	sl_log_error("%s", err->text);
	release(scan);
	return SL_EXIT_SCAN_TROUBLE;
}

/* The ring could not be set up, or has failed during the run. Every line is counted, or its input
 * is named. */
static void
fail_run(struct scan *scan, const struct sl_error *err)
{
	const struct sl_scan_progress *progress = &scan->progress;
	bool has_begun = progress->scan || progress->summary.inputs > 0;
	sl_log_error("%s%s", err->text, has_begun ? "" : "; no input was read");
	sl_scan_each_unfinished(progress, report_unfinished, NULL);
	sl_scan_output_abandon(&scan->output, &progress->summary);
}

/* A read of a file, or a write, does not return. */
static int
abandoned(void *arg, int signo)
{
	const struct scan *scan = arg;
	if (signo)
		return SL_EXIT_SCAN_TROUBLE;
	sl_scan_each_unfinished(&scan->progress, report_unfinished, NULL);
	sl_log_error("the time limit of the run was reached (--deadline), and an input or the "
		     "output does not respond");
	return SL_EXIT_SCAN_TROUBLE;
}

/* Standard output may end at the terminal, also through a pipe: `sluice scan -p ... | grep ...`. */
static bool
may_be_watched(int fd)
{
	struct stat st, null;
	if (fstat(fd, &st) < 0 || S_ISREG(st.st_mode))
		return false;
	return stat("/dev/null", &null) < 0 || st.st_rdev != null.st_rdev || !S_ISCHR(st.st_mode);
}

static void
configure_console(const struct sl_scan_options *options)
{
	/* No bar while results are printed during the run: it would be drawn over them, and they
	 * show the progress. */
	bool results_come = options->print || options->count || options->json ||
			    options->files_with_matches || options->files_without_match;
	bool clash = results_come && isatty(STDERR_FILENO) && may_be_watched(STDOUT_FILENO);
	/* Progress lines are written on request only: cron would send a mail for each run that
	 * takes more than a few seconds. */
	bool automatic = options->progress == SL_OPTION_PROGRESS_AUTO;
	bool silent = options->quiet || (automatic && (clash || !isatty(STDERR_FILENO)));
	struct sl_console_setting setting = { .level = options->verbose ? SL_LOG_INFO : SL_LOG_WARN,
		.colour = options->colour,
		.progress = silent ? SL_OPTION_PROGRESS_NONE : options->progress };
	sl_console_configure(&setting);
}

int
sl_cmd_scan(int argc, char **argv)
{
	struct scan scan = { 0 };
	struct sl_error err = { 0 };
	int code = parse_options(&scan, argc, argv, &err);
	if (code == SL_OPTIONS_HELP) {
		release(&scan);
		return sl_show_help("scan");
	}
	if (!code && scan.options.inputs.count == 0 && isatty(STDIN_FILENO))
		code = sl_fail(&err, SL_PHASE_NONE, SL_E_USAGE,
			"no input: name files or directories, or pipe into standard input ('sluice "
			"scan --help' lists options)");
	if (!code)
		code = sl_scan_period_init(&scan.period, &scan.options, &err);
	if (!code)
		code = sl_proxies_init(&scan.proxies, &scan.options.network.proxy, getenv, &err);
	if (!code)
		code = sl_scan_urls_init(&scan.urls, &scan.options, &scan.proxies, &err);
	if (!code && scan.urls.remotes && sl_scan_rounds_are_wanted(&scan.options))
		code = sl_fail(&err, SL_PHASE_NONE, SL_E_USAGE,
			"--state and --follow do not work with URLs: scan them on their own");
	if (code)
		return fail_usage(&scan, &err);
	configure_console(&scan.options);
	if (scan.config.count)
		sl_log_info("options of '%s' are used", scan.config.path);
	scan.available = sl_memory_available();
	sl_run_fit_memory(&scan.options.max_memory, scan.available, SL_OPTION_MEMORY_MIN);
	struct sl_run run = { .workers = scan.options.workers,
		.fn = scan_task,
		.arg = &scan,
		.at_end = at_end,
		.abandoned = abandoned };
	if (scan.options.deadline_ns != SL_FOREVER)
		run.deadline_ns = scan.options.deadline_ns;
	if (sl_scan_rounds_are_wanted(&scan.options))
		run.grace_ns = ROUNDS_GRACE_NS;
	code = sl_run_command(&run, &err);
	if (code) {
		fail_run(&scan, &err);
		if (!run.is_stuck)
			release(&scan);
		sl_run_end(&run);
		return SL_EXIT_SCAN_TROUBLE;
	}
	if (run.result < 0 && run.result != -EPIPE && !run.signo)
		sl_log_error("%s", scan.error.code ? scan.error.text : sl_code_text(run.result));
	int status = status_of(&scan, run.result);
	release(&scan);
	sl_run_end(&run);
	return status;
}
