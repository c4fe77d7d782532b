/*
 * get_scan_file.c - the consumer of the tee, a feed for each file, and its events for the sinks.
 *
 *    open     a file begins: its feed
 *    from     of one that has grown, where its new lines begin: the feed has these alone
 *    pass     bytes go to the feed; its lines to the sinks, with --print
 *    restart  another version, or what was passed is void: a new feed
 *    finish   all bytes were passed: the result
 *    ended    (of the batch) the file has its name: the result goes to the sinks, as BEGIN and END;
 *             or the file is scanned later (get_scan.c)
 *
 * Bytes of a compressed file are decoded if passes begin with them in their order: those of streams
 * do, and those of one connection. Where they do not, the file is scanned at the end; with --print,
 * each that is saved, and also one whose first bytes come after others.
 *
 * Lines of several files come in turns, each event in one piece: `reporting` is held for it. The
 * first bytes of a file are kept until they show what kind of file it is.
 */
#include "get_scan_int.h"

#include "sluice/base/log.h"
#include "sluice/cli/file_tail.h"
#include "sluice/rt/waiter.h"
#include "sluice/scan/feed_decoding.h"
#include "sluice/scan/source.h"

#include <errno.h>
#include <stdlib.h>

/* Of zstd and xz. With a larger one a file is scanned at the end. */
#define MEMORY_WINDOW (8 * SL_MIB)

struct scanned {
	struct sl_get_scan *scan;
	struct sl_input *input; /* as the sinks name it */
	struct sl_feed *feed;   /* NULL = out of memory */
	uint64_t base;          /* offset in the file of the first byte that it gets */
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
	bool has_bytes;              /* some were passed */
	bool is_stream;              /* it is not saved */
	bool has_begun;              /* the sinks know it */
	bool has_lines;              /* some were given to them since the last IDLE */
	bool has_result;
	uint64_t begun_ns;
	struct sl_feed_result result;
};

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
	int cancelled = sl_task_cancelled();
	bool is_of_wait = code == -ECANCELED || code == -ETIMEDOUT; /* whatever the reason is */
	if (cancelled && (code == cancelled || is_of_wait))
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
		.off = file->base + found->off,
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
	if (sl_output_take_turn(scan->output.out, &scan->reporting) != 0)
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
	const struct sl_scan_options *options = &file->scan->options->scanning;
	/* Lines could wait for long until it is known whether they are in the period. */
	if (!file->code && options->print && sl_scan_has_period(options))
		file->code = SL_E_UNSUPPORTED;
	file->form = SL_FORM_PLAIN;
	file->head_len = 0;
	file->has_result = file->has_only_cr = file->has_bytes = false;
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
	file->is_stream = is_stream;
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

/* Lines that were printed cannot be taken back, and are not printed twice. Of a file that is saved,
 * bytes of other connections may end the decoding at any time. */
static bool
may_decode(const struct scanned *file)
{
	return file->is_stream || !file->scan->options->scanning.print;
}

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
	uint64_t window_max = MEMORY_WINDOW;
	uint64_t memory = sl_feed_decoding_memory(form);
	memory += form == SL_FORM_ZSTD || form == SL_FORM_XZ ? window_max : 0;
	if (!may_decode(file) || scan->decoding_memory + memory > scan->decoding_max) {
		file->form = form;
		return;
	}
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
static uint64_t
from(void *arg, uint64_t known_len)
{
	struct scanned *file = arg;
	file->base = known_len ? sl_file_tail_begin(file->input->path, known_len) : 0;
	return file->base;
}

/* Its first bytes have not come. If they show that it is compressed, these are not its text, and
 * lines of them must not have been printed. */
static bool
is_too_early(const struct scanned *file, uint64_t off)
{
	bool prints = file->scan->options->scanning.print;
	return prints && file->head_len < SL_SNIFF_WINDOW && off > file->head_len;
}

SL_SUSPENDS
static void
pass(void *arg, uint64_t off, const unsigned char *data, size_t len)
{
	struct scanned *file = arg;
	off -= file->base;
	/* The feed takes either the bytes or what they decode to: their offsets differ. */
	if (off == 0 && !file->has_bytes)
		begin_decoding(file, data, len);
	file->has_bytes = true;
	if (file->decoding) {
		if (!file->code)
			pass_decoded(file, off, data, len);
		emit_idle(file);
		return;
	}
	add_head(file, off, data, len);
	if (is_too_early(file, off))
		note_failure(file, SL_E_UNSUPPORTED);
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
	len -= file->base;
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
			input, totals, sl_pattern_has_expressions(file->scan->match.pattern));
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

/* It is as it was: it has no new lines. */
SL_SUSPENDS
static void
end_unchanged(struct sl_get_scan *scan, const struct sl_download *download)
{
	struct scanned *file = open_file(scan, download->url, download->path);
	struct sl_scan_result result = { .state = SL_SCAN_OK };
	if (!file)
		return;
	result.err = &file->input->err;
	emit_end(file, &result);
	free_file(file);
}

/* Lines of it were printed: of which it is known exactly if there was too little memory for it. */
static bool
has_known_lines(const struct scanned *file, struct sl_given *given)
{
	return file->code == SL_E_LIMIT && file->form == SL_FORM_PLAIN &&
	       sl_feed_given(file->feed, given) == 0;
}

enum get_scan_end
get_scan_file_ended(struct sl_get_scan *scan, const struct sl_download *download, uint64_t *base,
	struct sl_given *given)
{
	struct scanned *file = download->tee;
	*base = file ? file->base : 0;
	bool is_done = download->state == SL_DOWNLOAD_DONE;
	if (!is_done && download->state != SL_DOWNLOAD_SKIPPED) {
		if (file)
			end_failed(file);
		return GET_SCAN_ENDED;
	}
	if (is_done && file && file->has_result) {
		rename_input(file, download->path);
		struct sl_scan_result result = result_of(file);
		emit_end(file, &result);
		return GET_SCAN_ENDED;
	}
	if (download->streamed && file)
		end_uncounted_stream(file);
	if (download->streamed || download->is_repeat)
		return GET_SCAN_ENDED;
	if (!is_done && scan->options->append) {
		end_unchanged(scan, download);
		return GET_SCAN_ENDED;
	}
	if (!file || !file->has_begun)
		return GET_SCAN_LATER;
	return has_known_lines(file, given) ? GET_SCAN_LATER_REST : GET_SCAN_LATER_WITHOUT_LINES;
}

struct sl_tee_consumer
get_scan_consumer(struct sl_get_scan *scan)
{
	return (struct sl_tee_consumer){ .ctx = scan,
		.open = open_file,
		.from = from,
		.pass = pass,
		.restart = restart,
		.finish = finish,
		.free = free_file };
}
