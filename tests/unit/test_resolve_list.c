/* Addresses that the user gives for host names. */
#include "support/guard.h"

#include "sluice/base/bytes.h"
#include "sluice/net/resolve_list.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
add(struct sl_resolve_list *list, const char *text, struct sl_error *err)
{
	return sl_resolve_list_add(list, sl_span_str(text), err);
}

/* The addresses for a host and port, separated by spaces; "" = there is no entry. */
static const char *
found(const struct sl_resolve_list *list, const char *host, uint16_t port)
{
	static char text[2000];
	const struct sl_resolve_entry *entry = sl_resolve_list_find(list, host, port);
	size_t len = 0;
	text[0] = '\0';
	for (size_t i = 0; entry && i < entry->count; i++) {
		char address[SL_ADDRESS_TEXT];
		sl_address_format(address, sizeof(address), &entry->list[i]);
		len += (size_t)snprintf(
			text + len, sizeof(text) - len, "%s%s", i ? " " : "", address);
	}
	return text;
}

static const struct {
	const char *text, *host;
	uint16_t port;
	const char *addresses;
} good[] = {
	{ "a.test:80:10.0.0.1", "a.test", 80, "10.0.0.1:80" },
	{ "A.Test:80:10.0.0.1", "a.test", 80, "10.0.0.1:80" },
	{ "a.test.:80:10.0.0.1", "a.test", 80, "10.0.0.1:80" },
	{ "a.test:80:10.0.0.1", "a.test.", 80, "10.0.0.1:80" },
	{ "a.test:080:10.0.0.1", "a.test", 80, "10.0.0.1:80" },
	{ "a.test:65535:10.0.0.1,10.0.0.2", "a.test", 65535, "10.0.0.1:65535 10.0.0.2:65535" },
	{ "a.test:443:[::1]", "a.test", 443, "[::1]:443" },
	{ "a.test:443:::1", "a.test", 443, "[::1]:443" },
	{ "a.test:443:[::1],10.0.0.1,2001:db8::5", "a.test", 443,
		"[::1]:443 10.0.0.1:443 [2001:db8::5]:443" },
	{ "*:443:10.0.0.9", "what.ever", 443, "10.0.0.9:443" },
	{ "10.0.0.1:80:10.0.0.2", "10.0.0.1", 80, "10.0.0.2:80" },
	{ "[2001:DB8:0::1]:80:10.0.0.2", "2001:db8::1", 80, "10.0.0.2:80" },
	{ "[2001:db8::1]:80:[::2],[::3]", "2001:db8::1", 80, "[::2]:80 [::3]:80" },
};

#define FORM "write it as HOST:PORT:ADDRESS[,ADDRESS...]"

