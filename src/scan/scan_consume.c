/*
 * scan_consume.c - the fourth stage: consumers take pieces from the queue and have workers scan
 * them. A worker also reads a deferred piece, in steps, as long as it need not wait for a disk: its
 * bytes stay in the cache of that worker's CPU. Where pieces keep their bytes, they are as small as
 * a step.
 */
#include "scan_int.h"

#include "sluice/rt/engine.h"
#include "sluice/rt/offload.h"
#include "sluice/scan/steps.h"

#include <errno.h>
#include <stdlib.h>

/* What a consumer has of its own, for the worker that it waits for. */
struct consumer {
	struct sl_matcher *matcher;
	struct sl_chunk *step;
	uint64_t *marks;                  /* of the step, none set, if scan.has_partials */
	struct sl_memo *memo;             /* if kinds are wanted */
	struct sl_tally_counter *counter; /* if a tally is */
};

struct scan_call {
	struct scan *scan;
	struct sl_engine *engine; /* of a deferred piece */
	struct scan_piece *piece;
	const struct consumer *consumer;
	struct sl_chunk *step; /* of a deferred piece */
	size_t len;            /* bytes read to it */
	int got;               /* by that read: a count, 0 at the end, or a code */
	size_t waited_len;     /* sum of what was read so */
};

/* Scan the next bytes of the piece, which are in the step's chunk. Returns 0 or -ENOMEM. */
static int
scan_step(const struct scan_call *call, size_t len)
{
	const struct sl_span text = { (const char *)call->step->data, len };
	return sl_scan_piece_add(
		call->scan, call->piece, text, call->consumer->marks, call->consumer->memo);
}

static int
scan_step_on_worker(void *arg)
{
	const struct scan_call *call = arg;
	return scan_step(call, call->len);
}

/* UTF-16 ends what is scanned of a piece, and is not read any farther. */
static bool
wants_more(const struct scan_call *call)
{
	const struct scan_piece *piece = call->piece;
	return piece->len < piece->range.len && !piece->wide.is_found && !call->scan->is_ending;
}

/* Up to the first byte that is not in the page cache. */
static int
read_on_worker(void *arg)
{
	struct scan_call *call = arg;
	struct scan_piece *piece = call->piece;
	const struct sl_input_range *range = &piece->range;
	while (wants_more(call)) {
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
	return call->len ? sl_scan_offload(call->scan, scan_step_on_worker, call) : 0;
}

SL_SUSPENDS
static int
consume_deferred(struct scan *scan, struct scan_piece *piece, const struct consumer *consumer)
{
	struct scan_call call = { .scan = scan,
		.engine = sl_rt_engine(sl_rt_current()),
		.piece = piece,
		.consumer = consumer,
		.step = consumer->step,
		.got = 1 };
	int code = 0;
	piece->found.block = (struct sl_block_result){ 0 };
	while (call.got > 0 && wants_more(&call)) {
		code = sl_scan_offload(scan, read_on_worker, &call);
		if (code == 0 && wants_more(&call))
			code = wait_for_step(&call);
		if (code)
			return code;
	}
	piece->found.data = consumer->step->data;
	size_t text_len = piece->found.len = piece->len, read_len = (size_t)piece->wide.len;
	if (piece->wide.is_found)
		piece->range.len = read_len;
	scan->progress->worker_bytes += read_len - call.waited_len;
	sl_scan_piece_was_read(scan, piece, call.got, read_len);
	piece->len = text_len;
	return 0;
}

/* The rest of a piece that keeps its bytes; *len is what was read before, and grows. Returns the
 * code of the read. */
SL_SUSPENDS
static int
read_rest(struct scan_piece *piece, size_t *len)
{
	struct sl_input_range rest = { .off = piece->range.off + *len,
		.len = piece->range.len - *len };
	size_t more = 0;
	int got = sl_input_read(piece->job->input, &rest, piece->data + *len, &more);
	*len += more;
	return got;
}

/* The same of a piece that keeps its bytes. */
SL_SUSPENDS
static int
consume_kept(struct scan *scan, struct scan_piece *piece, const struct consumer *consumer)
{
	struct sl_matcher *matcher = consumer->matcher;
	size_t len = 0;
	int code = sl_scan_piece_offload_cached(scan, piece, matcher, consumer->memo, &len);
	int got = 1;
	scan->progress->worker_bytes += len;
	if (code == 0 && len < piece->range.len) {
		got = read_rest(piece, &len);
		piece->len = len;
		if (sl_scan_is_cancellation(got))
			return got;
		if (len)
			code = sl_scan_piece_offload(scan, piece, matcher, consumer->memo);
	}
	if (code)
		return code;
	size_t text_len = piece->len;
	sl_scan_piece_was_read(scan, piece, got, len);
	piece->len = text_len;
	return 0;
}

SL_SUSPENDS
static int
consume_one(struct scan *scan, struct scan_piece *piece, const struct consumer *consumer)
{
	int code;
	piece->counter = consumer->counter;
	if (!piece->is_deferred)
		code = sl_scan_piece_offload(scan, piece, consumer->matcher, consumer->memo);
	else if (consumer->step)
		code = consume_deferred(scan, piece, consumer);
	else
		code = consume_kept(scan, piece, consumer);
	if (code == 0 && !scan->by_line)
		sl_scan_piece_drop_chunk(scan, piece);
	if (code == 0)
		code = sl_channel_send(scan->done, &piece, SL_FOREVER);
	if (code)
		sl_scan_piece_free(scan, piece);
	return code;
}

static int
init_consumer(struct scan *scan, struct consumer *consumer)
{
	*consumer =
		(struct consumer){ .step = scan->steps ? sl_chunk_try_take(scan->steps) : NULL };
	sl_assert(consumer->step || !scan->steps); /* the pool has one for each consumer */
	if (consumer->step && scan->has_partials &&
		!(consumer->marks = calloc(
			  sl_scan_mark_words(scan, scan->step_size), sizeof(*consumer->marks))))
		return -ENOMEM;
	if (scan->setup->kinds && !(consumer->memo = sl_memo_new(scan->memo_size)))
		return -ENOMEM;
	int code = sl_steps_matcher_new(&consumer->matcher, scan->setup->pattern);
	if (code == 0 && scan->setup->tally)
		code = sl_tally_counter_new(
			&consumer->counter, scan->setup->tally, consumer->matcher);
	return code;
}

static void
release_consumer(struct consumer *consumer)
{
	sl_tally_counter_free(consumer->counter);
	sl_matcher_free(consumer->matcher);
	sl_memo_free(consumer->memo);
	free(consumer->marks);
	sl_chunk_unref(consumer->step);
}

int
sl_scan_consume(void *arg)
{
	struct scan *scan = arg;
	struct scan_piece *piece = NULL;
	struct consumer consumer;
	int code = init_consumer(scan, &consumer);
	while (code == 0) {
		code = sl_channel_receive(scan->queue, &piece, SL_FOREVER);
		if (code == 0)
			code = consume_one(scan, piece, &consumer);
	}
	release_consumer(&consumer);
	/* Readers pass small pieces to the merger themselves, but close the queue after the
	 * last. */
	if (--scan->consumers == 0)
		sl_channel_close(scan->done);
	return code == -EPIPE ? 0 : code;
}
