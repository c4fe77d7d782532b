/*
 * get_events.c - the batch's events as bars, lines, JSON and the summary at the end.
 *
 *  - Rates are sampled when a frame or a JSON progress event is made, in meters that belong to the
 *    downloads under way; there are at most as many as jobs.
 *  - A failed file is reported at once, and once more in a list at the end if other lines came in
 *    between.
 *  - Events wait for the reader of the JSON output. The last events of a cancelled run wait at most
 *    LAST_EVENTS_NS in all.
 *  - URLs and messages are redacted before they are written.
 */
#include "sluice/cli/get_events.h"

#include "sluice/base/log.h"
#include "sluice/base/redact.h"
#include "sluice/base/text.h"
#include "sluice/cli/exit_status.h"
#include "sluice/ui/json.h"
#include "sluice/ui/units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES_SHOWN 200      /* a line stays for each if there are not more, or with -v */
#define FAILURES_LISTED 1000 /* at the end; more are counted */
#define TICK_NS SL_NS_PER_S  /* between two JSON progress events of a file */
#define LAST_EVENTS_NS (300 * SL_NS_PER_MS)
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

/* ---- rates ---- */

/* The meter of a download: its own, a free one, or NULL. */
static struct sl_get_meter *
meter_of(struct sl_get_events *events, const struct sl_download *download)
{
	struct sl_get_meter *free_one = NULL;
	for (size_t i = 0; i < SL_GET_METERS; i++) {
		struct sl_get_meter *meter = &events->meters[i];
		if (meter->used && meter->index == download->index)
			return meter;
		if (!meter->used && !free_one)
			free_one = meter;
		if (!meter->used)
			break; /* used ones are packed at the front */
	}
	if (free_one) {
		*free_one = (struct sl_get_meter){ .used = true, .index = download->index };
		sl_rate_begin(&free_one->rate, sl_now(), download->received);
	}
	return free_one;
}

/* The measurement begins when the connection is established. */
static uint64_t
sample(struct sl_get_meter *meter, const struct sl_download *download)
{
	meter->seen = true;
	if (download->state == SL_DOWNLOAD_CONNECTING)
		sl_rate_begin(&meter->rate, sl_now(), download->received);
	return sl_rate_sample(&meter->rate, sl_now(), download->received);
}

/* Free the meters of downloads that have ended; the others move to the front. */
static void
pack_meters(struct sl_get_events *events)
{
	size_t kept = 0;
	for (size_t i = 0; i < SL_GET_METERS && events->meters[i].used; i++) {
		if (!events->meters[i].seen)
			continue;
		events->meters[kept] = events->meters[i];
		events->meters[kept++].seen = false;
	}
	for (size_t i = kept; i < SL_GET_METERS && events->meters[i].used; i++)
		events->meters[i].used = false;
}

/* ---- the snapshot ---- */

