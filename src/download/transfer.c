/*
 * One transfer: chunks of its segments go to the hasher and to the sink, or of a compressed file
 * to the hasher and through the decoder to the sink.
 *
 *    states    begin -> first response -> stream                 (all of it in one response)
 *                                      -> segments               (ranges; also when it goes on)
 *
 * The first response is to a plain GET, which every server answers best. If the file can come in
 * ranges, that response is the first segment: it is read as far as its lease goes, and others fetch
 * what follows.
 *
 * The first failure of any part is kept in transfer->failure, which stops the others; then
 * everything that is in flight is waited for. A body that fits in one chunk is written and sealed
 * in one call of the blocking pool instead.
 */
#include "sluice/download/transfer.h"

#include "sluice/base/crc32c.h"
#include "sluice/base/log.h"
#include "sluice/download/answer.h"
#include "sluice/download/verify.h"
#include "sluice/http/date.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define REPAIRS_MAX 2u /* times that bad pieces are fetched again from one source */

void
sl_transfer_init(struct sl_transfer *transfer, const struct sl_transfer_options *options)
{
	*transfer = (struct sl_transfer){
		.options = options, .stream_fd = -1, .total = SL_BODY_UNKNOWN
	};
}

void
sl_transfer_reset(struct sl_transfer *transfer)
{
	if (transfer->is_ranged) {
		transfer->base = sl_transfer_received(transfer);
		transfer->base_at = transfer->counts.received;
		sl_ranges_release(&transfer->ranges);
		sl_ranges_release(&transfer->written);
	}
	transfer->is_ranged = transfer->is_parallel = false;
	transfer->resumed = 0;
	sl_url_release(&transfer->url);
	transfer->has_url = transfer->left_origin = transfer->unconditional = false;
	transfer->resource = (struct sl_resource){ 0 };
	transfer->sent = (struct sl_checksum){ 0 };
	sl_hasher_release(&transfer->hasher);
}

uint64_t
sl_transfer_received(const struct sl_transfer *transfer)
{
	const struct sl_segment_counts *counts = &transfer->counts;
	if (!transfer->is_ranged)
		return transfer->base + counts->received - transfer->base_at;
	return SL_MIN(transfer->ranges.done_bytes + counts->pending, transfer->total);
}

unsigned
sl_transfer_segments(const struct sl_transfer *transfer)
{
	if (transfer->state != SL_TRANSFER_RECEIVING)
		return 0;
	return transfer->segments.slots ? transfer->segments.running : 1;
}

bool
sl_transfer_has_gaps(const struct sl_transfer *transfer)
{
	const struct sl_ranges *ranges = &transfer->ranges;
	return transfer->is_ranged && sl_ranges_frontier(ranges) != ranges->done_bytes;
}

void
sl_transfer_is_not_expected(struct sl_transfer *transfer)
{
	if (transfer->is_expected)
		sl_admission_expect_not(transfer->options->admission);
	transfer->is_expected = false;
}

bool
sl_transfer_can_resume(const struct sl_transfer *transfer)
{
	return transfer->is_ranged && transfer->part && !transfer->failure &&
	       transfer->ranges.done_bytes > 0;
}

static bool
decodes(const struct sl_transfer *transfer)
{
	return transfer->place && transfer->place->codec != SL_CODEC_NONE;
}

uint64_t
sl_transfer_length(const struct sl_transfer *transfer)
{
	return decodes(transfer) ? transfer->decode.produced : sl_transfer_received(transfer);
}

static int
fail(struct sl_transfer *transfer, int code)
{
	if (code && !transfer->failure)
		transfer->failure = code;
	return transfer->failure;
}

/* ---- the journal ---- */

/* From now on what is written to the part is recorded. */
SL_SUSPENDS
static int
begin_journal(struct sl_transfer *transfer)
{
	const struct sl_transfer_options *options = transfer->options;
	struct sl_journal_resource of = { .url_hash = sl_journal_url_hash(&transfer->sources->url),
		.resource = transfer->resource };
	struct sl_journal_options wanted = { .resource = &of,
		.sync = options->sync,
		.sync_turn = options->sync_turn,
		.sync_failed = options->sync_failed,
		.ctx = options->sync_ctx };
	bool keeps = options->keeps_journal && transfer->part;
	return keeps ? sl_part_begin_journal(transfer->part, &wanted) : 0;
}

