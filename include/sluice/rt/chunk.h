/*
 * chunk.h - the one chunk pool: pieces of one huge-page backed mapping, and so the bound on memory.
 *
 * A chunk is counted: each user holds a reference; with the last one it returns to the pool,
 * last freed first used. References are taken and given on the runtime's thread only; a worker sees
 * a chunk while a task holds one.
 */
#ifndef SLUICE_RT_CHUNK_H
#define SLUICE_RT_CHUNK_H

#include "sluice/rt/task.h"

#define SL_CHUNK_SIZE (1024u * 1024u) /* default; also the unit of O_DIRECT writes */
/* every chunk begins at a multiple of this, and of its size if a power of two */
#define SL_CHUNK_ALIGN 4096u

struct sl_chunk_pool;

struct sl_chunk {
	unsigned char *data; /* `size` bytes */
	size_t size;
	size_t len;   /* bytes in use, the holder's */
	uint64_t off; /* where data[0] belongs in its file, the holder's */
	uint32_t crc; /* of its bytes, the holder's */
	unsigned refs;
	struct sl_chunk_pool *pool;
	struct sl_chunk *next_free;
};

/*
 * A pool of `count` chunks (at least 2) of `size` bytes (a multiple of SL_CHUNK_ALIGN). One
 * mapping, 2 MiB aligned, MADV_HUGEPAGE and MADV_DONTFORK, touched only when used. Returns 0 or
 * -ENOMEM.
 */
int sl_chunk_pool_new(struct sl_chunk_pool **out, size_t count, size_t size) SL_MUST_CHECK;

/* All chunks must be back (asserted). NULL is fine. */
void sl_chunk_pool_free(struct sl_chunk_pool *pool);

/* A chunk with one reference, len 0 and off 0, waiting first come first served. Returns 0;
 * -ETIMEDOUT; -ECANCELED. */
SL_SUSPENDS
int sl_chunk_take(
	struct sl_chunk_pool *pool, struct sl_chunk **out, uint64_t deadline_ns) SL_MUST_CHECK;

/* Never suspends: NULL if none is free or others wait. */
struct sl_chunk *sl_chunk_try_take(struct sl_chunk_pool *pool);

struct sl_chunk *sl_chunk_ref(struct sl_chunk *chunk);

/* NULL is fine. */
void sl_chunk_unref(struct sl_chunk *chunk);

size_t sl_chunk_pool_size(const struct sl_chunk_pool *pool); /* of a chunk */
size_t sl_chunk_pool_count(const struct sl_chunk_pool *pool);
size_t sl_chunk_pool_high_water(
	const struct sl_chunk_pool *pool); /* chunks in use at once, at most so far */

#endif
