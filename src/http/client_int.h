/*
 * client_int.h - what the requests of one client share; client.c sets it up, chain.c uses it.
 */
#ifndef SLUICE_HTTP_CLIENT_INT_H
#define SLUICE_HTTP_CLIENT_INT_H

#include "authorization_int.h"
#include "connections_int.h"
#include "host_limit_int.h"

#include "sluice/http/client.h"
#include "sluice/http/cookie_jar.h"
#include "sluice/rt/limiter.h"
#include "sluice/rt/semaphore.h"

struct sl_http_client {
	struct sl_http_client_options options;
	struct sl_connections connections;
	struct sl_tls *tls;
	struct sl_tls *proxy_tls;     /* of https proxies, where it differs; else NULL */
	struct sl_semaphore tls_lock; /* one task loads TLS, the others wait for it */
	struct sl_limiter limiter;    /* with options.limit_rate */
	struct sl_host_limits host_limits;
	struct sl_authorizer authorizer;
	struct sl_cookie_jar cookies; /* of the file, and those that servers have set */
	bool has_warned;              /* of a header field that was not sent */
	unsigned exchanges;
	uint64_t last_number; /* of an exchange */
};

/* Before the first connection with TLS; the same for all tasks that wait for it. */
SL_SUSPENDS
int sl_http_client_load_tls(struct sl_http_client *client, struct sl_error *err) SL_MUST_CHECK;

#endif
