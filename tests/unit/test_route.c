/* The keys of connections by way of proxies: what differs never shares one. */
#include "sluice/http/route.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *variables[3]; /* http_proxy, https_proxy, no_proxy */

static char *
get_variable(const char *name)
{
	static const char *const names[] = { "http_proxy", "https_proxy", "no_proxy" };
	for (size_t i = 0; i < SL_COUNT_OF(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (char *)(uintptr_t)variables[i];
	return NULL;
}

struct scene {
	struct sl_proxies proxies;
	struct sl_route route;
	struct sl_url url;
	struct sl_proxy_route *through;
	struct sl_pool_key key;
};

/* No connection is made: there is no connector. */
static void
begin(struct scene *scene, const char *http, const char *https, const char *no, const char *url)
{
	const struct sl_proxy_options none = { .proxy = NULL };
	struct sl_error err = { 0 };
	variables[0] = http;
	variables[1] = https;
	variables[2] = no;
	cr_assert_eq(sl_proxies_init(&scene->proxies, &none, get_variable, &err), 0);
	cr_assert_eq(sl_route_init(&scene->route, NULL, &scene->proxies, "test"), 0);
	cr_assert_eq(sl_url_parse(&scene->url, sl_span_str(url), &err), 0);
	cr_assert_eq(sl_route_choose(&scene->route, &scene->url, &scene->through, &err), 0, "%s",
		err.text);
	scene->key = sl_route_key(&scene->route, scene->through, &scene->url);
}

static void
end(struct scene *scene)
{
	sl_url_release(&scene->url);
	sl_route_release(&scene->route);
	sl_proxies_release(&scene->proxies);
}

/* As the pool compares them (find_host). */
static bool
is_same(const struct sl_pool_key *a, const struct sl_pool_key *b)
{
	return a->tls == b->tls && a->port == b->port && strcmp(a->host, b->host) == 0 &&
	       strcmp(a->route, b->route) == 0;
}

/* CVE-2016-0755, CVE-2022-27782 and their kin: connections were used again for another user or
 * configuration. */
Test(route, has_another_key_for_another_proxy_or_user)
{
	static const struct {
		const char *http, *https, *no, *url;
		bool is_same; /* as the first of its kind */
	} cases[] = {
		{ "http://p:1", NULL, NULL, "http://a/", true },
		{ "http://p:1", NULL, NULL, "http://a/other?path", true },
		{ "p:1/", NULL, NULL, "http://a/", true },
		{ NULL, NULL, NULL, "http://a/", false },
		{ "http://p:1", NULL, "a", "http://a/", false },
		{ "http://p:2", NULL, NULL, "http://a/", false },
		{ "http://q:1", NULL, NULL, "http://a/", false },
		{ "https://p:1", NULL, NULL, "http://a/", false },
		{ "socks5://p:1", NULL, NULL, "http://a/", false },
		{ "socks5h://p:1", NULL, NULL, "http://a/", false },
		{ "http://user:secret@p:1", NULL, NULL, "http://a/", false },
		{ "http://user:other@p:1", NULL, NULL, "http://a/", false },
		{ "http://p:1", NULL, NULL, "http://b/", false },
		{ "http://p:1", NULL, NULL, "http://a:81/", false },
		{ NULL, "http://p:1", NULL, "https://a/", false },
		{ NULL, "http://p:1", NULL, "https://a:80/", false },
	};
	struct scene first;
	begin(&first, cases[0].http, cases[0].https, cases[0].no, cases[0].url);
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct scene scene;
		begin(&scene, cases[i].http, cases[i].https, cases[i].no, cases[i].url);
		cr_expect_eq(is_same(&first.key, &scene.key), cases[i].is_same, "case %zu", i);
		for (size_t k = 1; k < i; k++) {
			struct scene other;
			if (cases[i].is_same || cases[k].is_same)
				continue;
			begin(&other, cases[k].http, cases[k].https, cases[k].no, cases[k].url);
			cr_expect_not(
				is_same(&other.key, &scene.key) && strcmp(other.key.route, "") != 0,
				"cases %zu and %zu", k, i);
			end(&other);
		}
		end(&scene);
	}
	end(&first);
}

/* What relays requests for http must not carry one for https, which a proxy with TLS would read. */
Test(route, has_another_key_for_another_scheme_of_the_same_host_and_port)
{
	static const char *const proxies[] = { "http://p", "https://p", "https://u:s@p",
		"socks5h://p" };
	for (size_t i = 0; i < SL_COUNT_OF(proxies); i++) {
		struct scene relayed, tunnelled;
		begin(&relayed, proxies[i], proxies[i], NULL, "http://a:443/");
		begin(&tunnelled, proxies[i], proxies[i], NULL, "https://a:443/");
		cr_expect_not(is_same(&relayed.key, &tunnelled.key), "%s", proxies[i]);
		end(&relayed);
		end(&tunnelled);
	}
}

Test(route, relays_requests_by_http_proxies_for_http_only)
{
	static const struct {
		const char *proxy, *url;
		bool relays, needs_tls;
	} cases[] = {
		{ NULL, "http://a/", false, false },
		{ NULL, "https://a/", false, true },
		{ "http://p", "http://a/", true, false },
		{ "https://p", "http://a/", true, true },
		{ "http://p", "https://a/", false, true },
		{ "https://p", "https://a/", false, true },
		{ "socks4a://p", "http://a/", false, false },
		{ "socks5h://p", "https://a/", false, true },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct scene scene;
		begin(&scene, cases[i].proxy, cases[i].proxy, NULL, cases[i].url);
		cr_expect_eq(
			sl_proxy_route_is_relay(scene.through), cases[i].relays, "case %zu", i);
		cr_expect_eq(sl_route_needs_tls(scene.through, &scene.url), cases[i].needs_tls);
		cr_expect_eq(scene.key.tls, cases[i].needs_tls);
		end(&scene);
	}
}

Test(route, fails_for_a_proxy_that_cannot_be_used)
{
	const struct sl_proxy_options none = { .proxy = NULL };
	struct sl_proxies proxies;
	struct sl_route route;
	struct sl_url url;
	struct sl_proxy_route *through;
	struct sl_error err = { 0 };
	variables[0] = "quic://p";
	cr_assert_eq(sl_proxies_init(&proxies, &none, get_variable, NULL), 0);
	cr_assert_eq(sl_route_init(&route, NULL, &proxies, "test"), 0);
	cr_assert_eq(sl_url_parse(&url, sl_span_str("http://a/"), NULL), 0);
	cr_expect_eq(sl_route_choose(&route, &url, &through, &err), SL_E_UNSUPPORTED);
	cr_expect_eq(err.phase, SL_PHASE_PROXY);
	cr_expect_null(through);
	sl_url_release(&url);
	sl_route_release(&route);
	sl_proxies_release(&proxies);
}
