/*
 * Proxies whose nth allocation fails, for every n until there are no more: the failure is reported
 * as such, and nothing is lost.
 */
#include "support/failing_alloc.h"
#include "support/scripted.h"

#include "sluice/http/proxies.h"
#include "sluice/http/proxy_auth.h"
#include "sluice/http/route.h"
#include "sluice/http/tunnel.h"

#include <criterion/criterion.h>
#include <errno.h>

static char *
no_environment(const char *name)
{
	(void)name;
	return NULL;
}

/* The options of a run and the key of a connection. */
static int
choose(void)
{
	const struct sl_proxy_options options = { .proxy = "http://proxy.example:3128",
		.user = "user:secret",
		.noproxy = "localhost,10.0.0.0/8" };
	static char host[] = "a.example", target[] = "/";
	const struct sl_url url = {
		.scheme = SL_SCHEME_HTTPS, .host = host, .port = 443, .target = target
	};
	struct sl_proxies proxies;
	struct sl_route route = { .connector = NULL };
	struct sl_proxy_route *through;
	int code = sl_proxies_init(&proxies, &options, no_environment, NULL);
	if (code == 0)
		code = sl_route_init(&route, NULL, &proxies, "test");
	if (code == 0)
		code = sl_route_choose(&route, &url, &through, NULL);
	sl_route_release(&route);
	sl_proxies_release(&proxies);
	return code;
}

/* A 407 that asks for Digest, the answer to it, and a tunnel. */
static int
log_in(void)
{
	static char host[] = "proxy.example", user[] = "user", password[] = "secret";
	static const char reply[] = "HTTP/1.1 407 Who\r\nProxy-Authenticate: Digest realm=\"r\", "
				    "qop=\"auth\", nonce=\"n\", opaque=\"o\"\r\n\r\n";
	const struct sl_proxy proxy = {
		.host = host, .port = 3128, .user = user, .password = password
	};
	struct sl_proxy_auth auth;
	struct sl_proxy_login login = { .is_repeated = false };
	struct sl_buf value = { 0 };
	struct sl_head head;
	struct scripted peer;
	struct sl_tunnel_request request = { .host = "a.example", .port = 443, .user_agent = "x" };
	sl_proxy_auth_init(&auth, &proxy);
	sl_head_init(&head);
	scripted_init(&peer, sl_span_str(reply), 0, 0);
	int code = sl_tunnel_connect(&peer.connection, &request, SL_FOREVER, &head, NULL);
	if (code == SL_E_STATUS)
		code = sl_proxy_auth_refused(&auth, &login, &head);
	if (code == 1)
		code = sl_proxy_auth_format(&auth, &login, "CONNECT", "a.example:443", &value);
	if (code == 0)
		sl_proxy_auth_accepted(&auth, &login);
	sl_buf_release(&value);
	scripted_release(&peer);
	sl_head_release(&head);
	sl_proxy_login_release(&login);
	sl_proxy_auth_release(&auth);
	return code;
}

static void
fail_each(int (*fn)(void), bool and_all_after)
{
	bool hit = true;
	unsigned failures = 0;
	for (uint64_t nth = 1; hit; nth++) {
		alloc_fail_nth(nth, and_all_after);
		int code = fn();
		hit = alloc_end() >= nth;
		/* One that only a message needs makes the message shorter. */
		cr_expect(code == 0 || (hit && code == -ENOMEM), "allocation %llu: %d",
			(unsigned long long)nth, code);
		failures += code != 0;
	}
	cr_expect_gt(failures, 2, "there were allocations");
}

Test(alloc_proxy, any_allocation_may_fail)
{
	for (int and_all_after = 0; and_all_after <= 1; and_all_after++) {
		fail_each(choose, and_all_after);
		fail_each(log_in, and_all_after);
	}
}
