/*
 * transfer_deliver.c - what becomes of the bytes of a transfer: chunks go to the hasher and to the
 * sink, or of a compressed file to the hasher and through the decoder to the sink.
 *
 * Segments deliver in any order; a stream is written in the order of its bytes, and the consumer of
 * a tee may want them in order. Then only so much may be received ahead of the first missing byte
 * as the pool has room for.
 */
#include "transfer_int.h"

#include "sluice/base/crc32c.h"

#include <string.h>

/* ---- in order ---- */

bool
transfer_is_in_order(const struct sl_transfer *transfer)
{
	return !transfer->part || sl_tee_is_ordered(transfer->tee);
}

/*
 * In order: what was received and could not be used yet takes at most these chunks. The rest of the
 * pool is for those that connections fill, so that the one with the next bytes always gets one.
 * Pieces are whole chunks, since a chunk that is not full takes as much of the pool.
 */
static size_t
window_chunks(const struct sl_transfer *transfer)
{
	if (transfer->part)
		return sl_tee_queue_window(&transfer->tee->queue);
	return sl_chunk_pool_count(transfer->options->pool) * 3 / 8;
}

static uint64_t
window(const struct sl_transfer *transfer)
{
	return window_chunks(transfer) * sl_chunk_pool_size(transfer->options->pool);
}

static unsigned
segments_in_order(const struct sl_transfer *transfer)
{
	return (unsigned)SL_MIN(window_chunks(transfer), (size_t)transfer->options->segments);
}

static uint64_t
piece_in_order(const struct sl_transfer *transfer)
{
	return window_chunks(transfer) / segments_in_order(transfer) *
	       sl_chunk_pool_size(transfer->options->pool);
}

bool
transfer_can_be_parallel(const struct sl_transfer *transfer)
{
	unsigned segments = transfer_is_in_order(transfer) ? segments_in_order(transfer)
							   : transfer->options->segments;
	return segments > 1 && transfer->total / 2 >= transfer->options->min_segment;
}

/* Of a part, the window may have become smaller than a piece: what is missing first is always
 * fetched. */
uint64_t
transfer_order_limit(void *ctx)
{
	const struct sl_transfer *transfer = ctx;
	if (!transfer->part)
		return transfer->sink.next + window(transfer);
	uint64_t most = window(transfer);
	return sl_ranges_frontier(&transfer->ranges) + SL_MAX(most, transfer->segments.piece);
}

int
transfer_flush_stream(void *ctx)
{
	struct sl_transfer *transfer = ctx;
	return sl_sink_flush(&transfer->sink);
}

SL_SUSPENDS
static int
reserve_tee(struct sl_transfer *transfer, const struct sl_chunk *chunk)
{
	return transfer->tee ? sl_tee_reserve(transfer->tee, chunk->off) : 0;
}

/* If it is stopped, another task begins again: neither has the chunk then. */
int
transfer_chunk_in_turn(void *ctx, struct sl_chunk *chunk)
{
	struct sl_transfer *transfer = ctx;
	int code = reserve_tee(transfer, chunk);
	if (code)
		return code;
	if (!transfer_decodes(transfer))
		code = sl_hasher_put(&transfer->hasher, chunk);
	if (transfer->tee && code)
		sl_tee_unreserve(transfer->tee);
	else if (transfer->tee)
		sl_tee_put(transfer->tee, chunk);
	return code;
}

uint64_t
transfer_first_piece(const struct sl_transfer *transfer)
{
	if (!transfer->is_parallel)
		return transfer->total;
	return transfer_is_in_order(transfer) ? piece_in_order(transfer)
					      : transfer->options->min_segment;
}

unsigned
transfer_segments_at_once(const struct sl_transfer *transfer)
{
	if (!transfer->is_parallel)
		return 1;
	return transfer_is_in_order(transfer) ? segments_in_order(transfer)
					      : transfer->options->segments;
}

/* ---- decoding ---- */

/* Of a part: the bytes of a stream may still move until it is their turn. */
SL_SUSPENDS
static int
put_to_tee(struct sl_transfer *transfer, struct sl_chunk *chunk)
{
	int code = transfer->part ? reserve_tee(transfer, chunk) : 0;
	if (!code && transfer->part && transfer->tee)
		sl_tee_put(transfer->tee, chunk);
	return code;
}

SL_SUSPENDS
static int
store_decoded(void *ctx, struct sl_chunk *chunk)
{
	struct sl_transfer *transfer = ctx;
	int code = put_to_tee(transfer, chunk);
	if (!code)
		code = sl_sink_reserve(&transfer->sink);
	if (code) {
		sl_chunk_unref(chunk);
		return code;
	}
	code = sl_sink_put(&transfer->sink, chunk);
	return code ? code : sl_sink_flush(&transfer->sink);
}

