#include "sluice/download/segment.h"

#include "sluice/base/crc32c.h"

/* A chunk that begins elsewhere than at a multiple of this is cut short, so that those after it can
 * be written by direct I/O. */
#define ALIGN SL_CHUNK_ALIGN

/* ---- request and head ---- */

SL_SUSPENDS
static int
ask(struct sl_segment *segment)
{
	const struct sl_source *source = segment->source;
	struct sl_http_header headers[SL_SOURCES_HEADERS];
	struct sl_http_range range = { .of = &source->resource,
		.unconditional = segment->unconditional };
	/* A copy: while the request is under way another segment may learn of another URL. */
	struct sl_url url;
	int code = sl_url_copy(&url, sl_source_url(source));
	struct sl_http_request request = { .method = "GET",
		.url = &url,
		.scope = source->has_url ? source->scope : (struct sl_scope){ 0 },
		.limited = &segment->limited,
		.headers = headers,
		.header_count = sl_sources_headers(source->of, headers) };
	if (segment->is_range) {
		range.begin = segment->lease->at;
		range.end = segment->lease->end;
		request.range = &range;
	}
	if (!code)
		code = sl_http_open(segment->client, &request, &segment->exchange, segment->err);
	sl_url_release(&url);
	return code;
}

int
sl_segment_open(struct sl_segment *segment, struct sl_chunk *chunk)
{
	segment->chunk = chunk;
	chunk->off = segment->is_range ? segment->lease->at : 0;
	int code = ask(segment);
	if (!code)
		code = segment->accept(segment->ctx, segment);
	if (code)
		sl_segment_close(segment);
	return code;
}

uint64_t
sl_segment_limited_ns(const struct sl_segment *segment)
{
	uint64_t here_ns = segment->exchange ? sl_http_limited_ns(segment->exchange) : 0;
	return sl_limited_ns(&segment->limited) + here_ns;
}

void
sl_segment_close(struct sl_segment *segment)
{
	if (segment->exchange) {
		segment->limited.total_ns += sl_http_limited_ns(segment->exchange);
		sl_http_close(segment->exchange);
	}
	segment->exchange = NULL;
	if (segment->chunk)
		segment->counts->pending -= segment->chunk->len;
	sl_chunk_unref(segment->chunk);
	segment->chunk = NULL;
}

/* ---- body ---- */

/* Bytes of the lease that have not been received. */
static uint64_t
rest_of(const struct sl_segment *segment)
{
	uint64_t off = segment->chunk->off + segment->chunk->len;
	if (!segment->lease)
		return UINT64_MAX;
	return segment->lease->end > off ? segment->lease->end - off : 0;
}

static size_t
capacity_of(const struct sl_chunk *chunk)
{
	return chunk->size - (size_t)(chunk->off % ALIGN);
}

/* At most `most` bytes behind those in the chunk; as sl_http_read, with its time. */
SL_SUSPENDS
static int
read_some(struct sl_segment *segment, uint64_t most)
{
	struct sl_chunk *chunk = segment->chunk;
	uint64_t room = capacity_of(chunk) - chunk->len;
	uint64_t before_ns = sl_now(), limited_ns = sl_segment_limited_ns(segment);
	int got = sl_http_read(segment->exchange, chunk->data + chunk->len,
		(size_t)SL_MIN(room, most), segment->err);
	limited_ns = sl_segment_limited_ns(segment) - limited_ns;
	segment->counts->network_ns += sl_now() - before_ns - limited_ns;
	segment->counts->limited_ns += limited_ns;
	if (got > 0) {
		segment->counts->received += (uint64_t)got;
		sl_permit_received(segment->permit, (uint64_t)got);
	}
	return got;
}

/* The response has ended in order, but before what it was to have. With a length that is noticed as
 * it is read. */
static int
fail_short(const struct sl_segment *segment)
{
	return sl_fail(segment->err, SL_PHASE_BODY, SL_E_SHORT_BODY,
		"cannot fetch '%s': the response ended before the bytes that are missing",
		sl_sources_show(segment->source->of));
}

