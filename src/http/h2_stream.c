/*
 * The stream of HTTP/2 that carries one exchange.
 *
 * What is read gives its room back to the server (consume), so that a stream that is not read
 * holds no more than its window.
 */
#include "h2_int.h"

#include "sluice/base/log.h"
#include "sluice/base/number.h"
#include "sluice/http/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a stream, and what it grows by at least. */
#define WINDOW_MAX (16 * SL_MIB)
#define GROWTH_MIN (16 * SL_KIB)

/* For each window that is read the server is told so often; with less it would be a frame for each
 * frame. */
#define UPDATES 8u
#define UPDATE_MIN (8 * SL_KIB)

/* To tell the server of a stream that is not wanted any more. */
#define END_NS (100 * SL_NS_PER_MS)

static struct sl_h2_stream *
stream_of(struct sl_stream *stream)
{
	return SL_CONTAINER_OF(stream, struct sl_h2_stream, stream);
}

/* ---- failing ---- */

static const char *
why_closed(const struct sl_h2_stream *stream)
{
	if (stream->invalid)
		return nghttp2_strerror(stream->invalid);
	/* nghttp2 compares the lengths, and gives no reason of its own. */
	if (stream->close_code == NGHTTP2_PROTOCOL_ERROR && !stream->is_reset &&
		stream->stream.body.framing.kind == SL_FRAMING_LENGTH)
		return "its body is not as long as announced";
	return nghttp2_http2_strerror(stream->close_code);
}

/* RFC 9113 8.7: not even begun, also after GOAWAY; 7: to be asked by HTTP/1.1. */
static bool
is_unprocessed(const struct sl_h2_stream *stream)
{
	return stream->close_code == NGHTTP2_REFUSED_STREAM ||
	       stream->close_code == NGHTTP2_HTTP_1_1_REQUIRED;
}

static int
closed_code(const struct sl_h2_stream *stream)
{
	if (is_unprocessed(stream))
		return SL_E_STALE;
	return stream->is_reset ? -ECONNRESET : SL_E_PROTO;
}

/* The server does not want this stream, or what it sent is wrong. */
static int
fail_closed(const struct sl_h2_stream *stream, enum sl_phase phase, struct sl_error *err)
{
	return sl_fail(err, phase, closed_code(stream), "%s: %s",
		stream->is_reset ? "the server reset the stream of HTTP/2"
		: stream->close_code == NGHTTP2_REFUSED_STREAM
			? "the server did not process the request"
			: "the server's response by HTTP/2 is malformed",
		why_closed(stream));
}

static int
fail_head(const struct sl_h2_stream *stream, int code, struct sl_error *err)
{
	const struct sl_h2 *session = stream->session;
	if (stream->refused.code)
		return sl_fail(
			err, SL_PHASE_HEAD, stream->refused.code, "%s", stream->refused.text);
	if (stream->is_closed)
		return fail_closed(stream, SL_PHASE_HEAD, err);
	if (code == -ETIMEDOUT)
		return sl_stream_fail_timeout(
			&stream->stream, SL_PHASE_HEAD, "the server does not respond", err);
	return sl_fail(err, SL_PHASE_HEAD, code, "no response from the server: %s",
		sl_stream_cause(session->code ? &session->cause : NULL, code));
}

/* ---- request ---- */

/* Pseudo-header fields come first (RFC 9113 8.3). */
struct fields {
	nghttp2_nv *list;
	size_t count;
	char *authority; /* of a field Host */
	bool failed;
};

static void
put(struct fields *fields, struct sl_span name, struct sl_span value, uint8_t flags)
{
	union {
		const char *text;
		uint8_t *bytes; /* nghttp2 copies them, and makes names lower case */
	} n = { .text = name.data }, v = { .text = value.data };
	fields->list[fields->count++] = (nghttp2_nv){ .name = n.bytes,
		.namelen = name.len,
		.value = v.bytes,
		.valuelen = value.len,
		.flags = flags };
}

/* What may be a secret is not kept in the table of the compression. */
static void
put_field(void *ctx, struct sl_span name, struct sl_span value)
{
	struct fields *fields = ctx;
	if (sl_span_is_nocase(name, "Host")) {
		free(fields->authority);
		fields->authority = sl_span_dup(value);
		fields->failed = !fields->authority;
		return;
	}
	put(fields, name, value,
		sl_span_is_nocase(name, "User-Agent") || sl_span_is_nocase(name, "Accept") ||
				sl_span_is_nocase(name, "Accept-Encoding")
			? NGHTTP2_NV_FLAG_NONE
			: NGHTTP2_NV_FLAG_NO_INDEX);
}

