/*
 * get_scan_file.c - the consumer of the tee, a feed for each file, and its result.
 *
 *    open     a file begins: its feed
 *    from     of one that has grown, where its new lines begin: the feed has these alone
 *    pass     bytes go to the feed; its lines to the sinks, with --print
 *    restart  another version, or what was passed is void: a new feed
 *    finish   all bytes were passed: the result
 *    ended    (of the batch) the file has its name: the result goes to the sinks, as BEGIN and END;
 *             or the file is scanned later (get_scan.c)
 *
 * A file whose first bytes show that it is compressed, or UTF-16, comes in order, and is decoded.
 * Streams have an order by themselves. Where the bytes of such a file come in another order
 * nevertheless, it is scanned at the end; with --print, also one whose first bytes come after
 * others.
 *
 * The first bytes of a file are kept until they show what kind of file it is.
 */
#include "get_scan_int.h"

#include "sluice/base/log.h"
#include "sluice/cli/file_tail.h"
#include "sluice/rt/waiter.h"

#include <errno.h>
#include <stdlib.h>

/* Of zstd and xz, at most. With a larger one a file is scanned at the end. */
#define MEMORY_WINDOW (8 * SL_MIB)

/* ---- order ---- */

bool
get_scan_needs_order(const struct sl_get_scan *scan)
{
	const struct sl_scan_options *options = &scan->options->scanning;
	bool has_period = sl_scan_has_period(options);
	return options->records ? options->print || has_period : options->print && has_period;
}

/* ---- the consumer of the tee ---- */

static void
free_decoding(struct get_scan_file *file)
{
	sl_feed_decoding_free(file->decoding);
	file->decoding = NULL;
	file->scan->decoding_memory -= file->decoding_memory;
	file->decoding_memory = 0;
}

static void
begin_feed(struct get_scan_file *file)
{
	struct sl_feed_setup setup = { .ctx = file, .line = get_scan_give_line };
	free_decoding(file);
	file->started = file->added = 0;
	sl_feed_free(file->feed);
	free(file->head);
	file->head = NULL;
	file->code = sl_feed_new(&file->feed, file->scan->feeds, &setup);
	file->form = SL_FORM_PLAIN;
	file->head_len = 0;
	file->has_result = file->has_only_cr = file->has_bytes = false;
}

static void
free_file(void *arg)
{
	struct get_scan_file *file = arg;
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
	struct get_scan_file *file = calloc(1, sizeof(*file));
	bool is_stream = strcmp(path, "-") == 0;
	if (!file || sl_input_new(&file->input, is_stream ? url : path, false) != 0) {
		free(file);
		return NULL;
	}
	file->scan = scan;
	file->is_stream = is_stream;
	file->begun_ns = sl_now();
	sl_list_init(&file->turns);
	begin_feed(file);
	return file;
}

/* All that is wanted of the head has come. Bytes behind it may have shown what the file is. */
static void
sniff(struct get_scan_file *file)
{
	if (!file->head && (file->head_len || file->base))
		return;
	if (file->form == SL_FORM_PLAIN && file->base == 0)
		file->form = sl_sniff_named_form(
			sl_span_str(file->input->path), file->head, file->head_len);
	else if (file->form == SL_FORM_PLAIN)
		file->form = sl_sniff_form(file->head, file->head_len);
	file->has_only_cr = sl_sniff_has_only_cr(file->head, file->head_len);
	free(file->head);
	file->head = NULL;
}

/* Each of the first bytes comes once. */
static void
add_head(struct get_scan_file *file, uint64_t off, const unsigned char *data, size_t len)
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
is_counted(const struct get_scan_file *file)
{
	return !file->code && file->form == SL_FORM_PLAIN;
}

/* ---- files that are decoded ---- */

/* Lines that were printed cannot be taken back, and are not printed twice. Of a file that is saved,
 * bytes of other connections may end the decoding at any time, unless they come in order. */
static bool
may_decode(const struct get_scan_file *file)
{
	return file->is_stream || file->is_ordered || !file->scan->options->scanning.print;
}

/* The memory that is left for a decoder. False if it is too little. */
static bool
take_memory(struct get_scan_file *file, enum sl_form form, uint64_t *window_max)
{
	struct sl_get_scan *scan = file->scan;
	uint64_t least = sl_feed_decoding_memory(form);
	uint64_t left = scan->decoding_max - scan->decoding_memory;
	if (left < least)
		return false;
	*window_max = sl_decoding_has_window(form) ? SL_MIN(left - least, MEMORY_WINDOW) : 0;
	file->decoding_memory = least + *window_max;
	scan->decoding_memory += file->decoding_memory;
	return true;
}

