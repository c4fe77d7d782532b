/*
 * redirect_int.h - responses that refer to another URL, for chain.c.
 */
#ifndef SLUICE_HTTP_REDIRECT_INT_H
#define SLUICE_HTTP_REDIRECT_INT_H

#include "exchange_int.h"

struct sl_redirect_rules {
	unsigned hops; /* redirects that were followed so far */
	unsigned max;
	bool allow_downgrade; /* from https to http */
};

/* 301, 302, 303, 307 and 308. */
bool sl_redirect_is(int status);

/* Whether a response that leads nowhere has one Location at most, as a sender must see to (RFC 9110
 * 5.3). Returns 0; SL_E_PROTO; -ENOMEM. */
int sl_redirect_check_unused(
	const struct sl_http_exchange *exchange, struct sl_error *err) SL_MUST_CHECK;

/*
 * The URL that the exchange's response leads to, to be released with sl_url_release. Returns 0;
 * SL_E_REDIRECT for a redirect beyond the maximum, a downgrade, another scheme, no Location or two
 * different ones; -ENOMEM. After a failure *target is empty.
 */
int sl_redirect_target(const struct sl_http_exchange *exchange,
	const struct sl_redirect_rules *rules, struct sl_url *target,
	struct sl_error *err) SL_MUST_CHECK;

#endif
