/* Connections to hosts as the user wants them reached: addresses in place of lookups, one family, a
 * Unix socket. */
#include "sluice/net/connector.h"

#include "support/engine_sim.h"
#include "support/run.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define TIMEOUT_NS (30 * SL_NS_PER_S)

static int
open_with(const struct sl_reach *reach, const char *host, char peer[static SL_ADDRESS_TEXT],
	struct sl_error *err)
{
	struct sl_connector_options options = { .reach = *reach };
	struct sl_connector *connector = NULL;
	struct sl_connection *connection = NULL;
	cr_assert_eq(sl_connector_new(&connector, &options), 0);
	int code = sl_connector_open(
		connector, host, 80, sl_deadline_in(TIMEOUT_NS), &connection, err);
	if (code == 0)
		memcpy(peer, connection->peer, SL_ADDRESS_TEXT);
	sl_connection_close(connection);
	sl_connector_free(connector);
	return code;
}

/* What is given for a host is used, also for a numeric one, and the names have no other address. */
static int
given_addresses(void *arg)
{
	static const struct {
		const char *entry, *host;
		int family;
		const char *peer, *error; /* one of them */
	} cases[] = {
		{ "a.test:80:10.0.0.1", "a.test", AF_UNSPEC, "10.0.0.1:80", NULL },
		{ "*:80:10.0.0.1", "b.test", AF_UNSPEC, "10.0.0.1:80", NULL },
		{ "10.0.0.9:80:10.0.0.1", "10.0.0.9", AF_UNSPEC, "10.0.0.1:80", NULL },
		{ "a.test:80:10.0.0.8,10.0.0.1", "a.test", AF_UNSPEC, "10.0.0.1:80", NULL },
		{ "a.test:80:10.0.0.1,[fd00::1]", "a.test", AF_INET6, "[fd00::1]:80", NULL },
		{ "a.test:80:[fd00::1],10.0.0.1", "a.test", AF_INET, "10.0.0.1:80", NULL },
		{ "a.test:81:10.0.0.1", "10.0.0.9", AF_UNSPEC, NULL,
			"cannot connect to '10.0.0.9': connection refused (10.0.0.9:80)" },
		{ "a.test:80:10.0.0.1", "a.test", AF_INET6, NULL,
			"cannot resolve 'a.test' to an IPv6 address: --resolve gives none" },
		{ "a.test:80:10.0.0.1", "10.0.0.1", AF_INET6, NULL,
			"cannot connect to '10.0.0.1': it is not an IPv6 address, and only these "
			"are used" },
		{ "a.test:80:10.0.0.8", "a.test", AF_UNSPEC, NULL,
			"cannot connect to 'a.test': connection refused (10.0.0.8:80)" },
	};
	(void)arg;
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_resolve_list list = { 0 };
		struct sl_reach reach = { .family = cases[i].family, .resolve = &list };
		struct sl_error err = { 0 };
		char peer[SL_ADDRESS_TEXT] = "";
		cr_assert_eq(sl_resolve_list_add(&list, sl_span_str(cases[i].entry), NULL), 0);
		int code = open_with(&reach, cases[i].host, peer, &err);
		cr_expect_eq(code == 0, cases[i].peer != NULL, "%s: %s", cases[i].entry, err.text);
		cr_expect_str_eq(peer, cases[i].peer ? cases[i].peer : "");
		cr_expect_str_eq(err.text, cases[i].error ? cases[i].error : "");
		sl_resolve_list_release(&list);
	}
	return 0;
}

Test(net_connector, uses_addresses_that_are_given_in_place_of_a_lookup)
{
	static const struct sim_step nothing = { .kind = SIM_STEP_END };
	struct sim *sim = sim_plain(1);
	sim_listen(
		sim, &(struct sim_server){ .address = "10.0.0.1", .port = 80, .script = &nothing });
	sim_listen(
		sim, &(struct sim_server){ .address = "fd00::1", .port = 80, .script = &nothing });
	cr_expect_eq(sim_run(sim, given_addresses, NULL), 0);
	sim_free(sim);
}

/* Nothing is looked up: such a name takes a resolver long, or it has an address that answers. */
static int
a_socket(void *arg)
{
	struct sl_address path, name;
	struct sl_resolve_list list = { 0 };
	struct sl_interface from;
	struct sl_error err = { 0 };
	char peer[SL_ADDRESS_TEXT];
	(void)arg;
	cr_assert(sl_address_parse_unix(&path, "/nonexistent/sluice.sock"));
	cr_assert_eq(sl_resolve_list_add(&list, sl_span_str("a.test:80:127.0.0.1"), NULL), 0);
	cr_assert_eq(sl_interface_parse(&from, "none-such", NULL), 0);
	struct sl_reach reach = { AF_INET6, &from, &list, &path };
	cr_expect_eq(open_with(&reach, "a.test", peer, &err), -ENOENT);
	cr_expect(strstr(err.text, "no such file or directory (unix:/nonexistent/sluice.sock)"),
		"%s", err.text);
	sl_error_clear(&err);
	cr_assert(sl_address_parse_abstract(&name, "sluice-none-such"));
	reach.socket = &name;
	cr_expect_eq(open_with(&reach, "b.test", peer, &err), -ECONNREFUSED);
	cr_expect(strstr(err.text, "connection refused (unix:@sluice-none-such)"), "%s", err.text);
	sl_resolve_list_release(&list);
	return 0;
}

Test(net_connector, names_the_unix_socket_that_it_connects_to_instead)
{
	cr_expect_eq(ring_run(1, a_socket, NULL), 0);
}
