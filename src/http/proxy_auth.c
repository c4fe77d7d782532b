#include "sluice/http/proxy_auth.h"

#include "cnonce_int.h"

#include "sluice/http/request.h"

#include <errno.h>
#include <string.h>

void
sl_proxy_auth_init(struct sl_proxy_auth *auth, const struct sl_proxy *proxy)
{
	*auth = (struct sl_proxy_auth){ .proxy = proxy };
}

static void
forget(struct sl_proxy_auth *auth)
{
	sl_digest_auth_release(&auth->digest);
	auth->digest = (struct sl_digest_auth){ .realm = NULL };
	auth->count = 0;
}

void
sl_proxy_auth_release(struct sl_proxy_auth *auth)
{
	forget(auth);
}

void
sl_proxy_login_release(struct sl_proxy_login *login)
{
	sl_digest_auth_release(&login->digest);
	*login = (struct sl_proxy_login){ .is_digest = false };
}

/* ---- requests ---- */

static int
add_digest(struct sl_proxy_auth *auth, struct sl_proxy_login *login, const char *method,
	const char *target, struct sl_buf *value)
{
	bool is_own = login->digest.realm != NULL;
	const struct sl_digest_request request = { .user = auth->proxy->user,
		.password = auth->proxy->password,
		.method = method,
		.target = target,
		.cnonce = is_own ? login->cnonce : auth->cnonce,
		.count = is_own ? 1 : ++auth->count };
	login->is_digest = true;
	return sl_digest_auth_format(value, is_own ? &login->digest : &auth->digest, &request);
}

int
sl_proxy_auth_format(struct sl_proxy_auth *auth, struct sl_proxy_login *login, const char *method,
	const char *target, struct sl_buf *value)
{
	login->is_digest = false;
	if (!auth->proxy->user)
		return 0;
	if (login->digest.realm || auth->digest.realm)
		return add_digest(auth, login, method, target, value);
	return sl_request_add_basic(value, auth->proxy->user, auth->proxy->password);
}

/* ---- responses ---- */

int
sl_proxy_auth_refused(
	struct sl_proxy_auth *auth, struct sl_proxy_login *login, const struct sl_head *head)
{
	struct sl_digest_auth digest;
	bool has_basic, was_digest = login->is_digest;
	const char *why = NULL;
	if (!auth->proxy->user || login->is_repeated)
		return 0;
	int code = sl_digest_auth_choose(&digest, &has_basic, head, "Proxy-Authenticate", &why);
	if (code < 0) {
		sl_digest_auth_release(&digest);
		return code;
	}
	if (!digest.realm) {
		forget(auth); /* it does not ask for Digest any more */
		login->is_repeated = was_digest && has_basic;
		return login->is_repeated;
	}
	login->digest = digest;
	login->is_repeated = true;
	sl_cnonce_make(login->cnonce);
	return 1;
}

void
sl_proxy_auth_accepted(struct sl_proxy_auth *auth, struct sl_proxy_login *login)
{
	if (!login->digest.realm)
		return;
	forget(auth);
	auth->digest = login->digest;
	auth->count = 1;
	memcpy(auth->cnonce, login->cnonce, sizeof(auth->cnonce));
	login->digest = (struct sl_digest_auth){ .realm = NULL };
}

const char *
sl_proxy_auth_hint(bool had_user)
{
	return had_user ? "; it refused the user name or password for the proxy"
			: "; give USER:PASSWORD for the proxy with --proxy-user or before its host";
}
