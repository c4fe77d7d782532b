#include "fetch_int.h"

#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <poll.h>

#define HASH_QUEUE 4 /* chunks between the receiver and the hasher */

static void
fail(struct writer *writer, int code)
{
	if (!writer->failure)
		writer->failure = code;
}

static int
write_failed(struct fetch *fetch, int code)
{
	if (code == -ETIMEDOUT || code == -ECANCELED)
		return code;
	const char *hint = code == -ENOSPC || code == -EDQUOT
				   ? " (free some space and run the same command)"
			   : code == -EFBIG ? " (a limit on file sizes: 'ulimit -f')"
					    : "";
	return sl_fail(&fetch->error, SL_PHASE_WRITE, code, "cannot write '%s': %s%s",
		fetch->target == TARGET_STREAM ? fetch->view.path : fetch->part.part_name,
		sl_code_text(code), hint);
}

SL_SUSPENDS
static int
write_task(void *arg)
{
	struct write_slot *slot = arg;
	struct writer *writer = slot->writer;
	int code = sl_part_write(&writer->fetch->part, slot->chunk);
	if (code)
		fail(writer, write_failed(writer->fetch, code));
	sl_chunk_unref(slot->chunk);
	slot->chunk = NULL;
	return 0;
}

struct hash_job {
	struct sl_digest *digest;
	const struct sl_chunk *chunk;
};

static int
hash_on_worker(void *arg)
{
	struct hash_job *job = arg;
	sl_digest_add(job->digest, job->chunk->data, job->chunk->len);
	return 0;
}

SL_SUSPENDS
static int
hash_task(void *arg)
{
	struct writer *writer = arg;
	struct sl_chunk *chunk = NULL;
	int code = 0;
	while (!code && (code = sl_channel_receive(writer->to_hash, &chunk, SL_FOREVER)) == 0) {
		struct hash_job job = { writer->digest, chunk };
		code = sl_offload(hash_on_worker, &job);
		sl_chunk_unref(chunk);
	}
	if (code != -EPIPE)
		fail(writer, code);
	while (sl_channel_try_receive(writer->to_hash, &chunk) == 0)
		sl_chunk_unref(chunk);
	return 0;
}

int
writer_begin(struct writer *writer, struct fetch *fetch)
{
	*writer = (struct writer){ .fetch = fetch, .digest = fetch->digest };
	for (size_t i = 0; i < WRITES_MAX; i++)
		writer->slots[i].writer = writer;
	if (fetch->digest) {
		int code = sl_channel_new(
			&writer->to_hash, "hash queue", HASH_QUEUE, sizeof(struct sl_chunk *));
		if (code)
			return code;
	}
	sl_group_enter(&writer->writes, SL_GROUP_COLLECT);
	sl_group_enter(&writer->hashing, SL_GROUP_COLLECT);
	if (writer->to_hash) {
		int code = sl_group_spawn(&writer->hashing, "hash", hash_task, writer, NULL);
		if (code) {
			fail(writer, code);
			sl_channel_close(writer->to_hash);
		}
	}
	return 0;
}

SL_SUSPENDS
static int
put_to_hash(struct writer *writer, struct sl_chunk *chunk)
{
	if (!writer->to_hash)
		return 0;
	sl_chunk_ref(chunk);
	uint64_t before_ns = sl_now();
	int code = sl_channel_send(writer->to_hash, &chunk, SL_FOREVER);
	writer->fetch->batch->summary.hash_ns += sl_now() - before_ns;
	if (code)
		sl_chunk_unref(chunk);
	return code == -EPIPE && writer->failure ? writer->failure : code;
}

/* In order, one at a time: a stream has no offsets. */
SL_SUSPENDS
static int
put_to_stream(struct writer *writer, struct sl_chunk *chunk)
{
	const unsigned char *data = chunk->data;
	size_t len = chunk->len;
	int code = 0;
	while (len > 0 && !code) {
		int written = sl_io_write_stream(writer->fetch->stream_fd, data, len, SL_FOREVER);
		if (written ==
			-EAGAIN) /* opened without blocking, here or by whoever gave it to us */
			written = sl_io_poll(writer->fetch->stream_fd, POLLOUT, SL_FOREVER);
		else if (written > 0)
			data += written, len -= (size_t)written;
		if (written < 0 && written != -EINTR) {
			code = write_failed(writer->fetch, written);
			break;
		}
	}
	sl_chunk_unref(chunk);
	return code;
}

SL_SUSPENDS
static int
put_to_part(struct writer *writer, struct sl_chunk *chunk)
{
	int code = sl_group_wait_below(&writer->writes, WRITES_MAX);
	struct write_slot *slot = writer->slots;
	while (!code && slot->chunk)
		slot++;
	if (!code) {
		slot->chunk = chunk;
		code = sl_group_spawn(&writer->writes, "write", write_task, slot, NULL);
		if (code)
			slot->chunk = NULL;
	}
	if (code)
		sl_chunk_unref(chunk);
	return code;
}

int
writer_put(struct writer *writer, struct sl_chunk *chunk)
{
	int code = writer->failure;
	if (!code)
		code = put_to_hash(writer, chunk);
	if (code)
		sl_chunk_unref(chunk);
	else if (writer->fetch->target == TARGET_STREAM)
		code = put_to_stream(writer, chunk);
	else
		code = put_to_part(writer, chunk);
	if (code)
		fail(writer, code);
	return code;
}

int
writer_end(struct writer *writer)
{
	if (writer->to_hash)
		sl_channel_close(writer->to_hash);
	int code = sl_group_leave(&writer->hashing);
	if (code)
		fail(writer, code);
	code = sl_group_leave(&writer->writes);
	if (code)
		fail(writer, code);
	sl_channel_free(writer->to_hash);
	return writer->failure;
}
