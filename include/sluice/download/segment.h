/*
 * segment.h - one request and the bytes that it brings, in chunks of the pool. It returns an
 * outcome and reports nothing; retries and other sources are the caller's.
 */
#ifndef SLUICE_DOWNLOAD_SEGMENT_H
#define SLUICE_DOWNLOAD_SEGMENT_H

#include "sluice/download/sources.h"
#include "sluice/http/client.h"
#include "sluice/rt/chunk.h"

struct sl_segment {
	/* The caller's: */
	struct sl_http_client *client;
	struct sl_chunk_pool *pool;
	const struct sl_sources *sources; /* the one in use is asked */
	bool as_it_comes;   /* chunks are passed on as the bytes come, not once they are full */
	const int *failure; /* nothing more is received once this is not 0 */
	void *ctx;
	/* The head of a response that has the content. 0, or the code the segment ends with. */
	SL_SUSPENDS
	int (*accept)(void *ctx, const struct sl_http_exchange *exchange);
	/* The next bytes; takes the chunk in any case. 0, or the code the segment ends with. */
	SL_SUSPENDS
	int (*deliver)(void *ctx, struct sl_chunk *chunk);
	struct sl_error *err;
	/* What it has done so far: */
	uint64_t received;   /* bytes */
	uint64_t network_ns; /* spent waiting for the server */
	uint64_t deliver_ns; /* spent in `deliver`, and waiting for the next chunk */
	bool excess;         /* the server sent more than it announced; cut off */
};

/*
 * Request, head, body. A connection is opened only with a chunk in hand: what it receives has a
 * place. Returns 0 at the end of the body, with the chunk that was not passed on (perhaps empty) in
 * *last, the caller's; else a code, and *last is NULL.
 */
SL_SUSPENDS
int sl_segment_run(struct sl_segment *segment, struct sl_chunk **last) SL_MUST_CHECK;

#endif
