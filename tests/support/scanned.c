/*
 * scanned.c - a sink of its own in place of those of the command, and the comparison.
 *
 * Of a file that begins again, lines that were printed of the other version stay printed, and with
 * "not all of the error lines are printed" some are missing: of these only the totals are compared.
 */
#include "scanned.h"

#include "sluice/base/crc32c.h"
#include "sluice/rt/task.h"
#include "sluice/scan/scan.h"
#include "sluice/scan/source.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- the sink ---- */

static struct scanned_input *
input_of(struct scanned_report *report, const char *path)
{
	for (size_t i = 0; i < report->count; i++)
		if (strcmp(report->inputs[i].path, path) == 0)
			return &report->inputs[i];
	sl_assert(report->count < SCANNED_FILES);
	struct scanned_input *input = &report->inputs[report->count++];
	snprintf(input->path, sizeof(input->path), "%s", path);
	return input;
}

static void
add_line(struct scanned_input *input, const struct sl_scan_line *line, bool is_context)
{
	if (input->count == input->cap) {
		input->cap = input->cap ? input->cap * 2 : 64;
		input->lines = reallocarray(input->lines, input->cap, sizeof(*input->lines));
		sl_assert(input->lines);
	}
	input->lines[input->count++] = (struct scanned_line){ .off = line->off,
		.whole_len = line->whole_len ? line->whole_len : line->len,
		.crc = sl_crc32c(0, line->text, line->len),
		.is_context = is_context };
}

SL_SUSPENDS
static int
note_event(void *ctx, const struct sl_scan_event *event)
{
	struct scanned_input *input = event->input ? input_of(ctx, event->input->path) : NULL;
	switch (event->kind) {
	case SL_SCAN_EVENT_BEGIN:
		input->begun++;
		break;
	case SL_SCAN_EVENT_LINE:
	case SL_SCAN_EVENT_CONTEXT:
		add_line(input, event->line, event->kind == SL_SCAN_EVENT_CONTEXT);
		break;
	case SL_SCAN_EVENT_END:
		input->ended++;
		input->result = *event->result;
		input->has_reason = event->result->err && event->result->err->code;
		break;
	default:
		break;
	}
	return 0;
}

static struct sl_scan_sink
sink_of(const struct scanned *scanned, struct scanned_report *report)
{
	unsigned wants = SL_SCAN_WANTS(SL_SCAN_EVENT_BEGIN) | SL_SCAN_WANTS(SL_SCAN_EVENT_END);
	if (scanned->options.scanning.print)
		wants |= SL_SCAN_WANTS(SL_SCAN_EVENT_LINE);
	if (scanned->options.scanning.print && scanned->options.scanning.records)
		wants |= SL_SCAN_WANTS(SL_SCAN_EVENT_CONTEXT);
	return (struct sl_scan_sink){ report, wants, note_event };
}

/* ---- the run ---- */

void
scanned_init(struct scanned *scanned, struct sim *sim, int argc, char **argv)
{
	struct sl_error err = { 0 };
	*scanned = (struct scanned){ .sim = sim };
	int code = sl_get_options_parse(&scanned->options, NULL, argc, argv, &err);
	sim_check(sim, code == 0, "%s", err.text);
	scanned->options.scanning.quiet = true;
}

static void
release_report(struct scanned_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		free(report->inputs[i].lines);
	*report = (struct scanned_report){ 0 };
}

void
scanned_release(struct scanned *scanned)
{
	release_report(&scanned->report);
	release_report(&scanned->want);
	sl_get_options_release(&scanned->options);
}

/* The consumer has no other place to count them. */
static struct scanned *running;
static void (*real_restart)(void *file);

static void
count_restart(void *file)
{
	running->restarts++;
	real_restart(file);
}

void
scanned_open(struct scanned *scanned)
{
	struct sl_get_scan *scan = &scanned->scan;
	struct sl_error err = { 0 };
	int code = sl_get_scan_init(scan, &scanned->options, &err);
	sim_check(scanned->sim, code == 0, "%s", err.text);
	code = sl_get_scan_begin(scan, NULL);
	sim_check(scanned->sim, code == 0, "begin: %d", code);
	scan->output.sinks[scan->output.sink_count++] = sink_of(scanned, &scanned->report);
	real_restart = scan->consumer.restart;
	scan->consumer.restart = count_restart;
	running = scanned;
}

static size_t
count_later(const struct sl_get_scan *scan)
{
	return scan->later.count + scan->later_rest.count + scan->later_without_lines.count;
}

void
scanned_ended(struct scanned *scanned, const struct sl_download *download, struct sl_span content)
{
	size_t before = count_later(&scanned->scan);
	sl_assert(scanned->count < SCANNED_FILES);
	struct scanned_file *file = &scanned->files[scanned->count++];
	*file = (struct scanned_file){ .content = content, .state = download->state };
	const char *path = download->streamed ? "streamed" : download->path;
	snprintf(file->path, sizeof(file->path), "%s", path);
	snprintf(file->shown, sizeof(file->shown), "%s",
		download->streamed ? download->url : download->path);
	sl_get_scan_ended(&scanned->scan, download);
	file->was_later = count_later(&scanned->scan) > before;
	scanned->later += file->was_later;
}

/* ---- what is right ---- */

