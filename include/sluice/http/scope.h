/*
 * scope.h - to which requests of a chain of redirects the user's secrets may go. Pure.
 *
 * There are two kinds of secrets:
 *  - those that belong to the URL which the chain begins with: its user and password, and header
 *    fields that were set for it. They go to its origin (scheme, host and port: RFC 6454 4). A
 *    redirect to another origin takes them away for the rest of the chain, even if it returns
 *    (CVE-2018-1000007, CVE-2022-27774, CVE-2022-27776, CVE-2024-45336).
 *  - those that were given for the whole run (--user, --bearer-file, fields of --header, the
 *    default entry of a .netrc file). They go to origins that the user has typed or named, at the
 *    beginning of a chain, and by a redirect only to those that were named for that, unless another
 *    origin was on the way.
 *
 * What remains are fields that are known to hold no secret: those in which services expect a key
 * cannot be listed, as they use any name.
 */
#ifndef SLUICE_HTTP_SCOPE_H
#define SLUICE_HTTP_SCOPE_H

#include "sluice/http/url.h"

/* Only their origins count. Borrowed. */
struct sl_scope_origins {
	const struct sl_url *typed, *named;
	size_t typed_count, named_count;
};

/* Of one chain; {0} begins it. */
struct sl_scope {
	bool has_left;    /* the first origin, once and for all */
	bool has_strayed; /* to an origin that was not named */
};

/* The chain goes on from one URL to another. */
void sl_scope_follow(struct sl_scope *scope, const struct sl_scope_origins *origins,
	const struct sl_url *from, const struct sl_url *to);

/* True for the name of a field that is known to hold no secret. */
bool sl_scope_is_harmless(struct sl_span name);

/* True if a header field that was set for the first URL may be sent. */
bool sl_scope_permits(const struct sl_scope *scope, struct sl_span name);

/* True if the user and password of the first URL may be sent. */
bool sl_scope_permits_own(const struct sl_scope *scope);

/* True if credentials that were given for the run may be sent to `url`, where the chain is. */
bool sl_scope_permits_given(const struct sl_scope *scope, const struct sl_scope_origins *origins,
	const struct sl_url *url);

#endif