enum { PSEUDO = 4 };

static int
submit(struct sl_h2_stream *stream, const struct sl_request *request, struct fields *fields)
{
	struct fields pseudo = { .list = fields->list };
	fields->count = PSEUDO;
	if (!sl_request_each_field(request, put_field, fields) || fields->failed)
		return -ENOMEM;
	put(&pseudo, sl_span_str(":method"), sl_span_str(request->method), 0);
	put(&pseudo, sl_span_str(":scheme"), sl_span_str("https"), 0);
	put(&pseudo, sl_span_str(":authority"),
		sl_span_str(fields->authority ? fields->authority : ""), 0);
	put(&pseudo, sl_span_str(":path"), sl_span_str(request->url->target),
		NGHTTP2_NV_FLAG_NO_INDEX);
	int32_t id = nghttp2_submit_request(
		stream->session->nghttp2, NULL, fields->list, fields->count, NULL, stream);
	if (id < 0)
		return id == NGHTTP2_ERR_NOMEM ? -ENOMEM : SL_E_STALE;
	stream->id = id;
	stream->session->has_carried = true;
	return 0;
}

static int
submit_fields(struct sl_h2_stream *stream, const struct sl_request *request)
{
	struct fields fields = { 0 };
	size_t most = PSEUDO + sl_request_fields_max(request);
	fields.list = calloc(most, sizeof(*fields.list));
	int code = fields.list ? submit(stream, request, &fields) : -ENOMEM;
	free(fields.list);
	free(fields.authority);
	return code;
}

static void
trace(const struct sl_stream *stream, const struct sl_request *request)
{
	struct sl_buf text = { 0 }, shown = { 0 };
	struct sl_span line;
	if (sl_log_level() < SL_LOG_INFO)
		return;
	int code = sl_request_format(&text, request, NULL);
	struct sl_span rest = sl_buf_span(&text);
	if (code == 0 && sl_span_take_until(&rest, '\r', &line)) {
		sl_buf_add(&shown, line.data, line.len - strlen("1.1"));
		sl_buf_add_str(&shown, "2\r");
		sl_buf_add_span(&shown, rest);
		sl_trace_request(stream->number, sl_buf_span(&shown));
	}
	sl_buf_wipe(&text);
	sl_buf_wipe(&shown);
}

SL_SUSPENDS
static int
h2_send(struct sl_stream *base, const struct sl_request *request, struct sl_error *err)
{
	struct sl_h2_stream *stream = stream_of(base);
	trace(base, request);
	int code = submit_fields(stream, request);
	if (code == 0)
		code = sl_h2_flush(stream->session, sl_deadline_in(base->stall_timeout_ns));
	if (code == -ETIMEDOUT)
		return sl_stream_fail_timeout(
			base, SL_PHASE_REQUEST, "the server did not read the request", err);
	if (code < 0)
		return sl_fail(err, SL_PHASE_REQUEST, code, "the request could not be sent: %s",
			sl_stream_cause(&stream->session->cause, code));
	return 0;
}

/* ---- head ---- */

static bool
has_head(const struct sl_h2_stream *stream)
{
	return stream->has_head || stream->refused.code;
}

SL_SUSPENDS
static int
h2_read_head(struct sl_stream *base, struct sl_head *head, struct sl_error *err)
{
	struct sl_h2_stream *stream = stream_of(base);
	int code = sl_h2_wait(stream, has_head, sl_stream_head_deadline(base));
	base->answered = base->answered || stream->has_head;
	if (code < 0 || !stream->has_head || stream->refused.code) {
		base->is_unprocessed = is_unprocessed(stream);
		return fail_head(stream, code, err);
	}
	struct sl_head empty = *head;
	*head = stream->head;
	stream->head = empty;
	return 0;
}

/* ---- body ---- */

static size_t
buffered(const struct sl_h2_stream *stream)
{
	return stream->kept_end - stream->kept_off;
}

static bool
has_end(const struct sl_h2_stream *stream)
{
	return stream->is_closed || stream->to_done > 0;
}

