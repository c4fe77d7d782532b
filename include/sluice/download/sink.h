/*
 * sink.h - where the bytes of one download go: its part, or a stream.
 *
 * Up to SL_SINK_WRITES writes to a part are in flight, each a task that owns its chunk; their order
 * does not matter, because each has its offset. A stream is written in the order of its bytes, by
 * the task that brings the next ones: chunks that come before their turn wait in a queue, which the
 * caller bounds by what it requests.
 */
#ifndef SLUICE_DOWNLOAD_SINK_H
#define SLUICE_DOWNLOAD_SINK_H

#include "sluice/download/part.h"
#include "sluice/rt/chunk.h"
#include "sluice/rt/semaphore.h"
#include "sluice/rt/task.h"

#define SL_SINK_WRITES 4 /* for one file: keeps the device busy, bounds the memory */

struct sl_sink;

struct sl_sink_slot {
	struct sl_sink *sink;
	struct sl_chunk *chunk; /* NULL = free */
};

/* In the memory of the task that opens and closes it; other tasks may put chunks into it. */
struct sl_sink {
	/* The caller's, set before sl_sink_open: */
	struct sl_part *part; /* NULL = the stream */
	int stream_fd;
	const char *path;     /* of the stream, for messages */
	uint64_t total;       /* bytes that are to come, for messages; SL_BODY_UNKNOWN */
	int *failure;         /* first failure of the transfer; a failed write sets it */
	struct sl_error *err; /* its words */
	/* The chunk is the next to be written to the stream. 0, or the code that ends it. */
	SL_SUSPENDS
	int (*in_turn)(void *ctx, struct sl_chunk *chunk);
	/* It was written. */
	void (*written)(void *ctx, const struct sl_chunk *chunk);
	void *ctx;
	uint64_t next;      /* byte of the stream that is to be written; moves */
	uint64_t announced; /* up to which in_turn was called; at first as `next` */
	/* sink.c's: */
	struct sl_group writes;
	struct sl_semaphore room;
	struct sl_sink_slot slots[SL_SINK_WRITES];
	struct sl_chunk *queue; /* of a stream, by offset, linked by next_free */
	bool is_terminal;       /* the stream */
	bool is_writing;        /* a task writes; it takes what is queued meanwhile */
};

SL_SUSPENDS
void sl_sink_open(struct sl_sink *sink);

/* Wait until fewer than SL_SINK_WRITES are in flight, and keep the place of one for sl_sink_put; a
 * stream has any number. Returns 0, the first failure, or the cancellation of the task. */
SL_SUSPENDS
int sl_sink_reserve(struct sl_sink *sink) SL_MUST_CHECK;

/* It is not needed after all. */
void sl_sink_unreserve(struct sl_sink *sink);

/*
 * Take the chunk's reference in any case, in a place that was reserved, and write it to a part, or
 * queue it for a stream: it has no byte of another chunk. Never suspends. Returns 0, or the code of
 * a write that could not begin.
 */
int sl_sink_put(struct sl_sink *sink, struct sl_chunk *chunk) SL_MUST_CHECK;

/*
 * Write what is queued for a stream and in turn, unless another task is at that. Harmless for a
 * part. Returns 0, the code of a failed write, or the cancellation of the task: then the chunk
 * stays in the queue, for another task to write the rest of it.
 */
SL_SUSPENDS
int sl_sink_flush(struct sl_sink *sink) SL_MUST_CHECK;

/* Wait for all writes; must be called once it was opened. What is still queued for a stream is
 * dropped. Returns 0 or the first failure. */
SL_SUSPENDS
int sl_sink_close(struct sl_sink *sink) SL_MUST_CHECK;

#endif
