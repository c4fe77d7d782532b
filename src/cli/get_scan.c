/*
 * get_scan.c - the run of a scan of downloads: its memory, its output, and the files that are
 * scanned from disk when all have ended. What becomes of the bytes of a file is in get_scan_file.c.
 */
#include "get_scan_int.h"

#include "sluice/base/log.h"
#include "sluice/base/memory.h"
#include "sluice/cli/file_tail.h"
#include "sluice/rt/offload.h"
#include "sluice/scan/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_SHARE 16u          /* of --max-memory, for what is scanned at a time */
#define MEMORY_SHARE_WITH_TEXT 4u /* the same where text of lines is kept */
#define MEMORY_SIXTEENTHS_DECODING 3u
#define RUNS_A_WORKER 2u /* so that a worker has its next run when it finishes one */
#define RUNS_MAX 128u
#define MARKS_SIZE (128 * SL_KIB) /* of a run */

static bool
is_wanted(const struct sl_get_scan *scan)
{
	return scan->options && scan->options->scan;
}

static bool
grow_list(struct sl_get_scan_list *list)
{
	size_t cap = list->cap ? list->cap * 2 : 16;
	char **paths = reallocarray(list->paths, cap, sizeof(*paths));
	if (paths)
		list->paths = paths;
	uint64_t *bases = paths ? reallocarray(list->bases, cap, sizeof(*bases)) : NULL;
	if (bases)
		list->bases = bases;
	struct sl_given *givens = bases ? reallocarray(list->givens, cap, sizeof(*givens)) : NULL;
	if (!givens)
		return false;
	list->givens = givens;
	list->cap = cap;
	return true;
}

/* Takes what was given. */
static void
add_later(struct sl_get_scan_list *list, const char *path, uint64_t base, struct sl_given given)
{
	bool has_room = list->count < list->cap || grow_list(list);
	char *copy = has_room ? sl_span_dup(sl_span_str(path)) : NULL;
	if (!copy) {
		sl_log_error("'%s' is not scanned: out of memory", path);
		sl_given_release(&given);
		return;
	}
	list->givens[list->count] = given;
	list->paths[list->count] = copy;
	list->bases[list->count++] = base;
}

void
sl_get_scan_ended(struct sl_get_scan *scan, const struct sl_download *download)
{
	if (!is_wanted(scan))
		return;
	struct sl_get_scan_list *const lists[] = { [GET_SCAN_LATER] = &scan->later,
		[GET_SCAN_LATER_REST] = &scan->later_rest,
		[GET_SCAN_LATER_WITHOUT_LINES] = &scan->later_without_lines };
	struct sl_given given = { 0 };
	uint64_t base = 0;
	enum get_scan_end how = get_scan_file_ended(scan, download, &base, &given);
	if (how == GET_SCAN_ENDED)
		return;
	sl_log_info("'%s' is scanned when all downloads have ended", download->path);
	add_later(lists[how], download->path, base, given);
}

uint64_t
sl_get_scan_hits(struct sl_get_scan *scan)
{
	uint64_t live = scan->feeds ? sl_feeds_hits(scan->feeds) : 0;
	scan->hits = SL_MAX(scan->hits, scan->summary.hits + live);
	return scan->hits;
}

/* ---- files that are scanned when the downloads have ended ---- */

/* Those of which only the end is wanted. */
struct tails {
	struct sl_file_tail *items;
	const struct sl_input_remote **remotes; /* for each file; NULL = all of it */
};

static int
init_tails(struct tails *tails, const struct sl_get_scan_list *list)
{
	tails->items = calloc(list->count, sizeof(*tails->items));
	tails->remotes = calloc(list->count, sizeof(*tails->remotes));
	if (!tails->items || !tails->remotes)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++) {
		if (list->bases[i] == 0)
			continue;
		sl_file_tail_init(&tails->items[i], list->paths[i], list->bases[i]);
		tails->remotes[i] = &tails->items[i].remote;
	}
	return 0;
}

static void
release_tails(struct tails *tails)
{
	free(tails->items);
	free(tails->remotes);
}

/* A sink of files that follow in the order of a list, and of which lines were printed: it has the
 * others. They have begun for it. */
struct rest {
	struct sl_scan_sink sink;
	const struct sl_get_scan_list *list;
	size_t begun; /* files */
};

SL_SUSPENDS
static int
rest_event(void *ctx, const struct sl_scan_event *event)
{
	struct rest *rest = ctx;
	if (event->kind == SL_SCAN_EVENT_BEGIN) {
		rest->begun++;
		return 0;
	}
	if (event->kind == SL_SCAN_EVENT_LINE || event->kind == SL_SCAN_EVENT_CONTEXT) {
		size_t i = rest->begun - 1;
		if (sl_given_has(&rest->list->givens[i], event->line->off - rest->list->bases[i]))
			return 0;
	}
	return rest->sink.event(rest->sink.ctx, event);
}

