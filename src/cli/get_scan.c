/*
 * get_scan.c - the consumer of the tee, a feed for each file, and its events for the sinks.
 *
 *    open     a file begins: its feed
 *    pass     bytes go to the feed; its lines to the sinks, with --print
 *    restart  another version, or what was passed is void: a new feed
 *    finish   all bytes were passed: the result
 *    ended    (of the batch) the file has its name: the result goes to the sinks, as BEGIN and END;
 *             or its path to the list of those that are scanned later
 *
 * Bytes of a compressed file are decoded if passes begin with them in their order: those of streams
 * do, and those of one connection. Where they do not, the file is scanned at the end.
 *
 * Lines of several files come in turns, each event in one piece: `reporting` is held for it. The
 * first bytes of a file are kept until they show what kind of file it is.
 */
#include "sluice/cli/get_scan.h"

#include "sluice/base/log.h"
#include "sluice/base/memory.h"
#include "sluice/cli/scan_pattern.h"
#include "sluice/rt/offload.h"
#include "sluice/rt/waiter.h"
#include "sluice/scan/feed_decoding.h"
#include "sluice/scan/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define MEMORY_SHARE 16u          /* of --max-memory, for what is scanned at a time */
#define MEMORY_SHARE_WITH_TEXT 4u /* the same where text of lines is kept */
#define MEMORY_SHARE_DECODING 4u  /* beside that, for decoders */
/* Of zstd and xz. With a larger one a file is scanned at the end. */
#define MEMORY_WINDOW (8 * SL_MIB)
#define RUNS_A_WORKER 2u /* so that a worker has its next run when it finishes one */
#define RUNS_MAX 128u
#define MARKS_SIZE (128 * SL_KIB) /* of a run */

struct scanned {
	struct sl_get_scan *scan;
	struct sl_input *input; /* as the sinks name it */
	struct sl_feed *feed;   /* NULL = out of memory */
	/* Of a file that is not plain text, and comes in the order of its bytes: */
	struct sl_feed_decoding *decoding;
	uint64_t decoding_memory;    /* that it has of the run's */
	uint64_t started, decoded;   /* bytes that passes have begun with, and have decoded */
	struct sl_list decode_turns; /* waiters: passes that have begun */
	int code;                    /* why the feed is of no use; 0 = it is */
	enum sl_form form;           /* the same, if it is not PLAIN */
	unsigned char *head;         /* SL_SNIFF_WINDOW bytes, until they have come */
	size_t head_len;             /* bytes of it that have come */
	bool has_only_cr;            /* by them */
	bool has_begun;              /* the sinks know it */
	bool has_lines;              /* some were given to them since the last IDLE */
	bool has_result;
	uint64_t begun_ns;
	struct sl_feed_result result;
};

static bool
is_wanted(const struct sl_get_scan *scan)
{
	return scan->options && scan->options->scan;
}

/* ---- events ---- */

/* `reporting` is held. Returns the cancellation; what else fails concerns the results alone: the
 * downloads go on. */
SL_SUSPENDS
static int
emit(struct sl_get_scan *scan, const struct sl_scan_event *event)
{
	if (scan->code)
		return 0;
	int code = sl_scan_emit(scan->output.sinks, scan->output.sink_count, event);
	if (sl_task_cancelled() && (code == -ECANCELED || code == -ETIMEDOUT))
		return code;
	scan->code = SL_MIN(code, 0);
	return 0;
}

SL_SUSPENDS
static int
emit_begin(struct scanned *file)
{
	struct sl_scan_event event = { .kind = SL_SCAN_EVENT_BEGIN, .input = file->input };
	if (file->has_begun)
		return 0;
	file->has_begun = true;
	return emit(file->scan, &event);
}

