/* What the server's frames do to the streams: callbacks of nghttp2, which never suspend. */
#include "h2_int.h"

#include "sluice/base/wiped.h"
#include "sluice/http/trace.h"
#include "sluice/rt/waiter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct sl_h2_stream *
find(nghttp2_session *nghttp2, int32_t id)
{
	return id ? nghttp2_session_get_stream_user_data(nghttp2, id) : NULL;
}

/* ---- waking ---- */

bool
sl_h2_wake(struct sl_h2_stream *stream)
{
	struct sl_waiter *waiter = sl_waiter_pop(&stream->waiting);
	if (waiter)
		sl_waiter_serve(waiter, 0);
	return waiter != NULL;
}

void
sl_h2_change(struct sl_h2 *session)
{
	if (session->table)
		session->table->changed(session);
}

/* ---- heads ---- */

static int
refuse(struct sl_h2_stream *stream, int code, const char *why)
{
	if (!stream->refused.code)
		sl_fail(&stream->refused, SL_PHASE_HEAD, code, "%s", why);
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* RST_STREAM */
}

static int
feed(struct sl_h2_stream *stream, const char *text, size_t len)
{
	size_t used = 0;
	struct sl_error cause = { 0 };
	if (sl_head_feed(&stream->head, text, len, &used, &cause) == SL_PARSE_BAD)
		return refuse(stream, cause.code, cause.text);
	return 0;
}

/*
 * A head goes through the parser of HTTP/1.1 as text, with all of its limits. nghttp2 has refused
 * names that are not tokens, CR, LF and NUL in values, and fields that only HTTP/1 has.
 */
static int
on_header(nghttp2_session *nghttp2, const nghttp2_frame *frame, const uint8_t *name,
	size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *ctx)
{
	static const char begin[] = "HTTP/1.1 ";
	struct sl_h2_stream *stream = find(nghttp2, frame->hd.stream_id);
	(void)flags;
	(void)ctx;
	if (!stream || !stream->is_last_head)
		return 0;
	bool is_status = name[0] == ':';
	if (!is_status && !stream->has_status)
		return refuse(stream, SL_E_PROTO,
			"the server's response by HTTP/2 does not begin with a status code");
	stream->has_status = true;
	int code = is_status ? feed(stream, begin, sizeof(begin) - 1)
			     : feed(stream, (const char *)name, name_len);
	if (code == 0 && !is_status)
		code = feed(stream, ": ", 2);
	if (code == 0)
		code = feed(stream, (const char *)value, value_len);
	return code ? code : feed(stream, "\r\n", 2);
}

static int
on_begin_headers(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *ctx)
{
	struct sl_h2_stream *stream = find(nghttp2, frame->hd.stream_id);
	(void)ctx;
	if (stream) {
		stream->is_last_head = !stream->has_head;
		stream->has_status = false;
		if (!stream->has_head)
			sl_head_clear(&stream->head);
	}
	return 0;
}

static int
end_head(struct sl_h2 *session, struct sl_h2_stream *stream)
{
	int code = feed(stream, "\r\n", 2);
	if (code)
		return code;
	stream->is_last_head = false;
	stream->head.http2 = true;
	if (stream->head.status >= 200) {
		stream->has_head = true;
		session->idle_frames = 0;
		return 0;
	}
	sl_trace_response(stream->stream.number, &stream->head);
	return ++stream->interim > SL_HEAD_INTERIM_MAX
		       ? refuse(stream, SL_E_LIMIT,
				 "the server sent more than 32 interim responses (1xx)")
		       : 0;
}

/* ---- frames ---- */

