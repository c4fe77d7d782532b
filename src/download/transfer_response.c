/*
 * transfer_response.c - the responses of a transfer: which version of the file it gets, whether
 * that can come in ranges, and whether later responses are of the same version.
 */
#include "transfer_int.h"

#include "sluice/download/answer.h"

#include <errno.h>

/* ---- what is kept of it ---- */

int
transfer_reserve(struct sl_transfer *transfer)
{
	uint64_t total = transfer->total;
	if (!transfer->part || transfer_decodes(transfer))
		return 0; /* the length of the content is known at its end */
	if (total == SL_BODY_UNKNOWN || total <= SL_PART_SMALL)
		return 0;
	return sl_part_reserve(transfer->part, total, transfer->options->io, transfer->err);
}

void
transfer_set_stamp(struct sl_transfer *transfer)
{
	const struct sl_sources *sources = transfer->sources;
	bool is_unpacked = transfer_decodes(transfer);
	sl_stamp_init(&transfer->stamp, sl_sources_show(sources), &transfer->source.resource,
		is_unpacked ? NULL : &sources->entry->checksum, is_unpacked || transfer->is_coded);
	bool wanted = transfer->wants_stamp && sl_stamp_is_useful(&transfer->stamp);
	transfer->attributes.stamp = wanted ? &transfer->stamp : NULL;
}

void
transfer_set_ranged(struct sl_transfer *transfer)
{
	sl_ranges_init(&transfer->ranges, transfer->total);
	sl_ranges_init(&transfer->written, transfer->total);
	transfer->is_ranged = true;
	transfer->written_crc = 0;
	transfer->is_parallel =
		(transfer->part || !transfer->skips_written) && transfer_can_be_parallel(transfer);
}

int
sl_transfer_begin_journal(const struct sl_transfer_options *options, struct sl_part *part,
	const struct sl_url *url, const struct sl_resource *resource)
{
	struct sl_journal_resource of = { .url_hash = sl_journal_url_hash(url),
		.resource = *resource };
	struct sl_journal_options wanted = { .resource = &of,
		.sync = options->sync,
		.sync_turn = options->sync_turn,
		.sync_failed = options->sync_failed,
		.ctx = options->sync_ctx };
	return sl_part_begin_journal(part, &wanted);
}

int
transfer_begin_journal(struct sl_transfer *transfer)
{
	bool is_small = transfer->total <= SL_PART_SMALL;
	if (!transfer->options->keeps_journal || !transfer->part ||
		(is_small && !transfer->part->journal))
		return 0;
	return sl_transfer_begin_journal(transfer->options, transfer->part, &transfer->sources->url,
		&transfer->source.resource);
}

/* Where the source has led to, for later requests. */
static int
keep_url(struct sl_source *source, const struct sl_http_exchange *exchange)
{
	return sl_source_set_url(source, sl_http_final_url(exchange), sl_http_scope(exchange));
}

/* ---- the first response ---- */

/* Whether what is missing of this version can be asked for later. What fits in a chunk is fetched
 * again as a whole; what a reader has got can only be skipped. */
static bool
can_go_on(const struct sl_transfer *transfer, const struct sl_resource *resource)
{
	if (transfer->no_ranges || transfer_decodes(transfer) ||
		resource->length == SL_LENGTH_UNKNOWN || !sl_resource_validator(resource))
		return false;
	if (!transfer->part)
		return resource->length > 0;
	return resource->takes_ranges &&
	       resource->length > sl_chunk_pool_size(transfer->options->pool);
}

SL_SUSPENDS
static int
begin_ranges(struct sl_transfer *transfer, struct sl_segment *segment)
{
	transfer->skips_written = !transfer->source.resource.takes_ranges;
	transfer_set_ranged(transfer);
	segment->lease = &transfer->first_lease;
	int code = sl_ranges_lease(
		&transfer->ranges, &transfer->first_lease, transfer_first_piece(transfer));
	if (!code)
		code = keep_url(segment->source, segment->exchange);
	transfer_begin_sources(transfer); /* before the first byte: who delivers what is noted */
	return code ? code : transfer_begin_journal(transfer);
}

