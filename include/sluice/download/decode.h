/*
 * decode.h - the content of a compressed download: chunks of compressed bytes in, chunks of decoded
 * bytes out, in order.
 *
 * A worker decodes while the task that brings a chunk waits for it; meanwhile the kernel receives.
 * Each full chunk is passed on before another is taken, so that a download holds one chunk of the
 * pool besides the one it brings. As long as receivers hold at most half of the pool (schedule.h),
 * a chunk can always be had, and no download waits for another.
 */
#ifndef SLUICE_DOWNLOAD_DECODE_H
#define SLUICE_DOWNLOAD_DECODE_H

#include "sluice/codec/codec.h"
#include "sluice/rt/chunk.h"

struct sl_decoder;

/* In the memory of the task that uses it. */
struct sl_decode {
	/* The caller's, set before sl_decode_begin: */
	enum sl_codec codec;
	uint64_t window_max; /* bytes, see sl_decoder_new */
	struct sl_chunk_pool *pool;
	const char *what; /* for messages */
	bool as_it_comes; /* chunks are passed on as the bytes come, not once they are full */
	void *ctx;
	/* The next bytes, with their offset; takes the chunk in any case. 0, or the code the
	 * decoding ends with. */
	SL_SUSPENDS
	int (*deliver)(void *ctx, struct sl_chunk *chunk);
	struct sl_error *err;
	/* Progress: */
	uint64_t produced;  /* bytes decoded */
	uint64_t waited_ns; /* for workers */
	/* decode.c's: */
	struct sl_decoder *decoder;
	struct sl_chunk *out; /* being filled; NULL = none */
};

/* Returns 0 or -ENOMEM. After a failure, here and below, only sl_decode_release may be called. */
int sl_decode_begin(struct sl_decode *decode) SL_MUST_CHECK;

/*
 * The next compressed bytes; takes the chunk's reference in any case. Returns 0; with words in
 * *err: SL_E_DECODE if the data is damaged or cannot be decoded, SL_E_LIMIT for its window or
 * ratio, -ENOMEM; what `deliver` returned; the cancellation.
 */
SL_SUSPENDS
int sl_decode_put(struct sl_decode *decode, struct sl_chunk *chunk) SL_MUST_CHECK;

/*
 * No more bytes. Returns as sl_decode_put: 0 only if the data is complete and intact. Then *last
 * is the chunk that was not passed on, perhaps empty, the caller's; else NULL.
 */
SL_SUSPENDS
int sl_decode_end(struct sl_decode *decode, struct sl_chunk **last) SL_MUST_CHECK;

/* At any time, also instead of sl_decode_begin. */
void sl_decode_release(struct sl_decode *decode);

#endif
