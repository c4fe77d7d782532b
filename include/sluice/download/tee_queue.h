/*
 * tee_queue.h - chunks of a file that come before those in front of them, and wait to be passed on
 * in order.
 *
 * All queues of a run together hold at most SL_TEE_HELD of the pool, so that a connection which
 * fetches what others wait for always gets a chunk. Each has an equal share of that, within which
 * its file may be fetched ahead: so nothing is dropped, as a rule. Chunks that are not full, and a
 * file that begins while others have more than its share, may exceed it. Then the last chunk of a
 * queue is dropped, and its bytes have to be read from the part.
 */
#ifndef SLUICE_DOWNLOAD_TEE_QUEUE_H
#define SLUICE_DOWNLOAD_TEE_QUEUE_H

#include "sluice/rt/chunk.h"

#define SL_TEE_READY 4                   /* chunks of a file that may wait for the consumer alone */
#define SL_TEE_HELD(count) ((count) / 2) /* of so many chunks of a pool */

/* Of the run; {0}. */
struct sl_tee_share {
	size_t queues; /* that are open */
	size_t held;   /* chunks in them */
};

/* {0} = not open. */
struct sl_tee_queue {
	struct sl_tee_share *share;
	struct sl_chunk_pool *pool;
	struct sl_chunk *first; /* by offset, linked by next_free */
	size_t count;
};

/* Whether a pool is large enough for chunks to wait at all. */
bool sl_tee_queue_is_useful(const struct sl_chunk_pool *pool);

void sl_tee_queue_open(
	struct sl_tee_queue *queue, struct sl_tee_share *share, struct sl_chunk_pool *pool);

/* What is in it is dropped. Harmless if it is not open. */
void sl_tee_queue_close(struct sl_tee_queue *queue);

/* A reference to the chunk is taken, unless it is dropped at once. `next` is the byte that is
 * passed next. The chunk must not be in another list. */
void sl_tee_queue_put(struct sl_tee_queue *queue, struct sl_chunk *chunk, uint64_t next);

/* The chunk that has the byte `next`, with its reference; NULL if it is not there. Chunks that end
 * before it are dropped. */
struct sl_chunk *sl_tee_queue_take(struct sl_tee_queue *queue, uint64_t next);

/* Behind the bytes that follow `next` in the queue without a gap; `next` if there are none. */
uint64_t sl_tee_queue_end(const struct sl_tee_queue *queue, uint64_t next);

/* So many chunks behind the first byte that is missing may be fetched, at least 1. */
size_t sl_tee_queue_window(const struct sl_tee_queue *queue);

#endif
