/*
 * The readers: each takes a chunk, then a number, reads what the number stands for, and hands it
 * on.
 */
#include "scan_int.h"

#include <errno.h>

/* Literals in so few bytes are found sooner than a worker is woken. */
#define INLINE_BYTES (64u * 1024u)

/*
 * Ranges may be read in another order than they were given out: who reads the last of them closes
 * the input. Before the piece is handed on, because the merger frees the input with its last piece.
 */
SL_SUSPENDS
static void
close_if_read(struct scan *scan, struct scan_job *job)
{
	if (!job->is_exhausted || job->reads || !job->has_window)
		return;
	job->has_window = false;
	scan->progress->direct_bytes += job->input->direct_bytes;
	sl_input_close(job->input);
	sl_semaphore_give(&scan->windows);
}

/* Look at the first bytes: does this input want to be counted at all? */
static void
sniff(struct scan_piece *piece)
{
	struct scan_job *job = piece->job;
	job->form = sl_sniff_form(piece->chunk->data, piece->len);
	job->is_binary = job->input->is_found && sl_sniff_is_binary(piece->chunk->data, piece->len);
	job->has_only_cr = sl_sniff_has_only_cr(piece->chunk->data, piece->len);
	if (job->form != SL_FORM_PLAIN || job->is_binary)
		job->is_over = true;
}

/* After reading, whatever the result. */
static void
take_bytes(struct scan *scan, struct scan_piece *piece, int got, size_t len)
{
	struct scan_job *job = piece->job;
	piece->len = len;
	piece->code = got < 0 ? got : 0;
	scan->progress->read += len;
	if (piece->is_first && len)
		sniff(piece);
	if (got < 0 || piece->is_short)
		job->is_over = true;
}

/* Cancellation ends the task; any other code is the input's affair. */
bool
sl_scan_is_cancellation(int code)
{
	return (code == -ECANCELED || code == -ETIMEDOUT) && sl_task_cancelled() != 0;
}

void
sl_scan_piece_was_read(struct scan *scan, struct scan_piece *piece, int got, size_t len)
{
	piece->is_short = got >= 0 && len < piece->range.len;
	take_bytes(scan, piece, got, len);
	piece->job->reads--;
	close_if_read(scan, piece->job);
}

SL_SUSPENDS
static int
read_range(struct scan *scan, struct scan_piece *piece)
{
	size_t len = 0;
	struct scan_job *job = piece->job;
	int got = sl_input_read(job->input, &piece->range, piece->chunk->data, &len);
	if (sl_scan_is_cancellation(got))
		return got;
	sl_scan_piece_was_read(scan, piece, got, len);
	return 0;
}

struct stream_call {
	const struct scan_piece *piece;
	size_t len;
};

SL_SUSPENDS
static int
read_stream_task(void *arg)
{
	struct stream_call *call = arg;
	const struct scan_piece *piece = call->piece;
	return sl_input_read_stream(
		piece->job->input, piece->chunk->data, piece->chunk->size, &call->len);
}

/*
 * A stream's next bytes, or its end. `turn` is held, so that they come in order. In a group of its
 * own: the merger may find out that enough has come, while the stream gives nothing more for hours.
 */
SL_SUSPENDS
static int
read_stream(struct scan *scan, struct scan_piece *piece)
{
	struct stream_call call = { .piece = piece };
	struct scan_job *job = piece->job;
	struct sl_group group;
	int got = 0;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	job->reading = &group;
	int code = sl_group_spawn(&group, "stream", read_stream_task, &call, &got);
	sl_group_leave(&group);
	job->reading = NULL;
	if (code || sl_scan_is_cancellation(got))
		return code ? code : got;
	if (job->ignores_rest)
		got = 0;
	uint64_t left = job->input->left;
	piece->is_short = got == 0 && !job->ignores_rest && left > 0 && left != UINT64_MAX;
	take_bytes(scan, piece, got, call.len);
	piece->is_last = got <= 0;
	return 0;
}

static size_t
piece_size(const struct scan *scan, const struct scan_job *job)
{
	bool in_small_pieces = sl_input_may_be_warm(job->input) && !scan->scratch;
	return in_small_pieces ? SL_MIN(scan->chunk_size, (size_t)SL_INPUT_WARM_PIECE)
			       : scan->chunk_size;
}