/* What is missing is recorded as written, since it turned out to be wrong only then. No run may
 * trust that while other bytes take its place. */
SL_SUSPENDS
static int
void_missing(struct sl_transfer *transfer)
{
	struct sl_journal *journal = transfer->part->journal;
	struct sl_range missing = { 0 };
	int code = 0;
	while (!code && journal &&
		sl_ranges_next_missing(&transfer->written, missing.end, &missing))
		code = sl_journal_void(journal, missing.begin, missing.end);
	if (!code || sl_part_is_stop(code))
		return code;
	return sl_fail_code(transfer->err, SL_PHASE_WRITE, code,
		"cannot fetch pieces of '%s' again, since its journal lists them",
		transfer->part->part_name);
}

/* A journal has no text of Last-Modified; it is kept only with a validator. */
static void
complete_validator(struct sl_resource *resource)
{
	struct sl_buf date = { 0 };
	if (resource->etag[0] && !resource->is_etag_weak)
		return;
	sl_date_format(&date, (int64_t)(resource->modified_ns / SL_NS_PER_S));
	resource->is_modified_strong = resource->modified_ns && !date.failed;
	if (resource->is_modified_strong)
		snprintf(resource->modified, sizeof(resource->modified), "%.*s", (int)date.len,
			date.data);
	sl_buf_release(&date);
}

static void
set_ranged(struct sl_transfer *transfer)
{
	const struct sl_transfer_options *options = transfer->options;
	sl_ranges_init(&transfer->ranges, transfer->total);
	sl_ranges_init(&transfer->written, transfer->total);
	transfer->is_ranged = true;
	transfer->is_parallel =
		options->segments > 1 && transfer->total / 2 >= options->min_segment;
}

int
sl_transfer_resume(struct sl_transfer *transfer, const struct sl_journal_content *content)
{
	transfer->resource = content->resource.resource;
	complete_validator(&transfer->resource);
	transfer->total = transfer->resource.length;
	set_ranged(transfer);
	int code = 0;
	for (size_t i = 0; i < content->count && !code; i++) {
		struct sl_range range = { content->ranges[i].begin, content->ranges[i].end };
		code = sl_ranges_add_done(&transfer->ranges, range);
		if (!code)
			code = sl_ranges_add_done(&transfer->written, range);
	}
	transfer->resumed = transfer->ranges.done_bytes;
	return code;
}

/* ---- responses ---- */

SL_SUSPENDS
static int
reserve(struct sl_transfer *transfer)
{
	uint64_t total = transfer->total;
	if (!transfer->part || decodes(transfer))
		return 0; /* the length of the content is known at its end */
	if (total == SL_BODY_UNKNOWN || total <= SL_PART_SMALL)
		return 0;
	return sl_part_reserve(transfer->part, total, transfer->options->io, transfer->err);
}

static void
set_stamp(struct sl_transfer *transfer)
{
	const struct sl_sources *sources = transfer->sources;
	sl_stamp_init(&transfer->stamp, sl_sources_show(sources), &transfer->resource,
		&sources->entry->checksum, decodes(transfer));
	bool wanted = transfer->wants_stamp && sl_stamp_is_useful(&transfer->stamp);
	transfer->attributes.stamp = wanted ? &transfer->stamp : NULL;
}

/*
 * A stream in order: what was received and could not be written yet takes at most these chunks. The
 * rest of the pool is for those that connections fill, so that the one with the next bytes always
 * gets one. Pieces are whole chunks, since a chunk that is not full takes as much of the pool.
 */
static size_t
stream_window_chunks(const struct sl_transfer *transfer)
{
	return sl_chunk_pool_count(transfer->options->pool) * 3 / 8;
}

static uint64_t
stream_window(const struct sl_transfer *transfer)
{
	return stream_window_chunks(transfer) * sl_chunk_pool_size(transfer->options->pool);
}

