/* The list of --noproxy and no_proxy, as curl 8 reads it (its tests/unit/unit1614.c has the like).
 * */
#include "sluice/http/no_proxy.h"
#include "support/guard.h"

#include <criterion/criterion.h>

struct match {
	const char *list, *host;
	bool matches;
};

static const struct match cases[] = {
	/* names */
	{ "example.com", "example.com", true },
	{ "example.com", "www.example.com", true },
	{ "example.com", "notexample.com", false },
	{ "example.com", "example.com.evil.org", false },
	{ "www.example.com", "example.com", false },
	{ ".example.com", "www.example.com", true },
	{ ".example.com", "example.com", true },
	{ ".example.com", "notexample.com", false },
	{ "..example.com", "www.example.com", false },
	{ "EXAMPLE.com", "www.example.com", true },
	{ "example.com.", "www.example.com", true },
	{ "example.com", "www.example.com.", true },
	{ "localhost", "localhost", true },
	{ "local", "localhost", false },
	{ "example.com:443", "example.com", false },
	{ "*.example.com", "www.example.com", false },
	/* lists */
	{ "", "example.com", false },
	{ ",", "example.com", false },
	{ ".", "example.com", false },
	{ "a.org,example.com", "example.com", true },
	{ "a.org, example.com ,b.org", "example.com", true },
	{ "a.org example.com", "example.com", true },
	{ "a.org,,\t,example.com", "example.com", true },
	{ "a.org,b.org", "example.com", false },
	{ "*", "example.com", true },
	{ "*", "192.168.0.1", true },
	{ "*", "::1", true },
	{ " *", "example.com", false },
	{ "a.org,*", "example.com", false },
	{ "*,a.org", "example.com", false },
	/* addresses */
	{ "127.0.0.1", "127.0.0.1", true },
	{ "127.0.0.1", "127.0.0.10", false },
	{ "0.0.1", "127.0.0.1", false },
	{ ".0.0.1", "127.0.0.1", false },
	{ "127.0.0.1", "localhost", false },
	{ "localhost", "127.0.0.1", false },
	{ "::1", "::1", true },
	{ "[::1]", "::1", true },
	{ "0:0:0:0:0:0:0:1", "::1", true },
	{ "FE80::1", "fe80::1", true },
	{ "::1", "127.0.0.1", false },
	{ "::ffff:127.0.0.1", "127.0.0.1", false },
	{ "127.0.0.1:80", "127.0.0.1", false },
	/* networks */
	{ "192.168.0.0/16", "192.168.255.255", true },
	{ "192.168.0.0/16", "192.169.0.0", false },
	{ "192.168.1.1/16", "192.168.2.2", true },
	{ "192.168.0.0/17", "192.168.127.1", true },
	{ "192.168.0.0/17", "192.168.128.1", false },
	{ "10.0.0.0/8,192.168.0.0/16", "192.168.1.1", true },
	{ "192.168.0.1/32", "192.168.0.1", true },
	{ "192.168.0.1/32", "192.168.0.2", false },
	{ "192.168.0.0/31", "192.168.0.1", true },
	{ "192.168.0.0/31", "192.168.0.2", false },
	{ "0.0.0.0/0", "1.2.3.4", true },
	{ "0.0.0.0/0", "example.com", false },
	{ "0.0.0.0/0", "::1", false },
	{ "192.168.0.0/33", "192.168.0.0", false },
	{ "192.168.0.0/", "192.168.0.0", false },
	{ "192.168.0.0/-1", "192.168.0.0", false },
	{ "192.168.0.0/16x", "192.168.0.0", false },
	{ "192.168.0.0/4294967312", "192.168.0.0", false },
	{ "192.168/16", "192.168.0.1", false },
	{ "fd00::/8", "fdab::1", true },
	{ "fd00::/8", "fe00::1", false },
	{ "[fd00::]/8", "fdab::1", true },
	{ "fd00::/9", "fd80::1", false },
	{ "::/0", "2001:db8::1", true },
	{ "2001:db8::/128", "2001:db8::", true },
	{ "2001:db8::/129", "2001:db8::", false },
	{ "example.com/8", "example.com", false },
};

Test(no_proxy, lists_hosts_as_in_curl)
{
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		cr_expect_eq(sl_no_proxy_matches(sl_span_str(cases[i].list), cases[i].host),
			cases[i].matches, "'%s' in '%s'", cases[i].host, cases[i].list);
}

Test(no_proxy, finds_items_that_match_no_host)
{
	static const struct {
		const char *list, *why; /* "" = nothing is wrong */
	} lists[] = {
		{ "", "" },
		{ " ,", "" },
		{ "*", "" },
		{ "a.org, .b.org,127.0.0.1,::1 [fd00::]/8,10.0.0.0/8,0.0.0.0/0", "" },
		{ "2001:db8::/128", "" },
		{ "10.0.0.0/33", "'10.0.0.0/33' matches no host: a network is " },
		{ "10.0.0.0/", "'10.0.0.0/' matches no host: a network is " },
		{ "10/8", "'10/8' matches no host: a network is " },
		{ "a.org,fd00::/129", "'fd00::/129' matches no host: a network is " },
		{ "a.org/8", "'a.org/8' matches no host: a network is " },
		{ "localhost:8080", "'localhost:8080' matches no host: it is not an address" },
		{ "[::1]:80", "'[::1]:80' matches no host: it is not an address, and ports " },
		{ "a.org,*", "'*' matches no host: '*' alone is for all hosts" },
		{ "*.a.org", "'*.a.org' matches no host: '*' alone is for all hosts" },
		{ "a\x1b*", "'a\\x1b*' matches no host: " },
	};
	for (size_t i = 0; i < SL_COUNT_OF(lists); i++) {
		struct sl_error why = { 0 };
		bool is_good = lists[i].why[0] == '\0';
		cr_expect_eq(sl_no_proxy_check(sl_span_str(lists[i].list), &why),
			is_good ? 0 : SL_E_USAGE, "'%s'", lists[i].list);
		cr_expect(strncmp(why.text, lists[i].why, strlen(lists[i].why)) == 0, "'%s': %s",
			lists[i].list, why.text);
	}
}

Test(no_proxy, is_not_read_beyond_its_end)
{
	struct guard guard;
	guard_init(&guard, 64);
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		size_t len = strlen(cases[i].list);
		const char *list = guard_place(&guard, cases[i].list, len);
		cr_expect_eq(sl_no_proxy_matches(sl_span(list, len), cases[i].host),
			cases[i].matches, "'%s' in '%s'", cases[i].host, cases[i].list);
		int code = sl_no_proxy_check(sl_span(list, len), NULL);
		int same = sl_no_proxy_check(sl_span_str(cases[i].list), NULL);
		cr_expect_eq(code, same);
	}
	guard_release(&guard);
}
