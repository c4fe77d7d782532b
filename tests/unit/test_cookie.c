/* Cookies as servers set them and as files have them, and what they match. */
#include "sluice/http/cookie.h"
#include "sluice/http/cookie_date.h"

#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define NOW 1000000

/* "name|value|domain|path|flags|expiry" of a cookie; flags are h and s. */
static void
describe(const struct sl_cookie *cookie, char out[512])
{
	char expiry[32] = "never";
	if (cookie->expires_s == INT64_MIN)
		snprintf(expiry, sizeof(expiry), "gone");
	else if (cookie->expires_s != SL_COOKIE_NEVER)
		snprintf(expiry, sizeof(expiry), "%lld", (long long)cookie->expires_s);
	snprintf(out, 512, "%.*s|%.*s|%.*s|%.*s|%s%s|%s", (int)cookie->name.len, cookie->name.data,
		(int)cookie->value.len, cookie->value.data, (int)cookie->domain.len,
		cookie->domain.data, (int)cookie->path.len, cookie->path.data,
		cookie->is_host_only ? "h" : "", cookie->is_secure ? "s" : "", expiry);
}

struct row {
	const char *text, *want; /* NULL = ignored */
};

static void
check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct sl_cookie cookie;
		char got[512] = "";
		bool good = sl_cookie_parse(&cookie, sl_span_str(rows[i].text), NOW);
		cr_expect_eq(good, rows[i].want != NULL, "%s", rows[i].text);
		if (good)
			describe(&cookie, got);
		cr_expect_str_eq(got, rows[i].want ? rows[i].want : "", "%s", rows[i].text);
	}
}

