/* Dialling: on loopback, and on the simulator's clock where time matters. */
#include "sluice/net/dial.h"

#include "sluice/rt/io.h"
#include "support/peer.h"
#include "support/run.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONG_NS (60 * SL_NS_PER_S)
#define TIMEOUT_NS (30 * SL_NS_PER_S)

static struct peer peer;
static struct sl_dialler dialler;

static void
serve_nothing(struct peer *of, int fd)
{
	(void)of;
	peer_drain(fd);
}

static void
add(struct sl_addresses *addresses, const char *host, uint16_t port)
{
	cr_assert(sl_address_parse(&addresses->list[addresses->count++], host, port));
}

static int
the_good_one(void *arg)
{
	struct sl_addresses addresses = { 0 };
	struct sl_error err = { 0 };
	size_t index = 99;
	int on = 0;
	socklen_t len = sizeof(on);
	(void)arg;
	add(&addresses, "127.0.0.1", peer.port);
	int fd = sl_dial(&dialler, &addresses, "localhost", sl_deadline_in(LONG_NS), &index, &err);
	cr_assert_geq(fd, 0, "%s", err.text);
	cr_expect_eq(index, 0);
	cr_expect_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	cr_expect_neq(on, 0);
	sl_io_close(fd);
	return 0;
}

/* The kernel doubles the value, for its own overhead (socket(7)). */
static int
small_buffer(void *arg)
{
	struct sl_dialler small = { .receive_buffer = 8192 };
	struct sl_addresses addresses = { 0 };
	size_t index = 0;
	int size = 0;
	socklen_t len = sizeof(size);
	(void)arg;
	add(&addresses, "127.0.0.1", peer.port);
	int fd = sl_dial(&small, &addresses, "localhost", sl_deadline_in(LONG_NS), &index, NULL);
	cr_assert_geq(fd, 0);
	cr_expect_eq(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len), 0);
	cr_expect_eq(size, 2 * 8192);
	sl_io_close(fd);
	return 0;
}

static int
the_second(void *arg)
{
	struct sl_addresses addresses = { 0 };
	struct sl_error err = { 0 };
	size_t index = 99;
	(void)arg;
	add(&addresses, "127.0.0.1", peer_unused_port());
	add(&addresses, "127.0.0.1", peer.port);
	int fd = sl_dial(&dialler, &addresses, "localhost", sl_deadline_in(LONG_NS), &index, &err);
	cr_assert_geq(fd, 0, "%s", err.text);
	cr_expect_eq(index, 1);
	cr_expect_eq(err.code, 0);
	sl_io_close(fd);
	return 0;
}

static int
all_refused(void *arg)
{
	struct sl_addresses addresses = { 0 };
	struct sl_error err = { 0 };
	size_t index = 0;
	char expected[SL_ERROR_TEXT];
	uint16_t port = peer_unused_port();
	(void)arg;
	/* TCP to a multicast group is refused by this machine itself, before any packet. */
	add(&addresses, "224.0.0.1", port);
	add(&addresses, "127.0.0.1", port);
	cr_expect_eq(
		sl_dial(&dialler, &addresses, "two.test", sl_deadline_in(LONG_NS), &index, &err),
		-ECONNREFUSED);
	snprintf(expected, sizeof(expected),
		"cannot connect to 'two.test': network is unreachable (224.0.0.1:%u), "
		"connection refused (127.0.0.1:%u)",
		(unsigned)port, (unsigned)port);
	cr_expect_str_eq(err.text, expected);
	cr_expect_eq(err.phase, SL_PHASE_CONNECT);
	return 0;
}

static int
very_many(void *arg)
{
	struct sl_addresses addresses = { 0 };
	struct sl_error err = { 0 };
	size_t index = 0;
	uint16_t port = peer_unused_port();
	(void)arg;
	for (int i = 0; i < SL_DNS_ADDRESSES; i++)
		add(&addresses, "127.0.0.1", port);
	cr_expect_eq(
		sl_dial(&dialler, &addresses, "many.test", sl_deadline_in(LONG_NS), &index, &err),
		-ECONNREFUSED);
	cr_expect(strstr(err.text, ", and 28 more addresses") != NULL, "%s", err.text);
	return 0;
}

