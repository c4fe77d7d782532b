#include "sluice/http/proxies.h"

#include "sluice/http/no_proxy.h"

#include <errno.h>
#include <stdlib.h>

static const char *const http_names[] = { "http_proxy", "all_proxy", "ALL_PROXY", NULL };
static const char *const https_names[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
	NULL };
static const char *const noproxy_names[] = { "no_proxy", "NO_PROXY", NULL };

/* The first that is set and not empty; *value is NULL if there is none. */
static const char *
find_variable(const char *const *names, sl_proxy_environment *env, const char **value)
{
	*value = NULL;
	for (; *names; names++) {
		*value = env(*names);
		if (*value && (*value)[0])
			return *names;
	}
	*value = NULL;
	return NULL;
}

static int
take_option(struct sl_proxy_choice *choice, const struct sl_proxy_options *options,
	struct sl_error *err)
{
	if (!options->proxy[0])
		return 0;
	choice->is_set = true;
	int code = sl_proxy_parse(&choice->proxy, sl_span_str(options->proxy), err);
	if (code == 0 && options->user)
		code = sl_proxy_set_user(&choice->proxy, sl_span_str(options->user), err);
	return code;
}

static int
take_variable(struct sl_proxy_choice *choice, const char *const *names, sl_proxy_environment *env,
	struct sl_error *err)
{
	struct sl_error cause = { 0 };
	const char *value;
	const char *name = find_variable(names, env, &value);
	if (!name)
		return 0;
	choice->is_set = true;
	int code = sl_proxy_parse(&choice->proxy, sl_span_str(value), &cause);
	if (code == -ENOMEM)
		return sl_fail(err, cause.phase, code, "%s", cause.text);
	if (code)
		sl_fail(&choice->error, cause.phase, code, "the environment variable %s is set: %s",
			name, cause.text);
	return 0;
}

static int
take_proxies(struct sl_proxies *out, const struct sl_proxy_options *options,
	sl_proxy_environment *env, struct sl_error *err)
{
	if (options->user && (!options->proxy || !options->proxy[0]))
		return sl_fail(err, SL_PHASE_PROXY, SL_E_USAGE,
			"--proxy-user is for the proxy of --proxy; for one named in the "
			"environment, write USER:PASSWORD@ before its host");
	if (options->proxy) {
		int code = take_option(&out->http, options, err);
		return code ? code : take_option(&out->https, options, err);
	}
	int code = take_variable(&out->http, http_names, env, err);
	return code ? code : take_variable(&out->https, https_names, env, err);
}

/* An item that matches no host is a mistake in an option, and ignored in a variable. */
static int
take_list(struct sl_proxies *out, const struct sl_proxy_options *options, sl_proxy_environment *env,
	struct sl_error *err)
{
	const char *list = options->noproxy, *name = NULL;
	struct sl_error why = { 0 };
	if (!list)
		name = find_variable(noproxy_names, env, &list);
	if (!list)
		return 0;
	int code = sl_no_proxy_check(sl_span_str(list), &why);
	if (code && !name)
		return sl_fail(err, why.phase, code, "option '--noproxy': %s", why.text);
	if (code)
		sl_fail(&out->noproxy_error, why.phase, code,
			"the environment variable %s is set: %s", name, why.text);
	out->noproxy = sl_span_dup(sl_span_str(list));
	return out->noproxy ? 0
			    : sl_fail_code(err, SL_PHASE_PROXY, -ENOMEM, "cannot store a proxy");
}

int
sl_proxies_init(struct sl_proxies *out, const struct sl_proxy_options *options,
	sl_proxy_environment *env, struct sl_error *err)
{
	memset(out, 0, sizeof(*out));
	int code = take_proxies(out, options, env, err);
	if (code == 0)
		code = take_list(out, options, env, err);
	if (code)
		sl_proxies_release(out);
	return code;
}

void
sl_proxies_release(struct sl_proxies *proxies)
{
	sl_proxy_release(&proxies->http.proxy);
	sl_proxy_release(&proxies->https.proxy);
	free(proxies->noproxy);
	memset(proxies, 0, sizeof(*proxies));
}

static bool
has_tls(const struct sl_proxy_choice *choice)
{
	return choice->is_set && choice->proxy.kind == SL_PROXY_HTTPS;
}

bool
sl_proxies_have_tls(const struct sl_proxies *proxies)
{
	return proxies && (has_tls(&proxies->http) || has_tls(&proxies->https));
}

bool
sl_proxies_nest_tls(const struct sl_proxies *proxies)
{
	return proxies && has_tls(&proxies->https);
}

int
sl_proxies_choose(const struct sl_proxies *proxies, const struct sl_url *url,
	const struct sl_proxy **out, struct sl_error *err)
{
	*out = NULL;
	if (!proxies)
		return 0;
	const struct sl_proxy_choice *choice =
		url->scheme == SL_SCHEME_HTTPS ? &proxies->https : &proxies->http;
	if (!choice->is_set ||
		(proxies->noproxy && sl_no_proxy_matches(sl_span_str(proxies->noproxy), url->host)))
		return 0;
	if (choice->error.code)
		return sl_fail(
			err, choice->error.phase, choice->error.code, "%s", choice->error.text);
	*out = &choice->proxy;
	return 0;
}
