#include "sluice/http/route.h"

/* The deadline is for both steps together. */
SL_SUSPENDS
static int
connect_directly(void *ctx, const struct sl_pool_key *key, uint64_t deadline_ns,
	struct sl_connection **out, struct sl_error *err)
{
	struct sl_connector *connector = ctx;
	struct sl_connection *plain = NULL;
	int code = sl_connector_open(connector, key->host, key->port, deadline_ns, &plain, err);
	if (code == 0 && key->tls)
		return sl_connector_secure(
			connector, plain, key->host, key->port, deadline_ns, out, err);
	*out = plain;
	return code;
}

struct sl_pool_key
sl_route_key(const struct sl_route *route, const struct sl_url *url)
{
	return (struct sl_pool_key){ .tls = url->scheme == SL_SCHEME_HTTPS,
		.host = url->host,
		.port = url->port,
		.route = "",
		.connect = connect_directly,
		.connect_ctx = route->connector };
}