/*
 * Give the current input's next piece its number and find out what it is to hold. A range of a file
 * is read later, by several readers at once.
 */
SL_SUSPENDS
static int
number_piece(struct scan *scan, struct sl_chunk *chunk, struct scan_piece **out)
{
	struct scan_job *job = scan->current;
	int code = sl_semaphore_take(&scan->numbers, SL_FOREVER);
	if (code)
		return code;
	struct scan_piece *piece = sl_scan_piece_new(scan, job);
	*out = piece;
	if (!piece)
		return -ENOMEM;
	if (job->input->err.code || job->is_over) {
		piece->is_last = true;
	} else if (job->input->kind == SL_INPUT_STREAM) {
		code = sl_scan_piece_hold(scan, piece, chunk);
		if (code == 0)
			code = read_stream(scan, piece);
	} else if (sl_input_next(job->input, piece_size(scan, job), &piece->range)) {
		/* The first bytes are looked at before anything is counted. */
		piece->is_deferred = scan->scratch && !piece->is_first && !piece->range.is_probe &&
				     sl_input_may_be_warm(job->input);
		if (!piece->is_deferred)
			code = sl_scan_piece_hold(scan, piece, chunk);
		piece->is_last = job->input->next_off == job->input->size;
		job->reads++;
	} else {
		piece->is_last = true;
	}
	if (piece->is_last) {
		job->is_exhausted = true;
		scan->current = NULL;
	}
	return code;
}

/* The next piece of all inputs; *out is NULL after the last. `turn` is held. */
SL_SUSPENDS
static int
next_piece(struct scan *scan, struct sl_chunk *chunk, struct scan_piece **out)
{
	*out = NULL;
	if (!scan->current) {
		int code = sl_channel_receive(scan->opened, &scan->current, SL_FOREVER);
		if (code)
			return code == -EPIPE ? 0 : code;
	}
	return number_piece(scan, chunk, out);
}

SL_SUSPENDS
static int
hand_on(struct scan *scan, struct scan_piece *piece)
{
	struct scan_job *job = piece->job;
	bool is_text = job->form == SL_FORM_PLAIN && !job->is_binary;
	if (piece->len && is_text && !job->ignores_rest) {
		if (!scan->plan || piece->len > INLINE_BYTES)
			return sl_channel_send(scan->queue, &piece, SL_FOREVER);
		sl_scan_piece_scan(scan, piece, NULL);
	}
	return sl_channel_send(scan->done, &piece, SL_FOREVER);
}

SL_SUSPENDS
static int
take_turn(struct scan *scan, struct sl_chunk *chunk, struct scan_piece **piece)
{
	*piece = NULL;
	int code = sl_semaphore_take(&scan->turn, SL_FOREVER);
	if (code)
		return code;
	code = next_piece(scan, chunk, piece);
	sl_semaphore_give(&scan->turn);
	return code;
}

/* One chunk's way. Returns 1, 0 after the last piece, or a negative code. */
SL_SUSPENDS
static int
read_one(struct scan *scan)
{
	struct sl_chunk *chunk = NULL;
	struct scan_piece *piece = NULL;
	int code = sl_chunk_take(scan->pool, &chunk, SL_FOREVER);
	if (code)
		return code;
	code = take_turn(scan, chunk, &piece);
	sl_chunk_unref(chunk); /* the piece has taken a reference if it holds bytes */
	if (code == 0 && !piece)
		return 0;
	if (code == 0 && piece->is_deferred) {
		code = sl_channel_send(scan->queue, &piece, SL_FOREVER);
	} else if (code == 0) {
		if (piece->range.len)
			code = read_range(scan, piece);
		else
			close_if_read(scan, piece->job);
		if (code == 0)
			code = hand_on(scan, piece);
	}
	if (code)
		sl_scan_piece_free(scan, piece);
	return code ? code : 1;
}

int
sl_scan_read(void *arg)
{
	struct scan *scan = arg;
	int code = 1;
	while (code > 0)
		code = read_one(scan);
	if (--scan->readers == 0)
		sl_channel_close(scan->queue);
	return code;
}