struct snapshot {
	struct sl_get_events *events;
	struct sl_progress progress;
	struct sl_progress_file files[SL_GET_METERS];
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
		download->waiting ? NULL : meter_of(snapshot->events, download);
	if (!meter)
		return;
	uint64_t rate = sample(meter, download);
	bool counts = known && download->total >= download->received;
	bool has_rate = download->state == SL_DOWNLOAD_RECEIVING && meter->rate.is_known;
	const char *name = download->path[0] ? download->path : download->url;
	snapshot->files[snapshot->count++] = (struct sl_progress_file){
		.name = sl_span_str(name),
		.state = state_of(download, &meter->rate),
		.done = download->received,
		.total = known ? download->total : SL_PROGRESS_UNKNOWN,
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
	uint64_t rate = sl_rate_sample(&events->rate, sl_now(), done);
	bool known = summary->files == events->inputs && snapshot->total_known && total >= done;
	snapshot->progress = (struct sl_progress){
		.files = snapshot->files,
		.file_count = snapshot->count,
		.files_done = summary->done + summary->skipped,
		.files_failed = summary->failed + summary->cancelled,
		.files_total = events->inputs,
		.bytes_done = done,
		.bytes_total = known ? total : SL_PROGRESS_UNKNOWN,
		.rate_bytes_s = rate,
		.left_ns = known ? sl_rate_left_ns(total - done, rate) : SL_PROGRESS_UNKNOWN,
	};
}

/* Some 40 KiB: on the heap, because it is made on a task's stack otherwise. NULL if out of
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
	pack_meters(events);
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
	struct snapshot *snapshot = take_snapshot(ctx);
	if (snapshot)
		sl_progress_plain(&snapshot->progress, out);
	free(snapshot);
}

/* ---- JSON ---- */

static bool
is_to_stdout(const struct sl_get_options *options)
{
	return options->output && strcmp(options->output, "-") == 0;
}

/* True if standard error is used for the events only. */
static bool
is_events_only(const struct sl_get_options *options)
{
	return options->json && is_to_stdout(options);
}

SL_SUSPENDS
static void
send_json(struct sl_get_events *events, struct sl_buf *line)
{
	struct sl_shield shield;
	int code = line->failed ? 0 : sl_output_send(events->json, line);
	if (code == -ECANCELED || code == -ETIMEDOUT) {
		/* The run was cancelled while the queue was full: wait for the reader a little. */
		if (!events->last_events_ns)
			events->last_events_ns = sl_deadline_in(LAST_EVENTS_NS);
		sl_shield_begin(&shield, events->last_events_ns);
		code = sl_output_send(events->json, line);
		sl_shield_end(&shield);
	}
	/* -EPIPE is not an error; any other failure is reported when the output is closed. */
	if (code)
		sl_log_debug("an event was not written: %s", sl_code_text(code));
	sl_buf_release(line);
}

/* Text without secrets, or null for "". */
static void
add_text(struct sl_json *json, const char *key, const char *text)
{
	struct sl_buf clean = { 0 };
	sl_redact(&clean, sl_span_str(text));
	if (text[0])
		sl_json_string(json, key, sl_buf_span(&clean));
	else
		sl_json_null(json, key);
	sl_buf_release(&clean);
}

static void
begin_event(struct sl_json *json, struct sl_buf *line, const char *type,
	const struct sl_download *download)
{
	sl_json_begin(json, line);
	sl_json_string(json, "type", sl_span_str(type));
	sl_json_u64(json, "index", download->index);
	add_text(json, "url", download->url);
	if (download->path[0])
		sl_json_string_or_bytes(json, "path", sl_span_str(download->path));
	else
		sl_json_null(json, "path");
}

static void
add_error(struct sl_json *json, const struct sl_download *download)
{
	const struct sl_error *err = download->error;
	add_text(json, "error", err->text);
	if (download->state == SL_DOWNLOAD_CANCELLED)
		sl_json_null(json, "exit_status");
	else
		sl_json_u64(json, "exit_status", (uint64_t)sl_exit_status(err));
	if (err->http_status)
		sl_json_u64(json, "http_status", (uint64_t)err->http_status);
	else
		sl_json_null(json, "http_status");
}

/* How the content was verified, and whether it survives a power failure. */
static void
add_guarantees(struct sl_json *json, const struct sl_get_events *events,
	const struct sl_download *download)
{
	bool skipped = download->state == SL_DOWNLOAD_SKIPPED;
	if (download->unverified || (download->is_repeat && !download->checked) ||
		(!skipped && !download->checked))
		sl_json_null(json, "verified_by");
	else
		sl_json_string(json, "verified_by",
			sl_span_str(download->checked ? "checksum" : "server"));
	if (skipped || download->streamed)
		sl_json_null(json, "durable");
	else
		sl_json_bool(json, "durable", events->options->sync != SL_SYNC_NONE);
}

static void
add_sizes(struct sl_json *json, const struct sl_download *download)
{
	sl_json_u64(json, "bytes", download->received);
	sl_json_u64_or_null(json, "total", download->total);
}

struct tick {
	struct sl_get_events *events;
	struct sl_buf lines;
};

static void
add_progress(void *ctx, const struct sl_download *download)
{
	struct tick *tick = ctx;
	struct sl_json json;
	struct sl_get_meter *meter = download->waiting ? NULL : meter_of(tick->events, download);
	if (!meter)
		return;
	begin_event(&json, &tick->lines, "progress", download);
	add_sizes(&json, download);
	sl_json_u64(&json, "bytes_per_second", sample(meter, download));
	sl_json_end_line(&json);
}

SL_SUSPENDS
static int
ticker_task(void *arg)
{
	struct sl_get_events *events = arg;
	int code;
	while ((code = sl_sleep(TICK_NS)) == 0) {
		struct tick tick = { .events = events };
		sl_batch_each(events->batch, add_progress, &tick);
		if (!sl_console_has_bars())
			pack_meters(events);
		if (tick.lines.len > 0)
			send_json(events, &tick.lines);
		sl_buf_release(&tick.lines);
	}
	return code;
}

SL_SUSPENDS
static void
json_end(struct sl_get_events *events, const struct sl_download *download)
{
	static const char *const states[] = {
		[SL_DOWNLOAD_DONE] = "done",
		[SL_DOWNLOAD_SKIPPED] = "skipped",
		[SL_DOWNLOAD_FAILED] = "failed",
		[SL_DOWNLOAD_CANCELLED] = "cancelled",
	};
	bool good = download->state == SL_DOWNLOAD_DONE || download->state == SL_DOWNLOAD_SKIPPED;
	struct sl_buf line = { 0 };
	struct sl_json json;
	begin_event(&json, &line, good ? "file_done" : "file_error", download);
	sl_json_string(&json, "state", sl_span_str(states[download->state]));
	add_sizes(&json, download);
	sl_json_seconds(&json, "seconds", download->ended_ns - download->started_ns);
	if (good)
		add_guarantees(&json, events, download);
	else
		add_error(&json, download);
	sl_json_end_line(&json);
	send_json(events, &line);
}

static uint64_t
left_over(const struct sl_get_events *events, const struct sl_batch_summary *summary)
{
	return events->inputs > summary->files ? events->inputs - summary->files : 0;
}

SL_SUSPENDS
static void
json_summary(struct sl_get_events *events, const struct sl_batch_summary *summary)
{
	struct sl_buf line = { 0 };
	struct sl_json json;
	sl_json_begin(&json, &line);
	sl_json_string(&json, "type", sl_span_str("run_summary"));
	sl_json_u64(&json, "files", summary->files);
	sl_json_u64(&json, "done", summary->done);
	sl_json_u64(&json, "skipped", summary->skipped);
	sl_json_u64(&json, "failed", summary->failed);
	sl_json_u64(&json, "cancelled", summary->cancelled);
	sl_json_u64(&json, "not_begun", left_over(events, summary));
	sl_json_u64(&json, "bytes", summary->bytes);
	sl_json_seconds(&json, "seconds", sl_now() - events->started_ns);
	sl_json_bool(&json, "durable", summary->durable);
	sl_json_end_line(&json);
	send_json(events, &line);
}

/* ---- the batch's events ---- */

SL_SUSPENDS
static void
started(void *ctx, const struct sl_download *download)
{
	struct sl_get_events *events = ctx;
	if (download->url[0])
		sl_log_info("downloading %s", download->url);
	if (!events->json)
		return;
	struct sl_buf line = { 0 };
	struct sl_json json;
	begin_event(&json, &line, "file_start", download);
	sl_json_end_line(&json);
	send_json(events, &line);
}

SL_SUSPENDS
static void
retrying(void *ctx, const struct sl_download *download)
{
	struct sl_get_events *events = ctx;
	struct sl_buf line = { 0 };
	struct sl_json json;
	if (!events->json)
		return;
	begin_event(&json, &line, "retry", download);
	add_error(&json, download);
	sl_json_end_line(&json);
	send_json(events, &line);
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
	return is_to_stdout(events->options) && download->error->phase == SL_PHASE_WRITE &&
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
	if (good && (few || events->options->verbose > 0))
		print_end(download);
	if (download->state == SL_DOWNLOAD_FAILED && is_reader_gone(events, download)) {
		events->reader_gone = true;
	} else if (download->state == SL_DOWNLOAD_FAILED && !is_events_only(events->options)) {
		sl_log_error("%s", download->error->text);
		keep_failure(events, download->error->text);
	}
	sl_console_wait();
	if (events->json)
		json_end(events, download);
}

struct sl_batch_events
sl_get_events_table(struct sl_get_events *events)
{
	return (struct sl_batch_events){
		.ctx = events, .started = started, .retrying = retrying, .ended = ended
	};
}

/* ---- around the run ---- */

int
sl_get_events_begin(struct sl_get_events *events, struct sl_batch *batch, uint64_t inputs)
{
	const struct sl_get_options *options = events->options;
	bool to_stdout = is_to_stdout(options);
	events->batch = batch;
	events->inputs = inputs;
	events->started_ns = sl_now();
	sl_rate_begin(&events->rate, sl_now(), 0);
	events->view = (struct sl_console_view){ .ctx = events, .draw = draw, .plain = plain };
	int code = options->json ? sl_output_open(
					   &events->json, to_stdout ? STDERR_FILENO : STDOUT_FILENO)
				 : 0;
	if (code)
		return code;
	code = sl_console_begin(&events->view);
	sl_group_enter(&events->ticker, SL_GROUP_COLLECT);
	if (!code && events->json)
		code = sl_group_spawn(&events->ticker, "events", ticker_task, events, NULL);
	if (code) {
		sl_group_leave(&events->ticker);
		sl_console_end();
		(void)!sl_output_close(events->json, NULL);
		events->json = NULL;
	}
	return code;
}

static void
add_count(struct sl_buf *out, uint64_t count, const char *what)
{
	if (count > 0)
		sl_buf_printf(out, ", %s %s", sl_units_count(count).text, what);
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
		!is_to_stdout(events->options))
		sl_buf_add_str(out, "; not synced to disk (--sync=none)");
	if (summary->repeats > 0)
		sl_buf_printf(out, "; %s %s an earlier URL and %s not downloaded again",
			sl_units_count(summary->repeats).text,
			summary->repeats == 1 ? "input repeats" : "inputs repeat",
			summary->repeats == 1 ? "was" : "were");
	if (summary->unverified > 0)
		sl_buf_add_str(out, "; skipped files were not checked (--if-exists=skip)");
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
	add_count(out, summary->failed, "failed");
	add_count(out, summary->cancelled, "cancelled");
	add_count(out, left_over(events, summary), "not begun");
	if (summary->bytes > 0)
		sl_buf_printf(out, ", %s in %s (%s)", sl_units_size(summary->bytes).text,
			sl_units_elapsed(elapsed_ns).text,
			sl_units_rate(sl_rate_between(summary->bytes, elapsed_ns)).text);
	add_notes(out, events, summary);
	sl_buf_add_char(out, '\n');
}

static void
print_summary(const struct sl_get_events *events, const struct sl_batch_summary *summary, bool bars)
{
	struct sl_buf text = { 0 };
	add_failures(&text, events, bars);
	if (!events->options->quiet && !events->reader_gone && !is_events_only(events->options))
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
	if (events->json)
		json_summary(events, summary);
	bool bars = sl_console_has_bars();
	sl_console_end();
	print_summary(events, summary, bars);
	int code = sl_output_close(events->json, err);
	events->json = NULL;
	if (code == -ETIMEDOUT)
		sl_fail(err, SL_PHASE_NONE, code,
			"the time limit of the run was reached (--deadline), and the reader of the "
			"events did not take the last ones in time");
	else if (code && code != -EPIPE)
		sl_fail_code(err, SL_PHASE_WRITE, code, "cannot write the events");
	sl_shield_end(&shield);
}
