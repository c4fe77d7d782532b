/*
 * scan_decode.c - an input that is compressed, or UTF-16, becomes pieces of text. The reader that
 * has the input works on it to its end, like on a stream: bytes are decoded in order. Several
 * inputs are decoded side by side, each on a worker.
 *
 * The worker reads what is in the page cache itself; for the rest the reader waits. Where pieces
 * need not keep their bytes, the worker scans each buffer of text as soon as it is full, while it
 * is in its CPU's cache, and only the result is passed on. Else it fills a chunk, which goes the
 * way of any other.
 *
 * Memory: what a decoder needs is taken from scan.decode_used before it is used. The window of zstd
 * and xz data is known when a member begins; the decoder waits there for more.
 */
#include "scan_int.h"

#include "sluice/rt/engine.h"
#include "sluice/rt/offload.h"
#include "sluice/rt/waiter.h"

#include <errno.h>
#include <stdlib.h>

/* Text that is decoded with one call: each costs two thread switches, but signals and other inputs
 * are not to wait for long. */
#define SLICE (2 * SL_MIB)

/* Of a chunk, so that the text is in the CPU's cache when it is scanned. */
#define PIECE_MAX (256u * 1024u)

struct scan_decode {
	struct scan *scan;
	struct scan_job *job;
	struct sl_engine *engine;
	struct sl_decoding *decoding;
	enum sl_form form;
	uint64_t held, window_max; /* of scan.decode_used, and the part of it for a window */
	uint64_t limit;            /* of `held` */

	unsigned char *in; /* SL_SCAN_DECODE_IN bytes, aligned */
	size_t in_off, in_len;
	uint64_t consumed;
	uint64_t skip; /* bytes of text that are left out before others come */
	bool in_over;  /* nothing follows these bytes */
	int code;      /* reading failed behind them */
	bool is_short; /* they end early: the file has become shorter */

	/* For text: scan.step_size bytes, or NULL if it goes to chunks. */
	unsigned char *text;
	uint64_t *marks;      /* of the text, none set, if scan.has_partials */
	struct sl_memo *memo; /* if kinds are wanted */

	/* A call of a worker. */
	struct scan_piece *piece;
	unsigned char *out;
	size_t room, filled;
	size_t worker_read; /* bytes */
	enum sl_decode_step step;
	bool is_refused; /* what the data contains cannot be scanned */
};

/* ---- memory ---- */

void
sl_scan_wake_streams(struct scan *scan)
{
	struct sl_waiter *waiter;
	while ((waiter = sl_waiter_pop(&scan->stream_waiters)))
		sl_waiter_serve(waiter, 0);
}

SL_SUSPENDS
static int
reserve(struct scan_decode *decode, uint64_t bytes)
{
	struct scan *scan = decode->scan;
	while (!sl_scan_is_front(scan, decode->job) && scan->decode_used + bytes > decode->limit) {
		struct sl_waiter waiter;
		int code = sl_waiter_wait(
			&waiter, &scan->stream_waiters, "memory to decode with", SL_FOREVER);
		if (code)
			return code;
	}
	scan->decode_used += bytes;
	decode->held += bytes;
	return 0;
}

/* ---- on a worker ---- */

/* What is in the page cache of the file. Offsets stay aligned, for what is read otherwise. */
static void
read_cached(struct scan_decode *decode)
{
	struct sl_input *input = decode->job->input;
	bool may_be_cached = input->kind == SL_INPUT_FILE && !input->no_nowait &&
			     input->direct != SL_INPUT_DIRECT_YES;
	if (!may_be_cached || input->next_off >= input->size)
		return;
	size_t want = (size_t)SL_MIN((uint64_t)SL_SCAN_DECODE_IN, input->size - input->next_off);
	size_t got =
		sl_input_read_cached(decode->engine, input->fd, input->next_off, decode->in, want);
	if (got < want)
		got -= got % SL_INPUT_ALIGN;
	input->next_off += got;
	decode->in_off = 0;
	decode->in_len = got;
	decode->worker_read += got;
}

