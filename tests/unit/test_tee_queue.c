/*
 * Chunks that wait for those before them, with random orders, lengths and files that share a pool:
 * they come out in order, and what is held is bounded.
 */
#include "sluice/base/random.h"
#include "sluice/download/tee_queue.h"
#include "support/run.h"

#include <criterion/criterion.h>

#define CHUNK 4096u
#define CHUNKS 16u
#define FILES 3u
#define PIECES 40u

struct file {
	struct sl_tee_queue queue;
	size_t order[PIECES]; /* in which its pieces come */
	size_t put;
	uint64_t next;
};

static uint64_t
begin_of(size_t piece)
{
	return piece * CHUNK;
}

/* Pieces come in order within a few of each other, as connections bring them. */
static void
make_order(struct sl_random *random, size_t *order)
{
	for (size_t i = 0; i < PIECES; i++)
		order[i] = i;
	for (size_t i = 0; i + 1 < PIECES; i++) {
		size_t other = i + (size_t)sl_random_below(random, SL_MIN(8u, PIECES - i));
		size_t piece = order[i];
		order[i] = order[other];
		order[other] = piece;
	}
}

static void
take_all(struct file *file)
{
	uint64_t end = sl_tee_queue_end(&file->queue, file->next);
	for (struct sl_chunk *chunk; (chunk = sl_tee_queue_take(&file->queue, file->next));) {
		cr_assert_leq(chunk->off, file->next);
		file->next = chunk->off + chunk->len;
		sl_chunk_unref(chunk);
	}
	cr_assert_eq(file->next, end, "what has no gap is passed");
}

SL_SUSPENDS
static void
put(struct file *file, struct sl_chunk_pool *pool)
{
	struct sl_chunk *chunk = sl_chunk_try_take(pool);
	cr_assert(chunk, "a queue has taken the last chunk");
	chunk->off = begin_of(file->order[file->put++]);
	chunk->len = CHUNK;
	sl_tee_queue_put(&file->queue, chunk, file->next);
	sl_chunk_unref(chunk);
}

/* What was dropped is read elsewhere. */
static void
skip_dropped(struct file *file)
{
	if (file->put == PIECES)
		while (file->next < begin_of(PIECES)) {
			take_all(file);
			file->next += file->next < begin_of(PIECES) ? CHUNK : 0;
		}
}

static int
queue_main(void *arg)
{
	struct sl_random *random = arg;
	struct sl_chunk_pool *pool;
	struct sl_tee_share share = { 0 };
	struct file files[FILES] = { 0 };
	cr_assert_eq(sl_chunk_pool_new(&pool, CHUNKS, CHUNK), 0);
	for (size_t i = 0; i < FILES; i++) {
		make_order(random, files[i].order);
		sl_tee_queue_open(&files[i].queue, &share, pool);
	}
	for (size_t left = FILES * PIECES; left > 0; left--) {
		struct file *file = &files[sl_random_below(random, FILES)];
		while (file->put == PIECES)
			file = &files[sl_random_below(random, FILES)];
		put(file, pool);
		cr_assert_leq(share.held, SL_TEE_HELD(CHUNKS) + 1);
		take_all(file);
		skip_dropped(file);
	}
	for (size_t i = 0; i < FILES; i++)
		sl_tee_queue_close(&files[i].queue);
	cr_assert_eq(share.held + share.queues, 0);
	sl_chunk_pool_free(pool);
	return 0;
}

Test(tee_queue, chunks_come_out_in_order_and_never_take_the_last_of_the_pool)
{
	struct sim_seeds seeds = sim_seeds(50);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct sl_random random;
		sl_random_init(&random, seed);
		struct sim *sim = sim_plain(seed);
		cr_assert_eq(sim_run(sim, queue_main, &random), 0);
		sim_free(sim);
	}
}

Test(tee_queue, files_share_what_may_be_fetched_ahead)
{
	struct sl_chunk_pool *pool;
	struct sl_tee_share share = { 0 };
	struct sl_tee_queue queues[CHUNKS] = { 0 };
	cr_assert_eq(sl_chunk_pool_new(&pool, 64, CHUNK), 0);
	sl_tee_queue_open(&queues[0], &share, pool);
	cr_expect_eq(sl_tee_queue_window(&queues[0]), SL_TEE_HELD(64) - SL_TEE_READY);
	for (size_t i = 1; i < CHUNKS; i++)
		sl_tee_queue_open(&queues[i], &share, pool);
	cr_expect_eq(sl_tee_queue_window(&queues[0]), 1);
	for (size_t i = 0; i < CHUNKS; i++)
		sl_tee_queue_close(&queues[i]);
	sl_tee_queue_close(&queues[0]);
	cr_expect_eq(share.queues, 0);
	sl_chunk_pool_free(pool);
}