int
sl_segment_skip(struct sl_segment *segment, uint64_t len, uint32_t *crc)
{
	for (uint64_t left = len; left > 0 && !*segment->failure;) {
		int got = read_some(segment, left);
		if (got == 0)
			return fail_short(segment);
		if (got < 0)
			return got;
		*crc = sl_crc32c(*crc, segment->chunk->data, (size_t)got);
		left -= (uint64_t)got;
	}
	segment->chunk->off = len;
	return *segment->failure;
}

static void
note_read(struct sl_segment *segment, size_t len)
{
	segment->chunk->len += len;
	segment->received += len;
	segment->counts->pending += len;
}

int
sl_segment_read_head(struct sl_segment *segment, size_t len)
{
	while (segment->chunk->len < len && !*segment->failure) {
		int got = read_some(segment, len - segment->chunk->len);
		if (got <= 0)
			return got;
		note_read(segment, (size_t)got);
	}
	return *segment->failure;
}

/* The lease may have become shorter while these bytes were received: they are another segment's. */
static void
cut_to_lease(struct sl_segment *segment)
{
	struct sl_chunk *chunk = segment->chunk;
	uint64_t most = segment->lease && segment->lease->end > chunk->off
				? segment->lease->end - chunk->off
				: 0;
	if (!segment->lease || chunk->len <= most)
		return;
	segment->counts->pending -= chunk->len - most;
	segment->was_cut = true;
	chunk->len = (size_t)most;
}

/* The chunk is the caller's from now on. */
static struct sl_chunk *
detach_chunk(struct sl_segment *segment)
{
	struct sl_chunk *chunk = segment->chunk;
	segment->chunk = NULL;
	segment->counts->pending -= chunk->len;
	return chunk;
}

int
sl_segment_deliver(struct sl_segment *segment, struct sl_chunk *chunk)
{
	segment->is_delivering = true;
	int code = segment->deliver(segment->ctx, segment, chunk);
	segment->is_delivering = false;
	return code;
}

/* Pass the chunk on, and take another for what follows it. */
SL_SUSPENDS
static int
replace_chunk(struct sl_segment *segment)
{
	struct sl_chunk *full = detach_chunk(segment);
	uint64_t next_off = full->off + full->len;
	int code = sl_segment_deliver(segment, full);
	if (!code)
		code = sl_chunk_take(segment->pool, &segment->chunk, SL_FOREVER);
	if (!code)
		segment->chunk->off = next_off;
	return code;
}

/* Whether there is anything left to read. Once bytes were cut off, those that follow in the
 * response are not those that follow the lease. */
static bool
has_rest(struct sl_segment *segment)
{
	if (rest_of(segment) > 0)
		return !segment->was_cut;
	return segment->extend && !segment->was_cut && segment->extend(segment->ctx, segment) &&
	       rest_of(segment) > 0;
}

/* At the end of the response. A range may have fewer bytes than were requested: the rest is
 * requested again, which would not end if there were none at all. */
static int
check_end(const struct sl_segment *segment)
{
	bool may_be_shorter = !segment->lease || (segment->is_range && segment->received > 0);
	return may_be_shorter ? 0 : fail_short(segment);
}

SL_SUSPENDS
static int
read_body(struct sl_segment *segment)
{
	while (!*segment->failure && has_rest(segment)) {
		struct sl_chunk *chunk = segment->chunk;
		int got = read_some(segment, rest_of(segment));
		uint64_t after_ns = sl_now();
		if (got <= 0)
			return got ? got : check_end(segment);
		note_read(segment, (size_t)got);
		cut_to_lease(segment);
		if (chunk->len < capacity_of(chunk) && !segment->as_it_comes)
			continue;
		int code = replace_chunk(segment);
		segment->counts->deliver_ns += sl_now() - after_ns;
		if (code)
			return code;
	}
	return *segment->failure;
}

int
sl_segment_receive(struct sl_segment *segment, struct sl_chunk **last)
{
	int code = read_body(segment);
	if (!code && sl_http_had_excess(segment->exchange))
		segment->counts->excess = true;
	*last = segment->chunk ? detach_chunk(segment) : NULL;
	sl_segment_close(segment);
	return code;
}
