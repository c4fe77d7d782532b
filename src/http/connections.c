#include "connections_int.h"

#include "h1_int.h"

#include <errno.h>

/*
 * Lanes of the connection pool. Some servers send the body that the response to a HEAD must not
 * have, at any time after the head. It would be read as the response to the next request, so a
 * connection that has carried a HEAD never carries a GET: no such body can become a file's content.
 * Between HEADs connections are kept, since a second run asks for thousands of files by HEAD; a
 * body that is read as the response to another HEAD is almost never HTTP and then leads to a fresh
 * connection (was_stale in exchange.c).
 */
enum lane { LANE_CONTENT, LANE_HEAD };

/* What limited the wait for a connection that failed with `code`, to follow its message. */
static const char *
connect_limit_text(const struct sl_error *cause, int code)
{
	if (code != -ETIMEDOUT || cause->names_limit)
		return "";
	return sl_task_deadline() <= sl_now() ? "; the deadline has passed"
					      : "; --connect-timeout sets this limit";
}

static int
fail(const struct sl_error *cause, int code, struct sl_error *err)
{
	bool first = err && !err->code;
	sl_fail(err, cause->phase ? cause->phase : SL_PHASE_CONNECT, code, "%s%s",
		sl_stream_cause(cause, code), connect_limit_text(cause, code));
	if (first)
		err->http_status = cause->http_status; /* of a proxy */
	return code;
}

int
sl_connections_init(
	struct sl_connections *connections, const struct sl_connections_options *options)
{
	sl_sessions_init(&connections->sessions);
	connections->pool_options = options->pool;
	connections->http1 = options->http1;
	connections->window = options->window;
	int code = sl_connector_new(&connections->connector, &options->connector);
	if (code == 0)
		code = sl_route_init(&connections->route, connections->connector, options->proxies,
			options->user_agent);
	connections->route.http.answer_timeout_ns = options->proxy_timeout_ns;
	connections->route.https.answer_timeout_ns = options->proxy_timeout_ns;
	return code < 0 ? code : sl_pool_new(&connections->pool, &options->pool);
}

void
sl_connections_release(struct sl_connections *connections)
{
	sl_pool_free(connections->pool);
	sl_sessions_release(&connections->sessions);
	sl_route_release(&connections->route);
	sl_connector_free(connections->connector);
}

/* ---- HTTP/1.1 ---- */

/* *out is NULL if the connection is of HTTP/2, which the caller has then. */
SL_SUSPENDS
static int
take_connection(struct sl_connections *connections, const struct sl_pool_key *key, bool fresh,
	struct sl_connection **connection, struct sl_stream **out, struct sl_error *cause)
{
	struct sl_h1 *h1 = sl_h1_new();
	*out = NULL;
	if (!h1)
		return sl_fail_code(cause, SL_PHASE_NONE, -ENOMEM, "cannot begin a request");
	int code = sl_pool_take(connections->pool, key, fresh, connection, cause);
	if (code == 0 && !(*connection)->http2)
		*out = sl_h1_begin(h1, connections->pool, *connection);
	else
		sl_h1_free(h1);
	return code;
}

/* ---- HTTP/2 ---- */

/* One sl_connections_take of an https URL. */
struct taking {
	struct sl_connections *connections;
	struct sl_sessions_origin *origin;
	const struct sl_pool_key *key;
	bool fresh;
	struct sl_error *cause;
};

static int
join(const struct taking *taking, struct sl_h2 *session, struct sl_stream **out)
{
	*out = sl_h2_begin(session, taking->connections->pool);
	return *out ? 0
		    : sl_fail_code(taking->cause, SL_PHASE_NONE, -ENOMEM, "cannot begin a request");
}

static void
leave_origin(void *ctx, struct sl_h2 *session)
{
	struct sl_sessions_origin *origin = session->origin;
	if (session->wants_http1)
		origin->http1 = origin->refuses_http2 = true;
	sl_sessions_unuse(ctx, origin);
	session->leave = NULL;
}