static unsigned
stream_segments(const struct sl_transfer *transfer)
{
	return (unsigned)SL_MIN(
		stream_window_chunks(transfer), (size_t)transfer->options->segments);
}

static uint64_t
stream_piece(const struct sl_transfer *transfer)
{
	return stream_window_chunks(transfer) / stream_segments(transfer) *
	       sl_chunk_pool_size(transfer->options->pool);
}

static bool
is_parallel_stream(const struct sl_transfer *transfer)
{
	return stream_segments(transfer) > 1 &&
	       transfer->total / 2 >= transfer->options->min_segment;
}

/* Whether what is missing of this version can be asked for later. */
static bool
can_be_ranged(const struct sl_transfer *transfer, const struct sl_resource *resource)
{
	if (transfer->no_ranges || decodes(transfer) || resource->length == SL_LENGTH_UNKNOWN ||
		!resource->takes_ranges || !sl_resource_validator(resource))
		return false;
	return transfer->part ? resource->length > SL_PART_SMALL : is_parallel_stream(transfer);
}

/* Where the source has led to, for later requests: with the user's credentials unless that is
 * another origin. */
static int
keep_url(struct sl_transfer *transfer, const struct sl_http_exchange *exchange)
{
	sl_url_release(&transfer->url);
	transfer->left_origin = sl_http_left_origin(exchange);
	transfer->has_url = false;
	int code = sl_url_copy(&transfer->url, sl_http_final_url(exchange));
	if (!code && !transfer->left_origin)
		code = sl_url_copy_userinfo(&transfer->url, &transfer->sources->url);
	transfer->has_url = !code;
	return code;
}

static uint64_t
first_piece(const struct sl_transfer *transfer)
{
	if (!transfer->is_parallel)
		return transfer->total;
	return transfer->part ? transfer->options->min_segment : stream_piece(transfer);
}

SL_SUSPENDS
static int
begin_ranges(struct sl_transfer *transfer, struct sl_segment *segment)
{
	set_ranged(transfer);
	segment->lease = &transfer->first_lease;
	int code =
		sl_ranges_lease(&transfer->ranges, &transfer->first_lease, first_piece(transfer));
	if (!code)
		code = keep_url(transfer, segment->exchange);
	return code ? code : begin_journal(transfer);
}

static const struct sl_entry *
entry_of(const struct sl_transfer *transfer)
{
	return transfer->sources->entry;
}

/* What is verified. */
static const struct sl_checksum *
checksum_of(const struct sl_transfer *transfer)
{
	const struct sl_checksum *given = &entry_of(transfer)->checksum;
	return given->kind == SL_CHECKSUM_NONE ? &transfer->sent : given;
}

bool
sl_transfer_is_verified(const struct sl_transfer *transfer)
{
	bool has_pieces = transfer->part && entry_of(transfer)->pieces.kind != SL_CHECKSUM_NONE;
	return checksum_of(transfer)->kind != SL_CHECKSUM_NONE || has_pieces;
}

/* A digest that the server sent; one that cannot be computed here is as good as none. */
static int
begin_hasher(struct sl_transfer *transfer, const struct sl_head *head)
{
	if (checksum_of(transfer)->kind != SL_CHECKSUM_NONE ||
		!sl_answer_digest(head, &transfer->sent))
		return 0;
	int code = sl_hasher_begin(&transfer->hasher);
	if (code == SL_E_UNSUPPORTED) {
		transfer->sent = (struct sl_checksum){ 0 };
		sl_error_clear(transfer->err);
		code = 0;
	}
	return code;
}

SL_SUSPENDS
static int
store_decoded(void *ctx, struct sl_chunk *chunk)
{
	struct sl_transfer *transfer = ctx;
	int code = sl_sink_reserve(&transfer->sink);
	if (code) {
		sl_chunk_unref(chunk);
		return code;
	}
	code = sl_sink_put(&transfer->sink, chunk);
	return code ? code : sl_sink_flush(&transfer->sink);
}