static const struct {
	const char *text, *why;
} bad[] = {
	{ "", "'': the port behind HOST: must be a number from 1 to 65535" },
	{ "a.test", "'a.test': the port behind HOST: must be a number from 1 to 65535" },
	{ "a.test:", "'a.test:': the port behind HOST: must be a number from 1 to 65535" },
	{ "a.test:80", "'a.test:80': " FORM ", with numeric addresses" },
	{ "a.test:80:", "'a.test:80:': " FORM ", with numeric addresses" },
	{ "a.test:80:,", "'a.test:80:,': " FORM ", with numeric addresses" },
	{ "a.test:80:10.0.0.1,", "'a.test:80:10.0.0.1,': " FORM ", with numeric addresses" },
	{ "a.test:80:b.test", "'a.test:80:b.test': " FORM ", with numeric addresses" },
	{ "a.test:80:10.0.0.1:81", "'a.test:80:10.0.0.1:81': " FORM ", with numeric addresses" },
	{ "a.test:80:[10.0.0.1]", "'a.test:80:[10.0.0.1]': " FORM ", with numeric addresses" },
	{ "a.test:80:[::1", "'a.test:80:[::1': " FORM ", with numeric addresses" },
	{ "a.test:80:[::1]1", "'a.test:80:[::1]1': " FORM ", with numeric addresses" },
	{ "a.test:80:[]", "'a.test:80:[]': " FORM ", with numeric addresses" },
	{ "a.test:80:fe80::1%lo", "'a.test:80:fe80::1%lo': " FORM ", with numeric addresses" },
	{ "a.test:0:10.0.0.1",
		"'a.test:0:10.0.0.1': the port behind HOST: must be a number from 1 to 65535" },
	{ "a.test:65536:10.0.0.1",
		"'a.test:65536:10.0.0.1': the port behind HOST: must be a number from 1 to 65535" },
	{ "a.test:*:10.0.0.1",
		"'a.test:*:10.0.0.1': the port behind HOST: must be a number from 1 to 65535" },
	{ "a.test:-1:10.0.0.1",
		"'a.test:-1:10.0.0.1': the port behind HOST: must be a number from 1 to 65535" },
	{ ":80:10.0.0.1", "':80:10.0.0.1': the host name is missing or too long" },
	{ ".:80:10.0.0.1", "'.:80:10.0.0.1': the host name is missing or too long" },
	{ "a..:80:10.0.0.1", "'a..:80:10.0.0.1': a part of the host name is missing" },
	{ ".a:80:10.0.0.1", "'.a:80:10.0.0.1': a part of the host name is missing" },
	{ "a..b:80:10.0.0.1", "'a..b:80:10.0.0.1': a part of the host name is missing" },
	{ "[::1:80:10.0.0.1", "'[::1:80:10.0.0.1': " FORM },
	{ "[a.test]:80:10.0.0.1",
		"'[a.test]:80:10.0.0.1': the host in brackets is not an IPv6 address" },
	{ "[]:80:10.0.0.1", "'[]:80:10.0.0.1': the host in brackets is not an IPv6 address" },
	{ "m\303\274ll.test:80:10.0.0.1",
		"'m\303\274ll.test:80:10.0.0.1': the host must be a name in ASCII (international "
		"ones begin with xn--), a numeric address or *" },
	{ "http://a.test:80:10.0.0.1", "'http://a.test:80:10.0.0.1': the port behind HOST: must be "
				       "a number from 1 to 65535" },
	{ "a test:80:10.0.0.1", "'a test:80:10.0.0.1': the host must be a name in ASCII "
				"(international ones begin with xn--), a numeric address or *" },
	{ "+a.test:80:10.0.0.1",
		"'+a.test:80:10.0.0.1': addresses that expire (+) are not supported: without the + "
		"they are used for the whole run" },
	{ "-a.test:80:10.0.0.1", "'a.test:80:10.0.0.1': write an entry to remove as -HOST:PORT" },
	{ "-a.test", "'a.test': the port behind HOST: must be a number from 1 to 65535" },
};

Test(net_resolve_list, takes_the_entries_of_curl)
{
	for (size_t i = 0; i < SL_COUNT_OF(good); i++) {
		struct sl_resolve_list list = { 0 };
		struct sl_error err = { 0 };
		cr_expect_eq(add(&list, good[i].text, &err), 0, "%s", err.text);
		cr_expect_str_eq(found(&list, good[i].host, good[i].port), good[i].addresses);
		cr_expect_str_eq(found(&list, good[i].host, 1), "", "another port");
		sl_resolve_list_release(&list);
	}
}

Test(net_resolve_list, says_why_it_refuses_an_entry)
{
	for (size_t i = 0; i < SL_COUNT_OF(bad); i++) {
		struct sl_resolve_list list = { 0 };
		struct sl_error err = { 0 };
		cr_expect_eq(add(&list, bad[i].text, &err), SL_E_USAGE, "'%s'", bad[i].text);
		cr_expect_str_eq(err.text, bad[i].why);
		cr_expect_eq(list.count, 0);
		sl_resolve_list_release(&list);
	}
}