SL_SUSPENDS
static int
enter_session(const struct taking *taking, struct sl_connection *connection, struct sl_stream **out)
{
	struct sl_sessions *sessions = &taking->connections->sessions;
	struct sl_h2 *session = sl_h2_of(connection);
	int code = join(taking, session, out);
	if (code < 0) {
		sl_pool_give(taking->connections->pool, connection, true);
		return code;
	}
	session->origin = sl_sessions_use(sessions, taking->key);
	session->leave = session->origin ? leave_origin : NULL;
	session->leave_ctx = sessions;
	if (session->origin)
		sl_sessions_enter(session->origin, session);
	return 0;
}

static void
announce(struct sl_h2 *session)
{
	sl_sessions_connected(session->origin, true);
}

/* The others learn of it when it is known how many streams the server permits. */
static void
announce_later(const struct taking *taking, struct sl_h2 *session)
{
	if (session->has_settings || !session->leave)
		sl_sessions_connected(taking->origin, true);
	else
		session->announce = announce;
}

SL_SUSPENDS
static int
take_own(const struct taking *taking, struct sl_stream **out)
{
	struct sl_sessions_origin *origin = taking->origin;
	struct sl_connection *connection = NULL;
	bool is_first = !origin->is_connecting && !origin->http1;
	origin->is_connecting = origin->is_connecting || is_first;
	int code = take_connection(
		taking->connections, taking->key, taking->fresh, &connection, out, taking->cause);
	if (code == 0 && connection->http2)
		code = enter_session(taking, connection, out);
	else if (code == 0)
		origin->http1 = true;
	if (is_first && code == 0 && connection->http2)
		announce_later(taking, sl_h2_of(connection));
	else if (is_first)
		sl_sessions_connected(origin, false);
	return code;
}

SL_SUSPENDS
static int
admit(const struct taking *taking)
{
	const struct sl_pool_options *options = &taking->connections->pool_options;
	return options->admit ? options->admit(options->admit_ctx, taking->key, taking->cause) : 0;
}

/* What was found is looked for again after each wait. */
SL_SUSPENDS
static int
take_shared(const struct taking *taking, struct sl_stream **out)
{
	bool is_admitted = false;
	int code = 0;
	while (code == 0) {
		struct sl_h2 *session = sl_sessions_find(taking->origin);
		if (session && is_admitted)
			return join(taking, session, out);
		if (session) {
			code = admit(taking);
			is_admitted = true;
		} else if (taking->origin->is_connecting && !taking->origin->http1) {
			code = sl_sessions_wait(taking->origin);
		} else {
			break;
		}
	}
	return code < 0 ? sl_fail_code(taking->cause, SL_PHASE_CONNECT, code,
				  "cannot connect to '%s'", taking->key->host)
			: take_own(taking, out);
}

/* ---- public ---- */

SL_SUSPENDS
static int
take(struct sl_connections *connections, struct sl_pool_key *key, bool fresh,
	struct sl_stream **out, struct sl_error *cause)
{
	struct sl_connection *connection;
	struct taking taking = {
		.connections = connections, .key = key, .fresh = fresh, .cause = cause
	};
	if (key->http1)
		return take_connection(connections, key, fresh, &connection, out, cause);
	taking.origin = sl_sessions_use(&connections->sessions, key);
	if (!taking.origin)
		return sl_fail_code(cause, SL_PHASE_NONE, -ENOMEM, "cannot begin a request");
	key->http1 = sl_sessions_need_http1(taking.origin);
	int code = key->http1 ? take_connection(connections, key, fresh, &connection, out, cause)
			      : take_shared(&taking, out);
	sl_sessions_unuse(&connections->sessions, taking.origin);
	return code;
}

int
sl_connections_take(struct sl_connections *connections, const struct sl_connections_want *want,
	struct sl_stream **out, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	struct sl_pool_key key;
	int code = sl_route_key(&connections->route, want->url, &key, &cause);
	if (code == 0) {
		key.taker = want->limited;
		key.peer = want->peer;
		key.lane = want->is_head ? LANE_HEAD : LANE_CONTENT;
		key.window = connections->window;
		key.http1 = connections->http1 || want->url->scheme != SL_SCHEME_HTTPS;
		code = take(connections, &key, want->is_fresh, out, &cause);
	}
	if (code < 0)
		return fail(&cause, code, err);
	(*out)->stall_timeout_ns = connections->stall_timeout_ns;
	(*out)->head_timeout_ns = connections->head_timeout_ns;
	(*out)->is_limited = connections->is_limited;
	return 0;
}