int
transfer_begin_decode(struct sl_transfer *transfer)
{
	transfer->decode = (struct sl_decode){ .codec = transfer->place->codec,
		.window_max = transfer->options->decode_window_max,
		.pool = transfer->options->pool,
		.what = sl_sources_show(transfer->sources),
		.as_it_comes = !transfer->part,
		.ctx = transfer,
		.deliver = store_decoded,
		.err = transfer->err };
	return transfer_decodes(transfer) ? sl_decode_begin(&transfer->decode) : 0;
}

SL_SUSPENDS
static int
decode(struct sl_transfer *transfer, struct sl_chunk *chunk)
{
	int code = sl_hasher_put(&transfer->hasher, chunk);
	if (!code)
		return sl_decode_put(&transfer->decode, chunk);
	sl_chunk_unref(chunk);
	return code;
}

/* ---- chunks ---- */

void
transfer_chunk_written(void *ctx, const struct sl_chunk *chunk)
{
	struct sl_transfer *transfer = ctx;
	struct sl_range range = { chunk->off, chunk->off + chunk->len };
	if (!transfer->is_ranged)
		return;
	transfer_fail(transfer, sl_ranges_add_done(&transfer->written, range));
	if (transfer->part && transfer->part->journal)
		sl_journal_written(transfer->part->journal, range.begin, range.end, chunk->crc);
	if (!transfer->part)
		transfer->written_crc = sl_crc32c(transfer->written_crc, chunk->data, chunk->len);
	sl_hasher_wake(&transfer->hasher);
	transfer_wake_compare(transfer);
	sl_tee_wake(transfer->tee);
}

uint64_t
transfer_written_frontier(void *ctx)
{
	const struct sl_transfer *transfer = ctx;
	return transfer->is_ranged ? sl_ranges_frontier(&transfer->written) : 0;
}

SL_SUSPENDS
static int
hash(struct sl_transfer *transfer, struct sl_chunk *chunk)
{
	if (!transfer->is_ranged)
		return sl_hasher_put(&transfer->hasher, chunk);
	if (!transfer->is_parallel && chunk->off == transfer->hasher.next)
		return sl_hasher_put(&transfer->hasher, chunk);
	sl_hasher_offer(&transfer->hasher, chunk);
	return 0;
}

/* Bytes that another segment has delivered, since both fetch a rest, are not written again: what is
 * hashed is what is in the part. Returns how many are left. */
static size_t
skip_done(const struct sl_ranges *ranges, struct sl_chunk *chunk)
{
	size_t skip = (size_t)SL_MIN(sl_ranges_done_from(ranges, chunk->off), (uint64_t)chunk->len);
	if (skip > 0) {
		memmove(chunk->data, chunk->data + skip, chunk->len - skip);
		chunk->off += skip;
		chunk->len -= skip;
	}
	return chunk->len;
}

/* While the chunk waited for its place, what its lease has left may have become less: the rest of
 * the response is another segment's. */
static void
cut_to_lease(struct sl_segment *segment, struct sl_chunk *chunk)
{
	uint64_t most = segment->lease->end - segment->lease->at;
	sl_assert(chunk->off == segment->lease->at);
	if (chunk->len <= most)
		return;
	segment->was_cut = true;
	chunk->len = (size_t)most;
}

/* Places for the chunk: of a write, and of a part also with the consumer of the tee. */
SL_SUSPENDS
static int
reserve(struct sl_transfer *transfer, const struct sl_chunk *chunk)
{
	bool has_tee = transfer->part && transfer->tee;
	int code = has_tee ? reserve_tee(transfer, chunk) : 0;
	if (code)
		return code;
	code = sl_sink_reserve(&transfer->sink);
	if (code && has_tee)
		sl_tee_unreserve(transfer->tee);
	return code;
}

static void
unreserve(struct sl_transfer *transfer)
{
	sl_sink_unreserve(&transfer->sink);
	if (transfer->part && transfer->tee)
		sl_tee_unreserve(transfer->tee);
}

/* Takes the chunk, and both places. */
static int
put_reserved(struct sl_transfer *transfer, struct sl_segment *segment, struct sl_chunk *chunk)
{
	/* While the bytes are in the CPU's cache; it is recorded once they are written. */
	if (transfer->part && transfer->part->journal)
		chunk->crc = sl_crc32c(0, chunk->data, chunk->len);
	transfer_note_delivered(transfer, segment->source, chunk);
	if (transfer->part && transfer->tee)
		sl_tee_put(transfer->tee, chunk);
	return sl_sink_put(&transfer->sink, chunk);
}

/* From the check of what is done to the mark that this is, nothing suspends: no byte is given to
 * the sink twice. A task may be stopped from then on. */
