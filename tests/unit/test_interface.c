/* Where connections come from, as text. */
#include "support/guard.h"

#include "sluice/net/interface.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *text, *shown;
} good[] = {
	{ "eth0", "interface 'eth0'" },
	{ "if!eth0", "interface 'eth0'" },
	{ "eth0.100", "interface 'eth0.100'" },
	{ "exactly15bytes-", "interface 'exactly15bytes-'" },
	{ "10.0.0.5", "10.0.0.5" },
	{ "host!10.0.0.5", "10.0.0.5" },
	{ "::1", "[::1]" },
	{ "[::1]", "[::1]" },
	{ "host![2001:DB8::1]", "[2001:db8::1]" },
	{ "ifhost!lo!127.0.0.1", "127.0.0.1 on interface 'lo'" },
	{ "ifhost!wg0!fe80::1", "[fe80::1] on interface 'wg0'" },
	{ "if!10.0.0.5", "interface '10.0.0.5'" },
};

static const struct {
	const char *text, *why;
} bad[] = {
	{ "", "the name of an interface is missing" },
	{ "if!", "the name of an interface is missing" },
	{ "sixteen-bytes-it",
		"'sixteen-bytes-it' is neither a numeric address nor the name of an "
		"interface, which has at most 15 bytes (host names are not looked up)" },
	{ "a/b", "'a/b' cannot be the name of an interface" },
	{ "10.0.0.5:80", "'10.0.0.5:80' cannot be the name of an interface" },
	{ "host!", "'' is not a numeric IPv4 or IPv6 address (host names are not looked up)" },
	{ "host!eth0", "'eth0' is not a numeric IPv4 or IPv6 address (host names are not looked "
		       "up)" },
	{ "host![10.0.0.5]", "'[10.0.0.5]' is not a numeric IPv4 or IPv6 address (host names are "
			     "not looked up)" },
	{ "ifhost!eth0", "write both as ifhost!NAME!ADDRESS" },
	{ "ifhost!!10.0.0.5", "the name of an interface is missing" },
	{ "ifhost!eth0!",
		"'' is not a numeric IPv4 or IPv6 address (host names are not looked up)" },
	{ "ifhost!eth0!10.0.0.5!", "'10.0.0.5!' is not a numeric IPv4 or IPv6 address (host names "
				   "are not looked up)" },
	{ "IF!eth0", "'IF!eth0' cannot be the name of an interface" },
};

Test(net_interface, takes_the_forms_of_curl)
{
	for (size_t i = 0; i < SL_COUNT_OF(good); i++) {
		struct sl_interface from;
		struct sl_error err = { 0 };
		char shown[SL_INTERFACE_TEXT];
		cr_expect_eq(sl_interface_parse(&from, good[i].text, &err), 0, "%s", err.text);
		sl_interface_format(shown, sizeof(shown), &from);
		cr_expect_str_eq(shown, good[i].shown);
	}
}

Test(net_interface, says_why_it_refuses_a_text)
{
	for (size_t i = 0; i < SL_COUNT_OF(bad); i++) {
		struct sl_interface from;
		struct sl_error err = { 0 };
		cr_expect_eq(sl_interface_parse(&from, bad[i].text, &err), SL_E_USAGE, "'%s'",
			bad[i].text);
		cr_expect_str_eq(err.text, bad[i].why);
	}
}

/* Each beginning of a text is a text of its own, and nothing behind it is read. */
Test(net_interface, reads_nothing_behind_its_text)
{
	struct guard guard;
	guard_init(&guard, 64);
	for (size_t i = 0; i < SL_COUNT_OF(good); i++) {
		char text[64];
		size_t len = strlen(good[i].text);
		memcpy(text, good[i].text, len + 1);
		for (size_t cut = 0; cut <= len; cut++) {
			struct sl_interface from;
			memcpy(text, good[i].text, cut);
			text[cut] = '\0';
			int code =
				sl_interface_parse(&from, guard_place(&guard, text, cut + 1), NULL);
			cr_expect(code == 0 || code == SL_E_USAGE);
			cr_expect(code != 0 || from.has_address || from.device[0]);
		}
	}
	guard_release(&guard);
}
