/*
 * One request and its answer on one connection, from taking the connection to giving it back.
 *
 * ask_once:  take a connection -> send the request -> read the final head -> decide the framing
 * read:      bytes that came with the head -> receives straight into the caller's memory
 * complete:  the body's end is known -> check for bytes after it -> the connection goes back
 *
 * Rules: never receive beyond the body's end on purpose, so that what is there after it is the
 * server's mistake; a connection goes back for reuse only if the answer was read to its end and
 * nothing followed it; after any failure it is closed. `connection` is NULL from then on.
 */
#include "exchange_int.h"

#include "sluice/base/log.h"
#include "sluice/base/number.h"
#include "sluice/base/redact.h"
#include "sluice/base/text.h"
#include "sluice/http/header.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* 1xx answers before the final one; a server could send them for ever. */
#define INTERIM_MAX 32

/* Bodies of redirects and errors worth reading to keep a connection, and for how long. */
#define DRAIN_MAX (64 * SL_KIB)
#define DRAIN_NS (2 * SL_NS_PER_S)

/* What one receive asks for: a fraction of a second's worth, and at least a little. Large receives
 * cost the fewest operations, but on a slow link they would hide the progress. */
#define PACE_DIVISOR 10 /* a tenth of a second */
#define PACE_MIN SL_KIB
#define PACE_FIRST (256 * SL_KIB)     /* while the rate is not known */
#define PATIENCE_NS (1 * SL_NS_PER_S) /* a receive that fills slower returns what it has */
#define READ_MAX ((size_t)1 << 30)    /* the count is an int */

/* A receive waits for some milliseconds' worth at a time: at 50 MB/s, a wake-up for each packet
 * costs as much as copying the bytes. Less than the minimum is not worth the call. */
#define GATHER_DIVISOR 50 /* 20 ms */
#define GATHER_MIN (64 * SL_KIB)
#define GATHER_MAX SL_MIB
#define URL_SHOWN_MAX 300

/* With a limit, what one receive gets at most: 20 ms' worth, so that many connections take turns
 * several times a second. */
#define LIMIT_DIVISOR 50

/*
 * Lanes of the connection pool. Some servers send the body that the answer to a HEAD must not
 * have, at any time after the head. It would be read as the answer to the next request, so a
 * connection that has carried a HEAD never carries a GET: no such body can become a file's content.
 * Between HEADs connections are kept, since a second run asks for thousands of files by HEAD; a
 * body that is read as the answer to another HEAD is almost never HTTP and then leads to a fresh
 * connection (was_stale).
 */
enum lane { LANE_CONTENT, LANE_HEAD };

/* Inside a chunk with more to come than this, bytes are received to where they belong. */
#define CHUNK_DIRECT (16 * SL_KIB)

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

/* The text for a failure of a connection or below: its own if it has one. */
static const char *
cause_text(const struct sl_error *cause, int code)
{
	return cause && cause->code ? cause->text : sl_code_text(code);
}

static bool
is_cancellation(int code)
{
	return code == -ECANCELED || code == SL_E_INTERRUPTED;
}

static int
fail_timeout(const struct sl_http_exchange *exchange, struct sl_error *err, enum sl_phase phase,
	const char *what)
{
	double seconds = (double)exchange->stall_timeout_ns / (double)SL_NS_PER_S;
	if (sl_task_deadline() <= sl_now())
		return sl_exchange_fail(
			exchange, err, phase, -ETIMEDOUT, "%s: the deadline has passed", what);
	return sl_exchange_fail(exchange, err, phase, -ETIMEDOUT,
		"%s: %s %.3g s (--stall-timeout sets this limit)", what,
		phase == SL_PHASE_HEAD ? "no complete response header within" : "no data for",
		seconds);
}

/* ---- connection ---- */

static void
reset_answer(struct sl_http_exchange *exchange)
{
	sl_head_clear(&exchange->head);
	sl_chunked_init(&exchange->chunked);
	exchange->framing = (struct sl_framing){ .kind = SL_FRAMING_NONE };
	exchange->answered = exchange->complete = exchange->excess = false;
	exchange->received = 0;
	exchange->measured = exchange->measured_ns = 0;
	exchange->buffer_off = exchange->buffer_len = 0;
}

