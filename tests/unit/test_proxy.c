/* Proxies as users name them. */
#include "sluice/http/proxy.h"

#include <criterion/criterion.h>

Test(proxy, is_read_as_curl_reads_it)
{
	static const struct {
		const char *text, *shown, *user, *password;
	} cases[] = {
		{ "http://proxy.example:3128", "http://proxy.example:3128", NULL, NULL },
		{ "http://proxy.example:3128/", "http://proxy.example:3128", NULL, NULL },
		{ "proxy.example:3128", "http://proxy.example:3128", NULL, NULL },
		{ "proxy.example", "http://proxy.example:1080", NULL, NULL },
		{ "HTTP://Proxy.Example", "http://proxy.example:1080", NULL, NULL },
		{ "http://proxy.example:", "http://proxy.example:1080", NULL, NULL },
		{ "https://proxy.example", "https://proxy.example:443", NULL, NULL },
		{ "https://proxy.example:3128", "https://proxy.example:3128", NULL, NULL },
		{ "socks4://10.0.0.1", "socks4://10.0.0.1:1080", NULL, NULL },
		{ "socks://10.0.0.1", "socks4://10.0.0.1:1080", NULL, NULL },
		{ "socks4a://p", "socks4a://p:1080", NULL, NULL },
		{ "socks5://p:9050", "socks5://p:9050", NULL, NULL },
		{ "Socks5h://p:9050", "socks5h://p:9050", NULL, NULL },
		{ "socks5h://[::1]", "socks5h://[::1]:1080", NULL, NULL },
		{ "http://[0::1]:81", "http://[::1]:81", NULL, NULL },
		{ "[::1]:81", "http://[::1]:81", NULL, NULL },
		{ "http://user:secret@p:1", "http://p:1", "user", "secret" },
		{ "user:secret@p:1", "http://p:1", "user", "secret" },
		{ "http://user@p:1", "http://p:1", "user", "" },
		{ "http://us%20er:p%40ss%3a@p:1", "http://p:1", "us er", "p@ss:" },
		{ "http://:secret@p:1", "http://p:1", "", "secret" },
		{ "http://user:secret@[::1]", "http://[::1]:1080", "user", "secret" },
		{ "http://@p:1", "http://p:1", NULL, NULL },
		{ "http://:@p:1", "http://p:1", NULL, NULL },
		{ "socks5://user:secret@p", "socks5://p:1080", "user", "secret" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_proxy proxy;
		struct sl_error err = { 0 };
		struct sl_buf shown = { 0 };
		cr_assert_eq(sl_proxy_parse(&proxy, sl_span_str(cases[i].text), &err), 0, "%s: %s",
			cases[i].text, err.text);
		sl_proxy_format(&shown, &proxy);
		cr_expect_str_eq(shown.data, cases[i].shown);
		cr_expect_eq(proxy.user != NULL, cases[i].user != NULL);
		if (proxy.user && cases[i].user) {
			cr_expect_str_eq(proxy.user, cases[i].user);
			cr_expect_str_eq(proxy.password, cases[i].password);
		}
		sl_buf_release(&shown);
		sl_proxy_release(&proxy);
	}
}

Test(proxy, is_refused_if_it_is_ambiguous_or_not_supported)
{
	static const struct {
		const char *text, *why;
		int code;
	} cases[] = {
		{ "", "it has no host", SL_E_USAGE },
		{ "http://", "it has no host", SL_E_USAGE },
		{ "ftp://p:1", "its scheme is not supported", SL_E_UNSUPPORTED },
		{ "socks6://p:1", "its scheme is not supported", SL_E_UNSUPPORTED },
		{ "quic://p:1", "its scheme is not supported", SL_E_UNSUPPORTED },
		{ "http://p:1/path", "it has a path", SL_E_USAGE },
		{ "socks5h://localhost/run/tor.sock", "it has a path", SL_E_USAGE },
		{ "http://p:1?q", "it has a path", SL_E_USAGE },
		{ "http://p:0", "port", SL_E_USAGE },
		{ "http://p:65536", "port", SL_E_USAGE },
		{ "http://p:1x", "port", SL_E_USAGE },
		{ "http://p:1\r\nHost: x", "control byte", SL_E_USAGE },
		{ "http://p x:1", "space", SL_E_USAGE },
		{ "http://[::1", "not closed", SL_E_USAGE },
		{ "http://::1:80", "no host", SL_E_USAGE },
		{ "http://127.1", "IPv4", SL_E_USAGE },
		{ "http://u:a@b@p", "more than one @", SL_E_USAGE },
		{ "http://u%0a:a@p", "control byte", SL_E_USAGE },
		{ "socks5://:secret@p", "without a user name", SL_E_USAGE },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_proxy proxy;
		struct sl_error err = { 0 };
		cr_expect_eq(sl_proxy_parse(&proxy, sl_span_str(cases[i].text), &err),
			cases[i].code, "%s", cases[i].text);
		cr_expect_eq(err.phase, SL_PHASE_PROXY);
		cr_expect(strstr(err.text, cases[i].why), "%s: %s", cases[i].text, err.text);
		cr_expect_null(proxy.host);
	}
}

Test(proxy, is_refused_without_showing_its_password)
{
	static const char *const texts[] = { "http://user:hunter2@p:0", "ftp://user:hunter2@p",
		"user:hunter2@p/path", "http://user:hunter2@", "http://us er:hunter2@p" };
	for (size_t i = 0; i < SL_COUNT_OF(texts); i++) {
		struct sl_proxy proxy;
		struct sl_error err = { 0 };
		cr_expect_lt(sl_proxy_parse(&proxy, sl_span_str(texts[i]), &err), 0);
		cr_expect_not(strstr(err.text, "hunter2"), "%s", err.text);
	}
}

/* RFC 1929: the length of either is one byte. */
Test(proxy, of_socks_has_users_of_at_most_255_bytes)
{
	static const char *const schemes[] = { "socks5", "socks5h", "socks4a", "http" };
	for (size_t i = 0; i < SL_COUNT_OF(schemes); i++)
		for (int len = 255; len <= 256; len++) {
			struct sl_buf text = { 0 };
			struct sl_proxy proxy;
			sl_buf_printf(&text, "%s://u:%0*d@p", schemes[i], len, 0);
			int code = sl_proxy_parse(&proxy, sl_buf_span(&text), NULL);
			cr_expect_eq(code, len == 256 && i < 3 ? SL_E_USAGE : 0);
			sl_proxy_release(&proxy);
			sl_buf_release(&text);
		}
}

Test(proxy, takes_the_user_of_an_option_unless_its_url_has_one)
{
	static const struct {
		const char *text, *option, *user, *password;
	} cases[] = {
		{ "http://p", "user:pass:word", "user", "pass:word" },
		{ "http://p", "user", "user", "" },
		{ "http://p", "us@er:", "us@er", "" },
		{ "http://mine:own@p", "user:secret", "mine", "own" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_proxy proxy;
		cr_assert_eq(sl_proxy_parse(&proxy, sl_span_str(cases[i].text), NULL), 0);
		cr_assert_eq(sl_proxy_set_user(&proxy, sl_span_str(cases[i].option), NULL), 0);
		cr_expect_str_eq(proxy.user, cases[i].user);
		cr_expect_str_eq(proxy.password, cases[i].password);
		sl_proxy_release(&proxy);
	}
	struct sl_proxy proxy;
	cr_assert_eq(sl_proxy_parse(&proxy, sl_span_str("socks5://p"), NULL), 0);
	cr_expect_eq(sl_proxy_set_user(&proxy, sl_span_str(":secret"), NULL), SL_E_USAGE);
	cr_expect_eq(sl_proxy_set_user(&proxy, sl_span_str("a\nb:c"), NULL), SL_E_USAGE);
	cr_expect_null(proxy.user);
	sl_proxy_release(&proxy);
}
