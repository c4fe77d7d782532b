/*
 * The parser of proxies. Userinfo, host and port are taken as those of URLs are (url.c), so that a
 * proxy is read as strictly; what differs is the scheme, the default port, and that a path makes no
 * sense.
 */
#include "sluice/http/proxy.h"

#include "url_int.h"

#include "sluice/base/text.h"

#include <errno.h>
#include <stdlib.h>

/* Those of curl. */
#define PORT_HTTPS 443
#define PORT_OTHER 1080

static const struct {
	const char *name;
	enum sl_proxy_kind kind;
} schemes[] = {
	{ "http", SL_PROXY_HTTP }, { "https", SL_PROXY_HTTPS }, { "socks4", SL_PROXY_SOCKS4 },
	{ "socks4a", SL_PROXY_SOCKS4A }, { "socks5", SL_PROXY_SOCKS5 },
	{ "socks5h", SL_PROXY_SOCKS5H },
	{ "socks", SL_PROXY_SOCKS4 }, /* as curl; last: the name of a kind is the first that fits */
};

/* ---- refusing ---- */

static int
refuse_as(struct sl_error *err, int code, struct sl_span text, const char *why)
{
	struct sl_buf shown = { 0 };
	sl_url_show(&shown, text);
	sl_fail(err, SL_PHASE_PROXY, code, "cannot use proxy '%s': %s",
		shown.data ? shown.data : "", why);
	sl_buf_release(&shown);
	return code;
}

static int
refuse(struct sl_error *err, struct sl_span text, const char *why)
{
	return refuse_as(err, SL_E_USAGE, text, why);
}

static int
no_memory(struct sl_error *err)
{
	return sl_fail_code(err, SL_PHASE_PROXY, -ENOMEM, "cannot store a proxy");
}

/* ---- parts ---- */

static int
take_scheme(
	struct sl_proxy *proxy, struct sl_span scheme, struct sl_span text, struct sl_error *err)
{
	for (size_t i = 0; i < SL_COUNT_OF(schemes); i++) {
		if (!sl_span_is_nocase(scheme, schemes[i].name))
			continue;
		proxy->kind = schemes[i].kind;
		return 0;
	}
	return refuse_as(err, SL_E_UNSUPPORTED, text,
		"its scheme is not supported; use http, https, socks4, socks4a, socks5 or socks5h");
}

/* Whether a port is given: a colon behind the brackets of an IPv6 address, and something after
 * it. */
static bool
has_port(struct sl_span authority)
{
	const char *at = memrchr(authority.data, '@', authority.len);
	struct sl_span host =
		at ? sl_url_skip(authority, (size_t)(at - authority.data) + 1) : authority;
	struct sl_span rest = host;
	if (host.len > 0 && host.data[0] == '[')
		rest = sl_url_skip(host, sl_url_span_until(host, "]"));
	size_t colon = sl_url_span_until(rest, ":");
	return colon + 1 < rest.len;
}

/* NULL, or why the proxy's user and password cannot be sent. */
static const char *
user_fault(const struct sl_proxy *proxy)
{
	if (!sl_proxy_is_socks(proxy))
		return NULL;
	if (strlen(proxy->user) > SL_PROXY_SOCKS_USER_MAX ||
		strlen(proxy->password) > SL_PROXY_SOCKS_USER_MAX)
		return "a user name or password longer than 255 bytes cannot be sent to a SOCKS "
		       "proxy";
	bool is_v5 = proxy->kind == SL_PROXY_SOCKS5 || proxy->kind == SL_PROXY_SOCKS5H;
	if (is_v5 && proxy->user[0] == '\0')
		return "a password without a user name cannot be sent to a SOCKS proxy";
	return NULL;
}

/* Move host, port and userinfo out of `url`. */
static void
take_parts(struct sl_proxy *proxy, struct sl_url *url, bool port_given)
{
	proxy->host = url->host;
	proxy->is_ipv6 = url->is_ipv6;
	proxy->port = port_given                      ? url->port
		      : proxy->kind == SL_PROXY_HTTPS ? PORT_HTTPS
						      : PORT_OTHER;
	url->host = NULL;
	if (!url->has_userinfo || (url->user[0] == '\0' && url->password[0] == '\0'))
		return;
	proxy->user = url->user;
	proxy->password = url->password;
	url->user = url->password = NULL;
}

