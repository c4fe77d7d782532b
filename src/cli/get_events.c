/*
 * get_events.c - the batch's events as bars, lines and the summary at the end. The JSON is made in
 * get_json.c, the plan of --dry-run in get_plan.c.
 *
 *  - A failed file is reported at once, and once more in a list at the end if other lines came in
 *    between.
 *  - URLs and messages are redacted before they are written.
 */
#include "get_events_int.h"

#include "sluice/base/log.h"
#include "sluice/base/redact.h"
#include "sluice/base/text.h"
#include "sluice/ui/units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES_SHOWN 200      /* a line stays for each if there are not more, or with -v */
#define FAILURES_LISTED 1000 /* at the end; more are counted */
#define STALL_SHOWN_NS (3 * SL_NS_PER_S) /* without a byte: shown as stalled */

void
sl_get_events_init(struct sl_get_events *events, const struct sl_get_options *options)
{
	*events = (struct sl_get_events){ .options = options };
}

void
sl_get_events_release(struct sl_get_events *events)
{
	sl_buf_release(&events->failures);
}

/* True if standard error is used for the events only. */
static bool
is_events_only(const struct sl_get_options *options)
{
	return options->json && sl_get_is_to_stdout(options);
}

/* ---- the snapshot ---- */

struct snapshot {
	struct sl_get_events *events;
	struct sl_progress progress;
	struct sl_progress_file files[SL_GET_METERS];
	uint8_t cells[SL_GET_METERS][SL_DOWNLOAD_CELLS];
	size_t count;
	uint64_t received, total;
	bool total_known;
};

static enum sl_progress_state
state_of(const struct sl_download *download, const struct sl_rate *rate)
{
	if (download->state == SL_DOWNLOAD_CONNECTING)
		return SL_PROGRESS_CONNECTING;
	if (download->state != SL_DOWNLOAD_RECEIVING)
		return SL_PROGRESS_FINISHING;
	return sl_now() - rate->moved_ns > STALL_SHOWN_NS ? SL_PROGRESS_STALLED
							  : SL_PROGRESS_RECEIVING;
}

/* A file that only waits for its group to be synced has no line: it would take the place of one
 * that is being downloaded. */
static void
add_download(void *ctx, const struct sl_download *download)
{
	struct snapshot *snapshot = ctx;
	bool known = download->total != SL_BODY_UNKNOWN;
	snapshot->received += download->received;
	snapshot->total += known ? download->total : 0;
	snapshot->total_known = snapshot->total_known && known;
	struct sl_get_meter *meter =
		download->waiting ? NULL : sl_get_meter_of(snapshot->events, download);
	if (!meter)
		return;
	uint64_t rate = sl_get_meter_sample(meter, download);
	bool counts = known && download->total >= download->received;
	bool has_rate = download->state == SL_DOWNLOAD_RECEIVING && meter->rate.is_known;
	const char *name = download->path[0] ? download->path : download->url;
	uint8_t *cells = snapshot->cells[snapshot->count];
	memcpy(cells, download->cells, SL_DOWNLOAD_CELLS);
	snapshot->files[snapshot->count++] = (struct sl_progress_file){
		.name = sl_span_str(name),
		.state = state_of(download, &meter->rate),
		.done = download->received,
		.total = known ? download->total : SL_PROGRESS_UNKNOWN,
		.cells = download->has_gaps ? cells : NULL,
		.cell_count = SL_DOWNLOAD_CELLS,
		.rate_bytes_s = has_rate ? rate : SL_PROGRESS_UNKNOWN,
		.left_ns = counts ? sl_rate_left_ns(download->total - download->received, rate)
				  : SL_PROGRESS_UNKNOWN,
	};
}

static void
sum_up(struct snapshot *snapshot)
{
	struct sl_get_events *events = snapshot->events;
	const struct sl_batch_summary *summary = sl_batch_summary(events->batch);
	uint64_t done = events->ended_bytes + snapshot->received;
	uint64_t total = events->ended_bytes + snapshot->total;
	uint64_t rate = sl_rate_sample(&events->rate, sl_now(), summary->bytes);
	bool is_last =
		events->has_all_inputs && summary->files == events->inputs && summary->waiting == 0;
	bool known = is_last && snapshot->total_known && total >= done;
	snapshot->progress = (struct sl_progress){
		.files = snapshot->files,
		.file_count = snapshot->count,
		.files_done = summary->done + summary->planned + summary->skipped,
		.files_failed = summary->failed + summary->cancelled,
		.files_waiting = summary->waiting,
		.files_total = events->has_all_inputs ? events->inputs : SL_PROGRESS_UNKNOWN,
		.bytes_done = done,
		.bytes_total = known ? total : SL_PROGRESS_UNKNOWN,
		.rate_bytes_s = rate,
		.left_ns = known ? sl_rate_left_ns(total - done, rate) : SL_PROGRESS_UNKNOWN,
		.is_scanned = events->options->scan,
		.error_lines = sl_get_scan_hits(events->scan),
	};
}