struct dialling {
	uint16_t port;
	struct sl_error err;
};

static int
dial_full(void *arg)
{
	struct dialling *dialling = arg;
	struct sl_addresses addresses = { 0 };
	size_t index = 0;
	add(&addresses, "127.0.0.1", dialling->port);
	add(&addresses, "127.0.0.1", peer.port);
	return sl_dial(
		&dialler, &addresses, "slow.test", sl_deadline_in(LONG_NS), &index, &dialling->err);
}

static int
cancelled(void *arg)
{
	const struct peer_full *full = arg;
	struct dialling dialling = { .port = full->port };
	struct sl_group group;
	int result = 0;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "dial", dial_full, &dialling, &result), 0);
	cr_assert_eq(sl_yield(), 0);
	sl_group_cancel(&group, -ECANCELED);
	(void)sl_group_leave(&group);
	cr_expect_eq(result, -ECANCELED);
	cr_expect_eq(dialling.err.code, -ECANCELED);
	return 0;
}

static int
outer_deadline(void *arg)
{
	const struct peer_full *full = arg;
	struct dialling dialling = { .port = full->port };
	struct sl_deadline scope;
	sl_deadline_begin(&scope, sl_deadline_in(20 * SL_NS_PER_MS));
	cr_expect_eq(dial_full(&dialling), -ETIMEDOUT);
	sl_deadline_end(&scope);
	return 0;
}

static void
run(sl_task_fn *fn)
{
	peer_start(&peer, serve_nothing, NULL);
	cr_expect_eq(peer_run(fn, NULL), 0);
	peer_stop(&peer);
}

static unsigned
run_with_full(sl_task_fn *fn)
{
	struct peer_full full;
	peer_full_open(&full);
	peer_start(&peer, serve_nothing, NULL);
	cr_expect_eq(peer_run(fn, &full), 0);
	peer_stop(&peer);
	peer_full_close(&full);
	return atomic_load(&peer.accepted);
}

Test(net_dial, connects_with_nodelay_set)
{
	run(the_good_one);
}

Test(net_dial, the_receive_buffer_is_as_small_as_the_caller_wants)
{
	run(small_buffer);
}

Test(net_dial, goes_on_to_the_next_address)
{
	run(the_second);
}

Test(net_dial, names_every_address_and_returns_the_most_telling_failure)
{
	run(all_refused);
}

Test(net_dial, bounds_the_addresses_it_names)
{
	run(very_many);
}

Test(net_dial, tries_no_further_address_once_cancelled)
{
	cr_expect_eq(run_with_full(cancelled), 0);
}

Test(net_dial, tries_no_further_address_past_an_outer_deadline)
{
	cr_expect_eq(run_with_full(outer_deadline), 0);
}

/* ---- on the simulator's clock ---- */

/* 10.0.0.1 to 10.0.0.9 answer nothing, 10.0.1.1 accepts. */
static struct sim *
world(void)
{
	static const struct sim_step nothing = { .kind = SIM_STEP_END };
	static char addresses[10][24];
	struct sim *sim = sim_plain(1);
	for (int i = 1; i < 10; i++) {
		snprintf(addresses[i], sizeof(addresses[i]), "10.0.0.%d", i);
		sim_listen(sim, &(struct sim_server){ .address = addresses[i],
					.port = 80,
					.reach = SIM_BLACK_HOLE,
					.script = &nothing });
	}
	sim_listen(
		sim, &(struct sim_server){ .address = "10.0.1.1", .port = 80, .script = &nothing });
	return sim;
}

static int
dial(const struct sl_addresses *addresses, size_t *index, struct sl_error *err)
{
	int fd = sl_dial(&dialler, addresses, "some.test", sl_deadline_in(TIMEOUT_NS), index, err);
	if (fd < 0)
		return fd;
	sl_io_close(fd);
	return 0;
}

static void
expect_about(uint64_t elapsed_ns, uint64_t expected_ns)
{
	cr_expect(elapsed_ns >= expected_ns && elapsed_ns < expected_ns + SL_NS_PER_S,
		"%llu ms instead of %llu", (unsigned long long)(elapsed_ns / SL_NS_PER_MS),
		(unsigned long long)(expected_ns / SL_NS_PER_MS));
}