Test(http_cookie, a_name_and_a_value)
{
	static const struct row rows[] = {
		{ "foo=bar", "foo|bar||||never" },
		{ "foo=", "foo|||||never" },
		{ " \tfoo\t = \tb ar\t ", "foo|b ar||||never" },
		{ "foo=bar=baz; path", "foo|bar=baz||||never" },
		{ "foo=\"a b,c\"", "foo|\"a b,c\"||||never" },
		{ "foo=a\tb", "foo|a\tb||||never" },
		{ "foo=b\xc3\xa4", "foo|b\xc3\xa4||||never" },
		{ "foo=bar;", "foo|bar||||never" },
		{ "foo=bar;;;=;a=b; ; c", "foo|bar||||never" },
		{ "foo\"x=bar, Path=/", "foo\"x|bar, Path=/||||never" },
		{ "", NULL },
		{ ";", NULL },
		{ "=", NULL },
		{ "=bar", NULL },
		{ " = bar", NULL },
		{ "foo", NULL },
		{ "foo; a=b", NULL },
		{ "; foo=bar", NULL },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

Test(http_cookie, attributes_in_any_case_of_which_the_last_counts)
{
	static const struct row rows[] = {
		{ "a=b; Domain=x.test; Path=/p; Secure; HttpOnly; SameSite=None",
			"a|b|x.test|/p|s|never" },
		{ "a=b;DOMAIN=.X.test;pATH=/p/;sECURE", "a|b|X.test|/p/|s|never" },
		{ "a=b; domain=x.test; domain=y.test", "a|b|y.test|||never" },
		{ "a=b; domain=x.test; domain=", "a|b||||never" },
		{ "a=b; domain=x.test; domain", "a|b||||never" },
		{ "a=b; domain = x.test ; path = /p ", "a|b|x.test|/p||never" },
		{ "a=b; domain=..x.test", "a|b|.x.test|||never" },
		{ "a=b; path=/p; path=q", "a|b||||never" },
		{ "a=b; path=", "a|b||||never" },
		{ "a=b; path=\"/p\"", "a|b||||never" },
		{ "a=b; path=/p=q", "a|b||/p=q||never" },
		{ "a=b; secure=false", "a|b|||s|never" },
		{ "a=b; secured; max-ages=3", "a|b||||never" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

Test(http_cookie, max_age_comes_before_expires)
{
	static const struct row rows[] = {
		{ "a=b; Max-Age=5", "a|b||||1000005" },
		{ "a=b; max-age=007", "a|b||||1000007" },
		{ "a=b; Max-Age=0", "a|b||||gone" },
		{ "a=b; Max-Age=-5", "a|b||||gone" },
		{ "a=b; Max-Age=99999999999999999999999999", "a|b||||922337203686477580" },
		{ "a=b; Max-Age=+5", "a|b||||never" },
		{ "a=b; Max-Age=5s", "a|b||||never" },
		{ "a=b; Max-Age=-", "a|b||||never" },
		{ "a=b; Max-Age=", "a|b||||never" },
		{ "a=b; Max-Age=5; Max-Age=x", "a|b||||1000005" },
		{ "a=b; Max-Age=5; Max-Age=6", "a|b||||1000006" },
		{ "a=b; Expires=Thu, 01 Jan 1970 00:00:09 GMT", "a|b||||9" },
		{ "a=b; Max-Age=5; Expires=Thu, 01 Jan 1970 00:00:09 GMT", "a|b||||1000005" },
		{ "a=b; Expires=Thu, 01 Jan 1970 00:00:09 GMT; Max-Age=5", "a|b||||1000005" },
		{ "a=b; Expires=soon", "a|b||||never" },
		{ "a=b; Expires", "a|b||||never" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

/* CVE-2022-35252 (control bytes that servers refuse with 400), CVE-2018-0494 (a line end, from a
 * folded line, began another cookie in the file that was written). */
Test(http_cookie, control_bytes_are_refused_anywhere)
{
	for (int c = 0; c < 256; c++) {
		static const char *const places[] = { "a?=b", "a=b?c", "a=b; Path=/?c", "a=b; ?" };
		bool is_control = c < 0x20 ? c != '\t' : c == 0x7f;
		for (size_t i = 0; i < SL_COUNT_OF(places); i++) {
			char text[32];
			struct sl_cookie cookie;
			int len = snprintf(text, sizeof(text), "%s", places[i]);
			*strchr(text, '?') = (char)c;
			bool good = sl_cookie_parse(&cookie, sl_span(text, (size_t)len), NOW);
			/* "a" alone is no cookie */
			bool want = !is_control && (i > 0 || c != ';');
			cr_expect_eq(good, want, "%s with %02x", places[i], c);
		}
	}
}

/* CVE-2022-32205 */
Test(http_cookie, what_is_larger_than_the_limits_is_ignored)
{
	char *text = malloc(3 * SL_COOKIE_MAX);
	struct sl_cookie cookie;
	memset(text, 'a', 3 * SL_COOKIE_MAX);
	text[1000] = '=';
	cr_expect(sl_cookie_parse(&cookie, sl_span(text, SL_COOKIE_MAX + 1), NOW));
	cr_expect_eq(cookie.name.len + cookie.value.len, SL_COOKIE_MAX);
	cr_expect_not(sl_cookie_parse(&cookie, sl_span(text, SL_COOKIE_MAX + 2), NOW));
	memcpy(text, "a=b; Path=/p; Path=/", strlen("a=b; Path=/p; Path=/"));
	size_t begin = strlen("a=b; Path=/p; Path=");
	text[1000] = 'a';
	cr_expect(sl_cookie_parse(&cookie, sl_span(text, begin + SL_COOKIE_ATTRIBUTE_MAX), NOW));
	cr_expect_eq(cookie.path.len, SL_COOKIE_ATTRIBUTE_MAX);
	cr_expect(
		sl_cookie_parse(&cookie, sl_span(text, begin + SL_COOKIE_ATTRIBUTE_MAX + 1), NOW));
	cr_expect(sl_span_is(cookie.path, "/p"));
	free(text);
}

Test(http_cookie, dates_as_servers_write_them)
{
	static const struct {
		const char *text;
		int64_t want; /* -1 = none */
	} rows[] = {
		{ "Thu, 01 Jan 1970 00:00:09 GMT", 9 },
		{ "Thu, 01-Jan-1970 00:00:09 GMT", 9 },
		{ "Thu, 01-Jan-70 00:00:09 GMT", 9 },
		{ "Thu Jan  1 00:00:09 1970", 9 },
		{ "1 jan 1970 0:0:9", 9 },
		{ "00:00:09 1970 1 January", 9 },
		{ "1970-Jan-01 00:00:09", 9 },
		{ "Thu, 01 Jan 1970 00:00:09 +0500", 9 },
		{ "01;Jan;1970;00:00:09.5Z", 9 },
		{ "Wed, 10 Aug 2011 00:08:30 GMT", 1312934910 },
		{ "Tue, 19 Jan 2038 03:14:08 GMT", INT64_C(2147483648) },
		{ "Mon, 10 Dec 69 00:00:00", INT64_C(3153859200) },
		{ "Fri, 07 Aug 2007 08:04:19 GMT; a", 1186473859 },
		{ "31 Feb 2011 00:00:00", -1 },
		{ "32 Jan 2011 00:00:00", -1 },
		{ "1 Jan 1600 00:00:00", -1 },
		{ "1 Jan 2011 24:00:00", -1 },
		{ "1 Jan 2011 00:60:00", -1 },
		{ "1 Jan 2011 00:00:60", -1 },
		{ "1 Jan 2011 00:00", -1 },
		{ "1 Jan 20111 00:00:00", -1 },
		{ "Jan 2011 00:00:00", -1 },
		{ "1 Jam 2011 00:00:00", -1 },
		{ "1 Jan 00:00:00", -1 },
		{ "", -1 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		int64_t got = -1;
		bool good = sl_cookie_date_parse(sl_span_str(rows[i].text), &got);
		cr_expect_eq(good, rows[i].want != -1, "%s", rows[i].text);
		cr_expect_eq(got, rows[i].want, "%s: %lld", rows[i].text, (long long)got);
	}
}

Test(http_cookie, lines_of_files)
{
	static const struct {
		const char *text;
		int code;
		const char *want; /* or a part of the reason */
	} rows[] = {
		{ ".x.test\tTRUE\t/\tFALSE\t0\ta\tb", 1, "a|b|x.test|/||never" },
		{ "x.test\tFALSE\t/p\tTRUE\t99\ta\tb c", 1, "a|b c|x.test|/p|hs|99" },
		{ "x.test\tfalse\t/\ttrue\t99.5\ta\tb\r", 1, "a|b|x.test|/|hs|99" },
		{ "#HttpOnly_.x.test\tTRUE\t/\tFALSE\t0\ta\tb", 1, "a|b|x.test|/||never" },
		{ "#httponly_x.test\tTRUE\t/\tFALSE\t0\ta\tb", 1, "a|b|x.test|/||never" },
		{ "x.test\tTRUE\t/\tFALSE\t0\ta\t", 1, "a||x.test|/||never" },
		{ "x.test\tTRUE\t/\tFALSE\t0\ta", 1, "a||x.test|/||never" },
		{ "x.test\tTRUE\t/\tFALSE\t0\ta\tb=c", 1, "a|b=c|x.test|/||never" },
		{ "x.test\tTRUE\t/\tFALSE\t99999999999999999999\ta\tb", SL_E_USAGE, "expiry" },
		{ "# Netscape HTTP Cookie File", 0, NULL },
		{ "", 0, NULL },
		{ " \t", 0, NULL },
		{ "\r", 0, NULL },
		{ "x.test\tTRUE\t/\tFALSE\t0", SL_E_USAGE, "seven fields" },
		{ "x.test TRUE / FALSE 0 a b", SL_E_USAGE, "seven fields" },
		{ "x.test\tTRUE\t/\tFALSE\t0\ta\tb\tsecret", SL_E_USAGE, "seven fields" },
		{ "Set-Cookie: a=secret", SL_E_USAGE, "seven fields" },
		{ "{\"name\": \"secret\"}", SL_E_USAGE, "seven fields" },
		{ "SQLite format 3\001", SL_E_USAGE, "control byte" },
		{ "x.test\tYES\t/\tFALSE\t0\ta\tsecret", SL_E_USAGE, "second field" },
		{ "x.test\tTRUE\tp\tFALSE\t0\ta\tsecret", SL_E_USAGE, "path" },
		{ "x.test\tTRUE\t/\t\t0\ta\tsecret", SL_E_USAGE, "fourth field" },
		{ "x.test\tTRUE\t/\tFALSE\t-1\ta\tsecret", SL_E_USAGE, "expiry" },
		{ "x.test\tTRUE\t/\tFALSE\t\ta\tsecret", SL_E_USAGE, "expiry" },
		{ "x.test\tTRUE\t/\tFALSE\t1.x\ta\tsecret", SL_E_USAGE, "expiry" },
		{ "x.test\tTRUE\t/\tFALSE\t0\t\tsecret", SL_E_USAGE, "name is empty" },
		{ "x.test\tTRUE\t/\tFALSE\t0\ta=b\tsecret", SL_E_USAGE, "not allowed" },
		{ "x.test\tTRUE\t/\tFALSE\t0\ta\tsecret; b", SL_E_USAGE, "not allowed" },
		{ "\tTRUE\t/\tFALSE\t0\ta\tsecret", SL_E_USAGE, "domain" },
		{ ".\tTRUE\t/\tFALSE\t0\ta\tsecret", SL_E_USAGE, "domain" },
		{ "x.test\tTRUE\t/\tFALSE\t0\ta\tb\x1b", SL_E_USAGE, "control byte" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		struct sl_cookie cookie;
		struct sl_error err = { 0 };
		char got[512] = "";
		int code = sl_cookie_parse_line(&cookie, sl_span_str(rows[i].text), &err);
		cr_expect_eq(code, rows[i].code, "%s: %d %s", rows[i].text, code, err.text);
		cr_expect_null(strstr(err.text, "secret"), "%s", err.text);
		if (code == 1) {
			describe(&cookie, got);
			cr_expect_str_eq(got, rows[i].want, "%s", rows[i].text);
		} else if (rows[i].want) {
			cr_expect(strstr(err.text, rows[i].want), "%s: %s", rows[i].text, err.text);
		}
	}
}

/* CVE-2013-1944: "ample.com" matched "example.com". CVE-2014-3613: "0.0.1" matched "127.0.0.1". */
Test(http_cookie, domains_match_whole_labels_and_no_part_of_an_address)
{
	static const struct {
		const char *domain, *host;
		bool want;
	} rows[] = {
		{ "example.com", "example.com", true },
		{ "example.com", "www.example.com", true },
		{ "EXAMPLE.Com", "a.b.example.com", true },
		{ "ample.com", "example.com", false },
		{ "www.example.com", "example.com", false },
		{ "example.com", "example.com.", false },
		{ "example.com", "example.com.evil.test", false },
		{ "", "example.com", false },
		{ "127.0.0.1", "127.0.0.1", true },
		{ "0.0.1", "127.0.0.1", false },
		{ "1", "127.0.0.1", false },
		{ "::1", "::1", true },
		{ "0.1", "::ffff:127.0.0.1", false },
	};
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++)
		cr_expect_eq(sl_cookie_domain_matches(sl_span_str(rows[i].domain), rows[i].host),
			rows[i].want, "%s %s", rows[i].domain, rows[i].host);
}

Test(http_cookie, paths_match_whole_directories)
{
	static const struct {
		const char *path, *target;
		bool want;
	} rows[] = {
		{ "/", "/", true },
		{ "/", "/a/b?c", true },
		{ "/a", "/a", true },
		{ "/a", "/a?b", true },
		{ "/a", "/a/b", true },
		{ "/a", "/ab", false },
		{ "/a", "/A", false },
		{ "/a/", "/a/b", true },
		{ "/a/", "/a", false },
		{ "/a/b", "/a?/a/b", false },
		{ "/a", "/?/a", false },
		{ "", "/", false },
	};
	static const char *const defaults[][2] = { { "/", "/" }, { "/a", "/" }, { "/a/", "/a" },
		{ "/a/b", "/a" }, { "/a/b/c?d/e", "/a/b" }, { "/?a/b", "/" }, { "//a", "/" },
		{ "", "/" } };
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++)
		cr_expect_eq(sl_cookie_path_matches(
				     sl_span_str(rows[i].path), sl_span_str(rows[i].target)),
			rows[i].want, "%s %s", rows[i].path, rows[i].target);
	for (size_t i = 0; i < SL_COUNT_OF(defaults); i++)
		cr_expect(sl_span_is(sl_cookie_default_path(sl_span_str(defaults[i][0])),
				  defaults[i][1]),
			"%s", defaults[i][0]);
}

Test(http_cookie, neither_parser_reads_past_its_text)
{
	static const char set[] = "na=va; Domain=.x.test; Path=/p; Max-Age=-12; Secure; "
				  "Expires=Wed, 10 Aug 2011 00:08:30 GMT";
	static const char line[] = "#HttpOnly_.x.test\tTRUE\t/p\tFALSE\t12.5\tname\tvalue\r";
	struct guard guard;
	guard_init(&guard, sizeof(set));
	for (size_t len = 0; len < sizeof(set); len++) {
		struct sl_cookie cookie;
		char *place = guard_place(&guard, set, len);
		cr_expect_eq(sl_cookie_parse(&cookie, sl_span(place, len), NOW), len >= 3);
	}
	for (size_t len = 0; len < sizeof(line); len++) {
		struct sl_cookie cookie;
		int code = sl_cookie_parse_line(
			&cookie, sl_span(guard_place(&guard, line, len), len), NULL);
		cr_expect(code == 0 || code == 1 || code == SL_E_USAGE);
		cr_expect_eq(code == 1,
			len >= strlen("#HttpOnly_.x.test\tTRUE\t/p\tFALSE\t12.5\tn"), "%zu: %d",
			len, code);
	}
	guard_release(&guard);
}
