/*
 * scan_read.c - the third stage: readers. One at a time has the turn to take what is read next: a
 * range of the oldest file that has one left, which it then reads while others take the next ones;
 * or a stream, or a file that is decoded (scan_decode.c), which it reads in order to its end, while
 * others go on with the inputs behind it.
 *
 * Data in the page cache is left to the workers where possible, in long ranges: the bytes do not
 * travel between CPUs then. Cold data that is to be cached is fetched into the page cache first,
 * many ranges at a time, and then left to them as well. Everything else is read into a chunk.
 */
#include "scan_int.h"

#include "sluice/base/number.h"
#include "sluice/rt/offload.h"
#include "sluice/rt/waiter.h"

#include <errno.h>

/* Where lines are kept, cached data is read in pieces that stay in a CPU's cache until a worker
 * scans them. */
#define WARM_PIECE (512u * 1024u)

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
	if (job->stage < SCAN_DRAINED || job->reads || !job->has_window)
		return;
	job->has_window = false;
	scan->progress->direct_bytes += job->input->direct_bytes;
	scan->progress->input_waited_ns += job->input->waited_ns;
	sl_input_close(job->input);
	sl_semaphore_give(&scan->windows);
}

/* What the kernel makes up has no size and no holes. Some of it is endless: the page map of a
 * process has a word for each page that it could have. */
static bool
is_binary(const struct sl_input *input, const unsigned char *data, size_t len)
{
	bool is_made_up = input->may_be_made_up && input->claimed_size == 0;
	return is_made_up ? sl_sniff_is_binary_throughout(data, len)
			  : sl_sniff_is_binary(data, len);
}

/* Of a log whose first bytes were looked at in an earlier round or run. */
static bool
is_later_part(const struct scan_job *job)
{
	return job->item && job->item->off > 0;
}

/* A part of a file is not what its name promises of the whole. */
static enum sl_form
form_of(const struct scan_job *job, const unsigned char *data, size_t len)
{
	if (is_later_part(job) || (job->item && len == 0))
		return sl_sniff_form(data, len);
	return sl_sniff_named_form(sl_span_str(job->input->path), data, len);
}

void
sl_scan_sniff(struct scan_job *job, const unsigned char *data, size_t len)
{
	job->form = form_of(job, data, len);
	job->is_encoded = sl_decoding_is_for(job->form);
	if (job->is_encoded)
		return; /* its text is what counts */
	job->is_binary =
		job->input->is_found && !is_later_part(job) && is_binary(job->input, data, len);
	job->has_only_cr = sl_sniff_has_only_cr(data, len);
	if (job->is_binary && sl_form_is_foreign(job->form))
		job->form = SL_FORM_PLAIN; /* it is skipped as other binary files are */
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
	/* The opener has looked at other files. */
	bool is_new = job->small == piece || job->input->kind == SL_INPUT_STREAM;
	if (piece->is_first && is_new && (len || got == 0))
		sl_scan_sniff(job, piece->data, len);
	if (got < 0 || piece->is_short)
		job->is_over = true;
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
	sl_scan_piece_drop_chunk(scan, piece);
	return 0;
}

SL_SUSPENDS
static int
read_range(struct scan *scan, struct scan_piece *piece)
{
	size_t len = 0;
	struct scan_job *job = piece->job;
	if (scan->steps && sl_input_is_caching(job->input))
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

/* ---- passing on ---- */

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
	int code = 0;
	if (sl_scan_piece_is_text(piece) && !piece->is_scanned) {
		if (piece->range.is_hole)
			code = sl_scan_piece_scan_hole(scan, piece);
		else if (!sl_scan_is_quick(scan) || scan->setup->tally ||
			 piece->len > SL_SCAN_INLINE)
			return sl_channel_send(scan->queue, &piece, SL_FOREVER);
		else
			code = sl_scan_piece_scan(scan, piece, scan->memo);
	}
	return code ? code : sl_channel_send(scan->done, &piece, SL_FOREVER);
}

/* ---- streams ---- */

/* A stream's next bytes, or its end. The first of them must fit where a decoder keeps its input. */
SL_SUSPENDS
static int
read_stream(struct scan *scan, struct scan_piece *piece)
{
	size_t most = piece->is_first ? SL_MIN(piece->chunk->size, (size_t)SL_SCAN_DECODE_IN)
				      : piece->chunk->size;
	size_t len = 0;
	int got = 0;
	int code = sl_scan_read_stream(scan, piece, piece->data, most, &got, &len);
	if (code)
		return code;
	sl_scan_piece_take_bytes(scan, piece, got, len);
	piece->is_last = got <= 0;
	return 0;
}

/* Two inputs that are one stream, such as - and /dev/stdin, have its bytes one after the other, not
 * in turns. A decoder that is to work alone waits for those before it. */
