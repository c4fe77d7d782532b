#include "sluice/download/tee_queue.h"

static uint64_t
end_of(const struct sl_chunk *chunk)
{
	return chunk->off + chunk->len;
}

bool
sl_tee_queue_is_useful(const struct sl_chunk_pool *pool)
{
	return SL_TEE_HELD(sl_chunk_pool_count(pool)) > 1;
}

void
sl_tee_queue_open(struct sl_tee_queue *queue, struct sl_tee_share *share,
	struct sl_chunk_pool *pool)
{
	*queue = (struct sl_tee_queue){ .share = share, .pool = pool };
	share->queues++;
}

/* The chunk at `at` leaves the queue; its reference is the caller's. */
static struct sl_chunk *
remove_at(struct sl_tee_queue *queue, struct sl_chunk **at)
{
	struct sl_chunk *chunk = *at;
	*at = chunk->next_free;
	chunk->next_free = NULL;
	queue->count--;
	queue->share->held--;
	return chunk;
}

void
sl_tee_queue_close(struct sl_tee_queue *queue)
{
	while (queue->first)
		sl_chunk_unref(remove_at(queue, &queue->first));
	if (queue->share)
		queue->share->queues--;
	*queue = (struct sl_tee_queue){ 0 };
}

uint64_t
sl_tee_queue_end(const struct sl_tee_queue *queue, uint64_t next)
{
	for (const struct sl_chunk *chunk = queue->first; chunk && chunk->off <= next;
		chunk = chunk->next_free)
		next = SL_MAX(next, end_of(chunk));
	return next;
}

static struct sl_chunk **
find_last(struct sl_tee_queue *queue)
{
	struct sl_chunk **at = &queue->first;
	while ((*at)->next_free)
		at = &(*at)->next_free;
	return at;
}

/* What follows `next` without a gap needs no further chunk to be passed on, and is kept. */
static void
drop_beyond_share(struct sl_tee_queue *queue, uint64_t next)
{
	size_t most = SL_TEE_HELD(sl_chunk_pool_count(queue->pool));
	while (queue->share->held > most && queue->first) {
		struct sl_chunk **last = find_last(queue);
		if ((*last)->off <= sl_tee_queue_end(queue, next))
			break;
		sl_chunk_unref(remove_at(queue, last));
	}
}

void
sl_tee_queue_put(struct sl_tee_queue *queue, struct sl_chunk *chunk, uint64_t next)
{
	struct sl_chunk **at = &queue->first;
	while (*at && (*at)->off < chunk->off)
		at = &(*at)->next_free;
	chunk->next_free = *at;
	*at = sl_chunk_ref(chunk);
	queue->count++;
	queue->share->held++;
	drop_beyond_share(queue, next);
}

struct sl_chunk *
sl_tee_queue_take(struct sl_tee_queue *queue, uint64_t next)
{
	while (queue->first && end_of(queue->first) <= next)
		sl_chunk_unref(remove_at(queue, &queue->first));
	bool is_there = queue->first && queue->first->off <= next;
	return is_there ? remove_at(queue, &queue->first) : NULL;
}

size_t
sl_tee_queue_window(const struct sl_tee_queue *queue)
{
	size_t queues = SL_MAX(queue->share->queues, (size_t)1);
	size_t each = SL_TEE_HELD(sl_chunk_pool_count(queue->pool)) / queues;
	size_t window = each > 2 * SL_TEE_READY ? each - SL_TEE_READY : each / 2;
	return SL_MAX(window, (size_t)1);
}
