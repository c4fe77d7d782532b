/*
 * authorization.c - what is remembered of Digest belongs to an origin and a user, and is never used
 * elsewhere (CVE-2026-11856). Requests that run side by side use one nonce, each with a count of
 * its own; when one of them gets another nonce, the others go on with that: a serial number tells
 * whether a refused request had used the nonce that it was offered.
 */
#include "authorization_int.h"
#include "cnonce_int.h"

#include "sluice/http/request.h"

#include <errno.h>
#include <stdlib.h>

/* ---- remembered challenges ---- */

static void
forget(struct sl_authorization_digest *digest)
{
	sl_url_release(&digest->origin);
	free(digest->user);
	sl_digest_auth_release(&digest->challenge);
	*digest = (struct sl_authorization_digest){ 0 };
}

void
sl_authorizer_release(struct sl_authorizer *authorizer)
{
	for (size_t i = 0; i < SL_AUTHORIZATION_DIGESTS; i++)
		forget(&authorizer->digests[i]);
	sl_credentials_free(authorizer->credentials);
	*authorizer = (struct sl_authorizer){ 0 };
}

static bool
is_of(const struct sl_authorization_digest *digest, const struct sl_url *url, const char *user)
{
	return digest->origin.host && sl_url_same_origin(&digest->origin, url) &&
	       strcmp(digest->user, user) == 0;
}

/* The challenge that was used last for an origin and a user; NULL if there is none. */
static struct sl_authorization_digest *
recall(struct sl_authorizer *authorizer, const struct sl_url *url, const char *user)
{
	struct sl_authorization_digest *found = NULL;
	for (size_t i = 0; i < SL_AUTHORIZATION_DIGESTS; i++) {
		struct sl_authorization_digest *digest = &authorizer->digests[i];
		if (is_of(digest, url, user) && (!found || digest->last_used > found->last_used))
			found = digest;
	}
	return found;
}

/* The one of this nonce; NULL if it was replaced since. */
static struct sl_authorization_digest *
find_serial(struct sl_authorizer *authorizer, uint64_t serial)
{
	for (size_t i = 0; i < SL_AUTHORIZATION_DIGESTS && serial > 0; i++)
		if (authorizer->digests[i].serial == serial)
			return &authorizer->digests[i];
	return NULL;
}

/* The place for a challenge: that of the same origin, user and realm, a free one, or the one that
 * was not used for longest. */
static struct sl_authorization_digest *
place_of(struct sl_authorizer *authorizer, const struct sl_url *url, const char *user,
	const char *realm)
{
	struct sl_authorization_digest *oldest = &authorizer->digests[0];
	for (size_t i = 0; i < SL_AUTHORIZATION_DIGESTS; i++) {
		struct sl_authorization_digest *digest = &authorizer->digests[i];
		if (is_of(digest, url, user) && strcmp(digest->challenge.realm, realm) == 0)
			return digest;
		if (digest->last_used < oldest->last_used)
			oldest = digest;
	}
	return oldest;
}

static void
begin_nonce(struct sl_authorizer *authorizer, struct sl_authorization_digest *digest)
{
	digest->count = 0;
	digest->serial = digest->last_used = ++authorizer->clock;
	sl_cnonce_make(digest->cnonce);
}

/* *challenge is taken. Returns the serial of its nonce, or 0 if out of memory. */
static uint64_t
remember(struct sl_authorizer *authorizer, const struct sl_url *url, const char *user,
	struct sl_digest_auth *challenge)
{
	char *host = sl_span_dup(sl_span_str(url->host)), *copy = sl_span_dup(sl_span_str(user));
	if (!host || !copy) {
		free(host);
		free(copy);
		sl_digest_auth_release(challenge);
		return 0;
	}
	struct sl_authorization_digest *digest = place_of(authorizer, url, user, challenge->realm);
	forget(digest);
	*digest = (struct sl_authorization_digest){
		.origin = { .scheme = url->scheme, .host = host, .port = url->port },
		.user = copy,
		.challenge = *challenge
	};
	*challenge = (struct sl_digest_auth){ 0 };
	begin_nonce(authorizer, digest);
	return digest->serial;
}

/* ---- requests ---- */

void
sl_authorization_release(struct sl_authorization *authorization)
{
	sl_identity_release(&authorization->identity);
	*authorization = (struct sl_authorization){ 0 };
}

static int
add_digest(struct sl_authorization *authorization, struct sl_authorizer *authorizer,
	struct sl_authorization_digest *digest, const struct sl_url *url, const char *method,
	struct sl_buf *value)
{
	const struct sl_digest_request request = { .user = authorization->identity.user,
		.password = authorization->identity.secret,
		.method = method,
		.target = url->target,
		.cnonce = digest->cnonce,
		.count = ++digest->count };
	digest->last_used = ++authorizer->clock;
	authorization->kind = SL_AUTHORIZATION_DIGEST;
	authorization->serial = digest->serial;
	return sl_digest_auth_format(value, &digest->challenge, &request);
}

