#include "sluice/http/scope.h"

#include <criterion/criterion.h>

/* A chain of URLs; after each of them '+' = the user's secrets may be sent, '-' = they may not. */
struct chain {
	const char *urls[4];
	const char *want;
};

static void
parse(struct sl_url *url, const char *text)
{
	struct sl_error err = { 0 };
	*url = (struct sl_url){ 0 };
	cr_assert_eq(sl_url_parse(url, sl_span_str(text), &err), 0, "%s: %s", text, err.text);
}

static void
expect(const struct sl_scope *scope, bool permitted, const char *url)
{
	static const char *const secrets[] = { "Authorization", "Cookie", "Host", "X-Api-Key",
		"PRIVATE-TOKEN", "X-Amz-Security-Token", "Proxy-Authorization", "Referer", "" };
	static const char *const harmless[] = { "accept", "User-Agent", "RANGE", "If-Match" };
	cr_expect_eq(sl_scope_permits_credentials(scope), permitted, "%s", url);
	for (size_t i = 0; i < SL_COUNT_OF(secrets); i++)
		cr_expect_eq(sl_scope_permits(scope, sl_span_str(secrets[i])), permitted,
			"%s at %s", secrets[i], url);
	for (size_t i = 0; i < SL_COUNT_OF(harmless); i++)
		cr_expect(sl_scope_permits(scope, sl_span_str(harmless[i])), "%s at %s",
			harmless[i], url);
}

static void
follow(const struct chain *chain)
{
	struct sl_scope scope = { 0 };
	struct sl_url from, to;
	parse(&from, chain->urls[0]);
	for (size_t i = 0; chain->want[i]; i++) {
		if (i > 0) {
			parse(&to, chain->urls[i]);
			sl_scope_follow(&scope, &from, &to);
			sl_url_release(&from);
			from = to;
		}
		expect(&scope, chain->want[i] == '+', chain->urls[i]);
	}
	sl_url_release(&from);
}

/* CVE-2018-1000007, CVE-2021-31879 */
Test(http_scope, another_host_gets_no_secret)
{
	follow(&(struct chain){ { "https://a/x", "https://b/x" }, "+-" });
	follow(&(struct chain){ { "https://a/x", "https://a.b/x" }, "+-" });
	follow(&(struct chain){ { "https://a.b/x", "https://b/x" }, "+-" });
}

/* CVE-2022-27774, CVE-2022-27776, CVE-2018-18074 */
Test(http_scope, the_same_host_with_another_port_or_scheme_is_another_origin)
{
	follow(&(struct chain){ { "https://a/x", "https://a:444/x" }, "+-" });
	follow(&(struct chain){ { "http://a/x", "https://a/x" }, "+-" });
	follow(&(struct chain){ { "https://a/x", "http://a/x" }, "+-" });
	follow(&(struct chain){ { "http://a:443/x", "https://a:443/x" }, "+-" });
}

/* CVE-2024-45336 */
Test(http_scope, what_was_dropped_does_not_come_back)
{
	follow(&(struct chain){ { "https://a/x", "https://b/x", "https://a/y" }, "+--" });
	follow(&(struct chain){ { "https://a/x", "https://b/x", "https://b/y" }, "+--" });
	follow(&(struct chain){
		{ "https://a/x", "https://a/y", "https://b/z", "https://a/x" }, "++--" });
}

Test(http_scope, the_same_origin_in_another_form_keeps_them)
{
	follow(&(struct chain){ { "https://a/x", "https://a/y", "https://a/z?q" }, "+++" });
	follow(&(struct chain){ { "https://a/x", "https://A:443/x" }, "++" });
	follow(&(struct chain){ { "http://[::1]/x", "http://[0:0::1]:80/y" }, "++" });
}
