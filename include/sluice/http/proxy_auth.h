/*
 * proxy_auth.h - the Proxy-Authorization field of requests to one HTTP proxy (RFC 9110 11.7), and
 * what follows if it refuses them (407).
 *
 * Basic credentials are sent at once, as curl does. If the proxy asks for Digest, the request is
 * repeated with that, once, and later requests use the nonce that was accepted: a thousand requests
 * take one more, not a thousand. Requests run side by side and may reach the proxy in another order
 * than that of their counts, which some proxies refuse: so a repetition uses the nonce that came
 * with its own 407, and no other request does before it was accepted.
 *
 * Nothing of it is ever used for another proxy, or for an origin.
 */
#ifndef SLUICE_HTTP_PROXY_AUTH_H
#define SLUICE_HTTP_PROXY_AUTH_H

#include "sluice/http/digest_auth.h"
#include "sluice/http/proxy.h"

/* Of one proxy. Its fields are the module's. */
struct sl_proxy_auth {
	const struct sl_proxy *proxy;
	struct sl_digest_auth digest; /* accepted before; realm NULL = none */
	char cnonce[SL_DIGEST_CNONCE];
	uint32_t count; /* of requests with its nonce */
};

/* Of one request and its repetition; {0} begins it. */
struct sl_proxy_login {
	struct sl_digest_auth digest; /* of its own 407; realm NULL = none */
	char cnonce[SL_DIGEST_CNONCE];
	bool is_digest; /* what was sent last */
	bool is_repeated;
};

/* `proxy` is borrowed. */
void sl_proxy_auth_init(struct sl_proxy_auth *auth, const struct sl_proxy *proxy);

/* Harmless on {0}. */
void sl_proxy_auth_release(struct sl_proxy_auth *auth);
void sl_proxy_login_release(struct sl_proxy_login *login);

/*
 * Append the value of the field; nothing if the proxy has no user. `target` is that of the request
 * line. Returns 0; SL_E_UNSUPPORTED if OpenSSL does not permit a hash; -ENOMEM.
 */
int sl_proxy_auth_format(struct sl_proxy_auth *auth, struct sl_proxy_login *login,
	const char *method, const char *target, struct sl_buf *value) SL_MUST_CHECK;

/* The response was 407, with this head. Returns 1 if the request is to be repeated; 0 if that would
 * be in vain, or was done; -ENOMEM. */
int sl_proxy_auth_refused(struct sl_proxy_auth *auth, struct sl_proxy_login *login,
	const struct sl_head *head) SL_MUST_CHECK;

/* Any other response of the proxy, or through it. */
void sl_proxy_auth_accepted(struct sl_proxy_auth *auth, struct sl_proxy_login *login);

/* What to add to a message about a refusal: "; ..." */
const char *sl_proxy_auth_hint(bool had_user);

#endif
