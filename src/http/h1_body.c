/*
 * Bodies of HTTP/1.1: bytes that came with the head, then receives straight into the caller's
 * memory.
 *
 * Rule: never receive beyond the body's end on purpose, so that what is there after it is the
 * server's mistake.
 */
#include "h1_int.h"

#include "sluice/base/number.h"

#include <errno.h>
#include <string.h>

/* What one receive asks for: a fraction of a second's worth, and at least a little. Large receives
 * cost the fewest operations, but on a slow link they would hide the progress. */
#define PACE_DIVISOR 10 /* a tenth of a second */
#define PACE_MIN SL_KIB
#define PACE_FIRST (256 * SL_KIB)     /* while the rate is not known */
#define PATIENCE_NS (1 * SL_NS_PER_S) /* a receive that fills slower returns what it has */

/* A receive waits for some milliseconds' worth at a time: at 50 MB/s, a wake-up for each packet
 * costs as much as copying the bytes. Less than the minimum is not worth the call. */
#define GATHER_DIVISOR 50 /* 20 ms */
#define GATHER_MIN (64 * SL_KIB)
#define GATHER_MAX SL_MIB

/* Inside a chunk with more to come than this, bytes are received to where they belong. */
#define CHUNK_DIRECT (16 * SL_KIB)

static int
fail(const struct sl_h1 *h1, struct sl_error *err, int code, const struct sl_error *cause)
{
	return sl_stream_fail_body(&h1->stream, code, cause, err);
}

/* ---- the end of a body ---- */

/* Bytes after the end would be read as the next response: the connection is not used again. */
SL_SUSPENDS
static void
check_for_excess(struct sl_h1 *h1)
{
	struct sl_body_state *body = &h1->stream.body;
	char byte;
	if (h1->buffer_off < h1->buffer_len)
		body->excess = true;
	if (body->excess || !sl_connection_is_disturbed(h1->connection))
		return;
	body->framing.keep_alive = false;
	/* A byte or the end of the stream is available: this does not wait. */
	body->excess = sl_connection_recv(h1->connection, &byte, 1, false,
			       sl_deadline_in(PATIENCE_NS), NULL) > 0;
}

/* The body's end was reached. */
SL_SUSPENDS
static void
complete(struct sl_h1 *h1)
{
	h1->stream.body.complete = true;
	if (h1->stream.body.framing.kind != SL_FRAMING_CLOSE)
		check_for_excess(h1);
}

/* Complete the body if nothing more is expected. */
SL_SUSPENDS
static void
complete_at_end(struct sl_h1 *h1)
{
	const struct sl_body_state *body = &h1->stream.body;
	bool none = body->framing.kind == SL_FRAMING_NONE;
	bool all =
		body->framing.kind == SL_FRAMING_LENGTH && body->received == body->framing.length;
	if (none || all)
		complete(h1);
}

/* ---- receiving ---- */

static size_t
paced_len(const struct sl_h1 *h1, size_t len)
{
	uint64_t rate = h1->connection->rate_bytes_s;
	uint64_t most = rate ? SL_MAX(rate / PACE_DIVISOR, PACE_MIN) : PACE_FIRST;
	return (size_t)SL_MIN((uint64_t)len, most);
}

/* Over at least the time that one receive may take: a single one can have found bytes that had been
 * waiting in the socket, which make the link look faster than it is. */
static void
update_rate(struct sl_h1 *h1, size_t len, uint64_t begin_ns, uint64_t end_ns)
{
	if (!h1->measured_ns)
		h1->measured_ns = begin_ns;
	h1->measured += len;
	uint64_t elapsed_ns = end_ns - h1->measured_ns;
	if (elapsed_ns < SL_NS_PER_S / PACE_DIVISOR)
		return;
	double rate = (double)h1->measured * (double)SL_NS_PER_S / (double)elapsed_ns;
	h1->connection->rate_bytes_s = SL_MAX((uint64_t)rate, (uint64_t)1);
	h1->measured_ns = end_ns;
	h1->measured = 0;
}