SL_SUSPENDS
static void
scan_final(struct scanned *scanned, const struct scanned_file *file)
{
	const struct sl_scan_options *options = &scanned->options.scanning;
	const struct sl_scan_sink sink = sink_of(scanned, &scanned->want);
	const char *path = file->path;
	struct sl_scan_progress progress;
	struct sl_error err = { 0 };
	struct sl_scan_setup setup = { .paths = &path,
		.count = 1,
		.pattern = scanned->scan.match.pattern,
		.sinks = &sink,
		.sink_count = 1,
		.records = options->records,
		.period = sl_scan_has_period(options) ? &scanned->scan.period : NULL,
		.max_hits = UINT64_MAX,
		.chunk = (size_t)options->chunk,
		.queue = options->queue,
		.max_memory = SL_OPTION_MEMORY,
		.max_cached = UINT64_MAX };
	if (file->content.data)
		sim_put_file(scanned->sim, path, file->content.data, file->content.len, 0644);
	int code = sl_scan_run(&setup, &progress, &err);
	sim_check(scanned->sim, code == 0, "scan: %d %s", code, err.text);
}

static int
compare_lines(const void *a, const void *b)
{
	const struct scanned_line *left = a, *right = b;
	return left->off < right->off ? -1 : left->off > right->off;
}

static void
check_lines(const struct scanned *scanned, struct scanned_input *got, struct scanned_input *want)
{
	struct sim *sim = scanned->sim;
	if (got->count > 0)
		qsort(got->lines, got->count, sizeof(*got->lines), compare_lines);
	sim_check(sim, got->count == want->count, "%s: %zu lines, not %zu", got->path, got->count,
		want->count);
	for (size_t i = 0; i < got->count; i++) {
		const struct scanned_line *a = &got->lines[i], *b = &want->lines[i];
		sim_check(sim,
			a->off == b->off && a->whole_len == b->whole_len && a->crc == b->crc &&
				a->is_context == b->is_context,
			"%s: the line at %llu, not %llu", got->path, (unsigned long long)a->off,
			(unsigned long long)b->off);
	}
}

static bool
is_same(const struct sl_scan_result *a, const struct sl_scan_result *b)
{
	return a->state == b->state && a->lines == b->lines && a->hits == b->hits &&
	       a->bytes == b->bytes && a->undecided == b->undecided &&
	       a->other_case == b->other_case && a->has_only_cr == b->has_only_cr;
}

static void
check_done(struct scanned *scanned, const struct scanned_file *file)
{
	struct sim *sim = scanned->sim;
	struct scanned_input *got = input_of(&scanned->report, file->shown);
	struct scanned_input *want = input_of(&scanned->want, file->path);
	const struct sl_scan_result *a = &got->result, *b = &want->result;
	bool is_tight = scanned->options.max_memory < SL_OPTION_MEMORY || file->content.data;
	sim_check(sim, got->ended == 1 && want->ended == 1, "%s has ended %u times", file->shown,
		got->ended);
	/* The window of a decoder needs more memory than there is; of a stream, for all decoders on
	 * the way. */
	if (is_tight && a->state == SL_SCAN_UNSUPPORTED && got->has_reason)
		return;
	sim_check(sim, is_same(a, b),
		"%s: state %s, %llu of %llu lines, %llu bytes; not %s, %llu of %llu, %llu",
		file->shown, sl_scan_state_name(a->state), (unsigned long long)a->hits,
		(unsigned long long)a->lines, (unsigned long long)a->bytes,
		sl_scan_state_name(b->state), (unsigned long long)b->hits,
		(unsigned long long)b->lines, (unsigned long long)b->bytes);
	bool is_damaged = a->state == SL_SCAN_TRUNCATED || a->state == SL_SCAN_DAMAGED;
	sim_check(
		sim, !is_damaged || got->has_reason, "%s is damaged, without a word", file->shown);
	if (scanned->restarts == 0 && scanned->scan.later_without_lines.count == 0)
		check_lines(scanned, got, want);
}

/* Its lines have an end, if there were any. */
static void
check_failed(struct scanned *scanned, const struct scanned_file *file)
{
	const struct scanned_input *got = input_of(&scanned->report, file->shown);
	sim_check(scanned->sim, got->ended == (got->begun > 0), "%s has failed, and ended %u times",
		file->shown, got->ended);
	sim_check(scanned->sim, got->ended == 0 || got->result.hits == 0, "%s is counted",
		file->shown);
}

SL_SUSPENDS
static void
compare(struct scanned *scanned)
{
	sim_stop_faults(scanned->sim);
	for (size_t i = 0; i < scanned->count; i++) {
		const struct scanned_file *file = &scanned->files[i];
		bool is_done =
			file->state == SL_DOWNLOAD_DONE || file->state == SL_DOWNLOAD_SKIPPED;
		if (!is_done) {
			check_failed(scanned, file);
			continue;
		}
		scan_final(scanned, file);
		check_done(scanned, file);
	}
}

void
scanned_close(struct scanned *scanned)
{
	struct sl_error err = { 0 };
	int code = sl_get_scan_finish(&scanned->scan);
	if (sl_task_cancelled() == 0) {
		sim_check(scanned->sim, code == 0 && scanned->scan.code == 0, "finish: %d, %d",
			code, scanned->scan.code);
		compare(scanned);
	}
	sl_get_scan_end(&scanned->scan, &err);
	sl_get_scan_release(&scanned->scan);
}
