/*
 * One request and its response, over a stream that carries them.
 *
 * ask_once:  take a stream -> send the request -> read the final head -> begin the body
 *
 * A request is repeated once, silently, if a connection that was kept turns out to be closed or out
 * of step. `stream` is NULL once the body is complete or anything has failed: another exchange
 * may wait for its connection.
 */
#include "exchange_int.h"

#include "sluice/base/clock.h"
#include "sluice/base/log.h"
#include "sluice/base/redact.h"
#include "sluice/base/text.h"
#include "sluice/http/trace.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define URL_SHOWN_MAX 300

/* ---- failing ---- */

void
sl_exchange_show_url(struct sl_buf *out, const struct sl_url *url)
{
	struct sl_buf text = { 0 }, clean = { 0 };
	sl_url_format(&text, url);
	sl_redact(&clean, sl_buf_span(&text));
	sl_text_show(out, sl_buf_span(&clean), URL_SHOWN_MAX);
	sl_buf_release(&text);
	sl_buf_release(&clean);
}

int
sl_exchange_fail(const struct sl_http_exchange *exchange, struct sl_error *err, enum sl_phase phase,
	int code, const char *fmt, ...)
{
	struct sl_buf url = { 0 }, what = { 0 };
	va_list args;
	va_start(args, fmt);
	sl_buf_vprintf(&what, fmt, args);
	va_end(args);
	sl_exchange_show_url(&url, &exchange->url);
	bool known = exchange->peer[0] != '\0';
	sl_fail(err, phase, code, "cannot fetch '%s'%s%s%s: %s", url.data ? url.data : "",
		known ? " (" : "", exchange->peer, known ? ")" : "",
		what.len ? what.data : sl_code_text(code));
	sl_buf_release(&url);
	sl_buf_release(&what);
	return code;
}

int
sl_exchange_fail_as(const struct sl_http_exchange *exchange, struct sl_error *err, int code,
	const struct sl_error *cause)
{
	bool first = err && !err->code;
	sl_assert(cause->code == code);
	sl_exchange_fail(exchange, err, cause->phase, code, "%s", cause->text);
	if (first)
		err->http_status = cause->http_status; /* of a proxy */
	return code;
}

static bool
is_cancellation(int code)
{
	return code == -ECANCELED || code == SL_E_INTERRUPTED;
}

/* ---- stream ---- */

void
sl_exchange_end_stream(struct sl_http_exchange *exchange)
{
	struct sl_stream *stream = exchange->stream;
	exchange->stream = NULL;
	if (stream)
		stream->methods->end(stream);
}

void
sl_exchange_note_body(struct sl_http_exchange *exchange)
{
	exchange->body = exchange->stream->body;
	if (exchange->body.complete)
		sl_exchange_end_stream(exchange);
}

SL_SUSPENDS
static int
take_stream(struct sl_http_exchange *exchange, const struct sl_request *request, bool fresh,
	struct sl_error *err)
{
	const struct sl_connections_want want = { .url = &exchange->url,
		.through = exchange->through,
		.is_head = exchange->is_head,
		.is_range = request->range != NULL,
		.is_fresh = fresh,
		.limited = exchange->limited,
		.peer = &exchange->peer };
	exchange->peer[0] = '\0';
	int code = sl_connections_take(exchange->connections, &want, &exchange->stream, err);
	if (code < 0) {
		exchange->stream = NULL;
		return code;
	}
	exchange->stream->number = exchange->number;
	exchange->reused = exchange->stream->reused;
	snprintf(exchange->peer, sizeof(exchange->peer), "%s", exchange->stream->peer);
	return 0;
}

/* ---- response ---- */

/* Each head is small enough; so are all that one open reads. */
static int
count_head(struct sl_http_exchange *exchange, struct sl_error *err)
{
	exchange->heads_len += exchange->head.total;
	exchange->heads_lines += exchange->head.lines;
	if (exchange->heads_len > SL_HEAD_MAX)
		return sl_fail(err, SL_PHASE_HEAD, SL_E_LIMIT,
			"the response headers, with those of the redirects, are larger than 256 "
			"KiB together");
	if (exchange->heads_lines > SL_HEAD_FIELDS_MAX)
		return sl_fail(err, SL_PHASE_HEAD, SL_E_LIMIT,
			"the server sent more than 1,000 header lines, with those of the "
			"redirects");
	return 0;
}

/* RFC 9110 15.2: interim responses are skipped. After 101 the connection would no longer carry
 * HTTP. */
SL_SUSPENDS
static int
read_final_head(struct sl_http_exchange *exchange, struct sl_error *err)
{
	struct sl_stream *stream = exchange->stream;
	for (unsigned interim = 0; interim <= SL_HEAD_INTERIM_MAX; interim++) {
		int code = stream->methods->read_head(stream, &exchange->head, err);
		if (code == 0)
			sl_trace_response(exchange->number, &exchange->head);
		if (code == 0)
			code = count_head(exchange, err);
		if (code < 0 || exchange->head.status >= 200)
			return code;
		if (exchange->head.status == 101)
			return sl_fail(err, SL_PHASE_HEAD, SL_E_PROTO,
				"the server switched protocols, which was not requested (101)");
		sl_head_clear(&exchange->head);
	}
	return sl_fail(err, SL_PHASE_HEAD, SL_E_LIMIT,
		"the server sent more than %d interim responses (1xx)", SL_HEAD_INTERIM_MAX);
}