SL_SUSPENDS
static int
emit_line(struct scanned *file, const struct sl_partial_line *found)
{
	struct sl_scan_line line = { .matcher = sl_feeds_matcher(file->scan->feeds),
		.text = found->text,
		.len = found->len,
		.subject = sl_partial_subject(found),
		.skipped = found->skipped,
		.whole_len = found->whole_len,
		.off = found->off,
		.is_closed = found->is_closed };
	struct sl_scan_event event = {
		.kind = SL_SCAN_EVENT_LINE, .input = file->input, .line = &line
	};
	file->has_lines = true;
	int code = emit_begin(file);
	return code ? code : emit(file->scan, &event);
}

/* For sl_feed_setup. */
SL_SUSPENDS
static int
give_line(void *ctx, const struct sl_partial_line *found)
{
	struct scanned *file = ctx;
	struct sl_get_scan *scan = file->scan;
	if (scan->code || file->form != SL_FORM_PLAIN)
		return 0;
	int code = sl_semaphore_take(&scan->reporting, SL_FOREVER);
	if (code)
		return code;
	code = emit_line(file, found);
	sl_semaphore_give(&scan->reporting);
	return code;
}

/* What is collected goes out: no more may come for long. */
SL_SUSPENDS
static void
emit_idle(struct scanned *file)
{
	struct sl_get_scan *scan = file->scan;
	struct sl_scan_event event = { .kind = SL_SCAN_EVENT_IDLE };
	if (!file->has_lines || sl_semaphore_take(&scan->reporting, SL_FOREVER) != 0)
		return;
	file->has_lines = false;
	(void)emit(scan, &event);
	sl_semaphore_give(&scan->reporting);
}

SL_SUSPENDS
static void
emit_end(struct scanned *file, const struct sl_scan_result *result)
{
	struct sl_get_scan *scan = file->scan;
	struct sl_scan_event event = {
		.kind = SL_SCAN_EVENT_END, .input = file->input, .result = result
	};
	sl_scan_summary_add(&scan->summary, result);
	if (sl_semaphore_take(&scan->reporting, SL_FOREVER) != 0)
		return;
	if (emit_begin(file) == 0)
		(void)emit(scan, &event);
	sl_semaphore_give(&scan->reporting);
}

/* ---- the consumer of the tee ---- */

static void
free_decoding(struct scanned *file)
{
	sl_feed_decoding_free(file->decoding);
	file->decoding = NULL;
	file->scan->decoding_memory -= file->decoding_memory;
	file->decoding_memory = 0;
}

static void
begin_feed(struct scanned *file)
{
	struct sl_feed_setup setup = { .ctx = file, .line = give_line };
	free_decoding(file);
	file->started = file->decoded = 0;
	sl_feed_free(file->feed);
	free(file->head);
	file->head = NULL;
	file->code = sl_feed_new(&file->feed, file->scan->feeds, &setup);
	file->form = SL_FORM_PLAIN;
	file->head_len = 0;
	file->has_result = file->has_only_cr = false;
}

static void
free_file(void *arg)
{
	struct scanned *file = arg;
	free_decoding(file);
	sl_feed_free(file->feed);
	free(file->head);
	sl_input_free(file->input);
	free(file);
}

static void *
open_file(void *ctx, const char *url, const char *path)
{
	struct sl_get_scan *scan = ctx;
	struct scanned *file = calloc(1, sizeof(*file));
	bool is_stream = strcmp(path, "-") == 0;
	if (!file || sl_input_new(&file->input, is_stream ? url : path, false) != 0) {
		free(file);
		return NULL;
	}
	file->scan = scan;
	file->begun_ns = sl_now();
	sl_list_init(&file->decode_turns);
	begin_feed(file);
	return file;
}

/* All that is wanted of the head has come. Bytes behind it may have shown what the file is. */
static void
sniff(struct scanned *file)
{
	if (!file->head)
		return;
	if (file->form == SL_FORM_PLAIN)
		file->form = sl_sniff_form(file->head, file->head_len);
	file->has_only_cr = sl_sniff_has_only_cr(file->head, file->head_len);
	free(file->head);
	file->head = NULL;
}

