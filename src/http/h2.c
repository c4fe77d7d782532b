/*
 * The session: receiving for all streams, sending, and its end.
 *
 * Rule: callbacks of nghttp2 never suspend, and a failure of the connection is the failure of every
 * stream that is not complete.
 */
#include "h2_int.h"

#include "sluice/rt/waiter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECEIVE_MAX (32 * SL_KIB)

/* What is collected before it is sent. */
#define SEND_MAX (32 * SL_KIB)

/* Room for the last frame beyond it: a buffer that grows would leave copies of credentials. */
#define FRAME_MAX (16 * SL_KIB + 256)

/* Of a task that is cancelled or past its deadline: what the session still has to send. */
#define REST_NS (SL_NS_PER_S)

/* Of the receives of one task each so many waits for the next turn of the loop. */
#define READY_TURNS 16u

/* While another task sends: what it sends may be the end of the session. */
#define LOOK_NS (100 * SL_NS_PER_MS)

/* Receives that do not wait, of what the windows allow to be under way. */
#define READIES_MAX 1024

/* Codes after which the connection below works as before. */
static bool
is_passing(int code)
{
	return code == -ETIMEDOUT || code == -ECANCELED || code == SL_E_INTERRUPTED ||
	       code == -EAGAIN;
}

/* ---- waking ---- */

static void
wake_all(struct sl_h2 *session)
{
	sl_list_each(node, &session->streams)
	{
		(void)sl_h2_wake(sl_list_item(node, struct sl_h2_stream, of_session));
	}
}

/* Of the streams that wait the first receives, if nobody does. */
static void
hand_on(struct sl_h2 *session)
{
	if (session->is_receiving)
		return;
	sl_list_each(node, &session->streams)
	{
		if (sl_h2_wake(sl_list_item(node, struct sl_h2_stream, of_session)))
			return;
	}
}

static void
fail(struct sl_h2 *session, int code, const struct sl_error *cause)
{
	if (session->code)
		return;
	session->code = code;
	if (cause)
		session->cause = *cause;
	sl_h2_change(session);
	wake_all(session);
}

/* ---- sending ---- */

static int
collect(struct sl_h2 *session)
{
	sl_buf_clear(&session->out);
	session->sent = 0;
	if (nghttp2_session_want_write(session->nghttp2))
		sl_buf_reserve(&session->out, SEND_MAX + FRAME_MAX);
	while (session->out.len < SEND_MAX) {
		const uint8_t *data;
		ssize_t len = nghttp2_session_mem_send(session->nghttp2, &data);
		if (len <= 0)
			return len == 0 ? 0 : len == NGHTTP2_ERR_NOMEM ? -ENOMEM : SL_E_PROTO;
		sl_buf_add(&session->out, data, (size_t)len);
		if (session->out.failed)
			return -ENOMEM;
	}
	return 0;
}

SL_SUSPENDS
static int
send_collected(struct sl_h2 *session, bool wait, uint64_t deadline_ns, struct sl_error *cause)
{
	while (session->sent < session->out.len) {
		int code =
			sl_connection_send_some(session->below, session->out.data + session->sent,
				session->out.len - session->sent, wait, deadline_ns, cause);
		if (code < 0)
			return code;
		session->sent += (size_t)code;
	}
	return 0;
}

SL_SUSPENDS
static int
send_all(struct sl_h2 *session, bool wait, uint64_t deadline_ns)
{
	struct sl_error cause = { 0 };
	for (;;) {
		int code = send_collected(session, wait, deadline_ns, &cause);
		if (code == 0)
			code = collect(session);
		if (code < 0 && !is_passing(code))
			fail(session, code, &cause);
		if (code < 0 || session->out.len == 0)
			return code;
	}
}

/* A frame that is cut would be the end of all streams: its rest is sent in any case. If that takes
 * too long, it is no timeout of the others. */
SL_SUSPENDS
static void
send_rest(struct sl_h2 *session)
{
	struct sl_error cause = { 0 };
	struct sl_shield shield;
	sl_shield_begin(&shield, sl_deadline_in(REST_NS));
	int code = send_all(session, true, SL_FOREVER);
	sl_shield_end(&shield);
	if (code == 0)
		return;
	sl_fail(&cause, SL_PHASE_REQUEST, -ECONNRESET, "the server does not read what is sent");
	fail(session, -ECONNRESET, &cause);
}

int
sl_h2_flush(struct sl_h2 *session, uint64_t deadline_ns)
{
	if (session->is_sending || session->code)
		return session->code;
	session->is_sending = true;
	int code = send_all(session, true, deadline_ns);
	if (code < 0 && !session->code)
		send_rest(session);
	session->is_sending = false;
	return code;
}