/* Some 80 KiB: on the heap, because it is made on a task's stack otherwise. NULL if out of
 * memory. */
static struct snapshot *
take_snapshot(struct sl_get_events *events)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	if (!snapshot)
		return NULL;
	snapshot->events = events;
	snapshot->total_known = true;
	sl_batch_each(events->batch, add_download, snapshot);
	sl_get_meters_pack(events);
	sum_up(snapshot);
	return snapshot;
}

static void
draw(void *ctx, struct sl_progress_screen *screen, const struct sl_progress_style *style,
	struct sl_span above, struct sl_buf *out)
{
	struct snapshot *snapshot = take_snapshot(ctx);
	if (snapshot)
		sl_progress_draw(screen, style, &snapshot->progress, above, out);
	free(snapshot);
}

static void
plain(void *ctx, struct sl_buf *out)
{
	const struct sl_get_events *events = ctx;
	struct snapshot *snapshot = take_snapshot(ctx);
	/* The first line is the first sample: the rate is left out, not 0. */
	if (snapshot && !events->rate.is_known)
		snapshot->progress.rate_bytes_s = SL_PROGRESS_UNKNOWN;
	if (snapshot)
		sl_progress_plain(&snapshot->progress, out);
	free(snapshot);
}

/* ---- the batch's events ---- */

SL_SUSPENDS
static void
started(void *ctx, const struct sl_download *download)
{
	struct sl_get_events *events = ctx;
	if (download->url[0])
		sl_log_info("%s %s", events->options->dry_run ? "looking at" : "downloading",
			download->url);
	if (events->options->json && !events->options->dry_run)
		sl_get_json_start(events, download);
}

SL_SUSPENDS
static void
retrying(void *ctx, const struct sl_download *download)
{
	struct sl_get_events *events = ctx;
	if (events->options->json)
		sl_get_json_retry(events, download);
}

/* For the list at the end. Messages contain the file or URL. */
static void
keep_failure(struct sl_get_events *events, const char *reason)
{
	if (events->failures_listed == FAILURES_LISTED) {
		events->failures_left_out++;
		return;
	}
	struct sl_buf clean = { 0 };
	sl_redact(&clean, sl_span_str(reason));
	sl_buf_add_str(&events->failures, "  ");
	sl_text_make_safe(&events->failures, sl_buf_span(&clean));
	sl_buf_add_char(&events->failures, '\n');
	sl_buf_release(&clean);
	events->failures_listed++;
}

static void
print_end(const struct sl_download *download)
{
	struct sl_progress_ended ended = { .name = sl_span_str(download->path[0] ? download->path
										 : download->url),
		.end = download->state == SL_DOWNLOAD_DONE ? SL_PROGRESS_DONE : SL_PROGRESS_SKIPPED,
		.bytes = download->received,
		.resumed = download->resumed,
		.elapsed_ns = download->ended_ns - download->started_ns,
		.reason = sl_span_str(download->unverified ? "exists (content not checked)"
							   : "already complete") };
	struct sl_progress_style style = sl_console_style();
	struct sl_buf line = { 0 };
	sl_progress_ended(&ended, &style, &line);
	sl_console_print(sl_buf_span(&line));
	sl_buf_release(&line);
}

/* The reader of stdout closed the pipe, as head and grep -q do: not a failure. */
static bool
is_reader_gone(const struct sl_get_events *events, const struct sl_download *download)
{
	return sl_get_is_to_stdout(events->options) && download->error->phase == SL_PHASE_WRITE &&
	       download->error->code == -EPIPE;
}

SL_SUSPENDS
static void
ended(void *ctx, const struct sl_download *download)
{
	struct sl_get_events *events = ctx;
	events->ended_bytes += download->received;
	bool good = download->state == SL_DOWNLOAD_DONE || download->state == SL_DOWNLOAD_SKIPPED;
	if (download->excess)
		sl_log_info("%s: the server sent more bytes than it announced: the excess was "
			    "discarded",
			download->url);
	bool few = events->inputs <= FILES_SHOWN && sl_console_has_bars();
	bool planned = events->options->dry_run && (good || download->state == SL_DOWNLOAD_PLANNED);
	if (good && !planned && (few || events->options->verbose > 0))
		print_end(download);
	if (download->state == SL_DOWNLOAD_FAILED && is_reader_gone(events, download)) {
		events->reader_gone = true;
	} else if (download->state == SL_DOWNLOAD_FAILED && !is_events_only(events->options)) {
		sl_log_error("%s", download->error->text);
		keep_failure(events, download->error->text);
	}
	sl_console_wait();
	if (planned)
		sl_get_plan_file(events, download);
	else if (events->options->json)
		sl_get_json_end(events, download);
	sl_get_scan_ended(events->scan, download);
}