/* Each comes a quarter of a second after the one before it. */
static int
side_by_side(void *arg)
{
	struct sl_addresses addresses = { 0 };
	struct sl_error err = { 0 };
	size_t index = 0;
	uint64_t start_ns = sl_now();
	(void)arg;
	add(&addresses, "10.0.0.1", 80);
	add(&addresses, "10.0.0.2", 80);
	add(&addresses, "10.0.1.1", 80);
	cr_expect_eq(dial(&addresses, &index, &err), 0, "%s", err.text);
	cr_expect_eq(index, 2);
	cr_expect_geq(sl_now() - start_ns, 500 * SL_NS_PER_MS);
	cr_expect_leq(sl_now() - start_ns, 550 * SL_NS_PER_MS);
	return 0;
}

/* Three at a time have a third of the time each, and the last two what is left. */
static int
fair_shares(void *arg)
{
	struct sl_addresses addresses = { 0 };
	struct sl_error err = { 0 };
	size_t index = 0;
	uint64_t start_ns = sl_now();
	(void)arg;
	for (int i = 1; i < 8; i++) {
		char host[24];
		snprintf(host, sizeof(host), "10.0.0.%d", i);
		add(&addresses, host, 80);
	}
	add(&addresses, "10.0.1.1", 80);
	cr_expect_eq(dial(&addresses, &index, &err), 0, "%s", err.text);
	cr_expect_eq(index, 7);
	expect_about(sl_now() - start_ns, TIMEOUT_NS * 2 / 3);
	return 0;
}

static int
one_bound(void *arg)
{
	struct sl_addresses addresses = { 0 };
	struct sl_error err = { 0 };
	size_t index = 0;
	uint64_t start_ns = sl_now();
	(void)arg;
	for (int i = 1; i < 10; i++) {
		char host[24];
		snprintf(host, sizeof(host), "10.0.0.%d", i);
		add(&addresses, host, 80);
	}
	cr_expect_eq(dial(&addresses, &index, &err), -ETIMEDOUT);
	cr_expect(strstr(err.text, "timed out (10.0.0.1:80)") != NULL, "%s", err.text);
	expect_about(sl_now() - start_ns, TIMEOUT_NS);
	return 0;
}

/* In such a short time not all have their turn, and only those that had are named. */
static int
too_many(void *arg)
{
	struct sl_addresses addresses = { 0 };
	struct sl_error err = { 0 };
	size_t index = 0;
	(void)arg;
	for (int i = 1; i < 10; i++) {
		char host[24];
		snprintf(host, sizeof(host), "10.0.0.%d", i);
		add(&addresses, host, 80);
	}
	uint64_t deadline_ns = sl_deadline_in(400 * SL_NS_PER_MS);
	cr_expect_eq(
		sl_dial(&dialler, &addresses, "some.test", deadline_ns, &index, &err), -ETIMEDOUT);
	cr_expect_leq(sl_now(), deadline_ns + 50 * SL_NS_PER_MS);
	cr_expect(strstr(err.text, "10.0.0.2:80") && !strstr(err.text, "10.0.0.5:80"), "%s",
		err.text);
	cr_expect_not(strstr(err.text, "more addresses"), "%s", err.text);
	return 0;
}

static int
dead_first(void *arg)
{
	struct sl_addresses addresses = { 0 };
	size_t index = 0;
	(void)arg;
	add(&addresses, "10.0.0.1", 80);
	add(&addresses, "10.0.1.1", 80);
	cr_expect_eq(dial(&addresses, &index, NULL), 0);
	for (int i = 0; i < 5; i++) {
		uint64_t start_ns = sl_now();
		cr_expect_eq(dial(&addresses, &index, NULL), 0);
		cr_expect_eq(index, 1);
		cr_expect_lt(sl_now() - start_ns, SL_NS_PER_S);
		cr_assert_eq(sl_sleep(600 * SL_NS_PER_S), 0);
	}
	return 0;
}

