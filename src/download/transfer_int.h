/*
 * transfer_int.h - the parts of a transfer, for transfer.c, transfer_response.c,
 * transfer_deliver.c and transfer_sources.c, each of which calls only those behind it.
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

/* What is verified: the checksum that was given, else the one that the server sent. */
static inline const struct sl_checksum *
transfer_checksum(const struct sl_transfer *transfer)
{
	const struct sl_checksum *given = &transfer_entry(transfer)->checksum;
	return given->kind == SL_CHECKSUM_NONE ? &transfer->sent : given;
}

/* By a checksum of all or of its pieces, which are read back: those of a stream are not. */
static inline bool
transfer_is_verified(const struct sl_transfer *transfer)
{
	bool has_pieces =
		transfer->part && transfer_entry(transfer)->pieces.kind != SL_CHECKSUM_NONE;
	return transfer_checksum(transfer)->kind != SL_CHECKSUM_NONE || has_pieces;
}

/* ---- transfer_response.c ---- */

/* Its size and version are known, and what is missing of it can be requested in ranges. */
void transfer_set_ranged(struct sl_transfer *transfer);

/*
 * Begin to verify the digest that the server sent, unless that has begun: what is in the part is
 * read back. One that cannot be computed here is as good as none. For sl_segments.flush.
 */
SL_SUSPENDS
int transfer_begin_sent_digest(void *ctx);

/* From now on what is written to the part is recorded. */
SL_SUSPENDS
int transfer_begin_journal(struct sl_transfer *transfer);

/* Room for all of it in the part. */
SL_SUSPENDS
int transfer_reserve(struct sl_transfer *transfer);

void transfer_set_stamp(struct sl_transfer *transfer);

/* For sl_segment.accept: the response to a plain GET, one to a later plain GET for a stream, and
 * one to a request for a range. */
SL_SUSPENDS
int transfer_accept_first(void *ctx, struct sl_segment *segment);
SL_SUSPENDS
int transfer_accept_again(void *ctx, struct sl_segment *segment);
SL_SUSPENDS
int transfer_accept_range(void *ctx, struct sl_segment *segment);

/* ---- transfer_deliver.c ---- */

/* Bytes of the first lease. */
uint64_t transfer_first_piece(const struct sl_transfer *transfer);
unsigned transfer_segments_at_once(const struct sl_transfer *transfer);

/* Bytes are used in their order, by a stream or by the consumer of the tee. */
bool transfer_is_in_order(const struct sl_transfer *transfer);

/* Whether the options and the size, and in order the pool, allow several segments. */
bool transfer_can_be_parallel(const struct sl_transfer *transfer);

/* For sl_segments.limit, in order. */
uint64_t transfer_order_limit(void *ctx);

/* For sl_segments.flush and sl_sink.in_turn, of a stream. */
SL_SUSPENDS
int transfer_flush_stream(void *ctx);
SL_SUSPENDS
int transfer_chunk_in_turn(void *ctx, struct sl_chunk *chunk);

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

/* ---- transfer_sources.c ---- */

/* The sources that segments may ask. Without memory for the others, the one in use. */
void transfer_begin_sources(struct sl_transfer *transfer);
void transfer_end_sources(struct sl_transfer *transfer);

/* All that is known of them. */
void transfer_release_sources(struct sl_transfer *transfer);

/* The index of the source whose URL has this hash, first the one in use; SIZE_MAX = there is
 * none. */
size_t transfer_find_by_hash(const struct sl_sources *sources, uint64_t url_hash);

/* If the bytes at hand came from another source than the one in use now, that is compared, and its
 * version is used from now on. 0 or a code with words in transfer->err. */
SL_SUSPENDS
int transfer_use_source(struct sl_transfer *transfer);

/* It has responded (NULL), or failed: for sl_transfer.note_source. */
void transfer_note_source(
	struct sl_transfer *transfer, const struct sl_source *source, const struct sl_error *err);

/* At least one source is JOINED: others are compared if need be; else one is used again that has
 * delivered bad pieces. 0 or the cancellation. */
SL_SUSPENDS
int transfer_find_source(struct sl_transfer *transfer);

/* While segments run: compares candidates and those in doubt. */
SL_SUSPENDS
int transfer_compare_task(void *arg);
void transfer_wake_compare(struct sl_transfer *transfer);

/* Some responses of the source have another ETag: it is to be compared. */
void transfer_doubt_source(struct sl_transfer *transfer, struct sl_source *source);

/* For sl_segments.dropped. */
void transfer_source_dropped(void *ctx, struct sl_source *source, const struct sl_error *err);

/* The segments have ended with this code: if it is a failure of another source than the one in use,
 * it is noted for that. */
void transfer_note_failed(struct sl_transfer *transfer, int code);

/* The chunk has bytes that are used. */
void transfer_note_delivered(
	struct sl_transfer *transfer, struct sl_source *source, const struct sl_chunk *chunk);

/* Bad pieces are missing now. If all are bad, no other source could be compared: that is tried from
 * the start instead. */
bool transfer_can_repair(const struct sl_transfer *transfer);

/* Bad pieces are missing now: if a single source has delivered one of them, it is not used any
 * more. True if there was one. */
bool transfer_drop_provider(struct sl_transfer *transfer);

#endif