static int
take_authority(
	struct sl_proxy *proxy, struct sl_span authority, struct sl_span text, struct sl_error *err)
{
	struct sl_url url = { .scheme = SL_SCHEME_HTTP };
	struct sl_error cause = { 0 };
	int code = sl_url_take_authority(&url, authority, text, &cause);
	if (code == 0) {
		take_parts(proxy, &url, has_port(authority));
		const char *fault = proxy->user ? user_fault(proxy) : NULL;
		if (fault)
			code = refuse(err, text, fault);
	} else {
		sl_fail(err, SL_PHASE_PROXY, code, "proxy: %s", cause.text);
	}
	sl_url_release(&url);
	return code;
}

static int
parse(struct sl_proxy *proxy, struct sl_span text, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	int code = sl_url_check_bytes(text, &cause);
	if (code)
		return sl_fail(err, SL_PHASE_PROXY, code, "proxy: %s", cause.text);
	const char *mark = text.len ? memmem(text.data, text.len, "://", 3) : NULL;
	struct sl_span rest = text;
	if (mark) {
		size_t len = (size_t)(mark - text.data);
		code = take_scheme(proxy, sl_span(text.data, len), text, err);
		rest = sl_url_skip(text, len + 3);
	}
	if (code)
		return code;
	struct sl_span authority = sl_span(rest.data, sl_url_span_until(rest, "/?#"));
	rest = sl_url_skip(rest, authority.len);
	if (rest.len > 0 && !sl_span_is(rest, "/"))
		return refuse(err, text, "it has a path");
	return take_authority(proxy, authority, text, err);
}

/* ---- public ---- */

int
sl_proxy_parse(struct sl_proxy *proxy, struct sl_span text, struct sl_error *err)
{
	memset(proxy, 0, sizeof(*proxy));
	int code = parse(proxy, text, err);
	if (code)
		sl_proxy_release(proxy);
	return code;
}

void
sl_proxy_release(struct sl_proxy *proxy)
{
	sl_text_wipe(proxy->user);
	sl_text_wipe(proxy->password);
	free(proxy->host);
	memset(proxy, 0, sizeof(*proxy));
}

int
sl_proxy_set_user(struct sl_proxy *proxy, struct sl_span user, struct sl_error *err)
{
	if (proxy->user)
		return 0;
	size_t colon = 0;
	while (colon < user.len && user.data[colon] != ':')
		colon++;
	if (sl_text_has_control(user))
		return sl_fail(err, SL_PHASE_PROXY, SL_E_USAGE,
			"the user name or password for the proxy contains a control byte");
	struct sl_span password =
		colon < user.len ? sl_url_skip(user, colon + 1) : sl_span(user.data, 0);
	proxy->user = sl_span_dup(sl_span(user.data, colon));
	proxy->password = sl_span_dup(password);
	int code = proxy->user && proxy->password ? 0 : no_memory(err);
	const char *fault = code ? NULL : user_fault(proxy);
	if (fault)
		code = sl_fail(err, SL_PHASE_PROXY, SL_E_USAGE, "%s", fault);
	if (code) {
		sl_text_wipe(proxy->user);
		sl_text_wipe(proxy->password);
		proxy->user = proxy->password = NULL;
	}
	return code;
}

const char *
sl_proxy_scheme(enum sl_proxy_kind kind)
{
	for (size_t i = 0; i < SL_COUNT_OF(schemes); i++)
		if (schemes[i].kind == kind)
			return schemes[i].name;
	return "";
}

void
sl_proxy_format(struct sl_buf *buf, const struct sl_proxy *proxy)
{
	sl_buf_printf(buf, proxy->is_ipv6 ? "%s://[%s]:%u" : "%s://%s:%u",
		sl_proxy_scheme(proxy->kind), proxy->host, proxy->port);
}