static struct sl_scan_sink
rest_sink(struct rest *rest, const struct sl_scan_sink *sink, const struct sl_get_scan_list *list)
{
	*rest = (struct rest){ .sink = *sink, .list = list };
	return (struct sl_scan_sink){ rest, sink->wants | SL_SCAN_WANTS(SL_SCAN_EVENT_BEGIN),
		rest_event };
}

/* Read through the page cache as `sluice scan` does by default. */
SL_SUSPENDS
static void
scan_list(struct sl_get_scan *scan, const struct sl_get_scan_list *list, unsigned unwanted)
{
	struct sl_scan_output *output = &scan->output;
	struct sl_scan_sink sinks[SL_COUNT_OF(output->sinks)];
	struct rest rests[SL_COUNT_OF(output->sinks)];
	struct sl_scan_progress progress;
	struct sl_error err = { 0 };
	struct tails tails = { 0 };
	if (list->count == 0 || scan->code)
		return;
	scan->code = init_tails(&tails, list);
	if (scan->code) {
		release_tails(&tails);
		return;
	}
	for (size_t i = 0; i < output->sink_count; i++) {
		sinks[i] = output->sinks[i];
		sinks[i].wants &= ~unwanted;
		if (list == &scan->later_rest)
			sinks[i] = rest_sink(&rests[i], &output->sinks[i], list);
	}
	const struct sl_scan_options *options = &scan->options->scanning;
	struct sl_scan_setup setup = { .paths = (const char *const *)list->paths,
		.count = list->count,
		.remotes = tails.remotes,
		.pattern = scan->match.pattern,
		.sinks = sinks,
		.sink_count = output->sink_count,
		.output_fd = output->fd,
		.records = options->records,
		.period = sl_scan_has_period(options) ? &scan->period : NULL,
		.max_hits = UINT64_MAX,
		.chunk = (size_t)options->chunk,
		.queue = options->queue,
		.max_memory = scan->options->max_memory,
		.max_cached = sl_memory_available() / 4 };
	int code = sl_scan_run(&setup, &progress, &err);
	release_tails(&tails);
	sl_scan_summary_merge(&scan->summary, &progress.summary);
	if (code && !sl_task_cancelled()) {
		scan->code = code;
		if (err.code)
			sl_log_error("%s", err.text);
	}
}

int
sl_get_scan_finish(struct sl_get_scan *scan)
{
	const struct sl_get_scan_list *again = &scan->later_without_lines;
	if (!scan->is_open)
		return 0;
	sl_feeds_free(scan->feeds);
	scan->feeds = NULL;
	if (again->count > 0)
		sl_log_warn(
			"%zu %s scanned again from disk: not all of the error lines are printed",
			again->count, again->count == 1 ? "file is" : "files are");
	scan_list(scan, &scan->later, 0);
	scan_list(scan, &scan->later_rest, 0);
	scan_list(scan, again,
		SL_SCAN_WANTS(SL_SCAN_EVENT_BEGIN) | SL_SCAN_WANTS(SL_SCAN_EVENT_LINE) |
			SL_SCAN_WANTS(SL_SCAN_EVENT_CONTEXT));
	size_t left = scan->later.count + scan->later_rest.count + again->count;
	int code = sl_task_cancelled();
	scan->is_cancelled = code != 0;
	scan->is_late = code == -ETIMEDOUT;
	if (left == 0 || code == 0)
		return 0;
	sl_log_error("%s before all files were scanned: up to %zu are not counted",
		code == -ETIMEDOUT ? "the time limit of the run was reached (--deadline)"
				   : "the run was stopped",
		left);
	return code;
}

/* ---- the run ---- */

static bool
has_text(const struct sl_get_scan *scan)
{
	const struct sl_scan_options *options = &scan->options->scanning;
	return options->print || options->records || sl_scan_has_period(options) ||
	       sl_pattern_confirms(scan->match.pattern);
}

static uint64_t
share_of_runs(const struct sl_get_scan *scan)
{
	return scan->options->max_memory / (has_text(scan) ? MEMORY_SHARE_WITH_TEXT : MEMORY_SHARE);
}

uint64_t
sl_get_scan_memory(const struct sl_get_scan *scan)
{
	if (!is_wanted(scan))
		return 0;
	return share_of_runs(scan) + scan->decoding_max + sl_pattern_memory(scan->match.pattern);
}

