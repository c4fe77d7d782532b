/*
 * route.h - how an origin is reached, as the pool of connections asks for it: directly, or through
 * the proxy that is chosen for its URL (proxies.h), anew for each URL.
 *
 * A route makes the pool's key for a URL, with the function that connects. Routes that differ have
 * keys with different texts, so that connections never cross: neither from one proxy to another,
 * nor from one of its users to another, nor to none.
 */
#ifndef SLUICE_HTTP_ROUTE_H
#define SLUICE_HTTP_ROUTE_H

#include "sluice/http/proxies.h"
#include "sluice/http/proxy_route.h"
#include "sluice/http/url.h"
#include "sluice/net/connector.h"
#include "sluice/net/pool.h"

/* In its owner's memory; {0} can be released. */
struct sl_route {
	struct sl_connector *connector;   /* borrowed */
	const struct sl_proxies *proxies; /* borrowed; NULL = none */
	struct sl_proxy_route http, https;
};

/* `user_agent` is borrowed, as the others. Returns 0 or -ENOMEM; *route is neutral then. */
int sl_route_init(struct sl_route *route, struct sl_connector *connector,
	const struct sl_proxies *proxies, const char *user_agent) SL_MUST_CHECK;

/* All connections by it must be closed. */
void sl_route_release(struct sl_route *route);

/* The way to the origin of `url`: *through is NULL for one that is reached directly. Fails as
 * sl_proxies_choose. */
int sl_route_choose(struct sl_route *route, const struct sl_url *url,
	struct sl_proxy_route **through, struct sl_error *err) SL_MUST_CHECK;

/* The key for connections to the origin of `url` by that way: everything but taker and lane, which
 * stay 0. Its texts are those of the URL and of the route, which must outlive it. */
struct sl_pool_key sl_route_key(
	const struct sl_route *route, struct sl_proxy_route *through, const struct sl_url *url);

/* The same for an origin that is reached directly. */
struct sl_pool_key sl_route_direct_key(
	struct sl_connector *connector, bool tls, const char *host, uint16_t port);

/* The TLS of connections to https proxies themselves, borrowed. */
void sl_route_set_proxy_tls(struct sl_route *route, struct sl_tls *tls);

/* TLS must be set up before a connection for `url` is taken that way. */
bool sl_route_needs_tls(const struct sl_proxy_route *through, const struct sl_url *url);

#endif
