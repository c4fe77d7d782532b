#include "support/pool_key.h"

#include <criterion/criterion.h>

SL_SUSPENDS
static int
connect_directly(void *ctx, const struct sl_pool_key *key, uint64_t deadline_ns,
	struct sl_connection **out, struct sl_error *err)
{
	struct sl_connection *plain = NULL;
	int code = sl_connector_open(ctx, key->host, key->port, deadline_ns, &plain, err);
	if (code == 0 && key->tls)
		return sl_connector_secure(
			ctx, plain, key->host, key->port, SL_ALPN_HTTP1, deadline_ns, out, err);
	*out = plain;
	return code;
}

struct sl_pool_key
pool_key(struct sl_connector *connector, bool tls, const char *host, uint16_t port)
{
	return (struct sl_pool_key){ .tls = tls,
		.host = host,
		.port = port,
		.route = "",
		.connect = connect_directly,
		.connect_ctx = connector };
}

struct sl_connector *
pool_connector(struct sl_tls *tls)
{
	struct sl_connector *connector = NULL;
	cr_assert_eq(sl_connector_new(&connector, &(struct sl_connector_options){ .tls = tls }), 0);
	return connector;
}
