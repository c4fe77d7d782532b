/*
 * hasher.h - the checksum of a download, computed on a worker while its bytes arrive.
 *
 * Each chunk is referenced a second time and goes through a queue to one task, in the order of the
 * bytes. Without an expected checksum all calls succeed and do nothing.
 */
#ifndef SLUICE_DOWNLOAD_HASHER_H
#define SLUICE_DOWNLOAD_HASHER_H

#include "sluice/download/digest.h"
#include "sluice/rt/channel.h"
#include "sluice/rt/chunk.h"
#include "sluice/rt/task.h"

/* In the memory of the task that uses it. */
struct sl_hasher {
	const struct sl_checksum *expected;
	struct sl_digest *digest; /* NULL without a checksum */
	struct sl_channel *queue; /* of chunks; NULL likewise, and once it has ended */
	struct sl_group group;    /* of the one task */
	int *failure;             /* first failure of the transfer; set here, too */
	uint64_t waited_ns;       /* what sl_hasher_put waited for room in the queue */
};

/* `expected` and *failure must live until the hasher is released. Returns 0; -ENOMEM;
 * SL_E_UNSUPPORTED if the algorithm is not available; the cancellation. After a failure only
 * sl_hasher_release may be called. */
int sl_hasher_begin(struct sl_hasher *hasher, const struct sl_checksum *expected, int *failure,
	struct sl_error *err) SL_MUST_CHECK;

/* The chunk is referenced; its reference stays the caller's. Chunks come in the order of their
 * bytes. Waits while the queue is full. Returns 0, the first failure, or the cancellation. */
SL_SUSPENDS
int sl_hasher_put(struct sl_hasher *hasher, struct sl_chunk *chunk) SL_MUST_CHECK;

/* No more chunks: wait until all are hashed. */
SL_SUSPENDS
void sl_hasher_end(struct sl_hasher *hasher);

/* After its end: 0, or SL_E_CHECKSUM with both values in *err. */
int sl_hasher_check(struct sl_hasher *hasher, const char *what, struct sl_error *err) SL_MUST_CHECK;

/* Ends it if that was not done. */
SL_SUSPENDS
void sl_hasher_release(struct sl_hasher *hasher);

#endif
