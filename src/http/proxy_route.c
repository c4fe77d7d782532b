/*
 * connect_through() is the pool's connect function. Its steps, all within one deadline:
 *
 * open the proxy (and TLS to it)  ->  ask it for the origin, unless it relays  ->  TLS to the
 * origin
 *
 * With socks4 and socks5 the name is looked up here, and the proxy is asked for one address after
 * the other, each on a connection of its own, as a refusal ends it.
 */
#include "sluice/http/proxy_route.h"

#include "h2_int.h"

#include "sluice/base/log.h"
#include "sluice/base/text.h"
#include "sluice/http/tunnel.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

/* Addresses that a proxy is asked for, of a name that was looked up here. */
#define ADDRESSES_MAX 4

/* ---- messages ---- */

/* Before the cause: which proxy, and its address once that is known. */
static int
fail(const struct sl_proxy_route *route, const struct sl_connection *connection,
	const struct sl_error *cause, int code, struct sl_error *err)
{
	struct sl_buf shown = { 0 };
	const char *peer = connection ? connection->peer : "";
	bool first = err && !err->code;
	sl_proxy_format(&shown, route->proxy);
	sl_fail(err, cause->phase ? cause->phase : SL_PHASE_PROXY, code, "proxy '%s'%s%s%s: %s",
		shown.data ? shown.data : "", peer[0] ? " (" : "", peer, peer[0] ? ")" : "",
		cause->code ? cause->text : sl_code_text(code));
	if (first) {
		err->http_status = cause->http_status;
		err->names_limit = cause->names_limit;
	}
	sl_buf_release(&shown);
	return code;
}

/* Until when the proxy may take to answer. */
static uint64_t
answer_until(const struct sl_proxy_route *route, uint64_t deadline_ns)
{
	uint64_t timeout_ns = route->answer_timeout_ns;
	return timeout_ns ? SL_MIN(deadline_ns, sl_deadline_in(timeout_ns)) : deadline_ns;
}

/* Whether answer_timeout_ns was the limit of what failed with `code`: then *cause names it. */
static void
explain_timeout(const struct sl_proxy_route *route, int code, uint64_t until_ns,
	uint64_t deadline_ns, struct sl_error *cause)
{
	if (code != -ETIMEDOUT || until_ns >= deadline_ns || sl_task_deadline() <= sl_now())
		return;
	sl_error_clear(cause);
	sl_fail(cause, SL_PHASE_PROXY, code,
		"the proxy has not connected to the server within %.3g s (--proxy-timeout sets "
		"this limit)",
		(double)route->answer_timeout_ns / (double)SL_NS_PER_S);
	cause->names_limit = true;
}

/* The address in messages is that of the proxy. */
static void
mark_peer(struct sl_connection *connection)
{
	static const char mark[] = "proxy ";
	char *peer = connection->peer;
	size_t len = strlen(peer), mark_len = sizeof(mark) - 1;
	if (len == 0 || len + mark_len >= sizeof(connection->peer))
		return;
	memmove(peer + mark_len, peer, len + 1);
	memcpy(peer, mark, mark_len);
}

/* ---- the proxy ---- */

SL_SUSPENDS
static int
open_proxy(const struct sl_proxy_route *route, uint64_t deadline_ns, struct sl_connection **out,
	struct sl_error *err)
{
	const struct sl_proxy *proxy = route->proxy;
	struct sl_error cause = { 0 };
	struct sl_connection *plain = NULL;
	int code = sl_connector_open(
		route->connector, proxy->host, proxy->port, deadline_ns, &plain, &cause);
	sl_assert(route->tls || proxy->kind != SL_PROXY_HTTPS); /* see sl_proxy_route_needs_tls */
	if (code == 0 && proxy->kind == SL_PROXY_HTTPS)
		code = sl_tls_connect(route->tls, plain, proxy->host, proxy->port, SL_ALPN_HTTP1,
			deadline_ns, out, &cause);
	else if (code == 0)
		*out = plain;
	return code < 0 ? fail(route, NULL, &cause, code, err) : 0;
}

/* ---- the origin, by CONNECT ---- */

/* One request; its head is kept if it is refused. */
SL_SUSPENDS
static int
ask_connect_once(struct sl_proxy_route *route, struct sl_proxy_login *login,
	struct sl_connection *connection, const struct sl_pool_key *key, uint64_t deadline_ns,
	struct sl_head *head, struct sl_error *err)
{
	struct sl_buf value = { 0 }, target = { 0 };
	struct sl_tunnel_request request = { .host = key->host,
		.is_ipv6 = strchr(key->host, ':') != NULL,
		.port = key->port,
		.user_agent = route->user_agent };
	sl_tunnel_add_authority(&target, &request);
	int code = target.failed ? -ENOMEM
				 : sl_proxy_auth_format(
					   &route->auth, login, "CONNECT", target.data, &value);
	request.authorization = value.data;
	if (code == 0)
		code = sl_tunnel_connect(connection, &request, deadline_ns, head, err);
	sl_buf_wipe(&value);
	sl_buf_release(&target);
	return code;
}

