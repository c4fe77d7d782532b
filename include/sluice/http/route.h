/*
 * route.h - how an origin is reached, as the pool of connections asks for it: directly.
 *
 * A route makes the pool's key for a URL, with the function that connects. A proxy is another
 * route: its own connect function, which opens a connection to the proxy and secures the origin
 * behind it, and a text in the key that no other route has, so that connections never cross.
 */
#ifndef SLUICE_HTTP_ROUTE_H
#define SLUICE_HTTP_ROUTE_H

#include "sluice/http/url.h"
#include "sluice/net/connector.h"
#include "sluice/net/pool.h"

/* In its owner's memory. */
struct sl_route {
	struct sl_connector *connector; /* borrowed */
};

/*
 * The key for connections to the origin of `url`: everything but taker and lane, which stay 0. Its
 * texts are those of the URL and of the route, which must outlive it.
 */
struct sl_pool_key sl_route_key(const struct sl_route *route, const struct sl_url *url);

#endif