SL_SUSPENDS
static int
put(struct sl_transfer *transfer, struct sl_segment *segment, struct sl_chunk *chunk)
{
	int code = reserve(transfer, chunk);
	if (code) {
		sl_chunk_unref(chunk);
		return code;
	}
	if (transfer->is_ranged)
		cut_to_lease(segment, chunk);
	uint64_t bytes = chunk->len;
	if (transfer->is_ranged && skip_done(&transfer->ranges, chunk) == 0) {
		unreserve(transfer);
		sl_chunk_unref(chunk);
	} else {
		code = put_reserved(transfer, segment, chunk);
	}
	if (!code && transfer->is_ranged)
		sl_ranges_advance(&transfer->ranges, segment->lease, bytes);
	return code ? code : sl_sink_flush(&transfer->sink);
}

int
transfer_deliver(void *ctx, struct sl_segment *segment, struct sl_chunk *chunk)
{
	struct sl_transfer *transfer = ctx;
	if (transfer_decodes(transfer))
		return decode(transfer, chunk);
	sl_chunk_ref(chunk);
	int code = put(transfer, segment, chunk);
	if (!code && chunk->len > 0 && transfer->part)
		code = hash(transfer, chunk);
	sl_chunk_unref(chunk);
	return code;
}

bool
transfer_extend(void *ctx, struct sl_segment *segment)
{
	struct sl_transfer *transfer = ctx;
	if (!transfer->is_ranged || segment->is_range || sl_permit_is_wanted(segment->permit))
		return false;
	uint64_t most = transfer_first_piece(transfer), end = segment->lease->end;
	bool is_in_order = transfer_is_in_order(transfer);
	if (is_in_order && end + most > transfer_order_limit(transfer))
		return false;
	return sl_ranges_extend(&transfer->ranges, segment->lease, most);
}

/* ---- one response ---- */

uint64_t
sl_transfer_received(const struct sl_transfer *transfer)
{
	const struct sl_segment_counts *counts = &transfer->counts;
	if (!transfer->is_ranged)
		return transfer->base + counts->received - transfer->base_at;
	return SL_MIN(transfer->ranges.done_bytes + counts->pending, transfer->total);
}

SL_SUSPENDS
static int
write_whole(struct sl_transfer *transfer, struct sl_chunk *chunk)
{
	int code = sl_hasher_put(&transfer->hasher, chunk);
	if (!code)
		code = put_to_tee(transfer, chunk);
	if (!code)
		code = sl_part_write_whole(
			transfer->part, chunk, &transfer->attributes, transfer->err);
	sl_chunk_unref(chunk);
	return code;
}

/* The chunk has what came before a failure, if there was one; a write may have failed meanwhile. */
SL_SUSPENDS
static int
put_last(struct sl_transfer *transfer, struct sl_segment *segment, struct sl_chunk *last, int code)
{
	bool is_whole = last && last->off == 0 && !code && transfer->part && !transfer->is_ranged &&
			transfer->part->direct_fd < 0;
	if (!last || last->len == 0 || transfer->failure || (code && !transfer->is_ranged)) {
		sl_chunk_unref(last);
		return 0;
	}
	return is_whole ? write_whole(transfer, last) : transfer_deliver(transfer, segment, last);
}

int
transfer_stream(struct sl_transfer *transfer, struct sl_segment *segment)
{
	struct sl_chunk *last = NULL;
	int code = sl_segment_receive(segment, &last);
	transfer->attributes.length = sl_transfer_received(transfer);
	int put = put_last(transfer, segment, last, code);
	if (transfer->is_ranged)
		sl_ranges_give_back(&transfer->ranges, segment->lease);
	return code ? code : put;
}

/* ---- one response that is decoded ---- */

/* A write before it may have failed meanwhile. */
SL_SUSPENDS
static int
store_last(struct sl_transfer *transfer, struct sl_chunk *last)
{
	if (last->len > 0 && (last->off > 0 || !transfer->part))
		return store_decoded(transfer, last);
	int code = last->len > 0 ? put_to_tee(transfer, last) : 0;
	if (!code && last->len > 0 && !transfer->failure)
		code = sl_part_write_whole(
			transfer->part, last, &transfer->attributes, transfer->err);
	sl_chunk_unref(last);
	return code;
}

int
transfer_stream_decoded(struct sl_transfer *transfer, struct sl_segment *segment)
{
	struct sl_chunk *last = NULL;
	int code = sl_segment_receive(segment, &last);
	if (code || transfer->failure) {
		sl_chunk_unref(last);
		return code;
	}
	code = decode(transfer, last);
	if (!code)
		code = sl_decode_end(&transfer->decode, &last);
	transfer->attributes.length = transfer->decode.produced;
	return code ? code : store_last(transfer, last);
}
