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

/*
 * The URL that the exchange's response leads to, to be released with sl_url_release. Returns 0;
 * SL_E_REDIRECT for a redirect beyond the maximum, a downgrade, another scheme, no Location or two
 * different ones; -ENOMEM. After a failure *target is empty.
 */
int sl_redirect_target(const struct sl_http_exchange *exchange,
	const struct sl_redirect_rules *rules, struct sl_url *target,
	struct sl_error *err) SL_MUST_CHECK;

#endif
