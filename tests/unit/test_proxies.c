/* Which proxy is used for which URL, by options and environment. */
#include "sluice/http/proxies.h"

#include <criterion/criterion.h>
#include <string.h>

/* NAME=VALUE, separated by newlines. */
static const char *environment;

static char *
get_variable(const char *name)
{
	static char values[8][200];
	static size_t next;
	size_t len = strlen(name);
	for (const char *line = environment; line && *line;
		line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (strncmp(line, name, len) != 0 || line[len] != '=')
			continue;
		char *value = values[next++ % SL_COUNT_OF(values)];
		size_t value_len = strcspn(line + len + 1, "\n");
		memcpy(value, line + len + 1, value_len);
		value[value_len] = '\0';
		return value;
	}
	return NULL;
}

/* "SCHEME://HOST:PORT", with USER:PASSWORD@ in it; "direct"; or the error. */
static void
choose(struct sl_buf *out, const struct sl_proxies *proxies, const char *text)
{
	struct sl_url url;
	struct sl_error err = { 0 };
	const struct sl_proxy *proxy = NULL;
	cr_assert_eq(sl_url_parse(&url, sl_span_str(text), NULL), 0);
	if (sl_proxies_choose(proxies, &url, &proxy, &err) != 0)
		sl_buf_add_str(out, err.text);
	else if (!proxy)
		sl_buf_add_str(out, "direct");
	else if (proxy->user)
		sl_buf_printf(out, "%s://%s:%s@%s:%u", sl_proxy_scheme(proxy->kind), proxy->user,
			proxy->password, proxy->host, proxy->port);
	else
		sl_proxy_format(out, proxy);
	sl_url_release(&url);
}