/* Open the proxy and ask it for the origin. With *again, it has refused the user in a way that
 * another request may change. */
SL_SUSPENDS
static int
connect_once(struct sl_proxy_route *route, struct sl_proxy_login *login,
	const struct sl_pool_key *key, uint64_t deadline_ns, struct sl_connection **out,
	bool *again, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	struct sl_connection *connection = NULL;
	struct sl_head head;
	*again = false;
	int code = open_proxy(route, deadline_ns, &connection, err);
	if (code < 0)
		return code;
	sl_head_init(&head);
	uint64_t until_ns = answer_until(route, deadline_ns);
	code = ask_connect_once(route, login, connection, key, until_ns, &head, &cause);
	explain_timeout(route, code, until_ns, deadline_ns, &cause);
	if (code == 0) {
		sl_proxy_auth_accepted(&route->auth, login);
		*out = connection;
	} else {
		*again = cause.http_status == 407 &&
			 sl_proxy_auth_refused(&route->auth, login, &head) == 1;
		fail(route, connection, &cause, code, err);
		sl_connection_close(connection);
	}
	sl_head_release(&head);
	return code;
}

SL_SUSPENDS
static int
ask_connect(struct sl_proxy_route *route, const struct sl_pool_key *key, uint64_t deadline_ns,
	struct sl_connection **out, struct sl_error *err)
{
	struct sl_proxy_login login = { .is_repeated = false };
	struct sl_error last = { 0 };
	bool again = true;
	int code = 0;
	while (again) {
		sl_error_clear(&last);
		code = connect_once(route, &login, key, deadline_ns, out, &again, &last);
	}
	if (code < 0 && err && !err->code)
		*err = last;
	sl_proxy_login_release(&login);
	return code;
}

/* ---- the origin, by SOCKS ---- */

static void
set_address(struct sl_socks_target *target, const struct sl_address *address)
{
	const void *storage = &address->storage;
	if (address->storage.ss_family == AF_INET) {
		const struct sockaddr_in *v4 = storage;
		target->address_len = sizeof(v4->sin_addr);
		memcpy(target->address, &v4->sin_addr, sizeof(v4->sin_addr));
	} else {
		const struct sockaddr_in6 *v6 = storage;
		target->address_len = sizeof(v6->sin6_addr);
		memcpy(target->address, &v6->sin6_addr, sizeof(v6->sin6_addr));
	}
}

/* Open the proxy and ask it for one target. */
SL_SUSPENDS
static int
ask_socks(const struct sl_proxy_route *route, struct sl_socks_target *target, uint64_t deadline_ns,
	struct sl_connection **out, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	struct sl_connection *connection = NULL;
	int code = open_proxy(route, deadline_ns, &connection, err);
	if (code < 0)
		return code;
	uint64_t until_ns = answer_until(route, deadline_ns);
	code = sl_tunnel_socks(connection, route->proxy, target, until_ns, &cause);
	explain_timeout(route, code, until_ns, deadline_ns, &cause);
	if (code < 0) {
		fail(route, connection, &cause, code, err);
		sl_connection_close(connection);
		return code;
	}
	*out = connection;
	return 0;
}

/* The proxy could not reach this address: another one may do. */
static bool
is_of_address(const struct sl_error *err)
{
	return err->phase == SL_PHASE_PROXY &&
	       (err->code == -ECONNREFUSED || err->code == -ENETUNREACH ||
		       err->code == -EHOSTUNREACH || err->code == -EAFNOSUPPORT);
}

SL_SUSPENDS
static int
ask_socks_for_addresses(const struct sl_proxy_route *route, const struct sl_pool_key *key,
	uint64_t deadline_ns, struct sl_connection **out, struct sl_error *err)
{
	struct sl_addresses addresses;
	struct sl_error last = { 0 };
	unsigned asked = 0;
	int code = sl_connector_lookup(
		route->connector, key->host, key->port, deadline_ns, &addresses, err);
	if (code < 0)
		return code;
	for (size_t i = 0; i < addresses.count && asked < ADDRESSES_MAX; i++) {
		struct sl_socks_target target = { .name = key->host, .port = key->port };
		bool is_v6 = addresses.list[i].storage.ss_family != AF_INET;
		set_address(&target, &addresses.list[i]);
		/* SOCKS4 has no IPv6; it is the failure only if the name has nothing else. */
		if (is_v6 && route->proxy->kind == SL_PROXY_SOCKS4 &&
			(asked > 0 || i + 1 < addresses.count))
			continue;
		sl_error_clear(&last);
		asked++;
		code = ask_socks(route, &target, deadline_ns, out, &last);
		if (code == 0 || !is_of_address(&last))
			break;
	}
	if (code < 0 && err && !err->code)
		*err = last;
	return code;
}