/* Unless there is a checksum to verify already. */
static void
take_digest(struct sl_transfer *transfer, const struct sl_head *head)
{
	if (transfer_checksum(transfer)->kind == SL_CHECKSUM_NONE &&
		!sl_answer_digest(head, &transfer->sent))
		transfer->sent = (struct sl_checksum){ 0 };
}

int
transfer_begin_sent_digest(void *ctx)
{
	struct sl_transfer *transfer = ctx;
	if (transfer->sent.kind == SL_CHECKSUM_NONE || transfer->hasher.digest)
		return 0;
	int code = sl_hasher_begin(&transfer->hasher);
	if (code == SL_E_UNSUPPORTED) {
		transfer->sent = (struct sl_checksum){ 0 };
		sl_error_clear(transfer->err);
		code = 0;
	}
	return code;
}

/* Before others are requested: whether they may come in any order. */
SL_SUSPENDS
static int
show_head(struct sl_transfer *transfer, struct sl_segment *segment)
{
	const struct sl_chunk *chunk = segment->chunk;
	if (!transfer->tee || !sl_tee_wants_head(transfer->tee) || transfer_decodes(transfer))
		return 0;
	int code = sl_segment_read_head(segment, SL_TEE_HEAD);
	if (!code && chunk->len > 0)
		sl_tee_show_head(transfer->tee, chunk->data, chunk->len);
	return code;
}

int
transfer_accept_first(void *ctx, struct sl_segment *segment)
{
	struct sl_transfer *transfer = ctx;
	const struct sl_http_exchange *exchange = segment->exchange;
	struct sl_resource resource = sl_http_resource(exchange);
	sl_permit_move(&transfer->permit, sl_http_final_url(exchange));
	if (sl_http_head(exchange)->http2)
		sl_permit_shared(&transfer->permit);
	sl_permit_answered(&transfer->permit);
	int code = transfer->accept ? transfer->accept(transfer->ctx, exchange) : 0;
	if (code)
		return code;
	code = transfer_begin_decode(transfer);
	if (code)
		return code;
	transfer->sink.path = transfer->place->path;
	transfer->total = resource.length;
	transfer->sink.total = transfer_decodes(transfer) ? SL_BODY_UNKNOWN : resource.length;
	transfer->source.resource = resource;
	transfer->source_index = transfer->sources->index;
	transfer->attributes.time_ns = transfer->wants_time ? resource.modified_ns : 0;
	transfer->is_coded = sl_http_coding(exchange) != SL_CODEC_NONE;
	transfer_set_stamp(transfer);
	transfer->is_open_ended = sl_http_is_open_ended(exchange);
	transfer->state = SL_TRANSFER_RECEIVING;
	sl_answer_note(sl_http_head(exchange), sl_http_coding(exchange), &transfer->sources->url,
		transfer->place);
	code = sl_answer_check_size(
		transfer_entry(transfer), resource.length, transfer->place->path, transfer->err);
	if (!code)
		code = transfer_reserve(transfer);
	if (!code)
		take_digest(transfer, sl_http_head(exchange));
	if (!code)
		code = transfer_begin_sent_digest(transfer);
	if (!code)
		code = show_head(transfer, segment);
	if (!code && can_go_on(transfer, &resource))
		code = begin_ranges(transfer, segment);
	return code;
}

/* ---- responses to requests for ranges ---- */

static int
refuse(struct sl_segment *segment, int code, const char *why)
{
	return sl_fail(segment->err, SL_PHASE_HEAD, code, "cannot fetch a part of '%s': %s",
		sl_sources_show(segment->source->of), why);
}