SL_SUSPENDS
static void
return_connection(struct sl_http_exchange *exchange, bool reusable)
{
	struct sl_connection *connection = exchange->connection;
	exchange->connection = NULL;
	if (connection)
		sl_pool_give(exchange->pool, connection, reusable);
}

void
sl_exchange_drop(struct sl_http_exchange *exchange)
{
	return_connection(exchange, false);
}

/* What limited the wait for a connection that failed with `code`, to follow its message. */
static const char *
connect_limit_text(int code)
{
	if (code != -ETIMEDOUT)
		return "";
	return sl_task_deadline() <= sl_now() ? "; the deadline has passed"
					      : "; --connect-timeout sets this limit";
}

SL_SUSPENDS
static int
take_connection(struct sl_http_exchange *exchange, bool fresh, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	struct sl_pool_key key;
	exchange->peer[0] = '\0';
	int code = sl_route_key(exchange->route, &exchange->url, &key, &cause);
	if (code == 0) {
		key.taker = exchange->limited;
		key.lane = exchange->is_head ? LANE_HEAD : LANE_CONTENT;
		code = sl_pool_take(exchange->pool, &key, fresh, &exchange->connection, &cause);
	}
	if (code < 0) {
		exchange->connection = NULL;
		enum sl_phase phase = cause.phase ? cause.phase : SL_PHASE_CONNECT;
		bool first = err && !err->code;
		sl_exchange_fail(exchange, err, phase, code, "%s%s", cause_text(&cause, code),
			connect_limit_text(code));
		if (first)
			err->http_status = cause.http_status; /* of a proxy */
		return code;
	}
	exchange->reused = exchange->connection->reused;
	snprintf(exchange->peer, sizeof(exchange->peer), "%s", exchange->connection->peer);
	return 0;
}

SL_SUSPENDS
static int
send_request(struct sl_http_exchange *exchange, struct sl_span text, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	uint64_t deadline_ns = sl_deadline_in(exchange->stall_timeout_ns);
	int code = sl_connection_send_all(
		exchange->connection, text.data, text.len, deadline_ns, &cause);
	if (code == -ETIMEDOUT)
		return fail_timeout(
			exchange, err, SL_PHASE_REQUEST, "the server did not read the request");
	if (code < 0)
		return sl_exchange_fail(exchange, err, SL_PHASE_REQUEST, code,
			"the request could not be sent: %s", cause_text(&cause, code));
	return 0;
}

/* ---- head ---- */

/* Receive more of the answer into the empty buffer. Returns 0 or a failure, also at the end of the
 * stream. */
SL_SUSPENDS
static int
fill(struct sl_http_exchange *exchange, uint64_t deadline_ns, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	int code = sl_connection_recv(exchange->connection, exchange->buffer,
		sizeof(exchange->buffer), false, deadline_ns, &cause);
	if (code == -ETIMEDOUT)
		return fail_timeout(exchange, err, SL_PHASE_HEAD, "the server does not respond");
	if (code == 0 || code == SL_E_SHORT_BODY)
		return sl_exchange_fail(exchange, err, SL_PHASE_HEAD, -ECONNRESET,
			exchange->answered
				? "the server closed the connection within its response header"
				: "the server closed the connection without a response");
	if (code < 0)
		return sl_exchange_fail(exchange, err, SL_PHASE_HEAD, code,
			"no response from the server: %s", cause_text(&cause, code));
	exchange->answered = true;
	exchange->buffer_off = 0;
	exchange->buffer_len = (size_t)code;
	return 0;
}