static int
begin_decode(struct sl_transfer *transfer)
{
	transfer->decode = (struct sl_decode){ .codec = transfer->place->codec,
		.window_max = transfer->options->decode_window_max,
		.pool = transfer->options->pool,
		.what = sl_sources_show(transfer->sources),
		.as_it_comes = !transfer->part,
		.ctx = transfer,
		.deliver = store_decoded,
		.err = transfer->err };
	return decodes(transfer) ? sl_decode_begin(&transfer->decode) : 0;
}

SL_SUSPENDS
static int
accept_first(void *ctx, struct sl_segment *segment)
{
	struct sl_transfer *transfer = ctx;
	const struct sl_http_exchange *exchange = segment->exchange;
	struct sl_resource resource = sl_http_resource(exchange);
	sl_permit_move(&transfer->permit, sl_http_final_url(exchange));
	sl_permit_answered(&transfer->permit);
	int code = transfer->accept ? transfer->accept(transfer->ctx, exchange) : 0;
	if (code)
		return code;
	code = begin_decode(transfer);
	if (code)
		return code;
	transfer->sink.path = transfer->place->path;
	transfer->total = resource.length;
	transfer->sink.total = decodes(transfer) ? SL_BODY_UNKNOWN : resource.length;
	transfer->resource = resource;
	transfer->attributes.time_ns = transfer->wants_time ? resource.modified_ns : 0;
	set_stamp(transfer);
	transfer->is_open_ended = sl_http_is_open_ended(exchange);
	transfer->state = SL_TRANSFER_RECEIVING;
	sl_answer_note(sl_http_head(exchange), &transfer->sources->url, transfer->place);
	code = sl_answer_check_size(
		entry_of(transfer), resource.length, transfer->place->path, transfer->err);
	if (!code)
		code = reserve(transfer);
	if (!code)
		code = begin_hasher(transfer, sl_http_head(exchange));
	if (!code && can_be_ranged(transfer, &resource))
		code = begin_ranges(transfer, segment);
	return code;
}

static int
refuse(struct sl_transfer *transfer, struct sl_segment *segment, int code, const char *why)
{
	return sl_fail(segment->err, SL_PHASE_HEAD, code, "cannot fetch a part of '%s': %s",
		sl_sources_show(transfer->sources), why);
}

/* All of the file instead of a range: another version, or a server that does not send ranges, or
 * not with If-Range. */
static int
accept_whole(struct sl_transfer *transfer, struct sl_segment *segment)
{
	struct sl_resource resource = sl_http_resource(segment->exchange);
	if (sl_resource_compare(&transfer->resource, &resource) == SL_RESOURCE_OTHER)
		return refuse(
			transfer, segment, SL_E_CHANGED, "the file has changed on the server");
	if (segment->unconditional)
		return refuse(
			transfer, segment, SL_E_UNSUPPORTED, "the server sent all of it instead");
	transfer->unconditional = transfer->segments.model.unconditional = true;
	return -EAGAIN;
}

SL_SUSPENDS
static int
accept_range(void *ctx, struct sl_segment *segment)
{
	struct sl_transfer *transfer = ctx;
	if (!sl_http_is_range(segment->exchange))
		return accept_whole(transfer, segment);
	struct sl_resource resource = sl_http_resource(segment->exchange);
	transfer->state = SL_TRANSFER_RECEIVING;
	if (sl_resource_compare(&transfer->resource, &resource) != SL_RESOURCE_SAME)
		return refuse(transfer, segment, SL_E_UNSUPPORTED,
			"the server's response does not tell whether it is of the same version");
	if (transfer->has_url)
		return 0;
	int code = keep_url(transfer, segment->exchange);
	transfer->segments.model.url = code ? NULL : &transfer->url;
	transfer->segments.model.left_origin = transfer->left_origin;
	return code;
}

/* ---- chunks ---- */

/* After the last byte of the chunk was written. */
static void
chunk_written(void *ctx, const struct sl_chunk *chunk)
{
	struct sl_transfer *transfer = ctx;
	struct sl_range range = { chunk->off, chunk->off + chunk->len };
	if (!transfer->is_ranged)
		return;
	fail(transfer, sl_ranges_add_done(&transfer->written, range));
	if (transfer->part && transfer->part->journal)
		sl_journal_written(transfer->part->journal, range.begin, range.end, chunk->crc);
	sl_hasher_wake(&transfer->hasher);
}

