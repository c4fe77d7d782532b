/*
 * get_json.c - get's events as JSON; sluice-get(1) lists them.
 *
 * Events wait for their reader; the last ones of a cancelled run only a little.
 * URLs and messages are redacted.
 */
#include "get_events_int.h"

#include "sluice/base/log.h"
#include "sluice/base/redact.h"
#include "sluice/cli/exit_status.h"

#include <errno.h>

#define TICK_NS SL_NS_PER_S /* between two JSON progress events of a file */

SL_SUSPENDS
void
sl_get_send(struct sl_get_events *events, struct sl_buf *line)
{
	/* Not between the pieces of a long line's event. */
	int code = sl_output_take_turn(events->output, &events->scan->reporting);
	if (code == 0) {
		code = line->failed ? 0 : sl_output_send(events->output, line);
		sl_semaphore_give(&events->scan->reporting);
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

void
sl_get_json_begin(struct sl_json *json, struct sl_buf *line, const char *type,
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

/* Those that have delivered any of it, unless that was one only. */
static void
add_sources(struct sl_json *json, const struct sl_download *download)
{
	size_t used = 0;
	for (size_t i = 0; i < download->source_count; i++)
		used += download->delivered[i] > 0;
	if (used < 2)
		return;
	sl_json_open(json, "sources", SL_JSON_ARRAY);
	for (size_t i = 0; i < download->source_count; i++) {
		struct sl_buf url = { 0 };
		if (download->delivered[i] == 0)
			continue;
		sl_redact(&url, download->sources[i]);
		sl_json_open(json, NULL, SL_JSON_OBJECT);
		sl_json_string_or_bytes(json, "url", sl_buf_span(&url));
		sl_json_u64(json, "bytes", download->delivered[i]);
		sl_json_close(json);
		sl_buf_release(&url);
	}
	sl_json_close(json);
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
	sl_json_u64(json, "resumed", download->resumed);
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
	struct sl_get_meter *meter =
		download->waiting ? NULL : sl_get_meter_of(tick->events, download);
	if (!meter)
		return;
	sl_get_json_begin(&json, &tick->lines, "progress", download);
	add_sizes(&json, download);
	sl_json_u64(&json, "bytes_per_second", sl_get_meter_sample(meter, download));
	sl_json_u64(&json, "segments", download->segments);
	sl_json_end_line(&json);
}

SL_SUSPENDS
int
sl_get_json_ticker(void *arg)
{
	struct sl_get_events *events = arg;
	int code;
	while ((code = sl_sleep(TICK_NS)) == 0) {
		struct tick tick = { .events = events };
		sl_batch_each(events->batch, add_progress, &tick);
		if (!sl_console_has_bars())
			sl_get_meters_pack(events);
		if (tick.lines.len > 0)
			sl_get_send(events, &tick.lines);
		sl_buf_release(&tick.lines);
	}
	return code;
}

SL_SUSPENDS
void
sl_get_json_start(struct sl_get_events *events, const struct sl_download *download)
{
	struct sl_buf line = { 0 };
	struct sl_json json;
	sl_get_json_begin(&json, &line, "file_start", download);
	sl_json_end_line(&json);
	sl_get_send(events, &line);
}

SL_SUSPENDS
void
sl_get_json_retry(struct sl_get_events *events, const struct sl_download *download)
{
	struct sl_buf line = { 0 };
	struct sl_json json;
	sl_get_json_begin(&json, &line, "retry", download);
	sl_json_u64(&json, "attempt", download->retries);
	sl_json_seconds(&json, "wait_seconds", download->wait_ns);
	add_error(&json, download);
	sl_json_end_line(&json);
	sl_get_send(events, &line);
}

SL_SUSPENDS
void
sl_get_json_end(struct sl_get_events *events, const struct sl_download *download)
{
	static const char *const states[] = {
		[SL_DOWNLOAD_DONE] = "done",
		[SL_DOWNLOAD_SKIPPED] = "skipped",
		[SL_DOWNLOAD_FAILED] = "failed",
		[SL_DOWNLOAD_REMOVED] = "removed",
		[SL_DOWNLOAD_CANCELLED] = "cancelled",
	};
	bool good = download->state == SL_DOWNLOAD_DONE || download->state == SL_DOWNLOAD_SKIPPED;
	struct sl_buf line = { 0 };
	struct sl_json json;
	sl_get_json_begin(&json, &line, good ? "file_done" : "file_error", download);
	sl_json_string(&json, "state", sl_span_str(states[download->state]));
	add_sizes(&json, download);
	sl_json_seconds(&json, "seconds", download->ended_ns - download->started_ns);
	if (good)
		add_guarantees(&json, events, download);
	if (good)
		add_sources(&json, download);
	else
		add_error(&json, download);
	sl_json_end_line(&json);
	sl_get_send(events, &line);
}

SL_SUSPENDS
void
sl_get_json_summary(struct sl_get_events *events, const struct sl_batch_summary *summary)
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
	sl_json_u64(&json, "not_begun", sl_get_not_begun(events, summary));
	sl_json_u64(&json, "retries", summary->retries);
	sl_json_u64(&json, "bytes", summary->bytes);
	sl_json_u64(&json, "resumed", summary->resumed);
	sl_json_u64(&json, "kept", summary->kept);
	sl_json_u64(&json, "ranges", summary->segments.requests);
	sl_json_u64(&json, "ranges_split", summary->segments.split);
	sl_json_u64(&json, "ranges_hedged", summary->segments.hedged);
	sl_json_u64(&json, "connections_replaced", summary->segments.replaced);
	sl_json_seconds(&json, "seconds", sl_now() - events->started_ns);
	sl_json_bool(&json, "durable", summary->durable);
	sl_json_end_line(&json);
	sl_get_send(events, &line);
}