/* The deadline applies to the whole head: one that comes byte by byte is a stall, too. */
SL_SUSPENDS
static int
read_head(struct sl_http_exchange *exchange, struct sl_error *err)
{
	uint64_t deadline_ns = sl_deadline_in(exchange->stall_timeout_ns);
	for (;;) {
		struct sl_error cause = { 0 };
		size_t used = 0;
		enum sl_parse result =
			sl_head_feed(&exchange->head, exchange->buffer + exchange->buffer_off,
				exchange->buffer_len - exchange->buffer_off, &used, &cause);
		exchange->buffer_off += used;
		if (result == SL_PARSE_DONE)
			return 0;
		if (result == SL_PARSE_BAD)
			return sl_exchange_fail(
				exchange, err, SL_PHASE_HEAD, cause.code, "%s", cause.text);
		int code = fill(exchange, deadline_ns, err);
		if (code < 0)
			return code;
	}
}

/* RFC 9110 15.2: interim answers are skipped. After 101 the connection would no longer carry
 * HTTP. */
SL_SUSPENDS
static int
read_final_head(struct sl_http_exchange *exchange, struct sl_error *err)
{
	for (unsigned interim = 0; interim <= INTERIM_MAX; interim++) {
		int code = read_head(exchange, err);
		if (code < 0 || exchange->head.status >= 200)
			return code;
		if (exchange->head.status == 101)
			return sl_exchange_fail(exchange, err, SL_PHASE_HEAD, SL_E_PROTO,
				"the server switched protocols, which was not requested (101)");
		sl_head_clear(&exchange->head);
	}
	return sl_exchange_fail(exchange, err, SL_PHASE_HEAD, SL_E_LIMIT,
		"the server sent more than %d interim responses (1xx)", INTERIM_MAX);
}

SL_SUSPENDS
static void complete_at_end(struct sl_http_exchange *exchange);

SL_SUSPENDS
static int
ask_once(struct sl_http_exchange *exchange, struct sl_span text, bool fresh, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	reset_answer(exchange);
	int code = take_connection(exchange, fresh, err);
	if (code == 0)
		code = send_request(exchange, text, err);
	if (code == 0)
		code = read_final_head(exchange, err);
	if (code < 0)
		return code;
	code = sl_framing_decide(&exchange->framing, &exchange->head, exchange->is_head, &cause);
	if (code < 0)
		return sl_exchange_fail(exchange, err, SL_PHASE_HEAD, code, "%s", cause.text);
	complete_at_end(exchange);
	return 0;
}

/* A kept-alive connection that the server closed as the request was sent (RFC 9112 9.3.1), or on
 * which the rest of an earlier answer came instead of this one. */
