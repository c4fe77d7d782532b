/*
 * The third stage: each reader takes a chunk, then a number, reads the piece that the number stands
 * for, and passes it on.
 *
 * Data in the page cache is left to the workers where possible, in long ranges: the bytes do not
 * travel between CPUs then. Cold data that is to be cached is fetched into the page cache first,
 * many ranges at a time, and then left to them as well. Everything else is read into the chunk.
 */
#include "scan_int.h"

#include "sluice/base/number.h"
#include "sluice/rt/offload.h"

#include <errno.h>

/* Where lines are kept, cached data is read in pieces that stay in a CPU's cache until a worker
 * scans them. */
#define WARM_PIECE (256u * 1024u)

/* A range that a worker reads and scans with one call: long, because each call costs two thread
 * switches, but short enough for all workers to have work until the end of the file. Measured with
 * 2 GB and two workers: 0.21 s with 1 MiB, 0.20 s with 8 MiB. */
#define WARM_RANGE_MAX (8 * SL_MIB)
#define WARM_RANGE_MIN (512 * SL_KIB)
#define WARM_RANGES_A_WORKER 2u

/*
 * Close the input after its last range was read, in whatever order that happens; before the piece
 * is passed on, because the merger frees the input with its last piece.
 */
SL_SUSPENDS
static void
close_if_read(struct scan *scan, struct scan_job *job)
{
	if (!job->is_exhausted || job->reads || !job->has_window)
		return;
	job->has_window = false;
	scan->progress->direct_bytes += job->input->direct_bytes;
	scan->progress->input_waited_ns += job->input->waited_ns;
	sl_input_close(job->input);
	sl_semaphore_give(&scan->windows);
}

/* Decide by the first bytes whether the input can be counted. */
static void
sniff(struct scan_piece *piece)
{
	struct scan_job *job = piece->job;
	job->form = sl_sniff_form(piece->data, piece->len);
	job->is_binary = job->input->is_found && sl_sniff_is_binary(piece->data, piece->len);
	job->has_only_cr = sl_sniff_has_only_cr(piece->data, piece->len);
	if (job->form != SL_FORM_PLAIN || job->is_binary)
		job->is_over = true;
}

void
sl_scan_piece_take_bytes(struct scan *scan, struct scan_piece *piece, int got, size_t len)
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

bool
sl_scan_is_cancellation(int code)
{
	return (code == -ECANCELED || code == -ETIMEDOUT) && sl_task_cancelled() != 0;
}

void
sl_scan_piece_was_read(struct scan *scan, struct scan_piece *piece, int got, size_t len)
{
	piece->is_short = got >= 0 && len < piece->range.len;
	sl_scan_piece_take_bytes(scan, piece, got, len);
	piece->job->reads--;
	close_if_read(scan, piece->job);
}

/* From the disk to the page cache; a worker copies it from there. */
SL_SUSPENDS
static int
fetch_range(struct scan *scan, struct scan_piece *piece)
{
	bool is_read = false;
	int code = sl_input_fetch(piece->job->input, &piece->range, piece->data, &is_read);
	if (code)
		return code;
	if (is_read) {
		sl_scan_piece_was_read(scan, piece, (int)piece->range.len, piece->range.len);
		return 0;
	}
	piece->is_deferred = true;
	sl_chunk_unref(piece->chunk);
	piece->chunk = NULL;
	return 0;
}

SL_SUSPENDS
static int
read_range(struct scan *scan, struct scan_piece *piece)
{
	size_t len = 0;
	struct scan_job *job = piece->job;
	if (scan->steps && !piece->is_first && sl_input_is_caching(job->input))
		return fetch_range(scan, piece);
	int got = sl_input_read(job->input, &piece->range, piece->data, &len);
	if (sl_scan_is_cancellation(got))
		return got;
	sl_scan_piece_was_read(scan, piece, got, len);
	return 0;
}

SL_SUSPENDS
static void
take_hole(struct scan *scan, struct scan_piece *piece)
{
	scan->progress->hole_bytes += piece->range.len;
	sl_scan_piece_was_read(scan, piece, (int)piece->range.len, piece->range.len);
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
	return sl_input_read_stream(piece->job->input, piece->data, piece->chunk->size, &call->len);
}

/*
 * A stream's next bytes, or its end. `turn` is held, so that they are read in order. The read has a
 * group of its own, because the merger may cancel it when it has enough, while no data arrives.
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
	sl_scan_piece_take_bytes(scan, piece, got, call.len);
	piece->is_last = got <= 0;
	return 0;
}

static size_t
warm_range_len(const struct sl_input *input)
{
	uint64_t share =
		(input->size - input->next_off) / (sl_worker_count() * WARM_RANGES_A_WORKER);
	uint64_t len = SL_MIN(SL_MAX(share, WARM_RANGE_MIN), WARM_RANGE_MAX);
	return (size_t)sl_round_up(len, SL_INPUT_ALIGN);
}

/* How much of a file is read next, and whether a worker reads it. The first bytes are read here:
 * they show the form of the input, before anything is counted. */
static size_t
choose_range(const struct scan *scan, struct scan_piece *piece)
{
	struct sl_input *input = piece->job->input;
	if (!sl_input_may_be_warm(input))
		return scan->chunk_size;
	if (!scan->steps)
		return SL_MIN(scan->chunk_size, (size_t)WARM_PIECE);
	if (piece->is_first)
		return SL_MIN(scan->chunk_size, (size_t)SL_SCAN_INLINE);
	size_t len = warm_range_len(input);
	piece->is_deferred = sl_input_is_cached(input, len);
	return piece->is_deferred ? len : scan->chunk_size;
}

