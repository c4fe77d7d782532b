/*
 * The chunk pool: one mapping, cut into chunks of one size. Free chunks form a stack, so that the
 * one handed out next has been touched last; a chunk given back while tasks wait goes to the first
 * of them and not through the stack.
 */
#include "sluice/rt/chunk.h"

#include "runtime_int.h"

#include "sluice/base/number.h"
#include "sluice/rt/waiter.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE (2u * 1024u * 1024u)

struct taker {
	struct sl_waiter waiter;
	struct sl_chunk *chunk;
};

struct sl_chunk_pool {
	void *mapping;
	size_t mapping_size;
	size_t count, used, high_water;
	struct sl_chunk *free; /* last freed first: its pages are warm */
	struct sl_list waiters;
	struct sl_chunk chunks[];
};

/* Map with slack and trim, so that the first byte is 2 MiB aligned. */
static int
map_aligned(struct sl_chunk_pool *pool, size_t size)
{
	size_t rounded = sl_size(sl_round_up(size, HUGE_PAGE));
	char *raw = mmap(NULL, rounded + HUGE_PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (raw == MAP_FAILED)
		return -ENOMEM;
	size_t before = (HUGE_PAGE - (uintptr_t)raw % HUGE_PAGE) % HUGE_PAGE;
	if (before)
		munmap(raw, before);
	munmap(raw + before + rounded, HUGE_PAGE - before);
	pool->mapping = raw + before;
	pool->mapping_size = rounded;
	/* Advice: without it the pool works too, only slower. */
	(void)madvise(pool->mapping, rounded, MADV_HUGEPAGE);
	(void)madvise(pool->mapping, rounded, MADV_DONTFORK);
	return 0;
}

int
sl_chunk_pool_new(struct sl_chunk_pool **out, size_t count, size_t size)
{
	size_t bytes = 0, descriptors = 0;
	sl_assert(count >= 2 && size > 0 && size % SL_CHUNK_ALIGN == 0);
	if (!sl_mul_size(count, size, &bytes) || bytes > SIZE_MAX / 4 ||
		!sl_mul_size(count, sizeof(struct sl_chunk), &descriptors))
		return -ENOMEM;
	struct sl_chunk_pool *pool = calloc(1, sizeof(*pool) + descriptors);
	if (!pool || map_aligned(pool, bytes) != 0) {
		free(pool);
		return -ENOMEM;
	}
	pool->count = count;
	sl_list_init(&pool->waiters);
	for (size_t i = count; i-- > 0;) {
		struct sl_chunk *chunk = &pool->chunks[i];
		chunk->data = (unsigned char *)pool->mapping + i * size;
		chunk->size = size;
		chunk->pool = pool;
		chunk->next_free = pool->free;
		pool->free = chunk;
	}
	*out = pool;
	return 0;
}

void
sl_chunk_pool_free(struct sl_chunk_pool *pool)
{
	if (!pool)
		return;
	sl_assert(pool->used == 0 && sl_list_is_empty(&pool->waiters));
	munmap(pool->mapping, pool->mapping_size);
	free(pool);
}

static struct sl_chunk *
hand_out(struct sl_chunk *chunk)
{
	chunk->refs = 1;
	chunk->len = 0;
	chunk->off = 0;
	return chunk;
}

struct sl_chunk *
sl_chunk_try_take(struct sl_chunk_pool *pool)
{
	struct sl_chunk *chunk = pool->free;
	if (!chunk || !sl_list_is_empty(&pool->waiters))
		return NULL;
	pool->free = chunk->next_free;
	pool->used++;
	pool->high_water = SL_MAX(pool->high_water, pool->used);
	return hand_out(chunk);
}

int
sl_chunk_take(struct sl_chunk_pool *pool, struct sl_chunk **out, uint64_t deadline_ns)
{
	int code = task_check();
	if (code)
		return code;
	*out = sl_chunk_try_take(pool);
	if (*out)
		return 0;
	struct taker self = { 0 };
	code = sl_waiter_wait(&self.waiter, &pool->waiters, "chunk", deadline_ns);
	*out = self.chunk;
	return code;
}

struct sl_chunk *
sl_chunk_ref(struct sl_chunk *chunk)
{
	sl_assert(chunk->refs > 0);
	chunk->refs++;
	return chunk;
}

void
sl_chunk_unref(struct sl_chunk *chunk)
{
	if (!chunk)
		return;
	sl_assert(chunk->refs > 0);
	if (--chunk->refs > 0)
		return;
	struct sl_chunk_pool *pool = chunk->pool;
	struct sl_waiter *waiter = sl_waiter_pop(&pool->waiters);
	if (waiter) {
		SL_CONTAINER_OF(waiter, struct taker, waiter)->chunk = hand_out(chunk);
		sl_waiter_serve(waiter, 0);
		return;
	}
	chunk->next_free = pool->free;
	pool->free = chunk;
	pool->used--;
}

size_t
sl_chunk_pool_size(const struct sl_chunk_pool *pool)
{
	return pool->chunks[0].size;
}

size_t
sl_chunk_pool_count(const struct sl_chunk_pool *pool)
{
	return pool->count;
}

size_t
sl_chunk_pool_high_water(const struct sl_chunk_pool *pool)
{
	return pool->high_water;
}