/* When a receive that began then counts as a stall, unless something comes. */
static uint64_t
stalled_at(const struct sl_h1 *h1, uint64_t begin_ns)
{
	uint64_t since_ns = SL_MAX(begin_ns, h1->connection->moved_ns);
	uint64_t timeout_ns = h1->stream.stall_timeout_ns;
	return timeout_ns > SL_FOREVER - since_ns ? SL_FOREVER : since_ns + timeout_ns;
}

/*
 * One receive of up to len bytes; `whole` = wait for as many as the pace allows. Returns the count,
 * 0 at the stream's end, or a failure. A whole receive that takes longer than PATIENCE_NS returns
 * what it has; if that is nothing, the bytes that come until the stall timeout are taken as they
 * come.
 */
SL_SUSPENDS
static int
receive(struct sl_h1 *h1, char *data, size_t len, bool whole, struct sl_error *err)
{
	struct sl_connection *connection = h1->connection;
	uint64_t begin_ns = sl_now();
	for (;;) {
		struct sl_error cause = { 0 };
		uint64_t stall_ns = stalled_at(h1, begin_ns);
		uint64_t until_ns =
			whole ? SL_MIN(stall_ns, sl_deadline_in(PATIENCE_NS)) : stall_ns;
		int code = sl_connection_recv(
			connection, data, paced_len(h1, len), whole, until_ns, &cause);
		uint64_t now_ns = sl_now();
		if (code > 0)
			update_rate(h1, (size_t)code, begin_ns, now_ns);
		if (code >= 0)
			return code;
		stall_ns = stalled_at(h1, begin_ns);
		if (code != -ETIMEDOUT || now_ns >= stall_ns || now_ns >= sl_task_deadline())
			return fail(h1, err, code, &cause);
		sl_connection_gather(connection, 0);
		whole = false;
	}
}

static size_t
take_buffered(struct sl_h1 *h1, char *data, size_t len)
{
	size_t n = SL_MIN(len, h1->buffer_len - h1->buffer_off);
	memcpy(data, h1->buffer + h1->buffer_off, n);
	h1->buffer_off += n;
	return n;
}

/*
 * How many bytes the receives of this body may wait for: no more than must follow the next one, of
 * `len` bytes. The last receive gathers none, so that the connection goes back as it came. What has
 * been gathered and is not enough is seen only after PATIENCE_NS, which must not be a stall.
 */
static size_t
gather_len(const struct sl_h1 *h1, size_t len)
{
	uint64_t follow = h1->stream.body.framing.length - h1->stream.body.received - len;
	uint64_t most = SL_MIN(h1->connection->rate_bytes_s / GATHER_DIVISOR, follow);
	if (h1->stream.is_limited || h1->stream.stall_timeout_ns < 2 * PATIENCE_NS ||
		most < GATHER_MIN)
		return 0;
	return (size_t)SL_MIN(most, (uint64_t)GATHER_MAX);
}

/* ---- bodies ---- */

/* By length or until the connection ends. */
SL_SUSPENDS
static int
read_plain(struct sl_h1 *h1, char *data, size_t len, struct sl_error *err)
{
	bool by_length = h1->stream.body.framing.kind == SL_FRAMING_LENGTH;
	size_t n = take_buffered(h1, data, len);
	if (n == 0) {
		if (by_length)
			sl_connection_gather(h1->connection, gather_len(h1, len));
		int code = receive(h1, data, len, true, err);
		if (code == 0 && by_length)
			return fail(h1, err, SL_E_SHORT_BODY, NULL);
		if (code == 0)
			complete(h1);
		if (code <= 0)
			return code;
		n = (size_t)code;
	}
	h1->stream.body.received += n;
	complete_at_end(h1);
	return sl_int(n);
}

