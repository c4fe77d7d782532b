/*
 * transfer_int.h - the parts of a transfer, for transfer.c, transfer_response.c and
 * transfer_deliver.c, each of which calls only those behind it.
 */
#ifndef SLUICE_DOWNLOAD_TRANSFER_INT_H
#define SLUICE_DOWNLOAD_TRANSFER_INT_H

#include "sluice/download/transfer.h"

static inline const struct sl_entry *
transfer_entry(const struct sl_transfer *transfer)
{
	return transfer->sources->entry;
}

static inline bool
transfer_decodes(const struct sl_transfer *transfer)
{
	return transfer->place && transfer->place->codec != SL_CODEC_NONE;
}

/* Keep the first failure of any part. Returns it. */
static inline int
transfer_fail(struct sl_transfer *transfer, int code)
{
	if (code && !transfer->failure)
		transfer->failure = code;
	return transfer->failure;
}

/* ---- transfer_response.c ---- */

/* What is verified: the checksum that was given, else the one that the server sent. */
const struct sl_checksum *transfer_checksum(const struct sl_transfer *transfer);

/* Its size and version are known, and what is missing of it can be requested in ranges. */
void transfer_set_ranged(struct sl_transfer *transfer);

/* From now on what is written to the part is recorded. */
SL_SUSPENDS
int transfer_begin_journal(struct sl_transfer *transfer);

/* Room for all of it in the part. */
SL_SUSPENDS
int transfer_reserve(struct sl_transfer *transfer);

void transfer_set_stamp(struct sl_transfer *transfer);

/* For sl_segment.accept: the response to a plain GET, and one to a request for a range. */
SL_SUSPENDS
int transfer_accept_first(void *ctx, struct sl_segment *segment);
SL_SUSPENDS
int transfer_accept_range(void *ctx, struct sl_segment *segment);

/* ---- transfer_deliver.c ---- */

/* Bytes of the first lease. */
uint64_t transfer_first_piece(const struct sl_transfer *transfer);
unsigned transfer_segments_at_once(const struct sl_transfer *transfer);

/* Whether the pool and the size allow several segments of a stream. */
bool transfer_can_stream_in_parallel(const struct sl_transfer *transfer);

/* For sl_segments.limit and flush, and sl_sink.in_turn, of a stream. */
uint64_t transfer_stream_limit(void *ctx);
SL_SUSPENDS
int transfer_flush_stream(void *ctx);
SL_SUSPENDS
int transfer_hash_in_turn(void *ctx, struct sl_chunk *chunk);

/* For sl_sink.written: the last byte of the chunk was written. */
void transfer_chunk_written(void *ctx, const struct sl_chunk *chunk);

/* For sl_hasher.frontier. */
uint64_t transfer_written_frontier(void *ctx);

/* Does nothing without a codec. */
int transfer_begin_decode(struct sl_transfer *transfer);

/* For sl_segment.deliver and extend. */
SL_SUSPENDS
int transfer_deliver(void *ctx, struct sl_segment *segment, struct sl_chunk *chunk);
bool transfer_extend(void *ctx, struct sl_segment *segment);

/* All of the open segment, stored as it comes or decoded. */
SL_SUSPENDS
int transfer_stream(struct sl_transfer *transfer, struct sl_segment *segment);
SL_SUSPENDS
int transfer_stream_decoded(struct sl_transfer *transfer, struct sl_segment *segment);

#endif
