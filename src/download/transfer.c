/*
 * transfer.c - the run of one transfer, from its first request to the checks of what has come.
 *
 *    states    begin -> first response -> stream                 (all of it in one response)
 *                                      -> segments               (ranges; also when it goes on)
 *
 * The first response is to a plain GET, which every server answers best. If the file can come in
 * ranges, that response is the first segment: it is read as far as its lease goes, and others fetch
 * what follows. A stream goes on by a plain GET, too, with a server that does not send ranges: the
 * bytes that were written are compared and skipped.
 *
 * The first failure of any part is kept in transfer->failure, which stops the others; then
 * everything that is in flight is waited for. A body that fits in one chunk is written and sealed
 * in one call of the blocking pool instead.
 */
#include "transfer_int.h"

#include "sluice/base/crc32c.h"
#include "sluice/base/log.h"
#include "sluice/download/verify.h"
#include "sluice/http/date.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define RECORD_SIZE (256 * SL_KIB) /* of a small file, bytes that are read back at once */
#define REPAIRS_MAX 2u             /* times that bad pieces are fetched again from one source */

void
sl_transfer_init(struct sl_transfer *transfer, const struct sl_transfer_options *options)
{
	*transfer = (struct sl_transfer){
		.options = options, .stream_fd = -1, .total = SL_BODY_UNKNOWN
	};
	sl_list_init(&transfer->compare);
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
	transfer->is_ranged = transfer->is_parallel = transfer->skips_written = false;
	transfer->resumed = transfer->known_len = 0;
	transfer->failed_elsewhere = false;
	transfer_release_sources(transfer);
	transfer->sent = (struct sl_checksum){ 0 };
	sl_hasher_release(&transfer->hasher);
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
	return transfer->is_ranged && !transfer->failure && transfer->ranges.done_bytes > 0;
}

bool
sl_transfer_skip_written(struct sl_transfer *transfer)
{
	if (transfer->skips_written || !sl_transfer_has_streamed(transfer) ||
		!sl_transfer_can_resume(transfer))
		return false;
	transfer->skips_written = true;
	transfer->is_parallel = false;
	return true;
}

bool
sl_transfer_has_streamed(const struct sl_transfer *transfer)
{
	return !transfer->part && transfer->sink.next > 0;
}

uint64_t
sl_transfer_length(const struct sl_transfer *transfer)
{
	return transfer_decodes(transfer) ? transfer->decode.produced
					  : sl_transfer_received(transfer);
}

/* ---- the journal ---- */

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

SL_SUSPENDS
static int
record_range(const struct sl_part *part, unsigned char *data, struct sl_range range)
{
	size_t len = (size_t)(range.end - range.begin);
	int got = sl_io_read_full(part->fd, data, len, range.begin);
	if (got < 0 || (size_t)got < len)
		return got < 0 ? got : SL_E_REPLACED;
	sl_journal_written(part->journal, range.begin, range.end, sl_crc32c(0, data, len));
	return 0;
}

/* `data` has room for RECORD_SIZE. */
SL_SUSPENDS
static int
record_written(struct sl_transfer *transfer, unsigned char *data)
{
	struct sl_range range = { 0 };
	int code = sl_transfer_begin_journal(transfer->options, transfer->part,
		&transfer->sources->url, &transfer->source.resource);
	while (!code && sl_ranges_next_done(&transfer->written, range.end, &range)) {
		range.end = SL_MIN(range.end, range.begin + RECORD_SIZE);
		code = record_range(transfer->part, data, range);
	}
	return code;
}

/* A small file has a journal only once something has failed: to make one for each would take as
 * long as to fetch it. Without it the next attempt begins anew. */
SL_SUSPENDS
static void
record_small(struct sl_transfer *transfer)
{
	if (!transfer->part || transfer->part->journal || !transfer->is_ranged ||
		!transfer->options->keeps_journal || transfer->written.done_bytes == 0 ||
		transfer->failure || sl_task_cancelled())
		return;
	unsigned char *data = malloc(RECORD_SIZE);
	int code = data ? record_written(transfer, data) : -ENOMEM;
	free(data);
	if (code)
		sl_log_info("'%s' cannot be resumed: %s", transfer->part->part_name,
			sl_code_text(code));
}