static uint64_t
written_frontier(void *ctx)
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

/* From the check of what is done to the mark that this is, nothing suspends: no byte is given to
 * the sink twice. */
SL_SUSPENDS
static int
put(struct sl_transfer *transfer, struct sl_segment *segment, struct sl_chunk *chunk)
{
	int code = sl_sink_reserve(&transfer->sink);
	if (code) {
		sl_chunk_unref(chunk);
		return code;
	}
	if (transfer->is_ranged)
		cut_to_lease(segment, chunk);
	uint64_t bytes = chunk->len;
	if (transfer->is_ranged && skip_done(&transfer->ranges, chunk) == 0) {
		sl_sink_unreserve(&transfer->sink);
		sl_chunk_unref(chunk);
	} else {
		/* While the bytes are in the CPU's cache; it is recorded once they are
		 * written. */
		if (transfer->part && transfer->part->journal)
			chunk->crc = sl_crc32c(0, chunk->data, chunk->len);
		code = sl_sink_put(&transfer->sink, chunk);
	}
	if (!code && transfer->is_ranged)
		sl_ranges_advance(&transfer->ranges, segment->lease, bytes);
	return code ? code : sl_sink_flush(&transfer->sink);
}

/* Of a stream: in the order of the bytes. */
SL_SUSPENDS
static int
hash_in_turn(void *ctx, struct sl_chunk *chunk)
{
	struct sl_transfer *transfer = ctx;
	return sl_hasher_put(&transfer->hasher, chunk);
}

static uint64_t
stream_limit(void *ctx)
{
	const struct sl_transfer *transfer = ctx;
	return transfer->sink.next + stream_window(transfer);
}

SL_SUSPENDS
static int
flush_stream(void *ctx)
{
	struct sl_transfer *transfer = ctx;
	return sl_sink_flush(&transfer->sink);
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

SL_SUSPENDS
static int
deliver(void *ctx, struct sl_segment *segment, struct sl_chunk *chunk)
{
	struct sl_transfer *transfer = ctx;
	if (decodes(transfer))
		return decode(transfer, chunk);
	sl_chunk_ref(chunk);
	int code = put(transfer, segment, chunk);
	if (!code && chunk->len > 0 && transfer->part)
		code = hash(transfer, chunk);
	sl_chunk_unref(chunk);
	return code;
}

static bool
extend(void *ctx, struct sl_segment *segment)
{
	struct sl_transfer *transfer = ctx;
	if (!transfer->is_ranged || segment->of)
		return false;
	uint64_t most = first_piece(transfer), end = segment->lease->end;
	if (!transfer->part && end + most > stream_limit(transfer))
		return false;
	return sl_ranges_extend(&transfer->ranges, segment->lease, most);
}

static void
resolve_again(void *ctx)
{
	struct sl_transfer *transfer = ctx;
	transfer->has_url = false;
	transfer->segments.model.url = NULL;
}

/* ---- one response ---- */

SL_SUSPENDS
static int
write_whole(struct sl_transfer *transfer, struct sl_chunk *chunk)
{
	int code = sl_hasher_put(&transfer->hasher, chunk);
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
	return is_whole ? write_whole(transfer, last) : deliver(transfer, segment, last);
}

SL_SUSPENDS
static int
stream(struct sl_transfer *transfer, struct sl_segment *segment)
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
	int code = 0;
	if (last->len > 0 && !transfer->failure)
		code = sl_part_write_whole(
			transfer->part, last, &transfer->attributes, transfer->err);
	sl_chunk_unref(last);
	return code;
}

SL_SUSPENDS
static int
stream_decoded(struct sl_transfer *transfer, struct sl_segment *segment)
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

/* ---- all of it ---- */

static struct sl_segment
model(struct sl_transfer *transfer)
{
	return (struct sl_segment){ .client = transfer->options->client,
		.pool = transfer->options->pool,
		.sources = transfer->sources,
		.as_it_comes = !transfer->part,
		.failure = &transfer->failure,
		.counts = &transfer->counts,
		.ctx = transfer,
		.deliver = deliver,
		.err = transfer->err };
}