/* True if there is something to decode, or the end of it. */
static bool
has_input(struct scan_decode *decode)
{
	const struct sl_input *input = decode->job->input;
	if (decode->in_len > 0 || decode->in_over)
		return true;
	read_cached(decode);
	if (input->kind == SL_INPUT_FILE && input->next_off >= input->size)
		decode->in_over = true;
	return decode->in_len > 0 || decode->in_over;
}

/* What an earlier scan has counted. */
static void
leave_out(struct scan_decode *decode)
{
	size_t len = (size_t)SL_MIN(decode->skip, (uint64_t)decode->filled);
	if (len == 0)
		return;
	decode->skip -= len;
	decode->filled -= len;
	memmove(decode->out, decode->out + len, decode->filled);
	if (decode->step == SL_DECODE_FULL)
		decode->step = SL_DECODE_MORE; /* there is room again */
}

static void
decode_some(struct scan_decode *decode)
{
	struct sl_decode_io io = {
		.in = decode->in + decode->in_off,
		.in_len = decode->in_len,
		.out = decode->out + decode->filled,
		.out_len = decode->room - decode->filled,
		.is_last = decode->in_over,
	};
	decode->step = sl_decoding_step(decode->decoding, &io);
	decode->in_off += decode->in_len - io.in_len;
	decode->consumed += decode->in_len - io.in_len;
	decode->in_len = io.in_len;
	decode->filled = decode->room - io.out_len;
	leave_out(decode);
}

static bool
is_refused(const struct scan_decode *decode)
{
	const struct sl_decoding *decoding = decode->decoding;
	return sl_decoding_is_known(decoding) &&
	       (sl_decoding_content(decoding) != SL_FORM_PLAIN ||
		       (decode->job->input->is_found && sl_decoding_is_binary(decoding)));
}

/* The text so far belongs to the piece. Returns 0 or -ENOMEM. */
static int
scan_text(struct scan_decode *decode)
{
	struct sl_span text = { (const char *)decode->text, decode->filled };
	if (decode->filled == 0)
		return 0;
	decode->filled = 0;
	return sl_scan_piece_add(decode->scan, decode->piece, text, decode->marks, decode->memo);
}

/* Until there is a slice of text, or a chunk; or no input; or the end. */
static int
decode_on_worker(void *arg)
{
	struct scan_decode *decode = arg;
	decode->step = SL_DECODE_MORE;
	while (has_input(decode) && !decode->scan->is_ending) {
		decode_some(decode);
		decode->is_refused = is_refused(decode);
		if (decode->is_refused ||
			(decode->step != SL_DECODE_FULL && decode->step != SL_DECODE_MORE))
			break;
		if (decode->step == SL_DECODE_MORE)
			continue;
		if (!decode->text)
			return 0;
		int code = scan_text(decode);
		if (code || decode->piece->len >= SLICE || decode->piece->wide.is_found)
			return code;
	}
	return decode->text && !decode->is_refused ? scan_text(decode) : 0;
}

/* ---- input that a worker cannot have ---- */

SL_SUSPENDS
static int
read_file(struct scan_decode *decode, struct scan_piece *piece, int *got)
{
	struct sl_input *input = decode->job->input;
	struct sl_input_range range;
	if (!sl_input_next(input, SL_SCAN_DECODE_IN, &range)) {
		decode->in_over = true;
		return 0;
	}
	*got = sl_input_read(input, &range, decode->in, &decode->in_len);
	if (sl_scan_is_cancellation(*got))
		return *got;
	piece->is_short = *got >= 0 && decode->in_len < range.len;
	return 0;
}

SL_SUSPENDS
static int
refill(struct scan_decode *decode, struct scan_piece *piece)
{
	bool is_file = decode->job->input->kind == SL_INPUT_FILE;
	int got = 0;
	decode->in_off = decode->in_len = 0;
	int code = is_file ? read_file(decode, piece, &got)
			   : sl_scan_read_stream(decode->scan, piece, decode->in, SL_SCAN_DECODE_IN,
				     &got, &decode->in_len);
	if (code)
		return code;
	decode->scan->progress->read += decode->in_len;
	decode->is_short = piece->is_short;
	piece->is_short = false;
	decode->code = got < 0 ? got : 0;
	if (got <= 0 || decode->is_short)
		decode->in_over = true;
	return 0;
}