/* A journal has no text of Last-Modified. */
static void
complete_validator(struct sl_resource *resource)
{
	struct sl_buf date = { 0 };
	if (!resource->is_modified_strong)
		return;
	sl_date_format(&date, (int64_t)(resource->modified_ns / SL_NS_PER_S));
	resource->is_modified_strong = !date.failed;
	if (resource->is_modified_strong)
		snprintf(resource->modified, sizeof(resource->modified), "%.*s", (int)date.len,
			date.data);
	sl_buf_release(&date);
}

int
sl_transfer_resume(struct sl_transfer *transfer, const struct sl_journal_content *content)
{
	struct sl_source *source = &transfer->source;
	const struct sl_sources *sources = transfer->sources;
	source->resource = content->resource.resource;
	complete_validator(&source->resource);
	transfer->source_index = transfer_find_by_hash(sources, content->resource.url_hash);
	transfer->total = source->resource.length;
	transfer_set_ranged(transfer);
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

bool
sl_transfer_is_verified(const struct sl_transfer *transfer)
{
	return transfer_is_verified(transfer);
}

/* ---- all of it ---- */

static struct sl_segment
model(struct sl_transfer *transfer)
{
	return (struct sl_segment){ .client = transfer->options->client,
		.pool = transfer->options->pool,
		.source = &transfer->source,
		.as_it_comes = !transfer->part,
		.failure = &transfer->failure,
		.counts = &transfer->counts,
		.ctx = transfer,
		.deliver = transfer_deliver,
		.err = transfer->err };
}

static void
set_segments(struct sl_transfer *transfer)
{
	struct sl_segments *segments = &transfer->segments;
	struct sl_segments_counts counts = segments->counts;
	*segments = (struct sl_segments){ .admission = transfer->options->admission,
		.ranges = &transfer->ranges,
		.model = model(transfer),
		.most = transfer_segments_at_once(transfer),
		.piece = transfer_first_piece(transfer),
		.failure = &transfer->failure,
		.sources = transfer->asked,
		.source_count = transfer->asked_count,
		.dropped = transfer_source_dropped,
		.limit = transfer->is_parallel && transfer_is_in_order(transfer)
				 ? transfer_order_limit
				 : NULL,
		.flush = transfer->part ? transfer_begin_sent_digest : transfer_flush_stream,
		.ctx = transfer,
		.counts = counts };
	segments->model.accept = transfer_accept_range;
	segments->model.as_it_comes = !transfer->part && !transfer->is_parallel;
	segments->model.is_range = true;
}

/* Others are compared meanwhile. */
SL_SUSPENDS
static int
run_segments(struct sl_transfer *transfer, struct sl_segment *first)
{
	struct sl_group group;
	set_segments(transfer);
	sl_group_enter(&group, SL_GROUP_COLLECT);
	transfer->can_compare =
		transfer->part &&
		sl_group_spawn(&group, "sources", transfer_compare_task, transfer, NULL) == 0;
	int code = sl_segments_run(
		&transfer->segments, first, first ? &transfer->permit : NULL, transfer->err);
	sl_group_cancel(&group, -ECANCELED);
	(void)sl_group_leave(&group);
	transfer->can_compare = false;
	transfer_note_failed(transfer, code);
	return code;
}

/* What failed on the way to the server leaves what has arrived as it is; anything else stops the
 * transfer. */
static int
outcome(struct sl_transfer *transfer, int code)
{
	const struct sl_error *err = transfer->err;
	bool is_remote = err->code && sl_phase_is_network(err->phase);
	return transfer->is_ranged && is_remote ? code : transfer_fail(transfer, code);
}

SL_SUSPENDS
static int
fetch_first(struct sl_transfer *transfer)
{
	struct sl_segment segment = model(transfer);
	struct sl_chunk *chunk = NULL;
	segment.accept = transfer->is_ranged ? transfer_accept_again : transfer_accept_first;
	/* What is compared with bytes that came before comes as they did. */
	segment.codings = transfer->options->compressed && !transfer->is_ranged
				  ? SL_CODINGS_REQUEST
				  : SL_CODINGS_AS_SENT;
	segment.extend = transfer_extend;
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
		code = run_segments(transfer, &segment);
	} else {
		code = transfer_decodes(transfer) ? transfer_stream_decoded(transfer, &segment)
						  : transfer_stream(transfer, &segment);
	}
	sl_permit_give(&transfer->permit);
	return code;
}

