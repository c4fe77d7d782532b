/*
 * relay_int.h - a request that a proxy relays: in absolute form, with the user of the proxy, and
 * once more if the proxy asks for other credentials.
 */
#ifndef SLUICE_HTTP_RELAY_INT_H
#define SLUICE_HTTP_RELAY_INT_H

#include "exchange_int.h"

/* As sl_exchange_ask, which it is for a URL that is not reached by such a proxy. *request is as
 * before afterwards. */
SL_SUSPENDS
int sl_relay_ask(struct sl_http_exchange *exchange, struct sl_request *request,
	struct sl_error *err) SL_MUST_CHECK;

#endif
