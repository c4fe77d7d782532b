#include "sluice/download/segment.h"

SL_SUSPENDS
static int
open_exchange(struct sl_segment *segment, struct sl_http_exchange **out)
{
	struct sl_http_header headers[SL_SOURCES_HEADERS];
	struct sl_http_request request = { .method = "GET",
		.url = &segment->sources->url,
		.headers = headers,
		.header_count = sl_sources_headers(segment->sources, headers) };
	return sl_http_open(segment->client, &request, out, segment->err);
}

/* Pass the chunk on, and take another for what follows it. */
SL_SUSPENDS
static int
replace_chunk(struct sl_segment *segment, struct sl_chunk **chunk)
{
	struct sl_chunk *full = *chunk;
	uint64_t next_off = full->off + full->len;
	*chunk = NULL;
	int code = segment->deliver(segment->ctx, full);
	if (!code)
		code = sl_chunk_take(segment->pool, chunk, SL_FOREVER);
	if (!code)
		(*chunk)->off = next_off;
	return code;
}

SL_SUSPENDS
static int
receive(struct sl_segment *segment, struct sl_http_exchange *exchange, struct sl_chunk **chunk)
{
	while (!*segment->failure) {
		struct sl_chunk *into = *chunk;
		uint64_t before_ns = sl_now();
		int got = sl_http_read(
			exchange, into->data + into->len, into->size - into->len, segment->err);
		uint64_t after_ns = sl_now();
		segment->network_ns += after_ns - before_ns;
		if (got <= 0)
			return got;
		into->len += (size_t)got;
		segment->received += (uint64_t)got;
		if (into->len < into->size && !segment->as_it_comes)
			continue;
		int code = replace_chunk(segment, chunk);
		segment->deliver_ns += sl_now() - after_ns;
		if (code)
			return code;
	}
	return *segment->failure;
}

int
sl_segment_run(struct sl_segment *segment, struct sl_chunk **last)
{
	struct sl_http_exchange *exchange = NULL;
	struct sl_chunk *chunk = NULL;
	int code = sl_chunk_take(segment->pool, &chunk, SL_FOREVER);
	if (!code)
		code = open_exchange(segment, &exchange);
	if (!code)
		code = segment->accept(segment->ctx, exchange);
	if (!code)
		code = receive(segment, exchange, &chunk);
	if (!code)
		segment->excess = sl_http_had_excess(exchange);
	if (exchange)
		sl_http_close(exchange);
	if (code) {
		sl_chunk_unref(chunk);
		chunk = NULL;
	}
	*last = chunk;
	return code;
}