/* The next range of a file. It is read later, without `turn`, so that several readers read at
 * once. */
SL_SUSPENDS
static int
take_range(struct scan *scan, struct scan_piece *piece, struct sl_chunk *chunk)
{
	struct scan_job *job = piece->job;
	struct sl_input *input = job->input;
	int code = piece->is_first ? 0 : sl_input_find_hole(input);
	if (code)
		return code;
	if (!sl_input_next(input, choose_range(scan, piece), &piece->range)) {
		piece->is_deferred = false;
		piece->is_last = true;
		return 0;
	}
	piece->is_last = input->next_off == input->size;
	job->reads++;
	if (piece->range.is_hole)
		piece->is_deferred = false;
	return piece->is_deferred || piece->range.is_hole
		       ? 0
		       : sl_scan_piece_hold(scan, piece, chunk, 0);
}

/* Choose what the next piece of the current input holds. */
SL_SUSPENDS
static int
fill_piece(struct scan *scan, struct scan_piece *piece, struct sl_chunk *chunk)
{
	struct scan_job *job = piece->job;
	if (job->small || job->input->err.code || job->is_over) {
		job->small = NULL;
		piece->is_last = true;
		return 0;
	}
	if (job->input->kind == SL_INPUT_FILE)
		return take_range(scan, piece, chunk);
	int code = sl_scan_piece_hold(scan, piece, chunk, 0);
	return code ? code : read_stream(scan, piece);
}

/* The next piece of the current input, with its number. */
SL_SUSPENDS
static int
number_piece(struct scan *scan, struct sl_chunk *chunk, struct scan_piece **out)
{
	struct scan_job *job = scan->current;
	int code = sl_semaphore_take(&scan->numbers, SL_FOREVER);
	if (code)
		return code;
	struct scan_piece *piece = job->small ? job->small : sl_scan_piece_new(scan, job);
	*out = piece;
	if (!piece)
		return -ENOMEM;
	piece->seq = scan->next_seq++;
	code = fill_piece(scan, piece, chunk);
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
		struct scan_job *job = NULL;
		int code = sl_channel_receive(scan->opened, &job, SL_FOREVER);
		if (code)
			return code == -EPIPE ? 0 : code;
		code = sl_semaphore_take(&job->opening, SL_FOREVER);
		if (code)
			return code;
		scan->current = job;
	}
	return number_piece(scan, chunk, out);
}

bool
sl_scan_piece_is_text(const struct scan_piece *piece)
{
	const struct scan_job *job = piece->job;
	return piece->len && job->form == SL_FORM_PLAIN && !job->is_binary && !job->ignores_rest;
}

SL_SUSPENDS
static int
pass_on(struct scan *scan, struct scan_piece *piece)
{
	if (piece->is_deferred)
		return sl_channel_send(scan->queue, &piece, SL_FOREVER);
	if (sl_scan_piece_is_text(piece) && !piece->is_scanned) {
		if (piece->range.is_hole)
			sl_scan_piece_scan_hole(scan, piece);
		else if (!sl_scan_is_quick(scan) || piece->len > SL_SCAN_INLINE)
			return sl_channel_send(scan->queue, &piece, SL_FOREVER);
		else
			sl_scan_piece_scan(scan, piece);
	}
	return sl_channel_send(scan->done, &piece, SL_FOREVER);
}

/* The next piece that is not scanned yet. Those that are, small files, go to the merger at once:
 * that saves a change of readers for each. */
SL_SUSPENDS
static int
take_turn(struct scan *scan, struct sl_chunk *chunk, struct scan_piece **piece)
{
	*piece = NULL;
	int code = sl_semaphore_take(&scan->turn, SL_FOREVER);
	if (code)
		return code;
	do {
		code = next_piece(scan, chunk, piece);
		if (code || !*piece || !(*piece)->is_scanned)
			break;
		code = sl_channel_send(scan->done, piece, SL_FOREVER);
	} while (code == 0);
	sl_semaphore_give(&scan->turn);
	return code;
}

/* Read one piece and pass it on; *is_over after the last. */
SL_SUSPENDS
static int
read_one(struct scan *scan, bool *is_over)
{
	struct sl_chunk *chunk = NULL;
	struct scan_piece *piece = NULL;
	int code = sl_chunk_take(scan->pool, &chunk, SL_FOREVER);
	if (code)
		return code;
	code = take_turn(scan, chunk, &piece);
	sl_chunk_unref(chunk); /* the piece has taken a reference if it holds bytes */
	*is_over = code == 0 && !piece;
	if (*is_over)
		return 0;
	if (code == 0 && piece->range.is_hole)
		take_hole(scan, piece);
	else if (code == 0 && piece->range.len && !piece->is_deferred)
		code = read_range(scan, piece);
	else if (code == 0 && !piece->range.len)
		close_if_read(scan, piece->job);
	if (code == 0)
		code = pass_on(scan, piece);
	if (code)
		sl_scan_piece_free(scan, piece);
	return code;
}

int
sl_scan_read(void *arg)
{
	struct scan *scan = arg;
	bool is_over = false;
	int code = 0;
	while (code == 0 && !is_over)
		code = read_one(scan, &is_over);
	if (--scan->readers == 0)
		sl_channel_close(scan->queue);
	return code;
}
