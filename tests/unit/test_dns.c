/*
 * Name lookups with a resolver of the test's own: answers, failures, and calls that do not return.
 */
#include "sluice/net/dns.h"

#include "sluice/net/pool.h"
#include "support/peer.h"
#include "support/pool_key.h"
#include "support/run.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The resolver of this program: answer() takes the place of the C library's getaddrinfo, so that no
 * test depends on a name server. "tenN.test" has N addresses, and "slow*" hangs until it is
 * released.
 */
int answer(const char *host, const char *service, const struct addrinfo *hints,
	struct addrinfo **out) __asm__("getaddrinfo");
void free_answer(struct addrinfo *info) __asm__("freeaddrinfo");

static struct {
	atomic_uint asked;
	sem_t release;     /* what "slow*" waits for; each post lets one call return */
	unsigned failures; /* that "again.test" and "system.test" still give, before an address */
} resolver;

static struct addrinfo *
make_info(unsigned index, struct addrinfo *next)
{
	struct sockaddr_in *address = calloc(1, sizeof(*address));
	struct addrinfo *info = calloc(1, sizeof(*info));
	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(0x0a000000u + index);
	info->ai_family = AF_INET;
	info->ai_addr = (struct sockaddr *)address;
	info->ai_addrlen = sizeof(*address);
	info->ai_next = next;
	return info;
}

/* fd00::1 */
static struct addrinfo *
make_v6_info(struct addrinfo *next)
{
	struct sockaddr_in6 *address = calloc(1, sizeof(*address));
	struct addrinfo *info = calloc(1, sizeof(*info));
	address->sin6_family = AF_INET6;
	address->sin6_addr.s6_addr[0] = 0xfd;
	address->sin6_addr.s6_addr[15] = 1;
	info->ai_family = AF_INET6;
	info->ai_addr = (struct sockaddr *)address;
	info->ai_addrlen = sizeof(*address);
	info->ai_next = next;
	return info;
}

void
free_answer(struct addrinfo *info)
{
	while (info) {
		struct addrinfo *next = info->ai_next;
		free(info->ai_addr);
		free(info);
		info = next;
	}
}

int
answer(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	unsigned count = 1;
	(void)service;
	atomic_fetch_add(&resolver.asked, 1);
	if (hints->ai_socktype != SOCK_STREAM)
		return EAI_SOCKTYPE;
	if (strcmp(host, "none.test") == 0)
		return EAI_NONAME;
	if (strcmp(host, "memory.test") == 0)
		return EAI_MEMORY;
	if (strcmp(host, "again.test") == 0 && resolver.failures > 0) {
		resolver.failures--;
		return EAI_AGAIN;
	}
	if (strcmp(host, "system.test") == 0 && resolver.failures > 0) {
		resolver.failures--;
		errno = EMFILE;
		return EAI_SYSTEM;
	}
	if (strcmp(host, "v6only.test") == 0 && hints->ai_flags & AI_ADDRCONFIG)
		return EAI_NODATA;
	if (strcmp(host, "both.test") == 0) {
		*out = hints->ai_family == AF_INET ? NULL : make_v6_info(NULL);
		if (hints->ai_family != AF_INET6)
			*out = make_info(1, *out);
		return 0;
	}
	if (hints->ai_family == AF_INET6)
		return EAI_NODATA;
	if (strncmp(host, "slow", 4) == 0)
		while (sem_wait(&resolver.release) != 0)
			;
	if (strncmp(host, "ten", 3) == 0)
		count = (unsigned)strtoul(host + 3, NULL, 10);
	*out = NULL;
	for (unsigned i = count; i > 0; i--)
		*out = make_info(i, *out);
	return 0;
}

static int
look_up(struct sl_dns *dns, const char *host, struct sl_addresses *out, struct sl_error *err)
{
	return sl_dns_lookup(dns, host, 80, SL_FOREVER, out, err);
}

static unsigned
asked_for(struct sl_dns *dns, const char *host)
{
	struct sl_addresses found;
	unsigned before = atomic_load(&resolver.asked);
	cr_assert_eq(look_up(dns, host, &found, NULL), 0);
	return atomic_load(&resolver.asked) - before;
}

