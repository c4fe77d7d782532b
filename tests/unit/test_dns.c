#include "sluice/net/dns.h"

#include "support/peer.h"
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
 * test depends on a name server. "tenN.test" has N addresses.
 */
int answer(const char *host, const char *service, const struct addrinfo *hints,
	struct addrinfo **out) __asm__("getaddrinfo");
void free_answer(struct addrinfo *info) __asm__("freeaddrinfo");

static struct {
	atomic_uint asked;
	sem_t release; /* what "slow.test" waits for */
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
	if (strcmp(host, "again.test") == 0)
		return EAI_AGAIN;
	if (strcmp(host, "memory.test") == 0)
		return EAI_MEMORY;
	if (strcmp(host, "system.test") == 0) {
		errno = EMFILE;
		return EAI_SYSTEM;
	}
	if (strcmp(host, "v6only.test") == 0 && hints->ai_flags & AI_ADDRCONFIG)
		return EAI_NODATA;
	if (strcmp(host, "slow.test") == 0)
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
		{ "again.test", SL_E_RESOLVE,
			"cannot resolve 'again.test': temporary failure in name resolution" },
		{ "system.test", SL_E_RESOLVE,
			"cannot resolve 'system.test': too many open files" },
		{ "memory.test", -ENOMEM, "cannot resolve 'memory.test': out of memory" },
		{ "ten0.test", SL_E_RESOLVE, "cannot resolve 'ten0.test': no address for it" },
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
slow_resolver(void *arg)
{
	struct sl_addresses found;
	struct sl_error err = { 0 };
	uint64_t deadline_ns = sl_deadline_in(20 * SL_NS_PER_MS);
	cr_expect_eq(sl_dns_lookup(arg, "slow.test", 80, deadline_ns, &found, &err), -ETIMEDOUT);
	cr_expect_str_eq(err.text, "cannot resolve 'slow.test': timed out");
	sem_post(&resolver.release);
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

/* However many want a name that nobody answers for: other names are answered. */
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
	cr_expect_eq(atomic_load(&resolver.asked) - before, 2, "one thread for each name");
	sem_post(&resolver.release);
	cr_expect_eq(sl_group_leave(&group), 0);
	for (size_t i = 0; i < SL_COUNT_OF(results); i++)
		cr_expect_eq(results[i], 0);
	cr_expect_eq(atomic_load(&resolver.asked) - before, 2, "one answer for all");
	return 0;
}

/* Who waits for another's answer is not cancelled with it. */
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
	sem_post(&resolver.release);
	sem_post(&resolver.release);
	cr_expect_eq(sl_group_leave(&second), 0);
	(void)sl_group_leave(&first);
	cr_expect_eq(results[0], -ECANCELED);
	cr_expect_eq(results[1], 0);
	return 0;
}

static int
preferred_address(void *arg)
{
	struct sl_addresses found;
	cr_assert_eq(look_up(arg, "ten3.test", &found, NULL), 0);
	struct sl_address third = found.list[2];
	sl_dns_prefer(arg, "ten3.test", &third);
	sl_dns_prefer(arg, "never-seen.test", &third);
	cr_assert_eq(look_up(arg, "ten3.test", &found, NULL), 0);
	for (unsigned i = 0; i < 3; i++) {
		static const unsigned order[] = { 3, 1, 2 };
		char expected[SL_ADDRESS_TEXT], text[SL_ADDRESS_TEXT];
		snprintf(expected, sizeof(expected), "10.0.0.%u:80", order[i]);
		sl_address_format(text, sizeof(text), &found.list[i]);
		cr_expect_str_eq(text, expected);
	}
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

static int
with_dns(void *arg)
{
	sl_task_fn **fn = arg;
	struct sl_dns *dns = NULL;
	cr_assert_eq(sl_dns_new(&dns), 0);
	int rc = (*fn)(dns);
	sl_dns_free(dns);
	return rc;
}

static void
run(sl_task_fn *fn)
{
	sem_init(&resolver.release, 0, 0);
	cr_expect_eq(peer_run(with_dns, &fn), 0);
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

Test(net_dns, abandons_a_lookup_at_its_deadline)
{
	run(slow_resolver);
}

Test(net_dns, abandons_a_lookup_when_cancelled)
{
	run(cancelled_lookup);
}

Test(net_dns, asks_once_for_all_who_want_a_name)
{
	run(many_ask_for_one);
}

Test(net_dns, goes_on_for_the_others_when_the_first_leaves)
{
	run(first_asker_leaves);
}

Test(net_dns, puts_the_address_that_answered_first)
{
	run(preferred_address);
}

Test(net_dns, asks_again_once_an_answer_is_a_minute_old)
{
	sl_task_fn *fn = answers_age;
	struct sim *sim = sim_plain(1);
	cr_expect_eq(sim_run(sim, with_dns, &fn), 0);
	sim_free(sim);
}
