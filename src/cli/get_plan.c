/*
 * get_plan.c - what --dry-run writes to standard output: a line for each file that would be
 * downloaded or skipped, then the totals, as text or with --json as events. Files that would fail
 * are reported as in any run.
 */
#include "get_events_int.h"

#include "sluice/base/text.h"
#include "sluice/ui/json.h"
#include "sluice/ui/units.h"

#define FEATURES_COLUMNS 29 /* the longest is "no ranges, weak Last-Modified" */

/* What If-Range would have; else what the server sends that is too weak for it. */
enum validator {
	VALIDATOR_NONE,
	VALIDATOR_ETAG,
	VALIDATOR_MODIFIED,
	VALIDATOR_WEAK_ETAG,
	VALIDATOR_WEAK_MODIFIED,
};

static enum validator
validator_of(const struct sl_resource *remote)
{
	const char *strong = sl_resource_validator(remote);
	if (strong)
		return strong == remote->etag ? VALIDATOR_ETAG : VALIDATOR_MODIFIED;
	if (remote->etag[0])
		return VALIDATOR_WEAK_ETAG;
	return remote->modified[0] ? VALIDATOR_WEAK_MODIFIED : VALIDATOR_NONE;
}

static const char *
action_of(const struct sl_download *download)
{
	if (!download->remote)
		return "skip";
	if (download->present > 0)
		return "resume";
	return download->replaces ? "replace" : "download";
}

/* ---- a file ---- */

/* Of an input that repeats an earlier one the size is that one's, which may be forgotten by now. */
static uint64_t
size_of(const struct sl_download *download)
{
	return download->is_repeat ? SL_BODY_UNKNOWN : download->total;
}

static struct sl_units
shown_size(const struct sl_download *download)
{
	struct sl_units unknown = { "unknown" }, none = { "-" };
	uint64_t size = size_of(download);
	if (size != SL_BODY_UNKNOWN)
		return sl_units_size(size);
	return download->is_repeat ? none : unknown;
}

static void
add_features(struct sl_buf *out, const struct sl_download *download)
{
	static const char *const validators[] = {
		[VALIDATOR_NONE] = "no validator",
		[VALIDATOR_ETAG] = "ETag",
		[VALIDATOR_MODIFIED] = "Last-Modified",
		[VALIDATOR_WEAK_ETAG] = "weak ETag",
		[VALIDATOR_WEAK_MODIFIED] = "weak Last-Modified",
	};
	if (download->remote)
		sl_buf_printf(out, "%s, %s",
			download->remote->takes_ranges ? "ranges" : "no ranges",
			validators[validator_of(download->remote)]);
	else if (download->is_repeat)
		sl_buf_add_str(out, "repeats an earlier input");
	else
		sl_buf_add_str(
			out, download->unverified ? "exists, not checked" : "already complete");
}

static void
add_line(struct sl_buf *out, const struct sl_download *download)
{
	struct sl_buf features = { 0 };
	add_features(&features, download);
	sl_buf_printf(out, "%-8s  %*s  %-*s  ", action_of(download), SL_UNITS_SIZE_COLUMNS,
		shown_size(download).text, FEATURES_COLUMNS, features.data ? features.data : "");
	sl_text_make_safe(out, sl_span_str(download->path));
	sl_buf_add_char(out, '\n');
	sl_buf_release(&features);
}

static void
add_file_event(struct sl_buf *out, const struct sl_download *download)
{
	static const char *const validators[] = {
		[VALIDATOR_ETAG] = "etag",
		[VALIDATOR_MODIFIED] = "last-modified",
		[VALIDATOR_WEAK_ETAG] = "weak-etag",
		[VALIDATOR_WEAK_MODIFIED] = "weak-last-modified",
	};
	const struct sl_resource *remote = download->remote;
	enum validator validator = remote ? validator_of(remote) : VALIDATOR_NONE;
	struct sl_json json;
	sl_get_json_begin(&json, out, "file_plan", download);
	sl_json_string(&json, "action", sl_span_str(action_of(download)));
	sl_json_u64_or_null(&json, "total", size_of(download));
	sl_json_u64(&json, "resumed", download->present);
	if (remote)
		sl_json_bool(&json, "ranges", remote->takes_ranges);
	else
		sl_json_null(&json, "ranges");
	if (validator != VALIDATOR_NONE)
		sl_json_string(&json, "validator", sl_span_str(validators[validator]));
	else
		sl_json_null(&json, "validator");
	sl_json_end_line(&json);
}

SL_SUSPENDS
void
sl_get_plan_file(struct sl_get_events *events, const struct sl_download *download)
{
	struct sl_buf line = { 0 };
	if (events->options->json)
		add_file_event(&line, download);
	else
		add_line(&line, download);
	sl_get_send(events, &line);
}

/* ---- the totals ---- */

static struct sl_plan_estimate
estimate(const struct sl_get_events *events)
{
	const struct sl_get_options *options = events->options;
	struct sl_plan_limits limits = { .rate_bytes_s = options->limit_rate,
		.max_rps_milli = options->max_rps_milli,
		.jobs = options->jobs,
		.per_host = options->connections_per_host };
	return sl_plan_estimate(sl_batch_plan(events->batch), &limits);
}