static int
refuse_undecided(struct sl_segment *segment)
{
	return refuse(segment, SL_E_UNSUPPORTED,
		"the server's response does not tell whether it is of the same version");
}

/* All of the file instead of a range: another version, or a server that does not send ranges, or
 * not with If-Range. */
static int
accept_whole(struct sl_segment *segment)
{
	struct sl_source *source = segment->source;
	struct sl_resource resource = sl_http_resource(segment->exchange);
	if (sl_resource_compare(&source->resource, &resource) == SL_RESOURCE_OTHER)
		return refuse(segment, SL_E_CHANGED, "the file has changed on the server");
	if (segment->unconditional)
		return refuse(segment, SL_E_UNSUPPORTED, "the server sent all of it instead");
	source->unconditional = true;
	return -EAGAIN;
}

/* Once ETags have differed, each must have come with the same bytes. */
static bool
is_same_version(const struct sl_source *source, const struct sl_resource *resource)
{
	return sl_resource_compare(&source->resource, resource) == SL_RESOURCE_SAME &&
	       (source->etag_count == 0 || sl_source_has_etag(source, resource->etag));
}

/* ETags of one version that differ alone: nodes of one service have sent them. */
static bool
may_be_other_node(const struct sl_source *source, const struct sl_resource *other)
{
	const struct sl_resource *own = &source->resource;
	bool has_etag = source->etag_count > 0 ? source->etag_count < SL_SOURCE_ETAGS
					       : sl_resource_has_strong_etag(own);
	return has_etag && sl_resource_has_strong_etag(other) && own->is_modified_strong &&
	       other->is_modified_strong && own->modified_ns == other->modified_ns;
}

/* To what was written, the rest of it: the bytes before are compared and dropped. */
int
transfer_accept_again(void *ctx, struct sl_segment *segment)
{
	struct sl_transfer *transfer = ctx;
	struct sl_resource resource = sl_http_resource(segment->exchange);
	uint32_t crc = 0;
	sl_permit_move(&transfer->permit, sl_http_final_url(segment->exchange));
	sl_permit_answered(&transfer->permit);
	if (sl_resource_compare(&transfer->source.resource, &resource) == SL_RESOURCE_OTHER)
		return refuse(segment, SL_E_CHANGED, "the file has changed on the server");
	if (!is_same_version(&transfer->source, &resource))
		return refuse_undecided(segment);
	transfer->state = SL_TRANSFER_RECEIVING;
	uint64_t written = sl_ranges_frontier(&transfer->written);
	int code = sl_segment_skip(segment, written, &crc);
	if (!code && crc != transfer->written_crc)
		code = refuse(segment, SL_E_CHANGED, "the server now sends other bytes before it");
	if (code)
		return code;
	segment->lease = &transfer->first_lease;
	return sl_ranges_lease(&transfer->ranges, segment->lease, transfer->total);
}

int
transfer_accept_range(void *ctx, struct sl_segment *segment)
{
	struct sl_transfer *transfer = ctx;
	struct sl_source *source = segment->source;
	sl_permit_move(segment->permit, sl_http_final_url(segment->exchange));
	if (!sl_http_is_range(segment->exchange))
		return accept_whole(segment);
	struct sl_resource resource = sl_http_resource(segment->exchange);
	transfer->state = SL_TRANSFER_RECEIVING;
	bool is_same = is_same_version(source, &resource);
	if (!is_same && transfer->can_compare && may_be_other_node(source, &resource)) {
		transfer_doubt_source(transfer, source);
		return -EAGAIN;
	}
	if (!is_same)
		return refuse_undecided(segment);
	transfer_note_source(transfer, source, NULL);
	/* After an earlier attempt, which had it. The task of the transfer begins the hasher. */
	if (transfer->part && source == &transfer->source)
		take_digest(transfer, sl_http_head(segment->exchange));
	return source->has_url ? 0 : keep_url(source, segment->exchange);
}
