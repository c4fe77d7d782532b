/*
 * negotiation_int.h - the content coding of one request and its response (RFC 9110 12.5.3, 8.4),
 * for chain.c: what is requested, and what is made of what comes.
 */
#ifndef SLUICE_HTTP_NEGOTIATION_INT_H
#define SLUICE_HTTP_NEGOTIATION_INT_H

#include "exchange_int.h"

/* The value of Accept-Encoding for a request to `url`, which is the request's own or the target of
 * a redirect. Static text. */
const char *sl_negotiation_accept(const struct sl_http_request *request, const struct sl_url *url);

/*
 * For a response with all of the file: set exchange->coding to what its body is to be decoded from.
 * Returns 0; SL_E_DECODE if the request refuses the coding.
 */
int sl_negotiation_take(struct sl_http_exchange *exchange, enum sl_http_codings codings,
	struct sl_error *err) SL_MUST_CHECK;

#endif