/* Each of the first bytes comes once. */
static void
add_head(struct scanned *file, uint64_t off, const unsigned char *data, size_t len)
{
	if (off >= SL_SNIFF_WINDOW || file->code)
		return;
	if (!file->head)
		file->head = malloc(SL_SNIFF_WINDOW);
	if (!file->head) {
		file->code = -ENOMEM;
		return;
	}
	size_t some = SL_MIN(len, SL_SNIFF_WINDOW - (size_t)off);
	memcpy(file->head + off, data, some);
	file->head_len += some;
	if (file->head_len == SL_SNIFF_WINDOW)
		sniff(file);
}

static bool
is_counted(const struct scanned *file)
{
	return !file->code && file->form == SL_FORM_PLAIN;
}

/* ---- files that are decoded ---- */

/* Its first bytes: they decide whether it can be. One without room in the memory for it is scanned
 * at the end. */
static void
begin_decoding(struct scanned *file, const unsigned char *data, size_t len)
{
	struct sl_get_scan *scan = file->scan;
	enum sl_form form = sl_sniff_form(data, len);
	bool is_known = len >= SL_SNIFF_WINDOW || !sl_sniff_wants_more(data, len);
	if (!is_known || !sl_decoding_is_for(form) || file->code)
		return;
	uint64_t window_max = MEMORY_WINDOW,
		 limit = scan->options->max_memory / MEMORY_SHARE_DECODING;
	uint64_t memory = sl_feed_decoding_memory(form);
	memory += form == SL_FORM_ZSTD || form == SL_FORM_XZ ? window_max : 0;
	if (scan->decoding_memory + memory > limit)
		return;
	file->code = sl_feed_decoding_new(&file->decoding, file->feed, form, window_max);
	if (file->code)
		return;
	file->decoding_memory = memory;
	scan->decoding_memory += memory;
}

static void
note_failure(struct scanned *file, int code)
{
	if (code && !file->code)
		file->code = code;
}

/* Passes begin in the order of the bytes, or one has failed. */
SL_SUSPENDS
static int
wait_for_turn(struct scanned *file, uint64_t off)
{
	int code = file->code;
	while (!code && file->decoded < off) {
		struct sl_waiter waiter;
		code = sl_waiter_wait(&waiter, &file->decode_turns, "bytes to decode", SL_FOREVER);
		code = code ? code : file->code;
	}
	return code;
}

SL_SUSPENDS
static void
pass_decoded(struct scanned *file, uint64_t off, const unsigned char *data, size_t len)
{
	int code = off == file->started ? 0 : SL_E_UNSUPPORTED;
	file->started += len;
	if (!code)
		code = wait_for_turn(file, off);
	if (!code)
		code = sl_feed_decoding_add(file->decoding, data, len, false);
	if (!code && sl_feed_form(file->feed) != SL_FORM_PLAIN)
		code = SL_E_UNSUPPORTED;
	note_failure(file, code);
	file->decoded = SL_MAX(file->decoded, off + len);
	for (struct sl_waiter *waiter; (waiter = sl_waiter_pop(&file->decode_turns));)
		sl_waiter_serve(waiter, 0);
}

SL_SUSPENDS
static void
finish_decoded(struct scanned *file)
{
	note_failure(file, sl_feed_decoding_add(file->decoding, NULL, 0, true));
	if (file->code)
		return;
	uint64_t len = sl_feed_decoding_len(file->decoding);
	file->has_only_cr = sl_feed_decoding_has_only_cr(file->decoding);
	note_failure(file, sl_feed_end(file->feed, len, &file->result));
	file->has_result = !file->code && file->result.state != SL_SCAN_TRUNCATED;
}

/* ---- all files ---- */