static int
numeric_hosts(void *arg)
{
	struct sl_dns *dns = arg;
	struct sl_addresses found;
	char text[SL_ADDRESS_TEXT];
	cr_assert_eq(look_up(dns, "::1", &found, NULL), 0);
	sl_address_format(text, sizeof(text), &found.list[0]);
	cr_expect_eq(found.count, 1);
	cr_expect_str_eq(text, "[::1]:80");
	cr_expect_eq(asked_for(dns, "127.0.0.1"), 0);
	return 0;
}

static int
several_addresses(void *arg)
{
	struct sl_addresses found;
	char text[SL_ADDRESS_TEXT];
	cr_assert_eq(look_up(arg, "ten3.test", &found, NULL), 0);
	cr_expect_eq(found.count, 3);
	for (unsigned i = 0; i < 3; i++) {
		char expected[SL_ADDRESS_TEXT];
		snprintf(expected, sizeof(expected), "10.0.0.%u:80", i + 1);
		sl_address_format(text, sizeof(text), &found.list[i]);
		cr_expect_str_eq(text, expected);
	}
	cr_assert_eq(look_up(arg, "ten100.test", &found, NULL), 0);
	cr_expect_eq(found.count, SL_DNS_ADDRESSES);
	return 0;
}

static int
cached_answers(void *arg)
{
	struct sl_dns *dns = arg;
	struct sl_addresses found;
	cr_expect_eq(asked_for(dns, "a.test"), 1);
	cr_expect_eq(asked_for(dns, "a.test"), 0);
	cr_assert_eq(sl_dns_lookup(dns, "a.test", 8080, SL_FOREVER, &found, NULL), 0);
	cr_expect_eq(sl_address_port(&found.list[0]), 8080);
	sl_dns_forget(dns, "a.test");
	sl_dns_forget(dns, "never-seen.test");
	cr_expect_eq(asked_for(dns, "a.test"), 1);
	for (int i = 0; i < SL_DNS_CACHE_NAMES; i++) {
		char host[32];
		snprintf(host, sizeof(host), "n%d.test", i);
		cr_expect_eq(asked_for(dns, host), 1);
	}
	cr_expect_eq(asked_for(dns, "n1.test"), 0);
	cr_expect_eq(asked_for(dns, "a.test"), 1);
	return 0;
}

static int
failures(void *arg)
{
	static const struct {
		const char *host;
		int code;
		const char *text;
	} cases[] = {
		{ "none.test", SL_E_RESOLVE,
			"cannot resolve 'none.test': name or service not known" },
		{ "memory.test", -ENOMEM, "cannot resolve 'memory.test': out of memory" },
		{ "ten0.test", SL_E_RESOLVE, "cannot resolve 'ten0.test': it has no address" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_addresses found;
		for (int again = 0; again < 2; again++) {
			struct sl_error err = { 0 };
			unsigned before = atomic_load(&resolver.asked);
			cr_expect_eq(look_up(arg, cases[i].host, &found, &err), cases[i].code);
			cr_expect_str_eq(err.text, cases[i].text);
			cr_expect_eq(err.phase, SL_PHASE_RESOLVE);
			bool kept = again && cases[i].code == SL_E_RESOLVE;
			cr_expect_eq(
				atomic_load(&resolver.asked) > before, !kept, "%s", cases[i].host);
		}
	}
	return 0;
}

static int
only_without_addrconfig(void *arg)
{
	cr_expect_eq(asked_for(arg, "v6only.test"), 2);
	return 0;
}

static int
one_family(void *arg)
{
	static const struct {
		int family;
		const char *address, *numeric, *other, *refused;
	} cases[] = {
		{ AF_INET, "10.0.0.1:80", "127.0.0.1", "::1",
			"cannot connect to '::1': it is not an IPv4 address, and only these are "
			"used" },
		{ AF_INET6, "[fd00::1]:80", "::1", "127.0.0.1",
			"cannot connect to '127.0.0.1': it is not an IPv6 address, and only these "
			"are used" },
	};
	(void)arg;
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_addresses found;
		struct sl_dns *dns = NULL;
		struct sl_error err = { 0 };
		char text[SL_ADDRESS_TEXT];
		cr_assert_eq(sl_dns_new(&dns, cases[i].family), 0);
		cr_expect_eq(look_up(dns, "both.test", &found, NULL), 0);
		cr_expect_eq(found.count, 1);
		sl_address_format(text, sizeof(text), &found.list[0]);
		cr_expect_str_eq(text, cases[i].address);
		cr_expect_eq(look_up(dns, cases[i].numeric, &found, NULL), 0);
		cr_expect_eq(look_up(dns, cases[i].other, &found, &err), SL_E_RESOLVE);
		cr_expect_str_eq(err.text, cases[i].refused);
		sl_error_clear(&err);
		if (cases[i].family == AF_INET6) {
			cr_expect_eq(look_up(dns, "a.test", &found, &err), SL_E_RESOLVE);
			cr_expect_str_eq(err.text, "cannot resolve 'a.test' to an IPv6 address: no "
						   "address associated with hostname");
		}
		sl_dns_free(dns);
	}
	return 0;
}

