/* Which cookies are kept, and which request gets them. */
#include "sluice/http/cookie_jar.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define NOW 1000000

static int
set(struct sl_cookie_jar *jar, const char *from, const char *value)
{
	struct sl_url url;
	cr_assert_eq(sl_url_parse(&url, sl_span_str(from), NULL), 0, "%s", from);
	int code = sl_cookie_jar_set(jar, &url, sl_span_str(value), NOW);
	sl_url_release(&url);
	return code;
}

/* What a request gets at that time; static text. */
static const char *
sent_at(struct sl_cookie_jar *jar, const char *to, int64_t now_s, const char *given)
{
	static char text[2 * SL_COOKIE_FIELD_MAX];
	struct sl_url url;
	struct sl_buf out = { 0 };
	cr_assert_eq(sl_url_parse(&url, sl_span_str(to), NULL), 0, "%s", to);
	cr_expect_geq(sl_cookie_jar_format(jar, &url, now_s, sl_span_str(given), &out), 0);
	snprintf(text, sizeof(text), "%s", out.data ? out.data : "");
	sl_buf_release(&out);
	sl_url_release(&url);
	return text;
}

static const char *
sent(struct sl_cookie_jar *jar, const char *to)
{
	return sent_at(jar, to, NOW, "");
}

static int
add(struct sl_cookie_jar *jar, const char *line, struct sl_error *err)
{
	struct sl_cookie cookie;
	cr_assert_eq(sl_cookie_parse_line(&cookie, sl_span_str(line), NULL), 1, "%s", line);
	return sl_cookie_jar_add(jar, &cookie, NOW, err);
}

/* A cookie is set by one URL; what another one is sent. */
struct row {
	const char *from, *value, *to, *want;
};

static void
check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct sl_cookie_jar jar = { 0 };
		int code = set(&jar, rows[i].from, rows[i].value);
		cr_expect(code == 0 || code == 1, "%d", code);
		cr_expect_str_eq(sent(&jar, rows[i].to), rows[i].want, "%s from %s to %s",
			rows[i].value, rows[i].from, rows[i].to);
		sl_cookie_jar_release(&jar);
	}
}