/* How the addresses are tried; all of them refuse. */
static const char *
order_of(const struct sl_addresses *addresses)
{
	static char text[400];
	struct sl_error err = { 0 };
	size_t index = 0, len = 0;
	cr_assert_eq(dial(addresses, &index, &err), -ECONNREFUSED, "%s", err.text);
	text[0] = '\0';
	for (const char *at = err.text; (at = strchr(at, '(')); at++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.*s", len ? " " : "",
			(int)strcspn(at + 1, ")"), at + 1);
	return text;
}

/* Nothing listens at any of these. */
static int
families_in_turn(void *arg)
{
	struct sl_addresses addresses = { 0 };
	(void)arg;
	add(&addresses, "fd00::1", 80);
	add(&addresses, "fd00::2", 80);
	add(&addresses, "10.9.0.1", 80);
	add(&addresses, "10.9.0.2", 80);
	cr_expect_str_eq(order_of(&addresses), "[fd00::1]:80 10.9.0.1:80 [fd00::2]:80 10.9.0.2:80");
	dialler = (struct sl_dialler){ 0 };
	addresses.count = 0;
	add(&addresses, "10.9.0.1", 80);
	add(&addresses, "fd00::1", 80);
	add(&addresses, "fd00::2", 80);
	add(&addresses, "fd00::3", 80);
	cr_expect_str_eq(
		order_of(&addresses), "10.9.0.1:80 [fd00::1]:80 [fd00::2]:80 [fd00::3]:80");
	return 0;
}

/* A whole family that leads nowhere holds up the first dial alone, and that by a quarter of a
 * second; also once the name has other addresses of that family. */
static int
dead_family(void *arg)
{
	static const struct sim_step nothing = { .kind = SIM_STEP_END };
	static const char *const dead[] = { "fd00::1", "fd00::2", "fd00::3" };
	struct sl_addresses addresses = { 0 };
	size_t index = 0;
	for (size_t i = 0; i < SL_COUNT_OF(dead); i++) {
		sim_listen(arg, &(struct sim_server){ .address = dead[i],
					.port = 80,
					.reach = SIM_BLACK_HOLE,
					.script = &nothing });
		add(&addresses, dead[i], 80);
	}
	add(&addresses, "10.0.1.1", 80);
	uint64_t start_ns = sl_now();
	cr_expect_eq(dial(&addresses, &index, NULL), 0);
	cr_expect_eq(index, 3);
	cr_expect_geq(sl_now() - start_ns, 250 * SL_NS_PER_MS);
	cr_expect_leq(sl_now() - start_ns, 300 * SL_NS_PER_MS);
	cr_expect_eq(sim_ops_of(arg, SL_OP_CONNECT), 2, "the losers are closed");
	start_ns = sl_now();
	cr_expect_eq(dial(&addresses, &index, NULL), 0);
	cr_expect_eq(index, 3);
	cr_expect_lt(sl_now() - start_ns, 250 * SL_NS_PER_MS);
	cr_expect_eq(sim_ops_of(arg, SL_OP_CONNECT), 3, "only the one that was connected to");
	return 0;
}

/* What accepted stays the first, wherever it is in a later answer. */
static int
accepted_first(void *arg)
{
	static const struct sim_step nothing = { .kind = SIM_STEP_END };
	struct sl_addresses addresses = { 0 };
	size_t index = 99;
	sim_listen(
		arg, &(struct sim_server){ .address = "10.0.1.2", .port = 80, .script = &nothing });
	add(&addresses, "10.0.1.1", 80);
	cr_expect_eq(dial(&addresses, &index, NULL), 0);
	addresses.count = 0;
	add(&addresses, "10.0.1.2", 80);
	add(&addresses, "10.0.1.1", 80);
	cr_expect_eq(dial(&addresses, &index, NULL), 0);
	cr_expect_eq(index, 1);
	sim_listen(arg, &(struct sim_server){ .address = "10.0.1.1",
				.port = 80,
				.reach = SIM_REFUSE,
				.script = &nothing });
	cr_expect_eq(dial(&addresses, &index, NULL), 0);
	cr_expect_eq(index, 0);
	sim_listen(
		arg, &(struct sim_server){ .address = "10.0.1.1", .port = 80, .script = &nothing });
	cr_expect_eq(dial(&addresses, &index, NULL), 0);
	cr_expect_eq(index, 0, "until it fails");
	return 0;
}

