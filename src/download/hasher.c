/*
 * hasher.c - one task takes chunks from the queue, or else reads back what it lags behind.
 *
 * `next` moves when bytes are promised to the digest: as a chunk is queued, or as a read-back
 * begins. So a chunk that arrives during a read-back is queued behind it, and is hashed after it.
 * The first failure stops everything: the digest is then of no use, and is dropped.
 */
#include "sluice/download/hasher.h"

#include "sluice/rt/waiter.h"

#include <errno.h>
#include <string.h>

static void
fail(struct sl_hasher *hasher, int code)
{
	if (code && !*hasher->failure)
		*hasher->failure = code;
}

/* ---- reading back ---- */

SL_SUSPENDS
static int
read_back(struct sl_hasher *hasher, uint64_t end)
{
	struct sl_chunk *chunk = NULL;
	uint64_t begin = hasher->next;
	hasher->next += SL_MIN(end - begin, (uint64_t)SL_CHUNK_SIZE);
	uint64_t until = hasher->next;
	struct sl_part_reader reader = sl_part_reader(hasher->part);
	int code = sl_chunk_take(hasher->pool, &chunk, SL_FOREVER);
	while (!code && begin < until) {
		size_t len = (size_t)SL_MIN(until - begin, (uint64_t)chunk->size);
		int got = sl_part_read(&reader, chunk, begin, len);
		if (got >= 0 && (size_t)got < len)
			got = -EIO; /* the bytes were written: the part was truncated */
		code = got > 0 ? sl_digest_offload(hasher->digest, chunk->data, len) : got;
		if (!code) {
			begin += len;
			hasher->hashed += len;
			hasher->read_back += len;
		}
	}
	sl_chunk_unref(chunk);
	if (code && !sl_part_is_stop(code))
		(void)sl_fail_code(hasher->err, SL_PHASE_READ, code,
			"cannot read back '%s' to compute its checksum", hasher->part->part_name);
	return code;
}

/* ---- the task ---- */

static struct sl_chunk *
dequeue(struct sl_hasher *hasher)
{
	struct sl_chunk *chunk = hasher->queue[0];
	hasher->queued--;
	memmove(hasher->queue, hasher->queue + 1, hasher->queued * sizeof(*hasher->queue));
	struct sl_waiter *sender = sl_waiter_pop(&hasher->senders);
	if (sender)
		sl_waiter_serve(sender, 0);
	return chunk;
}

SL_SUSPENDS
static int
hash_next(struct sl_hasher *hasher)
{
	struct sl_chunk *chunk = dequeue(hasher);
	int code = sl_digest_offload(hasher->digest, chunk->data, chunk->len);
	hasher->hashed += code ? 0 : chunk->len;
	sl_chunk_unref(chunk);
	return code;
}

SL_SUSPENDS
static int
wait_for_bytes(struct sl_hasher *hasher)
{
	struct sl_waiter waiter;
	return sl_waiter_wait(&waiter, &hasher->idle, "bytes to hash", SL_FOREVER);
}

SL_SUSPENDS
static int
hash_task(void *arg)
{
	struct sl_hasher *hasher = arg;
	int code = 0;
	while (!code && !*hasher->failure && !hasher->is_stopped) {
		uint64_t frontier = hasher->part ? hasher->frontier(hasher->ctx) : 0;
		if (hasher->queued > 0)
			code = hash_next(hasher);
		else if (frontier > hasher->next)
			code = read_back(hasher, frontier);
		else if (hasher->is_ending)
			break;
		else
			code = wait_for_bytes(hasher);
	}
	fail(hasher, code);
	hasher->is_broken = code != 0;
	/* No sender may wait for a task that has ended, and nothing must stay. */
	hasher->is_running = false;
	while (hasher->queued > 0)
		sl_chunk_unref(dequeue(hasher));
	for (struct sl_waiter *sender; (sender = sl_waiter_pop(&hasher->senders));)
		sl_waiter_serve(sender, 0);
	return 0;
}

void
sl_hasher_wake(struct sl_hasher *hasher)
{
	struct sl_waiter *waiter = hasher->is_running ? sl_waiter_pop(&hasher->idle) : NULL;
	if (waiter)
		sl_waiter_serve(waiter, 0);
}

/* ---- public ---- */

static void
drop_digest(struct sl_hasher *hasher)
{
	sl_digest_free(hasher->digest);
	hasher->digest = NULL;
	hasher->is_broken = false;
}

int
sl_hasher_begin(struct sl_hasher *hasher)
{
	if (hasher->expected->kind == SL_CHECKSUM_NONE)
		return 0;
	if (hasher->is_broken)
		drop_digest(hasher);
	if (!hasher->digest) {
		int code = sl_digest_new(&hasher->digest, hasher->expected->kind);
		if (code)
			return sl_fail_code(hasher->err, SL_PHASE_NONE, code,
				"cannot compute %s here", sl_checksum_name(hasher->expected->kind));
		hasher->hashed = 0;
	}
	hasher->next = hasher->hashed;
	hasher->queued = 0;
	hasher->is_ending = hasher->is_stopped = false;
	sl_list_init(&hasher->idle);
	sl_list_init(&hasher->senders);
	sl_group_enter(&hasher->group, SL_GROUP_COLLECT);
	int code = sl_group_spawn(&hasher->group, "hash", hash_task, hasher, NULL);
	hasher->is_running = code == 0;
	return code;
}

static void
enqueue(struct sl_hasher *hasher, struct sl_chunk *chunk)
{
	hasher->queue[hasher->queued++] = sl_chunk_ref(chunk);
	hasher->next = chunk->off + chunk->len;
	sl_hasher_wake(hasher);
}

int
sl_hasher_put(struct sl_hasher *hasher, struct sl_chunk *chunk)
{
	uint64_t before_ns = sl_now();
	int code = 0;
	if (!hasher->digest)
		return 0;
	while (!code && hasher->is_running && hasher->queued == SL_HASHER_QUEUE) {
		struct sl_waiter waiter;
		code = sl_waiter_wait(&waiter, &hasher->senders, "hash queue", SL_FOREVER);
	}
	hasher->waited_ns += sl_now() - before_ns;
	if (code || !hasher->is_running)
		return code ? code : *hasher->failure;
	enqueue(hasher, chunk);
	return 0;
}

void
sl_hasher_offer(struct sl_hasher *hasher, struct sl_chunk *chunk)
{
	if (hasher->digest && hasher->is_running && hasher->queued < SL_HASHER_QUEUE &&
		chunk->off == hasher->next)
		enqueue(hasher, chunk);
}

void
sl_hasher_end(struct sl_hasher *hasher)
{
	if (!hasher->digest || hasher->is_ending)
		return;
	hasher->is_ending = true;
	sl_hasher_wake(hasher);
	fail(hasher, sl_group_leave(&hasher->group));
}

void
sl_hasher_stop(struct sl_hasher *hasher)
{
	hasher->is_stopped = true;
	sl_hasher_end(hasher);
}

int
sl_hasher_check(struct sl_hasher *hasher, const char *what, struct sl_error *err)
{
	return hasher->digest ? sl_digest_check(hasher->digest, hasher->expected, what, err) : 0;
}

void
sl_hasher_release(struct sl_hasher *hasher)
{
	sl_hasher_end(hasher);
	drop_digest(hasher);
}
