#include "sluice/download/sink.h"

#include "sluice/http/client.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static int
fail(struct sl_sink *sink, int code)
{
	if (code && !*sink->failure)
		*sink->failure = code;
	return *sink->failure;
}

/* ---- a part ---- */

/* Bytes the disk must still take; 0 = not known. */
static uint64_t
needed_from(const struct sl_sink *sink, uint64_t off)
{
	uint64_t total = sink->total;
	return total == SL_BODY_UNKNOWN || total <= off ? 0 : total - off;
}

SL_SUSPENDS
static int
write_task(void *arg)
{
	struct sl_sink_slot *slot = arg;
	struct sl_sink *sink = slot->sink;
	int code = sl_part_write(sink->part, slot->chunk);
	if (code)
		fail(sink, sl_part_write_failed(sink->part, code,
				   needed_from(sink, slot->chunk->off), sink->err));
	else if (sink->written)
		sink->written(sink->ctx, slot->chunk);
	sl_chunk_unref(slot->chunk);
	slot->chunk = NULL;
	sl_semaphore_give(&sink->room);
	return 0;
}

static int
put_to_part(struct sl_sink *sink, struct sl_chunk *chunk)
{
	struct sl_sink_slot *slot = sink->slots;
	while (slot->chunk)
		slot++;
	slot->chunk = chunk;
	int code = sl_group_spawn(&sink->writes, "write", write_task, slot, NULL);
	if (code) {
		slot->chunk = NULL;
		sl_chunk_unref(chunk);
		sl_semaphore_give(&sink->room);
	}
	return code;
}

/* ---- a stream ---- */

static int
stream_failed(struct sl_sink *sink, int code)
{
	bool is_stdout = sink->stream_fd == STDOUT_FILENO;
	if (code == -ETIMEDOUT || code == -ECANCELED)
		return code;
	return sl_fail(sink->err, SL_PHASE_WRITE, code, "cannot write %s%s%s: %s",
		is_stdout ? "standard output" : "'", is_stdout ? "" : sink->path,
		is_stdout ? "" : "'", sl_code_text(code));
}

/* One write, or a wait until the next is worth trying: bytes written or 0, or a code. */
SL_SUSPENDS
static int
write_some(const struct sl_sink *sink, const unsigned char *data, size_t len)
{
	int written =
		sl_io_write_stream_as(sink->stream_fd, sink->is_terminal, data, len, SL_FOREVER);
	if (written == 0)
		return -EIO;      /* no progress and no reason: not to be spun on */
	if (written == -EAGAIN) { /* the descriptor is non-blocking, opened so here or inherited */
		int events = sl_io_poll(sink->stream_fd, POLLOUT, SL_FOREVER);
		return SL_MIN(events, 0);
	}
	return written == -EINTR ? 0 : written;
}

static bool
follows(const struct sl_chunk *chunk, const struct sl_chunk *next)
{
	return chunk->off + chunk->len == next->off;
}

/* Move bytes of the next chunk into the room of this one. */
static void
fill_up(struct sl_chunk *chunk, struct sl_chunk *next)
{
	size_t len = SL_MIN(chunk->size - chunk->len, next->len);
	if (len == 0)
		return;
	memcpy(chunk->data + chunk->len, next->data, len);
	memmove(next->data, next->data + len, next->len - len);
	chunk->len += len;
	next->off += len;
	next->len -= len;
}

/* What waits for its turn takes as few chunks as it can: those that are not full, of requests that
 * failed or brought less than was asked for, would use up the pool. The task that writes has the
 * chunk that was announced. */
static void
pack(struct sl_sink *sink, struct sl_chunk *chunk)
{
	while (chunk && chunk->next_free && follows(chunk, chunk->next_free)) {
		struct sl_chunk *next = chunk->next_free;
		if (chunk->off >= sink->announced)
			fill_up(chunk, next);
		if (next->len > 0) {
			chunk = next;
			continue;
		}
		chunk->next_free = next->next_free;
		next->next_free = NULL;
		sl_chunk_unref(next);
	}
}