/* An address that works again is as good as the others. */
static int
comes_back(void *arg)
{
	static const struct sim_step nothing = { .kind = SIM_STEP_END };
	struct sl_addresses addresses = { 0 };
	size_t index = 0;
	add(&addresses, "10.0.0.1", 80);
	add(&addresses, "10.0.0.2", 80);
	cr_expect_eq(dial(&addresses, &index, NULL), -ETIMEDOUT);
	sim_listen(
		arg, &(struct sim_server){ .address = "10.0.0.1", .port = 80, .script = &nothing });
	cr_expect_eq(dial(&addresses, &index, NULL), 0);
	sim_listen(
		arg, &(struct sim_server){ .address = "10.0.0.2", .port = 80, .script = &nothing });
	cr_expect_eq(dial(&addresses, &index, NULL), 0);
	cr_expect_eq(index, 0);
	return 0;
}

/* True if the error names `first` before `second`, which is the order of the dial. */
static bool
dials_before(const char *first, const char *second)
{
	struct sl_addresses addresses = { 0 };
	struct sl_error err = { 0 };
	size_t index = 0;
	add(&addresses, second, 80);
	add(&addresses, first, 80);
	cr_assert_eq(dial(&addresses, &index, &err), -ECONNREFUSED);
	const char *at = strstr(err.text, first), *then = strstr(err.text, second);
	cr_assert(at && then, "%s", err.text);
	return at < then;
}

static int
more_failures_than_are_remembered(void *arg)
{
	char host[24];
	(void)arg;
	for (unsigned i = 0; i <= SL_DIAL_REMEMBERED; i++) {
		struct sl_addresses addresses = { 0 };
		size_t index = 0;
		snprintf(host, sizeof(host), "10.0.2.%u", 100 + i);
		add(&addresses, host, 80);
		cr_assert_eq(dial(&addresses, &index, NULL), -ECONNREFUSED);
	}
	cr_expect(dials_before("10.0.3.100", host), "the newest failure is remembered");
	cr_expect_not(dials_before("10.0.3.101", "10.0.2.100"), "the oldest is forgotten");
	return 0;
}

/* Another address would not help: this process has no descriptor left. */
static int
without_descriptors(void *arg)
{
	struct sl_addresses addresses = { 0 };
	struct sl_error err = { 0 };
	size_t index = 0;
	add(&addresses, "10.0.0.1", 80);
	add(&addresses, "10.0.1.1", 80);
	sim_fail_nth(arg, 1, -EMFILE, 1ull << SL_OP_SOCKET);
	cr_expect_eq(dial(&addresses, &index, &err), -EMFILE);
	cr_expect_eq(sim_ops_of(arg, SL_OP_SOCKET), 1);
	return 0;
}

/* Not for the second address either; the first, which is under way, is waited for. */
static int
no_descriptor_for_the_second(void *arg)
{
	static const int codes[] = { -EMFILE, -ENFILE, -ENOMEM, -ENOBUFS };
	for (size_t i = 0; i < SL_COUNT_OF(codes); i++) {
		struct sl_addresses addresses = { 0 };
		struct sl_error err = { 0 };
		size_t index = 0;
		uint64_t start_ns = sl_now(), sockets = sim_ops_of(arg, SL_OP_SOCKET);
		dialler = (struct sl_dialler){ 0 };
		add(&addresses, "10.0.0.1", 80);
		add(&addresses, "10.0.1.1", 80);
		add(&addresses, "10.0.1.1", 80);
		sim_fail_nth(arg, 2, codes[i], 1ull << SL_OP_SOCKET);
		cr_expect_eq(dial(&addresses, &index, &err), -ETIMEDOUT);
		cr_expect_eq(sim_ops_of(arg, SL_OP_SOCKET), sockets + 2);
		expect_about(sl_now() - start_ns, TIMEOUT_NS);
	}
	return 0;
}

