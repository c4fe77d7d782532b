/*
 * proxy.h - a proxy as users name it: SCHEME://[USER:PASSWORD@]HOST[:PORT], as in curl.
 *
 * The scheme is http (the default), https (TLS to the proxy itself), socks4, socks4a, socks5 or
 * socks5h. The proxy looks up the names of origins, except with socks4 and socks5, for which they
 * are looked up here.
 *
 * Pure: no I/O. A proxy owns its strings.
 */
#ifndef SLUICE_HTTP_PROXY_H
#define SLUICE_HTTP_PROXY_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"

/* Bytes of a user name or password for SOCKS5: its length is one byte (RFC 1929). */
#define SL_PROXY_SOCKS_USER_MAX 255

enum sl_proxy_kind {
	SL_PROXY_HTTP,
	SL_PROXY_HTTPS,
	SL_PROXY_SOCKS4,
	SL_PROXY_SOCKS4A,
	SL_PROXY_SOCKS5,
	SL_PROXY_SOCKS5H,
};

struct sl_proxy {
	enum sl_proxy_kind kind;
	char *host; /* lower case ASCII name, or a numeric address without brackets */
	bool is_ipv6;
	uint16_t port; /* as curl: 443 for https, 1080 for all others, if the text has none */
	char *user, *password; /* NULL = none; else both, without control bytes */
};

/*
 * Parse the text. What a URL may not contain is refused as in sl_url_parse, and also a path other
 * than "/", a query, and for SOCKS5 a user name or password that is too long or, with a password,
 * an empty user name. Returns 0; SL_E_USAGE; SL_E_UNSUPPORTED for another scheme; -ENOMEM: *proxy
 * is neutral then. The message shows the text without its userinfo.
 */
int sl_proxy_parse(struct sl_proxy *proxy, struct sl_span text, struct sl_error *err) SL_MUST_CHECK;

/* Harmless on {0}; user and password are wiped. */
void sl_proxy_release(struct sl_proxy *proxy);

/* Give it the user and password of USER:PASSWORD, unless it has some. Errors as sl_proxy_parse; it
 * is unchanged then. */
int sl_proxy_set_user(
	struct sl_proxy *proxy, struct sl_span user, struct sl_error *err) SL_MUST_CHECK;

static inline bool
sl_proxy_is_socks(const struct sl_proxy *proxy)
{
	return proxy->kind >= SL_PROXY_SOCKS4;
}

/* It gets the names of origins, and looks them up. */
static inline bool
sl_proxy_resolves(const struct sl_proxy *proxy)
{
	return proxy->kind != SL_PROXY_SOCKS4 && proxy->kind != SL_PROXY_SOCKS5;
}

/* Static text: "socks5h". */
const char *sl_proxy_scheme(enum sl_proxy_kind kind);

/* Append SCHEME://HOST:PORT, for messages and keys: never with a user name or password. */
void sl_proxy_format(struct sl_buf *buf, const struct sl_proxy *proxy);

#endif
