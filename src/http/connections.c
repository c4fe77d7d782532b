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
 *
 * Ranges are parts of large files. By HTTP/2 all of them would share one TCP connection and its
 * congestion window, with streams whose windows have to fit into memory that the kernel's need not:
 * they have connections of HTTP/1.1 for themselves, which no other request may find idle, since it
 * would take the origin for one without HTTP/2.
 */
enum lane { LANE_CONTENT, LANE_HEAD, LANE_RANGES };

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
	connections->windows = options->windows;
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
	struct sl_pool_key *key;
	bool fresh;
	bool is_admitted;
	uint64_t begun_ns;
	struct sl_error *cause;
};

/* A server may have permitted many more streams at once: who finds room wakes the next one. */
static int
join(const struct taking *taking, struct sl_h2 *session, struct sl_stream **out)
{
	*out = sl_h2_begin(session, taking->connections->pool);
	if (*out && sl_h2_has_room(session))
		sl_sessions_pass_on(taking->origin);
	return *out ? 0
		    : sl_fail_code(taking->cause, SL_PHASE_NONE, -ENOMEM, "cannot begin a request");
}

SL_SUSPENDS
static int
enter_session(const struct taking *taking, struct sl_connection *connection, struct sl_stream **out)
{
	struct sl_h2 *session = sl_h2_of(connection);
	int code = join(taking, session, out);
	if (code < 0) {
		sl_pool_give(taking->connections->pool, connection, true);
		return code;
	}
	session->windows = &taking->connections->windows;
	sl_sessions_enter(taking->origin, session);
	return 0;
}

/* The key's connect function, for a connection that others wait for. */
SL_SUSPENDS
static int
dial(void *ctx, const struct sl_pool_key *key, uint64_t deadline_ns, struct sl_connection **out,
	struct sl_error *err)
{
	const struct taking *taking = ctx;
	(void)key;
	sl_sessions_dial(taking->origin);
	return taking->key->connect(taking->key->connect_ctx, taking->key, deadline_ns, out, err);
}

/* Whether a failure says something about the server, not about the task that met it. */
static bool
is_for_all(const struct sl_sessions_origin *origin, int code)
{
	if (!origin->dialled_ns || code == -ECANCELED || code == SL_E_INTERRUPTED ||
		code == -ENOMEM)
		return false;
	return code != -ETIMEDOUT || sl_task_deadline() > sl_now();
}

/* What came of it is news for those that wait. */
static void
tell(const struct taking *taking, int code, struct sl_connection *connection)
{
	bool is_session = code == 0 && connection->http2;
	struct sl_sessions_origin *origin = taking->origin;
	if (code < 0 && is_for_all(origin, code))
		sl_sessions_failed(origin, taking->key, taking->cause);
	else
		sl_sessions_connected(origin, is_session ? sl_h2_of(connection) : NULL);
}

SL_SUSPENDS
static int
take_own(struct taking *taking, struct sl_stream **out)
{
	struct sl_sessions_origin *origin = taking->origin;
	struct sl_connection *connection = NULL;
	struct sl_pool_key key = *taking->key;
	bool is_awaited = !origin->is_connecting && !origin->http1;
	if (is_awaited) {
		sl_sessions_connect(origin);
		key.connect = dial;
		key.connect_ctx = taking;
	}
	int code = take_connection(
		taking->connections, &key, taking->fresh, &connection, out, taking->cause);
	if (code == 0 && connection->http2)
		code = enter_session(taking, connection, out);
	else if (code == 0)
		origin->http1 = true;
	if (is_awaited)
		tell(taking, code, connection);
	return code;
}

SL_SUSPENDS
static int
admit(const struct taking *taking)
{
	const struct sl_pool_options *options = &taking->connections->pool_options;
	return options->admit ? options->admit(options->admit_ctx, taking->key, taking->cause) : 0;
}

/* For a connection that another task makes, or, if there may not be another one, for the end of a
 * stream. */