/* After the last byte: the server ends the stream, and nghttp2 has compared the lengths. */
static bool
is_whole(const struct sl_h2_stream *stream)
{
	return stream->is_closed && stream->close_code == NGHTTP2_NO_ERROR && !stream->is_reset &&
	       buffered(stream) == 0;
}

static bool
is_all(const struct sl_body_state *body)
{
	return body->framing.kind == SL_FRAMING_NONE ||
	       (body->framing.kind == SL_FRAMING_LENGTH && body->received == body->framing.length);
}

/* Room in the window of the stream, a part of it at a time. nghttp2 would wait for half of it, and
 * the server then for the other half: a round trip for each half of a window. */
static int
give_room(struct sl_h2_stream *stream, size_t len)
{
	struct sl_h2 *session = stream->session;
	uint64_t window = session->window + stream->grown;
	stream->room += (uint32_t)len;
	if (stream->is_closed || stream->room < SL_MAX(window / UPDATES, UPDATE_MIN))
		return 0;
	int32_t room = (int32_t)stream->room;
	stream->room = 0;
	return nghttp2_submit_window_update(session->nghttp2, NGHTTP2_FLAG_NONE, stream->id, room);
}

/* What was read is valid, whatever becomes of the session: its failure is that of the next read,
 * unless the stream has ended before. */
SL_SUSPENDS
static int
give_back(struct sl_h2_stream *stream, size_t len)
{
	struct sl_h2 *session = stream->session;
	if (session->code)
		return 0;
	int code = nghttp2_session_consume_connection(session->nghttp2, len);
	if (code == 0)
		code = give_room(stream, len);
	if (code)
		return -ENOMEM;
	if (nghttp2_session_want_write(session->nghttp2))
		(void)sl_h2_flush(session, sl_deadline_in(stream->stream.stall_timeout_ns));
	return 0;
}

static size_t
take_buffered(struct sl_h2_stream *stream, char *data, size_t len)
{
	size_t n = SL_MIN(len, buffered(stream));
	if (n > 0)
		memcpy(data, stream->kept + stream->kept_off, n);
	stream->kept_off += n;
	if (stream->kept_off == stream->kept_end)
		stream->kept_off = stream->kept_end = 0;
	return n;
}

/* Until bytes came, the stream has ended, or it stalls. */
SL_SUSPENDS
static int
receive(struct sl_h2_stream *stream, char *data, size_t len)
{
	stream->to = data;
	stream->to_len = len;
	stream->to_done = 0;
	int code = sl_h2_wait(stream, has_end, sl_deadline_in(stream->stream.stall_timeout_ns));
	size_t done = stream->to_done;
	stream->to = NULL;
	stream->to_len = stream->to_done = 0;
	return done > 0 ? sl_int(done) : code;
}

static int
fail_body(const struct sl_h2_stream *stream, int code, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	if (code == 0) {
		code = fail_closed(stream, SL_PHASE_BODY, &cause);
		return sl_stream_fail_body(&stream->stream, code, &cause, err);
	}
	return sl_stream_fail_body(
		&stream->stream, code, stream->session->code ? &stream->session->cause : NULL, err);
}

SL_SUSPENDS
static int
await_end(struct sl_h2_stream *stream, struct sl_error *err)
{
	char beyond;
	int code = receive(stream, &beyond, 1);
	if (code > 0)
		return sl_fail(
			err, SL_PHASE_BODY, SL_E_PROTO, "the server sent more than it announced");
	if (code < 0 || !is_whole(stream))
		return fail_body(stream, code, err);
	stream->stream.body.complete = true;
	return 0;
}

/*
 * A large body may be further ahead of its reader: with a round trip of 20 ms, each 128 KiB are
 * 6 MB/s. It takes half of what is left, so that others find something, too. The server learns of
 * it with the next frames that are sent. Until it has confirmed our settings, nghttp2 takes the
 * window for 64 KiB (RFC 9113 6.9.2): less would be a reduction, and leave no room in the end.
 */
