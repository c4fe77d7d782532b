#include "sluice/http/route.h"

#include "h2_int.h"

/* The deadline is for both steps together. */
SL_SUSPENDS
static int
connect_directly(void *ctx, const struct sl_pool_key *key, uint64_t deadline_ns,
	struct sl_connection **out, struct sl_error *err)
{
	struct sl_connector *connector = ctx;
	struct sl_connection *plain = NULL;
	int code = sl_connector_open(connector, key->host, key->port, deadline_ns, &plain, err);
	if (code == 0)
		sl_pool_key_set_peer(key, plain);
	if (code == 0 && key->tls)
		return sl_h2_secure(connector, plain, key, deadline_ns, out, err);
	*out = plain;
	return code;
}

struct sl_pool_key
sl_route_direct_key(struct sl_connector *connector, bool tls, const char *host, uint16_t port)
{
	return (struct sl_pool_key){ .tls = tls,
		.host = host,
		.port = port,
		.route = "",
		.connect = connect_directly,
		.connect_ctx = connector };
}

/* ---- which proxy ---- */

static int
init_proxy_route(struct sl_route *route, const struct sl_proxy_choice *choice,
	enum sl_scheme scheme, const char *user_agent)
{
	struct sl_proxy_route *through = scheme == SL_SCHEME_HTTPS ? &route->https : &route->http;
	if (!choice->is_set || choice->error.code)
		return 0;
	return sl_proxy_route_init(through, route->connector, &choice->proxy, scheme, user_agent);
}

/* ---- public ---- */

int
sl_route_init(struct sl_route *route, struct sl_connector *connector,
	const struct sl_proxies *proxies, const char *user_agent)
{
	*route = (struct sl_route){ .connector = connector, .proxies = proxies };
	if (!proxies)
		return 0;
	int code = init_proxy_route(route, &proxies->http, SL_SCHEME_HTTP, user_agent);
	if (code == 0)
		code = init_proxy_route(route, &proxies->https, SL_SCHEME_HTTPS, user_agent);
	if (code < 0)
		sl_route_release(route);
	return code;
}

void
sl_route_release(struct sl_route *route)
{
	sl_proxy_route_release(&route->http);
	sl_proxy_route_release(&route->https);
	*route = (struct sl_route){ .connector = NULL };
}

int
sl_route_choose(struct sl_route *route, const struct sl_url *url, struct sl_proxy_route **through,
	struct sl_error *err)
{
	const struct sl_proxy *proxy = NULL;
	int code = sl_proxies_choose(route->proxies, url, &proxy, err);
	*through = !proxy ? NULL : url->scheme == SL_SCHEME_HTTPS ? &route->https : &route->http;
	return code;
}

struct sl_pool_key
sl_route_key(const struct sl_route *route, struct sl_proxy_route *through, const struct sl_url *url)
{
	if (through)
		return sl_proxy_route_key(through, url);
	return sl_route_direct_key(
		route->connector, url->scheme == SL_SCHEME_HTTPS, url->host, url->port);
}

void
sl_route_set_proxy_tls(struct sl_route *route, struct sl_tls *tls)
{
	route->http.tls = route->https.tls = tls;
}

bool
sl_route_needs_tls(const struct sl_proxy_route *through, const struct sl_url *url)
{
	return url->scheme == SL_SCHEME_HTTPS || (through && sl_proxy_route_needs_tls(through));
}