/* ---- receiving ---- */

static void
feed(struct sl_h2 *session, size_t len)
{
	ssize_t used =
		nghttp2_session_mem_recv(session->nghttp2, (const uint8_t *)session->in, len);
	if (used >= 0)
		return;
	if (session->code) { /* a callback refused it */
		sl_h2_change(session);
		wake_all(session);
		return;
	}
	struct sl_error cause = { 0 };
	/* A callback that gives no reason has run out of memory. */
	if (used == NGHTTP2_ERR_NOMEM || used == NGHTTP2_ERR_CALLBACK_FAILURE) {
		fail(session, -ENOMEM, NULL);
		return;
	}
	int code = used == NGHTTP2_ERR_FLOODED ? SL_E_LIMIT : SL_E_PROTO;
	sl_fail(&cause, SL_PHASE_HEAD, code, "the server's HTTP/2 is malformed: %s",
		nghttp2_strerror((int)used));
	fail(session, code, &cause);
}

static bool
has_memory(struct sl_h2 *session)
{
	if (!session->in)
		session->in = malloc(RECEIVE_MAX);
	return session->in != NULL;
}

/* Returns 0 if something came, or why not. */
SL_SUSPENDS
static int
receive(struct sl_h2 *session, bool wait, uint64_t deadline_ns)
{
	struct sl_error cause = { 0 };
	if (!has_memory(session))
		return -ENOMEM;
	session->is_receiving = true;
	int code =
		wait ? sl_connection_recv(
			       session->below, session->in, RECEIVE_MAX, false, deadline_ns, &cause)
		     : sl_connection_recv_ready(session->below, session->in, RECEIVE_MAX, &cause);
	session->is_receiving = false;
	if (session->code) /* the task that sends has found out */
		return session->code;
	if (code > 0) {
		feed(session, (size_t)code);
		return 0;
	}
	if (code == 0)
		code = sl_fail(
			&cause, SL_PHASE_HEAD, -ECONNRESET, "the server closed the connection");
	if (!is_passing(code))
		fail(session, code, &cause);
	return code;
}

/* What is there already needs no turn of the loop, for as long as other tasks can wait. `turn`
 * counts the receives of a wait. */
SL_SUSPENDS
static int
receive_some(struct sl_h2 *session, unsigned turn, uint64_t deadline_ns)
{
	int code = turn % READY_TURNS ? receive(session, false, deadline_ns) : -EAGAIN;
	/* TLS gives up looking after a few receives in which no record was complete. */
	bool is_nothing = code == -EAGAIN || code == -ETIMEDOUT;
	return is_nothing ? receive(session, true, deadline_ns) : code;
}

/* What another task sends meanwhile may be nghttp2's last GOAWAY, after which the server need not
 * send anything: a wait that began before is cut short. */
SL_SUSPENDS
static int
receive_for_all(struct sl_h2 *session, unsigned turn, uint64_t deadline_ns)
{
	uint64_t look_ns = sl_deadline_in(LOOK_NS);
	if (!session->is_sending || look_ns >= deadline_ns)
		return receive_some(session, turn, deadline_ns);
	int code = receive_some(session, turn, look_ns);
	return code == -ETIMEDOUT && sl_now() >= look_ns ? 0 : code;
}

/* nghttp2 has sent GOAWAY, because of what the server sent, and ignores all that follows. */
static void
fail_malformed(struct sl_h2 *session)
{
	struct sl_error cause = { 0 };
	sl_fail(&cause, SL_PHASE_HEAD, SL_E_PROTO, "the server's HTTP/2 is malformed: %s",
		nghttp2_strerror(session->invalid ? session->invalid : NGHTTP2_ERR_PROTO));
	fail(session, SL_E_PROTO, &cause);
}

static bool
is_over(const struct sl_h2_stream *stream)
{
	return stream->is_closed || stream->session->code;
}

int
sl_h2_wait(struct sl_h2_stream *stream, bool (*has_news)(const struct sl_h2_stream *),
	uint64_t deadline_ns)
{
	struct sl_h2 *session = stream->session;
	unsigned turn = 0;
	int code = 0;
	while (code == 0 && !has_news(stream) && !is_over(stream)) {
		struct sl_waiter waiter;
		code = sl_h2_flush(session, deadline_ns);
		if (code < 0 || has_news(stream) || is_over(stream))
			break;
		if (!session->is_sending && !nghttp2_session_want_read(session->nghttp2)) {
			fail_malformed(session);
			break;
		}
		code = session->is_receiving
			       ? sl_waiter_wait(&waiter, &stream->waiting, "HTTP/2", deadline_ns)
			       : receive_for_all(session, ++turn, deadline_ns);
	}
	hand_on(session);
	if (has_news(stream) || stream->is_closed)
		return 0;
	return code < 0 ? code : session->code;
}

