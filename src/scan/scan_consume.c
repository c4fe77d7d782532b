/*
 * scan_consume.c - the fourth stage: consumers take pieces from the queue and have workers scan
 * them. A worker also reads a deferred piece, in steps, as long as it need not wait for a disk: its
 * bytes stay in the cache of that worker's CPU.
 */
#include "scan_int.h"

#include "sluice/rt/engine.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <stdlib.h>

struct scan_call {
	struct scan *scan;
	struct sl_engine *engine; /* of a deferred piece */
	struct scan_piece *piece;
	struct sl_chunk *step; /* of a deferred piece */
	uint64_t *marks;       /* of the step, if scan.has_partials */
	size_t len;            /* bytes read to it */
	int got;               /* by that read: a count, 0 at the end, or a code */
	size_t waited_len;     /* sum of what was read so */
};

/* Scan the next bytes of the piece, which are in the step's chunk. Returns 0 or -ENOMEM. */
static int
scan_step(const struct scan_call *call, size_t len)
{
	struct scan *scan = call->scan;
	struct scan_piece *piece = call->piece;
	struct sl_partial_run run = { .data = call->step->data, .len = len };
	int code = 0;
	if (call->marks)
		memset(call->marks, 0, SL_MATCH_MARK_WORDS(len) * sizeof(*call->marks));
	sl_block_scan(scan->kernel, scan->plan, NULL, run.data, len, call->marks, &run.block);
	if (scan->has_partials)
		code = sl_scan_kinds_run(scan, piece, &run, call->marks);
	else
		sl_block_merge(scan->plan, &piece->found.block, &run.block);
	if (piece->form == SL_FORM_PLAIN)
		piece->form = sl_sniff_block(call->step->data, len);
	piece->len += len;
	return code;
}

static int
scan_step_on_worker(void *arg)
{
	const struct scan_call *call = arg;
	return scan_step(call, call->len);
}

/* Up to the first byte that is not in the page cache. */
static int
read_on_worker(void *arg)
{
	struct scan_call *call = arg;
	struct scan_piece *piece = call->piece;
	const struct sl_input_range *range = &piece->range;
	while (piece->len < range->len && !call->scan->is_ending) {
		size_t want = SL_MIN(range->len - piece->len, call->step->size);
		size_t got = sl_input_read_cached(call->engine, piece->job->input->fd,
			range->off + piece->len, call->step->data, want);
		int code = got ? scan_step(call, got) : 0;
		if (code || got < want)
			return code;
	}
	return 0;
}

/* Read and scan one step that a worker could not read without waiting. At the end of the file
 * call->got is 0, after a failure its code. Returns 0 or the cancellation. */
SL_SUSPENDS
static int
wait_for_step(struct scan_call *call)
{
	struct scan_piece *piece = call->piece;
	struct sl_input_range range = { .off = piece->range.off + piece->len,
		.len = SL_MIN(piece->range.len - piece->len, call->step->size) };
	call->got = sl_input_read(piece->job->input, &range, call->step->data, &call->len);
	if (sl_scan_is_cancellation(call->got))
		return call->got;
	call->waited_len += call->len;
	return call->len ? sl_offload(scan_step_on_worker, call) : 0;
}

SL_SUSPENDS
static int
consume_deferred(
	struct scan *scan, struct scan_piece *piece, struct sl_chunk *step, uint64_t *marks)
{
	struct scan_call call = { .scan = scan,
		.engine = sl_rt_engine(sl_rt_current()),
		.piece = piece,
		.step = step,
		.marks = marks,
		.got = 1 };
	size_t len = piece->range.len;
	int code = 0;
	piece->found.block = (struct sl_block_result){ 0 };
	while (call.got > 0 && piece->len < len && !scan->is_ending) {
		code = sl_offload(read_on_worker, &call);
		if (code == 0 && piece->len < len && !scan->is_ending)
			code = wait_for_step(&call);
		if (code)
			return code;
	}
	piece->found.data = step->data;
	piece->found.len = piece->len;
	scan->progress->worker_bytes += piece->len - call.waited_len;
	sl_scan_piece_was_read(scan, piece, call.got, piece->len);
	return 0;
}

SL_SUSPENDS
static int
consume_one(struct scan *scan, struct scan_piece *piece, struct sl_matcher *matcher,
	struct sl_chunk *step, uint64_t *marks)
{
	int code = piece->is_deferred ? consume_deferred(scan, piece, step, marks)
				      : sl_scan_piece_offload(scan, piece, matcher);
	if (code == 0 && !scan->by_line)
		sl_scan_piece_drop_chunk(scan, piece);
	if (code == 0)
		code = sl_channel_send(scan->done, &piece, SL_FOREVER);
	if (code)
		sl_scan_piece_free(scan, piece);
	return code;
}

int
sl_scan_consume(void *arg)
{
	struct scan *scan = arg;
	struct scan_piece *piece = NULL;
	struct sl_matcher *matcher = NULL;
	struct sl_chunk *step = scan->steps ? sl_chunk_try_take(scan->steps) : NULL;
	sl_assert(step || !scan->steps); /* the pool has one for each consumer */
	bool has_marks = step && scan->has_partials;
	uint64_t *marks =
		has_marks ? calloc(SL_MATCH_MARK_WORDS(step->size), sizeof(*marks)) : NULL;
	int code = has_marks && !marks ? -ENOMEM : sl_matcher_new(&matcher, scan->setup->pattern);
	while (code == 0) {
		code = sl_channel_receive(scan->queue, &piece, SL_FOREVER);
		if (code == 0)
			code = consume_one(scan, piece, matcher, step, marks);
	}
	sl_matcher_free(matcher);
	free(marks);
	sl_chunk_unref(step);
	/* Readers pass small pieces to the merger themselves, but close the queue after the
	 * last. */
	if (--scan->consumers == 0)
		sl_channel_close(scan->done);
	return code == -EPIPE ? 0 : code;
}
