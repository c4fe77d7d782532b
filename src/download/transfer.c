/*
 * One transfer: the segment's chunks go to the hasher and to the sink.
 *
 * The first failure of any of them is kept in transfer->failure, which stops the others; then
 * everything that is in flight is waited for. A body that fits in one chunk is written and sealed
 * in one call of the blocking pool instead.
 */
#include "sluice/download/transfer.h"

#include "sluice/base/log.h"
#include "sluice/download/answer.h"

void
sl_transfer_init(struct sl_transfer *transfer, const struct sl_transfer_options *options)
{
	*transfer = (struct sl_transfer){
		.options = options, .stream_fd = -1, .total = SL_BODY_UNKNOWN
	};
}

uint64_t
sl_transfer_received(const struct sl_transfer *transfer)
{
	return transfer->segment.received;
}

static int
fail(struct sl_transfer *transfer, int code)
{
	if (code && !transfer->failure)
		transfer->failure = code;
	return transfer->failure;
}

/* ---- what the segment calls ---- */

SL_SUSPENDS
static int
reserve(struct sl_transfer *transfer)
{
	uint64_t total = transfer->total;
	if (!transfer->part || total == SL_BODY_UNKNOWN || total <= SL_PART_SMALL)
		return 0;
	return sl_part_reserve(transfer->part, total, transfer->options->io, transfer->err);
}

SL_SUSPENDS
static int
accept_head(void *ctx, const struct sl_http_exchange *exchange)
{
	struct sl_transfer *transfer = ctx;
	struct sl_resource resource = sl_http_resource(exchange);
	transfer->total = resource.length;
	transfer->sink.total = resource.length;
	transfer->attributes.time_ns = transfer->wants_time ? resource.modified_ns : 0;
	transfer->is_open_ended = sl_http_is_open_ended(exchange);
	transfer->state = SL_TRANSFER_RECEIVING;
	if (transfer->accepted)
		transfer->accepted(transfer);
	sl_answer_note(sl_http_head(exchange), &transfer->sources->url, transfer->place);
	return reserve(transfer);
}

SL_SUSPENDS
static int
deliver(void *ctx, struct sl_chunk *chunk)
{
	struct sl_transfer *transfer = ctx;
	int code = fail(transfer, sl_hasher_put(&transfer->hasher, chunk));
	if (!code)
		return sl_sink_put(&transfer->sink, chunk);
	sl_chunk_unref(chunk);
	return code;
}

/* ---- the last chunk ---- */

SL_SUSPENDS
static int
write_whole(struct sl_transfer *transfer, struct sl_chunk *chunk)
{
	int code = sl_hasher_put(&transfer->hasher, chunk);
	if (!code)
		code = sl_part_write_whole(
			transfer->part, chunk, &transfer->attributes, transfer->err);
	sl_chunk_unref(chunk);
	return fail(transfer, code);
}

/* The chunk is NULL if the segment failed; a write before it may have failed meanwhile. */
SL_SUSPENDS
static int
put_last(struct sl_transfer *transfer, struct sl_chunk *last)
{
	transfer->attributes.length = transfer->segment.received;
	if (transfer->failure || last->len == 0) {
		sl_chunk_unref(last);
		return transfer->failure;
	}
	bool is_whole = last->off == 0 && transfer->part && transfer->part->direct_fd < 0;
	return is_whole ? write_whole(transfer, last) : deliver(transfer, last);
}

/* ---- all of it ---- */

SL_SUSPENDS
static int
receive(struct sl_transfer *transfer)
{
	struct sl_chunk *last = NULL;
	sl_sink_open(&transfer->sink);
	fail(transfer, sl_segment_run(&transfer->segment, &last));
	fail(transfer, put_last(transfer, last));
	fail(transfer, sl_sink_close(&transfer->sink));
	sl_hasher_end(&transfer->hasher);
	return transfer->failure;
}

static void
begin(struct sl_transfer *transfer, struct sl_error *err)
{
	transfer->state = SL_TRANSFER_CONNECTING;
	transfer->total = SL_BODY_UNKNOWN;
	transfer->failure = 0;
	transfer->err = err;
	transfer->sink = (struct sl_sink){ .part = transfer->part,
		.stream_fd = transfer->stream_fd,
		.path = transfer->place->path,
		.total = SL_BODY_UNKNOWN,
		.failure = &transfer->failure,
		.err = err };
	transfer->segment = (struct sl_segment){ .client = transfer->options->client,
		.pool = transfer->options->pool,
		.sources = transfer->sources,
		.as_it_comes = !transfer->part,
		.failure = &transfer->failure,
		.ctx = transfer,
		.accept = accept_head,
		.deliver = deliver,
		.err = err };
}

static void
warn_if_open_ended(const struct sl_transfer *transfer)
{
	if (transfer->is_open_ended && transfer->sources->entry->checksum.kind == SL_CHECKSUM_NONE)
		sl_log_warn("%s: the server sent no length, so truncation cannot be detected (use "
			    "--checksum to verify)",
			sl_sources_show(transfer->sources));
}

int
sl_transfer_run(struct sl_transfer *transfer, struct sl_error *err)
{
	begin(transfer, err);
	int code = sl_hasher_begin(
		&transfer->hasher, &transfer->sources->entry->checksum, &transfer->failure, err);
	if (!code)
		code = receive(transfer);
	if (!code) {
		warn_if_open_ended(transfer);
		transfer->state = SL_TRANSFER_COMPLETE;
		code = sl_hasher_check(&transfer->hasher, transfer->place->path, err);
	}
	sl_hasher_release(&transfer->hasher);
	return code;
}
