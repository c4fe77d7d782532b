#include "sluice/download/hasher.h"

#include <errno.h>

#define QUEUE_CHUNKS 4 /* between the receiver and the hashing task */

static void
fail(struct sl_hasher *hasher, int code)
{
	if (!*hasher->failure)
		*hasher->failure = code;
}

SL_SUSPENDS
static int
hash_task(void *arg)
{
	struct sl_hasher *hasher = arg;
	struct sl_chunk *chunk = NULL;
	int code = 0;
	while (!code && (code = sl_channel_receive(hasher->queue, &chunk, SL_FOREVER)) == 0) {
		code = sl_digest_offload(hasher->digest, chunk->data, chunk->len);
		sl_chunk_unref(chunk);
	}
	if (code != -EPIPE)
		fail(hasher, code);
	/* The queue has no receiver from now on: a sender must not wait, and nothing must stay. */
	sl_channel_close(hasher->queue);
	while (sl_channel_try_receive(hasher->queue, &chunk) == 0)
		sl_chunk_unref(chunk);
	return 0;
}

int
sl_hasher_begin(struct sl_hasher *hasher, const struct sl_checksum *expected, int *failure,
	struct sl_error *err)
{
	*hasher = (struct sl_hasher){ .expected = expected, .failure = failure };
	if (expected->kind == SL_CHECKSUM_NONE)
		return 0;
	int code = sl_digest_new(&hasher->digest, expected->kind);
	if (code)
		return sl_fail_code(err, SL_PHASE_NONE, code, "cannot compute %s here",
			sl_checksum_name(expected->kind));
	code = sl_channel_new(
		&hasher->queue, "hash queue", QUEUE_CHUNKS, sizeof(struct sl_chunk *));
	if (code)
		return code;
	sl_group_enter(&hasher->group, SL_GROUP_COLLECT);
	return sl_group_spawn(&hasher->group, "hash", hash_task, hasher, NULL);
}

int
sl_hasher_put(struct sl_hasher *hasher, struct sl_chunk *chunk)
{
	if (!hasher->queue)
		return 0;
	sl_chunk_ref(chunk);
	uint64_t before_ns = sl_now();
	int code = sl_channel_send(hasher->queue, &chunk, SL_FOREVER);
	hasher->waited_ns += sl_now() - before_ns;
	if (code)
		sl_chunk_unref(chunk);
	return code == -EPIPE && *hasher->failure ? *hasher->failure : code;
}

void
sl_hasher_end(struct sl_hasher *hasher)
{
	if (!hasher->queue)
		return;
	sl_channel_close(hasher->queue);
	int code = sl_group_leave(&hasher->group);
	if (code)
		fail(hasher, code);
	sl_channel_free(hasher->queue);
	hasher->queue = NULL;
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
	sl_digest_free(hasher->digest);
	hasher->digest = NULL;
}