/* ---- calls that do not return ---- */

static int
slow_resolver(void *arg)
{
	struct sl_addresses found;
	unsigned before = atomic_load(&resolver.asked);
	for (int i = 0; i < 3; i++) {
		struct sl_error err = { 0 };
		uint64_t deadline_ns = sl_deadline_in(20 * SL_NS_PER_MS);
		cr_expect_eq(
			sl_dns_lookup(arg, "slow.test", 80, deadline_ns, &found, &err), -ETIMEDOUT);
		cr_expect_str_eq(err.text, "cannot resolve 'slow.test': timed out");
	}
	cr_expect_leq(atomic_load(&resolver.asked) - before, 1, "one thread, however often");
	sem_post(&resolver.release);
	return 0;
}

static int
late_answer(void *arg)
{
	struct sl_addresses found;
	unsigned before = atomic_load(&resolver.asked);
	uint64_t deadline_ns = sl_deadline_in(20 * SL_NS_PER_MS);
	cr_expect_eq(sl_dns_lookup(arg, "slow.test", 80, deadline_ns, &found, NULL), -ETIMEDOUT);
	sem_post(&resolver.release);
	int code = -ETIMEDOUT;
	for (int i = 0; i < 60 && code == -ETIMEDOUT; i++)
		code = look_up(arg, "slow.test", &found, NULL);
	cr_expect_eq(code, 0);
	cr_expect_eq(atomic_load(&resolver.asked) - before, 1);
	return 0;
}

struct question {
	struct sl_dns *dns;
	char host[32];
};

static int
ask_question(void *arg)
{
	const struct question *question = arg;
	struct sl_addresses found;
	return look_up(question->dns, question->host, &found, NULL);
}

static int
many_hang(void *arg)
{
	struct question questions[40];
	int results[SL_COUNT_OF(questions)];
	struct sl_addresses found;
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (size_t i = 0; i < SL_COUNT_OF(questions); i++) {
		questions[i].dns = arg;
		snprintf(questions[i].host, sizeof(questions[i].host), "slow%zu.test", i);
		cr_assert_eq(
			sl_group_spawn(&group, "ask", ask_question, &questions[i], &results[i]), 0);
	}
	cr_assert_eq(sl_yield(), 0);
	cr_expect_eq(
		sl_dns_lookup(arg, "a.test", 80, sl_deadline_in(10 * SL_NS_PER_S), &found, NULL),
		0);
	for (size_t i = 0; i < SL_COUNT_OF(questions); i++)
		sem_post(&resolver.release);
	cr_expect_eq(sl_group_leave(&group), 0);
	for (size_t i = 0; i < SL_COUNT_OF(questions); i++)
		cr_expect_eq(results[i], 0);
	return 0;
}

static int
ask_slow(void *arg)
{
	struct sl_addresses found;
	return look_up(arg, "slow.test", &found, NULL);
}

static int
cancelled_lookup(void *arg)
{
	struct sl_group group;
	int result = 0;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "ask", ask_slow, arg, &result), 0);
	cr_assert_eq(sl_yield(), 0);
	sl_group_cancel(&group, -ECANCELED);
	(void)sl_group_leave(&group);
	cr_expect_eq(result, -ECANCELED);
	sem_post(&resolver.release);
	return 0;
}

