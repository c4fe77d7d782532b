/*
 * overlap.c - each sample is one segment whose bytes are compared instead of stored.
 *
 * The first response shows which version the source has; the others must be of the same. Nothing is
 * sent to If-Range: servers that answer it with all of the file, and nodes with other ETags, are
 * among those which are compared.
 */
#include "sluice/download/overlap.h"

#include "sluice/base/number.h"
#include "sluice/download/segment.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- samples ---- */

/* The byte at hand that has `rank` others at hand before it; there are more than `rank`. */
static uint64_t
byte_at(const struct sl_ranges *at_hand, uint64_t rank)
{
	struct sl_range range = { 0 };
	while (sl_ranges_next_done(at_hand, range.end, &range)) {
		if (rank < range.end - range.begin)
			break;
		rank -= range.end - range.begin;
	}
	return range.begin + rank;
}

size_t
sl_overlap_samples(const struct sl_ranges *at_hand, struct sl_range out[SL_OVERLAP_SAMPLES])
{
	uint64_t count = at_hand->done_bytes, most = SL_OVERLAP_SAMPLE;
	const uint64_t ranks[SL_OVERLAP_SAMPLES] = { 0, count / 2,
		count > most ? count - most : 0 };
	size_t found = 0;
	for (size_t i = 0; i < SL_OVERLAP_SAMPLES && count > 0; i++) {
		uint64_t begin = byte_at(at_hand, ranks[i]);
		uint64_t len = SL_MIN(sl_ranges_done_from(at_hand, begin), most);
		uint64_t end = begin + len;
		if (found > 0)
			begin = SL_MAX(begin, out[found - 1].end);
		if (begin < end)
			out[found++] = (struct sl_range){ begin, end };
	}
	return found;
}

/* ---- one sample ---- */

struct sample {
	struct sl_overlap *overlap;
	struct sl_range range;
	struct sl_permit *permit;
	unsigned char *local; /* its bytes of the file */
	struct sl_lease lease;
	struct sl_segment_counts counts;
	enum sl_overlap_result result;
	int failure; /* of the file */
	int never;   /* 0: segment.failure */
};

SL_SUSPENDS
static int
accept_sample(void *ctx, struct sl_segment *segment)
{
	struct sample *sample = ctx;
	struct sl_overlap *overlap = sample->overlap;
	struct sl_source *answer = &overlap->answer;
	const struct sl_http_exchange *exchange = segment->exchange;
	struct sl_resource resource = sl_http_resource(exchange);
	sl_permit_move(sample->permit, sl_http_final_url(exchange));
	sl_permit_answered(sample->permit);
	if (!sl_http_is_range(exchange)) {
		bool other = sl_resource_compare(&answer->resource, &resource) == SL_RESOURCE_OTHER;
		return other ? sl_fail(segment->err, SL_PHASE_HEAD, SL_E_CHANGED,
				       "'%s' is another version of the file",
				       sl_sources_show(overlap->sources))
			     : sl_fail(segment->err, SL_PHASE_HEAD, SL_E_UNSUPPORTED,
				       "cannot compare '%s': the server does not send parts of it",
				       sl_sources_show(overlap->sources));
	}
	answer->resource = resource;
	return sl_source_set_url(answer, sl_http_final_url(exchange), sl_http_scope(exchange));
}

/* All of [off, off + len) of the file, into sample->local. */
SL_SUSPENDS
static int
read_local(struct sample *sample, uint64_t off, size_t len)
{
	int got = sl_io_read_full(sample->overlap->fd, sample->local, len, off);
	if (got < 0)
		return got;
	return (size_t)got < len ? -EIO : 0; /* it was truncated */
}

SL_SUSPENDS
static int
compare_chunk(void *ctx, struct sl_segment *segment, struct sl_chunk *chunk)
{
	struct sample *sample = ctx;
	int code = 0;
	for (size_t at = 0; at < chunk->len && !code;) {
		size_t len = SL_MIN(chunk->len - at, (size_t)SL_OVERLAP_SAMPLE);
		code = sample->failure = read_local(sample, chunk->off + at, len);
		if (!code && memcmp(chunk->data + at, sample->local, len) != 0)
			code = sl_fail(segment->err, SL_PHASE_BODY, SL_E_CHANGED,
				"'%s' has other bytes between %llu and %llu",
				sl_sources_show(sample->overlap->sources),
				(unsigned long long)(chunk->off + at),
				(unsigned long long)(chunk->off + at + len));
		at += len;
	}
	sl_chunk_unref(chunk);
	return code;
}