static void
add_counts(struct sl_buf *out, const struct sl_get_events *events,
	const struct sl_batch_summary *summary)
{
	const struct sl_plan *plan = sl_batch_plan(events->batch);
	sl_buf_printf(out, "%s %s to download, %s", sl_units_count(plan->files).text,
		plan->files == 1 ? "file" : "files", sl_units_size(plan->bytes).text);
	if (plan->unknown_files)
		sl_buf_printf(
			out, " and %s of unknown size", sl_units_count(plan->unknown_files).text);
	if (plan->present)
		sl_buf_printf(out, ", %s already there", sl_units_size(plan->present).text);
	sl_get_add_count(out, summary->skipped, "skipped");
	sl_get_add_count(out, summary->failed, "failed");
	sl_get_add_count(out, summary->cancelled, "cancelled");
	sl_get_add_count(out, sl_get_not_begun(events, summary), "not begun");
	sl_buf_add_char(out, '\n');
}

static void
add_space(struct sl_buf *out, const struct sl_plan_volume *volume)
{
	sl_buf_add_str(out, "space in '");
	sl_text_make_safe(out, sl_span_str(volume->path));
	sl_buf_printf(out, "': %s needed, ", sl_units_size(volume->needed_bytes).text);
	if (volume->free_bytes == UINT64_MAX)
		sl_buf_add_str(out, "free space unknown\n");
	else
		sl_buf_printf(out, "%s free\n", sl_units_size(volume->free_bytes).text);
}

/* Without a rate only the requests can be estimated. */
static void
add_time(struct sl_buf *out, const struct sl_get_events *events)
{
	const struct sl_get_options *options = events->options;
	struct sl_plan_estimate time = estimate(events);
	struct sl_units taken = sl_units_elapsed(time.ns);
	switch (time.bound) {
	case SL_PLAN_BY_RATE:
		sl_buf_printf(out, "time: %s at %s (--limit-rate)", taken.text,
			sl_units_rate(options->limit_rate).text);
		break;
	case SL_PLAN_BY_REQUESTS:
		sl_buf_printf(out, "time: at least %s at %.10g requests per second (--max-rps)",
			taken.text, (double)options->max_rps_milli / 1000);
		break;
	case SL_PLAN_BY_LATENCY:
		sl_buf_printf(out, "time: at least %s for the requests", taken.text);
		break;
	}
	sl_buf_printf(out, ", %s in flight, latency %.1f ms%s\n",
		sl_units_count(time.in_flight).text,
		(double)sl_batch_plan(events->batch)->latency_ns / (double)SL_NS_PER_MS,
		options->limit_rate ? "" : "; --limit-rate adds the time for the data");
}

static void
add_totals(struct sl_buf *out, const struct sl_get_events *events,
	const struct sl_batch_summary *summary)
{
	const struct sl_plan *plan = sl_batch_plan(events->batch);
	add_counts(out, events, summary);
	for (size_t i = 0; i < plan->volume_count; i++)
		add_space(out, &plan->volumes[i]);
	if (plan->files > 0)
		add_time(out, events);
}

static void
add_volumes(struct sl_json *json, const struct sl_plan *plan)
{
	sl_json_open(json, "file_systems", SL_JSON_ARRAY);
	for (size_t i = 0; i < plan->volume_count; i++) {
		const struct sl_plan_volume *volume = &plan->volumes[i];
		sl_json_open(json, NULL, SL_JSON_OBJECT);
		sl_json_string_or_bytes(json, "path", sl_span_str(volume->path));
		sl_json_u64(json, "needed", volume->needed_bytes);
		sl_json_u64_or_null(json, "free", volume->free_bytes);
		sl_json_close(json);
	}
	sl_json_close(json);
}

static void
add_totals_event(struct sl_buf *out, const struct sl_get_events *events,
	const struct sl_batch_summary *summary)
{
	static const char *const bounds[] = {
		[SL_PLAN_BY_LATENCY] = "latency",
		[SL_PLAN_BY_RATE] = "limit-rate",
		[SL_PLAN_BY_REQUESTS] = "max-rps",
	};
	const struct sl_plan *plan = sl_batch_plan(events->batch);
	struct sl_plan_estimate time = estimate(events);
	struct sl_json json;
	sl_json_begin(&json, out);
	sl_json_string(&json, "type", sl_span_str("plan_summary"));
	sl_json_u64(&json, "files", plan->files);
	sl_json_u64(&json, "bytes", plan->bytes);
	sl_json_u64(&json, "resumed", plan->present);
	sl_json_u64(&json, "unknown_sizes", plan->unknown_files);
	sl_json_u64(&json, "skipped", summary->skipped);
	sl_json_u64(&json, "failed", summary->failed);
	sl_json_u64(&json, "cancelled", summary->cancelled);
	sl_json_u64(&json, "not_begun", sl_get_not_begun(events, summary));
	add_volumes(&json, plan);
	sl_json_seconds(&json, "latency_seconds", plan->latency_ns);
	sl_json_seconds(&json, "seconds", time.ns);
	sl_json_string(&json, "bound_by", sl_span_str(bounds[time.bound]));
	sl_json_u64(&json, "in_flight", time.in_flight);
	sl_json_end_line(&json);
}

SL_SUSPENDS
void
sl_get_plan_end(struct sl_get_events *events, const struct sl_batch_summary *summary)
{
	struct sl_buf text = { 0 };
	if (events->options->json)
		add_totals_event(&text, events, summary);
	else
		add_totals(&text, events, summary);
	sl_get_send(events, &text);
}