/* ---- connecting ---- */

/* To the origin, without its TLS; to the proxy itself if it relays. */
SL_SUSPENDS
static int
open_origin(struct sl_proxy_route *route, const struct sl_pool_key *key, uint64_t deadline_ns,
	struct sl_connection **out, struct sl_error *err)
{
	if (sl_proxy_is_socks(route->proxy) && !sl_proxy_resolves(route->proxy))
		return ask_socks_for_addresses(route, key, deadline_ns, out, err);
	if (sl_proxy_is_socks(route->proxy)) {
		struct sl_socks_target target = { .name = key->host, .port = key->port };
		return ask_socks(route, &target, deadline_ns, out, err);
	}
	return sl_proxy_route_is_relay(route) ? open_proxy(route, deadline_ns, out, err)
					      : ask_connect(route, key, deadline_ns, out, err);
}

SL_SUSPENDS
static int
connect_through(void *ctx, const struct sl_pool_key *key, uint64_t deadline_ns,
	struct sl_connection **out, struct sl_error *err)
{
	struct sl_proxy_route *route = ctx;
	struct sl_connection *connection = NULL;
	int code = open_origin(route, key, deadline_ns, &connection, err);
	if (code < 0)
		return code;
	mark_peer(connection);
	sl_pool_key_set_peer(key, connection);
	if (!sl_proxy_route_is_relay(route))
		sl_log_info("%s connects to %s:%u", connection->peer, key->host, key->port);
	if (route->scheme == SL_SCHEME_HTTP) {
		*out = connection;
		return 0;
	}
	struct sl_error cause = { 0 };
	code = sl_h2_secure(route->connector, connection, key, deadline_ns, out, &cause);
	return code < 0 ? fail(route, NULL, &cause, code, err) : 0;
}

/* ---- public ---- */

/* Everything by which connections through proxies differ. The scheme of the origin is part of it:
 * by a proxy with TLS, that which relays requests for http://host:443 and the tunnel to
 * https://host:443 agree in all else. */
static char *
make_text(const struct sl_proxy *proxy, enum sl_scheme scheme)
{
	struct sl_buf text = { 0 };
	sl_buf_printf(&text, "%s ", sl_url_scheme_name(scheme));
	sl_proxy_format(&text, proxy);
	if (proxy->user)
		sl_buf_printf(&text, " %s:%s", proxy->user, proxy->password);
	char *made = text.failed ? NULL : sl_span_dup(sl_buf_span(&text));
	sl_buf_wipe(&text);
	return made;
}

int
sl_proxy_route_init(struct sl_proxy_route *route, struct sl_connector *connector,
	const struct sl_proxy *proxy, enum sl_scheme scheme, const char *user_agent)
{
	*route = (struct sl_proxy_route){ .connector = connector,
		.proxy = proxy,
		.user_agent = user_agent,
		.scheme = scheme,
		.text = make_text(proxy, scheme) };
	sl_proxy_auth_init(&route->auth, proxy);
	return route->text ? 0 : -ENOMEM;
}

void
sl_proxy_route_release(struct sl_proxy_route *route)
{
	sl_text_wipe(route->text);
	sl_proxy_auth_release(&route->auth);
	memset(route, 0, sizeof(*route));
}

bool
sl_proxy_route_is_relay(const struct sl_proxy_route *route)
{
	return route && route->scheme == SL_SCHEME_HTTP && !sl_proxy_is_socks(route->proxy);
}

bool
sl_proxy_route_needs_tls(const struct sl_proxy_route *route)
{
	return route->scheme == SL_SCHEME_HTTPS || route->proxy->kind == SL_PROXY_HTTPS;
}

struct sl_pool_key
sl_proxy_route_key(struct sl_proxy_route *route, const struct sl_url *url)
{
	return (struct sl_pool_key){ .tls = sl_proxy_route_needs_tls(route),
		.host = url->host,
		.port = url->port,
		.route = route->text,
		.connect = connect_through,
		.connect_ctx = route };
}