static void
trace_times(const struct sl_http_exchange *exchange, uint64_t begun_ns)
{
	const struct sl_connection_times *times = &exchange->stream->times;
	const struct sl_trace_times shown = { .is_kept = exchange->reused,
		.lookup_ns = times->lookup_ns,
		.connect_ns = times->connect_ns,
		.tls_ns = times->tls_ns,
		.response_ns = sl_now() - begun_ns };
	sl_trace_times(exchange->number, exchange->peer, &shown);
}

static int
complete(struct sl_http_exchange *exchange, struct sl_request *request, struct sl_error *err)
{
	int code = exchange->complete ? exchange->complete(exchange->complete_ctx, request) : 0;
	return code < 0 ? sl_fail(err, SL_PHASE_REQUEST, code, "cannot prepare the credentials: %s",
				  sl_code_text(code))
			: sl_request_check(request, err);
}

SL_SUSPENDS
static int
ask_once(struct sl_http_exchange *exchange, struct sl_request *request, bool fresh,
	struct sl_error *err)
{
	sl_head_clear(&exchange->head);
	exchange->body = (struct sl_body_state){ .framing = { .kind = SL_FRAMING_NONE } };
	int code = take_stream(exchange, request, fresh, err);
	if (code < 0)
		return code;
	struct sl_stream *stream = exchange->stream;
	uint64_t begun_ns = sl_now();
	code = complete(exchange, request, err);
	if (code == 0)
		code = stream->methods->send(stream, request, err);
	if (code == 0)
		code = read_final_head(exchange, err);
	if (code == 0)
		trace_times(exchange, begun_ns);
	if (code == 0)
		code = stream->methods->begin_body(stream, &exchange->head, exchange->is_head, err);
	if (code == 0)
		sl_exchange_note_body(exchange);
	return code;
}

/* A kept-alive connection that the server closed as the request was sent (RFC 9112 9.3.1), or on
 * which the rest of an earlier response came instead of this one. */
static bool
was_stale(const struct sl_http_exchange *exchange, int code)
{
	if (!exchange->stream || exchange->stream->is_unprocessed)
		return exchange->stream;
	if (!exchange->stream->reused)
		return false;
	if (exchange->stream->answered)
		return code == SL_E_PROTO && exchange->head.status == 0;
	return code != -ETIMEDOUT && code != -ENOMEM && !is_cancellation(code);
}

/* 408 (RFC 9110 15.5.9) on a kept-alive connection was sent as it was idle, before the request. */
static bool
was_idle_timeout(const struct sl_http_exchange *exchange)
{
	return exchange->reused && exchange->head.status == 408;
}

int
sl_exchange_ask(
	struct sl_http_exchange *exchange, struct sl_request *request, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	int code = sl_request_check(request, &cause);
	if (code == 0)
		code = ask_once(exchange, request, false, &cause);
	if (code < 0 ? was_stale(exchange, code) : was_idle_timeout(exchange)) {
		sl_log_debug(
			"%s: connection was closed while idle, trying a fresh one", exchange->peer);
		sl_exchange_end_stream(exchange);
		sl_error_clear(&cause);
		code = ask_once(exchange, request, true, &cause);
	}
	if (code < 0) {
		sl_exchange_end_stream(exchange);
		sl_exchange_fail_as(exchange, err, code, &cause);
	}
	return code;
}

/* ---- accessors ---- */

const struct sl_head *
sl_http_head(const struct sl_http_exchange *exchange)
{
	return &exchange->head;
}

uint64_t
sl_http_body_length(const struct sl_http_exchange *exchange)
{
	uint64_t announced = exchange->body.framing.announced;
	if (exchange->coding != SL_CODEC_NONE)
		return SL_BODY_UNKNOWN; /* that of the coded body is of no use */
	switch (exchange->body.framing.kind) {
	case SL_FRAMING_LENGTH:
		return exchange->body.framing.length;
	case SL_FRAMING_NONE:
		if (!exchange->is_head)
			return 0;
		return announced == SL_HEADER_NO_LENGTH ? SL_BODY_UNKNOWN : announced;
	default:
		return SL_BODY_UNKNOWN;
	}
}

struct sl_resource
sl_http_resource(const struct sl_http_exchange *exchange)
{
	struct sl_resource resource = {
		.length = exchange->is_range ? exchange->range_total : sl_http_body_length(exchange)
	};
	sl_resource_read(&resource, &exchange->head, sl_clock_wall_s());
	return resource;
}

const struct sl_url *
sl_http_final_url(const struct sl_http_exchange *exchange)
{
	return &exchange->url;
}

struct sl_scope
sl_http_scope(const struct sl_http_exchange *exchange)
{
	return exchange->scope;
}

bool
sl_http_is_range(const struct sl_http_exchange *exchange)
{
	return exchange->is_range;
}

bool
sl_http_is_open_ended(const struct sl_http_exchange *exchange)
{
	return exchange->body.framing.kind == SL_FRAMING_CLOSE &&
	       exchange->url.scheme == SL_SCHEME_HTTP && exchange->coding == SL_CODEC_NONE;
}

enum sl_codec
sl_http_coding(const struct sl_http_exchange *exchange)
{
	return exchange->coding;
}

uint64_t
sl_http_limited_ns(const struct sl_http_exchange *exchange)
{
	return sl_limited_ns(&exchange->limited_read);
}

uint64_t
sl_http_decode_ns(const struct sl_http_exchange *exchange)
{
	return exchange->coded ? sl_coded_waited_ns(exchange->coded) : 0;
}

bool
sl_http_had_excess(const struct sl_http_exchange *exchange)
{
	return exchange->body.excess;
}
