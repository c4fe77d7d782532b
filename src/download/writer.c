/*
 * Chunks on their way from the receiver to the part or stream, and to the hasher.
 *
 *  - Up to WRITES_MAX writes of one file are in flight, each a task that owns its chunk; their
 *    order does not matter, because each has its offset. A stream is written in order, one at a
 *    time.
 *  - With a checksum each chunk is referenced a second time and goes through a queue to one hashing
 *    task, in the order of the bytes.
 *  - The first failure stops both; writer_end waits for everything that is in flight.
 */
#include "fetch_int.h"

#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define HASH_QUEUE 4 /* chunks between the receiver and the hasher */

static void
fail(struct writer *writer, int code)
{
	if (!writer->failure)
		writer->failure = code;
}

static int
stream_failed(struct fetch *fetch, int code)
{
	bool is_stdout = fetch->stream_fd == STDOUT_FILENO;
	if (code == -ETIMEDOUT || code == -ECANCELED)
		return code;
	return sl_fail(&fetch->error, SL_PHASE_WRITE, code, "cannot write %s%s%s: %s",
		is_stdout ? "standard output" : "'", is_stdout ? "" : fetch->view.path,
		is_stdout ? "" : "'", sl_code_text(code));
}

/* Bytes the disk must still take; 0 = not known. */
static uint64_t
needed_from(const struct fetch *fetch, uint64_t off)
{
	uint64_t total = fetch->view.total;
	return total == SL_BODY_UNKNOWN || total <= off ? 0 : total - off;
}

static void
part_failed(struct writer *writer, const struct sl_chunk *chunk, int code)
{
	struct fetch *fetch = writer->fetch;
	fail(writer, sl_part_write_failed(
			     &fetch->part, code, needed_from(fetch, chunk->off), &fetch->error));
}

SL_SUSPENDS
static int
write_task(void *arg)
{
	struct write_slot *slot = arg;
	struct writer *writer = slot->writer;
	int code = sl_part_write(&writer->fetch->part, slot->chunk);
	if (code)
		part_failed(writer, slot->chunk, code);
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
	/* The queue has no receiver from now on: a sender must not wait, and nothing must stay. */
	sl_channel_close(writer->to_hash);
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

/* One write, or a wait until the next is worth trying: bytes written or 0, or a code. */
SL_SUSPENDS
static int
write_some(int fd, const unsigned char *data, size_t len)
{
	int written = sl_io_write_stream(fd, data, len, SL_FOREVER);
	if (written == 0)
		return -EIO;      /* no progress and no reason: not to be spun on */
	if (written == -EAGAIN) { /* the descriptor is non-blocking, opened so here or inherited */
		int events = sl_io_poll(fd, POLLOUT, SL_FOREVER);
		return SL_MIN(events, 0);
	}
	return written == -EINTR ? 0 : written;
}

/* In order, one at a time: a stream has no offsets. */
SL_SUSPENDS
static int
put_to_stream(struct writer *writer, struct sl_chunk *chunk)
{
	const unsigned char *data = chunk->data;
	size_t len = chunk->len;
	int code = 0;
	while (len > 0) {
		int written = write_some(writer->fetch->stream_fd, data, len);
		if (written < 0) {
			code = stream_failed(writer->fetch, written);
			break;
		}
		data += written;
		len -= (size_t)written;
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
writer_put_whole(
	struct writer *writer, struct sl_chunk *chunk, const struct sl_part_attributes *set)
{
	struct fetch *fetch = writer->fetch;
	int code = put_to_hash(writer, chunk);
	if (!code)
		code = sl_part_write_whole(&fetch->part, chunk, set, &fetch->error);
	if (code)
		fail(writer, code);
	sl_chunk_unref(chunk);
	return writer->failure;
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
