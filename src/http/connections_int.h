/*
 * connections_int.h - the table of connections: gives each exchange the stream that carries it.
 *
 * A stream of HTTP/1.1 has a connection of the pool for itself, so that the pool's bounds are those
 * of the exchanges. One of HTTP/2 joins a session that carries others, or takes a connection of the
 * pool, which the last stream of the session gives back.
 */
#ifndef SLUICE_HTTP_CONNECTIONS_INT_H
#define SLUICE_HTTP_CONNECTIONS_INT_H

#include "sessions_int.h"

#include "sluice/http/route.h"
#include "sluice/http/stream.h"
#include "sluice/rt/limiter.h"

/* In its owner's memory; {0} can be released. */
struct sl_connections {
	struct sl_connector *connector;
	struct sl_route route;
	struct sl_pool *pool;
	struct sl_sessions sessions;
	struct sl_pool_options pool_options; /* for its admit */
	bool http1;                          /* never HTTP/2 */
	struct sl_h2_windows windows;        /* of streams of HTTP/2 */
	/* for each stream; set by the owner, before the first */
	uint64_t stall_timeout_ns, head_timeout_ns;
	bool is_limited;
};

struct sl_connections_options {
	struct sl_connector_options connector;
	struct sl_pool_options pool;
	const struct sl_proxies *proxies; /* borrowed for its life; NULL = all hosts directly */
	const char *user_agent;           /* for proxies; borrowed likewise */
	uint64_t proxy_timeout_ns;        /* until a proxy has connected; 0 = as connections */
	bool http1;                       /* never HTTP/2 */
	struct sl_h2_windows windows;     /* of streams of HTTP/2 */
};

/* Returns 0 or -ENOMEM; to be released in any case. */
int sl_connections_init(struct sl_connections *connections,
	const struct sl_connections_options *options) SL_MUST_CHECK;

/* All streams must have ended (asserted). */
SL_SUSPENDS
void sl_connections_release(struct sl_connections *connections);

struct sl_connections_want {
	const struct sl_url *url;
	struct sl_proxy_route *through; /* as sl_route_choose has it */
	bool is_head;                   /* for a request by HEAD */
	bool is_range;                  /* for a part of a file */
	bool is_fresh;                  /* on a connection that has not carried any exchange */
	struct sl_limited *limited;     /* for options.admit of the pool */
	char (*peer)[SL_ADDRESS_TEXT];  /* gets the address, if there is one, also of a failure */
};

/* A stream to the URL's origin, to be ended by its method. Returns 0; -ENOMEM; what sl_pool_take
 * returns; with *err filled. */
SL_SUSPENDS
int sl_connections_take(struct sl_connections *connections, const struct sl_connections_want *want,
	struct sl_stream **out, struct sl_error *err) SL_MUST_CHECK;

#endif