SL_SUSPENDS
static void
pass(void *arg, uint64_t off, const unsigned char *data, size_t len)
{
	struct scanned *file = arg;
	if (off == 0 && file->head_len == 0)
		begin_decoding(file, data, len);
	if (file->decoding) {
		if (!file->code)
			pass_decoded(file, off, data, len);
		emit_idle(file);
		return;
	}
	add_head(file, off, data, len);
	if (!is_counted(file))
		return;
	note_failure(file, sl_feed_add(file->feed, off, data, len));
	if (file->form == SL_FORM_PLAIN)
		file->form = sl_feed_form(file->feed);
	emit_idle(file);
}

static void
restart(void *arg)
{
	struct scanned *file = arg;
	if (file->has_begun)
		sl_log_warn("%s is scanned again from its beginning: lines of it that were printed "
			    "before may be out of date",
			file->input->shown);
	begin_feed(file);
}

SL_SUSPENDS
static void
finish(void *arg, uint64_t len)
{
	struct scanned *file = arg;
	if (file->decoding) {
		if (!file->code)
			finish_decoded(file);
		return;
	}
	sniff(file);
	if (!is_counted(file))
		return;
	file->code = sl_feed_end(file->feed, len, &file->result);
	file->has_result = !file->code && file->result.state != SL_SCAN_TRUNCATED;
}

/* ---- results ---- */

static struct sl_scan_result
result_of(const struct scanned *file)
{
	const struct sl_block_totals *totals = &file->result.totals;
	struct sl_input *input = file->input;
	bool is_one_line = totals->lines == 1 && file->result.newlines == 0;
	if (totals->undecided)
		(void)sl_input_fail_undecided(
			input, totals, sl_pattern_has_expressions(file->scan->pattern));
	return (struct sl_scan_result){ .state = file->result.state,
		.bytes = totals->bytes,
		.lines = totals->lines,
		.hits = totals->hits,
		.undecided = totals->undecided,
		.undecided_line = totals->undecided ? totals->undecided_line + 1 : 0,
		.other_case = totals->other_case,
		.has_only_cr = is_one_line && file->has_only_cr,
		.elapsed_ns = sl_now() - file->begun_ns,
		.err = &input->err };
}

/* There is no file to scan later. */
SL_SUSPENDS
static void
end_uncounted_stream(struct scanned *file)
{
	struct sl_input *input = file->input;
	struct sl_scan_result result = { .state = SL_SCAN_UNREADABLE,
		.elapsed_ns = sl_now() - file->begun_ns,
		.err = &input->err };
	const char *why = file->code ? sl_code_text(file->code) : "a part of it was lost";
	char reason[SL_DECODE_REASON];
	if (file->decoding && (file->code == SL_E_DECODE || file->code == SL_E_UNSUPPORTED)) {
		sl_feed_decoding_reason(file->decoding, reason);
		why = reason;
	} else if (file->form != SL_FORM_PLAIN) {
		result.state = SL_SCAN_UNSUPPORTED;
		why = "it cannot be decoded on the way (save it, and use: sluice scan FILE)";
	}
	(void)sl_fail(&input->err, SL_PHASE_READ, file->code ? file->code : -EIO,
		"cannot scan %s while it is downloaded: %s", input->shown, why);
	emit_end(file, &result);
}

/* It is not there after all: what was begun of it for the sinks has an end. */
SL_SUSPENDS
static void
end_failed(struct scanned *file)
{
	struct sl_scan_result result = { .state = SL_SCAN_TRUNCATED,
		.elapsed_ns = sl_now() - file->begun_ns,
		.err = &file->input->err };
	if (!file->has_begun)
		return;
	(void)sl_fail(&file->input->err, SL_PHASE_READ, SL_E_SHORT_BODY,
		"%s was not downloaded: its lines are not counted", file->input->shown);
	emit_end(file, &result);
}

