/* To which URLs of a chain of redirects the user's secrets go. */
#include "sluice/http/scope.h"

#include <criterion/criterion.h>

static void
parse(struct sl_url *url, const char *text)
{
	struct sl_error err = { 0 };
	*url = (struct sl_url){ 0 };
	cr_assert_eq(sl_url_parse(url, sl_span_str(text), &err), 0, "%s: %s", text, err.text);
}

#define URLS 6

/*
 * A chain of URLs. For each of them a letter: 'a' = all secrets may be sent, 'o' = those of the
 * first URL, 'g' = those that were given for the run, '-' = none.
 */
struct row {
	const char *urls[URLS];
	const char *want;
};

static void
check_url(const struct sl_scope *scope, const struct sl_scope_origins *origins,
	const struct sl_url *url, char want, const char *text)
{
	static const char *const secrets[] = { "Authorization", "Cookie", "Host", "X-Api-Key",
		"PRIVATE-TOKEN", "X-Amz-Security-Token", "Proxy-Authorization", "Referer", "" };
	static const char *const harmless[] = { "accept", "User-Agent", "RANGE", "If-Match" };
	bool own = want == 'a' || want == 'o', given = want == 'a' || want == 'g';
	cr_expect_eq(sl_scope_permits_own(scope), own, "%s", text);
	cr_expect_eq(sl_scope_permits_given(scope, origins, url), given, "%s", text);
	for (size_t i = 0; i < SL_COUNT_OF(secrets); i++)
		cr_expect_eq(sl_scope_permits(scope, sl_span_str(secrets[i])), own, "%s at %s",
			secrets[i], text);
	for (size_t i = 0; i < SL_COUNT_OF(harmless); i++)
		cr_expect(sl_scope_permits(scope, sl_span_str(harmless[i])), "%s at %s",
			harmless[i], text);
}

/* https://typed is on the command line, https://named and https://other:8443 were named. */
static void
check_rows(const struct row *rows, size_t count)
{
	struct sl_url typed, named[2];
	parse(&typed, "https://typed/x");
	parse(&named[0], "https://named");
	parse(&named[1], "https://other:8443");
	const struct sl_scope_origins origins = {
		.typed = &typed, .typed_count = 1, .named = named, .named_count = 2
	};
	for (size_t row = 0; row < count; row++) {
		struct sl_scope scope = { 0 };
		struct sl_url from = { 0 };
		for (size_t i = 0; rows[row].want[i]; i++) {
			struct sl_url to;
			parse(&to, rows[row].urls[i]);
			if (i > 0)
				sl_scope_follow(&scope, &origins, &from, &to);
			sl_url_release(&from);
			from = to;
			check_url(&scope, &origins, &to, rows[row].want[i], rows[row].urls[i]);
		}
		sl_url_release(&from);
	}
	sl_url_release(&typed);
	sl_url_release(&named[0]);
	sl_url_release(&named[1]);
}

Test(http_scope, an_origin_keeps_its_secrets)
{
	static const struct row rows[] = {
		{ { "https://typed/a", "https://typed/b", "https://TYPED:443/c" }, "aaa" },
		{ { "https://list/a", "https://list/b" }, "oo" },
		{ { "https://named/a", "https://named/b" }, "aa" },
		{ { "http://[::1]/x", "http://[0:0::1]:80/y" }, "oo" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

/* CVE-2018-1000007, CVE-2021-31879 */
Test(http_scope, another_host_gets_no_secret)
{
	static const struct row rows[] = {
		{ { "https://typed/a", "https://list/a" }, "a-" },
		{ { "https://typed/a", "https://typed.list/a" }, "a-" },
		{ { "https://list/a", "https://typed/a" }, "o-" },
		{ { "https://a.b/x", "https://b/x" }, "o-" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

/* CVE-2022-27774, CVE-2022-27776, CVE-2018-18074, CVE-2025-14524 */
Test(http_scope, another_port_or_scheme_is_another_origin)
{
	static const struct row rows[] = {
		{ { "https://typed/a", "https://typed:444/a" }, "a-" },
		{ { "https://typed/a", "http://typed/a" }, "a-" },
		{ { "https://typed/a", "http://typed:443/a" }, "a-" },
		{ { "https://other:8443/a", "https://other/a" }, "a-" },
		{ { "http://typed/a", "https://typed/a" }, "o-" },
		{ { "http://a:443/x", "https://a:443/x" }, "o-" },
		{ { "https://typed:444/a" }, "o" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

/* CVE-2024-45336 */
Test(http_scope, what_was_taken_away_does_not_come_back)
{
	static const struct row rows[] = {
		{ { "https://typed/a", "https://list/a", "https://list/b" }, "a--" },
		{ { "https://typed/a", "https://list/a", "https://typed/a" }, "a--" },
		{ { "https://typed/a", "https://list/a", "https://named/a" }, "a--" },
		{ { "https://typed/a", "https://list/a", "https://named/a", "https://typed/a" },
			"a---" },
		{ { "https://list/a", "https://typed/a", "https://list/a" }, "o--" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

Test(http_scope, an_origin_that_was_named_gets_by_a_redirect_what_was_given_for_the_run)
{
	static const struct row rows[] = {
		{ { "https://typed/a", "https://named/a", "https://named/b" }, "agg" },
		{ { "https://typed/a", "https://named/a", "https://other:8443/a" }, "agg" },
		{ { "https://typed/a", "https://named/a", "https://typed/b" }, "ag-" },
		{ { "https://list/a", "https://named/a" }, "og" },
		{ { "https://named/a", "https://other:8443/a", "https://named/b" }, "agg" },
		{ { "https://named/a", "http://named/a", "https://named/a" }, "a--" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}
