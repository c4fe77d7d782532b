#include "sluice/net/address.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static const struct {
	const char *host;
	uint16_t port;
	const char *text;
} good[] = {
	{ "127.0.0.1", 80, "127.0.0.1:80" },
	{ "0.0.0.0", 0, "0.0.0.0:0" },
	{ "255.255.255.255", 65535, "255.255.255.255:65535" },
	{ "::1", 443, "[::1]:443" },
	{ "::", 1, "[::]:1" },
	{ "2001:DB8:0:0::1", 8080, "[2001:db8::1]:8080" },
	{ "::ffff:10.0.0.1", 80, "[::ffff:10.0.0.1]:80" },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 65535,
		"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535" },
};

static const char *const bad[] = { "", "localhost", "1", "127.1", "127.0.0", "1.2.3.4.5",
	"1.2.3.256", "0x7f.0.0.1", "1.2.3.4 ", " 1.2.3.4", "01.2.3.400", "[::1]", "::1%lo",
	"1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1::", "12345::", ":::" };

Test(net_address, gives_numeric_hosts_back_in_their_shortest_form)
{
	for (size_t i = 0; i < SL_COUNT_OF(good); i++) {
		struct sl_address address;
		char text[SL_ADDRESS_TEXT];
		cr_assert(
			sl_address_parse(&address, good[i].host, good[i].port), "%s", good[i].host);
		sl_address_format(text, sizeof(text), &address);
		cr_expect_str_eq(text, good[i].text);
		cr_expect_eq(sl_address_port(&address), good[i].port);
		cr_expect(sl_address_is_numeric(good[i].host));
	}
}

Test(net_address, takes_no_name_and_no_loose_number)
{
	for (size_t i = 0; i < SL_COUNT_OF(bad); i++)
		cr_expect_not(sl_address_is_numeric(bad[i]), "'%s'", bad[i]);
}

Test(net_address, changes_the_port_only)
{
	struct sl_address address;
	char text[SL_ADDRESS_TEXT];
	cr_assert(sl_address_parse(&address, "::1", 1));
	sl_address_set_port(&address, 65535);
	sl_address_format(text, sizeof(text), &address);
	cr_expect_str_eq(text, "[::1]:65535");
}

Test(net_address, shows_the_zone_of_a_link_local_address)
{
	struct sl_address address;
	char text[SL_ADDRESS_TEXT];
	cr_assert(sl_address_parse(&address, "fe80::ffff:ffff:ffff:ffff", 65535));
	((struct sockaddr_in6 *)(void *)&address.storage)->sin6_scope_id = 4294967295u;
	sl_address_format(text, sizeof(text), &address);
	cr_expect_str_eq(text, "[fe80::ffff:ffff:ffff:ffff%4294967295]:65535");
}

Test(net_address, cuts_the_text_at_the_room_given)
{
	struct sl_address address;
	char text[8];
	memset(text, 'x', sizeof(text));
	cr_assert(sl_address_parse(&address, "127.0.0.1", 80));
	sl_address_format(text, 5, &address);
	cr_expect_str_eq(text, "127.");
	cr_expect_eq(text[5], 'x');
}

Test(net_address, supports_no_other_family)
{
	struct sl_address address = { .storage.ss_family = AF_VSOCK };
	char text[SL_ADDRESS_TEXT];
	sl_address_set_port(&address, 1);
	sl_address_format(text, sizeof(text), &address);
	cr_expect_str_eq(text, "unknown");
	cr_expect_eq(sl_address_port(&address), 0);
}

Test(net_address, takes_the_path_of_a_unix_socket_that_fits)
{
	struct sl_address address;
	char path[200], text[SL_ADDRESS_TEXT], want[220];
	cr_assert(sl_address_parse_unix(&address, "/run/x.sock"));
	cr_expect_eq(address.storage.ss_family, AF_UNIX);
	cr_expect_eq(address.len, offsetof(struct sockaddr_un, sun_path) + sizeof("/run/x.sock"));
	sl_address_set_port(&address, 80);
	cr_expect_eq(sl_address_port(&address), 0);
	sl_address_format(text, sizeof(text), &address);
	cr_expect_str_eq(text, "unix:/run/x.sock");
	cr_expect_not(sl_address_parse_unix(&address, ""));
	for (size_t len = 100; len < sizeof(path); len++) {
		memset(path, 'p', len);
		path[len] = '\0';
		bool fits = len < sizeof(((struct sockaddr_un *)NULL)->sun_path);
		cr_assert_eq(sl_address_parse_unix(&address, path), fits, "%zu bytes", len);
		if (!fits)
			continue;
		sl_address_format(text, sizeof(text), &address);
		snprintf(want, sizeof(want), "unix:%s", path);
		cr_assert_str_eq(text, want);
	}
}

Test(net_address, takes_an_abstract_name_that_fits)
{
	struct sl_address address;
	char name[200], text[SL_ADDRESS_TEXT], want[220];
	cr_assert(sl_address_parse_abstract(&address, "x"));
	cr_expect_eq(address.storage.ss_family, AF_UNIX);
	cr_expect_eq(address.len, offsetof(struct sockaddr_un, sun_path) + 2);
	cr_expect_eq(((struct sockaddr_un *)(void *)&address.storage)->sun_path[0], '\0');
	cr_expect_not(sl_address_parse_abstract(&address, ""));
	for (size_t len = 100; len < sizeof(name); len++) {
		memset(name, 'n', len);
		name[len] = '\0';
		cr_assert_eq(
			sl_address_parse_abstract(&address, name), len <= 107, "%zu bytes", len);
		if (len > 107)
			continue;
		sl_address_format(text, sizeof(text), &address);
		snprintf(want, sizeof(want), "unix:@%s", name);
		cr_assert_str_eq(text, want);
	}
}
