#include "support/pool_key.h"

#include "sluice/http/route.h"

#include <criterion/criterion.h>

struct sl_pool_key
pool_key(struct sl_connector *connector, bool tls, const char *host, uint16_t port)
{
	struct sl_pool_key key = sl_route_direct_key(connector, tls, host, port);
	key.http1 = true;
	return key;
}

struct sl_connector *
pool_connector(struct sl_tls *tls)
{
	struct sl_connector *connector = NULL;
	cr_assert_eq(sl_connector_new(&connector, &(struct sl_connector_options){ 0 }), 0);
	if (tls)
		sl_connector_set_tls(connector, tls);
	return connector;
}
