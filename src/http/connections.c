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
connect_limit_text(int code)
{
	if (code != -ETIMEDOUT)
		return "";
	return sl_task_deadline() <= sl_now() ? "; the deadline has passed"
					      : "; --connect-timeout sets this limit";
}

int
sl_connections_init(struct sl_connections *connections,
	const struct sl_connector_options *connector, const struct sl_pool_options *pool)
{
	int code = sl_connector_new(&connections->connector, connector);
	connections->route.connector = connections->connector;
	return code < 0 ? code : sl_pool_new(&connections->pool, pool);
}

void
sl_connections_release(struct sl_connections *connections)
{
	sl_pool_free(connections->pool);
	sl_connector_free(connections->connector);
}

int
sl_connections_take(struct sl_connections *connections, const struct sl_connections_want *want,
	struct sl_stream **out, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	struct sl_connection *connection = NULL;
	struct sl_pool_key key = sl_route_key(&connections->route, want->url);
	key.taker = want->limited;
	key.lane = want->is_head ? LANE_HEAD : LANE_CONTENT;
	struct sl_h1 *h1 = sl_h1_new();
	if (!h1)
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot begin a request");
	int code = sl_pool_take(connections->pool, &key, want->is_fresh, &connection, &cause);
	if (code < 0) {
		sl_h1_free(h1);
		return sl_fail(err, cause.phase ? cause.phase : SL_PHASE_CONNECT, code, "%s%s",
			sl_stream_cause(&cause, code), connect_limit_text(code));
	}
	*out = sl_h1_begin(h1, connections->pool, connection);
	(*out)->stall_timeout_ns = connections->stall_timeout_ns;
	(*out)->is_limited = connections->is_limited;
	return 0;
}