static int
grow_window(struct sl_h2_stream *stream)
{
	struct sl_h2 *session = stream->session;
	const struct sl_framing *framing = &stream->stream.body.framing;
	uint64_t len = framing->kind == SL_FRAMING_LENGTH ? framing->length : WINDOW_MAX;
	if (!session->windows || !session->is_agreed || stream->is_closed || len <= session->window)
		return 0;
	uint64_t more = SL_MIN(len, WINDOW_MAX) - session->window;
	more = SL_MIN(more, session->windows->left / 2);
	if (more < GROWTH_MIN)
		return 0;
	session->windows->left -= more;
	stream->grown = more;
	return nghttp2_session_set_local_window_size(session->nghttp2, NGHTTP2_FLAG_NONE,
		       stream->id, (int32_t)(session->window + more))
		       ? -ENOMEM
		       : 0;
}

SL_SUSPENDS
static int
h2_begin_body(struct sl_stream *base, const struct sl_head *head, bool request_was_head,
	struct sl_error *err)
{
	int code = sl_framing_decide(&base->body.framing, head, request_was_head, err);
	if (code < 0)
		return code;
	/* The end is marked, as that of chunks is. */
	if (base->body.framing.kind == SL_FRAMING_CLOSE)
		base->body.framing.kind = SL_FRAMING_CHUNKED;
	base->body.framing.keep_alive = true;
	if (is_all(&base->body))
		return await_end(stream_of(base), err);
	code = grow_window(stream_of(base));
	return code < 0 ? fail_body(stream_of(base), code, err) : 0;
}

SL_SUSPENDS
static int
h2_read(struct sl_stream *base, char *data, size_t len, struct sl_error *err)
{
	struct sl_h2_stream *stream = stream_of(base);
	size_t n = take_buffered(stream, data, len);
	int code = n == 0 ? receive(stream, data, len) : sl_int(n);
	if (code == 0 && is_whole(stream) && base->body.framing.kind != SL_FRAMING_LENGTH) {
		base->body.complete = true;
		return 0;
	}
	if (code <= 0)
		return fail_body(stream, code, err);
	base->body.received += (uint64_t)code;
	int given = give_back(stream, (size_t)code);
	if (given < 0)
		return fail_body(stream, given, err);
	if (is_all(&base->body)) {
		given = await_end(stream, err);
		if (given < 0)
			return given;
	}
	return code;
}

/* ---- the stream ---- */

/* The server need not send the rest; what is here already was not read. */
SL_SUSPENDS
static void
abandon(struct sl_h2_stream *stream)
{
	struct sl_h2 *session = stream->session;
	struct sl_shield shield;
	if (stream->id != 0)
		(void)nghttp2_session_set_stream_user_data(session->nghttp2, stream->id, NULL);
	if (session->code || stream->id == 0)
		return;
	int code = nghttp2_session_consume_connection(session->nghttp2, buffered(stream));
	if (code == 0 && !stream->is_closed)
		code = nghttp2_submit_rst_stream(
			session->nghttp2, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_CANCEL);
	sl_shield_begin(&shield, sl_deadline_in(END_NS));
	if (code == 0)
		(void)sl_h2_flush(session, SL_FOREVER);
	sl_shield_end(&shield);
}

SL_SUSPENDS
static void
h2_end(struct sl_stream *base)
{
	struct sl_h2_stream *stream = stream_of(base);
	struct sl_h2 *session = stream->session;
	struct sl_pool *pool = stream->pool;
	abandon(stream);
	sl_list_remove(&stream->of_session);
	sl_head_release(&stream->head);
	free(stream->kept);
	if (session->windows)
		session->windows->left += stream->grown;
	free(stream);
	if (--session->count > 0) {
		sl_h2_change(session);
		return;
	}
	if (session->table)
		session->table->left(session);
	sl_pool_give(pool, &session->connection, sl_h2_works(session));
}

static const struct sl_stream_methods methods = {
	.send = h2_send,
	.read_head = h2_read_head,
	.begin_body = h2_begin_body,
	.read = h2_read,
	.end = h2_end,
};

struct sl_stream *
sl_h2_begin(struct sl_h2 *session, struct sl_pool *pool)
{
	struct sl_h2_stream *stream = calloc(1, sizeof(*stream));
	if (!stream)
		return NULL;
	stream->stream = (struct sl_stream){ .methods = &methods, .reused = session->has_carried };
	if (!session->has_carried)
		stream->stream.times = session->connection.times;
	snprintf(stream->stream.peer, sizeof(stream->stream.peer), "%s", session->connection.peer);
	stream->session = session;
	stream->pool = pool;
	sl_list_init(&stream->waiting);
	sl_list_push_back(&session->streams, &stream->of_session);
	session->count++;
	return &stream->stream;
}
