/*
 * hasher.h - the checksum of a download, computed on a worker while its bytes arrive.
 *
 * The digest needs the bytes in their order. A chunk that is the next one is hashed from memory: it
 * is referenced a second time and goes through a short queue to one task. Bytes that were written
 * before it was their turn are read back from the part, once everything before them is hashed.
 * Without an expected checksum all calls succeed and do nothing.
 */
#ifndef SLUICE_DOWNLOAD_HASHER_H
#define SLUICE_DOWNLOAD_HASHER_H

#include "sluice/download/digest.h"
#include "sluice/download/part.h"
#include "sluice/rt/chunk.h"
#include "sluice/rt/task.h"

#define SL_HASHER_QUEUE 4 /* chunks between the receivers and the hashing task */

/* In the memory of the task that uses it. {0} before the first sl_hasher_begin. */
struct sl_hasher {
	/* The caller's, set before sl_hasher_begin: */
	const struct sl_checksum *expected;
	int *failure;               /* first failure of the transfer; set here, too */
	struct sl_error *err;       /* its words */
	struct sl_chunk_pool *pool; /* for what is read back */
	struct sl_part *part;       /* to read back from; NULL = never */
	/* Bytes from 0 on that are in the part without a gap. */
	uint64_t (*frontier)(void *ctx);
	void *ctx;
	/* hasher.c's: */
	struct sl_digest *digest; /* NULL without a checksum */
	struct sl_group group;    /* of the one task */
	struct sl_chunk *queue[SL_HASHER_QUEUE];
	size_t queued;
	uint64_t hashed;
	uint64_t next; /* all bytes before it are hashed, queued or being read back */
	bool is_running, is_ending;
	bool is_stopped;        /* by sl_hasher_stop */
	bool is_broken;         /* the task was stopped in the middle of a piece */
	struct sl_list idle;    /* waiter: the task, while it has nothing to do */
	struct sl_list senders; /* waiters for room in the queue */
	uint64_t waited_ns;     /* what sl_hasher_put waited for room */
	uint64_t read_back;     /* bytes */
};

/*
 * Begin, or go on with the digest of an earlier run of the same bytes that ended well. What is set
 * by the caller must live until the hasher is released. Returns 0; -ENOMEM; SL_E_UNSUPPORTED if the
 * algorithm is not available; the cancellation. After a failure only sl_hasher_release may be
 * called.
 */
int sl_hasher_begin(struct sl_hasher *hasher) SL_MUST_CHECK;

/* The next chunk: what was put before it ends where it begins. It is referenced; its reference
 * stays the caller's. Waits while the queue is full. Returns 0, the first failure, or the
 * cancellation. */
SL_SUSPENDS
int sl_hasher_put(struct sl_hasher *hasher, struct sl_chunk *chunk) SL_MUST_CHECK;

/* A chunk that may be the next one: it is taken if it is and there is room. Otherwise it will be
 * read back. Never suspends. */
void sl_hasher_offer(struct sl_hasher *hasher, struct sl_chunk *chunk);

/* The frontier may have moved. */
void sl_hasher_wake(struct sl_hasher *hasher);

/* No more chunks: wait until all up to the frontier are hashed; or only, with sl_hasher_stop,
 * until the piece that is being hashed is. */
SL_SUSPENDS
void sl_hasher_end(struct sl_hasher *hasher);
SL_SUSPENDS
void sl_hasher_stop(struct sl_hasher *hasher);

/* After its end: 0, or SL_E_CHECKSUM with both values in *err. The digest is used up. */
int sl_hasher_check(struct sl_hasher *hasher, const char *what, struct sl_error *err) SL_MUST_CHECK;

/* Ends it if that was not done. Harmless on {0}. */
SL_SUSPENDS
void sl_hasher_release(struct sl_hasher *hasher);

#endif