/* ---- ends ---- */

/* That reading failed is told with the last piece. */
static void
finish(struct scan_decode *decode, struct scan_piece *piece)
{
	piece->is_last = true;
	piece->code = decode->code;
}

static void
refuse(struct scan_decode *decode, struct scan_piece *piece)
{
	struct scan_job *job = decode->job;
	enum sl_form content = sl_decoding_content(decode->decoding);
	bool is_skipped = job->input->is_found && sl_form_is_foreign(content);
	job->form = is_skipped ? SL_FORM_PLAIN : content;
	job->is_binary = job->form == SL_FORM_PLAIN;
	job->is_over = true;
	piece->len = decode->filled = 0;
	finish(decode, piece);
}

static enum sl_scan_state
state_of(enum sl_decode_step failure)
{
	switch (failure) {
	case SL_DECODE_TRUNCATED:
		return SL_SCAN_TRUNCATED;
	case SL_DECODE_UNSUPPORTED:
	case SL_DECODE_WINDOW:
		return SL_SCAN_UNSUPPORTED;
	case SL_DECODE_NO_MEMORY:
		return SL_SCAN_UNREADABLE;
	default:
		return SL_SCAN_DAMAGED;
	}
}

static void
note_failure(struct scan_decode *decode)
{
	struct scan *scan = decode->scan;
	struct scan_decode_failure *failure = &decode->job->decode_failure;
	struct sl_decoder *decoder = sl_decoding_decoder(decode->decoding);
	uint64_t base = decode->held - decode->window_max;
	uint64_t limit = decode->limit > base ? decode->limit - base : 0;
	failure->has_failed = true;
	failure->state = state_of(decode->step);
	failure->is_short = decode->is_short;
	failure->off = decode->consumed;
	sl_decoding_reason(decode->decoding, decode->step, limit, failure->reason);
	if (decode->step == SL_DECODE_WINDOW) {
		failure->window = sl_decoder_window(decoder);
		failure->memory =
			sl_scan_memory_to_decode(scan, decode->job, decode->form, failure->window);
	}
}

/* The member that begins needs a larger window: wait for it, if there can be one. */
SL_SUSPENDS
static int
raise_window(struct scan_decode *decode)
{
	struct sl_decoder *decoder = sl_decoding_decoder(decode->decoding);
	uint64_t window = sl_decoder_window(decoder), more = window - decode->window_max;
	if (window <= decode->window_max || decode->held + more > decode->limit)
		return 0;
	int code = reserve(decode, more);
	if (code)
		return code;
	decode->window_max = window;
	if (sl_decoder_raise_window(decoder, window))
		decode->step = SL_DECODE_MORE;
	return 0;
}

/* ---- a piece ---- */

SL_SUSPENDS
static int
prepare(struct scan_decode *decode, struct scan_piece *piece)
{
	struct scan *scan = decode->scan;
	decode->piece = piece;
	decode->filled = 0;
	decode->out = decode->text;
	decode->room = scan->step_size;
	piece->is_scanned = decode->text != NULL;
	piece->found.block = (struct sl_block_result){ 0 };
	if (decode->text || decode->job->is_over)
		return 0;
	int code = sl_scan_chunk_take(scan, piece);
	if (code)
		return code;
	decode->out = piece->data;
	decode->room = SL_MIN(piece->chunk->size, (size_t)PIECE_MAX);
	return 0;
}

SL_SUSPENDS
static int
call_worker(struct scan_decode *decode)
{
	struct scan *scan = decode->scan;
	decode->worker_read = 0;
	int code = sl_scan_offload(scan, decode_on_worker, decode);
	scan->progress->read += decode->worker_read;
	scan->progress->worker_bytes += decode->worker_read;
	if (code == 0 && decode->step == SL_DECODE_WINDOW && !decode->is_refused)
		code = raise_window(decode);
	return code;
}

/* True if the input is over, and the piece its last. */
static bool
is_at_end(struct scan_decode *decode, struct scan_piece *piece)
{
	if (decode->is_refused)
		refuse(decode, piece);
	else if (decode->job->is_over || decode->scan->is_ending || decode->step == SL_DECODE_END)
		finish(decode, piece);
	else if (sl_decode_is_failure(decode->step)) {
		note_failure(decode);
		finish(decode, piece);
	}
	return piece->is_last;
}

