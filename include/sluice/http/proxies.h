/*
 * proxies.h - the proxies of a run: which one, if any, is used for which URL. Chosen anew for each
 * hop of a chain of redirects, so that credentials of one proxy never reach another (CVE-2023-32681
 * and its kin).
 *
 * As in curl: --proxy is for all URLs, and "" for none. Without it http_proxy is for http and
 * https_proxy or HTTPS_PROXY for https; all_proxy or ALL_PROXY for what has none by then. An empty
 * variable counts as unset. HTTP_PROXY is not read: a web server sets it for a CGI program from a
 * client's header field Proxy (CVE-2016-5385). --noproxy, or else no_proxy or NO_PROXY, lists hosts
 * for which no proxy is used, not even that of --proxy.
 *
 * Pure: the environment is a function that the caller passes.
 */
#ifndef SLUICE_HTTP_PROXIES_H
#define SLUICE_HTTP_PROXIES_H

#include "sluice/http/proxy.h"
#include "sluice/http/url.h"

struct sl_proxy_options {
	const char *proxy;   /* --proxy; NULL = not given */
	const char *user;    /* --proxy-user: USER:PASSWORD for that proxy; NULL = not given */
	const char *noproxy; /* --noproxy; NULL = not given */
};

/* One of the environment is parsed at once, but what is wrong with it fails only the URLs that it
 * is for. */
struct sl_proxy_choice {
	bool is_set;
	struct sl_proxy proxy;
	struct sl_error error; /* .code = 0: the proxy can be used */
};

struct sl_proxies {
	struct sl_proxy_choice http, https; /* by the scheme of the URL */
	char *noproxy;                      /* NULL = no list */
	struct sl_error noproxy_error;      /* .code = 0, or what of the environment's is ignored */
};

typedef char *sl_proxy_environment(const char *name);

/*
 * Take the options, and what they leave open from `env` (getenv). Nothing is borrowed. Returns 0;
 * SL_E_USAGE and SL_E_UNSUPPORTED for the options, -ENOMEM: *out is neutral then.
 */
int sl_proxies_init(struct sl_proxies *out, const struct sl_proxy_options *options,
	sl_proxy_environment *env, struct sl_error *err) SL_MUST_CHECK;

/* Harmless on {0}. */
void sl_proxies_release(struct sl_proxies *proxies);

/* Some proxy is reached by TLS. */
bool sl_proxies_have_tls(const struct sl_proxies *proxies);

/* Some connections have TLS within TLS, which takes twice the memory. */
bool sl_proxies_nest_tls(const struct sl_proxies *proxies);

/* The proxy for `url`; NULL = contact its host directly. `proxies` may be NULL. Returns 0;
 * SL_E_USAGE or SL_E_UNSUPPORTED (phase SL_PHASE_PROXY) if the environment names one that cannot be
 * used. */
int sl_proxies_choose(const struct sl_proxies *proxies, const struct sl_url *url,
	const struct sl_proxy **out, struct sl_error *err) SL_MUST_CHECK;

#endif
