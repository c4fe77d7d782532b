/*
 * proxy_route.h - the way to origins of one scheme through a proxy: how the pool connects, and what
 * the proxy is told of the user.
 *
 * https origins are reached by CONNECT, and any origin by SOCKS: what the pool gets is a stream to
 * the origin. Requests to http origins are relayed by an HTTP proxy: they go to the proxy itself,
 * with the whole URL as their target and with Proxy-Authorization (see sl_request). No other
 * request has that field, since it would reach the origin.
 */
#ifndef SLUICE_HTTP_PROXY_ROUTE_H
#define SLUICE_HTTP_PROXY_ROUTE_H

#include "sluice/http/proxy_auth.h"
#include "sluice/http/url.h"
#include "sluice/net/connector.h"
#include "sluice/net/pool.h"

/* In its owner's memory; {0} can be released. */
struct sl_proxy_route {
	struct sl_connector *connector; /* borrowed, as the next two */
	const struct sl_proxy *proxy;
	const char *user_agent; /* for CONNECT */
	enum sl_scheme scheme;  /* of the origins */
	char *text;             /* for the pool's key: with the user, wiped at the end */
	struct sl_proxy_auth auth;
	struct sl_tls *tls; /* for the proxy itself; borrowed; NULL until it is set */
	uint64_t answer_timeout_ns; /* until it has connected; 0 = only the deadline; may be set */
};

/* Returns 0 or -ENOMEM; *route is neutral then. */
int sl_proxy_route_init(struct sl_proxy_route *route, struct sl_connector *connector,
	const struct sl_proxy *proxy, enum sl_scheme scheme, const char *user_agent) SL_MUST_CHECK;
void sl_proxy_route_release(struct sl_proxy_route *route);

/* Requests go to the proxy itself, in absolute form. Not if NULL, the way without a proxy. */
bool sl_proxy_route_is_relay(const struct sl_proxy_route *route);

/* TLS has to be set up before a connection is taken. */
bool sl_proxy_route_needs_tls(const struct sl_proxy_route *route);

/* As sl_route_key, for a URL of the route's scheme. */
struct sl_pool_key sl_proxy_route_key(struct sl_proxy_route *route, const struct sl_url *url);

#endif