static bool
has_to_wait(const struct taking *taking)
{
	const struct sl_sessions_origin *origin = taking->origin;
	if (origin->is_connecting)
		return !origin->http1;
	return sl_sessions_may_have_room(origin) &&
	       !sl_pool_has_room(taking->connections->pool, taking->key);
}

/* The settings are a part of connecting. That itself ends in time, for all that wait. */
static uint64_t
wait_until(const struct taking *taking)
{
	const struct sl_sessions_origin *origin = taking->origin;
	uint64_t timeout_ns = taking->connections->pool_options.connect_timeout_ns;
	uint64_t since_ns = SL_MAX(taking->begun_ns, origin->dialled_ns);
	return origin->awaited && timeout_ns < SL_FOREVER - since_ns ? since_ns + timeout_ns
								     : SL_FOREVER;
}

/* Returns 0 with *out NULL if the task has to make a connection of its own. */
SL_SUSPENDS
static int
find_stream(struct taking *taking, struct sl_stream **out)
{
	int code = 0;
	while (code == 0 && !sl_sessions_need_http1(taking->origin)) {
		struct sl_h2 *session = sl_sessions_find(taking->origin);
		if (session && taking->is_admitted)
			return join(taking, session, out);
		if (session) {
			code = admit(taking);
			taking->is_admitted = true;
		} else if (has_to_wait(taking)) {
			code = sl_sessions_wait(
				taking->origin, taking->key, wait_until(taking), taking->cause);
		} else {
			break;
		}
	}
	return code;
}

/* What was found is looked for again after each wait. */
SL_SUSPENDS
static int
take_shared(struct taking *taking, struct sl_stream **out)
{
	int code = find_stream(taking, out);
	if (code < 0) {
		sl_sessions_pass_on(taking->origin);
		return sl_fail_code(taking->cause, SL_PHASE_CONNECT, code, "cannot connect to '%s'",
			taking->key->host);
	}
	if (*out)
		return 0;
	taking->key->http1 = sl_sessions_need_http1(taking->origin);
	return take_own(taking, out);
}

/* ---- public ---- */

SL_SUSPENDS
static int
take(struct sl_connections *connections, struct sl_pool_key *key,
	const struct sl_connections_want *want, struct sl_stream **out, struct sl_error *cause)
{
	struct sl_connection *connection;
	struct taking taking = { .connections = connections,
		.key = key,
		.fresh = want->is_fresh,
		.begun_ns = sl_now(),
		.cause = cause };
	if (key->http1)
		return take_connection(connections, key, want->is_fresh, &connection, out, cause);
	taking.origin = sl_sessions_use(&connections->sessions, key);
	if (!taking.origin)
		return sl_fail_code(cause, SL_PHASE_NONE, -ENOMEM, "cannot begin a request");
	if (want->is_range && !taking.origin->http1) {
		key->http1 = true;
		key->lane = LANE_RANGES;
	}
	int code = key->http1 ? take_connection(
					connections, key, want->is_fresh, &connection, out, cause)
			      : take_shared(&taking, out);
	sl_sessions_unuse(taking.origin);
	return code;
}

int
sl_connections_take(struct sl_connections *connections, const struct sl_connections_want *want,
	struct sl_stream **out, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	struct sl_pool_key key = sl_route_key(&connections->route, want->through, want->url);
	key.taker = want->limited;
	key.peer = want->peer;
	key.lane = want->is_head ? LANE_HEAD : LANE_CONTENT;
	key.window = connections->windows.initial;
	key.http1 = connections->http1 || want->url->scheme != SL_SCHEME_HTTPS;
	*out = NULL;
	int code = take(connections, &key, want, out, &cause);
	if (code < 0)
		return fail(&cause, code, err);
	(*out)->stall_timeout_ns = connections->stall_timeout_ns;
	(*out)->head_timeout_ns = connections->head_timeout_ns;
	(*out)->is_limited = connections->is_limited;
	return 0;
}