static int
add_user(struct sl_authorization *authorization, struct sl_authorizer *authorizer,
	const struct sl_url *url, const char *method, struct sl_buf *value)
{
	const char *user = authorization->identity.user;
	struct sl_authorization_digest *digest =
		find_serial(authorizer, authorization->offered); /* of the right realm */
	if (!digest)
		digest = recall(authorizer, url, user);
	if (digest)
		return add_digest(authorization, authorizer, digest, url, method, value);
	if (sl_credentials_only_digest(authorizer->credentials))
		return 0;
	authorization->kind = SL_AUTHORIZATION_BASIC;
	return sl_request_add_basic(value, user, authorization->identity.secret);
}

int
sl_authorization_make(struct sl_authorization *authorization, struct sl_authorizer *authorizer,
	const struct sl_scope *scope, const struct sl_url *first, const struct sl_url *url,
	const char *method, struct sl_buf *value)
{
	struct sl_identity *identity = &authorization->identity;
	sl_identity_release(identity);
	authorization->kind = SL_AUTHORIZATION_NONE;
	authorization->serial = 0;
	int code = sl_credentials_find(authorizer->credentials, scope, first, url, identity);
	if (code)
		return code;
	if (identity->kind == SL_IDENTITY_USER)
		return add_user(authorization, authorizer, url, method, value);
	if (identity->kind == SL_IDENTITY_TOKEN) {
		authorization->kind = SL_AUTHORIZATION_BEARER;
		sl_buf_printf(value, "Bearer %s", identity->secret);
	}
	if (identity->kind == SL_IDENTITY_KEYS)
		authorization->kind = SL_AUTHORIZATION_SIGNED;
	return value->failed ? -ENOMEM : 0;
}

/* ---- responses ---- */

/* Whether another answer to this challenge may be accepted where the last one was not. */
static bool
is_worth_a_digest(
	const struct sl_authorization *authorization, const struct sl_digest_auth *challenge)
{
	return authorization->kind != SL_AUTHORIZATION_DIGEST || challenge->is_stale ||
	       authorization->serial != authorization->offered;
}

static int
refuse_user(struct sl_authorization *authorization, struct sl_authorizer *authorizer,
	const struct sl_url *url, const struct sl_head *head)
{
	struct sl_digest_auth challenge;
	bool has_basic;
	int code = sl_digest_auth_choose(
		&challenge, &has_basic, head, "WWW-Authenticate", &authorization->unsupported);
	if (challenge.realm || has_basic)
		authorization->unsupported = NULL; /* of the others, one could be answered */
	bool is_basic = code == 0 && !challenge.realm && has_basic &&
			authorization->kind == SL_AUTHORIZATION_DIGEST &&
			!sl_credentials_only_digest(authorizer->credentials);
	struct sl_authorization_digest *used = find_serial(authorizer, authorization->serial);
	bool is_digest =
		code == 0 && challenge.realm && is_worth_a_digest(authorization, &challenge);
	if (authorization->kind == SL_AUTHORIZATION_DIGEST && used && !is_digest)
		forget(used); /* the user's password is wrong, or Basic is wanted now */
	if (is_digest) {
		authorization->offered =
			remember(authorizer, url, authorization->identity.user, &challenge);
		code = authorization->offered ? 0 : -ENOMEM;
	}
	sl_digest_auth_release(&challenge);
	return code ? code : is_digest || is_basic;
}

int
sl_authorization_refused(struct sl_authorization *authorization, struct sl_authorizer *authorizer,
	const struct sl_url *url, const struct sl_head *head)
{
	int again = 0;
	if (authorization->tries == SL_AUTHORIZATION_TRIES)
		return 0;
	if (authorization->identity.kind == SL_IDENTITY_USER)
		again = refuse_user(authorization, authorizer, url, head);
	else if (authorization->identity.kind == SL_IDENTITY_TOKEN)
		again = sl_credentials_renew(authorizer->credentials, &authorization->identity);
	authorization->tries++;
	return again;
}

void
sl_authorization_accepted(const struct sl_authorization *authorization,
	struct sl_authorizer *authorizer, const struct sl_head *head)
{
	struct sl_authorization_digest *digest =
		authorization->kind == SL_AUTHORIZATION_DIGEST
			? find_serial(authorizer, authorization->serial)
			: NULL;
	struct sl_challenge info = { .parameters = sl_head_find(head, "Authentication-Info", 0) };
	struct sl_buf nonce = { 0 };
	if (digest && info.parameters.data && sl_challenge_find(&info, "nextnonce", &nonce) &&
		sl_digest_auth_set_nonce(&digest->challenge, sl_buf_span(&nonce)) == 0)
		begin_nonce(authorizer, digest);
	sl_buf_release(&nonce);
}

const char *
sl_authorization_hint(const struct sl_authorization *authorization)
{
	if (authorization->identity.is_withheld)
		return "; the credentials are not for this origin (--auth-origin permits them for "
		       "it)";
	if (authorization->identity.kind == SL_IDENTITY_NONE)
		return "; give credentials with --user, --netrc or --bearer-file, or as "
		       "USER:PASSWORD@ before the host in the URL";
	if (authorization->unsupported)
		return "; its Digest challenge is not supported";
	return authorization->kind == SL_AUTHORIZATION_NONE
		       ? "; it asks for the password itself, which --digest does not permit"
		       : "; it does not accept these credentials";
}