static bool
may_begin_stream(const struct scan *scan, const struct scan_job *job)
{
	if (scan->stream_count == scan->stream_limit)
		return false;
	sl_list_each(node, &scan->streams)
	{
		const struct scan_job *other = sl_list_item(node, struct scan_job, of_streams);
		if (sl_input_is_same_stream(job->input, other->input))
			return false;
		if (job->is_decoder && other->is_decoder && (job->is_alone || other->is_alone))
			return false;
	}
	return true;
}

/* `turn` is held: what comes later in the order waits as well. */
SL_SUSPENDS
static int
begin_stream(struct scan *scan, struct scan_job *job)
{
	job->is_decoder = sl_scan_is_decoded(job);
	job->is_alone = job->is_decoder && sl_scan_decodes_alone(scan, job, job->form);
	while (!may_begin_stream(scan, job)) {
		struct sl_waiter waiter;
		int code = sl_waiter_wait(
			&waiter, &scan->stream_waiters, "end of a stream", SL_FOREVER);
		if (code)
			return code;
	}
	sl_list_push_back(&scan->streams, &job->of_streams);
	scan->stream_count++;
	return 0;
}

static void
end_stream(struct scan *scan, struct scan_job *job)
{
	sl_list_remove(&job->of_streams);
	scan->stream_count--;
	sl_scan_wake_streams(scan);
}

SL_SUSPENDS
static int
take_stream_piece(struct scan *scan, struct scan_job *job, struct scan_piece **out)
{
	struct scan_piece *piece = *out = sl_scan_piece_new(scan, job);
	if (!piece)
		return -ENOMEM;
	job->stage = SCAN_READING;
	int code = job->is_over ? 0 : sl_scan_chunk_take(scan, piece);
	/* The merger may have come to know in the meantime that no more is wanted. */
	piece->is_last = job->is_over;
	return code || piece->is_last ? code : read_stream(scan, piece);
}

/* The last piece was taken. */
SL_SUSPENDS
static void
drain(struct scan *scan, struct scan_job *job)
{
	job->stage = SCAN_DRAINED;
	end_stream(scan, job);
	close_if_read(scan, job);
}

/* Text that is decoded, from an input whose first bytes may be in *piece, to its end. */
SL_SUSPENDS
static int
read_whole_decoded(struct scan *scan, struct scan_job *job, struct scan_piece *piece)
{
	struct scan_decode *decode = NULL;
	bool is_last = false;
	int code = sl_scan_decode_begin(&decode, scan, job, piece);
	while (code == 0 && !is_last) {
		if (!piece)
			piece = sl_scan_piece_new(scan, job);
		code = piece ? sl_scan_decode_piece(decode, piece) : -ENOMEM;
		is_last = piece && piece->is_last;
		if (code == 0 && is_last) {
			sl_scan_decode_end(decode);
			decode = NULL;
			drain(scan, job);
		}
		if (code == 0) /* the job may be gone afterwards */
			code = pass_on(scan, piece);
		if (code == 0)
			piece = NULL;
	}
	sl_scan_decode_end(decode);
	sl_scan_piece_free(scan, piece);
	return code;
}

/* From its first byte to its end. */
SL_SUSPENDS
static int
read_whole_stream(struct scan *scan, struct scan_job *job)
{
	bool is_last = false;
	int code = 0;
	while (code == 0 && !is_last) {
		struct scan_piece *piece = NULL;
		code = take_stream_piece(scan, job, &piece);
		if (code == 0 && sl_scan_is_decoded(job))
			return read_whole_decoded(scan, job, piece);
		is_last = piece && piece->is_last;
		if (is_last)
			drain(scan, job);
		if (code == 0) /* the job may be gone afterwards */
			code = pass_on(scan, piece);
		if (code)
			sl_scan_piece_free(scan, piece);
	}
	return code;
}

/* A stream, or a file that is decoded. */
SL_SUSPENDS
static int
read_whole(struct scan *scan, struct scan_job *job)
{
	if (!sl_scan_is_decoded(job))
		return read_whole_stream(scan, job);
	struct scan_piece *first = job->small;
	job->small = NULL;
	job->stage = SCAN_READING;
	return read_whole_decoded(scan, job, first);
}

/* ---- files ---- */

static size_t
warm_range_len(const struct sl_input *input)
{
	uint64_t share =
		(input->size - input->next_off) / (sl_worker_count() * WARM_RANGES_A_WORKER);
	uint64_t len = SL_MIN(SL_MAX(share, WARM_RANGE_MIN), WARM_RANGE_MAX);
	return (size_t)sl_round_up(len, SL_INPUT_ALIGN);
}