/* The piece has as much as it is to have. Of a stream, that is what has come. */
static bool
is_complete(const struct scan_decode *decode, const struct scan_piece *piece)
{
	if (decode->step == SL_DECODE_FULL)
		return true;
	return decode->job->input->kind == SL_INPUT_STREAM && piece->len + decode->filled > 0;
}

int
sl_scan_decode_piece(struct scan_decode *decode, struct scan_piece *piece)
{
	int code = prepare(decode, piece);
	while (code == 0) {
		bool wants_input = decode->step == SL_DECODE_MORE && decode->in_len == 0;
		if (wants_input && !decode->in_over && !decode->job->is_over)
			code = refill(decode, piece);
		if (code == 0 && !decode->job->is_over)
			code = call_worker(decode);
		if (code || is_at_end(decode, piece) || is_complete(decode, piece))
			break;
	}
	piece->len += decode->filled; /* in its chunk */
	piece->found.data = decode->out;
	piece->found.len = piece->len;
	return code;
}

/* ---- begin and end ---- */

static int
allocate(struct scan_decode *decode)
{
	struct scan *scan = decode->scan;
	decode->in = aligned_alloc(SL_INPUT_ALIGN, SL_SCAN_DECODE_IN);
	decode->text = scan->steps ? malloc(scan->step_size) : NULL;
	decode->decoding = sl_decoding_new(decode->form, 0);
	if (decode->text && scan->has_partials)
		decode->marks = calloc(sl_scan_mark_words(scan, scan->step_size), sizeof(uint64_t));
	if (decode->text && scan->setup->kinds)
		decode->memo = sl_memo_new(scan->memo_size);
	bool has_text = decode->text || !scan->steps;
	bool has_marks = decode->marks || !decode->text || !scan->has_partials;
	bool has_memo = decode->memo || !decode->text || !scan->setup->kinds;
	bool has_all = has_text && has_marks && has_memo;
	return decode->in && has_all && decode->decoding ? 0 : -ENOMEM;
}

static void
take_first(struct scan_decode *decode, struct scan_piece *first)
{
	const struct scan_job *job = decode->job;
	sl_assert(first->len <= SL_SCAN_DECODE_IN);
	memcpy(decode->in, first->data, first->len);
	decode->in_len = first->len;
	decode->in_over = job->input->kind == SL_INPUT_FILE || job->is_over;
	decode->code = first->code;
	sl_scan_piece_drop_chunk(decode->scan, first);
	first->len = 0;
	first->code = 0;
	first->is_last = false;
}

int
sl_scan_decode_begin(
	struct scan_decode **out, struct scan *scan, struct scan_job *job, struct scan_piece *first)
{
	uint64_t memory = sl_scan_decode_memory(scan, job->form, scan->step_size);
	struct scan_decode *decode = *out = calloc(1, sizeof(*decode));
	if (!decode)
		return -ENOMEM;
	decode->scan = scan;
	decode->job = job;
	decode->engine = sl_rt_engine(sl_rt_current());
	decode->form = job->form;
	decode->step = SL_DECODE_FULL;
	decode->skip = job->item ? job->item->skip : 0;
	bool is_alone = sl_scan_decodes_alone(scan, job, job->form);
	decode->limit = is_alone ? scan->decode_alone_max : scan->decode_max;
	int code = reserve(decode, memory);
	if (code == 0)
		code = allocate(decode);
	if (code)
		return code;
	if (first)
		take_first(decode, first);
	job->is_over = false;
	job->form = SL_FORM_PLAIN;
	job->is_encoded = false;
	job->was_encoded = true;
	return 0;
}

void
sl_scan_decode_end(struct scan_decode *decode)
{
	if (!decode)
		return;
	sl_decoding_free(decode->decoding);
	free(decode->in);
	free(decode->text);
	free(decode->marks);
	sl_memo_free(decode->memo);
	decode->scan->decode_used -= decode->held;
	sl_scan_wake_streams(decode->scan);
	free(decode);
}