static int
count_frame(struct sl_h2 *session)
{
	if (++session->idle_frames <= SL_H2_IDLE_FRAMES_MAX)
		return 0;
	sl_fail(&session->cause, SL_PHASE_HEAD, SL_E_LIMIT,
		"the server sent more than %d frames of HTTP/2 without progress",
		SL_H2_IDLE_FRAMES_MAX);
	session->code = SL_E_LIMIT;
	return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* Also for each CONTINUATION. */
static int
on_begin_frame(nghttp2_session *nghttp2, const nghttp2_frame_hd *hd, void *ctx)
{
	(void)nghttp2;
	(void)hd;
	return count_frame(ctx);
}

static int
on_frame(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *ctx)
{
	struct sl_h2 *session = ctx;
	struct sl_h2_stream *stream = find(nghttp2, frame->hd.stream_id);
	bool is_ack = frame->hd.flags & NGHTTP2_FLAG_ACK;
	bool is_settings = frame->hd.type == NGHTTP2_SETTINGS && !is_ack;
	session->is_agreed = session->is_agreed || (frame->hd.type == NGHTTP2_SETTINGS && is_ack);
	session->is_leaving = session->is_leaving || frame->hd.type == NGHTTP2_GOAWAY;
	session->has_settings = session->has_settings || is_settings;
	if (is_settings || frame->hd.type == NGHTTP2_GOAWAY)
		sl_h2_change(session);
	if (stream && frame->hd.type == NGHTTP2_RST_STREAM)
		stream->is_reset = !stream->invalid;
	if (!stream || frame->hd.type != NGHTTP2_HEADERS || !stream->is_last_head)
		return 0;
	int code = end_head(session, stream);
	if (code && nghttp2_submit_rst_stream(nghttp2, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
			    NGHTTP2_CANCEL) == NGHTTP2_ERR_NOMEM)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	(void)sl_h2_wake(stream);
	return 0;
}

static int
on_invalid_frame(nghttp2_session *nghttp2, const nghttp2_frame *frame, int error, void *ctx)
{
	struct sl_h2_stream *stream = find(nghttp2, frame->hd.stream_id);
	((struct sl_h2 *)ctx)->invalid = error;
	if (stream)
		stream->invalid = error;
	return 0;
}

/* For len more bytes behind what is kept, which with them is no more than the window. */
static bool
make_room(struct sl_h2_stream *stream, size_t len)
{
	size_t window = stream->session->window + stream->grown;
	size_t left = stream->kept_end - stream->kept_off;
	if (stream->kept_off > 0 && len > stream->kept_size - stream->kept_end) {
		memmove(stream->kept, stream->kept + stream->kept_off, left);
		stream->kept_off = 0;
		stream->kept_end = left;
	}
	if (len <= stream->kept_size - stream->kept_end)
		return true;
	size_t size = SL_MAX(left + len, SL_MIN(2 * stream->kept_size, window));
	char *kept = realloc(stream->kept, size);
	if (!kept)
		return false;
	stream->kept = kept;
	stream->kept_size = size;
	return true;
}

static bool
keep(struct sl_h2_stream *stream, const uint8_t *data, size_t len)
{
	if (len == 0)
		return true;
	if (!make_room(stream, len))
		return false;
	memcpy(stream->kept + stream->kept_end, data, len);
	stream->kept_end += len;
	return true;
}

/* Into the memory of the read that waits, else beside. */
static int
on_data(nghttp2_session *nghttp2, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
	void *ctx)
{
	struct sl_h2 *session = ctx;
	struct sl_h2_stream *stream = find(nghttp2, id);
	(void)flags;
	if (!stream)
		return nghttp2_session_consume_connection(nghttp2, len)
			       ? NGHTTP2_ERR_CALLBACK_FAILURE
			       : 0;
	if (len > 0)
		session->idle_frames = 0;
	session->connection.moved_ns = sl_now();
	size_t direct = SL_MIN(len, stream->to_len - stream->to_done);
	if (direct > 0)
		memcpy(stream->to + stream->to_done, data, direct);
	stream->to_done += direct;
	bool is_kept = keep(stream, data + direct, len - direct);
	(void)sl_h2_wake(stream);
	return is_kept ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int
on_close(nghttp2_session *nghttp2, int32_t id, uint32_t error, void *ctx)
{
	struct sl_h2 *session = ctx;
	struct sl_h2_stream *stream = find(nghttp2, id);
	if (!stream)
		return 0;
	stream->is_closed = true;
	/* What was wrong before the server reset it is what counts. */
	stream->close_code = stream->invalid ? NGHTTP2_PROTOCOL_ERROR : error;
	if (stream->close_code == NGHTTP2_HTTP_1_1_REQUIRED) {
		session->wants_http1 = true;
		sl_h2_change(session);
	}
	if (error == NGHTTP2_NO_ERROR)
		session->idle_frames = 0;
	(void)sl_h2_wake(stream);
	return 0;
}

/* ---- memory ---- */

/* Copies of header fields, with credentials among them, are wiped when they are freed. */

static void *
h2_malloc(size_t size, void *ctx)
{
	(void)ctx;
	return sl_wiped_malloc(size);
}

static void *
h2_calloc(size_t count, size_t size, void *ctx)
{
	(void)ctx;
	return sl_wiped_calloc(count, size);
}

static void *
h2_realloc(void *memory, size_t size, void *ctx)
{
	(void)ctx;
	return sl_wiped_realloc(memory, size);
}

static void
h2_free(void *memory, void *ctx)
{
	(void)ctx;
	sl_wiped_free(memory);
}

/* ---- setting up ---- */

static int
set_options(nghttp2_option **out)
{
	if (nghttp2_option_new(out))
		return -ENOMEM;
	nghttp2_option_set_no_auto_window_update(*out, 1);
	nghttp2_option_set_max_send_header_block_length(*out, SL_HEAD_MAX);
	return 0;
}

static void
set_callbacks(nghttp2_session_callbacks *callbacks)
{
	nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
}

/* The windows of streams bound what is kept. That of the session never holds any of them up. */
#define SESSION_WINDOW ((int32_t)1 << 30)

static int
submit_settings(const struct sl_h2 *session)
{
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, session->window },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, SL_HEAD_MAX },
	};
	int code = nghttp2_submit_settings(
		session->nghttp2, NGHTTP2_FLAG_NONE, settings, SL_COUNT_OF(settings));
	if (code == 0)
		code = nghttp2_session_set_local_window_size(
			session->nghttp2, NGHTTP2_FLAG_NONE, 0, SESSION_WINDOW);
	return code ? -ENOMEM : 0;
}

int
sl_h2_new_nghttp2(struct sl_h2 *session)
{
	nghttp2_mem memory = {
		.malloc = h2_malloc, .calloc = h2_calloc, .realloc = h2_realloc, .free = h2_free
	};
	nghttp2_option *option = NULL;
	nghttp2_session_callbacks *callbacks = NULL;
	int code = set_options(&option);
	if (code == 0 && nghttp2_session_callbacks_new(&callbacks))
		code = -ENOMEM;
	if (code == 0) {
		set_callbacks(callbacks);
		if (nghttp2_session_client_new3(
			    &session->nghttp2, callbacks, session, option, &memory))
			code = -ENOMEM;
	}
	if (code == 0)
		code = submit_settings(session);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(option);
	return code;
}