static void
add_later(struct sl_get_scan_list *list, const char *path)
{
	if (list->count == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 16;
		char **paths = reallocarray(list->paths, cap, sizeof(*paths));
		if (!paths) {
			sl_log_error("'%s' is not scanned: out of memory", path);
			return;
		}
		list->paths = paths;
		list->cap = cap;
	}
	list->paths[list->count] = sl_span_dup(sl_span_str(path));
	if (list->paths[list->count])
		list->count++;
	else
		sl_log_error("'%s' is not scanned: out of memory", path);
}

/* It has got another name than it began with. */
static void
rename_input(struct scanned *file, const char *path)
{
	struct sl_input *other = NULL;
	if (file->has_begun || strcmp(path, "-") == 0 || strcmp(path, file->input->path) == 0 ||
		sl_input_new(&other, path, false) != 0)
		return;
	sl_input_free(file->input);
	file->input = other;
}

void
sl_get_scan_ended(struct sl_get_scan *scan, const struct sl_download *download)
{
	struct scanned *file = download->tee;
	bool is_done = download->state == SL_DOWNLOAD_DONE;
	if (!is_wanted(scan))
		return;
	if (!is_done && download->state != SL_DOWNLOAD_SKIPPED) {
		if (file)
			end_failed(file);
		return;
	}
	if (is_done && file && file->has_result) {
		rename_input(file, download->path);
		struct sl_scan_result result = result_of(file);
		emit_end(file, &result);
	} else if (download->streamed) {
		if (file)
			end_uncounted_stream(file);
	} else if (!download->is_repeat) {
		bool has_lines = file && file->has_begun;
		sl_log_info("'%s' is scanned when all downloads have ended", download->path);
		add_later(has_lines ? &scan->later_without_lines : &scan->later, download->path);
	}
}

uint64_t
sl_get_scan_hits(struct sl_get_scan *scan)
{
	uint64_t live = scan->feeds ? sl_feeds_hits(scan->feeds) : 0;
	scan->hits = SL_MAX(scan->hits, scan->summary.hits + live);
	return scan->hits;
}

/* ---- files that are scanned when the downloads have ended ---- */

/* Read through the page cache as `sluice scan` does by default. */
SL_SUSPENDS
static void
scan_list(struct sl_get_scan *scan, const struct sl_get_scan_list *list, unsigned unwanted)
{
	struct sl_scan_output *output = &scan->output;
	struct sl_scan_sink sinks[SL_COUNT_OF(output->sinks)];
	struct sl_scan_progress progress;
	struct sl_error err = { 0 };
	if (list->count == 0 || scan->code)
		return;
	for (size_t i = 0; i < output->sink_count; i++) {
		sinks[i] = output->sinks[i];
		sinks[i].wants &= ~unwanted;
	}
	const struct sl_scan_options *options = &scan->options->scanning;
	struct sl_scan_setup setup = { .paths = (const char *const *)list->paths,
		.count = list->count,
		.pattern = scan->pattern,
		.sinks = sinks,
		.sink_count = output->sink_count,
		.output_fd = output->fd,
		.max_hits = UINT64_MAX,
		.chunk = (size_t)options->chunk,
		.queue = options->queue,
		.max_memory = scan->options->max_memory,
		.max_cached = sl_memory_available() / 4 };
	int code = sl_scan_run(&setup, &progress, &err);
	sl_scan_summary_merge(&scan->summary, &progress.summary);
	if (code && !sl_task_cancelled()) {
		scan->code = code;
		if (err.code)
			sl_log_error("%s", err.text);
	}
}

void
sl_get_scan_finish(struct sl_get_scan *scan)
{
	const struct sl_get_scan_list *again = &scan->later_without_lines;
	if (!scan->is_open)
		return;
	sl_feeds_free(scan->feeds);
	scan->feeds = NULL;
	if (again->count > 0)
		sl_log_warn("%zu files were scanned again from disk: not all error lines of them "
			    "are printed",
			again->count);
	scan_list(scan, &scan->later, 0);
	scan_list(scan, again,
		SL_SCAN_WANTS(SL_SCAN_EVENT_BEGIN) | SL_SCAN_WANTS(SL_SCAN_EVENT_LINE));
	size_t left = scan->later.count + again->count;
	scan->is_cancelled = sl_task_cancelled() != 0;
	if (left > 0 && scan->is_cancelled)
		sl_log_warn("the run was stopped before all files were scanned: up to %zu are not "
			    "counted",
			left);
}