/* Input and output of the chunked decoder; `to` may begin where `from` does. */
struct decoding {
	const char *from;
	size_t from_len, used;
	char *to;
	size_t to_len, made;
	bool done; /* the body is complete */
};

/* Until the body is complete, `from` is used up or `to` is full. Returns 0 or a failure. */
static int
decode(struct sl_h1 *h1, struct decoding *p, struct sl_error *err)
{
	for (;;) {
		struct sl_error cause = { 0 };
		size_t used = 0;
		enum sl_chunked_step step = sl_chunked_step(
			&h1->chunked, p->from + p->used, p->from_len - p->used, &used, &cause);
		p->used += used;
		if (step == SL_CHUNKED_BAD)
			return sl_fail(err, SL_PHASE_BODY, cause.code, "%s", cause.text);
		p->done = step == SL_CHUNKED_DONE;
		if (step != SL_CHUNKED_DATA)
			return 0;
		size_t n = SL_MIN(p->from_len - p->used, p->to_len - p->made);
		n = (size_t)SL_MIN((uint64_t)n, sl_chunked_left(&h1->chunked));
		if (n == 0)
			return 0;
		if (p->to + p->made != p->from + p->used)
			memmove(p->to + p->made, p->from + p->used, n);
		sl_chunked_took(&h1->chunked, n);
		p->used += n;
		p->made += n;
	}
}

/* Input for the decoder: first what came with the head; then bytes received into the caller's
 * memory and decoded in place, since a decoded body is never longer than its coded form. */
SL_SUSPENDS
static int
next_input(struct sl_h1 *h1, struct decoding *p, struct sl_error *err)
{
	size_t buffered = h1->buffer_len - h1->buffer_off;
	p->used = 0;
	if (buffered > 0) {
		p->from = h1->buffer + h1->buffer_off;
		p->from_len = buffered;
		return 0;
	}
	uint64_t left = sl_chunked_left(&h1->chunked);
	bool direct = left >= CHUNK_DIRECT;
	size_t len = direct ? (size_t)SL_MIN((uint64_t)p->to_len, left) : p->to_len;
	int code = receive(h1, p->to, len, direct, err);
	if (code == 0)
		return fail(h1, err, SL_E_SHORT_BODY, NULL);
	p->from = p->to;
	p->from_len = code > 0 ? (size_t)code : 0;
	return SL_MIN(code, 0);
}

SL_SUSPENDS
static int
read_chunked(struct sl_h1 *h1, char *data, size_t len, struct sl_error *err)
{
	struct decoding p = { .to = data, .to_len = len };
	for (;;) {
		int code = next_input(h1, &p, err);
		if (code < 0)
			return code;
		code = decode(h1, &p, err);
		if (code < 0)
			return code;
		if (p.from != data)
			h1->buffer_off += p.used;
		else if (p.used < p.from_len)
			h1->stream.body.excess = true; /* only the body's end leaves bytes over */
		h1->stream.body.received += p.made;
		if (p.done)
			complete(h1);
		if (p.done || p.made > 0)
			return sl_int(p.made);
	}
}

/* ---- what a stream does ---- */

int
sl_h1_begin_body(struct sl_stream *stream, const struct sl_head *head, bool request_was_head,
	struct sl_error *err)
{
	struct sl_h1 *h1 = SL_CONTAINER_OF(stream, struct sl_h1, stream);
	int code = sl_framing_decide(&stream->body.framing, head, request_was_head, err);
	if (code == 0)
		complete_at_end(h1);
	return code;
}

int
sl_h1_read(struct sl_stream *stream, char *data, size_t len, struct sl_error *err)
{
	struct sl_h1 *h1 = SL_CONTAINER_OF(stream, struct sl_h1, stream);
	return stream->body.framing.kind == SL_FRAMING_CHUNKED ? read_chunked(h1, data, len, err)
							       : read_plain(h1, data, len, err);
}