Test(proxies, are_chosen_as_in_curl)
{
	static const struct {
		const char *environment;
		struct sl_proxy_options options;
		const char *url, *chosen;
	} cases[] = {
		{ "", { 0 }, "http://a/", "direct" },
		{ "http_proxy=http://p:1", { 0 }, "http://a/", "http://p:1" },
		{ "http_proxy=http://p:1", { 0 }, "https://a/", "direct" },
		/* CVE-2016-5385: a client of a web server can set it */
		{ "HTTP_PROXY=http://p:1", { 0 }, "http://a/", "direct" },
		{ "https_proxy=http://p:1", { 0 }, "https://a/", "http://p:1" },
		{ "https_proxy=http://p:1", { 0 }, "http://a/", "direct" },
		{ "HTTPS_PROXY=http://p:1", { 0 }, "https://a/", "http://p:1" },
		{ "HTTPS_PROXY=http://p:1\nhttps_proxy=http://q:2", { 0 }, "https://a/",
			"http://q:2" },
		{ "all_proxy=socks5h://p:1", { 0 }, "http://a/", "socks5h://p:1" },
		{ "ALL_PROXY=socks5h://p:1", { 0 }, "https://a/", "socks5h://p:1" },
		{ "all_proxy=http://p:1\nhttp_proxy=http://q:2", { 0 }, "http://a/", "http://q:2" },
		{ "all_proxy=http://p:1\nhttp_proxy=", { 0 }, "http://a/", "http://p:1" },
		{ "http_proxy=p:1", { 0 }, "http://a/", "http://p:1" },
		/* the option is for all URLs, and "" for none */
		{ "http_proxy=http://p:1", { .proxy = "http://q:2" }, "http://a/", "http://q:2" },
		{ "", { .proxy = "http://q:2" }, "https://a/", "http://q:2" },
		{ "http_proxy=http://p:1", { .proxy = "" }, "http://a/", "direct" },
		{ "", { .proxy = "q:2", .user = "u:s" }, "https://a/", "http://u:s@q:2" },
		{ "", { .proxy = "v:t@q:2", .user = "u:s" }, "https://a/", "http://v:t@q:2" },
		/* no_proxy, also for the proxy of the option */
		{ "http_proxy=http://p:1\nno_proxy=a", { 0 }, "http://a/", "direct" },
		{ "http_proxy=http://p:1\nno_proxy=b", { 0 }, "http://a/", "http://p:1" },
		{ "http_proxy=http://p:1\nNO_PROXY=a", { 0 }, "http://a/", "direct" },
		{ "http_proxy=http://p:1\nNO_PROXY=a\nno_proxy=b", { 0 }, "http://a/",
			"http://p:1" },
		{ "no_proxy=a", { .proxy = "http://q:2" }, "http://a/", "direct" },
		{ "no_proxy=a", { .proxy = "http://q:2", .noproxy = "" }, "http://a/",
			"http://q:2" },
		{ "no_proxy=b", { .proxy = "http://q:2", .noproxy = "a" }, "http://a/", "direct" },
		{ "http_proxy=http://p:1\nno_proxy=*", { 0 }, "http://a/", "direct" },
		/* what is wrong in the environment fails what it is for, and nothing else */
		{ "http_proxy=quic://u:s@p:1\nhttps_proxy=http://q:2", { 0 }, "https://a/",
			"http://q:2" },
		{ "http_proxy=quic://u:s@p:1", { .noproxy = "a" }, "http://a/", "direct" },
		{ "http_proxy=quic://u:s@p:1", { 0 }, "http://a/",
			"the environment variable http_proxy is set: cannot use proxy "
			"'quic://***@p:1': its scheme is not supported; use http, https, socks4, "
			"socks4a, socks5 or socks5h" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_proxies proxies;
		struct sl_error err = { 0 };
		struct sl_buf chosen = { 0 };
		environment = cases[i].environment;
		cr_assert_eq(sl_proxies_init(&proxies, &cases[i].options, get_variable, &err), 0,
			"case %zu: %s", i, err.text);
		choose(&chosen, &proxies, cases[i].url);
		cr_expect_str_eq(chosen.data, cases[i].chosen, "case %zu: %s", i, chosen.data);
		sl_buf_release(&chosen);
		sl_proxies_release(&proxies);
	}
}

Test(proxies, of_options_are_refused_at_once)
{
	static const struct {
		struct sl_proxy_options options;
		int code;
		const char *why;
	} cases[] = {
		{ { .proxy = "quic://p" }, SL_E_UNSUPPORTED, "its scheme is not supported" },
		{ { .proxy = "http://p:0" }, SL_E_USAGE, "its port" },
		{ { .user = "u:s" }, SL_E_USAGE, "--proxy-user is for the proxy of --proxy" },
		{ { .proxy = "", .user = "u:s" }, SL_E_USAGE, "--proxy-user is for" },
		{ { .proxy = "socks5://p", .user = ":s" }, SL_E_USAGE, "without a user name" },
	};
	environment = "http_proxy=http://p:1";
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_proxies proxies;
		struct sl_error err = { 0 };
		cr_expect_eq(sl_proxies_init(&proxies, &cases[i].options, get_variable, &err),
			cases[i].code);
		cr_expect(strstr(err.text, cases[i].why), "%s", err.text);
	}
}

/* CVE-2023-32681, CVE-2003-1605 and their kin: the user of one proxy is never that of the proxy, or
 * of no proxy, that another hop takes. */
Test(proxies, keep_their_users_apart_from_hop_to_hop)
{
	static const struct {
		const char *url, *chosen;
	} hops[] = {
		{ "http://a/", "http://u1:s1@p:1" },
		{ "https://a/", "http://u2:s2@q:2" },
		{ "http://b/", "http://u1:s1@p:1" },
		{ "http://direct/", "direct" },
		{ "https://direct/", "direct" },
		{ "https://b/", "http://u2:s2@q:2" },
	};
	const struct sl_proxy_options none = { 0 };
	struct sl_proxies proxies;
	environment = "http_proxy=http://u1:s1@p:1\nhttps_proxy=http://u2:s2@q:2\nno_proxy=direct";
	cr_assert_eq(sl_proxies_init(&proxies, &none, get_variable, NULL), 0);
	for (size_t i = 0; i < SL_COUNT_OF(hops); i++) {
		struct sl_buf chosen = { 0 };
		choose(&chosen, &proxies, hops[i].url);
		cr_expect_str_eq(chosen.data, hops[i].chosen);
		sl_buf_release(&chosen);
	}
	sl_proxies_release(&proxies);
}

Test(proxies, may_be_missing)
{
	struct sl_buf chosen = { 0 };
	choose(&chosen, NULL, "http://a/");
	cr_expect_str_eq(chosen.data, "direct");
	sl_buf_release(&chosen);
}