struct sl_batch_events
sl_get_events_table(struct sl_get_events *events)
{
	return (struct sl_batch_events){
		.ctx = events, .started = started, .retrying = retrying, .ended = ended
	};
}

/* ---- around the run ---- */

/* For events, or the plan. */
SL_SUSPENDS
static int
open_output(struct sl_get_events *events)
{
	const struct sl_get_options *options = events->options;
	bool to_stderr = options->json && sl_get_is_to_stdout(options);
	if (!options->json && !options->dry_run)
		return 0;
	return sl_output_open(&events->output, to_stderr ? STDERR_FILENO : STDOUT_FILENO);
}

int
sl_get_events_begin(struct sl_get_events *events, struct sl_batch *batch)
{
	events->batch = batch;
	events->started_ns = sl_now();
	sl_rate_begin(&events->rate, sl_now(), 0);
	events->view = (struct sl_console_view){ .ctx = events, .draw = draw, .plain = plain };
	int code = open_output(events);
	if (!code)
		code = sl_get_scan_begin(events->scan, events->output);
	if (code) {
		(void)!sl_output_close(events->output, NULL);
		events->output = NULL;
		return code;
	}
	code = sl_console_begin(&events->view);
	sl_group_enter(&events->ticker, SL_GROUP_COLLECT);
	if (!code && events->options->json && !events->options->dry_run)
		code = sl_group_spawn(&events->ticker, "events", sl_get_json_ticker, events, NULL);
	if (code) {
		sl_group_leave(&events->ticker);
		sl_console_end();
		sl_get_scan_end(events->scan, NULL);
		(void)!sl_output_close(events->output, NULL);
		events->output = NULL;
	}
	return code;
}

/* The failures again, together, if other lines were printed between them. */
static void
add_failures(struct sl_buf *out, const struct sl_get_events *events, bool bars)
{
	bool between = bars || events->options->verbose > 0 || sl_console_has_plain_progress();
	if (events->failures.len == 0 || events->inputs < 2 || !between)
		return;
	sl_buf_add_str(out, "not downloaded:\n");
	sl_buf_add_span(out, sl_buf_span(&events->failures));
	if (events->failures_left_out)
		sl_buf_printf(
			out, "  and %s more\n", sl_units_count(events->failures_left_out).text);
}

/* Conditions that the counts do not show. */
static void
add_notes(struct sl_buf *out, const struct sl_get_events *events,
	const struct sl_batch_summary *summary)
{
	if (summary->done > 0 && events->options->sync == SL_SYNC_NONE &&
		!sl_get_is_to_stdout(events->options))
		sl_buf_add_str(out, "; not synced to disk (--sync=none)");
	if (summary->repeats > 0)
		sl_buf_printf(out, "; %s %s an earlier URL and %s not downloaded again",
			sl_units_count(summary->repeats).text,
			summary->repeats == 1 ? "input repeats" : "inputs repeat",
			summary->repeats == 1 ? "was" : "were");
	if (summary->unverified > 0)
		sl_buf_add_str(out, "; skipped files were not checked (--if-exists=skip)");
	if (!events->has_all_inputs)
		sl_buf_add_str(out, "; the list was not read to its end");
	if (events->options->network.tls.insecure)
		sl_buf_add_str(out, "; certificates were not verified (--insecure)");
}

/* Standard input was one of the lists, or the checksums. */
static bool
has_read_stdin(const struct sl_get_options *options)
{
	bool has = options->sums && strcmp(options->sums, "-") == 0;
	for (size_t i = 0; i < options->lists.count; i++)
		has = has || strcmp(options->lists.items[i], "-") == 0;
	return has;
}

static void
add_kept(struct sl_buf *out, const struct sl_get_events *events,
	const struct sl_batch_summary *summary)
{
	bool is_one = summary->kept == 1;
	if (summary->kept == 0)
		return;
	sl_buf_printf(out, "%s incomplete %s kept: the same command resumes %s%s\n",
		sl_units_count(summary->kept).text, is_one ? "file is" : "files are",
		is_one ? "it" : "them",
		has_read_stdin(events->options) ? " if it gets the same list on standard input"
						: "");
}

/* ", 3 split", or with `*what` if it is the first. */
static void
add_item(struct sl_buf *out, const char **what, const char *count, const char *noun)
{
	sl_buf_printf(out, "%s %s %s", *what, count, noun);
	*what = ",";
}

