/*
 * The stream of HTTP/1.1, from a connection that was taken to giving it back.
 *
 * Rule: a connection goes back for reuse only if the response was read to its end and nothing
 * followed it; after any failure it is closed.
 */
#include "h1_int.h"

#include "sluice/http/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct sl_h1 *
h1_of(struct sl_stream *stream)
{
	return SL_CONTAINER_OF(stream, struct sl_h1, stream);
}

/* ---- request ---- */

SL_SUSPENDS
static int
send_text(struct sl_h1 *h1, struct sl_span text, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	uint64_t deadline_ns = sl_deadline_in(h1->stream.stall_timeout_ns);
	int code = sl_connection_send_all(h1->connection, text.data, text.len, deadline_ns, &cause);
	if (code == -ETIMEDOUT)
		return sl_stream_fail_timeout(
			&h1->stream, SL_PHASE_REQUEST, "the server did not read the request", err);
	if (code < 0)
		return sl_fail(err, SL_PHASE_REQUEST, code, "the request could not be sent: %s",
			sl_stream_cause(&cause, code));
	return 0;
}

SL_SUSPENDS
static int
h1_send(struct sl_stream *stream, const struct sl_request *request, struct sl_error *err)
{
	struct sl_buf text = { 0 };
	int code = sl_request_format(&text, request, err);
	if (code == 0)
		sl_trace_request(stream->number, sl_buf_span(&text));
	if (code == 0)
		code = send_text(h1_of(stream), sl_buf_span(&text), err);
	sl_buf_wipe(&text);
	return code;
}

/* ---- head ---- */

/* Receive more of the response into the empty buffer. Returns 0 or a failure, also at the end of
 * the connection. */
SL_SUSPENDS
static int
fill(struct sl_h1 *h1, uint64_t deadline_ns, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	int code = sl_connection_recv(
		h1->connection, h1->buffer, sizeof(h1->buffer), false, deadline_ns, &cause);
	if (code == -ETIMEDOUT)
		return sl_stream_fail_timeout(
			&h1->stream, SL_PHASE_HEAD, "the server does not respond", err);
	if (code == 0 || code == SL_E_SHORT_BODY)
		return sl_fail(err, SL_PHASE_HEAD, -ECONNRESET, "%s",
			h1->stream.answered
				? "the server closed the connection within its response header"
				: "the server closed the connection without a response");
	if (code < 0)
		return sl_fail(err, SL_PHASE_HEAD, code, "no response from the server: %s",
			sl_stream_cause(&cause, code));
	h1->stream.answered = true;
	h1->buffer_off = 0;
	h1->buffer_len = (size_t)code;
	return 0;
}

/* The deadline applies to the whole head: one that comes byte by byte is a stall, too. */
SL_SUSPENDS
static int
h1_read_head(struct sl_stream *stream, struct sl_head *head, struct sl_error *err)
{
	struct sl_h1 *h1 = h1_of(stream);
	uint64_t deadline_ns = sl_stream_head_deadline(stream);
	for (;;) {
		struct sl_error cause = { 0 };
		size_t used = 0;
		enum sl_parse result = sl_head_feed(head, h1->buffer + h1->buffer_off,
			h1->buffer_len - h1->buffer_off, &used, &cause);
		h1->buffer_off += used;
		if (result == SL_PARSE_DONE)
			return 0;
		if (result == SL_PARSE_BAD)
			return sl_fail(err, SL_PHASE_HEAD, cause.code, "%s", cause.text);
		int code = fill(h1, deadline_ns, err);
		if (code < 0)
			return code;
	}
}

/* ---- the stream ---- */

SL_SUSPENDS
static void
h1_end(struct sl_stream *stream)
{
	struct sl_h1 *h1 = h1_of(stream);
	const struct sl_body_state *body = &stream->body;
	sl_pool_give(h1->pool, h1->connection,
		body->complete && body->framing.keep_alive && !body->excess);
	sl_h1_free(h1);
}

static const struct sl_stream_methods methods = {
	.send = h1_send,
	.read_head = h1_read_head,
	.begin_body = sl_h1_begin_body,
	.read = sl_h1_read,
	.end = h1_end,
};

struct sl_h1 *
sl_h1_new(void)
{
	return malloc(sizeof(struct sl_h1)); /* the buffer needs no zeros */
}

void
sl_h1_free(struct sl_h1 *h1)
{
	free(h1);
}

struct sl_stream *
sl_h1_begin(struct sl_h1 *h1, struct sl_pool *pool, struct sl_connection *connection)
{
	h1->stream = (struct sl_stream){ .methods = &methods, .reused = connection->reused };
	if (!connection->reused)
		h1->stream.times = connection->times;
	snprintf(h1->stream.peer, sizeof(h1->stream.peer), "%s", connection->peer);
	h1->pool = pool;
	h1->connection = connection;
	sl_chunked_init(&h1->chunked);
	h1->measured = h1->measured_ns = 0;
	h1->buffer_off = h1->buffer_len = 0;
	return &h1->stream;
}