static bool
was_stale(const struct sl_http_exchange *exchange, int code)
{
	if (!exchange->connection || !exchange->connection->reused)
		return false;
	if (exchange->answered)
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
sl_exchange_ask(struct sl_http_exchange *exchange, struct sl_span text, struct sl_error *err)
{
	struct sl_error first = { 0 };
	int code = ask_once(exchange, text, false, &first);
	if (code < 0 ? was_stale(exchange, code) : was_idle_timeout(exchange)) {
		sl_log_debug(
			"%s: connection was closed while idle, trying a fresh one", exchange->peer);
		return_connection(exchange, false);
		sl_error_clear(&first);
		code = ask_once(exchange, text, true, &first);
	}
	if (code < 0) {
		return_connection(exchange, false);
		if (err && !err->code)
			*err = first;
	}
	return code;
}

/* ---- the end of a body ---- */

/* Bytes after the end would be read as the next answer: the connection is not used again. */
SL_SUSPENDS
static void
check_for_excess(struct sl_http_exchange *exchange)
{
	char byte;
	if (exchange->buffer_off < exchange->buffer_len)
		exchange->excess = true;
	if (exchange->excess || !sl_connection_is_disturbed(exchange->connection))
		return;
	exchange->framing.keep_alive = false;
	/* A byte or the end of the stream is available: this does not wait. */
	exchange->excess = sl_connection_recv(exchange->connection, &byte, 1, false,
				   sl_deadline_in(PATIENCE_NS), NULL) > 0;
}

/* The body's end was reached: the connection goes back at once, as other tasks may wait for one. */
SL_SUSPENDS
static void
complete(struct sl_http_exchange *exchange)
{
	exchange->complete = true;
	if (exchange->framing.kind != SL_FRAMING_CLOSE)
		check_for_excess(exchange);
	return_connection(exchange, exchange->framing.keep_alive && !exchange->excess);
}

/* Complete the body if nothing more is expected. */
SL_SUSPENDS
static void
complete_at_end(struct sl_http_exchange *exchange)
{
	bool none = exchange->framing.kind == SL_FRAMING_NONE;
	bool all = exchange->framing.kind == SL_FRAMING_LENGTH &&
		   exchange->received == exchange->framing.length;
	if (none || all)
		complete(exchange);
}

/* ---- receiving ---- */

static size_t
paced_len(const struct sl_http_exchange *exchange, size_t len)
{
	uint64_t rate = exchange->connection->rate_bytes_s;
	uint64_t most = rate ? SL_MAX(rate / PACE_DIVISOR, PACE_MIN) : PACE_FIRST;
	return (size_t)SL_MIN((uint64_t)len, most);
}

/* Over at least the time that one receive may take: a single one can have found bytes that had been
 * waiting in the socket, which make the link look faster than it is. */
static void
update_rate(struct sl_http_exchange *exchange, size_t len, uint64_t begin_ns, uint64_t end_ns)
{
	if (!exchange->measured_ns)
		exchange->measured_ns = begin_ns;
	exchange->measured += len;
	uint64_t elapsed_ns = end_ns - exchange->measured_ns;
	if (elapsed_ns < SL_NS_PER_S / PACE_DIVISOR)
		return;
	double rate = (double)exchange->measured * (double)SL_NS_PER_S / (double)elapsed_ns;
	exchange->connection->rate_bytes_s = SL_MAX((uint64_t)rate, (uint64_t)1);
	exchange->measured_ns = end_ns;
	exchange->measured = 0;
}

static int
fail_receive(const struct sl_http_exchange *exchange, struct sl_error *err, int code,
	const struct sl_error *cause)
{
	char what[96];
	unsigned long long got = exchange->received;
	if (exchange->framing.kind == SL_FRAMING_LENGTH)
		snprintf(what, sizeof(what), "the body stopped after %llu of %llu bytes", got,
			(unsigned long long)exchange->framing.length);
	else
		snprintf(what, sizeof(what), "the body stopped after %llu bytes", got);
	if (code == -ETIMEDOUT)
		return fail_timeout(exchange, err, SL_PHASE_BODY, what);
	if (code == SL_E_SHORT_BODY)
		return sl_exchange_fail(exchange, err, SL_PHASE_BODY, code,
			"%s: the server closed the connection%s", what,
			cause && cause->code ? " without close_notify" : "");
	return sl_exchange_fail(
		exchange, err, SL_PHASE_BODY, code, "%s: %s", what, cause_text(cause, code));
}

/* When a receive that began then counts as a stall, unless something comes. */
static uint64_t
stalled_at(const struct sl_http_exchange *exchange, uint64_t begin_ns)
{
	uint64_t since_ns = SL_MAX(begin_ns, exchange->connection->moved_ns);
	uint64_t timeout_ns = exchange->stall_timeout_ns;
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
receive(struct sl_http_exchange *exchange, char *data, size_t len, bool whole, struct sl_error *err)
{
	struct sl_connection *connection = exchange->connection;
	uint64_t begin_ns = sl_now();
	for (;;) {
		struct sl_error cause = { 0 };
		uint64_t stall_ns = stalled_at(exchange, begin_ns);
		uint64_t until_ns =
			whole ? SL_MIN(stall_ns, sl_deadline_in(PATIENCE_NS)) : stall_ns;
		int code = sl_connection_recv(
			connection, data, paced_len(exchange, len), whole, until_ns, &cause);
		uint64_t now_ns = sl_now();
		if (code > 0)
			update_rate(exchange, (size_t)code, begin_ns, now_ns);
		if (code >= 0)
			return code;
		stall_ns = stalled_at(exchange, begin_ns);
		if (code != -ETIMEDOUT || now_ns >= stall_ns || now_ns >= sl_task_deadline())
			return fail_receive(exchange, err, code, &cause);
		sl_connection_gather(connection, 0);
		whole = false;
	}
}

static size_t
take_buffered(struct sl_http_exchange *exchange, char *data, size_t len)
{
	size_t n = SL_MIN(len, exchange->buffer_len - exchange->buffer_off);
	memcpy(data, exchange->buffer + exchange->buffer_off, n);
	exchange->buffer_off += n;
	return n;
}

/*
 * How many bytes the receives of this body may wait for: no more than must follow the next one, of
 * `len` bytes. The last receive gathers none, so that the connection goes back as it came. What has
 * been gathered and is not enough is seen only after PATIENCE_NS, which must not be a stall.
 */
static size_t
gather_len(const struct sl_http_exchange *exchange, size_t len)
{
	uint64_t follow = exchange->framing.length - exchange->received - len;
	uint64_t most = SL_MIN(exchange->connection->rate_bytes_s / GATHER_DIVISOR, follow);
	if (exchange->limiter || exchange->stall_timeout_ns < 2 * PATIENCE_NS || most < GATHER_MIN)
		return 0;
	return (size_t)SL_MIN(most, (uint64_t)GATHER_MAX);
}

/* ---- bodies ---- */

/* By length or until the connection ends. */
SL_SUSPENDS
static int
read_plain(struct sl_http_exchange *exchange, char *data, size_t len, struct sl_error *err)
{
	bool by_length = exchange->framing.kind == SL_FRAMING_LENGTH;
	size_t n = take_buffered(exchange, data, len);
	if (n == 0) {
		if (by_length)
			sl_connection_gather(exchange->connection, gather_len(exchange, len));
		int code = receive(exchange, data, len, true, err);
		if (code == 0 && by_length)
			return fail_receive(exchange, err, SL_E_SHORT_BODY, NULL);
		if (code == 0)
			complete(exchange);
		if (code <= 0)
			return code;
		n = (size_t)code;
	}
	exchange->received += n;
	complete_at_end(exchange);
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
decode(struct sl_http_exchange *exchange, struct decoding *p, struct sl_error *err)
{
	for (;;) {
		struct sl_error cause = { 0 };
		size_t used = 0;
		enum sl_chunked_step step = sl_chunked_step(&exchange->chunked, p->from + p->used,
			p->from_len - p->used, &used, &cause);
		p->used += used;
		if (step == SL_CHUNKED_BAD)
			return sl_exchange_fail(
				exchange, err, SL_PHASE_BODY, cause.code, "%s", cause.text);
		p->done = step == SL_CHUNKED_DONE;
		if (step != SL_CHUNKED_DATA)
			return 0;
		size_t n = SL_MIN(p->from_len - p->used, p->to_len - p->made);
		n = (size_t)SL_MIN((uint64_t)n, sl_chunked_left(&exchange->chunked));
		if (n == 0)
			return 0;
		if (p->to + p->made != p->from + p->used)
			memmove(p->to + p->made, p->from + p->used, n);
		sl_chunked_took(&exchange->chunked, n);
		p->used += n;
		p->made += n;
	}
}

/* Input for the decoder: first what came with the head; then bytes received into the caller's
 * memory and decoded in place, since a decoded body is never longer than its coded form. */
SL_SUSPENDS
static int
next_input(struct sl_http_exchange *exchange, struct decoding *p, struct sl_error *err)
{
	size_t buffered = exchange->buffer_len - exchange->buffer_off;
	p->used = 0;
	if (buffered > 0) {
		p->from = exchange->buffer + exchange->buffer_off;
		p->from_len = buffered;
		return 0;
	}
	uint64_t left = sl_chunked_left(&exchange->chunked);
	bool direct = left >= CHUNK_DIRECT;
	size_t len = direct ? (size_t)SL_MIN((uint64_t)p->to_len, left) : p->to_len;
	int code = receive(exchange, p->to, len, direct, err);
	if (code == 0)
		return fail_receive(exchange, err, SL_E_SHORT_BODY, NULL);
	p->from = p->to;
	p->from_len = code > 0 ? (size_t)code : 0;
	return SL_MIN(code, 0);
}

SL_SUSPENDS
static int
read_chunked(struct sl_http_exchange *exchange, char *data, size_t len, struct sl_error *err)
{
	struct decoding p = { .to = data, .to_len = len };
	for (;;) {
		int code = next_input(exchange, &p, err);
		if (code < 0)
			return code;
		code = decode(exchange, &p, err);
		if (code < 0)
			return code;
		if (p.from != data)
			exchange->buffer_off += p.used;
		else if (p.used < p.from_len)
			exchange->excess = true; /* only the body's end leaves bytes over */
		exchange->received += p.made;
		if (p.done)
			complete(exchange);
		if (p.done || p.made > 0)
			return sl_int(p.made);
	}
}

SL_SUSPENDS
static int
read_body(struct sl_http_exchange *exchange, char *data, size_t len, struct sl_error *err)
{
	return exchange->framing.kind == SL_FRAMING_CHUNKED ? read_chunked(exchange, data, len, err)
							    : read_plain(exchange, data, len, err);
}

/* As many bytes as the limiter has given, which is waited for before the receive: the stall timeout
 * and the pace of receives apply to the server only. */
SL_SUSPENDS
static int
read_limited(struct sl_http_exchange *exchange, char *data, size_t len, struct sl_error *err)
{
	struct sl_limiter *limiter = exchange->limiter;
	uint64_t piece = SL_MAX(limiter->bucket.rate / LIMIT_DIVISOR, 1u);
	len = (size_t)SL_MIN((uint64_t)len, piece);
	int code = sl_limiter_take(limiter, len, exchange->limited);
	if (code < 0)
		return fail_receive(exchange, err, code, NULL);
	code = read_body(exchange, data, len, err);
	sl_limiter_put_back(limiter, len - (size_t)SL_MAX(code, 0));
	return code;
}

int
sl_http_read(struct sl_http_exchange *exchange, void *data, size_t len, struct sl_error *err)
{
	sl_assert(len > 0);
	if (exchange->complete)
		return 0;
	sl_assert(exchange->connection); /* else a read failed before */
	len = SL_MIN(len, READ_MAX);
	if (exchange->framing.kind == SL_FRAMING_LENGTH)
		len = (size_t)SL_MIN((uint64_t)len, exchange->framing.length - exchange->received);
	int code = exchange->limiter ? read_limited(exchange, data, len, err)
				     : read_body(exchange, data, len, err);
	if (code < 0)
		return_connection(exchange, false);
	return code;
}

void
sl_exchange_drain(struct sl_http_exchange *exchange)
{
	char scratch[4096];
	struct sl_deadline scope;
	bool small = exchange->framing.kind == SL_FRAMING_LENGTH &&
		     exchange->framing.length <= DRAIN_MAX && exchange->framing.keep_alive;
	if (!exchange->complete && small && exchange->connection) {
		sl_deadline_begin(&scope, sl_deadline_in(DRAIN_NS));
		while (sl_http_read(exchange, scratch, sizeof(scratch), NULL) > 0)
			;
		sl_deadline_end(&scope);
	}
	return_connection(exchange, false);
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
	uint64_t announced = exchange->framing.announced;
	switch (exchange->framing.kind) {
	case SL_FRAMING_LENGTH:
		return exchange->framing.length;
	case SL_FRAMING_NONE:
		if (!exchange->is_head)
			return 0;
		return announced == SL_HEADER_NO_LENGTH ? SL_BODY_UNKNOWN : announced;
	default:
		return SL_BODY_UNKNOWN;
	}
}

bool
sl_http_is_open_ended(const struct sl_http_exchange *exchange)
{
	return exchange->framing.kind == SL_FRAMING_CLOSE && exchange->url.scheme == SL_SCHEME_HTTP;
}

uint64_t
sl_http_limited_ns(const struct sl_http_exchange *exchange)
{
	return sl_limited_ns(&exchange->limited_read);
}

bool
sl_http_had_excess(const struct sl_http_exchange *exchange)
{
	return exchange->excess;
}