/* With as many other names in the cache as it holds, the one in use is beyond its bound. */
static int
name_in_use_is_oldest(void *arg)
{
	struct sl_addresses found;
	struct sl_group group;
	char host[32];
	int result = 1;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "ask", ask_slow, arg, &result), 0);
	cr_assert_eq(sl_yield(), 0);
	for (int i = 0; i < SL_DNS_CACHE_NAMES; i++) {
		snprintf(host, sizeof(host), "other%d.test", i);
		cr_assert_eq(look_up(arg, host, &found, NULL), 0);
	}
	sem_post(&resolver.release);
	cr_expect_eq(sl_group_leave(&group), 0);
	cr_expect_eq(result, 0);
	cr_expect_eq(asked_for(arg, "slow.test"), 0, "it is still there");
	cr_expect_eq(asked_for(arg, "other0.test"), 1, "it was dropped instead");
	return 0;
}

/* However many tasks wait for one name that hangs, other names are answered. */
static int
many_ask_for_one(void *arg)
{
	struct sl_group group;
	int results[30];
	struct sl_addresses found;
	unsigned before = atomic_load(&resolver.asked);
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (size_t i = 0; i < SL_COUNT_OF(results); i++)
		cr_assert_eq(sl_group_spawn(&group, "ask", ask_slow, arg, &results[i]), 0);
	cr_assert_eq(sl_yield(), 0);
	cr_expect_eq(look_up(arg, "a.test", &found, NULL), 0);
	cr_expect_leq(atomic_load(&resolver.asked) - before, 2, "one thread for each name");
	sem_post(&resolver.release);
	cr_expect_eq(sl_group_leave(&group), 0);
	for (size_t i = 0; i < SL_COUNT_OF(results); i++)
		cr_expect_eq(results[i], 0);
	cr_expect_eq(atomic_load(&resolver.asked) - before, 2, "one answer for all");
	return 0;
}

/* A task that waits for the answer to another's call is not cancelled with it. */
static int
first_asker_leaves(void *arg)
{
	struct sl_group first, second;
	int results[2] = { 0 };
	sl_group_enter(&first, SL_GROUP_COLLECT);
	sl_group_enter(&second, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&first, "ask", ask_slow, arg, &results[0]), 0);
	cr_assert_eq(sl_yield(), 0);
	cr_assert_eq(sl_group_spawn(&second, "ask", ask_slow, arg, &results[1]), 0);
	cr_assert_eq(sl_yield(), 0);
	sl_group_cancel(&first, -ECANCELED);
	(void)sl_group_leave(&first);
	sem_post(&resolver.release);
	cr_expect_eq(sl_group_leave(&second), 0);
	cr_expect_eq(results[0], -ECANCELED);
	cr_expect_eq(results[1], 0);
	return 0;
}

/* ---- failures that are not answers, on the simulator's clock ---- */

#define TIMEOUT_NS (30 * SL_NS_PER_S)

static int
look_up_in_time(struct sl_dns *dns, const char *host, struct sl_error *err)
{
	struct sl_addresses found;
	return sl_dns_lookup(dns, host, 80, sl_deadline_in(TIMEOUT_NS), &found, err);
}

static int
passing_failures(void *arg)
{
	static const char *const hosts[] = { "again.test", "system.test" };
	for (size_t i = 0; i < SL_COUNT_OF(hosts); i++) {
		struct sl_error err = { 0 };
		unsigned before = atomic_load(&resolver.asked);
		resolver.failures = 8;
		cr_expect_eq(look_up_in_time(arg, hosts[i], &err), 0, "%s", err.text);
		cr_expect_eq(atomic_load(&resolver.asked) - before, 9);
	}
	return 0;
}