static unsigned
segments_at_once(const struct sl_transfer *transfer)
{
	if (!transfer->is_parallel)
		return 1;
	return transfer->part ? transfer->options->segments : stream_segments(transfer);
}

static void
set_segments(struct sl_transfer *transfer)
{
	struct sl_segments *segments = &transfer->segments;
	struct sl_segments_counts counts = segments->counts;
	*segments = (struct sl_segments){ .admission = transfer->options->admission,
		.ranges = &transfer->ranges,
		.model = model(transfer),
		.most = segments_at_once(transfer),
		.piece = first_piece(transfer),
		.failure = &transfer->failure,
		.resolve_again = resolve_again,
		.limit = transfer->part ? NULL : stream_limit,
		.flush = transfer->part ? NULL : flush_stream,
		.ctx = transfer,
		.counts = counts };
	segments->model.accept = accept_range;
	segments->model.as_it_comes = false;
	segments->model.of = &transfer->resource;
	segments->model.unconditional = transfer->unconditional;
	segments->model.url = transfer->has_url ? &transfer->url : NULL;
	segments->model.left_origin = transfer->left_origin;
}

/* What failed on the way to the server leaves what has arrived as it is; anything else stops the
 * transfer. */
static int
outcome(struct sl_transfer *transfer, int code)
{
	const struct sl_error *err = transfer->err;
	bool is_remote = err->code && sl_phase_is_network(err->phase);
	return transfer->is_ranged && is_remote ? code : fail(transfer, code);
}

SL_SUSPENDS
static int
fetch_first(struct sl_transfer *transfer)
{
	struct sl_segment segment = model(transfer);
	struct sl_chunk *chunk = NULL;
	segment.accept = accept_first;
	segment.extend = extend;
	segment.permit = &transfer->permit;
	int code = sl_admission_take(
		transfer->options->admission, &transfer->sources->url, &transfer->permit, &chunk);
	sl_transfer_is_not_expected(transfer);
	if (code)
		return code;
	code = sl_segment_open(&segment, chunk);
	if (code) {
		if (sl_admission_is_refusal(transfer->err))
			sl_permit_refused(&transfer->permit);
		if (transfer->is_ranged)
			sl_ranges_give_back(&transfer->ranges, &transfer->first_lease);
	} else if (transfer->is_parallel) {
		set_segments(transfer);
		code = sl_segments_run(
			&transfer->segments, &segment, &transfer->permit, transfer->err);
	} else {
		code = decodes(transfer) ? stream_decoded(transfer, &segment)
					 : stream(transfer, &segment);
	}
	sl_permit_give(&transfer->permit);
	return code;
}

/* After an earlier attempt, or an earlier run of the program. */
SL_SUSPENDS
static int
go_on(struct sl_transfer *transfer)
{
	transfer->attributes.time_ns = transfer->wants_time ? transfer->resource.modified_ns : 0;
	set_stamp(transfer);
	int code = transfer->part->direct_fd < 0 ? reserve(transfer) : 0;
	if (!code)
		code = begin_journal(transfer);
	return !code && transfer->is_repair ? void_missing(transfer) : code;
}

SL_SUSPENDS
static int
fetch(struct sl_transfer *transfer)
{
	if (!transfer->is_ranged)
		return fetch_first(transfer);
	sl_transfer_is_not_expected(transfer);
	int code = go_on(transfer);
	if (code)
		return code;
	set_segments(transfer);
	return sl_segments_run(&transfer->segments, NULL, NULL, transfer->err);
}

SL_SUSPENDS
static int
receive(struct sl_transfer *transfer)
{
	sl_sink_open(&transfer->sink);
	int code = outcome(transfer, fetch(transfer));
	int written = sl_sink_close(&transfer->sink);
	code = code ? code : written;
	if (transfer->part)
		fail(transfer, sl_part_end_journal(transfer->part, transfer->err));
	code = code ? code : transfer->failure;
	if (code)
		sl_hasher_stop(&transfer->hasher);
	else
		sl_hasher_end(&transfer->hasher);
	if (!code)
		code = transfer->failure;
	if (transfer->is_ranged && !code)
		transfer->attributes.length = transfer->total;
	return code;
}