SL_SUSPENDS
static int
receive(struct sl_segment *segment)
{
	struct sl_chunk *last = NULL;
	int code = sl_segment_receive(segment, &last);
	if (last && last->len > 0 && !code)
		return sl_segment_deliver(segment, last);
	sl_chunk_unref(last);
	return code;
}

/* The server does not send the range that was requested; it may still send all of the file. */
static bool
is_refusal_of_range(const struct sl_error *err)
{
	return (err->code == SL_E_STATUS && err->http_status == 416) ||
	       (err->code == SL_E_PROTO && err->phase == SL_PHASE_HEAD);
}

/* The same words, with the code of a server that does not send ranges. */
static int
set_unsupported(struct sl_error *err)
{
	err->http_status = 0;
	return err->code = SL_E_UNSUPPORTED;
}

/* The file cannot be read, or the caller is to stop: that says nothing of the source. */
static bool
is_own_failure(const struct sample *sample, int code)
{
	return sample->failure || code == -ENOMEM || sl_task_cancelled();
}

static int
result_of(const struct sample *sample, int code, struct sl_error *err)
{
	if (code == 0)
		return SL_OVERLAP_SAME;
	if (is_own_failure(sample, code))
		return sl_fail_code(err, SL_PHASE_READ, code, "cannot compare '%s'",
			sl_sources_show(sample->overlap->sources));
	return code == SL_E_CHANGED ? SL_OVERLAP_DIFFERS : SL_OVERLAP_UNCLEAR;
}

SL_SUSPENDS
static int
compare(struct sample *sample, struct sl_chunk *chunk, struct sl_error *err)
{
	struct sl_overlap *overlap = sample->overlap;
	struct sl_segment segment = { .client = overlap->client,
		.pool = overlap->pool,
		.source = &overlap->answer,
		.is_range = true,
		.unconditional = true,
		.lease = &sample->lease,
		.permit = sample->permit,
		.failure = &sample->never,
		.counts = &sample->counts,
		.ctx = sample,
		.accept = accept_sample,
		.deliver = compare_chunk,
		.err = err };
	sample->lease = (struct sl_lease){ .at = sample->range.begin, .end = sample->range.end };
	int code = sl_segment_open(&segment, chunk);
	if (code && is_refusal_of_range(err))
		code = set_unsupported(err);
	/* A connection with more to come is closed. */
	if (!code && overlap->closes && sample->lease.end - sample->lease.at > 1)
		sample->lease.end--;
	if (!code)
		code = receive(&segment);
	else if (sl_admission_is_refusal(err))
		sl_permit_refused(sample->permit);
	return result_of(sample, code, err);
}

/* Before the first response: what is expected of it. */
static int
begin(struct sl_overlap *overlap)
{
	struct sl_source *answer = &overlap->answer;
	if (answer->of)
		return 0;
	answer->of = overlap->sources;
	answer->resource = overlap->expected;
	return overlap->url ? sl_source_set_url(answer, overlap->url, overlap->scope) : 0;
}

int
sl_overlap_compare_range(struct sl_overlap *overlap, struct sl_range range, struct sl_error *err)
{
	struct sl_permit permit = { 0 };
	struct sample sample = { .overlap = overlap, .range = range, .permit = &permit };
	struct sl_chunk *chunk = NULL;
	sl_assert(range.begin < range.end && range.end - range.begin <= SL_OVERLAP_SAMPLE);
	sample.local = malloc(SL_OVERLAP_SAMPLE);
	int code = sample.local ? begin(overlap) : -ENOMEM;
	if (!code)
		code = sl_admission_take(
			overlap->admission, sl_source_url(&overlap->answer), &permit, &chunk);
	code = code ? sl_fail_code(err, SL_PHASE_NONE, code, "cannot compare '%s'",
			      sl_sources_show(overlap->sources))
		    : compare(&sample, chunk, err);
	sl_permit_give(&permit);
	free(sample.local);
	return code;
}

int
sl_overlap_compare(struct sl_overlap *overlap, struct sl_error *err)
{
	struct sl_range samples[SL_OVERLAP_SAMPLES];
	size_t count = sl_overlap_samples(overlap->at_hand, samples);
	int result = SL_OVERLAP_SAME;
	sl_assert(count > 0);
	for (size_t i = 0; i < count && result == SL_OVERLAP_SAME; i++)
		result = sl_overlap_compare_range(overlap, samples[i], err);
	return result;
}
