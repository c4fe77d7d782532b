/* Cookies that other programs have sent to hosts which they were not for: each test plays what the
 * CVEs above it describe, between real origins (support/hops.h). test_cookie_jar.c has the rules
 * one by one. */
#include "support/hops.h"

#include <criterion/criterion.h>

#define CHECK(rows) hops_check(rows, SL_COUNT_OF(rows))
#define SET(value) "Set-Cookie: " value "\r\n"

/* CVE-2013-1944 (curl): a domain matched the tail of another name. */
Test(cookie_leaks, a_domain_does_not_match_the_tail_of_another_name)
{
	static const struct hops_row rows[] = {
		{ .urls = { "http://ample.com:$0/", "http://example.com:$0/",
			  "http://ample.com:$0/" },
			.fields = { SET("id=1; domain=ample.com; path=/") },
			.want = "0: -; 0: -; 0: Cookie=id=1" },
		{ .urls = { "http://a.example.com:$0/", "http://b.example.com:$0/",
			  "http://example.com.evil.test:$1/", "http://evil-example.com:$1/" },
			.fields = { SET("id=1; domain=example.com; path=/") },
			.want = "0: -; 0: Cookie=id=1; 1: -; 1: -" },
		{ .urls = { "http://ample.com:$0/", "http://example.com:$0/" },
			.cookies = "ample.com\tTRUE\t/\tFALSE\t0\tid\t1\n",
			.want = "0: Cookie=id=1; 0: -" },
	};
	CHECK(rows);
}

/* CVE-2014-3613 (curl): a part of an address counted as a domain. */
Test(cookie_leaks, part_of_an_address_is_not_a_domain)
{
	static const struct hops_row rows[] = {
		{ .urls = { "http://127.0.0.1:$0/", "http://127.0.0.1:$0/" },
			.fields = { SET("id=1; domain=0.0.1; path=/") },
			.want = "0: -; 0: -" },
		{ .urls = { "http://127.0.0.1:$0/", "http://127.0.0.1:$0/",
			  "http://x.127.0.0.1.test:$0/" },
			.fields = { SET("id=1; domain=127.0.0.1; path=/") },
			.want = "0: -; 0: Cookie=id=1; 0: -" },
	};
	CHECK(rows);
}

/* CVE-2014-3620 (curl): cookies for a top level domain. CVE-2023-46218 (curl): for co.UK, in mixed
 * case. CVE-2022-27779, CVE-2026-8924 (curl): for "com.", of hosts with a dot at the end. */
Test(cookie_leaks, a_public_suffix_is_not_a_domain)
{
	static const struct hops_row rows[] = {
		{ .urls = { "http://a.com:$0/", "http://b.com:$0/" },
			.fields = { SET("id=1; domain=com; path=/") },
			.want = "0: -; 0: -" },
		{ .urls = { "http://a.co.uk:$0/", "http://b.co.uk:$0/", "http://b.CO.UK:$0/" },
			.fields = { SET("id=1; domain=co.UK; path=/") },
			.want = "0: -; 0: -; 0: -" },
		{ .urls = { "http://a.CO.UK:$0/", "http://b.co.uk:$0/" },
			.fields = { SET("id=1; domain=.co.uk; path=/") },
			.want = "0: -; 0: -" },
		{ .urls = { "http://a.com.:$0/", "http://b.com.:$0/", "http://b.com:$0/" },
			.fields = { SET("id=1; domain=com.; path=/") },
			.want = "0: -; 0: -; 0: -" },
		{ .urls = { "http://a.co.uk.:$0/", "http://b.co.uk.:$0/" },
			.fields = { SET("id=1; domain=.co.uk.; path=/") },
			.want = "0: -; 0: -" },
		{ .urls = { "http://a.github.io:$0/", "http://b.github.io:$0/" },
			.fields = { SET("id=1; domain=github.io; path=/") },
			.want = "0: -; 0: -" },
	};
	CHECK(rows);
}

/* CVE-2018-0494 (wget): a folded line of a response became a cookie of another host in its file.
 * CVE-2022-35252 (curl): control bytes were sent back, which servers refuse. */
Test(cookie_leaks, a_value_does_not_become_two_and_has_no_control_bytes)
{
	static const struct hops_row rows[] = {
		{ .urls = { "http://a.test:$0/", "http://a.test:$0/", "http://b.test:$0/" },
			.fields = { "Set-Cookie: id=1; path=/\r\n  "
				    "b.test\tFALSE\t/\tFALSE\t0\tx\t2\r\n" },
			.want = "0: -; 0: -; 0: -" },
		{ .urls = { "http://a.test:$0/", "http://a.test:$0/" },
			.fields = { "Set-Cookie: id=1; path=/\r\n X-Key: k\r\n" },
			.want = "0: -; 0: -" },
		{ .urls = { "http://a.test:$0/", "http://a.test:$0/" },
			.fields = { SET("id=\x01; path=/") SET("x=2\x7f; path=/")
					SET("y=3; path=/") },
			.want = "0: -; 0: Cookie=y=3" },
	};
	CHECK(rows);
}

/* CVE-2026-6276 (curl): with a field Host of the user's own cookies of the one host went to the
 * other. Here they are those of the host in the URL, whatever Host is. */
Test(cookie_leaks, a_host_field_does_not_decide_about_cookies)
{
	static const struct hops_row rows[] = {
		{ .urls = { "http://a.test:$0/", "http://a.test:$0/", "http://b.test:$0/" },
			.own_header = "Host: b.test",
			.fields = { SET("id=1; path=/") },
			.want = "0: -; 0: Cookie=id=1; 0: -" },
		{ .urls = { "http://a.test:$0/", "+http://b.test:$0/" },
			.own_header = "Host: b.test",
			.cookies = "b.test\tFALSE\t/\tFALSE\t0\tid\t1\n",
			.want = "0: -; 0: Cookie=id=1" },
	};
	CHECK(rows);
}

/* RFC 6265bis 5.7: what was set over https, and for https only, is neither sent nor replaced over
 * http. */
Test(cookie_leaks, a_secure_cookie_is_not_sent_or_replaced_over_http)
{
	static const struct hops_row rows[] = {
		{ .urls = { "https://a.wild.test:$0/", "http://a.wild.test:$0/",
			  "https://a.wild.test:$0/" },
			.allow_downgrade = true,
			.fields = { SET("id=1; secure; path=/"), SET("id=2; path=/") },
			.want = "0s: -; 0: -; 0s: Cookie=id=1" },
		{ .urls = { "http://a.wild.test:$0/", "https://a.wild.test:$0/" },
			.fields = { SET("id=1; secure; path=/") },
			.want = "0: -; 0s: -" },
		/* The port and another origin of the host do not matter to a cookie, but the user's
		 * own field stays with its origin. */
		{ .urls = { "http://a.test:$0/", "http://a.test:$1/" },
			.own_header = "Cookie: u=9",
			.fields = { SET("id=1; path=/") },
			.want = "0: Cookie=u=9; 1: Cookie=id=1" },
	};
	CHECK(rows);
}