/* After an earlier attempt, or an earlier run of the program. */
SL_SUSPENDS
static int
go_on(struct sl_transfer *transfer)
{
	int code = transfer_use_source(transfer);
	if (code)
		return code;
	uint64_t modified_ns = transfer->source.resource.modified_ns;
	transfer->attributes.time_ns = transfer->wants_time ? modified_ns : 0;
	transfer_set_stamp(transfer);
	bool is_reserved = !transfer->part || transfer->part->direct_fd >= 0;
	code = is_reserved ? 0 : transfer_reserve(transfer);
	if (!code)
		code = transfer_begin_journal(transfer);
	return !code && transfer->is_repair ? void_missing(transfer) : code;
}

SL_SUSPENDS
static int
fetch(struct sl_transfer *transfer)
{
	if (!transfer->is_ranged || transfer->skips_written)
		return fetch_first(transfer);
	sl_transfer_is_not_expected(transfer);
	int code = go_on(transfer);
	transfer_begin_sources(transfer);
	if (!code)
		code = transfer_find_source(transfer);
	return code ? code : run_segments(transfer, NULL);
}

/* A stream that can go on, after a failure: what is next for it is written, since the checksum may
 * have it already. 0, or the failure to write. */
SL_SUSPENDS
static int
finish_stream(struct sl_transfer *transfer)
{
	bool goes_on = !transfer->part && transfer->is_ranged && !transfer->failure;
	return goes_on ? transfer_fail(transfer, transfer_flush_stream(transfer)) : 0;
}

/* What was received of a stream beyond the first missing byte is dropped with its queue. */
static void
forget_unwritten(struct sl_transfer *transfer)
{
	struct sl_range written = { 0, sl_ranges_frontier(&transfer->written) };
	sl_ranges_release(&transfer->ranges);
	sl_ranges_init(&transfer->ranges, transfer->total);
	transfer_fail(transfer, sl_ranges_add_done(&transfer->ranges, written));
}

SL_SUSPENDS
static int
receive(struct sl_transfer *transfer)
{
	sl_sink_open(&transfer->sink);
	int code = outcome(transfer, fetch(transfer));
	int written = code ? finish_stream(transfer) : 0;
	code = written ? written : code;
	written = sl_sink_close(&transfer->sink);
	if (code && !transfer->part && transfer->is_ranged)
		forget_unwritten(transfer);
	code = code ? code : written;
	if (code)
		record_small(transfer);
	if (transfer->part)
		transfer_fail(transfer, sl_part_end_journal(transfer->part, transfer->err));
	code = code ? code : transfer->failure;
	/* What is queued of a part is read back by the next run; a stream has no other copy. */
	if (code && (transfer->part || !sl_transfer_can_resume(transfer)))
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
	transfer->source.of = transfer->sources;
	transfer->failed_elsewhere = transfer->is_coded = false;
	if (!transfer->is_ranged) {
		transfer->total = SL_BODY_UNKNOWN;
		transfer->sent = (struct sl_checksum){ 0 };
		transfer->base = 0;
		transfer->base_at = transfer->counts.received;
		transfer->counts.excess = false;
	}
	uint64_t streamed =
		transfer->is_ranged && !transfer->part ? sl_ranges_frontier(&transfer->written) : 0;
	transfer->sink = (struct sl_sink){ .part = transfer->part,
		.next = streamed,
		.announced = streamed,
		.stream_fd = transfer->stream_fd,
		.path = transfer->place->path,
		.total = transfer->total,
		.failure = &transfer->failure,
		.err = err,
		.in_turn = transfer->part ? NULL : transfer_chunk_in_turn,
		.written = transfer_chunk_written,
		.ctx = transfer };
	struct sl_hasher *hasher = &transfer->hasher;
	hasher->expected = transfer_checksum(transfer);
	hasher->failure = &transfer->failure;
	hasher->err = err;
	hasher->pool = transfer->options->pool;
	hasher->part = transfer->part;
	hasher->frontier = transfer_written_frontier;
	hasher->ctx = transfer;
	transfer->decode = (struct sl_decode){ 0 };
}