void
sl_get_add_segments(struct sl_buf *out, const struct sl_batch_summary *summary)
{
	const struct sl_segments_counts *counts = &summary->segments;
	const struct {
		uint64_t count;
		const char *one, *many;
	} items[] = {
		{ counts->requests, "request for a range", "requests for ranges" },
		{ counts->split, "range split", "ranges split" },
		{ counts->hedged, "range requested twice", "ranges requested twice" },
		{ counts->replaced, "slow connection replaced", "slow connections replaced" },
		{ summary->journal_syncs, "sync of a partial file", "syncs of partial files" },
	};
	const char *what = "segments:"; /* then "," */
	for (size_t i = 0; i < SL_COUNT_OF(items); i++)
		if (items[i].count > 0)
			add_item(out, &what, sl_units_count(items[i].count).text,
				items[i].count == 1 ? items[i].one : items[i].many);
	if (summary->read_back > 0)
		add_item(out, &what, sl_units_size(summary->read_back).text,
			"read back for checksums");
	if (summary->tee_read > 0)
		add_item(out, &what, sl_units_size(summary->tee_read).text,
			"of earlier runs read for the scan");
	if (*what == ',')
		sl_buf_add_char(out, '\n');
}

static void
add_summary(struct sl_buf *out, const struct sl_get_events *events,
	const struct sl_batch_summary *summary)
{
	uint64_t elapsed_ns = sl_now() - events->started_ns;
	sl_buf_printf(out, "%s of %s %s done",
		sl_units_count(summary->done + summary->skipped).text,
		sl_units_count(events->inputs).text, events->inputs == 1 ? "file" : "files");
	if (summary->skipped > summary->repeats)
		sl_buf_printf(out, " (%s already there)",
			sl_units_count(summary->skipped - summary->repeats).text);
	sl_get_add_count(out, summary->failed, "failed");
	sl_get_add_count(out, summary->cancelled, "cancelled");
	sl_get_add_count(out, sl_get_not_begun(events, summary), "not begun");
	sl_get_add_count(out, summary->retries, summary->retries == 1 ? "retry" : "retries");
	if (summary->bytes > 0)
		sl_buf_printf(out, ", %s in %s (%s)", sl_units_size(summary->bytes).text,
			sl_units_elapsed(elapsed_ns).text,
			sl_units_rate(sl_rate_between(summary->bytes, elapsed_ns)).text);
	if (summary->resumed > 0)
		sl_buf_printf(out, ", %s from earlier runs", sl_units_size(summary->resumed).text);
	add_notes(out, events, summary);
	sl_buf_add_char(out, '\n');
	if (events->options->verbose > 0 && !events->options->stats)
		sl_get_add_segments(out, summary);
	add_kept(out, events, summary);
}

static void
print_summary(const struct sl_get_events *events, const struct sl_batch_summary *summary, bool bars)
{
	struct sl_buf text = { 0 };
	add_failures(&text, events, bars);
	if (!events->options->quiet && !events->reader_gone && !is_events_only(events->options) &&
		!events->options->dry_run)
		add_summary(&text, events, summary);
	if (!text.failed && text.len > 0)
		sl_console_print(sl_buf_span(&text));
	sl_buf_release(&text);
}

void
sl_get_events_end(
	struct sl_get_events *events, const struct sl_batch_summary *summary, struct sl_error *err)
{
	sl_group_cancel(&events->ticker, -ECANCELED);
	sl_group_leave(&events->ticker);
	struct sl_shield shield;
	sl_shield_begin(&shield,
		sl_task_cancelled() ? sl_deadline_in(SL_NS_PER_S / 2) : sl_task_deadline());
	/* The events of the run end with its own; a table stands below the summary. */
	if (events->options->json)
		sl_get_scan_end(events->scan, err);
	if (events->options->dry_run)
		sl_get_plan_end(events, summary);
	else if (events->options->json)
		sl_get_json_summary(events, summary);
	bool bars = sl_console_has_bars();
	const char *what = events->options->json      ? "events"
			   : events->options->dry_run ? "lines of the plan"
						      : "results of the scan";
	sl_console_end();
	print_summary(events, summary, bars);
	sl_get_scan_end(events->scan, err);
	int code = sl_output_close(events->output, err);
	events->output = NULL;
	if (code == -ETIMEDOUT)
		sl_fail(err, SL_PHASE_NONE, code,
			"the time limit of the run was reached (--deadline), and the reader of the "
			"%s did not take the last ones in time",
			what);
	else if (code && code != -EPIPE)
		sl_fail_code(err, SL_PHASE_WRITE, code, "cannot write the %s", what);
	sl_shield_end(&shield);
}