/* ---- the kind of connection ---- */

static const struct sl_connection_methods methods;

struct sl_h2 *
sl_h2_of(struct sl_connection *connection)
{
	sl_assert(connection->methods == &methods);
	return SL_CONTAINER_OF(connection, struct sl_h2, connection);
}

bool
sl_h2_works(const struct sl_h2 *session)
{
	return !session->code && !session->is_leaving && !session->wants_http1 &&
	       nghttp2_session_check_request_allowed(session->nghttp2);
}

bool
sl_h2_has_room(const struct sl_h2 *session)
{
	uint32_t most = nghttp2_session_get_remote_settings(
		session->nghttp2, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
	return session->has_settings && sl_h2_works(session) &&
	       session->count < SL_MIN(most, SL_H2_STREAMS);
}

/* What came while it was idle is looked at: settings, pings, the announcement of its end. */
SL_SUSPENDS
static bool
h2_is_disturbed(struct sl_connection *connection)
{
	struct sl_h2 *session = sl_h2_of(connection);
	int code = 0;
	for (unsigned i = 0; i < READIES_MAX && code == 0; i++)
		code = receive(session, false, SL_FOREVER);
	return code != -EAGAIN || !sl_h2_works(session);
}

static void
release_out(struct sl_h2 *session)
{
	if (session->out.data)
		explicit_bzero(session->out.data, session->out.cap);
	sl_buf_release(&session->out);
	session->sent = 0;
}

static void
h2_release_memory(struct sl_connection *connection)
{
	struct sl_h2 *session = sl_h2_of(connection);
	free(session->in);
	session->in = NULL;
	if (session->sent == session->out.len)
		release_out(session);
	sl_connection_release_memory(session->below);
}

SL_SUSPENDS
static void
say_goodbye(struct sl_h2 *session)
{
	struct sl_shield shield;
	if (session->code || nghttp2_session_terminate_session(session->nghttp2, NGHTTP2_NO_ERROR))
		return;
	sl_shield_begin(&shield, sl_deadline_in(REST_NS));
	(void)send_all(session, false, SL_FOREVER);
	sl_shield_end(&shield);
}

SL_SUSPENDS
static void
h2_close(struct sl_connection *connection)
{
	struct sl_h2 *session = sl_h2_of(connection);
	sl_assert(session->count == 0);
	if (session->nghttp2)
		say_goodbye(session);
	nghttp2_session_del(session->nghttp2);
	release_out(session);
	free(session->in);
	sl_connection_close(session->below);
	free(session);
}

static const struct sl_connection_methods methods = {
	.is_disturbed = h2_is_disturbed,
	.release_memory = h2_release_memory,
	.close = h2_close,
};

int
sl_h2_open(struct sl_connection *below, uint32_t window, struct sl_connection **out)
{
	struct sl_h2 *session = calloc(1, sizeof(*session));
	if (!session) {
		sl_connection_close(below);
		return -ENOMEM;
	}
	session->connection = (struct sl_connection){ .methods = &methods,
		.fd = below->fd,
		.tls = true,
		.http2 = true,
		.times = below->times };
	snprintf(session->connection.peer, sizeof(session->connection.peer), "%s", below->peer);
	session->below = below;
	session->window = window;
	sl_list_init(&session->streams);
	sl_list_init(&session->of_origin);
	int code = sl_h2_new_nghttp2(session);
	if (code < 0) {
		h2_close(&session->connection);
		return code;
	}
	*out = &session->connection;
	return 0;
}

int
sl_h2_secure(struct sl_connector *connector, struct sl_connection *below,
	const struct sl_pool_key *key, uint64_t deadline_ns, struct sl_connection **out,
	struct sl_error *err)
{
	struct sl_connection *secure = NULL;
	int code = sl_connector_secure(connector, below, key->host, key->port,
		key->http1 ? SL_ALPN_HTTP1 : SL_ALPN_HTTP2, deadline_ns, &secure, err);
	if (code == 0 && secure->http2) {
		code = sl_h2_open(secure, key->window, out);
		return code < 0 ? sl_fail_code(err, SL_PHASE_CONNECT, code,
					  "cannot begin HTTP/2 with '%s'", key->host)
				: 0;
	}
	*out = secure;
	return code;
}