static void
warn_if_unverified(const struct sl_transfer *transfer)
{
	if (transfer_checksum(transfer)->kind != SL_CHECKSUM_NONE)
		return;
	if (!transfer->part && transfer_entry(transfer)->pieces.kind != SL_CHECKSUM_NONE)
		sl_log_warn("%s: the checksums of its pieces are not verified, because it is not "
			    "written to a file",
			sl_sources_show(transfer->sources));
	if (transfer->is_open_ended && !transfer_decodes(transfer))
		sl_log_warn("%s: the server sent no length, so truncation cannot be detected (use "
			    "--checksum to verify)",
			sl_sources_show(transfer->sources));
}

SL_SUSPENDS
static int
verify(struct sl_transfer *transfer, size_t *bad)
{
	struct sl_verify verify = { .entry = transfer_entry(transfer),
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

/* Of the version at hand. */
static uint64_t
known_len(const struct sl_transfer *transfer)
{
	struct sl_range known = { 0, transfer->known_len };
	bool is_there = transfer->is_ranged && known.end && transfer->part &&
			sl_ranges_has(&transfer->written, known);
	return is_there ? known.end : 0;
}

SL_SUSPENDS
static void
begin_tee(struct sl_transfer *transfer)
{
	const struct sl_place *place = transfer->place;
	struct sl_tee_source source = { .url = sl_sources_show(transfer->sources),
		.path = place->awaits_name ? NULL : place->path,
		.known_len = known_len(transfer),
		.version = transfer->is_ranged ? &transfer->source.resource : NULL,
		.part = transfer->part,
		.written = &transfer->written,
		.pool = transfer->options->pool };
	if (transfer->tee)
		sl_tee_begin(transfer->tee, &source);
}

SL_SUSPENDS
static void
end_tee(struct sl_transfer *transfer, int code)
{
	const struct sl_resource *version = transfer->is_ranged ? &transfer->source.resource : NULL;
	if (transfer->tee)
		sl_tee_end(transfer->tee, version, code == 0);
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
	begin_tee(transfer);
	code = receive(transfer);
	end_tee(transfer, code);
	sl_decode_release(&transfer->decode);
	return code;
}

SL_SUSPENDS
static int
receive_again(struct sl_transfer *transfer, size_t bad, struct sl_error *err)
{
	sl_log_warn("%s; fetching %zu of %zu pieces again", err->text, bad,
		transfer_entry(transfer)->pieces.count);
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
	transfer->source.state = SL_SOURCE_JOINED;
	int code = receive_missing(transfer, err);
	if (!code)
		warn_if_unverified(transfer);
	for (unsigned repairs = 0; !code; repairs++) {
		size_t bad = 0;
		code = verify(transfer, &bad);
		if (code != SL_E_CHECKSUM || bad == 0 || !transfer_can_repair(transfer))
			break;
		if (transfer_drop_provider(transfer))
			repairs = 0;
		if (repairs == REPAIRS_MAX)
			break;
		code = receive_again(transfer, bad, err);
	}
	transfer_end_sources(transfer);
	if (!code && transfer->tee)
		sl_tee_finish(transfer->tee, sl_transfer_length(transfer));
	if (code && transfer->state == SL_TRANSFER_COMPLETE)
		transfer->failure = code;
	if (!code || !sl_transfer_can_resume(transfer))
		sl_hasher_release(&transfer->hasher);
	return code;
}
