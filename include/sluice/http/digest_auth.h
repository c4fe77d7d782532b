/*
 * digest_auth.h - Digest credentials (RFC 7616): what a challenge asks for, and the answer to it.
 * Pure.
 *
 * Supported are the algorithms SHA-256 and MD5 with the quality of protection "auth", and MD5
 * without any, as RFC 2069 had it. Not supported are the "-sess" variants, which hardly any server
 * implements, "auth-int", which is for requests with a body, and SHA-512-256.
 */
#ifndef SLUICE_HTTP_DIGEST_AUTH_H
#define SLUICE_HTTP_DIGEST_AUTH_H

#include "sluice/http/challenge.h"

/* Bytes of a realm, a nonce and an opaque value: they come back with each request. */
#define SL_DIGEST_AUTH_VALUE_MAX 4096u

#define SL_DIGEST_CNONCE 33 /* bytes of the client's nonce as text, with the NUL */

/* From the weaker to the stronger. */
enum sl_digest_algorithm { SL_DIGEST_MD5, SL_DIGEST_SHA_256 };

/* {0} is releasable. */
struct sl_digest_auth {
	enum sl_digest_algorithm algorithm;
	char *realm, *nonce;
	char *opaque;       /* NULL = none */
	bool has_algorithm; /* the challenge names it, so that the answer does */
	bool has_qop;       /* qop=auth */
	bool is_stale;      /* the credentials were good, but their nonce was too old */
};

/*
 * Read a challenge whose scheme is Digest. Returns 1; 0 if it is not supported or not complete,
 * with the reason, static text, in *why; -ENOMEM. *out is {0} unless it returns 1.
 */
int sl_digest_auth_parse(struct sl_digest_auth *out, const struct sl_challenge *challenge,
	const char **why) SL_MUST_CHECK;

void sl_digest_auth_release(struct sl_digest_auth *auth);

/*
 * Of all challenges in the fields `name` of a response, the strongest Digest challenge that is
 * supported, with realm NULL if there is none, and whether there is a Basic one; *why as above, if
 * one is not supported. Returns 0 or -ENOMEM; *out is to be released in both cases.
 */
int sl_digest_auth_choose(struct sl_digest_auth *out, bool *has_basic, const struct sl_head *head,
	const char *name, const char **why) SL_MUST_CHECK;

/* Use `nonce` from now on (nextnonce of Authentication-Info). Returns 0; SL_E_PROTO if it is empty,
 * too long or has a control byte; -ENOMEM; *auth is as before then. */
int sl_digest_auth_set_nonce(struct sl_digest_auth *auth, struct sl_span nonce) SL_MUST_CHECK;

struct sl_digest_request {
	const char *user, *password;
	const char *method, *target; /* of the request line that the server gets */
	const char *cnonce;          /* of the client; without characters that need quotes */
	uint32_t count;              /* of requests with this nonce, this one included: from 1 */
};

/* Append the value of Authorization: "Digest username=...". Returns 0; SL_E_UNSUPPORTED if OpenSSL
 * does not permit the algorithm; -ENOMEM. *out is as before after a failure. */
int sl_digest_auth_format(struct sl_buf *out, const struct sl_digest_auth *auth,
	const struct sl_digest_request *request) SL_MUST_CHECK;

#endif