/* Other than that, what fails here may depend on the address. */
static int
no_local_address_for_the_first(void *arg)
{
	struct sl_addresses addresses = { 0 };
	struct sl_error err = { 0 };
	size_t index = 0;
	add(&addresses, "10.0.0.1", 80);
	add(&addresses, "10.0.1.1", 80);
	sim_fail_nth(arg, 1, -EADDRNOTAVAIL, 1ull << SL_OP_CONNECT);
	cr_expect_eq(dial(&addresses, &index, &err), 0, "%s", err.text);
	cr_expect_eq(index, 1);
	return 0;
}

static void
run_simulated(sl_task_fn *fn)
{
	struct sim *sim = world();
	cr_expect_eq(sim_run(sim, fn, sim), 0);
	sim_free(sim);
}

Test(net_dial, tries_the_next_address_while_one_does_not_answer)
{
	run_simulated(side_by_side);
}

Test(net_dial, gives_each_address_a_fair_share_of_the_time)
{
	run_simulated(fair_shares);
}

Test(net_dial, ends_at_one_deadline_however_many_addresses)
{
	run_simulated(one_bound);
}

Test(net_dial, begins_with_no_address_after_its_deadline)
{
	run_simulated(too_many);
}

Test(net_dial, dials_a_dead_first_address_last_for_as_long_as_the_run_lasts)
{
	run_simulated(dead_first);
}

Test(net_dial, takes_families_in_turn)
{
	run_simulated(families_in_turn);
}

Test(net_dial, is_held_up_once_by_a_family_that_leads_nowhere)
{
	run_simulated(dead_family);
}

Test(net_dial, begins_with_the_address_that_accepted_last)
{
	run_simulated(accepted_first);
}

Test(net_dial, takes_an_address_that_works_again)
{
	run_simulated(comes_back);
}

Test(net_dial, remembers_a_bounded_number_of_failed_addresses)
{
	run_simulated(more_failures_than_are_remembered);
}

Test(net_dial, tries_no_further_address_without_descriptors)
{
	run_simulated(without_descriptors);
}

Test(net_dial, an_attempt_goes_on_if_there_is_no_descriptor_for_the_next)
{
	run_simulated(no_descriptor_for_the_second);
}

Test(net_dial, tries_the_next_address_if_there_is_no_local_address_for_one)
{
	run_simulated(no_local_address_for_the_first);
}

/* ---- where connections come from ---- */

/* Each server of these tests sends the address of its client. */
static void
serve_name(struct peer *of, int fd)
{
	struct sockaddr_in client;
	socklen_t len = sizeof(client);
	char text[SL_ADDRESS_TEXT];
	(void)of;
	cr_assert_eq(getpeername(fd, (struct sockaddr *)&client, &len), 0);
	inet_ntop(AF_INET, &client.sin_addr, text, sizeof(text));
	peer_send(fd, text, strlen(text));
	peer_drain(fd);
}

static int
dial_from(const char *where, struct sl_error *err)
{
	struct sl_addresses addresses = { 0 };
	struct sl_interface from;
	size_t index = 0;
	cr_assert_eq(sl_interface_parse(&from, where, NULL), 0);
	struct sl_dialler bound = { .from = &from };
	add(&addresses, "127.0.0.1", peer.port);
	return sl_dial(&bound, &addresses, "localhost", sl_deadline_in(LONG_NS), &index, err);
}

static int
from_an_address(void *arg)
{
	static const char *const good[] = { "127.0.0.77", "lo", "ifhost!lo!127.0.0.77" };
	(void)arg;
	for (size_t i = 0; i < SL_COUNT_OF(good); i++) {
		char text[SL_ADDRESS_TEXT] = "";
		struct sl_error err = { 0 };
		int fd = dial_from(good[i], &err);
		cr_assert_geq(fd, 0, "%s", err.text);
		const char *want = strchr(good[i], '7') ? "127.0.0.77" : "127.0.0.1";
		cr_expect_eq(sl_io_recv(fd, text, strlen(want), MSG_WAITALL, SL_FOREVER),
			(int)strlen(want));
		cr_expect_str_eq(text, want);
		sl_io_close(fd);
	}
	return 0;
}