static void
begin(struct sl_transfer *transfer, struct sl_error *err)
{
	transfer->state = SL_TRANSFER_CONNECTING;
	transfer->failure = 0;
	transfer->err = err;
	if (!transfer->is_ranged) {
		transfer->total = SL_BODY_UNKNOWN;
		transfer->sent = (struct sl_checksum){ 0 };
		transfer->base = 0;
		transfer->base_at = transfer->counts.received;
		transfer->counts.excess = false;
	}
	transfer->sink = (struct sl_sink){ .part = transfer->part,
		.stream_fd = transfer->stream_fd,
		.path = transfer->place->path,
		.total = transfer->total,
		.failure = &transfer->failure,
		.err = err,
		.in_turn = transfer->part || decodes(transfer) ? NULL : hash_in_turn,
		.written = chunk_written,
		.ctx = transfer };
	struct sl_hasher *hasher = &transfer->hasher;
	hasher->expected = checksum_of(transfer);
	hasher->failure = &transfer->failure;
	hasher->err = err;
	hasher->pool = transfer->options->pool;
	hasher->part = transfer->part;
	hasher->frontier = written_frontier;
	hasher->ctx = transfer;
	transfer->decode = (struct sl_decode){ 0 };
}

static void
warn_if_unverified(const struct sl_transfer *transfer)
{
	if (checksum_of(transfer)->kind != SL_CHECKSUM_NONE)
		return;
	if (!transfer->part && entry_of(transfer)->pieces.kind != SL_CHECKSUM_NONE)
		sl_log_warn("%s: the checksums of its pieces are not verified, because it is not "
			    "written to a file",
			sl_sources_show(transfer->sources));
	if (transfer->is_open_ended && !decodes(transfer))
		sl_log_warn("%s: the server sent no length, so truncation cannot be detected (use "
			    "--checksum to verify)",
			sl_sources_show(transfer->sources));
}

SL_SUSPENDS
static int
verify(struct sl_transfer *transfer, size_t *bad)
{
	struct sl_verify verify = { .entry = entry_of(transfer),
		.size = sl_transfer_received(transfer),
		.hasher = &transfer->hasher,
		.part = transfer->part,
		.pool = transfer->options->pool,
		.path = transfer->place->path,
		.received = transfer->is_ranged ? &transfer->ranges : NULL,
		.written = transfer->is_ranged ? &transfer->written : NULL };
	transfer->state = SL_TRANSFER_COMPLETE;
	return sl_verify(&verify, bad, transfer->err);
}

/* Begin, or begin again with what is missing: all of that is received. */
SL_SUSPENDS
static int
receive_missing(struct sl_transfer *transfer, struct sl_error *err)
{
	begin(transfer, err);
	int code = sl_hasher_begin(&transfer->hasher);
	if (code) {
		sl_hasher_release(&transfer->hasher);
		return code;
	}
	code = receive(transfer);
	sl_decode_release(&transfer->decode);
	return code;
}

SL_SUSPENDS
static int
receive_again(struct sl_transfer *transfer, size_t bad, struct sl_error *err)
{
	sl_log_warn("%s; fetching %zu of %zu pieces again", err->text, bad,
		entry_of(transfer)->pieces.count);
	sl_error_clear(err);
	sl_hasher_release(&transfer->hasher);
	transfer->is_repair = true;
	int code = receive_missing(transfer, err);
	transfer->is_repair = false;
	return code;
}

int
sl_transfer_run(struct sl_transfer *transfer, struct sl_error *err)
{
	int code = receive_missing(transfer, err);
	if (!code)
		warn_if_unverified(transfer);
	for (unsigned repairs = 0; !code; repairs++) {
		size_t bad = 0;
		code = verify(transfer, &bad);
		if (code != SL_E_CHECKSUM || bad == 0 || repairs == REPAIRS_MAX)
			break;
		code = receive_again(transfer, bad, err);
	}
	if (code && transfer->state == SL_TRANSFER_COMPLETE)
		transfer->failure = code;
	if (!code || !sl_transfer_can_resume(transfer))
		sl_hasher_release(&transfer->hasher);
	return code;
}