/* Its first bytes: they decide whether it can be. One without room in the memory for it is scanned
 * at the end. */
static void
begin_decoding(struct get_scan_file *file, const unsigned char *data, size_t len)
{
	enum sl_form form = sl_sniff_form(data, len);
	uint64_t window_max = 0;
	bool is_known = len >= SL_SNIFF_WINDOW || !sl_sniff_wants_more(data, len);
	if (!is_known || !sl_decoding_is_for(form) || file->code)
		return;
	if (may_decode(file) && take_memory(file, form, &window_max))
		file->code = sl_feed_decoding_new(&file->decoding, file->feed, form, window_max);
	else
		file->form = form;
}

static void
note_failure(struct get_scan_file *file, int code)
{
	if (code && !file->code)
		file->code = code;
}

SL_SUSPENDS
static void
finish_decoded(struct get_scan_file *file)
{
	note_failure(file, sl_feed_decoding_add(file->decoding, NULL, 0, true));
	if (file->code)
		return;
	uint64_t len = sl_feed_decoding_len(file->decoding);
	file->has_only_cr = sl_feed_decoding_has_only_cr(file->decoding);
	note_failure(file, sl_feed_end(file->feed, len, &file->result));
	file->has_result = !file->code && file->result.state != SL_SCAN_TRUNCATED;
	enum sl_scan_state state = sl_feed_decoding_state(file->decoding);
	if (file->has_result && state != SL_SCAN_OK)
		file->result.state = state;
}

/* ---- bytes in order ---- */

/* Passes begin in the order of the bytes, or one has failed. */
SL_SUSPENDS
static int
wait_for_turn(struct get_scan_file *file, uint64_t off)
{
	int code = file->code;
	while (!code && file->added < off) {
		struct sl_waiter waiter;
		code = sl_waiter_wait(&waiter, &file->turns, "bytes to scan", SL_FOREVER);
		code = code ? code : file->code;
	}
	return code;
}

SL_SUSPENDS
static int
add_in_turn(struct get_scan_file *file, uint64_t off, const unsigned char *data, size_t len)
{
	if (file->decoding)
		return sl_feed_decoding_add(file->decoding, data, len, false);
	add_head(file, off, data, len);
	return is_counted(file) ? sl_feed_add(file->feed, off, data, len) : file->code;
}

/* They may have come in another order: with a pool that is too small for theirs. Then nothing of
 * the file was printed yet. */
SL_SUSPENDS
static void
pass_in_order(struct get_scan_file *file, uint64_t off, const unsigned char *data, size_t len)
{
	bool is_in_order = off == file->started && (may_decode(file) || file->is_ordered);
	int code = is_in_order ? 0 : SL_E_UNSUPPORTED;
	file->started += len;
	if (!code)
		code = wait_for_turn(file, off);
	if (!code)
		code = add_in_turn(file, off, data, len);
	if (!code && file->form == SL_FORM_PLAIN)
		file->form = sl_feed_form(file->feed);
	note_failure(file, code);
	file->added = SL_MAX(file->added, off + len);
	for (struct sl_waiter *waiter; (waiter = sl_waiter_pop(&file->turns));)
		sl_waiter_serve(waiter, 0);
}

/* ---- all files ---- */

SL_SUSPENDS
static uint64_t
from(void *arg, uint64_t known_len)
{
	struct get_scan_file *file = arg;
	file->base = known_len ? sl_file_tail_begin(file->input->path, known_len) : 0;
	return file->base;
}

/* Of a file whose first bytes come late it is not known what it is: its bytes may be encoded. */
static bool
wants_order(void *arg, const unsigned char *head, size_t len)
{
	struct get_scan_file *file = arg;
	bool may_be_encoded = head && (len == 0 || sl_decoding_is_for(sl_sniff_form(head, len)));
	file->is_ordered = get_scan_needs_order(file->scan) || may_be_encoded;
	return file->is_ordered;
}

/* Its first bytes have not come. If they show that it is compressed, these are not its text, and
 * lines of them must not have been printed. */
static bool
is_too_early(const struct get_scan_file *file, uint64_t off)
{
	bool prints = file->scan->options->scanning.print;
	return prints && file->head_len < SL_SNIFF_WINDOW && off > file->head_len;
}