Test(net_resolve_list, prefers_the_name_to_all_hosts_and_a_later_entry_to_an_earlier_one)
{
	struct sl_resolve_list list = { 0 };
	cr_assert_eq(add(&list, "*:80:10.0.0.1", NULL), 0);
	cr_assert_eq(add(&list, "a.test:80:10.0.0.2", NULL), 0);
	cr_assert_eq(add(&list, "b.test:81:10.0.0.3", NULL), 0);
	cr_assert_eq(add(&list, "b.test:81:10.0.0.4", NULL), 0);
	cr_expect_str_eq(found(&list, "a.test", 80), "10.0.0.2:80");
	cr_expect_str_eq(found(&list, "b.test", 80), "10.0.0.1:80");
	cr_expect_str_eq(found(&list, "b.test", 81), "10.0.0.4:81");
	cr_expect_str_eq(found(&list, "a.test", 81), "");
	cr_expect_eq(list.count, 3);
	sl_resolve_list_release(&list);
}

Test(net_resolve_list, removes_the_entry_that_is_named)
{
	struct sl_resolve_list list = { 0 };
	cr_assert_eq(add(&list, "a.test:80:10.0.0.1", NULL), 0);
	cr_assert_eq(add(&list, "b.test:80:10.0.0.2", NULL), 0);
	cr_assert_eq(add(&list, "*:80:10.0.0.3", NULL), 0);
	cr_assert_eq(add(&list, "-A.test:80", NULL), 0);
	cr_assert_eq(add(&list, "-c.test:80", NULL), 0, "none to remove");
	cr_expect_str_eq(found(&list, "a.test", 80), "10.0.0.3:80");
	cr_assert_eq(add(&list, "-*:80", NULL), 0);
	cr_expect_str_eq(found(&list, "a.test", 80), "");
	cr_expect_str_eq(found(&list, "b.test", 80), "10.0.0.2:80");
	sl_resolve_list_release(&list);
}

Test(net_resolve_list, bounds_addresses_and_names)
{
	struct sl_resolve_list list = { 0 };
	struct sl_error err = { 0 };
	struct sl_buf text = { 0 };
	char name[SL_RESOLVE_HOST_MAX + 30];
	sl_buf_add_str(&text, "a.test:80:10.0.0.1");
	for (int i = 1; i < SL_RESOLVE_ADDRESSES; i++)
		sl_buf_add_str(&text, ",10.0.0.1");
	cr_expect_eq(add(&list, text.data, NULL), 0);
	cr_expect_eq(list.items[0].count, SL_RESOLVE_ADDRESSES);
	sl_buf_add_str(&text, ",10.0.0.1");
	cr_expect_eq(add(&list, text.data, &err), SL_E_USAGE);
	cr_expect(strstr(err.text, "it has more than 32 addresses"), "%s", err.text);
	for (int len = SL_RESOLVE_HOST_MAX; len <= SL_RESOLVE_HOST_MAX + 1; len++) {
		memset(name, 'a', sizeof(name));
		snprintf(name + len, sizeof(name) - (size_t)len, ":80:10.0.0.1");
		cr_expect_eq(add(&list, name, NULL), len > SL_RESOLVE_HOST_MAX ? SL_E_USAGE : 0);
	}
	cr_expect_eq(list.count, 2);
	sl_buf_release(&text);
	sl_resolve_list_release(&list);
}

Test(net_resolve_list, reads_nothing_behind_its_text)
{
	struct guard guard;
	guard_init(&guard, 128);
	for (size_t i = 0; i < SL_COUNT_OF(good) + SL_COUNT_OF(bad); i++) {
		const char *text =
			i < SL_COUNT_OF(good) ? good[i].text : bad[i - SL_COUNT_OF(good)].text;
		for (size_t cut = 0; cut <= strlen(text); cut++) {
			struct sl_resolve_list list = { 0 };
			const char *copy = guard_place(&guard, text, cut);
			int code = sl_resolve_list_add(&list, sl_span(copy, cut), NULL);
			cr_expect(code == 0 || code == SL_E_USAGE);
			cr_expect_eq(list.count, code == 0 && text[0] != '-');
			sl_resolve_list_release(&list);
		}
	}
	guard_release(&guard);
}