static void
enqueue(struct sl_sink *sink, struct sl_chunk *chunk)
{
	struct sl_chunk **at = &sink->queue, *before = NULL;
	while (*at && (*at)->off < chunk->off) {
		before = *at;
		at = &before->next_free;
	}
	chunk->next_free = *at;
	*at = chunk;
	pack(sink, before ? before : chunk);
}

static struct sl_chunk *
dequeue(struct sl_sink *sink)
{
	struct sl_chunk *chunk = sink->queue;
	sink->queue = chunk->next_free;
	chunk->next_free = NULL;
	return chunk;
}

/* The first chunk of the queue, which is in turn, from sink->next on: a task that was stopped may
 * have begun it. */
SL_SUSPENDS
static int
write_first(struct sl_sink *sink)
{
	const struct sl_chunk *chunk = sink->queue;
	while (sink->next < chunk->off + chunk->len) {
		size_t done = (size_t)(sink->next - chunk->off);
		int written = write_some(sink, chunk->data + done, chunk->len - done);
		if (written < 0)
			return stream_failed(sink, written);
		sink->next += (uint64_t)written;
	}
	return 0;
}

/* Once, also if a task that was stopped before it wrote any of it has done so. */
SL_SUSPENDS
static int
announce_first(struct sl_sink *sink)
{
	struct sl_chunk *chunk = sink->queue;
	if (chunk->off < sink->announced)
		return 0;
	int code = sink->in_turn ? sink->in_turn(sink->ctx, chunk) : 0;
	if (!code)
		sink->announced = chunk->off + chunk->len;
	return code;
}

SL_SUSPENDS
static int
write_queue(struct sl_sink *sink)
{
	int code = 0;
	while (!code && sink->queue && sink->queue->off <= sink->next) {
		code = announce_first(sink);
		if (!code)
			code = write_first(sink);
		if (code)
			break;
		struct sl_chunk *chunk = dequeue(sink);
		if (sink->written)
			sink->written(sink->ctx, chunk);
		sl_chunk_unref(chunk);
	}
	return code;
}

int
sl_sink_flush(struct sl_sink *sink)
{
	if (sink->is_writing)
		return 0;
	sink->is_writing = true;
	int code = write_queue(sink);
	sink->is_writing = false;
	return code;
}

/* ---- both ---- */

SL_SUSPENDS
void
sl_sink_open(struct sl_sink *sink)
{
	for (size_t i = 0; i < SL_COUNT_OF(sink->slots); i++)
		sink->slots[i] = (struct sl_sink_slot){ .sink = sink };
	sink->queue = NULL;
	sink->is_writing = false;
	sink->is_terminal = !sink->part && isatty(sink->stream_fd);
	sl_semaphore_init(&sink->room, "write", sink->part ? SL_SINK_WRITES : UINT_MAX);
	sl_group_enter(&sink->writes, SL_GROUP_COLLECT);
	if (!sink->part && !sink->is_terminal)
		sl_io_widen_pipe(sink->stream_fd);
}

int
sl_sink_reserve(struct sl_sink *sink)
{
	int code = *sink->failure;
	return code ? code : sl_semaphore_take(&sink->room, SL_FOREVER);
}

void
sl_sink_unreserve(struct sl_sink *sink)
{
	sl_semaphore_give(&sink->room);
}

int
sl_sink_put(struct sl_sink *sink, struct sl_chunk *chunk)
{
	if (sink->part)
		return put_to_part(sink, chunk);
	enqueue(sink, chunk);
	sl_semaphore_give(&sink->room);
	return 0;
}

int
sl_sink_close(struct sl_sink *sink)
{
	while (sink->queue)
		sl_chunk_unref(dequeue(sink));
	return fail(sink, sl_group_leave(&sink->writes));
}
