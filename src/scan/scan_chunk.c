/*
 * scan_chunk.c - the chunks of pieces, and who gets one of the pool to read to.
 *
 * Where lines go to the sinks, the pieces of an input keep their chunks until it is the front of
 * all. So inputs behind it must not take all chunks: the front, on which they wait, could not go
 * on. They take one only while more than `reserve` are free; an input that has become the front
 * takes any. Chunks are taken in the order of an input's pieces, so that none of them waits for one
 * that holds the last chunk.
 */
#include "scan_int.h"

#include "sluice/rt/waiter.h"

#include <errno.h>
#include <stdlib.h>

struct taker {
	struct sl_waiter waiter;
	const struct scan_job *job;
};

static bool
may_take(const struct scan *scan, const struct scan_job *job)
{
	size_t left = sl_chunk_pool_count(scan->pool) - scan->chunks_used;
	return left > (sl_scan_is_front(scan, job) ? 0 : scan->reserve);
}

void
sl_scan_chunk_serve(struct scan *scan)
{
	sl_list_each(node, &scan->chunk_waiters)
	{
		struct sl_waiter *waiter = sl_list_item(node, struct sl_waiter, link);
		if (!may_take(scan, SL_CONTAINER_OF(waiter, struct taker, waiter)->job))
			continue;
		scan->chunks_used++;
		sl_list_remove(node);
		sl_waiter_serve(waiter, 0);
	}
}

int
sl_scan_piece_hold(struct scan *scan, struct scan_piece *piece, struct sl_chunk *chunk, size_t off)
{
	piece->chunk = chunk;
	piece->data = chunk->data + off;
	if ((!scan->by_line && !scan->has_partials) || piece->marks)
		return 0;
	/* Large enough for any chunk: they stay with the piece. */
	size_t most = SL_MAX(scan->chunk_size, (size_t)SL_SCAN_SMALL);
	piece->marks = calloc(sl_scan_mark_words(scan, most), sizeof(*piece->marks));
	piece->within = sl_scan_within(scan, piece->marks, most);
	return piece->marks ? 0 : -ENOMEM;
}

int
sl_scan_chunk_take(struct scan *scan, struct scan_piece *piece)
{
	struct taker taker = { .job = piece->job };
	int code = sl_task_cancelled();
	if (code)
		return code;
	if (may_take(scan, piece->job))
		scan->chunks_used++;
	else
		code = sl_waiter_wait(&taker.waiter, &scan->chunk_waiters, "chunk", SL_FOREVER);
	if (code)
		return code;
	struct sl_chunk *chunk = sl_chunk_try_take(scan->pool);
	sl_assert(chunk); /* they are counted */
	return sl_scan_piece_hold(scan, piece, chunk, 0);
}

void
sl_scan_piece_drop_chunk(struct scan *scan, struct scan_piece *piece)
{
	struct sl_chunk *chunk = piece->chunk;
	bool is_of_pool = chunk && chunk->pool == scan->pool;
	piece->chunk = NULL;
	sl_chunk_unref(chunk);
	if (!is_of_pool)
		return;
	scan->chunks_used--;
	sl_scan_chunk_serve(scan);
}