SL_SUSPENDS
static void
pass(void *arg, uint64_t off, const unsigned char *data, size_t len)
{
	struct get_scan_file *file = arg;
	off -= file->base;
	/* The feed takes either the bytes or what they decode to: their offsets differ. */
	if (off == 0 && !file->has_bytes)
		begin_decoding(file, data, len);
	file->has_bytes = true;
	if (file->decoding || get_scan_needs_order(file->scan)) {
		if (!file->code)
			pass_in_order(file, off, data, len);
		get_scan_emit_idle(file);
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
	get_scan_emit_idle(file);
}

static void
restart(void *arg)
{
	struct get_scan_file *file = arg;
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
	struct get_scan_file *file = arg;
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

static void
fail_damaged(const struct get_scan_file *file)
{
	char reason[SL_DECODE_REASON];
	sl_feed_decoding_reason(file->decoding, reason);
	(void)sl_input_fail_decode(file->input, reason, sl_feed_decoding_consumed(file->decoding),
		file->result.totals.bytes);
}

static struct sl_scan_result
result_of(const struct get_scan_file *file)
{
	const struct sl_block_totals *totals = &file->result.totals;
	struct sl_input *input = file->input;
	bool is_one_line = totals->lines == 1 && file->result.newlines == 0;
	bool is_damaged =
		file->result.state == SL_SCAN_TRUNCATED || file->result.state == SL_SCAN_DAMAGED;
	if (is_damaged)
		fail_damaged(file);
	else if (totals->undecided)
		(void)sl_input_fail_undecided(
			input, totals, sl_pattern_has_expressions(file->scan->match.pattern));
	return (struct sl_scan_result){ .state = file->result.state,
		.bytes = totals->bytes,
		.lines = totals->lines,
		.hits = totals->hits,
		.undecided = totals->undecided,
		.undecided_line = totals->undecided ? totals->undecided_line + 1 : 0,
		.other_case = totals->other_case,
		.left_out = file->result.left_out,
		.has_only_cr = is_one_line && file->has_only_cr,
		.elapsed_ns = sl_now() - file->begun_ns,
		.err = &input->err };
}

/* There is no file to scan later. */
SL_SUSPENDS
static void
end_uncounted_stream(struct get_scan_file *file)
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
		why = sl_form_is_foreign(file->form)
			      ? "it is compressed in a way that is not supported"
			      : "it cannot be decoded on the way (save it, and use: sluice scan "
				"FILE)";
	}
	(void)sl_fail(&input->err, SL_PHASE_READ, file->code ? file->code : -EIO,
		"cannot scan %s while it is downloaded: %s", input->shown, why);
	get_scan_emit_end(file, &result);
}

/* It is not there after all: what was begun of it for the sinks has an end. */
SL_SUSPENDS
static void
end_failed(struct get_scan_file *file)
{
	struct sl_scan_result result = { .state = SL_SCAN_TRUNCATED,
		.elapsed_ns = sl_now() - file->begun_ns,
		.err = &file->input->err };
	if (!file->has_begun)
		return;
	(void)sl_fail(&file->input->err, SL_PHASE_READ, SL_E_SHORT_BODY,
		"%s was not downloaded: its lines are not counted", file->input->shown);
	get_scan_emit_end(file, &result);
}

/* Its name was taken in the meantime, and it was given another one (--if-exists=rename). */
static void
rename_input(struct get_scan_file *file, const char *path)
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
	struct get_scan_file *file = open_file(scan, download->url, download->path);
	struct sl_scan_result result = { .state = SL_SCAN_OK };
	if (!file)
		return;
	result.err = &file->input->err;
	get_scan_emit_end(file, &result);
	free_file(file);
}

/* Lines of it were printed: of which it is known exactly if there was too little memory for it. */
static bool
has_known_lines(const struct get_scan_file *file, struct sl_given *given)
{
	return file->code == SL_E_LIMIT && file->form == SL_FORM_PLAIN &&
	       sl_feed_given(file->feed, given) == 0;
}

enum get_scan_end
get_scan_file_ended(struct sl_get_scan *scan, const struct sl_download *download, uint64_t *base,
	struct sl_given *given)
{
	struct get_scan_file *file = download->tee;
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
		get_scan_emit_end(file, &result);
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
		.wants_order = wants_order,
		.pass = pass,
		.restart = restart,
		.finish = finish,
		.free = free_file };
}
