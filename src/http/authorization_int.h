/*
 * authorization_int.h - the Authorization field of a request (RFC 9110 11.6.2), and what follows if
 * a server asks for other credentials (401).
 *
 *  - Basic and Bearer are sent at once. Digest needs a challenge, which is remembered for later
 *    requests to its origin with its user: a thousand files take one request more, not a thousand.
 *  - Of the challenges of a response, in one field or in several, the strongest that is supported
 *    is answered: Digest with SHA-256, with MD5, Basic.
 *  - A request is repeated if its credentials were not of the kind that the server asks for, if the
 *    nonce was too old (stale=true) or one from before, or if the file of the token has another one
 *    now. A second refusal, and SL_AUTHORIZATION_TRIES in any case, is the end.
 */
#ifndef SLUICE_HTTP_AUTHORIZATION_INT_H
#define SLUICE_HTTP_AUTHORIZATION_INT_H

#include "sluice/http/credentials.h"
#include "sluice/http/digest_auth.h"

#define SL_AUTHORIZATION_TRIES 4u /* repetitions of one request */

/* Challenges that are remembered: enough for the hosts that are in use at a time. */
#define SL_AUTHORIZATION_DIGESTS 64u

/* A challenge of one origin that was answered, and how often. */
struct sl_authorization_digest {
	struct sl_url origin; /* its host NULL = this place is free */
	char *user;
	struct sl_digest_auth challenge;
	char cnonce[SL_DIGEST_CNONCE];
	uint32_t count;     /* of requests with this nonce */
	uint64_t serial;    /* of the nonce: no other one has it */
	uint64_t last_used; /* the higher, the later */
};

/* Of one client: its credentials and what servers have asked for. {0} is valid. */
struct sl_authorizer {
	struct sl_credentials *credentials;
	struct sl_authorization_digest digests[SL_AUTHORIZATION_DIGESTS];
	uint64_t clock; /* for serial and last_used */
};

/* Its credentials and all that is remembered. */
void sl_authorizer_release(struct sl_authorizer *authorizer);

/* Of one request, over its repetitions, but not over redirects. {0} begins it. */
struct sl_authorization {
	enum sl_authorization_kind {
		SL_AUTHORIZATION_NONE,
		SL_AUTHORIZATION_BASIC,
		SL_AUTHORIZATION_DIGEST,
		SL_AUTHORIZATION_BEARER,
		SL_AUTHORIZATION_SIGNED, /* by signature.c: the field depends on all of the request
					  */
	} kind;                          /* what was sent last */
	struct sl_identity identity;
	uint64_t serial;  /* with DIGEST: of the nonce */
	uint64_t offered; /* of the nonce that the last 401 brought; 0 = none */
	unsigned tries;
	const char *unsupported; /* of a Digest challenge; static text */
};

void sl_authorization_release(struct sl_authorization *authorization);

/*
 * Append the value of Authorization for a request to `url`, or nothing, as with the kind SIGNED.
 * `first` is the URL that the chain began with. Returns 0; SL_E_UNSUPPORTED if OpenSSL does not
 * permit a hash; -ENOMEM.
 */
int sl_authorization_make(struct sl_authorization *authorization, struct sl_authorizer *authorizer,
	const struct sl_scope *scope, const struct sl_url *first, const struct sl_url *url,
	const char *method, struct sl_buf *value) SL_MUST_CHECK;

/* The response to that request was 401, with this head. Returns 1 if the request is to be made
 * again; 0 if that would be in vain; -ENOMEM. */
SL_SUSPENDS
int sl_authorization_refused(struct sl_authorization *authorization,
	struct sl_authorizer *authorizer, const struct sl_url *url,
	const struct sl_head *head) SL_MUST_CHECK;

/* Any other response: it may name the nonce to be used next (RFC 7616 3.5). */
void sl_authorization_accepted(const struct sl_authorization *authorization,
	struct sl_authorizer *authorizer, const struct sl_head *head);

/* What to add to a message about a 401: "; ..." */
const char *sl_authorization_hint(const struct sl_authorization *authorization);

#endif
