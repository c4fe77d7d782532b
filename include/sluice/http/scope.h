/*
 * scope.h - to which requests of a chain of redirects the user's secrets may go. Pure.
 *
 * Credentials, and header fields that may hold some, belong to the origin (scheme, host and port:
 * RFC 6454 4) of the URL that the chain begins with. A redirect to another origin takes them away
 * for the rest of the chain, even if it returns (CVE-2018-1000007, CVE-2022-27774, CVE-2022-27776,
 * CVE-2024-45336). What remains are fields that are known to hold no secret: those in which
 * services expect a key cannot be listed, as they use any name.
 */
#ifndef SLUICE_HTTP_SCOPE_H
#define SLUICE_HTTP_SCOPE_H

#include "sluice/http/url.h"

/* Of one chain; {0} begins it. */
struct sl_scope {
	bool has_left; /* the first origin, once and for all */
};

/* The chain goes on from one URL to another. */
void sl_scope_follow(struct sl_scope *scope, const struct sl_url *from, const struct sl_url *to);

/* True if a header field of the user with this name may be sent. */
bool sl_scope_permits(const struct sl_scope *scope, struct sl_span name);

/* True if the user's credentials may be sent. */
bool sl_scope_permits_credentials(const struct sl_scope *scope);

#endif