static int
from_nowhere(void *arg)
{
	static const struct {
		const char *from;
		int code;
		const char *text;
	} cases[] = {
		{ "none-such", -ENODEV,
			"cannot connect to 'localhost' from interface 'none-such': no such device "
			"(127.0.0.1:" },
		{ "203.0.113.77", -EADDRNOTAVAIL,
			"cannot connect to 'localhost' from 203.0.113.77: cannot assign requested "
			"address "
			"(127.0.0.1:" },
	};
	(void)arg;
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_error err = { 0 }, at_once = { 0 };
		struct sl_interface from;
		cr_expect_eq(dial_from(cases[i].from, &err), cases[i].code);
		cr_expect_eq(
			strncmp(err.text, cases[i].text, strlen(cases[i].text)), 0, "%s", err.text);
		cr_assert_eq(sl_interface_parse(&from, cases[i].from, NULL), 0);
		cr_expect_eq(sl_dial_check(&from, &at_once), cases[i].code);
		cr_expect(strstr(at_once.text, "cannot connect from "), "%s", at_once.text);
	}
	struct sl_interface from;
	cr_assert_eq(sl_interface_parse(&from, "ifhost!lo!127.0.0.77", NULL), 0);
	cr_expect_eq(sl_dial_check(&from, NULL), 0);
	return 0;
}

Test(net_dial, connects_from_the_address_or_interface_that_was_chosen)
{
	peer_start(&peer, serve_name, NULL);
	cr_expect_eq(ring_run(1, from_an_address, NULL), 0);
	peer_stop(&peer);
}

Test(net_dial, names_what_it_cannot_connect_from)
{
	peer_start(&peer, serve_nothing, NULL);
	cr_expect_eq(ring_run(1, from_nowhere, NULL), 0);
	peer_stop(&peer);
}

/* ---- Unix sockets ---- */

static int
accept_one(void *arg)
{
	const int *listener = arg;
	struct sockaddr_storage peer_address;
	socklen_t len = sizeof(peer_address);
	int fd = sl_io_accept(*listener, &peer_address, &len, SL_FOREVER);
	cr_assert_geq(fd, 0);
	cr_expect_eq(peer_address.ss_family, AF_UNIX);
	cr_expect_eq(sl_io_send_all(fd, "hello", 5, SL_FOREVER), 0);
	sl_io_close(fd);
	return 0;
}

static int
over_a_unix_socket(void *arg)
{
	const char *path = arg;
	struct sl_addresses addresses = { .count = 1 };
	struct sl_error err = { 0 };
	struct sl_group group;
	size_t index = 99;
	char text[10];
	cr_assert(sl_address_parse_unix(&addresses.list[0], path));
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(listener, (struct sockaddr *)&addresses.list[0].storage,
			     addresses.list[0].len),
		0);
	int refused = sl_dial(&dialler, &addresses, "local", sl_deadline_in(LONG_NS), &index, &err);
	cr_expect_eq(refused, -ECONNREFUSED);
	cr_expect(strstr(err.text, path), "%s", err.text);
	cr_assert_eq(listen(listener, 1), 0);
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	cr_assert_eq(sl_group_spawn(&group, "server", accept_one, &listener, NULL), 0);
	int fd = sl_dial(&dialler, &addresses, "local", sl_deadline_in(LONG_NS), &index, &err);
	cr_assert_geq(fd, 0, "%s", err.text);
	cr_expect_eq(sl_io_recv(fd, text, sizeof(text), MSG_WAITALL, SL_FOREVER), 5);
	cr_expect_arr_eq(text, "hello", 5);
	cr_expect_eq(sl_io_recv(fd, text, sizeof(text), 0, SL_FOREVER), 0);
	cr_expect_not(sl_io_was_reset(fd, 5), "no TCP");
	cr_expect_eq(sl_group_leave(&group), 0);
	sl_io_close(fd);
	sl_io_close(listener);
	return 0;
}

Test(net_dial, reaches_a_unix_socket)
{
	char directory[] = "/tmp/sluice-dial-XXXXXX", path[64];
	cr_assert(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/s", directory);
	cr_expect_eq(ring_run(1, over_a_unix_socket, path), 0);
	unlink(path);
	rmdir(directory);
}
