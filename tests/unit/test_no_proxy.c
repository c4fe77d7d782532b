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

Test(no_proxy, is_not_read_beyond_its_end)
{
	struct guard guard;
	guard_init(&guard, 64);
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		size_t len = strlen(cases[i].list);
		const char *list = guard_place(&guard, cases[i].list, len);
		cr_expect_eq(sl_no_proxy_matches(sl_span(list, len), cases[i].host),
			cases[i].matches, "'%s' in '%s'", cases[i].host, cases[i].list);
	}
	guard_release(&guard);
}