static int
lasting_failures(void *arg)
{
	static const struct {
		const char *host, *text;
	} cases[] = {
		{ "again.test",
			"cannot resolve 'again.test': temporary failure in name resolution" },
		{ "system.test", "cannot resolve 'system.test': too many open files" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_error err = { 0 };
		uint64_t start_ns = sl_now();
		resolver.failures = UINT32_MAX;
		cr_expect_eq(look_up_in_time(arg, cases[i].host, &err), SL_E_DNS_FAILURE);
		cr_expect_str_eq(err.text, cases[i].text);
		cr_expect_eq(err.phase, SL_PHASE_RESOLVE);
		cr_expect_geq(sl_now() - start_ns, SL_DNS_LONGEST_NS, "tried again until then");
		cr_expect_leq(sl_now() - start_ns, SL_DNS_LONGEST_NS + SL_NS_PER_S);
		/* The next file does not wait as long, but the resolver is asked again. */
		start_ns = sl_now();
		unsigned before = atomic_load(&resolver.asked);
		cr_expect_eq(look_up_in_time(arg, cases[i].host, NULL), SL_E_DNS_FAILURE);
		cr_expect_leq(sl_now() - start_ns, 2 * SL_DNS_UNANSWERED_NS);
		cr_expect_gt(atomic_load(&resolver.asked), before);
		resolver.failures = 0;
		cr_expect_eq(look_up_in_time(arg, cases[i].host, NULL), 0, "nothing was cached");
		/* Once there was an answer, all of the time is available again. */
		sl_dns_forget(arg, cases[i].host);
		resolver.failures = 8;
		cr_expect_eq(look_up_in_time(arg, cases[i].host, NULL), 0);
	}
	return 0;
}

static int
ask_in_time(void *arg)
{
	return look_up_in_time(arg, "again.test", NULL);
}

static int
one_failure_for_many(void *arg)
{
	struct sl_group group;
	int results[50];
	resolver.failures = 1;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (size_t i = 0; i < SL_COUNT_OF(results); i++)
		cr_assert_eq(sl_group_spawn(&group, "ask", ask_in_time, arg, &results[i]), 0);
	cr_expect_eq(sl_group_leave(&group), 0);
	for (size_t i = 0; i < SL_COUNT_OF(results); i++)
		cr_expect_eq(results[i], 0);
	return 0;
}

/* All of them name the failure, also those that waited for the first one's answer. */
static int
one_reason_for_all(void *arg)
{
	struct sl_group group;
	int results[5];
	resolver.failures = UINT32_MAX;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (size_t i = 0; i < SL_COUNT_OF(results); i++)
		cr_assert_eq(sl_group_spawn(&group, "ask", ask_in_time, arg, &results[i]), 0);
	cr_expect_eq(sl_group_leave(&group), 0);
	for (size_t i = 0; i < SL_COUNT_OF(results); i++)
		cr_expect_eq(results[i], SL_E_DNS_FAILURE);
	return 0;
}

static int
cancelled_between_tries(void *arg)
{
	struct sl_group group;
	int result = 0;
	resolver.failures = UINT32_MAX;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "ask", ask_in_time, arg, &result), 0);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	sl_group_cancel(&group, -ECANCELED);
	(void)sl_group_leave(&group);
	cr_expect_eq(result, -ECANCELED);
	resolver.failures = 8;
	cr_expect_eq(look_up_in_time(arg, "again.test", NULL), 0);
	return 0;
}

static int
answers_age(void *arg)
{
	cr_expect_eq(asked_for(arg, "a.test"), 1);
	cr_assert_eq(sl_sleep(SL_DNS_LIFE_NS - SL_NS_PER_S), 0);
	cr_expect_eq(asked_for(arg, "a.test"), 0);
	cr_assert_eq(sl_sleep(2 * SL_NS_PER_S), 0);
	cr_expect_eq(asked_for(arg, "a.test"), 1);
	return 0;
}

/* A name that there is not may be there soon. */
static int
failures_age(void *arg)
{
	struct sl_addresses found;
	unsigned before = atomic_load(&resolver.asked);
	cr_expect_eq(look_up(arg, "ten0.test", &found, NULL), SL_E_RESOLVE);
	unsigned once = atomic_load(&resolver.asked) - before;
	cr_assert_eq(sl_sleep(SL_DNS_FAILURE_LIFE_NS - SL_NS_PER_S), 0);
	cr_expect_eq(look_up(arg, "ten0.test", &found, NULL), SL_E_RESOLVE);
	cr_expect_eq(atomic_load(&resolver.asked) - before, once);
	cr_assert_eq(sl_sleep(2 * SL_NS_PER_S), 0);
	cr_expect_eq(look_up(arg, "ten0.test", &found, NULL), SL_E_RESOLVE);
	cr_expect_eq(atomic_load(&resolver.asked) - before, 2 * once);
	return 0;
}