Test(http_cookie_jar, a_cookie_without_a_domain_goes_to_its_host_alone)
{
	static const struct row rows[] = {
		{ "http://www.example.com/", "a=b", "http://www.example.com/", "a=b" },
		{ "http://www.example.com/", "a=b", "http://www.example.com:8080/", "a=b" },
		{ "http://www.example.com/", "a=b", "https://www.example.com/", "a=b" },
		{ "http://www.example.com/", "a=b", "http://example.com/", "" },
		{ "http://www.example.com/", "a=b", "http://a.www.example.com/", "" },
		{ "http://www.example.com/", "a=b", "http://www.example.com.evil.test/", "" },
		{ "http://www.example.com/", "a=b; domain=", "http://a.www.example.com/", "" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

Test(http_cookie_jar, a_domain_is_that_of_the_host_or_above_it)
{
	static const struct row rows[] = {
		{ "http://a.example.com/", "a=b; domain=example.com", "http://c.example.com/",
			"a=b" },
		{ "http://a.example.com/", "a=b; domain=.Example.COM", "http://example.com/",
			"a=b" },
		{ "http://example.com/", "a=b; domain=example.com", "http://a.example.com/",
			"a=b" },
		{ "http://a.example.com/", "a=b; domain=b.example.com", "http://b.example.com/",
			"" },
		{ "http://example.com/", "a=b; domain=a.example.com", "http://a.example.com/", "" },
		{ "http://example.com/", "a=b; domain=evil.test", "http://evil.test/", "" },
		{ "http://example.com/", "a=b; domain=exa\xc3\xa4.com", "http://example.com/", "" },
		{ "http://example.com/", "a=b; domain=..example.com", "http://example.com/", "" },
		{ "http://example.com/", "a=b; domain=\"example.com\"", "http://example.com/", "" },
		{ "http://example.com/", "a=b; domain=example.com:80", "http://example.com/", "" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

/* CVE-2013-1944 (curl): cookies of ample.com were sent to example.com. */
Test(http_cookie_jar, a_domain_matches_whole_labels)
{
	static const struct row rows[] = {
		{ "http://ample.com/", "a=b; domain=ample.com", "http://example.com/", "" },
		{ "http://example.com/", "a=b; domain=ample.com", "http://ample.com/", "" },
		{ "http://example.com/", "a=b; domain=ample.com", "http://example.com/", "" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

/* CVE-2014-3613 (curl): a cookie for a part of an address was sent to other addresses. */
Test(http_cookie_jar, part_of_an_address_is_no_domain)
{
	static const struct row rows[] = {
		{ "http://192.168.0.1/", "a=b; domain=168.0.1", "http://10.168.0.1/", "" },
		{ "http://192.168.0.1/", "a=b; domain=.0.1", "http://192.168.0.1/", "" },
		{ "http://192.168.0.1/", "a=b; domain=1", "http://192.168.0.1/", "" },
		{ "http://192.168.0.1/", "a=b; domain=192.168.0.1", "http://192.168.0.1/", "a=b" },
		{ "http://192.168.0.1/", "a=b; domain=192.168.0.1", "http://9.192.168.0.1.test/",
			"" },
		{ "http://[::1]/", "a=b", "http://[::1]/", "a=b" },
		{ "http://[::1]/", "a=b; domain=::1", "http://[::1]/", "a=b" },
		{ "http://[::1]/", "a=b; domain=1", "http://[::1]/", "" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

/* CVE-2014-3620 (curl): cookies for a whole top level domain. CVE-2023-46218 (curl): "co.UK" was
 * not found in the list. */
Test(http_cookie_jar, a_public_suffix_is_no_domain)
{
	static const struct row rows[] = {
		{ "http://example.com/", "a=b; domain=com", "http://other.com/", "" },
		{ "http://example.com/", "a=b; domain=.com", "http://example.com/", "" },
		{ "http://example.co.uk/", "a=b; domain=co.uk", "http://other.co.uk/", "" },
		{ "http://example.co.uk/", "a=b; domain=co.UK", "http://other.co.uk/", "" },
		{ "http://example.CO.UK/", "a=b; domain=Co.uK", "http://other.co.uk/", "" },
		{ "http://a.github.io/", "a=b; domain=github.io", "http://b.github.io/", "" },
		{ "http://a.unlisted/", "a=b; domain=unlisted", "http://b.unlisted/", "" },
		{ "http://www.ck/", "a=b; domain=www.ck", "http://a.www.ck/", "a=b" },
		{ "http://a.b.ck/", "a=b; domain=b.ck", "http://c.b.ck/", "" },
		/* one that is the host itself is for that alone */
		{ "http://github.io/", "a=b; domain=github.io", "http://github.io/", "a=b" },
		{ "http://github.io/", "a=b; domain=github.io", "http://b.github.io/", "" },
		{ "http://localhost/", "a=b; domain=localhost", "http://localhost/", "a=b" },
		{ "http://localhost/", "a=b; domain=localhost", "http://a.localhost/", "" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

/* CVE-2022-27779 (curl): "com." was not found in the list. */
Test(http_cookie_jar, a_domain_with_a_dot_at_its_end_is_refused)
{
	static const struct row rows[] = {
		{ "http://example.com./", "a=b; domain=com.", "http://other.com./", "" },
		{ "http://example.com./", "a=b; domain=example.com.", "http://a.example.com./",
			"" },
		{ "http://example.com./", "a=b; domain=example.com", "http://example.com/", "" },
		{ "http://example.com/", "a=b; domain=example.com.", "http://example.com/", "" },
		{ "http://example.com/", "a=b; domain=example.com", "http://example.com./", "" },
		{ "http://example.com/", "a=b; domain=.", "http://example.com/", "a=b" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

Test(http_cookie_jar, paths)
{
	static const struct row rows[] = {
		{ "http://x.test/p/q", "a=b", "http://x.test/p/r?s", "a=b" },
		{ "http://x.test/p/q", "a=b", "http://x.test/p", "a=b" },
		{ "http://x.test/p/q", "a=b", "http://x.test/pq", "" },
		{ "http://x.test/p/q", "a=b", "http://x.test/", "" },
		{ "http://x.test/p/q", "a=b; path=/", "http://x.test/", "a=b" },
		{ "http://x.test/p/q", "a=b; path=/other", "http://x.test/other/", "a=b" },
		{ "http://x.test/p/q", "a=b; path=other", "http://x.test/p/", "a=b" },
		{ "http://x.test/p/q", "a=b; path=/p", "http://x.test/?/p", "" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

Test(http_cookie_jar, secure_and_the_prefixes_of_names)
{
	static const struct row rows[] = {
		{ "https://x.test/", "a=b; secure", "https://x.test/", "a=b" },
		{ "https://x.test/", "a=b; secure", "http://x.test/", "" },
		{ "http://x.test/", "a=b; secure", "https://x.test/", "" },
		{ "http://localhost/", "a=b; secure", "http://localhost/", "" },
		{ "http://127.0.0.1/", "a=b; secure", "https://127.0.0.1/", "" },
		{ "https://x.test/", "__Secure-a=b; secure", "https://x.test/", "__Secure-a=b" },
		{ "https://x.test/", "__Secure-a=b", "https://x.test/", "" },
		{ "https://x.test/", "__SECURE-a=b", "https://x.test/", "" },
		{ "http://x.test/", "__Secure-a=b; secure", "https://x.test/", "" },
		{ "https://x.test/", "__Host-a=b; secure; path=/", "https://x.test/",
			"__Host-a=b" },
		{ "https://x.test/", "__Host-a=b; secure", "https://x.test/", "" },
		{ "https://x.test/", "__Host-a=b; secure; path=/p", "https://x.test/p", "" },
		{ "https://x.test/", "__host-a=b; path=/", "https://x.test/", "" },
		{ "https://a.x.test/", "__Host-a=b; secure; path=/; domain=a.x.test",
			"https://a.x.test/", "" },
	};
	check_rows(rows, SL_COUNT_OF(rows));
}

Test(http_cookie_jar, what_is_set_over_http_does_not_replace_or_hide_one_with_secure)
{
	struct sl_cookie_jar jar = { 0 };
	cr_expect_eq(set(&jar, "https://a.example.com/", "id=good; secure; domain=example.com"), 1);
	cr_expect_eq(set(&jar, "http://a.example.com/", "id=bad; domain=example.com"), 0);
	cr_expect_eq(set(&jar, "http://a.example.com/", "id=bad"), 0);
	cr_expect_eq(set(&jar, "http://a.example.com/p/", "id=bad"), 0);
	cr_expect_eq(
		set(&jar, "http://a.example.com/", "id=bad; domain=example.com; max-age=0"), 0);
	cr_expect_str_eq(sent(&jar, "https://a.example.com/p/"), "id=good");
	cr_expect_eq(set(&jar, "http://a.example.com/", "other=x"), 1);
	cr_expect_eq(set(&jar, "https://a.example.com/", "id=next; domain=example.com"), 1);
	cr_expect_str_eq(sent(&jar, "http://a.example.com/"), "id=next; other=x");
	sl_cookie_jar_release(&jar);
}

/* "vice versa" of RFC 6265bis 5.7, 16: a host beside that of the cookie cannot hide it either. */
Test(http_cookie_jar, what_another_host_sets_over_http_does_not_hide_one_with_secure)
{
	struct sl_cookie_jar jar = { 0 };
	cr_expect_eq(set(&jar, "https://a.example.com/", "id=good; secure"), 1);
	cr_expect_eq(set(&jar, "http://b.example.com/", "id=bad; domain=example.com"), 0);
	cr_expect_str_eq(sent(&jar, "https://a.example.com/"), "id=good");
	cr_expect_eq(set(&jar, "http://b.example.com/", "id=own"), 1);
	cr_expect_str_eq(sent(&jar, "http://b.example.com/"), "id=own");
	sl_cookie_jar_release(&jar);
}

Test(http_cookie_jar, time_ends_cookies)
{
	struct sl_cookie_jar jar = { 0 };
	cr_expect_eq(set(&jar, "http://x.test/", "a=1; max-age=10"), 1);
	cr_expect_eq(set(&jar, "http://x.test/", "b=2"), 1);
	cr_expect_str_eq(sent_at(&jar, "http://x.test/", NOW + 9, ""), "a=1; b=2");
	cr_expect_str_eq(sent_at(&jar, "http://x.test/", NOW + 10, ""), "b=2");
	cr_expect_eq(set(&jar, "http://x.test/", "b=; max-age=0"), 0);
	cr_expect_str_eq(sent(&jar, "http://x.test/"), "a=1");
	cr_expect_eq(set(&jar, "http://x.test/", "a=; expires=Thu, 01 Jan 1970 00:00:00 GMT"), 0);
	cr_expect_str_eq(sent(&jar, "http://x.test/"), "");
	cr_expect_eq(jar.count, 0);
	sl_cookie_jar_release(&jar);
}

Test(http_cookie_jar, longer_paths_come_first_then_older_cookies)
{
	struct sl_cookie_jar jar = { 0 };
	const char *from = "http://x.test/p/q";
	cr_expect_eq(set(&jar, from, "a=1; path=/"), 1);
	cr_expect_eq(set(&jar, from, "b=2; path=/p"), 1);
	cr_expect_eq(set(&jar, from, "c=3; path=/"), 1);
	cr_expect_eq(set(&jar, from, "a=4; path=/"), 1); /* keeps its place */
	cr_expect_eq(set(&jar, from, "a=5; path=/p"), 1);
	cr_expect_str_eq(sent(&jar, from), "b=2; a=5; a=4; c=3");
	sl_cookie_jar_release(&jar);
}

Test(http_cookie_jar, cookies_of_the_user_come_first_and_win_by_their_names)
{
	struct sl_cookie_jar jar = { 0 };
	const char *url = "http://x.test/";
	cr_expect_str_eq(sent_at(&jar, url, NOW, "a=9"), "");
	cr_expect_eq(set(&jar, url, "a=1"), 1);
	cr_expect_str_eq(sent_at(&jar, url, NOW, "a=9"), "");
	cr_expect_eq(set(&jar, url, "b=2"), 1);
	cr_expect_str_eq(sent_at(&jar, url, NOW, "a=9; c=8"), "a=9; c=8; b=2");
	cr_expect_str_eq(sent_at(&jar, url, NOW, "c=8;b=9 ;a"), "c=8;b=9 ;a; a=1");
	cr_expect_str_eq(sent_at(&jar, "http://y.test/", NOW, "c=8"), "");
	sl_cookie_jar_release(&jar);
}

/* CVE-2022-32205 (curl): cookies made requests so large that every server refused them. */
Test(http_cookie_jar, a_domain_the_jar_and_a_request_have_limits)
{
	struct sl_cookie_jar jar = { 0 };
	char value[SL_COOKIE_MAX], host[64];
	memset(value, 'x', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	for (int i = 0; i < 4; i++) {
		memcpy(value, "n0=", 3);
		value[1] = (char)('0' + i);
		cr_expect_eq(set(&jar, "http://x.test/", value), 1);
	}
	cr_expect_eq(set(&jar, "http://x.test/", "small=1"), 1);
	const char *all = sent(&jar, "http://x.test/");
	cr_expect_leq(strlen(all), SL_COOKIE_FIELD_MAX);
	cr_expect(strstr(all, "n0=") && !strstr(all, "n2=") && strstr(all, "; small=1"));
	for (int i = 0; i < SL_COOKIE_JAR_DOMAIN_MAX + 10; i++) {
		snprintf(value, sizeof(value), "m%d=1", i);
		cr_expect_eq(set(&jar, "http://x.test/", value), 1);
	}
	cr_expect_eq(jar.count, SL_COOKIE_JAR_DOMAIN_MAX);
	for (int i = 0; i < SL_COOKIE_JAR_MAX + 10; i++) {
		snprintf(host, sizeof(host), "http://h%d.test/", i);
		cr_expect_eq(set(&jar, host, "a=1"), 1);
	}
	cr_expect_eq(jar.count, SL_COOKIE_JAR_MAX);
	cr_expect_str_eq(sent(&jar, host), "a=1");
	sl_cookie_jar_release(&jar);
}

Test(http_cookie_jar, the_least_needed_cookie_makes_room)
{
	struct sl_cookie_jar jar = { 0 };
	const char *url = "https://x.test/p/";
	char value[64];
	cr_expect_eq(add(&jar, "x.test\tFALSE\t/\tFALSE\t0\tfile\t1", NULL), 1);
	cr_expect_eq(set(&jar, url, "secure=1; secure; path=/s"), 1);
	cr_expect_eq(set(&jar, url, "used=1; path=/used"), 1);
	for (int i = 0; i < SL_COOKIE_JAR_DOMAIN_MAX - 3; i++) {
		snprintf(value, sizeof(value), "n%d=1; path=/n", i);
		cr_expect_eq(set(&jar, url, value), 1);
	}
	cr_expect(strstr(sent(&jar, "https://x.test/used"), "used=1"));
	for (int i = 0; i < SL_COOKIE_JAR_DOMAIN_MAX - 3; i++) {
		snprintf(value, sizeof(value), "m%d=1; path=/m", i);
		cr_expect_eq(set(&jar, url, value), 1);
	}
	cr_expect_str_eq(sent(&jar, "https://x.test/n"), "file=1");
	cr_expect_str_eq(sent(&jar, "https://x.test/s"), "secure=1; file=1");
	cr_expect_str_eq(sent(&jar, "https://x.test/used"), "used=1; file=1");
	sl_cookie_jar_release(&jar);
}

Test(http_cookie_jar, cookies_of_a_file)
{
	static const struct {
		const char *line, *to, *want; /* or a part of the reason, without `to` */
	} rows[] = {
		{ "x.test\tFALSE\t/\tFALSE\t0\ta\tb", "http://x.test/", "a=b" },
		{ "x.test\tFALSE\t/\tFALSE\t0\ta\tb", "http://w.x.test/", "" },
		{ ".X.test\tTRUE\t/\tFALSE\t0\ta\tb", "http://w.x.test/", "a=b" },
		{ ".x.test\tTRUE\t/\tTRUE\t0\ta\tb", "http://x.test/", "" },
		{ ".x.test\tTRUE\t/\tTRUE\t0\ta\tb", "https://x.test/", "a=b" },
		{ ".x.test\tTRUE\t/p\tFALSE\t0\ta\tb", "https://x.test/", "" },
		{ "localhost\tTRUE\t/\tFALSE\t0\ta\tb", "http://localhost/", "a=b" },
		{ "localhost\tTRUE\t/\tFALSE\t0\ta\tb", "http://a.localhost/", "" },
		{ "127.0.0.1\tTRUE\t/\tFALSE\t0\ta\tb", "http://127.0.0.1/", "a=b" },
		{ "0.0.1\tTRUE\t/\tFALSE\t0\ta\tb", "http://127.0.0.1/", "" },
		{ "com\tTRUE\t/\tFALSE\t0\ta\tb", "http://example.com/", "" },
		{ ".Co.uk\tTRUE\t/\tFALSE\t0\ta\tb", NULL, "public suffix" },
		{ "x.test.\tTRUE\t/\tFALSE\t0\ta\tb", NULL, "not a host name" },
		{ "x test\tTRUE\t/\tFALSE\t0\ta\tb", NULL, "not a host name" },
		{ "x.test\tFALSE\t/p\tTRUE\t0\t__Host-a\tb", NULL, "prefix" },
		{ "x.test\tFALSE\t/\tFALSE\t0\t__Secure-a\tb", NULL, "prefix" },
		{ "x.test\tFALSE\t/\tTRUE\t0\t__Host-a\tb", "https://x.test/", "__Host-a=b" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		struct sl_cookie_jar jar = { 0 };
		struct sl_error err = { 0 };
		int code = add(&jar, rows[i].line, &err);
		cr_expect_eq(code, rows[i].to ? 1 : SL_E_USAGE, "%s: %d", rows[i].line, code);
		if (rows[i].to)
			cr_expect_str_eq(sent(&jar, rows[i].to), rows[i].want, "%s", rows[i].line);
		else
			cr_expect(strstr(err.text, rows[i].want), "%s: %s", rows[i].line, err.text);
		sl_cookie_jar_release(&jar);
	}
}

Test(http_cookie_jar, a_file_does_not_push_out_its_own_cookies)
{
	struct sl_cookie_jar jar = { 0 };
	struct sl_error err = { 0 };
	char line[100];
	cr_expect_eq(add(&jar, "x.test\tFALSE\t/\tFALSE\t1\told\t1", &err), 0);
	for (int i = 0; i < SL_COOKIE_JAR_DOMAIN_MAX; i++) {
		snprintf(line, sizeof(line), "x.test\tFALSE\t/\tFALSE\t0\tn%d\t1", i);
		cr_expect_eq(add(&jar, line, &err), 1);
	}
	cr_expect_eq(add(&jar, line, &err), 1); /* the same again */
	cr_expect_eq(add(&jar, "x.test\tFALSE\t/\tFALSE\t0\tmore\t1", &err), SL_E_LIMIT);
	cr_expect_eq(jar.count, SL_COOKIE_JAR_DOMAIN_MAX);
	sl_cookie_jar_release(&jar);
}
