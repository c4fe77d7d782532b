/*
 * segment.h - one request and the bytes that it brings, in chunks of the pool. It returns an
 * outcome and reports nothing; retries, other sources and other segments are the caller's.
 *
 * Either it fetches all of the body, or what its lease covers: then it ends where the lease ends,
 * which may move while it is at work (see ranges.h), and a connection with more to come is closed.
 */
#ifndef SLUICE_DOWNLOAD_SEGMENT_H
#define SLUICE_DOWNLOAD_SEGMENT_H

#include "sluice/download/admission.h"
#include "sluice/download/ranges.h"
#include "sluice/download/sources.h"
#include "sluice/http/client.h"
#include "sluice/rt/chunk.h"

/* What the segments of a transfer have done so far. */
struct sl_segment_counts {
	uint64_t received;   /* bytes */
	uint64_t pending;    /* of them, those in chunks that are not delivered yet */
	uint64_t network_ns; /* spent waiting for the server */
	uint64_t limited_ns; /* spent waiting for the rate limit of the run */
	uint64_t decode_ns;  /* spent waiting for the content coding to be decoded */
	uint64_t deliver_ns; /* spent in `deliver`, and waiting for the next chunk */
	bool excess;         /* the server sent more than it announced; cut off */
};

struct sl_segment {
	/* The caller's: */
	struct sl_http_client *client;
	struct sl_chunk_pool *pool;
	struct sl_source *source; /* what is requested, and of which version */
	bool is_range;            /* the lease is requested as a range; else all of the content */
	bool unconditional;       /* without If-Range */
	enum sl_http_codings codings;
	struct sl_lease *lease; /* what to fetch; NULL = all of it */
	bool as_it_comes;       /* chunks are passed on as the bytes come, not once they are full */
	struct sl_permit *permit; /* what it receives counts for its host; accept may move it */
	const int *failure;       /* nothing more is received once this is not 0 */
	struct sl_segment_counts *counts;
	void *ctx;
	/* The head of a response that has content. 0, or the code the segment ends with. */
	SL_SUSPENDS
	int (*accept)(void *ctx, struct sl_segment *segment);
	/* The next bytes; takes the chunk in any case. 0, or the code the segment ends with. */
	SL_SUSPENDS
	int (*deliver)(void *ctx, struct sl_segment *segment, struct sl_chunk *chunk);
	/* The end of the lease was reached, and the response has more: true if the lease has grown.
	 * NULL = never. */
	bool (*extend)(void *ctx, struct sl_segment *segment);
	struct sl_error *err;
	/* segment.c's: */
	struct sl_http_exchange *exchange; /* NULL unless open */
	struct sl_chunk *chunk;            /* the one being filled */
	uint64_t received;                 /* bytes of this response */
	struct sl_limited limited;         /* waits of earlier exchanges, and for the head */
	bool is_delivering;                /* it waits for the disk or the reader, not the server */
	bool was_cut;                      /* bytes beyond the end of its lease were dropped */
};

/*
 * Send the request and read the head, with a chunk in hand: what the connection receives has a
 * place. Takes the chunk. Returns 0: the exchange is open; or what sl_http_open or `accept`
 * returned: then nothing is.
 */
SL_SUSPENDS
int sl_segment_open(struct sl_segment *segment, struct sl_chunk *chunk) SL_MUST_CHECK;

/*
 * For `accept` of a response that has all of the file: drop its first `len` bytes. *crc becomes
 * their CRC-32C, continued from what it is. Returns 0, or a code as sl_segment_receive.
 */
SL_SUSPENDS
int sl_segment_skip(struct sl_segment *segment, uint64_t len, uint32_t *crc) SL_MUST_CHECK;

/*
 * For `accept` of a response that has all of the file: read its first `len` bytes into the chunk,
 * or all if it has fewer. A lease that is given then must have them. Returns 0, or a code as
 * sl_segment_receive.
 */
SL_SUSPENDS
int sl_segment_read_head(struct sl_segment *segment, size_t len) SL_MUST_CHECK;

/*
 * Read the body, to its end or that of the lease, and close. Returns 0 or a code. The chunk that
 * was not passed on (perhaps empty) is in *last, the caller's; after a failure it has the bytes
 * that came before, or is NULL.
 */
SL_SUSPENDS
int sl_segment_receive(struct sl_segment *segment, struct sl_chunk **last) SL_MUST_CHECK;

/* As segment->deliver, for a chunk that sl_segment_receive has returned. */
SL_SUSPENDS
int sl_segment_deliver(struct sl_segment *segment, struct sl_chunk *chunk) SL_MUST_CHECK;

/* How long it has waited for limits of the run, also while it does. */
uint64_t sl_segment_limited_ns(const struct sl_segment *segment);

/* Close without reading further. Harmless if it is not open. */
SL_SUSPENDS
void sl_segment_close(struct sl_segment *segment);

#endif