/* The lookup takes a part of the time, an address that does not answer gets the rest. */
static int
one_timeout_for_all(void *arg)
{
	struct sl_pool_options options = {
		.per_host = 1, .total = 1, .connect_timeout_ns = TIMEOUT_NS
	};
	struct sl_connector *connector = pool_connector(NULL);
	struct sl_pool_key key = pool_key(connector, false, "again.test", 80);
	struct sl_connection *connection = NULL;
	struct sl_error err = { 0 };
	struct sl_pool *pool = NULL;
	(void)arg;
	cr_assert_eq(sl_pool_new(&pool, &options), 0);
	uint64_t start_ns = sl_now();
	resolver.failures = 8;
	cr_expect_eq(sl_pool_take(pool, &key, false, &connection, &err), -ETIMEDOUT);
	cr_expect(strstr(err.text, "timed out (10.0.0.1:80)") != NULL, "%s", err.text);
	cr_expect_geq(sl_now() - start_ns, TIMEOUT_NS);
	cr_expect_leq(sl_now() - start_ns, TIMEOUT_NS + SL_NS_PER_S);
	sl_pool_free(pool);
	sl_connector_free(connector);
	return 0;
}

static int
with_dns(void *arg)
{
	sl_task_fn **fn = arg;
	struct sl_dns *dns = NULL;
	cr_assert_eq(sl_dns_new(&dns, AF_UNSPEC), 0);
	int code = (*fn)(dns);
	sl_dns_free(dns);
	return code;
}

static void
run(sl_task_fn *fn)
{
	sem_init(&resolver.release, 0, 0);
	cr_expect_eq(peer_run(with_dns, &fn), 0);
}

static void
run_simulated(sl_task_fn *fn)
{
	static const struct sim_step nothing = { .kind = SIM_STEP_END };
	struct sim *sim = sim_plain(1);
	sim_listen(sim, &(struct sim_server){ .address = "10.0.0.1",
				.port = 80,
				.reach = SIM_BLACK_HOLE,
				.script = &nothing });
	cr_expect_eq(sim_run(sim, with_dns, &fn), 0);
	sim_free(sim);
}

Test(net_dns, answers_numeric_hosts_without_asking)
{
	run(numeric_hosts);
}

Test(net_dns, gives_all_addresses_in_the_systems_order_up_to_a_bound)
{
	run(several_addresses);
}

Test(net_dns, asks_once_for_a_name_until_told_to_forget_it)
{
	run(cached_answers);
}

Test(net_dns, names_host_and_reason_and_keeps_them_for_a_while)
{
	run(failures);
}

Test(net_dns, asks_again_for_families_the_machine_has_no_address_of)
{
	run(only_without_addrconfig);
}

Test(net_dns, looks_up_one_family_if_only_that_is_wanted)
{
	run(one_family);
}

Test(net_dns, abandons_a_lookup_at_its_deadline_and_begins_no_second_one)
{
	run(slow_resolver);
}

Test(net_dns, abandons_a_lookup_when_cancelled)
{
	run(cancelled_lookup);
}

Test(net_dns, calls_the_resolver_once_for_all_tasks_that_look_up_a_name)
{
	run(many_ask_for_one);
}

Test(net_dns, goes_on_for_the_others_when_the_first_leaves)
{
	run(first_asker_leaves);
}

Test(net_dns, asks_again_once_an_answer_is_a_minute_old)
{
	run_simulated(answers_age);
}

Test(net_dns, asks_again_once_a_failure_is_five_seconds_old)
{
	run_simulated(failures_age);
}

Test(net_dns, retries_temporary_failures_and_system_errors)
{
	run_simulated(passing_failures);
}

Test(net_dns, caches_no_failure_that_is_not_an_answer)
{
	run_simulated(lasting_failures);
}

Test(net_dns, fails_no_file_for_one_temporary_failure)
{
	run_simulated(one_failure_for_many);
}

Test(net_dns, gives_every_task_that_waited_the_reason)
{
	run_simulated(one_reason_for_all);
}

Test(net_dns, stops_retrying_when_cancelled)
{
	run_simulated(cancelled_between_tries);
}

Test(net_dns, uses_an_answer_that_comes_late)
{
	run(late_answer);
}

Test(net_dns, drops_the_oldest_name_that_is_not_in_use)
{
	sem_init(&resolver.release, 0, 0);
	run(name_in_use_is_oldest);
}

Test(net_dns, answers_for_one_name_while_forty_hang)
{
	sl_task_fn *fn = many_hang;
	sem_init(&resolver.release, 0, 0);
	cr_expect_eq(ring_run(1, with_dns, &fn), 0);
}

Test(net_dns, shares_one_connect_timeout_with_the_dial)
{
	run_simulated(one_timeout_for_all);
}