/* Half of the share is for them, the other half for text. */
static unsigned
count_runs(const struct sl_get_scan *scan)
{
	uint64_t each = SL_KIB, wanted = sl_worker_count() * RUNS_A_WORKER;
	bool has_period = sl_scan_has_period(&scan->options->scanning);
	if (scan->options->scanning.print || scan->options->scanning.records || has_period)
		each += MARKS_SIZE * (has_period ? 2 : 1);
	if (sl_pattern_has_expressions(scan->match.pattern))
		each += SL_PATTERN_JIT_STACK;
	uint64_t most = share_of_runs(scan) / 2 / each;
	return (unsigned)SL_MAX(SL_MIN(SL_MIN(wanted, most), RUNS_MAX), 1u);
}

int
sl_get_scan_init(
	struct sl_get_scan *scan, const struct sl_get_options *options, struct sl_error *err)
{
	*scan = (struct sl_get_scan){ .options = options };
	sl_semaphore_init(&scan->reporting, "results", 1);
	if (!options->scan)
		return 0;
	scan->decoding_max = options->max_memory / 16 * MEMORY_SIXTEENTHS_DECODING;
	int code = sl_scan_period_init(&scan->period, &options->scanning, err);
	return code ? code : sl_scan_pattern_init(&scan->match, &options->scanning, err);
}

static void
release_list(struct sl_get_scan_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->paths[i]);
		sl_given_release(&list->givens[i]);
	}
	free(list->paths);
	free(list->bases);
	free(list->givens);
	*list = (struct sl_get_scan_list){ 0 };
}

void
sl_get_scan_release(struct sl_get_scan *scan)
{
	sl_scan_output_release(&scan->output);
	release_list(&scan->later);
	release_list(&scan->later_rest);
	release_list(&scan->later_without_lines);
	sl_scan_pattern_release(&scan->match);
	*scan = (struct sl_get_scan){ 0 };
}

int
sl_get_scan_begin(struct sl_get_scan *scan, struct sl_output *shared)
{
	if (!is_wanted(scan))
		return 0;
	const struct sl_get_options *options = scan->options;
	bool has_period = sl_scan_has_period(&options->scanning);
	struct sl_scan_output_setup to = { .options = &options->scanning,
		.fd = sl_get_is_to_stdout(options) ? STDERR_FILENO : STDOUT_FILENO,
		.shared = shared };
	struct sl_feeds_setup feeds = { .pattern = scan->match.pattern,
		.wants_lines = options->scanning.print,
		.in_order = get_scan_needs_order(scan),
		.period = has_period ? &scan->period : NULL,
		.records = options->scanning.records,
		.runs = count_runs(scan),
		.text_max = share_of_runs(scan) / 2 };
	scan->started_ns = sl_now();
	scan->consumer = get_scan_consumer(scan);
	int code = sl_feeds_new(&scan->feeds, &feeds);
	if (!code) /* only reading a digest has words for a failure, and none is read */
		code = sl_scan_output_begin(&scan->output, &to, &(struct sl_error){ 0 });
	scan->is_open = code == 0;
	if (scan->is_open)
		return 0;
	sl_feeds_free(scan->feeds);
	scan->feeds = NULL;
	return code;
}

const struct sl_tee_consumer *
sl_get_scan_consumer(const struct sl_get_scan *scan)
{
	return is_wanted(scan) ? &scan->consumer : NULL;
}

void
sl_get_scan_end(struct sl_get_scan *scan, struct sl_error *err)
{
	bool has_result = scan->summary.inputs > 0 || scan->options->json;
	struct sl_scan_outcome outcome = { .summary = &scan->summary,
		.elapsed_ns = sl_now() - scan->started_ns,
		.is_cut = has_result && !scan->code && (scan->is_late || scan->options->json) };
	struct sl_error failure = { 0 };
	if (!scan->is_open)
		return;
	scan->is_open = false;
	bool is_complete = !scan->code && !scan->is_cancelled && has_result;
	int code = sl_scan_output_end(&scan->output, &outcome, is_complete, &failure);
	if (code == -ETIMEDOUT && scan->is_late && err)
		(void)sl_fail(err, SL_PHASE_NONE, code,
			"the time limit of the run was reached (--deadline), and the reader of the "
			"results did not take the last ones in time");
	if (code == 0)
		code = scan->code;
	if (code && code != -EPIPE && !scan->is_cancelled && err && !err->code)
		(void)sl_fail_code(err, SL_PHASE_WRITE, code, "%s",
			failure.code ? failure.text : "cannot write the result of the scan");
}
