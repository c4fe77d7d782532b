/*
 * cookies_int.h - the cookies of a request and of its response, for chain.c.
 */
#ifndef SLUICE_HTTP_COOKIES_INT_H
#define SLUICE_HTTP_COOKIES_INT_H

#include "exchange_int.h"

#include "sluice/http/cookie_jar.h"

/*
 * Append the value of the Cookie field of a request to the exchange's URL, which has that of the
 * first such field among `headers`; nothing if the jar has no cookie for it, or the user has left
 * the field out. Returns 0 or -ENOMEM.
 */
int sl_cookies_add(struct sl_cookie_jar *jar, const struct sl_http_exchange *exchange,
	const struct sl_http_header *headers, size_t count, struct sl_buf *value,
	struct sl_error *err) SL_MUST_CHECK;

/* Keep what the exchange's response sets, whatever its status. Returns 0 or -ENOMEM. */
int sl_cookies_take(struct sl_cookie_jar *jar, const struct sl_http_exchange *exchange,
	struct sl_error *err) SL_MUST_CHECK;

#endif