/* ---- the run ---- */

static bool
has_text(const struct sl_get_scan *scan)
{
	return scan->options->scanning.print || sl_pattern_confirms(scan->pattern);
}

uint64_t
sl_get_scan_memory(const struct sl_get_scan *scan)
{
	if (!is_wanted(scan))
		return 0;
	return scan->options->max_memory / (has_text(scan) ? MEMORY_SHARE_WITH_TEXT : MEMORY_SHARE);
}

/* Half of the share is for them, the other half for text. */
static unsigned
count_runs(const struct sl_get_scan *scan)
{
	uint64_t each = SL_KIB, wanted = sl_worker_count() * RUNS_A_WORKER;
	if (scan->options->scanning.print)
		each += MARKS_SIZE;
	if (sl_pattern_has_expressions(scan->pattern))
		each += SL_PATTERN_JIT_STACK;
	uint64_t most = sl_get_scan_memory(scan) / 2 / each;
	return (unsigned)SL_MAX(SL_MIN(SL_MIN(wanted, most), RUNS_MAX), 1u);
}

int
sl_get_scan_init(
	struct sl_get_scan *scan, const struct sl_get_options *options, struct sl_error *err)
{
	*scan = (struct sl_get_scan){ .options = options };
	sl_semaphore_init(&scan->reporting, "results", 1);
	return options->scan ? sl_scan_pattern_new(&scan->pattern, &options->scanning, err) : 0;
}

static void
release_list(struct sl_get_scan_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->paths[i]);
	free(list->paths);
	*list = (struct sl_get_scan_list){ 0 };
}

void
sl_get_scan_release(struct sl_get_scan *scan)
{
	sl_scan_output_release(&scan->output);
	release_list(&scan->later);
	release_list(&scan->later_without_lines);
	sl_pattern_free(scan->pattern);
	*scan = (struct sl_get_scan){ 0 };
}

int
sl_get_scan_begin(struct sl_get_scan *scan, struct sl_output *shared)
{
	if (!is_wanted(scan))
		return 0;
	const struct sl_get_options *options = scan->options;
	struct sl_scan_output_setup to = { .options = &options->scanning,
		.fd = sl_get_is_to_stdout(options) ? STDERR_FILENO : STDOUT_FILENO,
		.shared = shared };
	struct sl_feeds_setup feeds = { .pattern = scan->pattern,
		.wants_lines = options->scanning.print,
		.runs = count_runs(scan),
		.text_max = sl_get_scan_memory(scan) / 2 };
	scan->started_ns = sl_now();
	scan->consumer = (struct sl_tee_consumer){ .ctx = scan,
		.open = open_file,
		.pass = pass,
		.restart = restart,
		.finish = finish,
		.free = free_file };
	int code = sl_feeds_new(&scan->feeds, &feeds);
	if (!code)
		code = sl_scan_output_begin(&scan->output, &to);
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
	struct sl_scan_outcome outcome = { &scan->summary, sl_now() - scan->started_ns };
	struct sl_error failure = { 0 };
	if (!scan->is_open)
		return;
	scan->is_open = false;
	bool has_result = scan->summary.inputs > 0 || scan->options->json;
	bool is_complete = !scan->code && !scan->is_cancelled && has_result;
	int code = sl_scan_output_end(&scan->output, &outcome, is_complete, &failure);
	if (code == 0)
		code = scan->code;
	if (code && code != -EPIPE && !scan->is_cancelled && err && !err->code)
		(void)sl_fail_code(err, SL_PHASE_WRITE, code, "%s",
			failure.code ? failure.text : "cannot write the result of the scan");
}