/* How much of a file is read next, and whether a worker reads it. */
static size_t
choose_range(const struct scan *scan, struct scan_piece *piece)
{
	struct sl_input *input = piece->job->input;
	if (!sl_input_may_be_warm(input))
		return scan->chunk_size;
	/* Where chunks are kept, there is one for each piece. */
	size_t len =
		scan->steps ? warm_range_len(input) : SL_MIN(scan->chunk_size, (size_t)WARM_PIECE);
	piece->is_deferred = sl_input_is_cached(input, len);
	return piece->is_deferred ? len : scan->chunk_size;
}

/* The next range of a file, or the end of an input that has none. It is read later, without `turn`,
 * so that several readers read at once. */
SL_SUSPENDS
static int
take_range(struct scan *scan, struct scan_job *job, struct scan_piece *piece)
{
	struct sl_input *input = job->input;
	piece->is_last = true;
	if (input->err.code || job->is_over)
		return 0;
	int code = piece->is_first ? 0 : sl_input_find_hole(input);
	if (code)
		return code;
	if (!sl_input_next(input, choose_range(scan, piece), &piece->range)) {
		piece->is_deferred = false;
		return 0;
	}
	piece->is_last = input->next_off == input->size;
	job->reads++;
	if (piece->range.is_hole)
		piece->is_deferred = false;
	bool needs_chunk = !piece->is_deferred || !scan->steps;
	return needs_chunk && !piece->range.is_hole ? sl_scan_chunk_take(scan, piece) : 0;
}

SL_SUSPENDS
static int
take_file_piece(struct scan *scan, struct scan_job *job, struct scan_piece **out)
{
	struct scan_piece *piece = *out = job->small ? job->small : sl_scan_piece_new(scan, job);
	int code = -ENOMEM;
	if (!piece)
		return code;
	code = 0;
	if (job->small)
		piece->is_last = true;
	else
		code = take_range(scan, job, piece);
	job->small = NULL;
	job->stage = piece->is_last ? SCAN_DRAINED : SCAN_READING;
	if (piece->is_last)
		scan->current = NULL;
	return code;
}

/* ---- the turn ---- */

/* Wait for the next input to be open. It becomes `current`, NULL after the last. */
SL_SUSPENDS
static int
next_input(struct scan *scan)
{
	struct scan_job *job = NULL;
	int code = sl_channel_receive(scan->opened, &job, SL_FOREVER);
	if (code)
		return code == -EPIPE ? 0 : code;
	code = sl_semaphore_take(&job->opening, SL_FOREVER);
	if (code == 0)
		scan->current = job;
	return code;
}

static bool
is_stream(const struct sl_input *input)
{
	return input->err.code == 0 && input->kind == SL_INPUT_STREAM;
}

/* What a reader does next; nothing of both after the last input. */
struct work {
	struct scan_piece *piece; /* of a file */
	struct scan_job *stream;
};

SL_SUSPENDS
static int
take_one(struct scan *scan, struct work *work)
{
	struct scan_job *job = scan->current;
	if (!is_stream(job->input) && !sl_scan_is_decoded(job))
		return take_file_piece(scan, job, &work->piece);
	int code = begin_stream(scan, job);
	if (code)
		return code;
	work->stream = job;
	scan->current = NULL;
	return 0;
}

/* Small files that are scanned already go to the merger at once: that saves a change of readers for
 * each. */
SL_SUSPENDS
static int
take_work(struct scan *scan, struct work *work)
{
	*work = (struct work){ 0 };
	int code = sl_semaphore_take(&scan->turn, SL_FOREVER);
	if (code)
		return code;
	do {
		if (!scan->current)
			code = next_input(scan);
		if (code || !scan->current)
			break;
		code = take_one(scan, work);
		if (code || !work->piece || !work->piece->is_scanned)
			break;
		code = sl_channel_send(scan->done, &work->piece, SL_FOREVER);
		work->piece = code ? work->piece : NULL;
	} while (code == 0);
	sl_semaphore_give(&scan->turn);
	return code;
}

/* The range of a piece of a file. */
SL_SUSPENDS
static int
read_piece(struct scan *scan, struct scan_piece *piece)
{
	if (piece->range.is_hole)
		take_hole(scan, piece);
	else if (piece->range.len && !piece->is_deferred)
		return read_range(scan, piece);
	else if (!piece->range.len)
		close_if_read(scan, piece->job);
	return 0;
}

/* Read one piece of a file, or a whole stream, and pass it on; *is_over after the last. */
SL_SUSPENDS
static int
read_one(struct scan *scan, bool *is_over)
{
	struct work work;
	int code = take_work(scan, &work);
	struct scan_piece *piece = work.piece;
	*is_over = code == 0 && !piece && !work.stream;
	if (code == 0 && work.stream)
		return read_whole(scan, work.stream);
	if (*is_over)
		return 0;
	if (code == 0)
		code = read_piece(scan, piece);
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
